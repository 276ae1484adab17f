"""What visitors chose, over time: counted by the database, drawn without a script.

One query for the periods and one for the purposes, over the days that are shown and no others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q, QuerySet

from .filters import granted, kind, refused, span

__all__ = ["SPANS", "Choices", "Period", "Purpose", "count_choices", "count_purposes", "draw", "periods", "total"]

_DAY = 86_400_000
#: The Unix epoch was a Thursday; weeks begin on Mondays.
_MONDAY = 3 * _DAY
#: What can be asked for: how many days one period has, and how many periods are shown.
SPANS = {"day": (1, 30, "30 days, by day"), "week": (7, 26, "26 weeks, by week"), "long": (7, 104, "2 years, by week")}
_COUNTED = {"accepted": "accept_all", "part": "custom", "refused": "refuse_all", "withdrawn": "withdraw"}


@dataclass(frozen=True, slots=True)
class Choices:
    """How many chose what. ``removed``: records whose content is gone, which say nothing any more."""

    accepted: int = 0
    part: int = 0
    refused: int = 0
    withdrawn: int = 0
    removed: int = 0

    @property
    def all(self) -> int:
        """Of those that say something."""
        return self.accepted + self.part + self.refused + self.withdrawn

    def share(self, name: str) -> int | None:
        """In percent; None of nothing."""
        return round(100 * int(getattr(self, name)) / self.all) if self.all else None


@dataclass(frozen=True, slots=True)
class Period:
    """A day, or a week."""

    first: date
    last: date
    choices: Choices

    @property
    def name(self) -> str:
        return self.first.isoformat()

    @property
    def asked(self) -> str:
        """As the list's filter is told of it."""
        return self.name if self.first == self.last else f"{self.name}..{self.last.isoformat()}"


@dataclass(frozen=True, slots=True)
class Purpose:
    """How often a purpose was granted, and refused."""

    name: str
    title: str
    granted: int
    refused: int

    @property
    def share(self) -> int | None:
        asked = self.granted + self.refused
        return round(100 * self.granted / asked) if asked else None


def periods(length: int, number: int, today: date) -> list[tuple[date, date]]:
    """The first and last days of so many periods, today in the last."""
    last = today - timedelta(days=today.weekday()) if length == 7 else today
    firsts = [last - timedelta(days=length * back) for back in reversed(range(number))]
    return [(first, first + timedelta(days=length - 1)) for first in firsts]


def count_choices(records: QuerySet[Any], shown: list[tuple[date, date]]) -> list[Period]:
    """What was chosen in each of these periods, which follow one another and are of one length."""
    begin, end = span(shown[0][0], shown[-1][1])
    width = ((shown[0][1] - shown[0][0]).days + 1) * _DAY
    shift = _MONDAY if width > _DAY else 0
    counted = {name: Count("rid", filter=kind(spelt)) for name, spelt in _COUNTED.items()}
    rows = (
        records.filter(ts__gte=begin, ts__lt=end)
        .order_by()
        .annotate(begin=F("ts") - (F("ts") + shift) % width)
        .values("begin")
        .annotate(**counted, removed=Count("rid", filter=Q(body=None)))
    )
    found = {datetime.fromtimestamp(row.pop("begin") // 1000, UTC).date(): Choices(**row) for row in rows}
    return [Period(first, last, found.get(first, Choices())) for first, last in shown]


def count_purposes(records: QuerySet[Any], titles: dict[str, str], begin: date, end: date) -> list[Purpose]:
    """How often each purpose was granted and refused on these days."""
    since, until = span(begin, end)
    names = [*titles]
    sums = {f"{how}_{n}": Count("rid", filter=says(name))
            for n, name in enumerate(names) for how, says in (("granted", granted), ("refused", refused))}  # fmt: skip
    row = records.filter(ts__gte=since, ts__lt=until).order_by().aggregate(**sums) if sums else {}
    return [Purpose(name, titles[name], row[f"granted_{n}"], row[f"refused_{n}"]) for n, name in enumerate(names)]


def total(shown: Iterable[Period]) -> Choices:
    """All of them together."""
    each = [period.choices for period in shown]
    names = ("accepted", "part", "refused", "withdrawn", "removed")
    return Choices(**{name: sum(getattr(choices, name) for choices in each) for name in names})


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a period's column, in units of the drawing: 10 wide for each period, 100 high."""

    name: str
    x: float
    y: float
    height: float


def draw(shown: list[Period]) -> tuple[list[Bar], int]:
    """The columns, and how many choices the drawing is high."""
    top = _round_up(max(period.choices.all for period in shown))
    return [*_bars(shown, top)], top


def _bars(shown: list[Period], top: int) -> Iterator[Bar]:
    for number, period in enumerate(shown):
        y = 100.0
        for name in _COUNTED:
            height = 100 * getattr(period.choices, name) / top
            y -= height
            if height:
                yield Bar(name, number * 10 + 1.5, round(y, 2), round(height, 2))


def _round_up(number: int) -> int:
    """The next of 4, 8, 20, 40, 80, 200, …: what four lines divide."""
    size = 4
    while size < number:
        size = size * 2 if str(size)[0] in "24" else size // 8 * 20
    return size
