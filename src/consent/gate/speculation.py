"""May a browser choose, by a page's speculation rules, whom it asks ahead? (HTML Standard, 7.6.1)"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["leads_anywhere"]

_DECODER = json.JSONDecoder(parse_int=float)  # Python reads no more than some thousand digits into an int


def leads_anywhere(rules: str, site: str) -> bool:
    """Whether rules let a browser load what a page's links lead to, and not only where these stay on the site.

    What cannot be read is taken for such: browsers do not read it either. ``site``: its host, with its port.

    >>> leads_anywhere('{"prefetch": [{"urls": ["/next"]}, {"where": {"href_matches": "/*"}}]}', "site.example")
    False
    >>> leads_anywhere('{"prefetch": [{"where": {"selector_matches": ".next"}}]}', "site.example")
    True
    """
    try:
        read, _ = _DECODER.raw_decode(rules.lstrip())
        groups = read.values() if isinstance(read, dict) else ()
        each = [rule for group in groups if isinstance(group, list) for rule in group if isinstance(rule, dict)]
        chosen = [rule.get("where") for rule in each if "where" in rule or rule.get("source") == "document"]
        return not all(_stays(where, site) for where in chosen)
    except (ValueError, RecursionError):
        return True


def _stays(where: Any, site: str) -> bool:
    """Whether links that this chooses lead to the site itself."""
    match where:
        case {"and": [*parts], **others} if not others:
            return any(_stays(part, site) for part in parts)
        case {"or": [*parts], **others} if not others:
            return all(_stays(part, site) for part in parts)
        case {"href_matches": [*patterns]}:
            return all(_is_own(pattern, site) for pattern in patterns)
        case {"href_matches": pattern}:
            return _is_own(pattern, site)
    return False


def _is_own(pattern: Any, site: str) -> bool:
    """Whether a pattern is of addresses on the page's own host: a path there, or with this host in front of it."""
    if isinstance(pattern, dict):
        return {"pathname", "search", "hash"}.issuperset(pattern)
    if not isinstance(pattern, str):
        return False
    return (pattern[:1] in {"/", "?", "#"} and pattern[1:2] not in {"/", "\\"}) or pattern.startswith(
        ("./", "../", f"https://{site}/", f"http://{site}/")
    )
