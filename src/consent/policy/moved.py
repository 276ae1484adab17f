"""The setting ``moved_from``: which library the site had before, and what that one called its purposes.

::

    moved_from = "klaro"

    [moved_from]
    library = "django-cookie-consent"
    cookie = "choices"                            # where the site had renamed it
    groups = { optional = ["analytics"] }         # a group called like a purpose or a service needs no entry
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from .policy import Policy
from .reader import Table

__all__ = ["LIBRARIES", "MovedFrom", "read_moved_from"]

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")

#: The libraries whose visitors' cookie can be read, and what it is called unless a site renames it.
LIBRARIES: Mapping[str, str] = MappingProxyType(
    {
        "cookiebot": "CookieConsent",
        "django-cookie-consent": "cookie_consent",
        "klaro": "klaro",
        "vanilla-cookieconsent": "cc_cookie",
    }
)


@dataclass(frozen=True, slots=True)
class MovedFrom:
    """``groups``: the purposes of each group, service or category that the library asked about, by its name there."""

    library: str
    cookie: str
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)


def read_moved_from(table: Table, policy: Policy) -> MovedFrom | None:
    """The setting, or None where it is left out.

    :raises ConfigurationError: for a library that is not known, or a purpose that the site does not have.
    """
    value = table.raw("moved_from")
    if value is None:
        return None
    entry = Table({"library": value} if isinstance(value, str) else value, (*table.path, "moved_from"))
    library = entry.choice("library", tuple(LIBRARIES), "")
    given = Table(entry.raw("groups", {}), (*entry.path, "groups"))
    named = {name: given.texts(name) for name in given}
    for name, purposes in named.items():
        for purpose in purposes:
            if purpose not in policy.names:
                given.fail(name, "unknown purpose", purpose, policy.names)
    said = {purpose for purposes in named.values() for purpose in purposes}
    groups = {**{name: (name,) for name in policy.names}, **_usual(library, policy)}
    groups = {name: purposes for name, purposes in groups.items() if said.isdisjoint(purposes)} | named
    cookie = entry.text("cookie", LIBRARIES[library], longest=64)
    if not _TOKEN.match(cookie):
        entry.fail("cookie", "must be the name of a cookie", cookie)
    entry.finish()
    return MovedFrom(library, cookie, MappingProxyType(groups))


def _usual(library: str, policy: Policy) -> Mapping[str, tuple[str, ...]]:
    """What needs no word of the site's: klaro asks about services, Cookiebot calls one of its four otherwise."""
    if library == "klaro":
        return {service.name: service.purposes for service in policy.services}
    counted = tuple(name for name in ("statistics", "analytics") if name in policy.names)
    return {"statistics": counted} if library == "cookiebot" and counted else {}
