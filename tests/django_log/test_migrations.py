"""The log's tables come and go with Django's migrations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cluster import Cluster
from records import KEY, NOTICE, make_record
from sites import exchanged, postgresql, sqlite

from consent.log.store import open_store


def migrate(*arguments: str, **options: Any) -> None:
    from django.core.management import call_command

    call_command("migrate", *arguments, verbosity=0, **options)


def tables() -> set[str]:
    from django.db import connection

    return {name for name in connection.introspection.table_names() if name.startswith("consent_")}


@pytest.mark.parametrize("number", ["django.db.models.AutoField", "django.db.models.BigAutoField"])
def test_models_and_migrations_say_the_same_whatever_a_site_s_numbers_are(
    number: str, small: dict[str, Any], django: Callable[..., Any]
) -> None:
    from django.core.management import call_command

    django(DEFAULT_AUTO_FIELD=number)
    call_command("makemigrations", "consent", check_changes=True, dry_run=True, verbosity=0)


def test_the_tables_go_and_come_again(database: dict[str, Any]) -> None:
    there = tables()
    assert len(there) == 10
    migrate("consent", "zero")
    assert tables() == set()
    migrate("consent")
    assert tables() == there


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_log_that_is_in_the_database_already_is_taken_over(
    kind: str, tmp_path: Path, django: Callable[..., Any], request: pytest.FixtureRequest
) -> None:
    if kind == "sqlite":
        url, database = f"sqlite:///{tmp_path}/site.sqlite3", sqlite(tmp_path / "site.sqlite3")
    else:
        cluster: Cluster = request.getfixturevalue("cluster")
        name = cluster.new_database()
        url, database = cluster.url(name), postgresql(cluster, name)
    store = open_store(url, keys=[KEY])
    receipt = store.append(make_record(0), NOTICE)
    store.close()
    from consent.django import reading

    with exchanged({"default": database}):
        migrate("consent", fake_initial=True)
        [stored] = reading.log().records()
        assert stored.leaf == receipt.leaf


def test_a_router_keeps_the_tables_out_of_a_database(tmp_path: Path, django: Callable[..., Any]) -> None:
    class Elsewhere:
        def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool | None:
            return db == "logs" if app_label == "consent" else None

    django(DATABASE_ROUTERS=[Elsewhere()])
    with exchanged({"default": sqlite(tmp_path / "site"), "logs": sqlite(tmp_path / "logs")}):
        for alias in ("default", "logs"):
            migrate("consent", database=alias)
        from django.db import connections

        assert {alias: "consent_record" in connections[alias].introspection.table_names() for alias in connections} == {
            "default": False,
            "logs": True,
        }
