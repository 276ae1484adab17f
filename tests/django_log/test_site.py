"""A visitor's decision in a Django site whose log is in its own database."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cluster import Cluster
from records import KEY, NOTICE, make_record
from sites import SETTINGS, exchanged, postgresql

from consent.errors import ConfigurationError, LogUnavailable
from consent.log.store import SqlStore

DOCS, LOG_MD = ((Path(__file__).parents[2] / "docs" / name).read_text("utf-8") for name in ("django-log.md", "log.md"))
FORM = {"content_type": "application/x-www-form-urlencoded", "HTTP_SEC_FETCH_SITE": "same-origin"}


def decide(action: str, client: Any = None) -> Any:
    from django.test import Client

    return (client or Client()).post("/_consent/decision", f"action={action}", **FORM)


def kinds(alias: str = "default") -> list[str]:
    from consent.django.store import DjangoDatabase

    store = SqlStore(DjangoDatabase(alias), [KEY])
    try:
        return [stored.record.kind for stored in store.records() if stored.record]
    finally:
        store.close()


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def page(_request: Any) -> Any:
    from django.http import HttpResponse

    return HttpResponse("<!doctype html><title>News</title><p>News")


def test_a_decision_is_in_the_sites_database_before_the_cookie_is_set(database: dict[str, Any]) -> None:
    from consent.django.models import Record

    assert "consent" in decide("accept").cookies
    [record] = Record.objects.all()
    assert '"kind":"accept_all"' in record.body
    assert [record] == [*Record.objects.filter(rid=record.rid.upper(), commitment=record.commitment)]
    assert kinds() == ["accept_all"]


def test_a_page_asks_the_database_nothing_and_a_decision_writes_once(
    database: dict[str, Any], django: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import urls
    from django.test import Client

    from consent.django.store import DjangoDatabase

    urls.views["news"] = page
    django(CONSENT={**SETTINGS, "decisions_per_minute": 0})  # else what was counted is forgotten, once a minute
    used: list[str] = []
    for name in ("transact", "write", "read"):
        method = getattr(DjangoDatabase, name)

        def counting(self: Any, *given: Any, name: str = name, method: Any = method) -> Any:
            used.append(name)
            return method(self, *given)

        monkeypatch.setattr(DjangoDatabase, name, counting)
    client = Client()
    assert client.get("/news").status_code == 200
    assert used == []
    assert decide("accept", client).status_code == 303
    assert client.get("/news").status_code == 200
    assert used == ["transact"]


def test_a_decision_is_not_rolled_back_with_the_view_that_made_it(
    make_database: Callable[[str], dict[str, Any]], request: pytest.FixtureRequest
) -> None:
    """The view holds SQLite's lock: there the record waits in the spool until the view has failed."""
    import urls
    from django.contrib.auth.models import User
    from django.test import Client

    from consent.django.apps import the_site

    def failing(_request: Any) -> Any:
        User.objects.create(username="rolled back")
        assert the_site().append(make_record(), NOTICE) is not None
        raise RuntimeError("the view fails")

    for kind in ("sqlite", "postgresql"):
        with exchanged({"default": {**make_database(kind), "ATOMIC_REQUESTS": True}}):
            urls.views["failing"] = failing
            assert Client(raise_request_exception=False).get("/failing").status_code == 500
            until(lambda: kinds() == ["custom"])
            assert not User.objects.exists()
            the_site().close()
            request.getfixturevalue("django")(CONSENT={**SETTINGS})  # a site of its own for the next database


def test_an_agreement_waits_beside_an_sqlite_database_that_is_locked(small: dict[str, Any]) -> None:
    other = sqlite3.connect(small["NAME"], isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert decide("accept").status_code == 303
    assert small["NAME"].with_name(f"{small['NAME'].name}-spool").exists()
    other.close()
    until(lambda: kinds() == ["accept_all"])


def test_without_tables_nothing_is_granted_and_refusals_are_honoured(
    small: dict[str, Any], django: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    from django.core.management import call_command

    call_command("migrate", "consent", "zero", verbosity=0)
    django(CONSENT={**SETTINGS, "spool": "off"})
    with caplog.at_level(logging.ERROR, "consent"):
        assert (decide("accept").status_code, decide("refuse").status_code) == (503, 303)
    assert "manage.py migrate" in caplog.text
    call_command("migrate", "consent", verbosity=0)
    assert decide("accept").status_code == 303, "the tables are looked for again"


def test_on_an_event_loop_a_decision_is_kept_as_well(database: dict[str, Any]) -> None:
    from django.test import AsyncClient

    async def ask() -> Any:
        return await AsyncClient().post(
            "/_consent/decision",
            "action=accept",
            content_type=FORM["content_type"],
            headers={"sec-fetch-site": "same-origin"},
        )

    assert asyncio.run(ask()).status_code == 303
    assert kinds() == ["accept_all"]


# Which database


class Logs:
    """A router that has the log read by another than who writes it."""

    def db_for_write(self, model: Any, **_: Any) -> str | None:
        return "logs" if model._meta.app_label == "consent" else None

    def db_for_read(self, model: Any, **_: Any) -> str | None:
        return "auditor" if model._meta.app_label == "consent" else None


@pytest.mark.parametrize("how", ["named", "routed"])
def test_the_log_is_in_the_database_that_the_setting_names_or_a_router(
    how: str, make_database: Callable[[str], dict[str, Any]], django: Callable[..., Any]
) -> None:
    databases = {"default": make_database("sqlite"), "logs": make_database("sqlite")}
    with exchanged(databases):
        if how == "named":
            django(CONSENT={**SETTINGS, "log": "django:logs"})
        else:
            given: dict[str, Any] = {}
            exec(re.findall(r"^```python\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)[0], given)
            django(DATABASE_ROUTERS=[given["ConsentRouter"]()])
        assert decide("accept").status_code == 303
        assert (kinds("logs"), kinds("default")) == (["accept_all"], [])


def test_who_reads_the_log_may_have_a_connection_of_their_own(
    small: dict[str, Any], django: Callable[..., Any]
) -> None:
    from consent.django import reading

    with exchanged({"default": small, "logs": small, "auditor": small}):
        django(DATABASE_ROUTERS=[Logs()])
        assert decide("accept").status_code == 303
        assert reading.log_alias() == "auditor"
        [stored] = reading.log().records()
        assert stored.authentic


@pytest.mark.parametrize("log", ["django:nowhere", "django:"])
def test_a_database_that_is_not_there_is_an_error_at_start(
    log: str, small: dict[str, Any], django: Callable[..., Any]
) -> None:
    from consent.django.apps import the_site

    django(CONSENT={**SETTINGS, "log": log})
    if log == "django:":
        assert the_site().store is not None, "as without a name"
    else:
        with pytest.raises(ConfigurationError, match=r"no such database; got 'nowhere'; known: default"):
            the_site()


def test_a_kind_of_database_whose_sql_is_not_known_is_an_error_at_start(django: Callable[..., Any]) -> None:
    from consent.django.store import DjangoDatabase

    with (
        exchanged({"default": {"ENGINE": "django.db.backends.dummy", "NAME": "x"}}),
        pytest.raises(ConfigurationError, match=r"of this kind; .*known: cockroachdb, mysql, postgresql, sqlite"),
    ):
        DjangoDatabase("default")


def test_mysql_is_asked_in_its_own_words(django: Callable[..., Any]) -> None:
    from consent.django.store import _translated

    mysql: Any = SimpleNamespace(
        vendor="mysql", ops=SimpleNamespace(insert_statement=lambda on_conflict: "INSERT IGNORE INTO")
    )
    assert (
        _translated("INSERT INTO t (a) VALUES (%s) ON CONFLICT DO NOTHING", mysql)
        == "INSERT IGNORE INTO t (a) VALUES (%s)"
    )
    assert _translated("INSERT INTO t (a)\nON CONFLICT DO NOTHING", mysql) == "INSERT IGNORE INTO t (a)"
    assert _translated("SELECT 1", mysql) == "SELECT 1"


def test_the_role_that_the_documentation_makes_inserts_and_does_nothing_else(
    cluster: Cluster, make_database: Callable[[str], dict[str, Any]], django: Callable[..., Any]
) -> None:
    from django.db import ProgrammingError, connections

    made = make_database("postgresql")
    [grants] = re.findall(r"^CREATE ROLE consent_app .*?^$", LOG_MD, re.MULTILINE | re.DOTALL)
    cluster.execute(made["NAME"], grants.replace("consent_app", "django_app"))
    try:
        with exchanged({"default": made, "log": {**made, "USER": "django_app"}}):
            django(CONSENT={**SETTINGS, "log": "django:log"})
            assert [decide("accept").status_code for _ in range(3)] == [303] * 3
            assert kinds() == ["accept_all"] * 3
            for statement in (
                "UPDATE consent_record SET body = ''",
                "DELETE FROM consent_record",
                "SELECT body FROM consent_record",
            ):
                with pytest.raises(ProgrammingError, match="permission denied"), connections["log"].cursor() as cursor:
                    cursor.execute(statement)
    finally:
        cluster.execute(made["NAME"], "DROP OWNED BY django_app; DROP ROLE django_app")


# Connections


def sessions(cluster: Cluster, name: str) -> list[Any]:
    query = f"SELECT pid FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    return [pid for (pid,) in cluster.execute("postgres", query)]


def test_connections_are_kept_as_long_as_the_database_s_setting_says(
    cluster: Cluster, make_database: Callable[[str], dict[str, Any]], django: Callable[..., Any]
) -> None:
    made = make_database("postgresql")
    with exchanged({"default": made}):
        assert decide("accept").status_code == 303
        assert sessions(cluster, made["NAME"]) == []
    django(CONSENT=dict(SETTINGS))
    with exchanged({"default": {**made, "CONN_MAX_AGE": None}}):
        assert decide("accept").status_code == 303
        [kept] = sessions(cluster, made["NAME"])
        cluster.execute("postgres", f"SELECT pg_terminate_backend({kept})")
        assert decide("accept").status_code == 303, "a connection that was lost is made again"
        assert kinds() == ["accept_all"] * 3
        assert kept not in sessions(cluster, made["NAME"])


def test_what_is_acknowledged_is_on_the_disk_whatever_the_site_s_default_is(
    cluster: Cluster, make_database: Callable[[str], dict[str, Any]]
) -> None:
    from consent.django.store import DjangoDatabase

    made = postgresql(cluster, make_database("postgresql")["NAME"])
    made["OPTIONS"] = {"options": "-c synchronous_commit=off"}
    with exchanged({"default": made}):
        database = DjangoDatabase("default")
        said: list[Any] = []

        def work(transaction: Any) -> None:
            with transaction._connection.cursor() as cursor:
                cursor.execute("SHOW synchronous_commit")
                said.extend(cursor.fetchone())

        database.transact(work)
        assert said == ["on"]
        assert database.read("SHOW synchronous_commit", ()) == [("off",)], "of nobody else's transactions"
        database.close()


def test_a_server_that_is_gone_is_unavailable(small: dict[str, Any], tmp_path: Any) -> None:
    from consent.django.store import DjangoDatabase

    with exchanged(
        {"default": {**small, "NAME": "x", "ENGINE": "django.db.backends.postgresql", "HOST": str(tmp_path)}}
    ):
        database = DjangoDatabase("default")
        with pytest.raises(LogUnavailable, match="OperationalError"):
            database.read("SELECT 1", ())
        database.close()


# The models


def test_code_reads_the_log_and_does_not_write_it(small: dict[str, Any]) -> None:
    from consent.django.models import Record

    assert decide("accept").status_code == 303
    [record] = Record.objects.all()
    for write in (
        record.save,
        record.delete,
        Record.objects.all().delete,
        lambda: Record.objects.update(body=""),
        lambda: Record.objects.create(rid="00"),
        lambda: Record.objects.bulk_create([record]),
    ):
        with pytest.raises(TypeError, match="written by the log alone"):
            write()
    assert kinds() == ["accept_all"]


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_log_that_is_forgotten_is_closed_while_an_event_loop_runs(database: dict[str, Any]) -> None:
    from consent.django.apps import open_site

    site = open_site()
    assert site.append(make_record(), NOTICE) is not None
    pool: Any = site.store

    async def forget() -> None:
        nonlocal site
        del site
        gc.collect()

    asyncio.run(forget())
    with pytest.raises(LogUnavailable):
        next(pool.records())
