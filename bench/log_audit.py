"""What it costs to seal a log, to verify it, and to prove one decision.

    python bench/log_audit.py [--records N ...] [--log URL] [--chart FILE.svg]

Without a URL, an SQLite file in a temporary folder for each number of records. CPU time is this process's; a database server's is not in it. Records
are put in as a site does, many in one transaction, but without a request's cost. Beside the figures stands what the
processor does at all in the same minutes: on a quiet machine, some two million hashes of two hashes a second.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chart import bars

from consent.log.audit import Terms, verify
from consent.log.checkpoint import Signer, check_checkpoint
from consent.log.evidence import DatabaseEvidence
from consent.log.proof import check, prove
from consent.log.record import Record, mac_key, uuid7
from consent.log.seal import Sealer
from consent.log.store import Database, SqlStore, open_database
from consent.log.tiles import Tiles
from consent.log.tree import check_consistency, node_hash, prove_consistency

KEY = mac_key(b"a secret for the benchmark, long enough")
SIGNER = Signer.new("bench.example/consent", bytes(range(64)))
NOTICE = b'{"title":"Your choice"}'
START = 1_795_000_000_000
BATCH = 1000
CHARTED = ("seal", "verify", "prove one", "check a proof")


def record(number: int) -> Record:
    ts = START + number * 100
    agreed = number % 3 > 0
    return Record(
        id=uuid7(ts, hashlib.sha256(b"%d" % number).digest()[:10]),
        ts=ts,
        kind="accept_all" if agreed else "refuse_all",
        site="www.example.org",
        surface="banner",
        method="script",
        granted=("analytics", "marketing", "preferences") if agreed else (),
        refused=() if agreed else ("analytics", "marketing", "preferences"),
        notice="sha256:" + hashlib.sha256(NOTICE).hexdigest(),
        policy="2026-11",
        lang="en",
        regime="eu",
        gpc=False,
        expires=ts // 1000 + 15_552_000,
        ua="firefox",
        app="0.1.0",
    )


@contextmanager
def timed(what: str, number: int, rates: dict[str, float]) -> Iterator[None]:
    """Print how long it takes, and keep how many are done in a second of CPU time."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(
        f"{what:28}{wall:9.1f} s {cpu:9.1f} s CPU {number / wall:12,.0f}/s {number / cpu:12,.0f}/s of CPU", flush=True
    )
    rates[what] = number / cpu


def milliseconds(work: Callable[[], Any], times: int) -> tuple[float, float]:
    """The median of the CPU time and of the time, in milliseconds."""
    cpus, walls = [], []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        cpus.append(time.process_time() - cpu)
        walls.append(time.perf_counter() - wall)
    return statistics.median(cpus) * 1000, statistics.median(walls) * 1000


def size(database: Database, path: str) -> int:
    database.scrub()
    if path:
        return sum(name.stat().st_size for name in Path(path).parent.glob(f"{Path(path).name}*"))
    query = "SELECT SUM(pg_total_relation_size(oid)) FROM pg_class WHERE relname ~ '^consent_' AND relkind = 'r'"
    return int(database.read(query, ())[0][0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, nargs="+", metavar="N", default=[1_000_000])
    parser.add_argument("--log", metavar="URL", help="of an empty log, for one number of records")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw what is done in a second of CPU time, as SVG")
    options = parser.parse_args()
    found = {}
    for number in options.records:
        with tempfile.TemporaryDirectory(prefix="consent-bench-") as folder:
            path = "" if options.log else f"{folder}/consent.db"
            database = open_database(options.log or f"sqlite:///{path}", patience=3600)
            found[number] = run(database, path, Path(folder) / "state", number)
            database.close()
    if options.chart is not None:
        figures = {f"{what}, of {number:,}": found[number][what] for what in CHARTED for number in found}
        options.chart.write_text(bars("Done in a second of CPU time", figures, marked="verify"), encoding="utf-8")


def run(database: Database, path: str, state: Path, number: int) -> dict[str, float]:
    """How much is done in a second of CPU time."""
    rates: dict[str, float] = {}
    store = SqlStore(database, [KEY])
    print(f"{number:,} records, {os.cpu_count()} cores", flush=True)
    with timed("the processor: hash nodes", 200_000, rates):
        for _ in range(200_000):
            node_hash(KEY, KEY)
    with timed("append, 1000 at a time", number, rates):
        for first in range(0, number, BATCH):
            entries = [store.entry(record(n), NOTICE) for n in range(first, min(first + BATCH, number))]
            store.keep(lambda entries=entries: entries)
    clock = iter(range(START // 1000 + number // 10, 2**40))
    sealer = Sealer(database, SIGNER, state, keys=[KEY], clock=lambda: next(clock))
    with timed("seal", number, rates):
        done = sealer.seal()
    assert (done.leaves, done.aside) == (number, ())
    print(f"{'on disk':28}{size(database, path) / number:9.0f} bytes a record", flush=True)

    notes = [row[0] for row in database.read("SELECT note FROM consent_checkpoint ORDER BY size", ())]
    trust = SIGNER.trust
    terms = Terms(next(clock), trust, pins=notes[-1:], keys=[KEY], deadline=1e9)
    with timed("verify", number, rates):
        report = verify(DatabaseEvidence(database), terms)
    assert report.findings == {}, report.findings

    chosen = random.Random(1).sample(range(number), min(200, number))
    made: list[Any] = []
    cpu, wall = milliseconds(
        lambda: made.append(prove(database, bytes.fromhex(record(chosen[len(made)]).id))), len(chosen)
    )
    rates["prove one"] = 1000 / cpu
    print(f"{'prove':28}{wall:9.2f} ms {cpu:8.2f} ms CPU, {len(made[0].hashes)} hashes", flush=True)
    proofs = iter(made)
    cpu, wall = milliseconds(lambda: check(next(proofs), trust), len(made))
    rates["check a proof"] = 1000 / cpu
    print(f"{'check a proof':28}{wall:9.2f} ms {cpu:8.2f} ms CPU", flush=True)
    old, _ = check_checkpoint(notes[len(notes) // 3], trust)
    new, _ = check_checkpoint(notes[-1], trust)
    proven: list[list[bytes]] = []
    cpu, wall = milliseconds(lambda: proven.append(prove_consistency(old.size, new.size, Tiles(database))), 20)
    grown = proven[0]
    print(f"{'prove that it grew':28}{wall:9.2f} ms {cpu:8.2f} ms CPU, {len(grown)} hashes", flush=True)
    assert check_consistency(old.size, new.size, grown, old.root, new.root)
    return rates


if __name__ == "__main__":
    main()
