"""The banner beside others: bytes, time until it can be refused, work, shifts, accessibility, side by side in one run.

    make bench-frontend                              installs the others, measures, and writes docs/frontend.md
    python bench/frontend/run.py [--rounds 7] [--only klaro …]      prints what it finds

Each round visits each banner's page in turn, so that a change of the machine's speed meets all of them. Every visit is in a
browser that has been nowhere, on a phone's network and processor (``visit.py`` says which).
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from peers import HERE, MODULES, NONE, OTHERS, OURS, PEERS, Peer
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import TimeoutError as Late
from report import Result, tables, write
from visit import DOWN, LATENCY, SLOWDOWN, Round, inspect, measure

ROOT = HERE.parents[1]
BUILT = MODULES / ".built"
_SWITCHES = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
    # Some banners hide from browsers that say that they are driven.
    "--disable-blink-features=AutomationControlled",
    # Nobody is asked but this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE *.localhost",
]  # fmt: skip


def build(peers: Sequence[Peer]) -> None:
    """Bundle those that are made for a site's own bundle, as a site does for production."""
    for peer in peers:
        if peer.bundle:
            subprocess.run(
                [
                    MODULES / ".bin/esbuild", PEERS / peer.bundle, "--bundle", "--minify", "--format=esm", "--jsx=automatic",
                    '--define:process.env.NODE_ENV="production"', f"--outdir={BUILT}", "--log-level=warning",
                ],
                check=True, cwd=HERE,
            )  # fmt: skip


@contextmanager
def serving() -> Iterator[dict[str, str]]:
    """The sites, in a process of their own. Yields their addresses by the banners' names."""
    command = [sys.executable, "-u", str(HERE / "serve.py"), "--built", str(BUILT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline().strip().rstrip("/") for _ in (NONE, OURS, *OTHERS)]
            yield {line.removeprefix("http://").partition(".")[0]: line for line in lines}
        finally:
            process.terminate()


def browser_path() -> str:
    found = subprocess.run(
        [sys.executable, ROOT / "tools/find.py", "browser"], capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


def measured(browser: Browser, peers: Sequence[Peer], urls: Mapping[str, str], rounds: int) -> list[Result]:
    """All of it, in the order of ``peers``."""
    axe = (ROOT / "node_modules/axe-core/axe.min.js").read_text("utf-8")
    # The first look also lets each server meet its page: what is measured is what it does all day.
    looked = {peer: inspect(browser, peer, urls[peer.name], axe) for peer in peers if peer is not NONE}
    found: dict[Peer, list[Round]] = {peer: [] for peer in peers}
    for number in range(rounds):
        began = time.monotonic()
        for peer in peers:
            found[peer].append(_patiently(browser, peer, urls[peer.name]))
        print(f"round {number + 1} of {rounds}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return [Result(peer.title, peer.version, found[peer], looked.get(peer)) for peer in peers]


def _patiently(browser: Browser, peer: Peer, url: str, attempts: int = 3) -> Round:
    """A round's visits, made again where a busy machine kept them from ending."""
    for left in reversed(range(attempts)):
        try:
            return measure(browser, peer, url)
        except Late as late:
            if not left:
                raise
            print(f"{peer.name} again: {late.message.partition(chr(10))[0]}", file=sys.stderr, flush=True)
    raise AssertionError


def about(browser: Browser, rounds: int) -> str:
    """The run in a sentence."""
    when = datetime.now(UTC)
    return (
        f"{when:%B %Y}, Chromium {browser.version}, Python {platform.python_version()}, {os.cpu_count()} cores "
        f"({platform.machine()}), all in one run: {rounds} rounds, medians with quartiles. Processor slowed down {SLOWDOWN} times, "
        f"{LATENCY} ms and {DOWN * 8 / 1e6:.1f} Mbit/s of network (Lighthouse's slow 4G)."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="+", choices=[peer.name for peer in OTHERS], help="beside these alone")
    parser.add_argument("--docs", type=Path, metavar="FOLDER", help="write frontend.md and its charts there")
    given = parser.parse_args()
    if not MODULES.exists():
        sys.exit("the other banners are missing: make bench-frontend installs them")
    chosen = [peer for peer in OTHERS if not given.only or peer.name in given.only]
    build(chosen)
    with serving() as urls, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=_SWITCHES)
        said = about(browser, given.rounds)
        results = measured(browser, [NONE, OURS, *chosen], urls, given.rounds)
        browser.close()
    print(tables(results, said))
    if given.docs is not None:
        write(given.docs, results, said)


if __name__ == "__main__":
    main()
