"""Processes that things happen to."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster import other_user

LOG_TESTS = str(Path(__file__).parent.parent / "log")

PREAMBLE = f"""
import itertools, os, resource, signal, sqlite3, sys
sys.path.insert(0, {LOG_TESTS!r})
from records import KEY, NOTICE, make_record
from consent.errors import LogUnavailable
from consent.log.store import open_store
import consent.log.sqlite

def attempt(store, number):
    try:
        store.append(make_record(number), NOTICE)
    except LogUnavailable as error:
        print("LogUnavailable", flush=True)
        return False
    print("kept", number, flush=True)
    return True

def drop_privileges(uid, gid):
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
"""


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", PREAMBLE + script, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def run(script: str, *arguments: str) -> list[str]:
    """The lines that a process prints, which must end well."""
    process = start(script, *arguments)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    return output.splitlines()


@contextmanager
def folder_of_another() -> Iterator[tuple[Path, str]]:
    """A folder of a user who is not root, whom permissions stop, and the statement by which a process becomes them."""
    who: dict[str, Any] = other_user()
    with tempfile.TemporaryDirectory(prefix="consent-log-") as name:
        folder = Path(name)
        if not who:
            yield folder, ""
            return
        import os

        os.chown(folder, who["user"], who["group"])
        yield folder, f"drop_privileges({who['user']}, {who['group']})\n"
        folder.chmod(0o755)
