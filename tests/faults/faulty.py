"""Processes that things happen to."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cluster import other_user

import find
from consent.log.append import Appender

#: For how long each thing happens again and again: a few seconds in ``make test``, minutes in ``make faults``.
SECONDS = float(os.environ.get("CONSENT_FAULTS", "2"))
LOG_TESTS = str(Path(__file__).parent.parent / "log")

PREAMBLE = f"""
import itertools, os, resource, signal, sqlite3, sys
sys.path.insert(0, {LOG_TESTS!r})
from records import KEY, NOTICE, make_record
from consent.errors import LogUnavailable
from consent.log.append import open_log
from consent.log.store import open_store
import consent.log.sqlite

def say(*words):  # in one write
    sys.stdout.write(" ".join(map(str, words)) + "\\n")
    sys.stdout.flush()

def attempt(store, number):
    try:
        receipt = store.append(make_record(number), NOTICE)
    except LogUnavailable as error:
        say("LogUnavailable")
        return False
    say("kept", number, *([receipt.leaf] if leaves else []))
    return True

leaves = False

def drop_privileges(uid, gid):
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
"""


def start(script: str, *arguments: str, output: Path | None = None) -> subprocess.Popen[str]:
    """A process; ``output``: a file for what it prints, else it is to be read."""
    command = [sys.executable, "-W", "error", "-c", PREAMBLE + script, *arguments]
    if output is None:
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with output.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, text=True)


def run(script: str, *arguments: str) -> list[str]:
    """The lines that a process prints, which must end well."""
    process = start(script, *arguments)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    return output.splitlines()


def drain(log: Appender) -> None:
    """Have nothing left in the spool, whoever takes it out."""
    assert log.spool is not None
    until = time.monotonic() + 60
    while log.spool.prepare():
        assert time.monotonic() < until
        log.drain()
        time.sleep(0.02)


@contextmanager
def folder_of_another() -> Iterator[tuple[Path, str]]:
    """A folder of a user who is not root, whom permissions stop, and the statement by which a process becomes them."""
    who: dict[str, Any] = other_user()
    with tempfile.TemporaryDirectory(prefix="consent-log-") as name:
        folder = Path(name)
        if not who:
            yield folder, ""
            return
        os.chown(folder, who["user"], who["group"])
        yield folder, f"drop_privileges({who['user']}, {who['group']})\n"
        folder.chmod(0o755)


def traced(options: list[str], script: str, *arguments: str) -> tuple[list[str], str]:
    """The lines that a process prints under ``strace``, and what strace says of its threads' calls."""
    try:
        strace = find.strace()
    except find.Missing as missing:
        pytest.fail(str(missing), pytrace=False)
    with tempfile.NamedTemporaryFile(prefix="consent-trace-") as trace:
        command = [strace, "-f", "-qq", "-o", trace.name, *options, sys.executable, "-c", PREAMBLE + script, *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        return done.stdout.splitlines(), Path(trace.name).read_text(errors="replace")


def in_a_small_disk(size: str, script: str) -> list[str]:
    """The lines that a process prints that has a file system of its own, so many bytes large, at ``/mnt``."""
    private = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    mounted = f'mount -t tmpfs -o size={size} tmpfs /mnt && exec "$@"'
    command = [*private, "sh", "-c", mounted, "sh", sys.executable, "-W", "error", "-c", PREAMBLE + script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.fail(f"a file system of our own needs root, or user namespaces: {done.stderr}", pytrace=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
