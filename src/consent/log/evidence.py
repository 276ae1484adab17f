"""What a log shows to whoever verifies it, row by row: read from its database, or from an archive of it.

Nothing is believed here: whoever can write to the database can put anything into any column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from .anchor import Anchor
from .store import Database, as_bytes

__all__ = ["DatabaseEvidence", "Evidence", "Head", "Row", "Stray", "Unsealed"]

#: Rows that are read at once.
_PAGE = 1000
_RECORD = "r.ts, r.subj, r.commitment, r.mac, r.salt, r.body"
_HEAD = """SELECT (SELECT size FROM consent_head WHERE id = 1), (SELECT frontier FROM consent_head WHERE id = 1),
(SELECT MAX(idx) FROM consent_leaf), (SELECT MAX(size) FROM consent_checkpoint)"""
_LEAVES = f"""SELECT l.idx, l.rid, l.hash, {_RECORD} FROM consent_leaf l LEFT JOIN consent_record r ON r.rid = l.rid
WHERE {{behind}} ORDER BY l.idx LIMIT ?"""  # noqa: S608 - names of ours
_UNSEALED = f"""SELECT NULL, r.rid, NULL, {_RECORD}, p.rid, p.bad FROM consent_record r
LEFT JOIN consent_leaf l ON l.rid = r.rid LEFT JOIN consent_pending p ON p.rid = r.rid
WHERE l.rid IS NULL AND {{behind}} ORDER BY r.rid LIMIT ?"""  # noqa: S608 - names of ours
_STRAYS = """SELECT p.rid, l.idx FROM consent_pending p LEFT JOIN consent_record r ON r.rid = p.rid
LEFT JOIN consent_leaf l ON l.rid = p.rid WHERE r.rid IS NULL OR l.rid IS NOT NULL"""
_ONE = f"""SELECT l.idx, r.rid, l.hash, {_RECORD} FROM consent_record r LEFT JOIN consent_leaf l ON l.rid = r.rid
WHERE r.rid = ?"""  # noqa: S608 - names of ours


class Row(NamedTuple):
    """A record and its leaf, as they stand there. ``index`` and ``hash`` are None where there is no leaf."""

    index: Any
    rid: Any
    hash: Any
    ts: Any
    subject: Any
    commitment: Any
    code: Any
    salt: Any
    body: Any


class Unsealed(NamedTuple):
    """A record without a leaf; whether it is in the queue, and why the sealer set it aside."""

    row: Row
    queued: bool
    aside: str | None


class Stray(NamedTuple):
    """A place in the queue of a record that is not there, or that has a leaf already."""

    rid: Any
    sealed: bool


class Head(NamedTuple):
    """Where the log stands, in one look: what it says, and what there is."""

    size: Any
    frontier: Any
    last_leaf: int | None
    last_checkpoint: int | None


class Evidence(Protocol):
    """What is verified. Whatever is read raises :class:`LogUnavailable` if it cannot be read."""

    def head(self) -> Head: ...

    def leaves(self, after: int | None = None) -> Iterator[Row]:
        """The leaves behind an index, in their order, each with its record."""
        ...

    def unsealed(self) -> Iterator[Unsealed]: ...

    def strays(self) -> Iterable[Stray]: ...

    def find(self, rid: bytes) -> Row | None: ...

    def checkpoints(self) -> Iterator[tuple[Any, Any, Any]]:
        """Size, time and note of each."""
        ...

    def nodes(self) -> Iterator[tuple[Any, Any, Any]] | None:
        """Level, index and hash of each that is kept; None where none are."""
        ...

    def notices(self) -> Iterator[tuple[Any, Any, Any]]:
        """SHA-256, media type and content of all words that visitors were shown."""
        ...

    def anchors(self) -> Iterable[Anchor]: ...


class DatabaseEvidence:
    """The evidence in a log's database. It may grow meanwhile: what comes behind the first look at its head is left
    to the next time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def head(self) -> Head:
        return Head(*self._read(_HEAD)[0])

    def leaves(self, after: int | None = None) -> Iterator[Row]:
        return map(Row._make, self._pages(_LEAVES, "l.idx", 0, after))

    def unsealed(self) -> Iterator[Unsealed]:
        for row in self._pages(_UNSEALED, "r.rid", 1):
            yield Unsealed(Row._make(row[:9]), row[9] is not None, row[10])

    def strays(self) -> Iterable[Stray]:
        return [Stray(rid, index is not None) for rid, index in self._read(_STRAYS)]

    def find(self, rid: bytes) -> Row | None:
        rows = self._read(_ONE, rid)
        return Row._make(rows[0]) if rows else None

    def checkpoints(self) -> Iterator[tuple[Any, Any, Any]]:
        return self._pages("SELECT size, ts, note FROM consent_checkpoint WHERE {behind} ORDER BY size LIMIT ?", "size")

    def nodes(self) -> Iterator[tuple[Any, Any, Any]]:
        # By level, of which a tree has few: not all databases compare pairs alike.
        for (level,) in self._read("SELECT DISTINCT level FROM consent_node"):
            query = "SELECT n, hash FROM consent_node WHERE {behind} AND level = ? ORDER BY n LIMIT ?"
            yield from ((level, *row) for row in self._pages(query, "n", 0, None, level))

    def notices(self) -> Iterator[tuple[Any, Any, Any]]:
        query = "SELECT sha256, media_type, content FROM consent_notice WHERE {behind} ORDER BY sha256 LIMIT ?"
        return self._pages(query, "sha256")

    def anchors(self) -> Iterable[Anchor]:
        rows = self._read("SELECT size, kind, ts, token FROM consent_anchor ORDER BY size, kind, ts")
        return [Anchor(size, kind, ts, as_bytes(token)) for size, kind, ts, token in rows]

    def _pages(
        self, query: str, column: str, place: int = 0, after: Any = None, *more: Any
    ) -> Iterator[tuple[Any, ...]]:
        """The rows of a query that is ordered by a column, which has this place in them, some at a time."""
        first, others = query.replace("{behind}", "1 = 1"), query.replace("{behind}", f"{column} > ?")
        rows = self._read(first, *more, _PAGE) if after is None else self._read(others, after, *more, _PAGE)
        yield from rows
        while len(rows) == _PAGE:
            rows = self._read(others, rows[-1][place], *more, _PAGE)
            yield from rows

    def _read(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._database.read(query.replace("?", self._database.placeholder), values)
