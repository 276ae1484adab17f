"""Which decisions the admin shows: what their content says, asked of the database itself.

Content is kept as the canonical text that was committed to, so it is searched as that: one spelling, keys in order, and
no quote inside of a text that is not escaped. Nothing here is indexed but the time.
"""

# ruff: noqa: ARG002 - Django calls them by these names

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import BooleanField, Func, Q, QuerySet, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan
from django.http import HttpRequest

from . import reading

__all__ = ["FILTERS", "KINDS", "DayFilter", "days", "granted", "kind", "refused", "span"]

#: What was done, as people say it; the last two are of records that stand for others' content.
KINDS = {
    "accept_all": "accepted all",
    "custom": "accepted in part",
    "refuse_all": "refused all",
    "withdraw": "withdrew",
    "void": "void",
    "erase": "erased others",
    "purge": "purged others",
}
#: Of so many of the latest records it is looked which languages and regimes there are to choose from.
_LATEST = 500
_DAYS = re.compile(r"(\d{4}-\d\d-\d\d)(?:\.\.(\d{4}-\d\d-\d\d))?\Z", re.ASCII)


class _Spelt(Func):
    """Whether a record's body is spelt so; ``%`` stands for anything."""

    arg_joiner = " LIKE "
    template = "%(expressions)s ESCAPE '!'"

    def __init__(self, *parts: str) -> None:
        pattern = "%".join(re.sub("([!%_])", r"!\1", part) for part in ("", *parts, ""))
        super().__init__("body", Value(pattern), output_field=BooleanField())


def kind(name: str) -> Q:
    """Records of a kind."""
    return _says("kind", name)


def granted(purpose: str) -> Q:
    """Records that grant a purpose."""
    return Q(_Spelt('"granted":[', _text(purpose), '],"id":"'))


def refused(purpose: str) -> Q:
    """Records that refuse a purpose."""
    return Q(_Spelt('"refused":[', _text(purpose), '],"regime":"'))


def _says(name: str, value: str) -> Q:
    # To look for a text costs half of comparing with a pattern.
    return Q(GreaterThan(StrIndex("body", Value(f'"{name}":{_text(value)},')), 0))


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def days(text: str) -> tuple[date, date] | None:
    """The first and the last of ``2026-11-23``, or of ``2026-11-23..2026-11-29``."""
    found = _DAYS.match(text)
    try:
        first, last = (date.fromisoformat(part or text) for part in found.groups()) if found else (None, None)
    except ValueError:
        return None
    return (first, last) if first and last and first <= last else None


def span(first: date, last: date) -> tuple[int, int]:
    """From the first day's beginning to the last day's end in Unix milliseconds, UTC."""
    begin = int(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp())
    return begin * 1000, (begin + ((last - first).days + 1) * 86_400) * 1000


class _Filter(SimpleListFilter):
    """One that shows, too, what is chosen by an address and is none of its choices."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        chosen = self.value()
        if chosen is not None and chosen not in dict(self.lookup_choices):
            self.lookup_choices = [*self.lookup_choices, (chosen, chosen)]
        return super().choices(changelist)


class KindFilter(_Filter):
    title = "decision"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[tuple[str, str]]:
        return [*KINDS.items(), ("removed", "content removed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen is None:
            return queryset
        return queryset.filter(body=None) if chosen == "removed" else queryset.filter(kind(chosen))


class _PurposeFilter(_Filter):
    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[tuple[str, str]]:
        titles = reading.titles()
        named = {name for body in _latest(request, model_admin) for name in (*body["granted"], *body["refused"])}
        return [(name, titles.get(name, name)) for name in (*titles, *sorted(named - {*titles}))]


class GrantedFilter(_PurposeFilter):
    title = "granted"
    parameter_name = "granted"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset if chosen is None else queryset.filter(granted(chosen))


class RefusedFilter(_PurposeFilter):
    title = "refused"
    parameter_name = "refused"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset if chosen is None else queryset.filter(refused(chosen))


class _SaysFilter(_Filter):
    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[tuple[str, str]]:
        name = str(self.parameter_name)
        found: set[str] = {body[name] for body in _latest(request, model_admin)}
        return [(value, value) for value in sorted(found)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset if chosen is None else queryset.filter(_says(str(self.parameter_name), chosen))


class LanguageFilter(_SaysFilter):
    title = "language"
    parameter_name = "lang"


class RegimeFilter(_SaysFilter):
    title = "regime"
    parameter_name = "regime"


class DayFilter(_Filter):
    """By names of spans, or by an address such as ``?day=2026-11-23..2026-11-29``."""

    title = "day (UTC)"
    parameter_name = "day"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[tuple[str, str]]:
        return [("today", "today"), ("7", "past 7 days"), ("30", "past 30 days"), ("365", "past 365 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen is None:
            return queryset
        today = datetime.now(UTC).date()
        past = {"today": 1, "7": 7, "30": 30, "365": 365}.get(chosen)
        found = days(chosen) if past is None else (today - timedelta(days=past - 1), today)
        if found is None:
            raise IncorrectLookupParameters("a day is written 2026-11-23")
        begin, end = span(*found)
        return queryset.filter(ts__gte=begin, ts__lt=end)


FILTERS = (DayFilter, KindFilter, GrantedFilter, RefusedFilter, LanguageFilter, RegimeFilter)


def _latest(request: Any, admin: ModelAdmin[Any]) -> list[dict[str, Any]]:
    """What the latest decisions say; read once a request."""
    if not hasattr(request, "_consent_latest"):
        rows = admin.get_queryset(request).order_by("-ts", "-rid").values_list("rid", flat=True)[:_LATEST]
        stored = reading.stored([*rows]).values()
        records = (each.record for each in stored if each.record)
        request._consent_latest = [
            {"lang": r.lang, "regime": r.regime, "granted": r.granted, "refused": r.refused} for r in records
        ]
    found: list[dict[str, Any]] = request._consent_latest
    return found
