"""The log in an SQLite file, beside the site, for one host and any number of processes.

The standard library's driver, not an ORM: an append is two statements, and a layer over them costs half of the
appends per second. WAL with ``synchronous=FULL`` syncs once per commit; ``NORMAL`` would lose acknowledged records
with the power. Writers take a lock file before ``BEGIN``: SQLite's own waiting sleeps ever longer and starves some for
seconds.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from ..errors import ConfigurationError, LogUnavailable
from .pool import Pool
from .schema import check_version, tables
from .turn import turn

__all__ = ["SqliteDatabase"]

#: Seconds that a request waits for other writers.
_PATIENCE = 5.0
#: Who reads does not wait for who writes.
_READERS = 3
#: Rows of a statement; older SQLite takes 999 values.
_ROWS = 100
_T = TypeVar("_T")


class SqliteDatabase:
    """One SQLite file; an empty path is memory.

    ``create``: make the file and its tables if they are not there. ``patience``: seconds to wait for other writers.

    :raises ConfigurationError: if the folder is not there, or a newer version of this library made the file.
    """

    placeholder = "?"

    def __init__(self, path: str, *, create: bool = True, patience: float = _PATIENCE) -> None:
        if path and os.path.isdir(path):  # noqa: PTH112 - says no, and raises nothing, where it may not look
            raise ConfigurationError("the log is a file, and this is a folder", path=("log",), value=path)
        if path and not Path(path).parent.is_dir():
            raise ConfigurationError("there is no such folder for the log", path=("log",), value=str(Path(path).parent))
        # A server may change its folder after it has started; the log stays where it was.
        self._path = str(Path(path).absolute()) if path else ""
        self._create = create
        self._patience = patience
        self._writer = Pool(self._connect, most=1, patience=patience, shared=not path)
        self._readers = Pool(self._connect, most=_READERS, patience=patience) if path else self._writer
        if os.path.exists(self._path):  # noqa: PTH110 - pathlib raises where a folder may not be entered
            # A log of a newer version is told at start; one that cannot be read now may be read later.
            with suppress(LogUnavailable), self._errors(), closing(self._open(create=False)) as connection:
                self._check(connection)

    def transact(self, work: Callable[[_Transaction], _T]) -> _T:
        with self._writing() as connection:
            return work(_Transaction(connection))

    def write(self, statements: Sequence[tuple[str, tuple[Any, ...]]]) -> bool:
        with self._writing() as connection:
            for number, (statement, values) in enumerate(statements):
                count = connection.execute(statement, values).rowcount
                if number == 0 and count == 0:
                    return False
            return True

    def read(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._errors(), self._readers.lend() as connection:
            return connection.execute(statement, values).fetchall()

    def scrub(self) -> bool:
        with self._errors(), self._writer.lend() as connection, self._turn():
            [(busy, *_)] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return not busy

    def close(self) -> None:
        self._writer.close()
        self._readers.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction, begun in our turn; when the block has been left it is on the disk."""
        with self._errors(), self._writer.lend() as connection, self._turn():
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                raise

    def _connect(self) -> sqlite3.Connection:
        connection = self._open(create=self._create)
        try:
            if self._create:
                # Turning the journal's mode and making tables do not wait for others as writing does.
                with self._turn():
                    self._prepare(connection)
            self._check(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, connection: sqlite3.Connection) -> None:
        if not _has_tables(connection):
            raise LogUnavailable(f"there is no log at {self._path}")
        check_version(_versions(connection))

    def _open(self, *, create: bool) -> sqlite3.Connection:
        place = f"file://{quote(self._path)}?mode={'rwc' if create else 'rw'}" if self._path else ":memory:"
        if os.path.exists(self._path) and not os.access(self._path, os.W_OK):  # noqa: PTH110 - as above
            # SQLite would put files beside it that the site cannot write to either, and that stay.
            if create:
                raise LogUnavailable(f"the log at {self._path} may not be written")
            if not os.path.exists(f"{self._path}-wal"):  # noqa: PTH110 - as above
                place += "&immutable=1"
        connection = sqlite3.connect(
            place, timeout=self._patience, isolation_level=None, check_same_thread=False, uri=True
        )
        # What was tampered with may be no UTF-8; its bytes come back as they are.
        connection.text_factory = lambda text: text.decode(errors="surrogateescape")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: through the drive's own cache
        connection.execute("PRAGMA secure_delete = ON")  # what was removed is overwritten
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if self._path:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        if not (_has_tables(connection) and check_version(_versions(connection))):
            connection.execute("BEGIN IMMEDIATE")
            for statement in tables("BLOB", lean=" WITHOUT ROWID"):
                connection.execute(statement)
            connection.execute("COMMIT")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise LogUnavailable(f"the log at {self._path or 'memory'}: {error}") from error

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for our turn among the processes of this host."""
        if not self._path:
            yield
            return
        # Read-only is enough for a lock, and works on a file that an administrator's command has made.
        descriptor = os.open(f"{self._path}-turn", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            with turn(descriptor, self._patience):
                yield
        finally:
            os.close(descriptor)


class _Transaction:
    """What is inserted together: many rows with one statement, so that our other threads seldom come in between."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def insert(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        for start in range(0, len(rows), _ROWS):
            self._insert(table, rows[start : start + _ROWS])

    def claim(self, table: str, rows: Sequence[tuple[Any, ...]]) -> set[bytes]:
        new: set[bytes] = set()
        for start in range(0, len(rows), _ROWS):
            new |= self._claimed(table, rows[start : start + _ROWS])
        return new

    def _claimed(self, table: str, rows: Sequence[tuple[Any, ...]]) -> set[bytes]:
        if len(rows) > 1:
            self._connection.execute("SAVEPOINT claim")
        count = self._insert(table, rows)
        if 0 < count < len(rows):  # some were there: which?
            self._connection.execute("ROLLBACK TO claim")
            return {row[0] for row in rows if self._insert(table, [row])}
        return {row[0] for row in rows} if count else set()

    def _insert(self, table: str, rows: Sequence[tuple[Any, ...]]) -> int:
        marks = ", ".join([f"({', '.join('?' * len(rows[0]))})"] * len(rows))
        statement = f"INSERT INTO {table} VALUES {marks} ON CONFLICT DO NOTHING"  # noqa: S608 - names of ours
        return self._connection.execute(statement, [value for row in rows for value in row]).rowcount


def _versions(connection: sqlite3.Connection) -> list[tuple[int]]:
    return connection.execute("SELECT version FROM consent_schema").fetchall()


def _has_tables(connection: sqlite3.Connection) -> bool:
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'consent_schema'")
    return found.fetchone() is not None
