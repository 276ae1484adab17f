"""Every claim about the log holds in a database of Django's: the same tests, and the same table of tampering."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import test_audit
import test_limit
import test_seal
import test_store
import test_tampering
from cluster import Cluster
from databases import Log
from records import KEY, NOTICE, SECRET, make_record
from sites import exchanged
from test_limit import clock
from test_seal import state
from test_tampering import Template, build

from consent.log.store import SqlStore, open_store

__all__ = ["clock", "state"]

#: What a test of the log's may ask for to be tried here: a log, and no database of its own.
ASKED = {"log", "tmp_path", "monkeypatch", "clock", "state"}
#: About how the log's own tables are made; Django's are made by migrations.
OTHERS = {
    "test_a_log_of_the_version_before_is_brought_up_to_date",
    "test_a_log_of_a_newer_version_is_refused",
    "test_a_log_that_becomes_newer_while_the_site_runs_is_unavailable_to_visitors",
}


def marked(test: Callable[..., Any]) -> set[str]:
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    given = [mark.args[0].split(",") if isinstance(mark.args[0], str) else mark.args[0] for mark in marks]
    return {name.strip() for names in given for name in names}


def claims() -> dict[str, Callable[..., Any]]:
    """The tests of the log's that can be tried here."""
    found = {}
    for module in (test_audit, test_limit, test_seal, test_store):
        for name, test in vars(module).items():
            if name.startswith("test_") and name not in OTHERS:
                asked = {*inspect.signature(test).parameters}
                if "log" in asked and asked - marked(test) <= ASKED:
                    found[name] = test
    return found


globals().update(claims())

test_tampering_is_found_by_what_the_table_says = test_tampering.test_tampering_is_found_by_what_the_table_says
test_nothing_is_found_in_a_log_as_it_should_be = test_tampering.test_nothing_is_found_in_a_log_as_it_should_be


@pytest.fixture
def template(small: dict[str, Any], tmp_path: Path, migrated: dict[str, Any]) -> Iterator[Template]:
    """The log that is tampered with, made once."""
    from consent.django.store import DjangoDatabase

    path: Path = small["NAME"]
    if "template" not in migrated:
        first = Log(lambda: DjangoDatabase("default"))
        migrated["template"] = build(first, tmp_path / "state")
        first.database.close()
        shutil.copy(path, migrated["folder"] / "template.sqlite3")
    shutil.copy(migrated["folder"] / "template.sqlite3", path)
    log = Log(lambda: DjangoDatabase("default"))
    yield Template(lambda: log, *migrated["template"])
    log.database.close()


def test_it_keeps_what_the_other_databases_keep_byte_for_byte(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_bytes", bytes)  # a salt that is the same twice
    columns = "SELECT rid, ts, subj, commitment, mac, kid, salt, body FROM consent_record"
    own = open_store(f"sqlite:///{tmp_path}/own.db", keys=[KEY])
    record = make_record(policy='é "x" \\ 政策 😀', subject="1" * 32)
    assert log.store.append(record, NOTICE) == own.append(record, NOTICE)

    def plain(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return [tuple(bytes(value) if isinstance(value, memoryview) else value for value in row) for row in rows]

    assert plain(log.ask(columns)) == own._database.read(columns, ())
    assert [*log.store.records()] == [*own.records()]
    own.close()


def test_the_logs_own_command_reads_djangos_database_by_its_url(small: dict[str, Any], run: Any) -> None:
    from consent.django.store import DjangoDatabase

    record = make_record()
    SqlStore(database := DjangoDatabase("default"), [KEY]).append(record, NOTICE)
    database.close()
    done = run("log", "show", record.id, "--log", f"sqlite:///{small['NAME']}", CONSENT_SECRET_KEY=SECRET)
    assert (done.returncode, "code        right" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    "name", ["record", "pending", "leaf", "node", "checkpoint", "head", "notice", "anchor", "slot"]
)
def test_the_migrations_make_the_tables_of_the_engine(
    database: dict[str, Any], tmp_path: Path, name: str, request: pytest.FixtureRequest
) -> None:
    """Column by column; two tables, whose key has several columns, have a number of Django's as well."""
    from django.db import connection

    own: dict[str, Any]
    if connection.vendor == "sqlite":
        open_store(f"sqlite:///{tmp_path}/own.db", keys=[KEY]).append(make_record(), NOTICE)
        own = {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "own.db"}
    else:
        cluster: Cluster = request.getfixturevalue("cluster")
        own = {**database, "NAME": cluster.new_database()}
        store = open_store(cluster.url(own["NAME"]), keys=[KEY])
        store.append(make_record(), NOTICE)
        store.close()

    def described() -> list[Any]:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":  # which says of the engine's keys that they may be null: names alone
                cursor.execute("SELECT name FROM pragma_table_info(%s)", [f"consent_{name}"])
                return [column for (column,) in cursor.fetchall() if column != "id" or name == "head"]
            found = connection.introspection.get_table_description(cursor, f"consent_{name}")
        return [(column.name, bool(column.null_ok)) for column in found if column.name != "id" or name == "head"]

    ours = described()
    assert ours
    with exchanged({"default": own}):
        assert ours == described()
