"""What leaves beside the body: headers that may serve a held service, whatever they come with.

What may leave is judged by what the visitor allows. Whether it *depends* on that is judged too, since caches keep
headers with the body, for others and for the same visitor later.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from ..gate.cookies import hold_links, hold_set_cookies
from ..gate.html import Held
from ..gate.match import Rules
from ..gate.response import Headers
from .facts import Facts

__all__ = ["GATED", "REDIRECTS", "depends", "hold", "leads", "nothing"]

#: Response headers that may serve a held service.
GATED = frozenset(
    {"set-cookie", "link", "refresh", "speculation-rules", "reporting-endpoints", "report-to"}
    | {"content-security-policy", "content-security-policy-report-only", "alt-svc", "attribution-reporting-redirect"}
    | {"attribution-reporting-register-os-source", "attribution-reporting-register-os-trigger"}
)
#: Statuses that have a browser go to the ``Location`` (Fetch Standard, 2.2.3).
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OTHERS = re.compile(r"[^\x00-\x7f]+")


def hold(rules: Rules, allowed: frozenset[str], headers: Headers, facts: Facts) -> tuple[Headers, tuple[str, ...]]:
    """The headers less what serves a service that is not allowed, and the names of the cookies that were held."""
    headers, cookies = hold_set_cookies(rules, allowed, headers, now=facts.now)
    return hold_links(rules, allowed, headers, site=facts.host), cookies


def leads(rules: Rules, allowed: frozenset[str], headers: Headers, facts: Facts) -> list[Held]:
    """The services, not allowed, to which a redirect leads."""
    return [
        Held(each.name, "redirect", to, 0, "declared" if each.declared else "undeclared", each.purposes)
        for to in (_OTHERS.sub(_escaped, value) for key, value in headers if key.lower() == "location")
        for each in rules.held(rules.services_for_url(to, facts.host), allowed)
    ]


def _escaped(found: re.Match[str]) -> str:
    """Other bytes than ASCII as browsers read them in an address."""
    return quote(found.group().encode("latin-1", "replace"))


def depends(rules: Rules, allowed: frozenset[str], headers: Headers, kept: Headers, facts: Facts) -> bool:
    """Whether other visitors are sent others of these headers than one who is left some, ``kept``, by what is allowed.

    The more is allowed, the more is left: who allows everything or nothing tells.
    """
    others = {frozenset(rules.policy.names), nothing(rules)} - {allowed}
    return any(hold(rules, other, headers, facts)[0] != kept for other in others)


def nothing(rules: Rules) -> frozenset[str]:
    """What a visitor allows who refuses all that can be refused."""
    return frozenset(rules.policy.names).difference(rules.policy.optional)
