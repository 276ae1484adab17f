"""The log in one of the site's own databases, on a connection of Django's: ``CONSENT = {"log": "django"}``.

The log's engine is the one of every SQL database (:class:`consent.log.store.SqlStore`), and so are its SQL, its bytes
and its proofs; here is only how its statements get to a database that Django knows.

Its connections are its own, and not those of the requests. A decision that was acknowledged must not be rolled back
with a view's transaction, whatever ``ATOMIC_REQUESTS`` says; and it is written in a thread of the log's.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, Error, InterfaceError, OperationalError, connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.constants import OnConflict

from ..errors import ConfigurationError, LogUnavailable
from ..log.append import open_log
from ..log.pool import Pool
from ..log.record import mac_key
from ..log.schema import check_version
from ..log.store import Database, Store, open_database
from ..policy.settings import Settings

__all__ = ["DjangoDatabase", "alias_of", "check_kind", "is_ours", "open_any", "open_store", "spool_of"]

#: Seconds that a request waits: for a connection, for a statement.
_PATIENCE = 3.0
#: Connections of one process.
_MOST = 4
#: Rows of a statement; older SQLite takes 999 values.
_ROWS = 100
#: Seconds to wait before each further try of a transaction that found no order.
_PAUSES = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
#: What databases say then: SQLSTATE of a failed order and of a deadlock, MySQL's number of the second.
_NO_ORDER = {"40001", "40P01", 1213}
#: Who speaks the engine's SQL; to whom it must be translated.
_NATIVE, _TRANSLATED = ("sqlite", "postgresql", "cockroachdb"), ("mysql",)
_IGNORE = "ON CONFLICT DO NOTHING"
_T = TypeVar("_T")


def is_ours(url: str) -> bool:
    """Whether the setting ``log`` means a database of Django's: ``django``, or ``django:`` and its alias."""
    return url.partition(":")[0] == "django" and "://" not in url


def alias_of(url: str, *, write: bool = True) -> str:
    """The database that the setting means: the one that it names, else the routers' answer for the log.

    :raises ConfigurationError: if there is no such database.
    """
    from .models import Record

    named = url.partition(":")[2]
    alias: str = named or (router.db_for_write(Record) if write else router.db_for_read(Record)) or DEFAULT_DB_ALIAS
    if alias not in connections.settings:
        raise ConfigurationError(
            "there is no such database", path=("CONSENT", "log"), value=alias, known=connections.settings
        )
    return alias


def check_kind(alias: str) -> None:
    """Whether a log can be kept in this database. Nothing is opened.

    :raises ConfigurationError: if it is of a kind whose SQL is not known here.
    """
    vendor = connections[alias].vendor
    if vendor not in (*_NATIVE, *_TRANSLATED):
        raise ConfigurationError(
            "the log cannot be kept in a database of this kind",
            path=("CONSENT", "log"),
            value=vendor,
            known=(*_NATIVE, *_TRANSLATED),
        )


def spool_of(alias: str) -> str:
    """The file beside an SQLite database in which records wait; ``off`` where there is no such place."""
    settings = connections.settings[alias]
    name = str(settings["NAME"])
    if not settings["ENGINE"].endswith("sqlite3") or name.startswith((":memory:", "file:")) or not name:
        return "off"
    return f"{os.path.abspath(name)}-spool"  # noqa: PTH100 - a server may change its folder later


def open_store(settings: Settings) -> Store | None:
    """The log, if the site's settings say that it is in a database of Django's.

    :raises ConfigurationError: if there is no such database, or none that can keep a log.
    """
    if not is_ours(settings.log):
        return None
    alias = alias_of(settings.log)
    return open_log(
        settings.log,
        keys=[mac_key(key) for key in settings.keys],
        spool=settings.spool if settings.spool != "auto" else spool_of(alias),
        holds=settings.spool_holds,
        limit=settings.decisions_per_minute,
        database=DjangoDatabase(alias),
    )


def open_any(url: str, *, create: bool = True, patience: float | None = None) -> Database:
    """As :func:`consent.log.store.open_database`, for commands; it knows Django's databases as well.

    ``create``: make the tables, as ``manage.py migrate`` does.
    """
    if not is_ours(url):
        return open_database(url, create=create, patience=patience)
    alias = alias_of(url)
    if create:
        from django.core.management import call_command

        call_command("migrate", "consent", database=alias, interactive=False, verbosity=0)
    return DjangoDatabase(alias, patience=patience or _PATIENCE, lasting=True)


class DjangoDatabase:
    """One of the site's databases, by its alias.

    ``patience``: seconds to wait, for each thing waited for.
    ``lasting``: keep connections until :meth:`close`, and not as long as ``CONN_MAX_AGE`` says.

    :raises ConfigurationError: if it is of a kind whose SQL is not known here.
    """

    placeholder = "%s"

    def __init__(self, alias: str, *, patience: float = _PATIENCE, lasting: bool = False) -> None:
        self._alias = alias
        self._patience = patience
        self._lasting = lasting
        self._checked = False
        check_kind(alias)
        self._pool = Pool(self._connect, most=_MOST, patience=patience)

    def transact(self, work: Callable[[_Transaction], _T]) -> _T:
        return self._use(lambda connection: _serialized(lambda: work(_Transaction(connection)), self, connection))

    def write(self, statements: Sequence[tuple[str, tuple[Any, ...]]]) -> bool:
        def run(connection: BaseDatabaseWrapper) -> bool:
            with connection.cursor() as cursor:
                for number, (statement, values) in enumerate(statements):
                    cursor.execute(_translated(statement, connection), values)
                    if number == 0 and cursor.rowcount == 0:
                        return False
            return True

        return self._use(lambda connection: _serialized(lambda: run(connection), self, connection))

    def read(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        def run(connection: BaseDatabaseWrapper) -> list[tuple[Any, ...]]:
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return [*cursor.fetchall()]

        return self._use(run)

    def scrub(self) -> bool:
        def run(connection: BaseDatabaseWrapper) -> bool:
            with connection.cursor() as cursor:
                if connection.vendor == "sqlite":
                    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                    return not cursor.fetchone()[0]
                if connection.vendor == "postgresql":
                    cursor.execute("VACUUM consent_record")
            return True  # others collect what was removed by themselves

        return self._use(run)

    def close(self) -> None:
        self._pool.close()

    @contextmanager
    def transaction(self, connection: BaseDatabaseWrapper) -> Iterator[None]:
        """A transaction that is durable when the block has been left, whatever the site's default is."""
        if connection.vendor == "sqlite":
            _pragmas(connection, "synchronous = FULL", "fullfsync = ON", "secure_delete = ON")
        connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        try:
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:  # for this transaction: poolers share sessions
                    limit = str(int(self._patience * 1000))
                    cursor.execute(_DURABLE, (limit,))
            yield
            connection.commit()
        except BaseException:
            with suppress(Error):  # where the connection is lost, the first error says more
                connection.rollback()
                connection.set_autocommit(True)
            raise
        connection.set_autocommit(True)

    def _use(self, work: Callable[[BaseDatabaseWrapper], _T]) -> _T:
        """Do the work; once more, on a new connection, if the one at hand turns out to be lost.

        Appends are idempotent: whether the first one got through does not matter.
        """
        with _errors():
            lost = False
            try:
                with self._pool.lend() as connection:
                    kept = connection.connection is not None
                    try:
                        return self._done(work, connection)
                    except (InterfaceError, OperationalError):
                        lost = kept and not connection.is_usable()
                        raise
            except (InterfaceError, OperationalError):
                if not lost:
                    raise
            self._pool.close_idle()  # the others are no better
            with self._pool.lend() as connection:
                return self._done(work, connection)

    def _done(self, work: Callable[[BaseDatabaseWrapper], _T], connection: BaseDatabaseWrapper) -> _T:
        if not self._lasting:
            connection.close_if_unusable_or_obsolete()  # as Django does before and after a request
        if connection.connection is None:
            # As they are now: a test runner gives the same name to another database.
            connection.settings_dict = {**connections.settings[self._alias], "AUTOCOMMIT": True}
        connection.ensure_connection()
        if connection.vendor == "sqlite":
            # What was tampered with may be no UTF-8; its bytes come back as they are.
            raw: Any = connection.connection
            raw.text_factory = lambda text: text.decode(errors="surrogateescape")
        if not self._checked:
            self._check(connection)
        done = work(connection)
        if not self._lasting:
            connection.close_if_unusable_or_obsolete()
        return done

    def _check(self, connection: BaseDatabaseWrapper) -> None:
        with connection.cursor() as cursor:
            if "consent_schema" not in connection.introspection.table_names(cursor):
                raise LogUnavailable(f"there is no log in the database {self._alias!r}: manage.py migrate makes it")
            cursor.execute("SELECT version FROM consent_schema")
            check_version(cursor.fetchall())
        self._checked = True

    def _connect(self) -> BaseDatabaseWrapper:
        connection: BaseDatabaseWrapper = connections.create_connection(self._alias)
        connection.inc_thread_sharing()  # the pool lends it to one thread at a time
        return connection


#: For this transaction, of which a request may be waiting: on the disk when it is committed, and not for ever.
_DURABLE = "SELECT set_config('synchronous_commit', 'on', true), set_config('statement_timeout', %s, true)"


class _Transaction:
    """What is inserted together: many rows with one statement."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
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
        """All databases say how many rows were inserted, and few say which."""
        mark = self._connection.savepoint() if len(rows) > 1 else None
        count = self._insert(table, rows)
        if mark is None or count in {0, len(rows)}:
            return {row[0] for row in rows} if count else set()
        self._connection.savepoint_rollback(mark)
        return {row[0] for row in rows if self._insert(table, [row])}

    def _insert(self, table: str, rows: Sequence[tuple[Any, ...]]) -> int:
        marks = ", ".join([f"({', '.join(['%s'] * len(rows[0]))})"] * len(rows))
        statement = _translated(f"INSERT INTO {table} VALUES {marks} {_IGNORE}", self._connection)  # noqa: S608 - ours
        with self._connection.cursor() as cursor:
            cursor.execute(statement, [value for row in rows for value in row])
            return int(cursor.rowcount)


def _translated(statement: str, connection: BaseDatabaseWrapper) -> str:
    """The engine's SQL as this database speaks it."""
    if connection.vendor in _NATIVE or not statement.endswith(_IGNORE):
        return statement
    insert = connection.ops.insert_statement(on_conflict=OnConflict.IGNORE)
    return f"{insert}{statement.removeprefix('INSERT INTO').removesuffix(_IGNORE).rstrip()}"


def _serialized(work: Callable[[], _T], database: DjangoDatabase, connection: BaseDatabaseWrapper) -> _T:
    """Do the work in a transaction, and again where the database found no order for it and somebody else's."""
    for pause in (*_PAUSES, None):
        try:
            with database.transaction(connection):
                return work()
        except OperationalError as error:
            if pause is None or not _found_no_order(error):
                raise
            time.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - so that two do not meet again
    raise AssertionError


def _found_no_order(error: OperationalError) -> bool:
    cause: Any = error.__cause__
    said = (getattr(cause, "sqlstate", None), getattr(cause, "pgcode", None), *error.args[:1])
    return not _NO_ORDER.isdisjoint(said)


def _pragmas(connection: BaseDatabaseWrapper, *pragmas: str) -> None:
    with connection.cursor() as cursor:
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (Error, OSError) as error:
        raise LogUnavailable(f"the log in Django's database: {type(error).__name__}: {error}") from error
