"""One PostgreSQL server for the whole run, a database of its own for each test; and the modules that tests share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

for room in ("log", "faults", "adapters"):
    sys.path.insert(0, str(Path(__file__).parent / room))

if TYPE_CHECKING:
    from cluster import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    from cluster import running_cluster

    with running_cluster() as running:
        yield running


@pytest.fixture
def database(cluster: Cluster) -> str:
    return cluster.new_database()


@pytest.fixture
def database_url(cluster: Cluster, database: str) -> str:
    return cluster.url(database)


@pytest.fixture(params=["sqlite", "postgresql"])
def log_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a log that many processes can share."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/consent.db"
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.new_schema()
