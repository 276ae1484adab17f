"""Each claim about the log is tested on its three databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import Log

from consent.log.postgres import PostgresDatabase
from consent.log.sqlite import SqliteDatabase
from consent.log.store import Database


@pytest.fixture(params=["sqlite-file", "sqlite-memory", "postgresql"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Log]:
    make: Callable[[], Database]
    if request.param == "postgresql":
        url = request.getfixturevalue("cluster").new_schema()
        make = lambda: PostgresDatabase(url)  # noqa: E731
    else:
        path = str(tmp_path / "consent.db") if request.param == "sqlite-file" else ""
        make = lambda: SqliteDatabase(path)  # noqa: E731
    log = Log(make)
    yield log
    for database in log.opened:
        database.close()
