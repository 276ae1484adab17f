"""A model of a power cut: of what was written, only what was synced is surely there; of the rest, chance decides.

A process that appends is traced; its writes and syncs are played to a disk that forgets. At cuts after its
acknowledgements the disk is looked at: whatever was acknowledged must be there.
"""

from __future__ import annotations

import ast
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty import SECONDS, drain, traced
from records import KEY, make_record

from consent.log.append import open_log

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="traces system calls with strace")

BLOCK = 512
CUTS = 8
ROUNDS = range(max(1, int(SECONDS / 10)))
CALL = re.compile(r"^\d+ +(\w+)\((\d+)(?:<([^>]*)>)?(?:, (.*))?\) += (-?\d+)")
LINK = re.compile(r'^\d+ +link\("([^"]*)", "([^"]*)"\) += 0')
UNLINK = re.compile(r'^\d+ +unlink\("([^"]*)"\) += 0')

WRITERS = {
    "in the database": "",
    "in the spool": """
other = sqlite3.connect(sys.argv[1] + "/consent.db", isolation_level=None)
other.execute("BEGIN IMMEDIATE")
""",
    "through the spool into the database": """
other = sqlite3.connect(sys.argv[1] + "/consent.db", isolation_level=None)
other.execute("BEGIN IMMEDIATE")
import threading
threading.Timer(0.6, other.execute, ["ROLLBACK"]).start()
""",
}
SCRIPT = """
leaves = True
store = open_log(f"sqlite:///{sys.argv[1]}/consent.db", keys=[KEY])
attempt(store, 0)
store.spool.prepare()
%s
import time
until = time.monotonic() + 1.2
for number in itertools.count(1):
    attempt(store, number)
    time.sleep(0.01)
    if time.monotonic() > until:
        break
os._exit(0)
"""


class Disk:
    """Files as a disk has them: what was synced, and the writes since, of which each block may be there or not."""

    def __init__(self) -> None:
        self.synced: dict[str, bytearray] = {}
        self.since: dict[str, list[tuple[int, bytes]]] = {}
        self.sizes: dict[str, int] = {}

    def write(self, path: str, offset: int, data: bytes) -> None:
        self.since.setdefault(path, []).append((offset, data))
        self.sizes[path] = max(self.sizes.get(path, 0), offset + len(data))

    def truncate(self, path: str, size: int) -> None:
        # Of a file that was made shorter or longer, the length is taken to be there at once.
        self.sizes[path] = size
        self.synced[path] = self.synced.setdefault(path, bytearray())[:size]
        self.since[path] = [(at, data[: max(0, size - at)]) for at, data in self.since.get(path, ())]

    def link(self, path: str, new: str) -> None:
        # Names are taken to be on the disk at once.
        self.synced[new], self.since[new] = self.synced.pop(path), self.since.pop(path, [])
        self.sizes[new] = self.sizes.pop(path)

    def unlink(self, path: str) -> None:
        for files in (self.synced, self.since, self.sizes):
            files.pop(path, None)

    def sync(self, path: str) -> None:
        self.synced[path] = self.after(path, lambda: True)
        self.since[path] = []

    def after(self, path: str, survives: object) -> bytearray:
        """The file, with those blocks of what was not synced for which chance says so."""
        content = bytearray(self.synced.get(path, b""))
        for offset, data in self.since.get(path, ()):
            for start in range(0, len(data), BLOCK):
                if survives():  # type: ignore[operator]
                    piece = data[start : start + BLOCK]
                    content.extend(bytes(max(0, offset + start - len(content))))
                    content[offset + start : offset + start + len(piece)] = piece
        return content


def whole(trace: str) -> Iterator[str]:
    """Calls in the order in which they ended: strace cuts in two what another thread came in between."""
    begun: dict[str, str] = {}
    for line in trace.splitlines():
        thread, _, rest = line.partition(" ")
        if line.endswith(" <unfinished ...>"):
            begun[thread] = line.removesuffix(" <unfinished ...>")
        elif resumed := re.match(r" *<\.\.\. \w+ resumed>(.*)", rest):
            yield begun.pop(thread) + resumed[1]
        else:
            yield line


def played(trace: str, folder: Path) -> Iterator[tuple[Disk, dict[str, str]]]:
    """The disk after each acknowledgement, and what has been acknowledged until then."""
    disk, told = Disk(), {}
    for line in whole(trace):
        if linked := LINK.match(line):
            disk.link(*(_text(f'"{name}"').decode() for name in linked.groups()))
        if unlinked := UNLINK.match(line):
            disk.unlink(_text(f'"{unlinked[1]}"').decode())
        found = CALL.match(line)
        if found is None or int(found[5]) < 0:
            continue
        name, descriptor, rest = found[1], found[2], found[4] or ""
        path = _text(f'"{found[3]}"').decode()
        if descriptor == "1" and name == "write":
            words = _text(rest).decode().split()
            if words[:1] == ["kept"]:
                told[make_record(int(words[1])).id] = words[2]
                yield disk, told
        elif not path.startswith(str(folder)) or path.endswith("-shm"):
            continue
        elif name == "pwrite64":
            disk.write(path, int(rest.rpartition(", ")[2]), _text(rest)[: int(found[5])])
        elif name == "ftruncate":
            disk.truncate(path, int(rest))
        elif name in {"fsync", "fdatasync"}:
            disk.sync(path)


def _text(rest: str) -> bytes:
    literal = rest[: rest.rindex('"') + 1]
    found: bytes = ast.literal_eval(f"b{literal}")
    return found


def cut(disk: Disk, place: Path, chance: random.Random) -> None:
    """What the power leaves."""
    place.mkdir()
    for path in sorted({*disk.synced, *disk.since}):
        (place / Path(path).name).write_bytes(disk.after(path, lambda: chance.random() < 0.5))


def lost(folder: Path, into: Path, script: str) -> tuple[int, int]:
    """How many acknowledged records were looked for after cuts, and how many were not there."""
    options = ["-y", "-xx", "-s", "10000000", "-e", "trace=write,pwrite64,fsync,fdatasync,ftruncate,link,unlink"]
    _, trace = traced(options, script, str(folder))
    number = sum(1 for _ in played(trace, folder))
    moments = random.sample(range(number), min(CUTS, number))
    looked = missing = 0
    for number, (disk, told) in enumerate(played(trace, folder)):
        if number in moments:
            place = into / str(number)
            cut(disk, place, random.Random(number))
            log = open_log(f"sqlite:///{place}/consent.db", keys=[KEY])
            drain(log)
            found = {one.id: one.leaf for one in log.records()}
            log.close()
            looked += len(told)
            missing += len(told.items() - found.items())
    return looked, missing


@pytest.mark.parametrize("where", WRITERS)
def test_after_a_power_cut_all_that_was_acknowledged_is_there(tmp_path: Path, where: str) -> None:
    for round_ in ROUNDS:
        folder, into = tmp_path / f"{round_}-written", tmp_path / f"{round_}-cut"
        folder.mkdir()
        into.mkdir()
        looked, missing = lost(folder, into, SCRIPT % WRITERS[where])
        assert looked > CUTS
        assert missing == 0


def test_the_model_finds_what_a_log_that_does_not_sync_loses(tmp_path: Path) -> None:
    folder, into = tmp_path / "written", tmp_path / "cut"
    folder.mkdir()
    into.mkdir()
    lazy = """
prepare = consent.log.sqlite.SqliteDatabase._prepare
def lazily(self, connection):
    prepare(self, connection)
    connection.execute("PRAGMA synchronous = NORMAL")
consent.log.sqlite.SqliteDatabase._prepare = lazily
"""
    _, missing = lost(folder, into, lazy + SCRIPT % "")
    assert missing > 0
