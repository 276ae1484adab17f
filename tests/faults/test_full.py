"""Disks that are full, and files that may only be read: what was acknowledged is kept, and the rest is refused."""

from __future__ import annotations

import os
import sys

import pytest
from faulty import folder_of_another, in_a_small_disk, run

linux = pytest.mark.skipif(sys.platform != "linux", reason="mounts a file system of its own")

CHECK = """
def check(store, numbers):
    while store.spool.prepare():  # a thread of its own may be about it
        store.drain()
    found = [stored.record for stored in store.records()]
    print("all", found == [make_record(n) for n in numbers])
"""


@linux
def test_on_a_full_disk_records_go_on_into_the_room_that_is_there_and_then_are_refused() -> None:
    lines = in_a_small_disk(
        "3m",
        CHECK
        + """
store = open_log("sqlite:////mnt/consent.db", keys=[KEY])
store.spool._reserve = 300_000
store.spool.prepare()
attempt(store, 0)
with open("/mnt/others", "wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(4096))
    except OSError:
        pass
number = 0
refused = 0
while refused < 5:
    if attempt(store, number + 1):
        number, refused = number + 1, 0
    else:
        refused += 1
print("waiting", bool(store.spool.prepare()))
os.unlink("/mnt/others")
attempt(store, number + 1)
check(store, range(number + 2))
store.close()
""",
    )
    kept = [line for line in lines if line.startswith("kept")]
    assert len(kept) > 150  # some in the database's last pages, most in the spool
    assert lines[-3:] == ["waiting True", kept[-1], "all True"]
    assert lines[-8:-3] == ["LogUnavailable"] * 5


@pytest.mark.parametrize("fault", ["os.chmod(path, 0o444)", "os.chmod(folder + '/log', 0)"], ids=["file", "folder"])
def test_a_log_that_may_not_be_written_leaves_its_records_in_the_spool_until_it_may(fault: str) -> None:
    with folder_of_another() as (folder, become):
        script = f"""
{become}
{CHECK}
folder = sys.argv[1]
os.mkdir(folder + "/log")
path = folder + "/log/consent.db"
def opened():
    return open_log("sqlite:///" + path, keys=[KEY], spool=folder + "/spool")
store = opened()
attempt(store, 0)
store.close()
{fault}
store = opened()
for number in range(1, 20):
    attempt(store, number)
os.chmod(folder + "/log", 0o755)
os.chmod(path, 0o644)
check(store, range(20))
store.close()
"""
        assert run(script, str(folder)) == [*(f"kept {number}" for number in range(20)), "all True"]


def test_where_nothing_may_be_written_nothing_is_acknowledged() -> None:
    with folder_of_another() as (folder, become):
        script = f"""
{become}
{CHECK}
folder = sys.argv[1]
store = open_log("sqlite:///" + folder + "/consent.db", keys=[KEY])
os.chmod(folder, 0o555)
for number in range(20):
    attempt(store, number)
os.chmod(folder, 0o755)
attempt(store, 20)
check(store, [20])
store.close()
"""
        assert run(script, str(folder)) == [*["LogUnavailable"] * 20, "kept 20", "all True"]


def test_a_file_that_may_not_grow_is_a_full_disk_too(tmp_path: object) -> None:
    script = (
        CHECK
        + """
store = open_log(f"sqlite:///{sys.argv[1]}/consent.db", keys=[KEY])
store.spool._reserve = 262_144
store.spool.prepare()
attempt(store, 0)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))  # the spool has its room; the log's journal has not
number = 0
while attempt(store, number + 1):
    number += 1
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
attempt(store, number + 1)
check(store, range(number + 2))
store.close()
"""
    )
    lines = run(script, os.fspath(str(tmp_path)))
    kept = [line for line in lines if line.startswith("kept")]
    assert len(kept) > 100
    assert lines[-3:] == ["LogUnavailable", kept[-1], "all True"]
