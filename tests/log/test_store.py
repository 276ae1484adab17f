"""One table of claims over every database: a record is kept once, durably, and cannot be changed unseen."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cluster import Cluster
from databases import Log
from records import KEY, NOTICE, START, make_record

from consent.errors import ConfigurationError, LogUnavailable
from consent.log.postgres import PostgresDatabase
from consent.log.record import Receipt, Record, commitment, format_body, leaf_data, leaf_hash, mac, mac_key
from consent.log.sqlite import SqliteDatabase
from consent.log.store import Database, SqlStore, Stored, open_store

HERE = str(Path(__file__).parent)


def kept(store: SqlStore, **filters: Any) -> list[Record | None]:
    return [stored.record for stored in store.records(**filters)]


def filled(log: Log, number: int) -> list[Record]:
    """A log with records a second apart, appended in no order."""
    records = [make_record(n) for n in range(number)]
    for record in records[::-2] + records[-2::-2]:
        log.store.append(record, NOTICE)
    return records


# Appending


def test_what_was_appended_is_read_back(log: Log) -> None:
    record = make_record(
        policy='é "x" \\ 政策 😀', prev="0" * 32, subject="1" * 32, gpc=True, granted=(), kind="withdraw"
    )
    receipt = log.store.append(record, NOTICE)
    [stored] = log.store.records()
    assert stored == Stored(record.id, record.ts, record, stored.commitment, receipt.leaf, authentic=True, problem=None)


def test_a_receipt_is_the_hash_of_a_leaf_that_commits_to_the_record(log: Log) -> None:
    record = make_record()
    receipt = log.store.append(record, NOTICE)
    [(rid, ts, subject, committed, code, kid, salt, body)] = log.ask("SELECT * FROM consent_record")
    assert (bytes(rid).hex(), ts, subject, kid, body) == (record.id, record.ts, None, 0, format_body(record).decode())
    assert len(bytes(salt)) == 32
    assert bytes(committed) == commitment(bytes(salt), format_body(record))
    data = leaf_data(record.id, record.ts, bytes(committed))
    assert bytes(code) == mac(KEY, data)
    assert receipt == Receipt(record.id, record.ts, leaf_hash(data).hex())


def test_a_salt_is_used_once(log: Log) -> None:
    filled(log, 3)
    assert len({bytes(row[0]) for row in log.ask("SELECT salt FROM consent_record")}) == 3


def test_the_same_record_again_is_kept_once_and_has_the_same_receipt(log: Log) -> None:
    record = make_record()
    receipts = {log.open(key).append(record, NOTICE) for key in (KEY, KEY, mac_key(b"the next key"))}
    assert len(receipts) == 1
    assert kept(log.store) == [record]
    assert log.ask("SELECT count(*) FROM consent_pending") == [(1,)]


def test_a_record_that_was_sealed_does_not_wait_again_when_it_comes_again(log: Log) -> None:
    record = make_record()
    log.store.append(record, NOTICE)
    log.run("DELETE FROM consent_pending")
    log.store.append(record, NOTICE)
    assert log.ask("SELECT count(*) FROM consent_pending") == [(0,)]


def test_a_record_whose_content_was_erased_keeps_its_receipt_and_stays_erased(log: Log) -> None:
    record = make_record()
    receipt = log.store.append(record, NOTICE)
    log.run("UPDATE consent_record SET body = NULL, salt = NULL")
    assert log.store.append(record, NOTICE) == receipt
    assert kept(log.store) == [None]


def test_another_record_with_the_same_id_gets_no_receipt(log: Log) -> None:
    record = make_record()
    log.store.append(record, NOTICE)
    with pytest.raises(LogUnavailable, match="another record"):
        log.store.append(replace(record, ts=record.ts + 1), NOTICE)
    assert kept(log.store) == [record]


def test_a_record_and_its_place_in_the_queue_are_written_together_or_not_at_all(log: Log) -> None:
    log.run("DROP TABLE consent_pending")
    with pytest.raises(LogUnavailable):
        log.store.append(make_record(), NOTICE)
    assert kept(log.store) == []


def test_the_words_that_were_shown_are_kept_once(log: Log) -> None:
    for store in (log.store, log.store):
        for number in range(3):
            store.append(make_record(number), NOTICE)
    other = b'{"title":"Another"}'
    log.store.append(make_record(9, notice=other), other)
    assert log.store.notice(make_record().notice) == NOTICE
    assert log.store.notice("sha256:" + hashlib.sha256(other).hexdigest()) == other
    assert log.store.notice("sha256:" + "0" * 64) is None
    assert log.ask("SELECT count(*) FROM consent_notice") == [(2,)]


def test_words_that_were_changed_are_refused(log: Log) -> None:
    log.store.append(make_record(), NOTICE)
    log.run("UPDATE consent_notice SET content = ?", b'{"title":"We told you everything"}')
    with pytest.raises(ValueError, match="not those that the visitor was shown"):
        log.store.notice(make_record().notice)


def test_a_log_without_a_key_is_read_and_not_written(log: Log) -> None:
    log.store.append(make_record(), NOTICE)
    [stored] = log.open().records()
    assert (stored.record, stored.authentic, stored.problem) == (make_record(), None, None)
    with pytest.raises(LogUnavailable, match="without a key"):
        log.open().append(make_record(1), NOTICE)


def test_a_closed_log_is_unavailable(log: Log) -> None:
    store = log.store
    store.append(make_record(), NOTICE)
    store.close()
    with pytest.raises(LogUnavailable, match="closed"):
        store.append(make_record(1), NOTICE)
    with pytest.raises(LogUnavailable, match="closed"):
        list(store.records())


# Reading


def test_records_come_in_the_order_of_time(log: Log) -> None:
    records = filled(log, 7)
    same = [make_record(number, ts=records[3].ts) for number in (101, 102, 103)]
    for record in same:
        log.store.append(record, NOTICE)
    assert kept(log.store) == sorted([*records, *same], key=lambda record: (record.ts, record.id))


def test_since_is_inclusive_and_until_is_not(log: Log) -> None:
    records = filled(log, 6)
    assert kept(log.store, since=records[2].ts) == records[2:]
    assert kept(log.store, until=records[2].ts) == records[:2]
    assert kept(log.store, since=records[1].ts, until=records[4].ts) == records[1:4]
    assert kept(log.store, since=records[4].ts, until=records[1].ts) == []
    assert kept(log.store, since=0, until=2**53) == records


def test_a_limit_bounds_and_after_goes_on(log: Log) -> None:
    records = filled(log, 7)
    assert kept(log.store, limit=0) == []
    assert kept(log.store, limit=3) == records[:3]
    assert kept(log.store, limit=100) == records
    assert kept(log.store, after=(records[2].ts, records[2].id)) == records[3:]
    assert kept(log.store, after=(records[2].ts, records[2].id), limit=2, until=records[6].ts) == records[3:5]
    assert kept(log.store, after=(records[2].ts, "0" * 32)) == records[2:]
    assert kept(log.store, after=(records[6].ts, records[6].id)) == []


@pytest.mark.parametrize("same_time", [False, True])
def test_pages_follow_each_other_without_a_gap_or_a_double(
    log: Log, monkeypatch: pytest.MonkeyPatch, same_time: bool
) -> None:
    monkeypatch.setattr("consent.log.store._PAGE", 3)
    records = [make_record(number, **({"ts": START} if same_time else {})) for number in range(10)]
    for record in records:
        log.store.append(record, NOTICE)
    records.sort(key=lambda record: (record.ts, record.id))
    assert kept(log.store) == records
    for limit in range(1, 12):
        assert kept(log.store, limit=limit) == records[:limit]


def test_a_log_is_read_while_it_is_written(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consent.log.store._PAGE", 1)
    log.store.append(make_record(0), NOTICE)
    reading = log.store.records()
    assert next(reading).record == make_record(0)
    log.store.append(make_record(1), NOTICE)
    assert [stored.record for stored in reading] == [make_record(1)]


def test_a_record_is_found_by_the_beginning_of_its_id(log: Log) -> None:
    records = filled(log, 3)
    for record in records:
        dashed = f"{record.id[:8]}-{record.id[8:12]}-{record.id[12:16]}-{record.id[16:20]}-{record.id[20:]}"
        for prefix in (record.id, record.id[:-1], record.id.upper(), dashed):
            assert [stored.record for stored in log.store.find(prefix)] == [record]


def test_a_beginning_that_fits_many_gives_two_and_one_that_fits_none_gives_none(log: Log) -> None:
    records = filled(log, 3)
    assert len(log.store.find(records[0].id[:4])) == 2
    assert len(log.store.find("")) == 2
    assert log.store.find("f" * 32) == []
    assert log.store.find("00") == []


@pytest.mark.parametrize("junk", ["xyz", "%", "_", "'", "0" * 33, "-" * 40 + "0" * 40, "１", "\0", "\ud800", " "])
def test_what_is_no_beginning_of_an_id_finds_nothing(log: Log, junk: str) -> None:
    filled(log, 1)
    assert log.store.find(junk) == []


# Tampering


def _edited(body: str) -> str:
    return body.replace('"granted":["analytics"]', '"granted":["analytics","marketing"]').replace(
        '"refused":["marketing"]', '"refused":[]'
    )


def _resalted(log: Log, key: bytes | None) -> None:
    """A thorough forger: the body, and all that can be computed from it without the key, or with it."""
    [(rid, ts, salt, body)] = log.ask("SELECT rid, ts, salt, body FROM consent_record")
    committed = commitment(bytes(salt), _edited(body).encode())
    log.run("UPDATE consent_record SET body = ?, commitment = ?", _edited(body), committed)
    if key is not None:
        log.run("UPDATE consent_record SET mac = ?", mac(key, leaf_data(bytes(rid).hex(), ts, committed)))


def _edit_body(log: Log) -> None:
    [(body,)] = log.ask("SELECT body FROM consent_record")
    assert _edited(body) != body
    log.run("UPDATE consent_record SET body = ?", _edited(body))


TAMPERINGS: dict[str, Callable[[Log], None]] = {
    "the body": _edit_body,
    "the body, emptied": lambda log: log.run("UPDATE consent_record SET body = ''"),
    "the salt": lambda log: log.run("UPDATE consent_record SET salt = ?", bytes(32)),
    "the salt, removed": lambda log: log.run("UPDATE consent_record SET salt = NULL"),
    "the commitment": lambda log: log.run("UPDATE consent_record SET commitment = ?", bytes(32)),
    "the code": lambda log: log.run("UPDATE consent_record SET mac = ?", bytes(32)),
    "the code, emptied": lambda log: log.run("UPDATE consent_record SET mac = ?", b""),
    "the id": lambda log: log.run("UPDATE consent_record SET rid = ?", bytes(16)),
    "the id, shortened": lambda log: log.run("UPDATE consent_record SET rid = ?", b"\1"),
    "the time": lambda log: log.run("UPDATE consent_record SET ts = ts - 86400000"),
    "the time, to before all time": lambda log: log.run("UPDATE consent_record SET ts = ?", -1),
    "the time, to after all time": lambda log: log.run("UPDATE consent_record SET ts = ?", 2**63 - 1),
    "body and commitment": lambda log: _resalted(log, None),
    "body, commitment and a code by another key": lambda log: _resalted(log, mac_key(b"a guess")),
    "the time of an erased record": lambda log: log.run(
        "UPDATE consent_record SET body = NULL, salt = NULL, ts = ts - 1"
    ),
}


@pytest.mark.parametrize("tamper", TAMPERINGS.values(), ids=TAMPERINGS)
def test_a_change_is_found(log: Log, tamper: Callable[[Log], None]) -> None:
    log.store.append(make_record(), NOTICE)
    tamper(log)
    [stored] = log.store.records()
    assert stored.problem
    if stored.record is not None:
        assert stored.authentic is False or (stored.record.id, stored.record.ts) != (stored.id, stored.ts)


def test_a_change_by_who_has_the_key_is_left_to_the_receipt(log: Log) -> None:
    receipt = log.store.append(make_record(), NOTICE)
    _resalted(log, KEY)
    [stored] = log.store.records()
    assert stored.problem is None
    assert stored.leaf != receipt.leaf


def test_without_a_key_a_change_of_the_content_is_found_all_the_same(log: Log) -> None:
    log.store.append(make_record(), NOTICE)
    _edit_body(log)
    [stored] = log.open().records()
    assert (stored.record, stored.problem) == (None, "its content is not what was committed to")


@pytest.mark.parametrize("name", ["the id", "the time", "the time, to before all time"])
def test_without_a_key_a_change_of_id_or_time_is_found_all_the_same(log: Log, name: str) -> None:
    log.store.append(make_record(), NOTICE)
    TAMPERINGS[name](log)
    [stored] = log.open().records()
    assert stored.problem == "its id or time is not that of its content"


def test_content_that_is_no_record_is_found_even_if_it_was_committed_to(log: Log) -> None:
    record = make_record()
    log.store.append(record, NOTICE)
    for body in ("{}", "null", format_body(record).decode() + " ", '{"v":1}'):
        committed = commitment(bytes(32), body.encode())
        code = mac(KEY, leaf_data(record.id, record.ts, committed))
        log.run(
            "UPDATE consent_record SET body = ?, salt = ?, commitment = ?, mac = ?", body, bytes(32), committed, code
        )
        [stored] = log.store.records()
        assert (stored.record, stored.authentic, stored.problem) == (None, True, "its content is no record")


def test_two_records_that_changed_places_are_found(log: Log) -> None:
    filled(log, 2)
    (one, first), (other, second) = log.ask("SELECT rid, body FROM consent_record")
    log.run("UPDATE consent_record SET body = ? WHERE rid = ?", second, bytes(one))
    log.run("UPDATE consent_record SET body = ? WHERE rid = ?", first, bytes(other))
    assert all(stored.problem for stored in log.store.records())


def test_erased_content_is_no_problem(log: Log) -> None:
    receipt = log.store.append(make_record(), NOTICE)
    log.run("UPDATE consent_record SET body = NULL, salt = NULL")
    [stored] = log.store.records()
    assert (stored.record, stored.authentic, stored.problem) == (None, True, None)
    assert (stored.id, stored.ts, stored.leaf) == (receipt.id, receipt.ts, receipt.leaf)


def test_with_another_key_every_record_is_in_doubt(log: Log) -> None:
    filled(log, 2)
    for stored in log.open(mac_key(b"another key")).records():
        assert stored.authentic is False
        assert stored.problem == "its code is wrong: it was changed, or made with another key"


def test_after_a_rotation_the_first_key_writes_and_all_read(log: Log) -> None:
    new = mac_key(b"the new key")
    log.store.append(make_record(0), NOTICE)
    log.open(new, KEY).append(make_record(1), NOTICE)
    assert [stored.authentic for stored in log.open(new, KEY).records()] == [True, True]
    assert [stored.authentic for stored in log.open(new).records()] == [False, True]
    assert [stored.authentic for stored in log.open(KEY).records()] == [True, False]


@pytest.mark.parametrize("column", ["rid", "ts", "commitment", "mac", "salt", "body"])
@pytest.mark.parametrize("junk", ["CAST(x'ff80' AS TEXT)", "x'00ff'", "'text'", "3", "10000000000000", "1.5", "9e999"])
def test_whatever_stands_in_a_column_of_an_sqlite_file_raises_nothing(tmp_path: Path, column: str, junk: str) -> None:
    log = Log(lambda: SqliteDatabase(str(tmp_path / "consent.db")))
    try:
        filled(log, 2)
        log.run(f"UPDATE consent_record SET {column} = {junk} WHERE rid = (SELECT max(rid) FROM consent_record)")
        found = [stored.problem for stored in log.store.records()]
        assert sorted(problem is None for problem in found) == [False, True]
    finally:
        log.database.close()


# Many at once


def test_many_threads_append_at_once_each_record_exactly_once(log: Log) -> None:
    store, failed = log.store, []

    def work(first: int) -> None:
        try:
            for number in range(first, first + 8):
                store.append(make_record(number), NOTICE)
                store.append(make_record(number - 4), NOTICE)  # the neighbour's too
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(4 + 4 * n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert kept(store) == [make_record(number) for number in range(48)]


WRITER = f"""
import sys
sys.path.insert(0, {HERE!r})
from records import KEY, NOTICE, make_record
from consent.log.store import open_store
store = open_store(sys.argv[1], keys=[KEY], patience=60)
sys.stdin.readline()
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    store.append(make_record(number), NOTICE)
store.close()
"""


def test_many_processes_make_the_log_and_append_at_once_each_record_exactly_once(log_url: str) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", WRITER, log_url, str(first), str(first + 15)], stdin=subprocess.PIPE
        )
        for first in range(0, 40, 10)
    ]
    for writer in writers:
        assert writer.stdin
        writer.stdin.write(b"go\n")
        writer.stdin.close()
    assert [writer.wait() for writer in writers] == [0] * len(writers)
    store = open_store(log_url, keys=[KEY])
    assert kept(store) == [make_record(number) for number in range(45)]
    assert all(stored.problem is None for stored in store.records())
    store.close()


FORKER = f"""
import os, sys, threading
sys.path.insert(0, {HERE!r})
from records import KEY, NOTICE, make_record
from consent.log.store import open_store
store = open_store(sys.argv[1], keys=[KEY], patience=60)
store.append(make_record(0), NOTICE)
go_on = True
def busy():
    number = 1000
    while go_on:
        store.append(make_record(number), NOTICE)
        number += 1
thread = threading.Thread(target=busy)
thread.start()
children = []
for child in range(1, 5):
    pid = os.fork()
    if pid == 0:
        for number in range(child * 10, child * 10 + 5):
            store.append(make_record(number), NOTICE)
        assert len(list(store.records(limit=3))) == 3
        store.close()
        os._exit(0)
    children.append(pid)
    store.append(make_record(child), NOTICE)
codes = [os.waitpid(pid, 0)[1] for pid in children]
go_on = False
thread.join()
store.append(make_record(5), NOTICE)
store.close()
sys.exit(any(codes))
"""


def test_a_log_in_use_goes_through_a_fork_and_both_sides_append(log_url: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FORKER, log_url], capture_output=True, text=True, check=False, timeout=120
    )
    assert (run.returncode, run.stderr) == (0, "")
    store = open_store(log_url, keys=[KEY])
    found = {stored.record for stored in store.records()}
    assert {make_record(n) for n in range(6)} <= found
    assert {make_record(child * 10 + n) for child in range(1, 5) for n in range(5)} <= found
    assert all(stored.problem is None for stored in store.records())
    store.close()


def descriptors(path: str) -> int:
    """How often this process has a file open."""
    return sum(os.path.realpath(link) == path for link in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")
def test_a_thread_for_each_request_does_not_open_a_connection_for_each(tmp_path: Path) -> None:
    path = str(tmp_path / "consent.db")
    store = open_store(f"sqlite:///{path}", keys=[KEY])
    for number in range(20):
        for work in (lambda n=number: store.append(make_record(n), NOTICE), lambda: list(store.records())):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
    assert descriptors(path) == 2  # a writer, a reader
    store.close()
    assert descriptors(path) == 0


def sessions(cluster: Cluster, database: str) -> int:
    [(number,)] = cluster.execute("postgres", f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'")
    return int(number)


def test_a_process_has_few_sessions_in_postgresql_whatever_its_threads(
    cluster: Cluster, database: str, database_url: str
) -> None:
    store = open_store(database_url, keys=[KEY], patience=60)
    threads = [threading.Thread(target=store.append, args=(make_record(n), NOTICE)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept(store) == [make_record(n) for n in range(40)]
    assert 1 <= sessions(cluster, database) <= 4
    store.close()


# Opening


@pytest.mark.parametrize("log", ["sqlite-file", "postgresql"], indirect=True)
def test_a_log_of_a_newer_version_is_refused(log: Log) -> None:
    log.store.append(make_record(), NOTICE)
    log.run("UPDATE consent_schema SET version = 99")
    log.database.close()
    with pytest.raises(ConfigurationError, match="the log has schema 99, this version of consent knows 2"):
        list(log.again().records())


@pytest.mark.parametrize("log", ["postgresql"], indirect=True)
def test_a_log_that_becomes_newer_while_the_site_runs_is_unavailable_to_visitors(log: Log) -> None:
    log.store.append(make_record(), NOTICE)
    log.run("UPDATE consent_schema SET version = 99")
    with pytest.raises(LogUnavailable, match="schema 99"):
        log.again().append(make_record(1), NOTICE)


@pytest.mark.parametrize(
    "url",
    ["", "consent.db", "sqlite", "mysql://user:pa55word@host/db", "sqlite:/consent.db", "file:///x", "postgresq://u:pa55word@h/d", "://", "SQLITE://"],
)  # fmt: skip
def test_a_url_of_no_log_is_refused_with_the_known_ones_and_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        open_store(url)
    assert "known: postgresql://…, sqlite:///PATH" in str(raised.value)
    assert "pa55word" not in str(raised.value)


def test_a_relative_path_needs_three_slashes() -> None:
    with pytest.raises(ConfigurationError, match=r"three slashes: sqlite:///consent\.db"):
        open_store("sqlite://consent.db")


@pytest.mark.parametrize("rest", ["user:pa55word@[::1/db", "user:pa55word@h/d?nonsense=1"])
def test_a_url_that_postgresql_does_not_read_is_refused_without_its_password(rest: str) -> None:
    with pytest.raises(ConfigurationError, match="no URL of a PostgreSQL database") as raised:
        open_store(f"postgresql://{rest}")
    assert "pa55word" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgres"])
def test_postgresql_is_known_by_its_usual_names(cluster: Cluster, scheme: str) -> None:
    store = open_store(cluster.new_schema().replace("postgresql", scheme, 1), keys=[KEY])
    store.append(make_record(), NOTICE)
    store.close()


def test_a_missing_folder_is_told_at_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such folder for the log") as raised:
        open_store(f"sqlite:///{tmp_path}/nowhere/consent.db")
    assert raised.value.value == f"{tmp_path}/nowhere"


def test_a_reader_makes_no_log(tmp_path: Path, cluster: Cluster) -> None:
    with pytest.raises(LogUnavailable, match="there is no log"):
        open_store(f"sqlite:///{tmp_path}/consent.db", create=False)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(LogUnavailable, match="there is no log"):
        open_store("sqlite://", create=False)
    store = open_store(cluster.new_schema(), create=False)
    with pytest.raises(LogUnavailable, match="there is no log"):
        list(store.records())
    store.close()


def test_a_reader_makes_no_tables_in_the_database_of_another(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE auth_user (id)")
    other.commit()
    before = path.read_bytes()
    store = open_store(f"sqlite:///{path}", create=False)
    with pytest.raises(LogUnavailable, match="there is no log"):
        list(store.records())
    store.close()
    other.close()
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["a b.db", "100%.db", "what?.db", "#1.db", "é.db", "x&mode=ro.db"])
def test_a_path_is_taken_as_it_stands(tmp_path: Path, name: str) -> None:
    store = open_store(f"sqlite:///{tmp_path}/{name}", keys=[KEY])
    store.append(make_record(), NOTICE)
    store.close()
    assert (tmp_path / name).stat().st_size > 0


def test_a_log_stays_where_it_is_when_the_process_changes_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///consent.db", keys=[KEY])
    monkeypatch.chdir(tmp_path / "other")
    store.append(make_record(), NOTICE)
    store.close()
    assert list((tmp_path / "other").iterdir()) == []
    assert (tmp_path / "consent.db").exists()


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "consent.db").write_text("this is a text, and rather a long one, that is no database at all" * 20)
    store = open_store(f"sqlite:///{tmp_path}/consent.db", keys=[KEY])
    with pytest.raises(LogUnavailable, match="not a database"):
        store.append(make_record(), NOTICE)
    store.close()


def test_an_answer_is_given_when_the_record_is_on_the_disk(tmp_path: Path, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(f"ALTER DATABASE {owner.info.dbname} SET synchronous_commit = off".encode())
    for url, ask, answer in (
        (f"sqlite:///{tmp_path}/consent.db", "PRAGMA synchronous", 2),
        (f"sqlite:///{tmp_path}/consent.db", "PRAGMA journal_mode", "wal"),
        (database_url, "SHOW synchronous_commit", "on"),
    ):
        database: Database = (
            PostgresDatabase(url) if "postgres" in url else SqliteDatabase(url.removeprefix("sqlite:///"))
        )
        assert database.read(ask, ()) == [(answer,)]
        database.close()


# Who may do what in PostgreSQL

GRANTS = (Path(__file__).parents[2] / "docs" / "log.md").read_text().partition("```sql\n")[2].partition("```")[0]


@pytest.fixture(scope="module")
def roles(cluster: Cluster) -> Iterator[Callable[[str], str]]:
    """A log whose tables the owner has made, and the roles as the documentation makes them; a URL for each."""
    database = cluster.new_database()
    owner = open_store(cluster.url(database), keys=[KEY])
    owner.append(make_record(0), NOTICE)
    owner.close()
    cluster.execute(database, GRANTS)
    yield lambda user: cluster.url(database, user)
    cluster.execute(database, "DROP OWNED BY consent_app, consent_reader; DROP ROLE consent_app, consent_reader")


def test_the_role_of_an_application_appends_and_its_retries_have_the_first_receipt(
    roles: Callable[[str], str],
) -> None:
    store = open_store(roles("consent_app"), keys=[KEY])
    receipt = store.append(make_record(1), NOTICE)
    assert store.append(make_record(1), NOTICE) == receipt
    other = b"{}"
    store.append(make_record(2, notice=other), other)
    store.close()
    reader = open_store(roles("consent_reader"), keys=[KEY], create=False)
    assert kept(reader) == [make_record(n) if n < 2 else make_record(2, notice=other) for n in range(3)]
    assert reader.notice(make_record().notice) == NOTICE
    reader.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE consent_record SET body = 'x'",
        "UPDATE consent_record SET ts = 0",
        "DELETE FROM consent_record",
        "TRUNCATE consent_record",
        "DROP TABLE consent_record",
        "SELECT body FROM consent_record",
        "SELECT salt FROM consent_record",
        "SELECT subj FROM consent_record",
        "SELECT * FROM consent_record",
        "COPY consent_record TO STDOUT",
        "INSERT INTO consent_record SELECT * FROM consent_record ON CONFLICT (rid) DO UPDATE SET body = ''",
        "DELETE FROM consent_pending",
        "UPDATE consent_notice SET content = ''",
        "DELETE FROM consent_notice",
        "INSERT INTO consent_schema VALUES (99)",
        "INSERT INTO consent_leaf VALUES (0, '', '')",
        "CREATE TABLE public.x (y int)",
    ],
)
def test_the_role_of_an_application_may_not_change_or_read_what_is_kept(
    roles: Callable[[str], str], statement: str
) -> None:
    with (
        psycopg.connect(roles("consent_app"), autocommit=True) as app,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        app.execute(statement.encode())


def test_the_role_of_a_reader_may_not_write(roles: Callable[[str], str]) -> None:
    store = open_store(roles("consent_reader"), keys=[KEY])
    with pytest.raises(LogUnavailable, match="permission denied"):
        store.append(make_record(1), NOTICE)
    store.close()


def test_options_in_a_postgresql_url_are_kept(cluster: Cluster, database: str) -> None:
    cluster.execute(database, "CREATE SCHEMA audit")
    store = open_store(cluster.url(database, options="-c search_path=audit"), keys=[KEY])
    store.append(make_record(), NOTICE)
    store.close()
    assert cluster.execute(database, "SELECT count(*) FROM audit.consent_record") == [(1,)]
