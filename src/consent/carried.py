"""What a task may do with a decision that was carried along to it.

In the view, ``value = request.consent.carry()``; in the task::

    carried = Carried.read(value, settings)            # or site.carried(value), which also asks the account's log
    if carried.allows("analytics"):
        ...

A carried decision grants what the visitor allowed when it was made, and only as long as it lasts and the policy is the
same. Whatever is wrong with it, it grants nothing, and ``why`` says what is wrong; it never raises.

What it cannot know: whether a visitor who was not signed in has chosen otherwise since, because that is in their
browser alone; and whether a browser has turned its signal on since. So let it not last longer than the work does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .banner.event import Event, event_of
from .errors import UnknownPurpose
from .policy.policy import NECESSARY, Policy
from .policy.settings import Settings
from .visitor.account import Account
from .visitor.carry import Carrier, Load

__all__ = ["Carried", "Why"]

#: ``unreadable``: cut, forged, of another site or another key. ``withdrawn``: by the account, since it was made.
Why = Literal["", "unreadable", "expired", "another policy", "withdrawn", "unknown"]


@dataclass(frozen=True, slots=True)
class Carried:
    """A decision in a task. Asked as a visitor is: it has ``allows``, ``serves`` and ``event``.

    ``granted``  all purposes that are allowed, the necessary one included.
    ``why``      what it was refused for, wholly or in part; ``unknown`` if the log could not say.
    """

    policy: Policy
    granted: frozenset[str]
    why: Why = ""

    @classmethod
    def read(
        cls,
        value: str,
        settings: Settings,
        *,
        now: float | None = None,
        account: Callable[[str], Account] | None = None,
    ) -> Carried:
        """What a value still grants. ``now``: Unix seconds.

        ``account``: what the account of a pseudonym last chose; asked only for a visitor who was signed in.
        """
        policy = settings.policy
        carrier = Carrier(settings.keys)
        load = carrier.decode(value)
        granted, why = _still(load, policy, time.time() if now is None else now)
        if load is not None and granted and load.subject and account is not None:
            # Under a key that signs no more the account has another name by now: what it says there is not known.
            named = carrier.encode(load) == value
            granted, why = _left(load, granted, account(load.subject)) if named else (frozenset(), "unknown")
        return cls(policy, granted & frozenset(policy.optional) | {NECESSARY}, why)

    def allows(self, purpose: str) -> bool:
        """Whether this purpose may be served.

        :raises UnknownPurpose: if the policy has no such purpose.
        """
        if purpose not in self.policy.names:
            raise UnknownPurpose(purpose, self.policy.names)
        return purpose in self.granted

    def serves(self, service: str) -> bool:
        """Whether a declared service may be served: all its purposes are allowed.

        :raises UnknownService: if the site has not declared such a service.
        """
        return bool(self.event(service))

    def event(self, service: str) -> Event:
        """The guard of an event for a declared service.

        :raises UnknownService: if the site has not declared such a service.
        """
        return event_of(self.policy, service, self.granted)


def _still(load: Load | None, policy: Policy, now: float) -> tuple[frozenset[str], Why]:
    nothing: frozenset[str] = frozenset()
    if load is None:
        return nothing, "unreadable"
    if not load.made - _CLOCKS <= now < load.ends:
        return nothing, "expired"
    if load.policy != policy.version:
        return nothing, "another policy"
    return load.granted, ""


#: Seconds by which the clocks of two hosts may differ.
_CLOCKS = 60


def _left(load: Load, granted: frozenset[str], account: Account) -> tuple[frozenset[str], Why]:
    """What is left of it after what the account has chosen since."""
    if not account.known:
        return frozenset(), "unknown"
    if account.latest is None:
        # Where there were choices and there are none, they were erased, as the visitor wished.
        return (frozenset(), "withdrawn") if load.choices else (granted, "")
    left = granted & account.latest.granted
    return left, "" if left == granted else "withdrawn"
