"""Every write and sync of appending, spooling and draining fails in turn, or is the last that its process makes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from faulty import SECONDS, drain, traced
from records import KEY, make_record

from consent.log.append import open_log

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="lets system calls fail with strace")

LOCKED = """
other = sqlite3.connect(sys.argv[1] + "/consent.db", isolation_level=None)
other.execute("BEGIN IMMEDIATE")
"""
WORK = {
    "append": """
for number in range(1, 4):
    attempt(store, number)
""",
    "spool": f"""
{LOCKED}
for number in range(1, 4):
    attempt(store, number)
""",
    "drain": f"""
{LOCKED}
for number in range(1, 4):
    attempt(store, number)
other.execute("ROLLBACK")
try:
    store.drain()
except LogUnavailable:
    pass
""",
}
SCRIPT = """
leaves = True
store = open_log(f"sqlite:///{sys.argv[1]}/consent.db", keys=[KEY])
store._mending.wake = lambda: None
attempt(store, 0)
store.spool.prepare()
%s
store.close()
"""
#: Which fault, and at which of a thread's calls; in the long form at every one, until there are no more.
FAULTS = {
    "EIO": "error=EIO",
    "ENOSPC": "error=ENOSPC",
    "KILL": "signal=KILL",
}
CALLS = (
    {"pwrite64": (7,), "fdatasync": (2,)} if SECONDS < 30 else dict.fromkeys(("pwrite64", "fdatasync"), range(1, 400))
)


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", CALLS)
def test_whichever_call_fails_what_was_acknowledged_is_there_once_and_as_the_receipt_says(
    tmp_path: Path, work: str, fault: str, name: str
) -> None:
    injected = 0
    for call in CALLS[name]:
        folder = tmp_path / str(call)
        folder.mkdir()
        files = [f"{folder}/consent.db{end}" for end in ("", "-wal", "-spool")]
        options = [
            *(part for file in files for part in ("-P", file)),
            "-e",
            f"inject={name}:{FAULTS[fault]}:when={call}",
            "-e",
            f"trace={name}",
        ]
        lines, trace = traced(options, SCRIPT % WORK[work], str(folder))
        told = {words[1]: words[2] for line in lines if (words := line.split())[0] == "kept" and len(words) == 3}
        log = open_log(f"sqlite:///{folder}/consent.db", keys=[KEY])
        log.append(make_record(99), b"")
        drain(log)
        stored = {one.id: one for one in log.records()}
        log.close()
        assert all(one.problem is None for one in stored.values())
        for number, leaf in told.items():
            assert stored[make_record(int(number)).id].leaf == leaf
        if "INJECTED" not in trace and "SIGKILL" not in trace:
            break
        injected += 1
    assert injected
