"""What many decisions come to: how many of each kind, by day, law, language, policy, surface and purpose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from .record import Record
from .store import Stored

__all__ = ["KINDS", "Summary", "summarize"]

#: What the kinds of records are called where people read of them.
KINDS = {"accept_all": "accepted", "custom": "accepted in part", "refuse_all": "refused", "withdraw": "withdrawn"}


@dataclass(slots=True)
class Summary:
    """Counts. ``removed``: records whose content is gone; ``wrong``: those that do not check. Neither is counted more.

    ``granted``, ``refused``: how often each purpose was.
    """

    records: int = 0
    removed: int = 0
    wrong: int = 0
    first: int | None = None
    last: int | None = None
    days: dict[date, Counter[str]] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    regimes: dict[str, Counter[str]] = field(default_factory=dict)
    languages: dict[str, Counter[str]] = field(default_factory=dict)
    policies: dict[str, Counter[str]] = field(default_factory=dict)
    surfaces: dict[str, Counter[str]] = field(default_factory=dict)
    granted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    signals: int = 0

    def see(self, stored: Stored) -> None:
        """Count what is kept of a record, and its decision."""
        self.records += 1
        self.first = stored.ts if self.first is None else self.first
        self.last = stored.ts
        if stored.problem is not None:
            self.wrong += 1
        elif stored.record is None:
            self.removed += stored.tombstone is None
        elif stored.record.kind != "void":
            self.add(stored.record)

    def spans(self, ts: int, until: int | None) -> bool:
        """Whether a record of this time is among those that were counted."""
        return self.first is not None and self.first <= ts and (until is None or ts < until)

    def add(self, record: Record, by: int = 1) -> None:
        """Count a decision, or take it back."""
        kind = KINDS[record.kind]
        self.kinds[kind] += by
        day = datetime.fromtimestamp(record.ts / 1000, UTC).date()
        self.days.setdefault(day, Counter())[kind] += by
        for named, name in (
            (self.regimes, record.regime),
            (self.languages, record.lang),
            (self.policies, record.policy),
            (self.surfaces, record.surface),
        ):
            named.setdefault(name, Counter())[kind] += by
        self.granted.update(dict.fromkeys(record.granted, by))
        self.refused.update(dict.fromkeys(record.refused, by))
        self.signals += by * record.gpc


def summarize(records: Iterable[Stored], find: Callable[[str], Record | None], *, until: int | None = None) -> Summary:
    """Count these records, in the order of time. ``find``: the record of an id, for those that were declared void.

    ``until``: Unix milliseconds. What is recorded from then on is not counted, but may declare earlier ones void.
    """
    summary = Summary()
    voided: set[str] = set()
    for stored in records:
        record = stored.record
        if until is None or stored.ts < until:
            summary.see(stored)
        if stored.problem is None and record is not None and record.kind == "void" and record.prev is not None:
            void = find(record.prev) if record.prev not in voided else None
            voided.add(record.prev)
            if void is not None and void.kind != "void" and summary.spans(void.ts, until):
                summary.add(void, -1)
    return summary
