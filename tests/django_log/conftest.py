"""A Django site of its own for each test, with its databases made by its migrations."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cluster import Cluster
from databases import Log
from records import SECRET

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("test_store", "test_seal", "test_audit", "test_limit", "test_tampering")

from sites import APPS, FILLED, MIDDLEWARE, SETTINGS, TEMPLATES, exchanged, postgresql, sqlite  # noqa: E402


@pytest.fixture
def django(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Set Django's settings, for this test."""
    from django.conf import settings
    from django.test.utils import override_settings
    from doors import configure_django

    configure_django()

    before: Any = settings._wrapped
    opened: list[Any] = []

    def change(**changes: Any) -> Any:
        opened.append(override_settings(**changes))
        opened[-1].enable()
        return settings

    change(
        INSTALLED_APPS=[*(f"django.contrib.{name}" for name in APPS), "consent.django"],
        MIDDLEWARE=MIDDLEWARE,
        TEMPLATES=TEMPLATES,
        ROOT_URLCONF="urls",
        SECRET_KEY=SECRET,
        STATIC_URL="/static/",
        CONSENT=SETTINGS,
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        DATABASE_ROUTERS=[],
    )
    import urls

    monkeypatch.setattr(urls, "views", {})
    yield change
    from django.apps import apps

    site = apps.get_app_config("consent")._site  # type: ignore[attr-defined]
    if site is not None:
        site.close()
    for changed in reversed(opened):
        changed.disable()
    settings._wrapped = before


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Databases that were migrated once, of which tests get copies."""
    return {"folder": tmp_path_factory.mktemp("migrated"), "copies": []}


@pytest.fixture
def make_database(
    request: pytest.FixtureRequest, django: Callable[..., Any], migrated: dict[str, Any], tmp_path: Path
) -> Callable[[str], dict[str, Any]]:
    """A migrated database of a kind, of which nobody else has the same."""

    def migrate(database: dict[str, Any]) -> None:
        from django.core.management import call_command

        with exchanged({"default": database}):
            call_command("migrate", verbosity=0)

    def make(kind: str) -> dict[str, Any]:
        if kind == "sqlite":
            template = migrated["folder"] / "site.sqlite3"
            if not template.exists():
                migrate(sqlite(template))
            path = tmp_path / f"site{len([*tmp_path.iterdir()])}.sqlite3"
            shutil.copy(template, path)
            return sqlite(path)
        # One for all, emptied: making and removing databases costs more than most tests.
        cluster: Cluster = request.getfixturevalue("cluster")
        if "pristine" not in migrated:
            migrated["pristine"] = cluster.new_database()
            migrate(postgresql(cluster, migrated["pristine"]))
        try:
            cluster.execute(migrated["postgresql"], f"TRUNCATE {', '.join(FILLED)} CASCADE")
        except (KeyError, psycopg.Error):  # none yet, or one whose tables a test took away
            migrated["postgresql"] = f"{migrated['pristine']}_{len(migrated['copies'])}"
            migrated["copies"].append(migrated["postgresql"])
            cluster.execute("postgres", f"CREATE DATABASE {migrated['postgresql']} TEMPLATE {migrated['pristine']}")
        return postgresql(cluster, migrated["postgresql"])

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest, make_database: Callable[[str], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """The site's database, on each kind that is tried."""
    made = make_database(request.param)
    with exchanged({"default": made}):
        yield made


@pytest.fixture
def small(make_database: Callable[[str], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The site's database where it does not matter which."""
    made = make_database("sqlite")
    with exchanged({"default": made}):
        yield made


@pytest.fixture
def log(database: dict[str, Any]) -> Iterator[Log]:
    """The log in it, as the tests of :mod:`consent.log` know it."""
    from consent.django.store import DjangoDatabase

    log = Log(lambda: DjangoDatabase("default"))
    yield log
    for opened in log.opened:
        opened.close()
