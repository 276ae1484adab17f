"""What is printed: columns for people, UTF-8 for programs."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TextIO

from ..record import Record
from ..store import Stored
from ..tombstone import Tombstone

__all__ = ["HEADER", "content_fields", "for_people", "for_programs", "line", "stored_fields", "time_of"]

#: The list's columns and their width; the id, which comes last, is as long as it is.
_LISTED = {"time (UTC)": 19, "decision": 10, "granted": 28, "policy": 12, "regime": 8, "lang": 7, "id": 32}


def line(stored: Stored) -> str:
    """A record in one line."""
    time, mark = time_of(stored.ts)[:19], "  !" if stored.problem else ""
    if stored.record is None:
        said = stored.problem or (_removed(stored.tombstone) if stored.tombstone else "its content was erased")
        return f"{time}  {_fit(said, sum(_LISTED.values()) - 19 - 32 + 2 * 4)}  {stored.id}{mark}"
    record = stored.record
    kind = record.kind.replace("_", " ")
    granted = ", ".join(record.granted) or "–"
    return _row((time, kind, granted, record.policy, record.regime, record.lang, stored.id)) + mark


def _removed(stone: Tombstone) -> str:
    return f"{stone.kind}: the content of {len(stone.removed)} record{'s' * (len(stone.removed) > 1)} was removed"


def _row(values: Iterable[str]) -> str:
    return "  ".join(_fit(value, width) for value, width in zip(values, _LISTED.values(), strict=True)).rstrip()


def _fit(text: str, width: int) -> str:
    """A text in so many columns of a terminal."""
    if sum(map(_columns, text)) > width:
        while sum(map(_columns, text)) >= width:
            text = text[:-1]
        text += "…"
    return text + " " * (width - sum(map(_columns, text)))


def _columns(character: str) -> int:
    """East Asian letters take two, combining marks none."""
    return 0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")


HEADER = _row(_LISTED)


def time_of(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(sep=" ", timespec="milliseconds")[:23]


def for_people(file: TextIO) -> None:
    """Whatever letters the terminal knows, nothing is lost and nothing fails."""
    if isinstance(file, io.TextIOWrapper):
        file.reconfigure(errors="backslashreplace")


def for_programs(file: TextIO) -> TextIO:
    """The same bytes whatever the terminal's language and system."""
    if isinstance(file, io.TextIOWrapper):
        file.reconfigure(encoding="utf-8", errors="strict", newline="")
    return file


def stored_fields(stored: Stored) -> Iterator[tuple[str, str]]:
    """The names and values of a record that is kept, for people."""
    yield "id", stored.id
    yield "time", f"{time_of(stored.ts)} UTC"
    content = stored.record or stored.tombstone
    yield from content_fields(content)
    yield "commitment", stored.commitment
    yield "leaf", stored.leaf
    codes = {True: "right", False: "WRONG", None: "not checked; set CONSENT_SECRET_KEY"}
    yield "code", codes[stored.authentic]
    yield "content", stored.problem or ("erased" if content is None else "is what was committed to")


def content_fields(content: Record | Tombstone | None) -> Iterator[tuple[str, str]]:
    """The names and values of what a record says beside its id and time."""
    for name, value in asdict(content).items() if content else ():
        if name in {"id", "ts"}:
            continue
        if name == "expires":
            shown = _until(value)
        elif isinstance(value, tuple):
            shown = ", ".join(value) or "–"
        elif isinstance(value, bool):
            shown = "yes" if value else "no"
        else:
            shown = "–" if value is None else str(value)
        yield name, shown


def _until(seconds: int) -> str:
    try:
        return f"{time_of(seconds * 1000)[:19]} UTC"
    except (ValueError, OverflowError):  # a number that fits a record and no calendar
        return str(seconds)
