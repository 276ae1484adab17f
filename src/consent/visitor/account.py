"""Who is signed in, and which of two decisions holds: the browser's, or the account's latest.

A site gives an opaque account id for a request. Neither the log nor a cookie holds it; they hold what only the site's
key can make of it::

    subject = HMAC-SHA-256(HMAC-SHA-256(key, "consent.account.subject.v1"), id), 16 bytes: in the log
    mark    = HMAC-SHA-256(HMAC-SHA-256(key, "consent.account.mark.v1"), id), 8 bytes: in the cookie; a refusal has 1

So nobody who reads both can tell which record a cookie belongs to, and a refusal's cookie fits every 256th account.

The rule, for a visitor who is signed in (``settled``):

1. Of the account's own choices the latest holds, on whatever device it was made.
2. A choice that another account made on this browser counts for nothing: not its yes, not its no.
3. A choice made on this browser by somebody who was not signed in can take away, and give nothing.
4. What this browser's signal refuses stays refused, unless it was agreed to on this very browser in its face.

Which choice is the later is not told by clocks, of which a refusal's cookie has none: each choice of an account has a
number. Where the numbers say nothing, because the log is behind or what it knew was erased, what both grant holds.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..policy.regime import MODELS
from .decision import MOST_CHOICES, Decision, Tie

__all__ = ["NOTHING", "Account", "Pseudonym", "lessened", "pseudonyms", "settled"]

_DAY = 86_400
_SUBJECT, _MARK = b"consent.account.subject.v1", b"consent.account.mark.v1"

#: An answer that does not hold any more and grants nothing: whoever has it is asked.
NOTHING = Decision(frozenset(), policy="", model=MODELS[-1], at=0)


class Pseudonym(NamedTuple):
    """What stands for an account: ``subject``, 32 hex digits, in the log, and ``mark``, 16, in cookies."""

    subject: str
    mark: str


def pseudonyms(keys: Sequence[bytes], account: str) -> tuple[Pseudonym, ...]:
    """An account's pseudonyms, one a key; the first is the one to write, the others may have been written before.

    >>> [pseudonym] = pseudonyms([b"a key for tests, of a decent length"], "4711")
    >>> pseudonym.subject, pseudonym.mark
    ('4d90010c29afac12fcc66e510e15b85e', '5757278eaf7f8a42')
    """
    name = account.encode(errors="surrogatepass")

    def derived(key: bytes, label: bytes, size: int) -> str:
        return hmac.digest(hmac.digest(key, label, "sha256"), name, "sha256")[:size].hex()

    return tuple(Pseudonym(derived(key, _SUBJECT, 16), derived(key, _MARK, 8)) for key in keys)


@dataclass(frozen=True, slots=True)
class Account:
    """The account of who is signed in, and what it last chose.

    ``latest``   its latest choice, as made on another device: without that browser's signal. None if there is none.
    ``choices``  how many it made.
    ``known``    False where the log could not be asked: ``latest`` and ``choices`` are then what it said before.
    ``signalled``  whether a browser's signal has been recorded as its refusal, under the policy that holds.
    """

    pseudonyms: tuple[Pseudonym, ...]
    latest: Decision | None = None
    choices: int = 0
    known: bool = True
    signalled: bool = False

    @property
    def subject(self) -> str:
        """What the log calls it from now on."""
        return self.pseudonyms[0].subject

    def owns(self, decision: Decision) -> bool:
        """Whether a decision was made under this account; of a refusal, whether that may be."""
        tie = decision.tie
        return tie is not None and any(pseudonym.mark.startswith(tie.mark) for pseudonym in self.pseudonyms)

    def tie(self, agreed: frozenset[str], said: Decision | None) -> Tie:
        """The tie of a choice that is made now. ``said``: what the browser's cookie says till then."""
        before = max(self.choices, said.tie.choices if said is not None and said.tie and self.owns(said) else 0)
        # Of one whose number is not known the order is not known either.
        number = min(before + 1, MOST_CHOICES) if self.known else MOST_CHOICES
        return self.tied(agreed, number)

    def tied(self, agreed: frozenset[str], number: int) -> Tie:
        """The tie of the account's choice of that number."""
        mark = self.pseudonyms[0].mark
        return Tie(mark if agreed else mark[:2], number)


def settled(said: Decision | None, account: Account, *, gpc: bool) -> Decision | None:
    """The decision that holds for who is signed in on this browser. ``said``: its cookie's; ``gpc``: its signal."""
    if said is not None and said.tie is not None and not account.owns(said):
        said = None  # somebody else's, on the same device
    latest = account.latest
    if not account.known and latest is None:
        return said or NOTHING
    if said is None or latest is None:
        return said or latest
    if said.tie is not None:
        if said.record is not None and said.record == latest.record:
            return said
        if account.choices > said.tie.choices and not (gpc and said.gpc):
            return latest
    return _both(said, latest)


def lessened(said: Decision | None, account: Account | None) -> Decision | None:
    """What the browser's cookie is to say from now on, where the account has taken back what it grants; else None.

    So a withdrawal outlives signing out, on every device. Nothing is added to a cookie in this way.
    """
    if said is None or account is None or account.latest is None or said.tie is None or not account.owns(said):
        return None
    granted = said.granted & account.latest.granted
    if account.choices <= said.tie.choices or granted == said.granted:
        return None
    left = replace(said, granted=granted, unasked=said.unasked & granted, logged=False)
    if left.agreed:
        return left
    return replace(
        left, at=said.at - said.at % _DAY, record=None, leaf=None, tie=account.tied(left.agreed, said.tie.choices)
    )


def _both(one: Decision, other: Decision) -> Decision:
    """What both grant, for as long as both hold."""
    granted = one.granted & other.granted
    # What either was not asked for is not agreed to by both.
    unasked = (one.unasked | other.unasked) & granted
    same = one.policy == other.policy
    if same and granted == one.granted and unasked == one.unasked and one.at <= other.at:
        return one
    laxer = min(one.model, other.model, key=MODELS.index)
    return replace(
        one,
        granted=granted,
        policy=one.policy if same else NOTHING.policy,
        at=min(one.at, other.at),
        model=laxer,
        logged=False,
        unasked=unasked,
    )
