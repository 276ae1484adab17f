"""A database that is full, locked, read-only, hung, stopped or gone: LogUnavailable and no other error, then it works."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from cluster import Cluster
from faulty import folder_of_another, run
from records import KEY, NOTICE, make_record

from consent.errors import LogUnavailable
from consent.log.store import SqlStore, open_store

# SQLite

PERMISSIONS = {
    "a read-only file": "os.chmod(path, 0o444)",
    "a file that may not be read": "os.chmod(path, 0)",
    "a read-only folder": "os.chmod(folder, 0o555)",
    "a folder that may not be entered": "os.chmod(folder, 0)",
}


@pytest.mark.parametrize("fault", PERMISSIONS.values(), ids=PERMISSIONS)
def test_a_log_that_may_not_be_written_is_unavailable_until_it_may(fault: str) -> None:
    with folder_of_another() as (folder, become):
        script = f"""
{become}
folder, path = sys.argv[1], sys.argv[1] + "/consent.db"
store = open_store("sqlite:///" + path, keys=[KEY], patience=0.2)
attempt(store, 1)
store.close()
# A process that starts when it is so, and goes on when it is mended.
{fault}
try:
    store = open_store("sqlite:///" + path, keys=[KEY], patience=0.2)
except Exception as error:
    print("at start:", type(error).__name__)
attempt(store, 2)
attempt(store, 3)
os.chmod(folder, 0o755)
os.chmod(path, 0o644)
store.close()
store = open_store("sqlite:///" + path, keys=[KEY], patience=0.2)
attempt(store, 3)
print([stored.record == make_record(n) for stored, n in zip(store.records(), (1, 3), strict=True)])
store.close()
"""
        assert run(script, str(folder)) == ["kept 1", "LogUnavailable", "LogUnavailable", "kept 3", "[True, True]"]


def test_a_log_whose_permissions_come_back_works_without_a_restart() -> None:
    with folder_of_another() as (folder, become):
        script = f"""
{become}
folder, path = sys.argv[1], sys.argv[1] + "/consent.db"
os.chmod(folder, 0o555)
store = open_store("sqlite:///" + path, keys=[KEY], patience=0.2)
attempt(store, 1)
os.chmod(folder, 0o755)
attempt(store, 2)
store.close()
"""
        assert run(script, str(folder)) == ["LogUnavailable", "kept 2"]


@pytest.mark.parametrize(
    "fault", ["os.chmod(path, 0o444)", "os.chmod(path, 0o444); os.chmod(folder, 0o555)"], ids=["file", "folder"]
)
def test_who_may_read_and_not_write_can_read_and_leaves_nothing_that_stands_in_the_way(fault: str) -> None:
    with folder_of_another() as (folder, become):
        script = f"""
{become}
folder, path = sys.argv[1], sys.argv[1] + "/consent.db"
store = open_store("sqlite:///" + path, keys=[KEY])
attempt(store, 1)
store.close()
{fault}
store = open_store("sqlite:///" + path, keys=[KEY], create=False)
print([stored.record == make_record(1) for stored in store.records()])
store.close()
os.chmod(folder, 0o755)
os.chmod(path, 0o644)
store = open_store("sqlite:///" + path, keys=[KEY])
attempt(store, 2)
# And beside a site that runs.
os.chmod(path, 0o444)
reader = open_store("sqlite:///" + path, keys=[KEY], create=False)
print([stored.record == make_record(n) for stored, n in zip(reader.records(), (1, 2), strict=True)])
reader.close()
attempt(store, 3)
store.close()
"""
        assert run(script, str(folder)) == ["kept 1", "[True]", "kept 2", "[True, True]", "kept 3"]


def test_on_a_full_disk_what_was_acknowledged_stays_and_the_rest_is_refused(tmp_path: Path) -> None:
    script = """
path = sys.argv[1]
store = open_store("sqlite:///" + path, keys=[KEY], patience=0.2)
attempt(store, 0)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))  # SIGXFSZ is ignored by Python
number = failed = 0
while failed < 5:  # the first failures make room, because the write-ahead log is written back
    if attempt(store, number + 1):
        number, failed = number + 1, 0
    else:
        failed += 1
print("readable", [stored.record for stored in store.records()] == [make_record(n) for n in range(number + 1)])
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
attempt(store, number + 1)
store.close()
store = open_store("sqlite:///" + path, keys=[KEY])
print("all", [stored.record for stored in store.records()] == [make_record(n) for n in range(number + 2)])
store.close()
"""
    lines = run(script, f"{tmp_path}/consent.db")
    kept = [line for line in lines if line.startswith("kept")]
    assert len(kept) > 20
    assert lines[-8:] == [*["LogUnavailable"] * 5, "readable True", kept[-1], "all True"]


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_store(f"sqlite:///{tmp_path}/consent.db", keys=[KEY], patience=0.1)
    store.append(make_record(0), NOTICE)
    yield store
    store.close()


def test_a_database_that_another_program_has_locked_is_waited_for_so_long_and_no_longer(
    tmp_path: Path, impatient: SqlStore
) -> None:
    other = sqlite3.connect(tmp_path / "consent.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LogUnavailable, match="locked"):
        impatient.append(make_record(1), NOTICE)
    # Who reads does not wait.
    assert [stored.record for stored in impatient.records()] == [make_record(0)]
    other.execute("ROLLBACK")
    other.close()
    impatient.append(make_record(1), NOTICE)


def test_a_turn_that_another_process_does_not_give_back_is_waited_for_so_long_and_no_longer(
    tmp_path: Path, impatient: SqlStore
) -> None:
    import fcntl

    with (tmp_path / "consent.db-turn").open("rb") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        with pytest.raises(LogUnavailable):
            impatient.append(make_record(1), NOTICE)
    impatient.append(make_record(1), NOTICE)


def test_a_log_whose_tables_are_gone_is_unavailable(tmp_path: Path, impatient: SqlStore) -> None:
    other = sqlite3.connect(tmp_path / "consent.db", isolation_level=None)
    other.execute("DROP TABLE consent_record")
    other.close()
    with pytest.raises(LogUnavailable, match="no such table"):
        impatient.append(make_record(1), NOTICE)
    with pytest.raises(LogUnavailable, match="no such table"):
        list(impatient.records())


def test_a_log_whose_folder_is_gone_is_unavailable(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    store = open_store(f"sqlite:///{folder}/consent.db", keys=[KEY], patience=0.1)
    folder.rmdir()
    with pytest.raises(LogUnavailable):
        store.append(make_record(1), NOTICE)
    folder.mkdir()
    store.append(make_record(1), NOTICE)
    store.close()


# PostgreSQL


@pytest.fixture
def remote(database_url: str) -> Iterator[SqlStore]:
    store = open_store(database_url, keys=[KEY], patience=0.5)
    store.append(make_record(0), NOTICE)
    yield store
    store.close()


def records(store: SqlStore) -> list[object]:
    assert all(stored.problem is None for stored in store.records())
    return [stored.record for stored in store.records()]


def test_a_server_that_is_stopped_is_unavailable_and_is_found_again_when_it_is_back(
    cluster: Cluster, remote: SqlStore
) -> None:
    cluster.stop()
    try:
        for _ in range(2):
            with pytest.raises(LogUnavailable):
                remote.append(make_record(1), NOTICE)
            with pytest.raises(LogUnavailable):
                list(remote.records())
    finally:
        cluster.start()
    remote.append(make_record(1), NOTICE)
    assert records(remote) == [make_record(0), make_record(1)]


def test_a_server_that_was_started_anew_meanwhile_is_not_noticed(cluster: Cluster, remote: SqlStore) -> None:
    cluster.stop()
    cluster.start()
    remote.append(make_record(1), NOTICE)
    assert records(remote) == [make_record(0), make_record(1)]


def terminate(cluster: Cluster, database: str) -> None:
    cluster.execute("postgres", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")


def test_a_connection_that_was_ended_is_made_again_unnoticed(cluster: Cluster, database: str, remote: SqlStore) -> None:
    for number in range(1, 4):
        terminate(cluster, database)
        remote.append(make_record(number), NOTICE)
        terminate(cluster, database)
        assert records(remote) == [make_record(n) for n in range(number + 1)]


def test_connections_that_end_in_the_middle_of_appends_lose_and_double_nothing(
    cluster: Cluster, database: str, remote: SqlStore
) -> None:
    kept: list[int] = []

    def work(first: int) -> None:
        for number in range(first, first + 30):
            while number not in kept:
                try:
                    remote.append(make_record(number), NOTICE)
                    kept.append(number)
                except LogUnavailable:
                    continue

    threads = [threading.Thread(target=work, args=(first,)) for first in (100, 200, 300)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        terminate(cluster, database)
        before = len(kept)
        while len(kept) == before and any(thread.is_alive() for thread in threads):
            time.sleep(0.001)
    found = records(remote)
    assert len(found) == len(set(found))
    assert {make_record(number) for number in kept} == {*found} - {make_record(0)}


def test_a_table_that_is_locked_is_waited_for_so_long_and_no_longer(database_url: str, remote: SqlStore) -> None:
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE consent_record IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(LogUnavailable, match="timeout"):
            remote.append(make_record(1), NOTICE)
    remote.append(make_record(1), NOTICE)


def test_a_server_that_hangs_is_waited_for_so_long_and_no_longer(
    cluster: Cluster, database: str, remote: SqlStore
) -> None:
    [(pid,)] = cluster.execute("postgres", f"SELECT pid FROM pg_stat_activity WHERE datname = '{database}'")
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(LogUnavailable, match="does not answer"):
            remote.append(make_record(1), NOTICE)
    finally:
        os.kill(pid, signal.SIGCONT)
    remote.append(make_record(1), NOTICE)
    assert records(remote) == [make_record(0), make_record(1)]


def test_a_server_that_has_become_read_only_is_unavailable(cluster: Cluster, database: str, remote: SqlStore) -> None:
    cluster.execute(database, f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    terminate(cluster, database)
    with pytest.raises(LogUnavailable, match="read-only"):
        remote.append(make_record(1), NOTICE)
    assert records(remote) == [make_record(0)]


def test_a_database_or_user_that_is_not_there_is_unavailable(cluster: Cluster, database: str) -> None:
    for url in (cluster.url("nowhere"), cluster.url(database, "nobody_we_know")):
        store = open_store(url, keys=[KEY])
        with pytest.raises(LogUnavailable, match="does not exist"):
            store.append(make_record(1), NOTICE)
        store.close()
