"""The log in PostgreSQL, or in a database that speaks its language, for any number of hosts.

Two plain inserts in one transaction, with ids that the application made: nothing here needs a sequence, an advisory
lock or a read before the write.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import psycopg

from ..errors import LogUnavailable
from .schema import check_version, tables

__all__ = ["PostgresDatabase"]

#: Seconds for a connection, milliseconds for a statement.
_CONNECT, _STATEMENT = 3, 3000
_T = TypeVar("_T")


class PostgresDatabase:
    """A PostgreSQL database by URL. One connection for each thread and process, made again when it is lost."""

    placeholder = "%s"

    def __init__(self, url: str) -> None:
        self._url = url
        self._local = threading.local()
        self._all: list[psycopg.Connection[tuple[Any, ...]]] = []

    def write(self, statements: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        def work(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
            with connection.transaction():
                for statement, values in statements:
                    connection.execute(statement.encode(), values)

        self._with_connection(work)

    def read(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return self._with_connection(lambda connection: connection.execute(statement.encode(), values).fetchall())

    def close(self) -> None:
        for connection in self._all:
            connection.close()
        self._all.clear()
        self._local = threading.local()

    def _with_connection(self, work: Callable[[psycopg.Connection[tuple[Any, ...]]], _T]) -> _T:
        """Do the work; once more on a fresh connection if the old one turns out to be dead. Appends are idempotent."""
        try:
            fresh = getattr(self._local, "pid", None) != os.getpid() or self._local.connection.closed
            try:
                return work(self._connection())
            except (psycopg.OperationalError, psycopg.errors.SerializationFailure):
                if fresh:
                    raise
                self._local.connection.close()
                return work(self._connection())
        except (psycopg.Error, OSError) as error:
            raise LogUnavailable(f"the log in PostgreSQL: {type(error).__name__}: {error}") from error

    def _connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        # A connection must not cross a fork; the child makes its own and leaves the parent's alone.
        if getattr(self._local, "pid", None) != os.getpid() or self._local.connection.closed:
            self._local.connection = self._connect()
            self._local.pid = os.getpid()
        connection: psycopg.Connection[tuple[Any, ...]] = self._local.connection
        return connection

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        connection = psycopg.connect(
            self._url, autocommit=True, connect_timeout=_CONNECT, options=f"-c statement_timeout={_STATEMENT}"
        )
        try:
            known = connection.execute("SELECT to_regclass('consent_schema')").fetchone()
            if known is None or known[0] is None:
                with connection.transaction():
                    for statement in tables("BYTEA"):
                        connection.execute(statement.encode())
            check_version(connection.execute("SELECT version FROM consent_schema").fetchall())
            # Whatever the server's default is: an answer is given when the record is on its disk.
            connection.execute("SET synchronous_commit = on")
        except BaseException:
            connection.close()
            raise
        self._all.append(connection)
        return connection
