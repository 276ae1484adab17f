"""Processes that are killed while they write: every acknowledged record is there exactly once."""

from __future__ import annotations

import subprocess

from faulty import start
from records import KEY, make_record

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
