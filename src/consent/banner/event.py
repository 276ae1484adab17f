"""An event that the server itself would send to a service: whether it may leave now, and with what it must say.

Nothing is sent from here. A site's own client sends, and asks first::

    event = request.consent.event("google-analytics")
    if event:
        client.post(MEASUREMENT_PROTOCOL, json=event.payload({"client_id": …, "events": […]}))

Sources: developers.google.com/analytics/devguides/collection/protocol/ga4 (``consent``: the two kinds of advertising
that it knows, ``GRANTED`` or ``DENIED``), developers.facebook.com/docs/marketing-apis/data-processing-options.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import NotAllowed, UnknownService
from ..policy.policy import Policy
from .vendors import server_fields

__all__ = ["Event", "event_of"]


@dataclass(frozen=True, slots=True)
class Event:
    """Whether an event for a service may be sent now: true or false.

    ``service``  its name. ``missing``: the purposes that it needs and the visitor has not allowed.
    ``consent``  what the vendor documents that such an event is to say of the visitor's choice, as its fields.
    """

    service: str
    missing: tuple[str, ...]
    consent: Mapping[str, Any]

    def __bool__(self) -> bool:
        return not self.missing

    def check(self) -> None:
        """Where dropping it in silence would be wrong.

        :raises NotAllowed: if it must not be sent.
        """
        if self.missing:
            raise NotAllowed(self.missing, self.service)

    def payload(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The event's fields with the vendor's own; what is said of consent here counts.

        :raises NotAllowed: if it must not be sent.
        """
        self.check()
        return {**fields, **self.consent}


def event_of(policy: Policy, service: str, granted: frozenset[str]) -> Event:
    """The guard of an event for a declared service, given all that is allowed.

    :raises UnknownService: if the site has not declared such a service.
    """
    for each in policy.services:
        if each.name == service:
            missing = tuple(name for name in each.purposes if name not in granted)
            return Event(service, missing, server_fields(policy, service, granted))
    raise UnknownService(service, (each.name for each in policy.services))
