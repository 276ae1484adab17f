"""So many decisions a minute from one network, counted by all processes together, and nothing that names it is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from databases import Log
from flaky import FlakyDatabase
from records import KEY, NOTICE, make_record

from consent.errors import LogUnavailable
from consent.log.append import Appender, open_log
from consent.log.limit import Limit, LimitReached
from consent.log.spool import Spool
from consent.log.store import SqlStore

HERE, THERE = "8.8.4.0/24", "2a00:1450:4001::/48"
SLOTS = b"a key for slots"


class Clock:
    def __init__(self) -> None:
        self.now = 1_795_000_020.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def process(log: Log, clock: Clock, most: int = 5) -> Appender:
    """Another process of the site."""
    appender = Appender(log.again(), limit=Limit(most, key=SLOTS, clock=clock))
    appender._mending.wake = lambda: None  # type: ignore[method-assign]
    return appender


def posted(process: Appender, first: int, number: int, network: str = HERE) -> int:
    """How many of so many are kept."""
    kept = 0
    for n in range(first, first + number):
        try:
            process.append(make_record(n), NOTICE, network=network)
        except LimitReached as reached:
            assert 0 < reached.seconds <= 60  # noqa: PT017 - of each of them
        else:
            kept += 1
    return kept


@pytest.mark.parametrize("log", ["sqlite-file", "postgresql"], indirect=True)
def test_of_a_flood_from_one_network_a_few_are_kept_whichever_process_they_reach(log: Log, clock: Clock) -> None:
    processes = [process(log, clock) for _ in range(3)]
    kept = sum(posted(one, n * 100, 40) for n, one in enumerate(processes))
    assert kept == 5 + 3 * 3
    assert len(list(log.store.records())) == kept
    # Others go on, and so does this one in the next minute.
    assert posted(processes[0], 1000, 5, THERE) == 5
    assert posted(processes[0], 2000, 5, "") == 5
    clock.now += 60
    assert sum(posted(one, 3000 + n * 100, 40) for n, one in enumerate(processes)) == 5 + 3 * 3
    for one in processes:
        one.close()


@pytest.mark.parametrize("log", ["sqlite-file", "postgresql"], indirect=True)
def test_most_visitors_cost_nothing_to_count(log: Log, clock: Clock) -> None:
    one = process(log, clock)
    assert posted(one, 0, 3) == 3
    assert log.ask("SELECT count(*) FROM consent_slot") == [(0,)]
    assert posted(one, 10, 1) == 1
    assert log.ask("SELECT count(*) FROM consent_slot") == [(1,)]
    one._database.end()


@pytest.mark.parametrize("log", ["sqlite-file", "postgresql"], indirect=True)
def test_what_is_kept_of_a_network_says_nothing_and_is_forgotten(log: Log, clock: Clock) -> None:
    one = process(log, clock)
    posted(one, 0, 10)
    slots = [bytes(row[0]) for row in log.ask("SELECT slot FROM consent_slot")]
    assert len(slots) == 5
    assert all(len(slot) == 16 for slot in slots)
    one._mend()
    assert len(log.ask("SELECT slot FROM consent_slot")) == 5
    clock.now += 60
    one._mend()
    assert log.ask("SELECT slot FROM consent_slot") == []
    # In another minute, and under another key, the same network has other slots.
    posted(one, 20, 10)
    assert not {*slots} & {bytes(row[0]) for row in log.ask("SELECT slot FROM consent_slot")}
    one._database.end()


def test_who_has_had_all_is_not_asked_about_again(log: Log, clock: Clock) -> None:
    one = process(log, clock)
    posted(one, 0, 20)
    asked: list[object] = []
    one._database.ask = lambda *given, **named: asked.append(given)  # type: ignore[assignment]
    assert posted(one, 100, 20) == 0
    assert asked == []
    one._database.end()


def test_while_the_database_is_away_each_process_counts_for_itself(tmp_path: Path, clock: Clock) -> None:
    database = FlakyDatabase()
    database.mood = "lost"
    spool = Spool(str(tmp_path / "spool"))
    log = Appender(SqlStore(database, [KEY]), spool, limit=Limit(20, key=SLOTS, clock=clock))
    log._mending.wake = lambda: None  # type: ignore[method-assign]
    assert 15 < posted(log, 0, 60) <= 23
    database.mood = "works"
    assert log.drain() > 15
    log.close()


def test_in_one_transaction_with_others_only_those_who_are_too_many_are_refused(log: Log, clock: Clock) -> None:
    limit = Limit(2, key=SLOTS, clock=clock)
    store = log.store
    entries = [store.entry(make_record(n), NOTICE, network=HERE if n % 2 else "") for n in range(20)]
    outcomes = store.keep(lambda: entries, admit=limit.admit)
    refused = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, LogUnavailable)]
    assert refused == [11, 13, 15, 17, 19]
    assert all(isinstance(outcomes[n], LimitReached) for n in refused)
    assert len(list(store.records())) == 15


def test_a_process_remembers_so_many_networks_and_no_more(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consent.log.limit._NETWORKS", 10)
    limit = Limit(5, key=SLOTS, clock=clock)
    for number in range(100):
        limit.take(f"8.8.{number}.0/24")
        assert len(limit._left) <= 10


@pytest.mark.parametrize("log", ["sqlite-file", "postgresql"], indirect=True)
def test_a_log_of_the_version_before_is_brought_up_to_date(log: Log) -> None:
    log.store.append(make_record(0), NOTICE)
    log.run("DROP TABLE consent_slot")
    log.run("UPDATE consent_schema SET version = 1")
    again = log.again()
    again.append(make_record(1), NOTICE)
    assert log.ask("SELECT count(*) FROM consent_slot") == [(0,)]
    assert [stored.record for stored in again.records()] == [make_record(0), make_record(1)]


def test_the_limit_is_off_where_the_site_says_so(tmp_path: Path) -> None:
    log = open_log(f"sqlite:///{tmp_path}/consent.db", keys=[KEY], limit=0)
    for number in range(100):
        log.append(make_record(number), NOTICE, network=HERE)
    log.close()
