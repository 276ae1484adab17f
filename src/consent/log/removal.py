"""Takes content out of the log: what a visitor has a right to, and what nobody needs any more.

A record's place stays: its id, time, commitment, code and leaf. Body, salt and subject go, in one transaction with the
tombstone that names the record; without the salt, the commitment says nothing of what the content was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .record import commitment, leaf_data, mac, uuid7
from .store import Database
from .tombstone import MOST_REMOVED, Removal, Tombstone, format_tombstone

__all__ = ["Remover"]

#: Of these records content can be removed: not of tombstones, whose body has the pattern.
_CONTENT, _STONE = "body IS NOT NULL AND body NOT LIKE ?", '%"removed":%'
#: Where a lost connection made us do it again, it is there.
_INSERT = """INSERT INTO consent_record (rid, ts, commitment, mac, kid, salt, body) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING"""
#: Ids in one statement: older SQLite takes 999 values.
_ROWS = 500


class Remover:
    """Removes content from one log. Afterwards :meth:`Database.scrub` takes it out of the database's files.

    :param key: of the records' codes; tombstones have codes too.
    :param now: gives Unix milliseconds. ``chance``: gives so many random bytes. ``app``: the library's version.
    """

    def __init__(
        self, database: Database, key: bytes, *, now: Callable[[], int], chance: Callable[[int], bytes], app: str
    ) -> None:
        self._database = database
        self._key = key
        self._now = now
        self._chance = chance
        self._app = app

    def erase(self, ids: Sequence[str]) -> int:
        """Remove the content of these records; of how many.

        :raises LogUnavailable: if the log cannot be read or written.
        """
        return sum(self._remove("erase", some) for some in self._there(ids))

    def purge(self, before: int, told: Callable[[int], None] = lambda _: None) -> int:
        """Remove the content of all records from before a time, in Unix milliseconds; of how many."""
        removed = 0
        query = f"SELECT rid FROM consent_record WHERE ts < ? AND {_CONTENT} ORDER BY ts, rid LIMIT ?"  # noqa: S608
        while rows := self._read(query, before, _STONE, MOST_REMOVED):
            removed += self._remove("purge", [bytes(row[0]) for row in rows])
            told(removed)
        return removed

    def count(self, before: int) -> int:
        """How many records a purge would empty."""
        query = f"SELECT count(*) FROM consent_record WHERE ts < ? AND {_CONTENT}"  # noqa: S608
        return int(self._read(query, before, _STONE)[0][0])

    def _there(self, ids: Sequence[str]) -> Iterator[list[bytes]]:
        for at in range(0, len(ids), _ROWS):
            some = [bytes.fromhex(record_id) for record_id in ids[at : at + _ROWS]]
            query = f"SELECT rid FROM consent_record WHERE rid IN ({_marks(some)}) AND {_CONTENT}"  # noqa: S608
            rows = self._read(query, *some, _STONE)
            if rows:
                yield [bytes(row[0]) for row in rows]

    def _remove(self, kind: Removal, rids: Sequence[bytes]) -> int:
        now = self._now()
        names = tuple(sorted(rid.hex() for rid in rids))
        stone = Tombstone(uuid7(now, self._chance(10)), now, kind, names, self._app)
        body, salt = format_tombstone(stone), self._chance(32)
        committed = commitment(salt, body)
        code = mac(self._key, leaf_data(stone.id, now, committed))
        rid = bytes.fromhex(stone.id)
        statements: list[tuple[str, tuple[Any, ...]]] = [
            (_INSERT, (rid, now, committed, code, 0, salt, body.decode())),
            ("INSERT INTO consent_pending (rid) VALUES (?)", (rid,)),
        ]
        for at in range(0, len(rids), _ROWS):
            some = rids[at : at + _ROWS]
            emptied = f"UPDATE consent_record SET body = NULL, salt = NULL, subj = NULL WHERE rid IN ({_marks(some)})"  # noqa: S608
            statements.append((emptied, tuple(some)))
        mark = self._database.placeholder
        self._database.write([(statement.replace("?", mark), values) for statement, values in statements])
        return len(rids)

    def _read(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._database.read(query.replace("?", self._database.placeholder), values)


def _marks(values: Sequence[object]) -> str:
    return ", ".join(["?"] * len(values))
