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


def summarize(records: Iterable[Stored], find: Callable[[str], Record | None]) -> Summary:
    """Count these records, in the order of time. ``find``: the record of an id, for those that were declared void."""
    summary = Summary()
    for stored in records:
        summary.records += 1
        summary.first = stored.ts if summary.first is None else summary.first
        summary.last = stored.ts
        record = stored.record
        if stored.problem is not None:
            summary.wrong += 1
        elif record is None:
            summary.removed += stored.tombstone is None
        elif record.kind != "void":
            summary.add(record)
        elif record.prev is not None and (void := find(record.prev)) is not None and void.kind != "void":
            summary.add(void, -1)
    return summary
