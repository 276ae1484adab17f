"""The log in PostgreSQL, or in a database that speaks its language, for any number of hosts.

Plain inserts in one transaction, with ids that the application made: nothing here needs a sequence, an advisory lock
or a read before the write.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ..errors import ConfigurationError, LogUnavailable
from .pool import Pool
from .schema import check_version, tables

__all__ = ["PostgresDatabase"]

#: Seconds that a request waits: for a connection, for a statement, for another thread's turn.
_PATIENCE = 3.0
#: Connections of one process. A server has some hundred, for all processes of all hosts.
_MOST = 4
#: Seconds to wait before each further try of a transaction that found no order.
_PAUSES = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
#: What a server says as it ends a session.
_ENDED = (psycopg.errors.AdminShutdown, psycopg.errors.CrashShutdown, psycopg.errors.CannotConnectNow)
_T = TypeVar("_T")


class _Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection to a server that may hang, and then does not keep its own time limits either."""

    patience = _PATIENCE

    def wait(self, gen: Generator[Any, Any, _T], *args: Any, **named: Any) -> _T:
        until = time.monotonic() + self.patience + 1  # the server's own limit comes first, and says more
        try:
            return super().wait(_until(gen, until), *args, **named)
        except TimeoutError:
            self.close()
            raise


def _until(gen: Generator[Any, Any, _T], until: float) -> Generator[Any, Any, _T]:
    """A protocol generator of psycopg's, which is resumed every 0.1 s at the latest, with an end."""
    try:
        state = next(gen)
        while True:
            ready = yield state
            if time.monotonic() > until:
                raise TimeoutError("the server does not answer")
            state = gen.send(ready)
    except StopIteration as end:
        result: _T = end.value
        return result


class PostgresDatabase:
    """A PostgreSQL database by URL; connections are made again when they are lost.

    ``create``: make the tables if they are not there. ``patience``: seconds to wait, for each thing waited for.

    :raises ConfigurationError: if the URL is none.
    """

    placeholder = "%s"

    def __init__(self, url: str, *, create: bool = True, patience: float = _PATIENCE) -> None:
        try:
            self._parameters = conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            # Without the reason: it quotes the URL, and there may be a password in it.
            raise ConfigurationError("this is no URL of a PostgreSQL database", path=("log",)) from None
        self._create = create
        self._patience = patience
        # Whatever the server's default is: an answer is given when the record is on its disk.
        ours = f"-c statement_timeout={int(patience * 1000)} -c synchronous_commit=on"
        self._parameters["options"] = f"{self._parameters.get('options') or ''} {ours}".strip()
        self._parameters.setdefault("connect_timeout", max(2, round(patience)))
        self._pool = Pool(self._connect, most=_MOST, patience=patience)

    def transact(self, work: Callable[[_Transaction], _T]) -> _T:
        def transaction(connection: _Connection) -> _T:
            with connection.transaction():
                return work(_Transaction(connection))

        return self._with_connection(transaction)

    def write(self, statements: Sequence[tuple[str, tuple[Any, ...]]]) -> bool:
        def work(connection: _Connection) -> bool:
            with connection.transaction():
                for number, (statement, values) in enumerate(statements):
                    count = connection.execute(statement.encode(), values).rowcount
                    if number == 0 and count == 0:
                        return False
            return True

        return self._with_connection(work)

    def read(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return self._with_connection(lambda connection: connection.execute(statement.encode(), values).fetchall())

    def scrub(self) -> bool:
        def work(connection: _Connection) -> None:
            # Its kin collect what was removed by themselves, and know no such statement.
            with suppress(psycopg.errors.SyntaxError, psycopg.errors.FeatureNotSupported):
                connection.execute("VACUUM consent_record")

        # Who does not own the table is told that nothing was done; the server does it when it comes to it.
        self._with_connection(work)
        return True

    def close(self) -> None:
        self._pool.close()

    def _with_connection(self, work: Callable[[_Connection], _T]) -> _T:
        """Do the work; once more, on a new connection, if the one at hand turns out to be lost.

        Appends are idempotent: whether the first one got through does not matter.
        """
        with _errors():
            lost = False
            try:
                with self._pool.lend() as connection:
                    try:
                        return _serialized(work, connection)
                    except psycopg.Error as error:
                        lost = connection.closed or isinstance(error, _ENDED)
                        raise
            except psycopg.Error:
                if not lost:
                    raise
            self._pool.close_idle()  # the others are no better
            with self._pool.lend() as connection:
                return _serialized(work, connection)

    def _connect(self) -> _Connection:
        # Errors become ours here: a connection that cannot be made is not tried for twice.
        with _errors():
            parameters: dict[str, Any] = {**self._parameters, "prepare_threshold": None}  # poolers between know none
            connection = _Connection.connect(autocommit=True, **parameters)
            connection.patience = self._patience
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            return connection

    def _prepare(self, connection: _Connection) -> None:
        there = _has_tables(connection)
        if not there and not self._create:
            raise LogUnavailable("there is no log in this PostgreSQL database")
        if not (there and check_version(_versions(connection))) and self._create:
            try:
                with connection.transaction():
                    for statement in tables("BYTEA"):
                        connection.execute(statement.encode())
            except psycopg.errors.IntegrityError:
                # IF NOT EXISTS does not see tables that another process is making; now it is done.
                if not _has_tables(connection):
                    raise
            except psycopg.errors.InsufficientPrivilege:
                if not there:
                    raise
                raise LogUnavailable("the log's tables are an older version's: run consent log init") from None
            check_version(_versions(connection))


class _Transaction:
    """What is inserted together: a statement, and so an answer of the server's, for many rows.

    Its values are numbered, as the server knows them: psycopg reads each statement with ``%s`` anew, which costs more
    than all else that we do here.
    """

    def __init__(self, connection: _Connection) -> None:
        self._cursor = psycopg.RawCursor(connection)

    def insert(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            self._insert(table, rows)

    def claim(self, table: str, rows: Sequence[tuple[Any, ...]]) -> set[bytes]:
        if not rows:
            return set()
        key = table.partition("(")[2].partition(",")[0].rstrip(")")
        return {bytes(row[0]) for row in self._insert(table, rows, f" RETURNING {key}")}

    def _insert(
        self, table: str, rows: Sequence[tuple[Any, ...]], returning: str = ""
    ) -> psycopg.RawCursor[tuple[Any, ...]]:
        width = len(rows[0])
        marks = [f"${number}" for number in range(1, width * len(rows) + 1)]
        values = ", ".join(f"({', '.join(marks[start : start + width])})" for start in range(0, len(marks), width))
        statement = f"INSERT INTO {table} VALUES {values} ON CONFLICT DO NOTHING{returning}"  # noqa: S608 - our names
        return self._cursor.execute(statement.encode(), [value for row in rows for value in row])


def _serialized(work: Callable[[_Connection], _T], connection: _Connection) -> _T:
    """Do the work, and again where the database found no order for it and somebody else's: it asks for that.

    SQLSTATE 40001 and 40P01; under its default isolation PostgreSQL has only the second, its distributed kin the first.
    """
    for pause in _PAUSES:
        try:
            return work(connection)
        except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected):
            time.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - so that two do not meet again
    return work(connection)


def _versions(connection: _Connection) -> list[tuple[Any, ...]]:
    return connection.execute("SELECT version FROM consent_schema").fetchall()


def _has_tables(connection: _Connection) -> bool:
    found = connection.execute("SELECT to_regclass('consent_schema')").fetchone()
    return found is not None and found[0] is not None


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, OSError) as error:
        raise LogUnavailable(f"the log in PostgreSQL: {type(error).__name__}: {error}") from error
