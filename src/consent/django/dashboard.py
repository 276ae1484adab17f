"""What visitors chose, over time: counted by the database, drawn without a script.

One query, over the days that are shown and no others: what was done and for which purposes is cut out of each body, and
the same is counted together.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Count, F, QuerySet, Value
from django.db.models.functions import Greatest, StrIndex, Substr

from ..sheet import round_up
from .filters import span

__all__ = ["SPANS", "Choices", "Counted", "Period", "Purpose", "count", "draw", "periods", "total"]

_DAY = 86_400_000
#: The Unix epoch was a Thursday; weeks begin on Mondays.
_MONDAY = 3 * _DAY
#: What can be asked for: how many days one period has, and how many periods are shown.
SPANS = {"day": (1, 30, "30 days, by day"), "week": (7, 26, "26 weeks, by week"), "long": (7, 104, "2 years, by week")}
#: By the first letters of what was done; None where the content is gone.
_COUNTED: dict[str | None, str] = {
    "accept": "accepted",
    "custom": "part",
    "refuse": "refused",
    "withdr": "withdrawn",
    None: "removed",
}
_DRAWN = ("accepted", "part", "refused", "withdrawn")
_SAYING = ("accept", "custom", "refuse", "withdr")
#: Groups that are read: each period has some ten of them, unless somebody wrote other content.
_MOST = 20_000


def _between(start: str, end: str) -> Substr:
    """What stands in a body between two texts, each of which it has once."""
    first = StrIndex("body", Value(start)) + len(start)
    return Substr("body", first, Greatest(StrIndex("body", Value(end)) - first, 0))


_KIND = Substr("body", StrIndex("body", Value('"kind":"')) + 8, 6)
_GRANTED = _between('"granted":[', '],"id":"')
_REFUSED = _between('"refused":[', '],"regime":"')


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


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted, by time and by purpose."""

    periods: list[Period]
    purposes: list[Purpose]


def periods(length: int, number: int, today: date) -> list[tuple[date, date]]:
    """The first and last days of so many periods, today in the last."""
    last = today - timedelta(days=today.weekday()) if length == 7 else today
    firsts = [last - timedelta(days=length * back) for back in reversed(range(number))]
    return [(first, first + timedelta(days=length - 1)) for first in firsts]


def count(records: QuerySet[Any], shown: list[tuple[date, date]], titles: dict[str, str]) -> Counted:
    """What was chosen in these periods, which follow one another and are of one length; and of these purposes."""
    begin, end = span(shown[0][0], shown[-1][1])
    width = ((shown[0][1] - shown[0][0]).days + 1) * _DAY
    shift = _MONDAY if width > _DAY else 0
    rows = (
        records.filter(ts__gte=begin, ts__lt=end)
        .order_by()
        .annotate(begin=F("ts") - (F("ts") + shift) % width, kind=_KIND, granted=_GRANTED, refused=_REFUSED)
        .values_list("begin", "kind", "granted", "refused")
        .annotate(number=Count("rid"))[:_MOST]
    )
    choices: dict[date, Counter[str]] = {first: Counter() for first, _ in shown}
    granted: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for at, kind, yes, no, number in rows:
        choices[datetime.fromtimestamp(at // 1000, UTC).date()][_COUNTED.get(kind, "")] += number
        if kind in _SAYING:
            granted.update(dict.fromkeys(_names(yes), number))
            refused.update(dict.fromkeys(_names(no), number))
    return Counted(
        [Period(first, last, Choices(**_named(choices[first]))) for first, last in shown],
        [Purpose(name, title, granted[name], refused[name]) for name, title in titles.items()],
    )


def _named(counted: Counter[str]) -> dict[str, int]:
    return {name: counted[name] for name in _COUNTED.values()}


def _names(spelt: str) -> list[str]:
    """The names in a list as the database has cut it out."""
    try:
        return [*map(str, json.loads(f"[{spelt}]"))]
    except ValueError:  # of content that is none
        return []


def total(shown: Iterable[Period]) -> Choices:
    """All of them together."""
    each = [period.choices for period in shown]
    return Choices(**{name: sum(getattr(choices, name) for choices in each) for name in _COUNTED.values()})


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a period's column, in units of the drawing: 10 wide for each period, 100 high."""

    name: str
    x: float
    y: float
    height: float


def draw(shown: list[Period]) -> tuple[list[Bar], int]:
    """The columns, and how many choices the drawing is high."""
    top = round_up(max(period.choices.all for period in shown))
    return [*_bars(shown, top)], top


def _bars(shown: list[Period], top: int) -> Iterator[Bar]:
    for number, period in enumerate(shown):
        y = 100.0
        for name in _DRAWN:
            height = 100 * getattr(period.choices, name) / top
            y -= height
            if height:
                yield Bar(name, number * 10 + 1.5, round(y, 2), round(height, 2))
