"""What a visitor refused before this library came: read from the cookie that the one before it left.

Nobody signed such a cookie, and no record stands behind it. An agreement in it proves nothing and counts for nothing. A
refusal needs no proof: until the visitor answers here, what was refused stays refused, also where the law lets the rest
run. So the cookie reads as an answer that no longer holds, and the visitor is asked.

=====================  ==================================================================
django-cookie-consent  ``analytics=2024-05-09T20:22:00+00:00|social=-1``: a time, or refused
klaro                  ``{"matomo": true, "youtube": false}``, percent-encoded
vanilla-cookieconsent  ``{"categories": ["necessary"], …}``, percent-encoded: those agreed to
cookiebot              ``{stamp:'…',necessary:true,statistics:false,…}``, percent-encoded
=====================  ==================================================================
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from urllib.parse import unquote

from ..policy.moved import MovedFrom
from ..policy.policy import NECESSARY, Policy
from .decision import Decision

__all__ = ["read_earlier"]

#: Characters; browsers keep no longer cookie.
_LONGEST = 4096


def read_earlier(moved: MovedFrom, cookie_header: str | None, policy: Policy) -> Decision | None:
    """An answer that no longer holds and refuses what the earlier cookie refused; None if that is nothing."""
    for pair in (cookie_header or "").split(";"):
        name, _, value = pair.partition("=")
        if name.strip(" \t") == moved.cookie and len(value) <= _LONGEST:  # what is remembered is bounded
            refused = _refused(moved.library, value.strip(' \t"'), tuple(moved.groups))
            purposes = {purpose for group in refused for purpose in moved.groups.get(group, ())} - {NECESSARY}
            if purposes:
                return Decision(frozenset(policy.optional) - purposes, policy="", model="opt-in", at=0)
    return None


@lru_cache(maxsize=2048)
def _refused(library: str, value: str, groups: tuple[str, ...]) -> frozenset[str]:
    """The groups that are refused in a value; none, if it is not one of that library's. Never raises."""
    try:
        return frozenset(_READERS[library](value, groups))
    except (ValueError, RecursionError):
        return frozenset()


def _django_cookie_consent(value: str, _groups: Iterable[str]) -> Iterable[str]:
    # A site can choose with what it marks a refusal; an agreement is always a time.
    pairs = (pair.partition("=") for pair in value.split("|"))
    return {name for name, equals, said in pairs if equals and not said[:1].isdigit()}


def _klaro(value: str, _groups: Iterable[str]) -> Iterable[str]:
    content = json.loads(unquote(value))
    return {name for name, said in content.items() if said is False} if isinstance(content, dict) else ()


def _vanilla_cookieconsent(value: str, groups: Iterable[str]) -> Iterable[str]:
    content = json.loads(unquote(value))
    agreed = content.get("categories") if isinstance(content, dict) else None
    return {name for name in groups if name not in agreed} if isinstance(agreed, list) else ()


def _cookiebot(value: str, _groups: Iterable[str]) -> Iterable[str]:
    return re.findall(r"[{,]([a-z]+):false", unquote(value))


_READERS: Mapping[str, Callable[[str, Iterable[str]], Iterable[str]]] = {
    "cookiebot": _cookiebot,
    "django-cookie-consent": _django_cookie_consent,
    "klaro": _klaro,
    "vanilla-cookieconsent": _vanilla_cookieconsent,
}
