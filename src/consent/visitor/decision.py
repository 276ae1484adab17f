"""What the visitor chose, and what follows from it for one request.

:meth:`Visitor.allows` is the one place in the library that says yes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..errors import UnknownPurpose
from ..policy.policy import Policy
from ..policy.regime import Regime, add_months
from .signal import Signals

if TYPE_CHECKING:
    from .account import Account

__all__ = ["MOST_CHOICES", "Decision", "Status", "Tie", "Visitor"]

Status = Literal["undecided", "accepted", "refused", "custom"]

#: Choices of an account that are counted; of more, it is not known which came first.
MOST_CHOICES = 64


class Tie(NamedTuple):
    """What a decision says of the account under which it was made; see :mod:`consent.visitor.account`.

    ``mark``     16 hex digits; of a refusal only 2, which many accounts share, so that it tracks nobody.
    ``choices``  how many choices the account had made, this one included.
    """

    mark: str
    choices: int


@dataclass(frozen=True, slots=True)
class Decision:
    """A choice that a visitor made.

    ``granted``  the optional purposes agreed to, or not objected to; everything else was refused.
    ``policy``, ``model``  the policy's version and the regime's model under which it was made.
    ``at``       Unix seconds; for a refusal only the day (00:00 UTC), so that it identifies nobody.
    ``gpc``      whether the visitor's browser sent GPC while choosing: a choice made in its face wins over it.
    ``logged``   whether the log has it: False for a refusal that was honoured while the log could not be reached.
    ``record``, ``leaf``  the log's record id (32 hex digits) and leaf hash (64), for accepters only.
    ``tie``      to the account of who was signed in.
    ``unasked``  of what is granted, what was not asked for, because it was exempt there; no agreement to it was needed.
    """

    granted: frozenset[str]
    policy: str
    model: str
    at: int
    gpc: bool = False
    logged: bool = True
    record: str | None = None
    leaf: str | None = None
    tie: Tie | None = None
    unasked: frozenset[str] = frozenset()

    @property
    def agreed(self) -> frozenset[str]:
        """Of what is granted, what was agreed to. Without any it is a refusal, and tracks nobody."""
        return self.granted - self.unasked


@dataclass(frozen=True)
class Visitor:
    """Policy + regime + signals + decision of one request. ``now`` is in Unix seconds.

    ``account``: of who is signed in. ``decision`` is then the one that holds for both, the browser and the account.
    """

    policy: Policy
    regime: Regime
    signals: Signals = field(default_factory=Signals)
    decision: Decision | None = None
    now: int = 0
    account: Account | None = None

    @cached_property
    def exempt(self) -> frozenset[str]:
        """The purposes that the law here lets run until they are objected to; nobody is asked about them."""
        return self.regime.exempt(self.policy)

    @cached_property
    def unrefused(self) -> frozenset[str]:
        """The optional purposes that are allowed here as long as they are not refused."""
        return self.regime.unrefused(self.policy)

    @cached_property
    def honours_gpc(self) -> bool:
        """Whether the browser's signal decides here: on, binding, and not overruled by a later choice."""
        if not (self.signals.gpc and "gpc" in self.regime.signals):
            return False
        return not (self.current and self.decision is not None and self.decision.gpc)

    @cached_property
    def current(self) -> bool:
        """Whether there is an answer that still holds: this policy, in time, under no laxer a regime."""
        decision = self.decision
        return (
            decision is not None
            and decision.policy == self.policy.version
            and decision.at <= self.now + 86_400  # a clock stepped back a little, not a forged future
            and self.now < add_months(decision.at, self.regime.months)
            and not self.regime.stricter_than(decision.model)
            # What was exempt where the answer was given is asked for where it is not.
            and (self.regime.model != "opt-in" or decision.unasked <= self.exempt)
        )

    @cached_property
    def asked(self) -> bool:
        """Whether the banner is due: something to ask, no answer that holds, and no signal that answers."""
        return not self.current and not self.honours_gpc and bool(self.regime.asked(self.policy))

    @cached_property
    def granted(self) -> frozenset[str]:
        """All purposes that are allowed now, the necessary one included."""
        policy = self.policy
        optional = frozenset(policy.optional)
        if self.honours_gpc:
            chosen: frozenset[str] = frozenset()
        elif self.decision is not None:
            # An answer that no longer holds still refuses what it refused, and grants nothing for which
            # agreement has to come first.
            chosen = self.decision.granted & (optional if self.current else self.unrefused)
        else:
            chosen = self.unrefused
        return chosen | (frozenset(policy.names) - optional)

    @cached_property
    def status(self) -> Status:
        """One word for what holds now; ``refused`` also when the browser's signal decided."""
        if self.honours_gpc:
            return "refused"
        if not self.current:
            return "undecided"
        chosen = self.granted & frozenset(self.policy.optional)
        if not chosen:
            return "refused"
        return "accepted" if len(chosen) == len(self.policy.optional) else "custom"

    def allows(self, purpose: str) -> bool:
        """Whether this purpose may be served now.

        :raises UnknownPurpose: if the policy has no such purpose; a misspelling never reads as "no".
        """
        if purpose not in self.policy.names:
            raise UnknownPurpose(purpose, self.policy.names)
        return purpose in self.granted
