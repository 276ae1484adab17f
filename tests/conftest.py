"""One PostgreSQL server for the whole run, a database of its own for each test; and the modules that tests share."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

# No test depends on how fast the machine is.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

for room in (".", "log", "faults", "adapters"):
    sys.path.insert(0, str(Path(__file__).parent / room))

if TYPE_CHECKING:
    from cluster import Cluster


def pytest_collection_finish() -> None:
    """Thousands of tests and all that they import stay until the end: the garbage collector need not look at them."""
    gc.collect()
    gc.freeze()


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


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run ``consent`` in a folder of its own, and in this process, because starting Python costs more than most tests."""
    from records import SECRET

    from consent.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONSENT_LOG", raising=False)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patch:
            for name, value in {"CONSENT_SECRET_KEY": SECRET, **variables}.items():
                patch.setenv(name, value)
            try:
                code: Any = main(arguments)
            except SystemExit as end:
                code = end.code
        captured = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, captured.out, captured.err)

    return run
