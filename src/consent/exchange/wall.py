"""The second wall of a page, where the site has one: the head guard, or a Content Security Policy beside the site's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..banner.guard import guard
from ..banner.page import Page
from ..gate import csp
from ..gate.response import Headers
from .facts import Facts

if TYPE_CHECKING:
    from . import Consent

__all__ = ["guard_of", "walled"]


def guard_of(consent: Consent, facts: Facts, page: Page, headers: Headers, *, html: bool) -> bytes:
    """The head guard, where something is held: in frames too, but not in a piece of a page.

    ``html``: whether the page is HTML. XHTML has no guard: there, another wall is wanted.
    """
    granted = page.granted
    if not consent.told or facts.for_script or not consent.rules.holds_any(granted):
        return b""
    nonce = csp.read_permits(headers).script_nonce
    way = csp.script_way(headers, facts.host) if html else None
    if way is None:
        consent.unguarded(facts.path)
        return b""
    return guard(consent.told, granted, base=page.base, nonce=nonce, linked=way == "file")


def walled(consent: Consent, facts: Facts, granted: frozenset[str], headers: Headers) -> Headers:
    """A page's headers, with the policy that lets nothing through that is held."""
    wall = consent.settings.wall
    if not wall.startswith("csp") or not consent.rules.holds_any(granted):
        return headers
    policy = csp.wall(headers, consent.told_rules.policy, granted, site=facts.host, secure=facts.secure)
    report = "-Report-Only" if wall == "csp-report" else ""
    return [*headers, (f"Content-Security-Policy{report}", policy)] if policy else headers
