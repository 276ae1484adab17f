"""The log in an SQLite file, beside the site, for one host and any number of processes.

The standard library's driver, not an ORM: an append is two statements, and a layer over them costs half of the
appends per second. WAL with ``synchronous=FULL`` syncs once per commit; ``NORMAL`` would lose acknowledged records with
the power. Writers take a lock file before ``BEGIN``: SQLite's own waiting sleeps ever longer and starves some for seconds.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, LogUnavailable
from .schema import check_version, tables

__all__ = ["SqliteDatabase"]

#: Seconds that a request waits for other writers.
_PATIENCE = 5.0


class SqliteDatabase:
    """One SQLite file; an empty path is memory. Connections are made per thread and process."""

    placeholder = "?"

    def __init__(self, path: str) -> None:
        parent = Path(path).parent
        if path and not parent.is_dir():
            raise ConfigurationError("there is no such folder for the log", path=("log",), value=str(parent))
        self._path = path
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._memory = None if path else self._connect()

    def write(self, statements: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        with self._errors(), self._turn():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                for statement, values in statements:
                    connection.execute(statement, values)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def read(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._errors():
            if self._memory is not None:
                with self._lock:
                    return self._memory.execute(statement, values).fetchall()
            return self._connection().execute(statement, values).fetchall()

    def close(self) -> None:
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._local = threading.local()

    def _connection(self) -> sqlite3.Connection:
        if self._memory is not None:
            return self._memory
        # A connection must not cross a fork; the child makes its own and leaves the parent's alone.
        if getattr(self._local, "pid", None) != os.getpid():
            self._local.connection = self._connect()
            self._local.pid = os.getpid()
        connection: sqlite3.Connection = self._local.connection
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path or ":memory:", timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            if self._path:
                connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA fullfsync = ON")  # macOS: through the drive's own cache
            for statement in tables("BLOB"):
                connection.execute(statement)
            check_version(connection.execute("SELECT version FROM consent_schema").fetchall())
        except BaseException:
            connection.close()
            raise
        self._all.append(connection)
        return connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise LogUnavailable(f"the log at {self._path or 'memory'}: {error}") from error

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for our turn among the threads of this process, then among the processes of this host."""
        if not self._lock.acquire(timeout=_PATIENCE):
            raise LogUnavailable(f"the log at {self._path or 'memory'} is busy")
        try:
            if not self._path:
                yield
                return
            with open(f"{self._path}-turn", "ab") as turn:  # noqa: PTH123 - a lock, not a text
                _lock_file(turn.fileno())
                yield  # the lock goes with the file
        finally:
            self._lock.release()


def _lock_file(descriptor: int) -> None:
    """Take the lock, or raise OSError after our patience.

    ``flock`` queues waiters in the kernel, but knows no time limit: it is tried, then asked for in small steps.
    """
    until = time.monotonic() + _PATIENCE
    pause = 0.0005
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(pause)
            pause = min(pause * 1.5, 0.01)
        else:
            return
