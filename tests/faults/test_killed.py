"""Processes that are killed while they write: every acknowledged record is there exactly once."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cluster import Cluster, running_cluster
from faulty import SECONDS, drain, start
from records import KEY, make_record

from consent.log.append import Appender, open_log
from consent.log.postgres import PostgresDatabase
from consent.log.sqlite import SqliteDatabase
from consent.log.store import SqlStore, open_store

WRITER = """
store = open_store(sys.argv[1], keys=[KEY], patience=60)
for number in itertools.count(int(sys.argv[2])):
    if not attempt(store, number):
        sys.exit(9)
"""


def acknowledged(writer: subprocess.Popen[str], number: int | None = None) -> set[str]:
    """The ids in the next lines that a writer has printed, or in all that are left."""
    assert writer.stdout
    lines = writer.stdout.readlines() if number is None else [writer.stdout.readline() for _ in range(number)]
    # A line that the kill has cut in two is no word given.
    words = [line.split() for line in lines if line.endswith("\n")]
    assert all(word[0] == "kept" for word in words)
    return {make_record(int(word[1])).id for word in words}


def test_every_acknowledged_record_of_killed_processes_is_there_exactly_once(log_url: str) -> None:
    told: set[str] = set()
    for round_ in range(3):
        writers = [start(WRITER, log_url, str((round_ * 3 + n) * 100_000)) for n in range(3)]
        for index, writer in enumerate(writers):
            told |= acknowledged(writer, 5 * (round_ + index))
        for writer in writers:
            writer.kill()
        for writer in writers:
            told |= acknowledged(writer)
            assert writer.wait() == -9
            assert writer.stdout
            writer.stdout.close()
    assert len(told) >= 45 + 45
    path = log_url.removeprefix("sqlite:///")
    database = SqliteDatabase(path) if path != log_url else PostgresDatabase(log_url)
    store = SqlStore(database, [KEY])
    found = [stored.id for stored in store.records()]
    assert len(found) == len(set(found))
    assert told <= set(found)
    # Whoever was killed between the commit and the word left at most one record that nobody was told of.
    assert len(found) - len(told) <= 9
    assert all(stored.problem is None for stored in store.records())
    assert database.read("SELECT count(*) FROM consent_pending", ()) == [(len(found),)]
    store.close()


def test_a_process_that_is_killed_in_its_turn_leaves_the_turn_to_others(log_url: str) -> None:
    writers = [start(WRITER, log_url, str(n * 100_000)) for n in range(2)]
    acknowledged(writers[0], 3)
    writers[0].kill()
    acknowledged(writers[1], 40)
    store = open_store(log_url, keys=[KEY], patience=60)
    store.append(make_record(999), b"")
    store.close()
    for writer in writers:
        writer.kill()
        writer.wait()
        assert writer.stdout
        writer.stdout.close()


# Writers that go on while their database does not

SPOOLER = """
leaves = True
store = open_log(sys.argv[1], keys=[KEY], spool=sys.argv[3])
for number in itertools.count(int(sys.argv[2])):
    attempt(store, number)
"""


def promised(lines: str) -> dict[str, str]:
    """The ids and leaves that a writer has acknowledged."""
    words = [line.split() for line in lines.splitlines(keepends=True) if line.endswith("\n")]
    return {make_record(int(word[1])).id: word[2] for word in words if word[0] == "kept"}


def all_is_there(log: Appender, told: dict[str, str]) -> None:
    """Every acknowledged record is in the log once, with the leaf of its receipt, and waits to be sealed."""
    drain(log)
    stored = list(log.records())
    found = {one.id: one.leaf for one in stored}
    assert len(found) == len(stored)
    assert all(one.problem is None for one in stored)
    assert told.items() <= found.items()
    [(pending,)] = log.store._read("SELECT count(*) FROM consent_pending", ())
    assert pending == len(stored)


def torment(url: str, spool: str, fault: Callable[[], object], tmp_path: Path) -> dict[str, str]:
    """Kill writers at random, and do something to their database, again and again; what they had acknowledged."""
    outputs: list[Path] = []

    def another() -> subprocess.Popen[str]:
        outputs.append(tmp_path / f"writer-{len(outputs)}")
        return start(SPOOLER, url, str(len(outputs) * 100_000), spool, output=outputs[-1])

    writers = [another() for _ in range(3)]
    try:
        begun = time.monotonic() + 60
        while not all(output.stat().st_size for output in outputs):
            assert time.monotonic() < begun
            time.sleep(0.05)
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            time.sleep(random.uniform(0.3, 0.8))
            fault()
            victim = random.randrange(len(writers))
            writers[victim].kill()
            writers[victim].wait()
            writers[victim] = another()
        time.sleep(1)
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    told: dict[str, str] = {}
    for output in outputs:
        told |= promised(output.read_text())
    return told


def test_writers_and_drainers_that_are_killed_while_sqlite_is_locked_now_and_then_lose_and_double_nothing(
    tmp_path: Path,
) -> None:
    path, spool = f"{tmp_path}/consent.db", f"{tmp_path}/consent.db-spool"
    log = open_log(f"sqlite:///{path}", keys=[KEY])
    log.append(make_record(0), b"")

    def lock() -> None:
        other = sqlite3.connect(path, isolation_level=None, timeout=5)
        other.execute("BEGIN IMMEDIATE")
        time.sleep(random.uniform(0.1, 0.5))
        other.execute("ROLLBACK")
        other.close()

    told = torment(f"sqlite:///{path}", spool, lock, tmp_path)
    assert len(told) > 50
    all_is_there(log, told)
    log.close()


@pytest.fixture
def server() -> Iterator[Cluster]:
    """A server that nobody else's tests use."""
    with running_cluster() as running:
        yield running


@contextmanager
def stopped(cluster: Cluster, how: str) -> Iterator[None]:
    """The server is gone, or hangs, meanwhile."""
    if how == "hung":
        with cluster.hung():
            yield
        return
    if how == "killed":
        cluster.kill()
    else:
        cluster.stop(signal.SIGINT)
    try:
        yield
    finally:
        cluster.start()


def test_writers_and_drainers_that_are_killed_while_postgresql_is_killed_too_lose_and_double_nothing(
    server: Cluster, tmp_path: Path
) -> None:
    url, spool = server.url("postgres"), f"{tmp_path}/spool"
    log = open_log(url, keys=[KEY], spool=spool)
    log.append(make_record(0), b"")

    def kill() -> None:
        with stopped(server, random.choice(["killed", "hung", "stopped"])):
            time.sleep(random.uniform(0, 0.5))

    told = torment(url, spool, kill, tmp_path)
    assert len(told) > 50
    all_is_there(log, told)
    log.close()


@pytest.mark.parametrize("how", ["killed", "stopped", "hung"])
def test_a_server_that_is_away_costs_a_request_its_budget_once_and_then_nothing(
    server: Cluster, tmp_path: Path, how: str
) -> None:
    log = open_log(server.url("postgres"), keys=[KEY], spool=f"{tmp_path}/spool")
    told: dict[str, str] = {}
    took: list[float] = []

    def append(number: int) -> None:
        begun = time.monotonic()
        receipt = log.append(make_record(number), b"")
        took.append(time.monotonic() - begun)
        told[receipt.id] = receipt.leaf

    append(0)
    with stopped(server, how):
        took.clear()
        for number in range(1, 30):
            append(number)
        assert max(took) < 0.25 + 0.5
        assert sorted(took)[len(took) // 2] < 0.1
    all_is_there(log, told)
    assert len(told) == 30
    log.close()
