"""Durable appends per second, beside what the disk itself can do in the same minute.

    python bench/log.py [--seconds 2] [--rounds 3] [--threads 16] [--chart FILE.svg]

``disk`` is the rate at which a process appends 4 KB to a file and waits for ``fdatasync``: what a log could do that had
nothing to do but to wait for the disk. Disks that others use change their speed from second to second, so the disk
is measured before and after each case, and the ratio is taken of each case and its own disk; figures are medians over
the rounds. Each process has as many threads as are named, each of which makes a record, appends it as a site
does, and waits. Latency is that of one append. ``spool`` is the same log while its database does not answer.

PostgreSQL is a server of its own, on the same disk, with its defaults; it needs the server's programs and the tests' folder.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
for folder in ("tests/log", "tools"):
    sys.path.insert(0, str(HERE.parent / folder))

from cluster import Cluster  # noqa: E402
from records import KEY, NOTICE, make_record  # noqa: E402

from consent.errors import LogUnavailable  # noqa: E402
from consent.log.append import open_log  # noqa: E402
from consent.log.store import SqlStore  # noqa: E402


def disk(folder: Path, seconds: float) -> float:
    """Appends of 4 KB with fdatasync, per second."""
    descriptor = os.open(folder / "disk", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    block, number, begun = bytes(4096), 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        os.write(descriptor, block)
        getattr(os, "fdatasync", os.fsync)(descriptor)
        number += 1
    rate = number / (time.perf_counter() - begun)
    os.close(descriptor)
    (folder / "disk").unlink()
    return rate


def work(url: str, spool: str, place: int, threads: int, seconds: float) -> None:
    """One process: append for so long; print how many there were, and how long each took, in microseconds."""
    if url.endswith("#away"):
        url = url.removesuffix("#away")
        SqlStore.keep = lambda *_given, **_named: (_ for _ in ()).throw(LogUnavailable("away"))  # type: ignore[assignment]
    log = open_log(url, keys=[KEY], spool=spool)
    log.append(make_record(place * 10**7), NOTICE)
    took: list[list[float]] = [[] for _ in range(threads)]
    print("ready", flush=True)
    sys.stdin.readline()
    until = time.perf_counter() + seconds

    def append(thread: int) -> None:
        number = place * 10**7 + (thread + 1) * 10**5
        while (begun := time.perf_counter()) < until:
            number += 1
            log.append(make_record(number), NOTICE)
            took[thread].append(time.perf_counter() - begun)

    running = [threading.Thread(target=append, args=(thread,)) for thread in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    print(json.dumps([round(one * 1e6) for each in took for one in each]), flush=True)
    os._exit(0)


def case(url: str, spool: str, processes: int, threads: int, seconds: float) -> tuple[float, float, float]:
    """Appends per second of so many processes, and the 50th and 99th percentile of an append, in milliseconds."""
    command = [sys.executable, __file__, "--work", url, spool]
    running = [
        subprocess.Popen(
            [*command, str(place), str(threads), str(seconds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for place in range(processes)
    ]
    for one in running:
        assert one.stdout
        assert one.stdout.readline() == "ready\n"
    for one in running:
        assert one.stdin
        one.stdin.write("go\n")
        one.stdin.flush()
    took = sorted(value for one in running for value in json.loads(one.communicate()[0]))
    return len(took) / seconds, took[len(took) // 2] / 1e3, took[len(took) * 99 // 100] / 1e3


@contextmanager
def postgresql(folder: Path) -> Iterator[Cluster]:
    folder.mkdir()
    folder.chmod(0o755)
    cluster = Cluster(folder)
    cluster.start(fsync=True)
    try:
        yield cluster
    finally:
        cluster.stop(signal.SIGQUIT)


def chart(bars: list[tuple[str, float, float]]) -> str:
    """A picture of what was measured, as SVG: for each case its name, and the appends and the disk's own rate beside."""
    most = max(max(rate, own) for _, rate, own in bars)
    height = 34 * len(bars) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 {height}" role="img" font-family="sans-serif" '
        'font-size="12"><title>Durable appends per second, and the disk\'s own rate in the same minutes</title>'
        "<style>text{fill:#333}.a{fill:#0b6e4f}.d{fill:#9aa5b1}"
        "@media(prefers-color-scheme:dark){text{fill:#ddd}.a{fill:#4cc38a}.d{fill:#6b7785}}</style>"
    ]
    for number, (name, rate, own) in enumerate(bars):
        y = 34 * number + 6
        parts.append(f'<text x="180" y="{y + 17}" text-anchor="end">{name}</text>')
        for kind, value, at in (("a", rate, y), ("d", own, y + 14)):
            width = max(1, value / most * 380)
            parts.append(f'<rect class="{kind}" x="190" y="{at}" width="{width:.0f}" height="12"/>')
            parts.append(f'<text x="{196 + width:.0f}" y="{at + 10}" font-size="10">{value:,.0f}</text>')
    parts.append(
        f'<text x="190" y="{height - 8}">upper: appends per second; lower: appends with fdatasync alone</text></svg>'
    )
    return "".join(parts) + "\n"


def measure(options: argparse.Namespace, folder: Path, cluster: Cluster) -> None:
    bars: list[tuple[str, float, float]] = []
    kinds = {
        "SQLite": lambda name: f"sqlite:///{folder}/{name}.db",
        "PostgreSQL": lambda _: cluster.new_schema(),
        "spool": lambda name: f"sqlite:///{folder}/{name}.db#away",
    }
    print(f"{'':12}processes  threads  appends/s   p50 ms   p99 ms   disk/s    × disk")
    for kind, url in kinds.items():
        for processes, threads in ((1, 1), (1, options.threads), (2, options.threads), (8, options.threads)):
            found = []
            for round_ in range(options.rounds):
                name = f"{kind}-{processes}-{threads}-{round_}"
                before = disk(folder, options.seconds / 4)
                rate, p50, p99 = case(url(name), f"{folder}/{name}.spool", processes, threads, options.seconds)
                own = (before + disk(folder, options.seconds / 4)) / 2
                found.append((rate, p50, p99, own, rate / own))
            rate, p50, p99, own, ratio = (statistics.median(values) for values in zip(*found, strict=True))
            print(
                f"{kind:12}{processes:9}  {threads:7}  {rate:9,.0f}  {p50:7.2f}  {p99:7.2f}  {own:7,.0f}  {ratio:8.2f}",
                flush=True,
            )
            bars.append((f"{kind}, {processes} × {threads} threads", rate, own))
    if options.chart is not None:
        options.chart.write_text(chart(bars), encoding="utf-8")


def main() -> None:
    if sys.argv[1:2] == ["--work"]:
        url, spool, place, threads, seconds = sys.argv[2:]
        work(url, spool, int(place), int(threads), float(seconds))
    parser = argparse.ArgumentParser(description="Durable appends per second, beside the disk's own rate.")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each measurement; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=16, help="of each process; default: %(default)s")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw it, as SVG")
    options = parser.parse_args()
    # Where the user's other files are: some systems have their temporary folder in memory.
    with tempfile.TemporaryDirectory(prefix="consent-bench-", dir=Path.cwd()) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with postgresql(folder / "pg") as cluster:
            measure(options, folder, cluster)


if __name__ == "__main__":
    main()
