"""A decision that goes along with work that is done later: a small signed value, and back.

The value is :class:`~consent.visitor.signed.Signed`, of a JSON list::

    ["2026-11", 1798761600, 1798765200, ["analytics"], "<subject>", 3]
     policy     made        ends        granted        32 hex or "" choices of the account

It holds what was granted when it was made, and nothing that could grant more. Whoever stores it can read it, and can
neither change it nor make it last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .decision import MOST_CHOICES, Visitor
from .signed import Signed

__all__ = ["HOUR", "MOST_SECONDS", "Carrier", "Load"]

HOUR = 3600
#: Seconds for which a value may be carried: a week. What takes longer should ask again.
MOST_SECONDS = 7 * 86_400

_SALT = "consent.carried.v1"
_PURPOSE = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")
_SUBJECT = re.compile(r"(?:[0-9a-f]{32})?\Z")
_TIME_MAX = 1 << 40


@dataclass(frozen=True, slots=True)
class Load:
    """What a value holds. ``made`` and ``ends`` are Unix seconds; ``granted`` are optional purposes.

    ``subject``  the account's pseudonym, "" for a visitor who was not signed in.
    ``choices``  how many choices that account had made.
    """

    policy: str
    made: int
    ends: int
    granted: frozenset[str]
    subject: str = ""
    choices: int = 0


class Carrier:
    """Writes and reads carried decisions. ``keys``: the first signs, all verify."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._signed = Signed(keys, salt=_SALT)

    def load(self, visitor: Visitor, seconds: int) -> str:
        """What the visitor allows now, for so many seconds.

        :raises ValueError: if that is no time, or more than a week.
        """
        if not 0 < seconds <= MOST_SECONDS:
            raise ValueError(f"a decision is carried for 1 to {MOST_SECONDS} seconds, not {seconds}")
        account = visitor.account
        return self.encode(
            Load(
                policy=visitor.policy.version,
                made=visitor.now,
                ends=visitor.now + seconds,
                granted=visitor.granted & frozenset(visitor.policy.optional),
                subject=account.subject if account is not None else "",
                choices=account.choices if account is not None else 0,
            )
        )

    def encode(self, load: Load) -> str:
        """The signed value."""
        return self._signed.dumps(_content(load))

    def decode(self, value: str) -> Load | None:
        """What is in a value, or None for whatever is not exactly one of ours. Never raises."""
        load = _load(self._signed.loads(value))
        return load if load is not None and self._signed.spells(value, _content(load)) else None


def _content(load: Load) -> list[Any]:
    return [load.policy, load.made, load.ends, sorted(load.granted), load.subject, load.choices]


def _load(content: Any) -> Load | None:
    match content:
        case [str(policy), int(made), int(ends), [*granted], str(subject), int(choices)]:
            pass
        case _:
            return None
    if any(isinstance(number, bool) for number in (made, ends, choices)) or not _SUBJECT.match(subject):
        return None
    if not 0 <= made < ends <= made + MOST_SECONDS <= _TIME_MAX or not 0 <= choices <= MOST_CHOICES:
        return None
    if not all(isinstance(name, str) and _PURPOSE.match(name) for name in granted) or granted != sorted(set(granted)):
        return None
    return Load(policy, made, ends, frozenset(granted), subject, choices)
