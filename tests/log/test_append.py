"""Into the database, else into the spool, else not at all: and never twice, late or without the visitor's knowing."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cluster import Cluster
from flaky import FlakyDatabase
from records import KEY, NOTICE, make_record

from consent.errors import ConfigurationError, LogUnavailable
from consent.log.append import Appender, open_log
from consent.log.limit import Limit, LimitReached
from consent.log.postgres import PostgresDatabase
from consent.log.record import Receipt, Record
from consent.log.spool import Spool
from consent.log.store import SqlStore, Transaction, open_store


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def database() -> FlakyDatabase:
    return FlakyDatabase()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(str(tmp_path / "spool"), reserve=16_384)


@pytest.fixture
def make(database: FlakyDatabase, clock: Clock) -> Iterator[Callable[..., Appender]]:
    made: list[Appender] = []

    def make(spool: Spool | None, **options: Any) -> Appender:
        appender = Appender(SqlStore(database, [KEY]), spool, **{"budget": 0.1, "clock": clock, **options})
        # The tests drain when they want to.
        appender._mending.wake = lambda: None  # type: ignore[method-assign]
        made.append(appender)
        return appender

    yield make
    database.wake()
    for appender in made:
        appender.close()


@pytest.fixture
def log(make: Callable[..., Appender], spool: Spool) -> Appender:
    return make(spool)


def kept(log: Appender) -> list[Record | None]:
    return [stored.record for stored in log.records()]


def leaves(log: Appender) -> dict[str, str]:
    return {stored.id: stored.leaf for stored in log.records()}


def spooled(spool: Spool) -> list[str]:
    return [entry.id.hex() for entry in spool.read()[0]]


def eventually(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)


# Where it goes


def test_while_the_database_works_nothing_is_in_the_spool(log: Appender, spool: Spool) -> None:
    receipt = log.append(make_record(), NOTICE)
    assert leaves(log) == {receipt.id: receipt.leaf}
    assert spooled(spool) == []
    assert log.store.notice(make_record().notice) == NOTICE


@pytest.mark.parametrize("mood", ["lost", "forgotten", "hangs", "stuck"])
def test_what_the_database_does_not_answer_for_is_in_the_spool_and_in_the_end_in_the_log_once_as_the_receipt_says(
    log: Appender, database: FlakyDatabase, spool: Spool, mood: Any
) -> None:
    database.mood = mood
    receipt = log.append(make_record(), NOTICE)
    assert spooled(spool) == [receipt.id]
    database.wake()
    if mood == "hangs":  # and is there before the drain
        eventually(lambda: kept(log) == [make_record()])
    assert log.drain() == 1
    assert leaves(log) == {receipt.id: receipt.leaf}
    assert database.read("SELECT count(*) FROM consent_pending", ()) == [(1,)]
    assert spooled(spool) == []
    assert log.store.notice(make_record().notice) == NOTICE


def test_a_request_waits_for_its_budget_and_no_longer(log: Appender, database: FlakyDatabase) -> None:
    log.append(make_record(0), NOTICE)
    database.mood = "hangs"
    start = time.monotonic()
    log.append(make_record(1), NOTICE)
    assert time.monotonic() - start < 0.1 + 0.4


def test_a_database_that_failed_is_left_in_peace_and_asked_again_by_one_after_each_rest(
    log: Appender, database: FlakyDatabase, clock: Clock
) -> None:
    database.mood = "lost"
    log.append(make_record(0), NOTICE)
    for number in range(1, 6):
        log.append(make_record(number), NOTICE)
    assert database.asked == 1
    clock.now += 0.6
    log.append(make_record(6), NOTICE)
    log.append(make_record(7), NOTICE)
    assert database.asked == 2
    clock.now += 0.6  # the rest is longer now
    log.append(make_record(8), NOTICE)
    assert database.asked == 2
    database.wake()
    clock.now += 0.6
    log.append(make_record(9), NOTICE)
    log.append(make_record(10), NOTICE)
    assert kept(log) == [make_record(9), make_record(10)]
    assert log.drain() == 9
    assert sorted(leaves(log)) == [make_record(number).id for number in range(11)]


def test_with_the_database_and_the_spool_away_nothing_is_promised(
    log: Appender, database: FlakyDatabase, spool: Spool
) -> None:
    database.mood = "lost"
    Path(spool.path).write_text("not a spool")
    with pytest.raises(LogUnavailable, match=r"it was lost; the spool at .*: it is no spool"):
        log.append(make_record(), NOTICE)
    # And the other way round, while the database is left in peace.
    with pytest.raises(LogUnavailable, match=r"the spool at .*; it was lost"):
        log.append(make_record(), NOTICE)
    database.wake()
    log.append(make_record(), NOTICE)
    assert kept(log) == [make_record()]


def test_without_a_spool_every_request_asks_the_database(
    make: Callable[..., Appender], database: FlakyDatabase
) -> None:
    log = make(None)
    database.mood = "lost"
    for _ in range(3):
        with pytest.raises(LogUnavailable, match="it was lost"):
            log.append(make_record(), NOTICE)
    database.mood = "works"
    log.append(make_record(), NOTICE)
    assert kept(log) == [make_record()]


def test_a_spool_for_refusals_takes_no_agreement(
    make: Callable[..., Appender], database: FlakyDatabase, spool: Spool
) -> None:
    log = make(spool, holds="refusals")
    database.mood = "lost"
    with pytest.raises(LogUnavailable, match="it was lost"):
        log.append(make_record(0), NOTICE)
    refusal = make_record(1, kind="refuse_all", granted=())
    log.append(refusal, NOTICE)
    assert spooled(spool) == [refusal.id]


def test_a_closed_log_takes_nothing_into_its_spool_either(log: Appender, spool: Spool) -> None:
    log.append(make_record(0), NOTICE)
    log.close()
    with pytest.raises(LogUnavailable, match="closed"):
        log.append(make_record(1), NOTICE)
    assert spooled(spool) == []


@pytest.mark.parametrize(
    ("url", "setting", "where"),
    [
        ("sqlite:///{0}/consent.db", "auto", "{0}/consent.db-spool"),
        ("sqlite:///{0}/consent.db", "{0}/elsewhere", "{0}/elsewhere"),
        ("sqlite:///{0}/consent.db", "off", None),
        ("sqlite://", "auto", None),
        ("postgresql://nowhere/x", "auto", None),
        ("postgresql://nowhere/x", "{0}/spool", "{0}/spool"),
    ],
)
def test_the_spool_is_where_the_setting_says(tmp_path: Path, url: str, setting: str, where: str | None) -> None:
    log = open_log(url.format(tmp_path), keys=[KEY], spool=setting.format(tmp_path))
    assert (log.spool.path if log.spool else None) == (where and where.format(tmp_path))
    log.close()


def test_a_spool_in_no_folder_is_told_at_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="spool"):
        open_log("sqlite://", keys=[KEY], spool=f"{tmp_path}/nowhere/spool")


# Draining


def test_another_process_drains_what_one_has_left(log: Appender, database: FlakyDatabase, spool: Spool) -> None:
    database.mood = "lost"
    receipts = [log.append(make_record(number), NOTICE) for number in range(5)]
    database.mood = "works"
    other = Appender(SqlStore(database, [KEY]), Spool(spool.path))  # whoever starts looks
    eventually(lambda: len(kept(log)) == 5)
    eventually(lambda: spooled(spool) == [])
    database.mood = "lost"
    receipts.append(log.append(make_record(8), NOTICE))
    database.mood = "works"
    other.append(make_record(9), NOTICE)  # and whoever appends
    eventually(lambda: len(kept(log)) == 7)
    assert {receipt.id: receipt.leaf for receipt in receipts}.items() <= leaves(log).items()
    eventually(lambda: spooled(spool) == [])
    other._mending.end()


def test_a_drain_that_was_interrupted_is_begun_again_and_doubles_nothing(
    log: Appender, database: FlakyDatabase, spool: Spool
) -> None:
    database.mood = "lost"
    receipts = [log.append(make_record(number), NOTICE) for number in range(5)]
    database.mood = "forgotten"
    with pytest.raises(LogUnavailable):
        log.drain()
    assert len(kept(log)) == 5
    assert len(spooled(spool)) == 5
    database.mood = "works"
    assert log.drain() == 5
    assert leaves(log) == {receipt.id: receipt.leaf for receipt in receipts}
    assert database.read("SELECT count(*) FROM consent_pending", ()) == [(5,)]


def test_what_comes_while_the_spool_is_drained_is_drained_too(
    log: Appender, database: FlakyDatabase, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.mood = "lost"
    log.append(make_record(0), NOTICE)
    database.mood = "works"
    read, came = spool.read, iter([1, 2])

    def read_and_put(mark: Any = None) -> Any:
        found = read(mark)
        for number in came:
            spool.put([log.store.entry(make_record(number), NOTICE)])
            break
        return found

    monkeypatch.setattr(spool, "read", read_and_put)
    assert log.drain() == 3
    assert kept(log) == [make_record(number) for number in range(3)]


def test_one_drains_at_a_time(log: Appender, database: FlakyDatabase, spool: Spool) -> None:
    database.mood = "lost"
    log.append(make_record(), NOTICE)
    database.mood = "works"
    with spool.draining():
        assert log.drain() == 0
    assert log.drain() == 1


# Kept, and the visitor told that it was not


@pytest.mark.parametrize("mood", ["hangs", "forgotten"])
@pytest.mark.parametrize("spooling", [False, True], ids=["no spool", "a spool that fails"])
def test_an_agreement_that_is_kept_although_the_visitor_was_told_that_it_was_not_is_void(
    make: Callable[..., Appender], database: FlakyDatabase, spool: Spool, spooling: bool, mood: Any
) -> None:
    if spooling:
        Path(spool.path).write_text("not a spool")
    log = make(spool if spooling else None)
    log._budget = 0.1
    database.mood = mood
    with pytest.raises(LogUnavailable):
        log.append(make_record(), NOTICE)
    database.wake()
    eventually(lambda: len(kept(log)) == 1)
    Path(spool.path).unlink(missing_ok=True)
    log._database.end()
    log._mend()
    log._mend()
    first, stone = kept(log)
    assert first == make_record()
    assert stone is not None
    assert (stone.kind, stone.prev, stone.granted, stone.refused) == ("void", make_record().id, (), ())


def test_an_agreement_that_was_lost_and_came_too_often_for_the_spool_is_void_if_it_is_kept_after_all(
    make: Callable[..., Appender], database: FlakyDatabase, spool: Spool
) -> None:
    limit = Limit(1, key=KEY, clock=lambda: 1.8e9)
    log = make(spool, limit=limit)
    for _ in range(3):  # all but the last that one may make
        limit.take("8.8.4.0/24")
    database.mood = "hangs"
    with pytest.raises(LimitReached):
        log.append(make_record(), NOTICE, network="8.8.4.0/24")
    database.wake()
    eventually(lambda: kept(log) == [make_record()])
    log._database.end()
    log._mend()
    assert [record.kind for record in kept(log) if record] == ["custom", "void"]


def test_a_refusal_that_is_kept_late_was_honoured_and_is_not_void(
    make: Callable[..., Appender], database: FlakyDatabase
) -> None:
    log = make(None)
    log._budget = 0.1
    refusal = make_record(kind="refuse_all", granted=())
    database.mood = "hangs"
    with pytest.raises(LogUnavailable):
        log.append(refusal, NOTICE)
    database.wake()
    eventually(lambda: kept(log) == [refusal])
    log._mend()
    log.append(make_record(1), NOTICE)
    assert kept(log) == [refusal, make_record(1)]


def test_what_nobody_had_begun_when_its_visitor_left_is_not_done_at_all(
    make: Callable[..., Appender], database: FlakyDatabase
) -> None:
    log = make(None)
    log._budget = 0.1
    database.mood = "stuck"
    for number in range(3):
        with pytest.raises(LogUnavailable):
            log.append(make_record(number), NOTICE)
    database.wake()
    log.append(make_record(9), NOTICE)
    assert kept(log) == [make_record(9)]


# Many at once


def test_many_threads_share_transactions_and_each_has_its_own_receipt(
    make: Callable[..., Appender], spool: Spool, database: FlakyDatabase
) -> None:
    log = make(spool, budget=60)
    receipts: dict[int, Receipt] = {}

    def work(first: int) -> None:
        for number in range(first, first + 20):
            receipts[number] = log.append(make_record(number), NOTICE)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 320, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert leaves(log) == {receipt.id: receipt.leaf for receipt in receipts.values()}
    assert {number: receipt.id for number, receipt in receipts.items()} == {n: make_record(n).id for n in range(320)}
    assert database.asked < 320


def test_of_two_of_the_same_id_in_one_transaction_the_first_counts(log: Appender) -> None:
    record = make_record()
    entries = [log.store.entry(record, NOTICE), log.store.entry(record, NOTICE)]
    entries.append(log.store.entry(replace(record, ts=record.ts + 1), NOTICE))
    first, second, third = log.store.keep(lambda: entries)
    assert first == second == entries[0].receipt
    assert isinstance(third, LogUnavailable)


def test_an_error_that_nobody_thought_of_is_told_to_whoever_waits(
    log: Appender, database: FlakyDatabase, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(work: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(database, "transact", fail)
    log.append(make_record(0), NOTICE)
    assert spooled(spool) == [make_record(0).id]
    monkeypatch.setattr(spool, "put", fail)
    with pytest.raises(LogUnavailable, match="RuntimeError: a bug"):
        log.append(make_record(1), NOTICE)


def test_a_log_in_use_goes_through_a_fork_and_both_sides_append_and_drain(tmp_path: Path) -> None:
    log = open_log(f"sqlite:///{tmp_path}/consent.db", keys=[KEY])
    log.append(make_record(0), NOTICE)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            log.append(make_record(1), NOTICE)
            assert log.spool is not None
            log.spool.put([log.store.entry(make_record(2), NOTICE)])
            assert log.drain() == 1
            log.close()
            code = 0
        finally:
            os._exit(code)
    log.append(make_record(3), NOTICE)
    assert os.waitpid(pid, 0)[1] == 0
    log.append(make_record(4), NOTICE)
    assert kept(log) == [make_record(number) for number in range(5)]
    log.close()


def test_a_database_that_finds_no_order_is_asked_again_until_it_does(cluster: Cluster) -> None:
    # As CockroachDB and YugabyteDB do by default: each transaction as if it were alone, else SQLSTATE 40001.
    name = cluster.new_database()
    cluster.execute("postgres", f"ALTER DATABASE {name} SET default_transaction_isolation = serializable")
    logs = [Appender(open_store(cluster.url(name), keys=[KEY])) for _ in range(4)]
    logs[0].append(make_record(0), NOTICE)
    failed: list[BaseException] = []

    def work(log: Appender, first: int) -> None:
        try:
            for number in range(first, first + 25):
                log.append(make_record(number), NOTICE)
                log.append(make_record(number - 20), NOTICE)  # another's too
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(log, 100 + 20 * n)) for n, log in enumerate(logs * 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    found = leaves(logs[0])
    assert {make_record(number).id for number in range(80, 340)} <= found.keys()
    for log in logs:
        log.close()


def test_a_transaction_that_found_no_order_is_tried_again_so_often_and_then_fails(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = PostgresDatabase(cluster.new_schema())
    SqlStore(database, [KEY]).append(make_record(0), NOTICE)
    tried: list[int] = []

    def work(transaction: Transaction) -> int:
        transaction.insert("consent_pending (rid)", [(bytes(16),)])
        tried.append(1)
        if len(tried) < wanted:
            raise psycopg.errors.SerializationFailure
        return len(tried)

    wanted = 5
    assert database.transact(work) == 5
    tried.clear()
    wanted = 1000
    with pytest.raises(LogUnavailable, match="SerializationFailure"):
        database.transact(work)
    assert len(tried) == 7
    database.close()


def test_what_was_denied_and_then_said_again_and_kept_is_not_void(log: Appender, database: FlakyDatabase) -> None:
    assert log.spool is not None
    Path(log.spool.path).write_text("not a spool")
    database.mood = "lost"
    with pytest.raises(LogUnavailable):
        log.append(make_record(), NOTICE)
    database.wake()
    log.append(make_record(), NOTICE)
    Path(log.spool.path).unlink()
    log._mend()
    log._mend()
    assert kept(log) == [make_record()]
