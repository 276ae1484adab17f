"""May a browser choose, by a page's speculation rules, whom it asks ahead? (HTML Standard, 7.6.1)"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["leads_anywhere"]

_DECODER = json.JSONDecoder(parse_int=float)  # Python reads no more than some thousand digits into an int


def leads_anywhere(rules: str) -> bool:
    """Whether rules let a browser load what a page's links lead to, and not only where these stay on the site.

    What cannot be read is taken for such: browsers do not read it either.

    >>> leads_anywhere('{"prefetch": [{"urls": ["/next"]}, {"where": {"href_matches": "/*"}}]}')
    False
    >>> leads_anywhere('{"prefetch": [{"where": {"selector_matches": ".next"}}]}')
    True
    """
    try:
        read, _ = _DECODER.raw_decode(rules.lstrip())
    except (ValueError, RecursionError):
        return True
    groups = read.values() if isinstance(read, dict) else ()
    each = [rule for group in groups if isinstance(group, list) for rule in group if isinstance(rule, dict)]
    return any(("where" in rule or rule.get("source") == "document") and not _stays(rule.get("where")) for rule in each)


def _stays(where: Any) -> bool:
    """Whether links that this chooses lead to the site itself."""
    match where:
        case {"and": [*parts], **others} if not others:
            return any(map(_stays, parts))
        case {"or": [*parts], **others} if not others:
            return all(map(_stays, parts))
        case {"href_matches": str() as pattern}:
            return _is_path(pattern)
        case {"href_matches": [*patterns]}:
            return all(isinstance(pattern, str) and _is_path(pattern) for pattern in patterns)
    return False


def _is_path(pattern: str) -> bool:
    """Whether a pattern is a path on the page's own host, and no host."""
    return pattern.startswith("/") and not pattern.startswith(("//", "/\\"))
