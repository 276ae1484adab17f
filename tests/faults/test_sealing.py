"""Sealers that are killed, and whose calls fail: each record gets one leaf, and what was signed stays true."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import Cluster, running_cluster
from faulty import SECONDS, start, traced
from records import KEY, NOTICE, START, make_record
from sealing import SIGNER

from consent.errors import LogUnavailable
from consent.log.audit import Report, Terms, verify
from consent.log.evidence import DatabaseEvidence
from consent.log.seal import Sealer
from consent.log.store import SqlStore, open_database, open_store

SEALER = """
from pathlib import Path
from sealing import SIGNER
from consent.log.seal import Sealer
from consent.log.store import open_database
database = open_database(sys.argv[1], patience=20)
sealer = Sealer(database, SIGNER, Path(sys.argv[2]), keys=[KEY], batch=int(sys.argv[3]))
"""
ONCE = f"""{SEALER}
try:
    say("sealed", sealer.seal().size)
except LogUnavailable:
    say("LogUnavailable")
"""
ALWAYS = f"""{SEALER}
import time
say("ready")
while True:
    try:
        sealer.seal()
    except LogUnavailable:
        time.sleep(0.05)
    say("sealed")
"""
WRITER = """
store = open_store(sys.argv[1], keys=[KEY], patience=20)
for number in itertools.count(int(sys.argv[2])):
    if not attempt(store, number):
        store.close()
        store = open_store(sys.argv[1], keys=[KEY], patience=20)
"""


def verified(url: str, states: list[Path]) -> Report:
    """What the auditor finds with every state for a pin; a sealer has sealed before what was left."""
    database = open_database(url, patience=60)
    for state in states:
        Sealer(database, SIGNER, state, keys=[KEY]).seal()
    pins = [state.read_text() for state in states]
    report = verify(DatabaseEvidence(database), Terms(time.time(), SIGNER.trust, pins, keys=[KEY], deadline=10**9))
    database.close()
    return report


def kept(lines: list[str]) -> set[str]:
    """The ids in what writers have said; a line that the kill has cut in two is no word given."""
    words = [line.split() for line in lines if line.endswith("\n")]
    return {make_record(int(word[1])).id for word in words if word[0] == "kept"}


def heard(process: subprocess.Popen[str], number: int) -> set[str]:
    """The ids in a process's next lines."""
    assert process.stdout
    return kept([process.stdout.readline() for _ in range(number)])


def told(processes: list[subprocess.Popen[str]]) -> set[str]:
    """Kill processes; the ids in all that they have said."""
    for process in processes:
        process.kill()
    ids = set()
    for process in processes:
        assert process.stdout
        ids |= kept(process.stdout.readlines())
        process.stdout.close()
        process.wait()
    return ids


def sealed(url: str) -> list[str]:
    database = open_database(url, patience=60)
    rows = database.read("SELECT rid FROM consent_leaf ORDER BY idx", ())
    database.close()
    return [bytes(row[0]).hex() for row in rows]


def test_writers_and_sealers_that_are_killed_leave_each_record_with_one_leaf(log_url: str, tmp_path: Path) -> None:
    store = open_store(log_url, keys=[KEY])
    store.append(make_record(0), NOTICE)
    store.close()
    states, acknowledged = [tmp_path / "one", tmp_path / "two"], set[str]()
    until, rounds, chance = time.monotonic() + SECONDS, 0, random.Random(1)
    while rounds < 2 or time.monotonic() < until:
        # Each writer has days of its own, all of them in the past.
        writers = [start(WRITER, log_url, str((rounds * 2 + n + 1) * -100_000)) for n in range(2)]
        sealers = [start(ALWAYS, log_url, str(state), "100") for state in states]
        for process in (*writers, *sealers):
            acknowledged |= heard(process, 1)
        time.sleep(chance.random() / 2)
        acknowledged |= told([*writers, *sealers])
        rounds += 1
    report = verified(log_url, states)
    assert report.findings == {}
    leaves = sealed(log_url)
    assert len(leaves) == len(set(leaves)) == report.sealed
    assert acknowledged <= {*leaves}
    assert len(acknowledged) >= 2 * rounds


@pytest.fixture
def fallible() -> Iterator[Cluster]:
    with running_cluster() as cluster:
        yield cluster


def test_a_server_that_is_killed_leaves_each_record_with_one_leaf(fallible: Cluster, tmp_path: Path) -> None:
    url = fallible.new_schema()
    store = open_store(url, keys=[KEY])
    store.append(make_record(0), NOTICE)
    store.close()
    state = tmp_path / "state"
    processes = [start(WRITER, url, "1"), start(ALWAYS, url, str(state), "100")]
    acknowledged = heard(processes[0], 5)
    until, rounds = time.monotonic() + SECONDS, 0
    while rounds < 2 or time.monotonic() < until:
        time.sleep(0.2)
        fallible.stop(signal.SIGKILL)
        (fallible.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
        fallible.start()
        rounds += 1
    acknowledged |= heard(processes[0], 5) | told(processes)
    report = verified(url, [state])
    assert report.findings == {}
    leaves = sealed(url)
    assert len(leaves) == len(set(leaves)) == report.sealed
    assert acknowledged <= {*leaves}
    assert len(acknowledged) >= 5


#: Which fault, and at which call of its kind; in the long form at each, until there are no more.
FAULTS = {"EIO": "error=EIO", "ENOSPC": "error=ENOSPC", "KILL": "signal=KILL"}
CALLS = {
    "pwrite64": ("consent.db", "consent.db-wal"),
    "fdatasync": ("consent.db", "consent.db-wal"),
    "fsync": (),
    "rename": (),
}


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of which a part is sealed, and a part waits."""
    folder = tmp_path_factory.mktemp("waiting")
    database = open_database(f"sqlite:///{folder}/consent.db")
    store = SqlStore(database, [KEY])
    for number in range(10):
        store.append(make_record(number), NOTICE)
        if number == 3:
            Sealer(database, SIGNER, folder / "state", keys=[KEY], clock=lambda: START // 1000).seal()
    database.close()
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="lets system calls fail with strace")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", CALLS)
def test_whichever_call_of_a_sealer_fails_the_next_one_goes_on(
    waiting: Path, tmp_path: Path, name: str, fault: str
) -> None:
    injected = 0
    for call in range(1, 400) if SECONDS >= 30 else (1, 2, 4):
        folder = tmp_path / str(call)
        shutil.copytree(waiting, folder)
        paths = [part for file in CALLS[name] for part in ("-P", f"{folder}/{file}")]
        options = [*paths, "-e", f"inject={name}:{FAULTS[fault]}:when={call}", "-e", f"trace={name}"]
        url = f"sqlite:///{folder}/consent.db"
        lines, trace = traced(options, ONCE, url, f"{folder}/state", "2")
        assert {line.split()[0] for line in lines} <= {"sealed", "LogUnavailable"}, lines
        report = verified(url, [folder / "state"])
        assert report.findings == {}
        leaves = sealed(url)
        assert len(leaves) == len(set(leaves)) == report.sealed == 10
        if "INJECTED" not in trace and "SIGKILL" not in trace:
            break
        injected += 1
    assert injected


def test_a_sealer_that_finds_the_database_locked_says_so_and_the_next_goes_on(waiting: Path, tmp_path: Path) -> None:
    shutil.copytree(waiting, tmp_path / "copy")
    database = open_database(f"sqlite:///{tmp_path}/copy/consent.db", patience=0.2)
    sealer = Sealer(database, SIGNER, tmp_path / "copy" / "state", keys=[KEY])
    other = sqlite3.connect(tmp_path / "copy" / "consent.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LogUnavailable, match="locked"):
        sealer.seal()
    other.execute("ROLLBACK")
    other.close()
    assert sealer.seal().size == 10
    database.close()
