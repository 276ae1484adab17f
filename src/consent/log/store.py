"""One append-only store, whatever database is under it: append a record durably, read records in order.

``sqlite:///consent.db`` is a file beside the site, ``sqlite:////var/lib/site/consent.db`` an absolute path,
``sqlite://`` memory, for tests. ``postgresql://user@host/name`` needs the ``postgres`` extra.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol, TypeAlias, TypeVar

from ..errors import ConfigurationError, LogUnavailable
from .entry import Entry, make_entry
from .record import Receipt, Record, commitment, leaf_data, leaf_hash, mac, parse_body
from .tombstone import Tombstone, parse_tombstone

__all__ = ["Database", "SqlStore", "Store", "Stored", "as_bytes", "open_database", "open_store"]

_COLUMNS = "rid, ts, commitment, mac, salt, body"
_NOTICE_TYPE = "application/json"
_RECORD = "consent_record (rid, ts, subj, commitment, mac, kid, salt, body)"
_PENDING = "consent_pending (rid)"
_NOTICE = "consent_notice (sha256, media_type, content)"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it is kept. ``record`` is None where its content was erased, or where ``problem`` says what is wrong.

    ``tombstone``: what stands there instead, where content of other records was removed.
    ``authentic``: whether the code that only the site's key makes is right; None if no key was given.
    """

    id: str
    ts: int
    record: Record | None
    commitment: str
    leaf: str
    authentic: bool | None
    problem: str | None = None
    tombstone: Tombstone | None = None


class Store(Protocol):
    """What a site needs of its log."""

    def append(self, record: Record, notice: bytes = b"", *, network: str = "") -> Receipt:
        """Keep a record, durably when this returns. The same record again is kept once.

        ``network``: where it comes from, if that is to be counted.

        :raises LogUnavailable: if that cannot be promised.
        """
        ...

    def records(
        self,
        *,
        since: int | None = None,
        until: int | None = None,
        after: tuple[int, str] | None = None,
        limit: int | None = None,
    ) -> Iterator[Stored]:
        """The records in the order of time. ``since`` and ``until`` are Unix milliseconds, the second exclusive;
        ``after`` is the time and id of the record to go on behind.

        :raises LogUnavailable: if the log cannot be read.
        """
        ...

    def proof(self, record_id: str) -> str | None:
        """The proof of a record, as a file (c2sp.org/tlog-proof) that says nothing of its content; None until it is
        sealed.

        :raises ValueError: if the log's hashes do not allow one.
        :raises LogUnavailable: if the log cannot be read.
        """
        ...

    def find(self, prefix: str) -> list[Stored]:
        """The records, at most two, whose id begins with these hex digits.

        :raises LogUnavailable: if the log cannot be read.
        """
        ...

    def newest(self, subjects: Sequence[str], limit: int) -> list[Stored]:
        """The newest records of these pseudonyms, 32 hex digits each, the newest first.

        :raises LogUnavailable: if the log cannot be read.
        """
        ...

    def close(self) -> None:
        """Close the log."""
        ...


class Transaction(Protocol):
    """Rows that are inserted together, or not at all. ``table`` names a table and its columns, the key first."""

    def insert(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert the rows whose key is not there."""
        ...

    def claim(self, table: str, rows: Sequence[tuple[Any, ...]]) -> set[bytes]:
        """As ``insert``; the keys that were not there. Keys are bytes, and no two of the rows' are the same."""
        ...


#: Which of the entries are not kept, by their ids, and why.
Admit: TypeAlias = Callable[[Transaction, Sequence[Entry]], Mapping[bytes, LogUnavailable]]


class Database(Protocol):
    """What :class:`SqlStore` needs of a database.

    All raise :class:`LogUnavailable`, or :class:`ConfigurationError` where a newer version made the tables.
    """

    placeholder: str

    def transact(self, work: Callable[[Transaction], _T]) -> _T:
        """Do the work in one transaction, begun when it is our turn and durable when this returns.

        It is done again where the database asks for that, and where a connection was lost: whether the first time
        got through is then unknown.
        """
        ...

    def write(self, statements: Sequence[tuple[str, tuple[Any, ...]]]) -> bool:
        """Run these in one transaction that is durable when this returns.

        Whether the first inserted a row; if it did not, the others are not run.
        """
        ...

    def read(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        ...

    def scrub(self) -> bool:
        """Take what was removed from rows out of the database's files as well, as far as it can; False if somebody
        who reads them is in the way."""
        ...

    def close(self) -> None: ...


class SqlStore:
    """The log in a SQL database. Safe to use from all threads and across a fork.

    ``keys``: the keys of the records' authentication codes, the one in use first; empty for a reader without a key.
    """

    def __init__(self, database: Database, keys: Sequence[bytes] = ()) -> None:
        self._database = database
        self._keys = tuple(keys)
        self._noticed: set[bytes] = set()

    def append(self, record: Record, notice: bytes = b"", *, network: str = "") -> Receipt:
        entry = self.entry(record, notice, network=network)
        [kept] = self.keep(lambda: [entry])
        if isinstance(kept, LogUnavailable):
            raise kept
        return kept

    def entry(self, record: Record, notice: bytes = b"", *, network: str = "") -> Entry:
        """A record made ready for :meth:`keep`."""
        if not self._keys:
            raise LogUnavailable("this log was opened for reading, without a key")
        return make_entry(record, notice, key=self._keys[0], salt=secrets.token_bytes(32), network=network)

    def keep(
        self, take: Callable[[], Sequence[Entry]], *, admit: Admit | None = None
    ) -> list[Receipt | LogUnavailable]:
        """Keep in one transaction what ``take`` gives, and say for each what came of it.

        ``admit`` says, by their ids, which of them are not kept, and why.

        ``take`` is asked when it is our turn, and again if the transaction has to be done again: it may then give
        more, after the same as before. What is there already has the receipt of when it came first.

        :raises LogUnavailable: if none of them could be kept, or if it is not known whether they were.
        """
        entries: Sequence[Entry] = ()
        barred: Mapping[bytes, LogUnavailable] = {}

        def insert(transaction: Transaction) -> set[bytes]:
            nonlocal entries, barred
            entries = take()
            barred = admit(transaction, entries) if admit is not None else {}
            first = {entry.id: entry for entry in reversed(entries) if entry.id not in barred}
            # In order: indexes grow at their end and stay small, and no two transactions wait for each other crosswise.
            new = transaction.claim(_RECORD, [_row(first[rid]) for rid in sorted(first)])
            transaction.insert(_PENDING, [(rid,) for rid in sorted(new)])
            words = {entry.notice_hash: entry.notice for entry in entries if entry.notice}
            unseen = [(digest, _NOTICE_TYPE, text) for digest, text in words.items() if digest not in self._noticed]
            transaction.insert(_NOTICE, unseen)
            return new

        try:
            new = self._database.transact(insert)
        except ConfigurationError as error:
            # While versions roll over many hosts: no reason to answer a visitor with an error.
            raise LogUnavailable(str(error)) from error
        self._noticed.update(entry.notice_hash for entry in entries if entry.notice)
        outcomes: list[Receipt | LogUnavailable] = []
        for entry in entries:
            outcomes.append(entry.receipt if entry.id in new else barred.get(entry.id) or self._first(entry))
            new.discard(entry.id)
        return outcomes

    def forget_slots(self, minute: int) -> None:
        """Forget who came in minutes before this one."""
        self._database.write([(f"DELETE FROM consent_slot WHERE ends <= {self._database.placeholder}", (minute,))])  # noqa: S608

    def has(self, record_id: str) -> bool:
        """Whether a record is there."""
        return bool(self._read("SELECT ts FROM consent_record WHERE rid = ?", (bytes.fromhex(record_id),)))

    def _first(self, entry: Entry) -> Receipt | LogUnavailable:
        """The receipt of a record that is there already: after a retry the first append's salt counts.

        A salt made from a key and the id would spare this read, and would outlive the erasure of the content: whoever
        has the key could try what the erased content was. What is read here, an application that may otherwise only
        insert can be allowed to.
        """
        try:
            rows = self._read("SELECT ts, commitment FROM consent_record WHERE rid = ?", (entry.id,))
        except LogUnavailable as error:
            return error
        if not rows or rows[0][0] != entry.ts:
            return LogUnavailable(f"another record has the id {entry.id.hex()}")
        return entry.receipt_of(bytes(rows[0][1]))

    def records(
        self,
        *,
        since: int | None = None,
        until: int | None = None,
        after: tuple[int, str] | None = None,
        limit: int | None = None,
    ) -> Iterator[Stored]:
        last = (after[0], bytes.fromhex(after[1])) if after else None
        left = limit
        while left is None or left > 0:
            page = _PAGE if left is None else min(left, _PAGE)
            # Only what was asked for: a record whose time was changed to an impossible one must show up.
            asked: list[tuple[str, tuple[Any, ...]]] = []
            if since is not None:
                asked.append(("ts >= ?", (since,)))
            if until is not None:
                asked.append(("ts < ?", (until,)))
            if last is not None:
                asked.append(("(ts > ? OR (ts = ? AND rid > ?))", (last[0], last[0], last[1])))
            where = " AND ".join(condition for condition, _ in asked) or "1 = 1"
            values = [value for _, given in asked for value in given]
            rows = self._rows(f"{where} ORDER BY ts, rid LIMIT ?", (*values, page))
            yield from map(self._stored, rows)
            if len(rows) < page:
                return
            last = (rows[-1][1], rows[-1][0])
            left = None if left is None else left - len(rows)

    def proof(self, record_id: str) -> str | None:
        from .checkpoint import format_proof
        from .proof import prove

        found = prove(self._database, bytes.fromhex(record_id), content=False)
        return format_proof(found) if found is not None else None

    def find(self, prefix: str) -> list[Stored]:
        digits = prefix.lower().replace("-", "")
        low, high = digits.ljust(32, "0"), digits.ljust(32, "f")
        if len(digits) > 32 or not set(digits) <= set("0123456789abcdef"):
            return []
        rows = self._rows("rid BETWEEN ? AND ? ORDER BY rid LIMIT 2", (bytes.fromhex(low), bytes.fromhex(high)))
        return [self._stored(row) for row in rows]

    def of_ids(self, ids: Sequence[str]) -> list[Stored]:
        """The records that have these ids, 32 hex digits each and at most 500, in no order.

        :raises LogUnavailable: if the log cannot be read.
        """
        if not ids:
            return []
        marks = ", ".join(["?"] * len(ids))
        return [self._stored(row) for row in self._rows(f"rid IN ({marks})", tuple(map(bytes.fromhex, ids)))]

    def of_subject(self, subject: str) -> list[Stored]:
        """The records of a pseudonym, 32 hex digits, oldest first.

        :raises LogUnavailable: if the log cannot be read.
        """
        digits = subject.lower().replace("-", "")
        if len(digits) != 32 or not set(digits) <= set("0123456789abcdef"):
            return []
        return [self._stored(row) for row in self._rows("subj = ? ORDER BY ts, rid", (bytes.fromhex(digits),))]

    def newest(self, subjects: Sequence[str], limit: int) -> list[Stored]:
        marks = ", ".join(["?"] * len(subjects))
        values = [bytes.fromhex(subject) for subject in subjects]
        rows = self._rows(f"subj IN ({marks}) ORDER BY ts DESC, rid DESC LIMIT ?", (*values, limit))
        return [self._stored(row) for row in rows]

    def notice(self, digest: str) -> bytes | None:
        """The words that a record's ``notice`` is the hash of; None if they are not kept.

        :raises ValueError: if what is kept is not what the hash was made of.
        :raises LogUnavailable: if the log cannot be read.
        """
        key = bytes.fromhex(digest.removeprefix("sha256:"))
        rows = self._read("SELECT content FROM consent_notice WHERE sha256 = ?", (key,))
        if not rows:
            return None
        content = as_bytes(rows[0][0])
        if sha256(content).digest() != key:
            raise ValueError("the words that are kept are not those that the visitor was shown")
        return content

    def close(self) -> None:
        self._database.close()

    def _rows(self, where: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return self._read(f"SELECT {_COLUMNS} FROM consent_record WHERE {where}", values)  # noqa: S608

    def _read(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return self._database.read(statement.replace("?", self._database.placeholder), values)

    def _stored(self, row: tuple[Any, ...]) -> Stored:
        # Whoever can write to an SQLite file can put anything into any column.
        record_id, committed, code, salt = (as_bytes(row[index]).hex() for index in (0, 2, 3, 4))
        ts = row[1] if isinstance(row[1], int) and _TS_MIN <= row[1] <= _TS_MAX else 0
        data = leaf_data(record_id, ts, bytes.fromhex(committed))
        authentic = None
        if self._keys:
            authentic = any(hmac.compare_digest(mac(key, data), bytes.fromhex(code)) for key in self._keys)
        content, problem = None, None
        if ts != row[1]:
            problem = "its time is no time"
        elif row[5] is not None:
            content, problem = _checked(record_id, ts, committed, salt, as_bytes(row[5]))
        if authentic is False and problem is None:
            problem = "its code is wrong: it was changed, or made with another key"
        record = content if isinstance(content, Record) else None
        stone = content if isinstance(content, Tombstone) else None
        return Stored(record_id, ts, record, committed, leaf_hash(data).hex(), authentic, problem, stone)


def _row(entry: Entry) -> tuple[Any, ...]:
    return entry.id, entry.ts, entry.subject, entry.commitment, entry.code, 0, entry.salt, entry.body.decode()


_PAGE = 500
#: The beginning of the year 1 and the end of the year 9999, in milliseconds; what is not between them has no date.
_TS_MIN, _TS_MAX = -62_135_596_800_000, 253_402_300_799_999


def as_bytes(value: object) -> bytes:
    """A column's bytes; none, which nothing commits to, where it holds something else."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode(errors="surrogateescape")
    return bytes(value) if isinstance(value, memoryview) else b""


def _checked(
    record_id: str, ts: int, committed: str, salt: str, body: bytes
) -> tuple[Record | Tombstone | None, str | None]:
    """The content of a row, and what is wrong with it."""
    if commitment(bytes.fromhex(salt), body).hex() != committed:
        return None, "its content is not what was committed to"
    try:
        content = parse_tombstone(body) if b'"removed":' in body else parse_body(body)
    except ValueError:
        return None, "its content is no record"
    if (content.id, content.ts) != (record_id, ts):
        return content, "its id or time is not that of its content"
    return content, None


def open_store(url: str, *, keys: Sequence[bytes] = (), create: bool = True, patience: float | None = None) -> SqlStore:
    """Open the log at a URL; see :func:`open_database`."""
    return SqlStore(open_database(url, create=create, patience=patience), keys)


def open_database(url: str, *, create: bool = True, patience: float | None = None) -> Database:
    """Open the log's database at a URL. ``create``: make it and its tables if they are not there.

    ``patience``: seconds to wait for a lock, a connection or an answer; by default, as the database's module says.

    :raises ConfigurationError: for a URL that is none of ours, a driver that is not installed, or a log that a newer
        version of this library made.
    :raises LogUnavailable: with ``create`` False, if there is no log.
    """
    scheme, colon, rest = url.partition("://")
    waiting = {} if patience is None else {"patience": patience}
    if scheme == "sqlite" and colon:
        from .sqlite import SqliteDatabase

        if rest and not rest.startswith("/"):
            raise ConfigurationError("a path has three slashes: sqlite:///consent.db", path=("log",), value=url)
        path = rest[1:]
        if not create and not (path and os.path.exists(path)):  # noqa: PTH110 - a plain question
            raise LogUnavailable(f"there is no log at {path or 'memory'}")
        return SqliteDatabase(path, create=create, **waiting)
    if scheme in {"postgresql", "postgresql+psycopg", "postgres"} and colon:
        try:
            from .postgres import PostgresDatabase
        except ImportError as error:
            raise ConfigurationError(
                "a PostgreSQL log needs psycopg: pip install 'cookie-consent[postgres]'", path=("log",)
            ) from error
        return PostgresDatabase(f"postgresql://{rest}", create=create, **waiting)
    # Only the scheme: there may be a password in the rest.
    shown = f"{scheme}://…" if colon else "no URL"
    raise ConfigurationError("no such log", path=("log",), value=shown, known=("sqlite:///PATH", "postgresql://…"))
