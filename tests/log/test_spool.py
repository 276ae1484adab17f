"""What is in the spool stays, in order and whole; what is not surely there is not found."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from records import KEY, NOTICE, make_record

from consent.errors import ConfigurationError, LogUnavailable
from consent.log.entry import Entry, make_entry
from consent.log.spool import Spool

HERE = str(Path(__file__).parent)


def make(number: int, **changes: Any) -> Entry:
    notice = changes.pop("notice", NOTICE)
    return make_entry(make_record(number, notice=notice, **changes), notice, key=KEY, salt=bytes([number % 256]) * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "consent.spool"


@pytest.fixture
def spool(path: Path) -> Spool:
    return Spool(str(path), reserve=16_384, most=65_536)


def found(spool: Spool) -> list[bytes]:
    """The ids of all entries."""
    ids: list[bytes] = []
    mark = None
    while True:
        entries, mark = spool.read(mark)
        if not entries:
            return ids
        ids += [entry.id for entry in entries]


def ids(*numbers: int) -> list[bytes]:
    return [make(number).id for number in numbers]


# Keeping


def test_what_was_put_is_read_back_in_order_by_whoever_opens_the_file(spool: Spool, path: Path) -> None:
    entries = [make(0), make(1, subject="1" * 32), make(2, kind="refuse_all", granted=(), policy="é 政策 😀")]
    spool.put(entries[:1])
    spool.put(entries[1:])
    read, _ = Spool(str(path)).read()
    assert [(e.id, e.ts, e.subject, e.salt, e.code, e.body) for e in read] == [
        (e.id, e.ts, e.subject, e.salt, e.code, e.body) for e in entries
    ]
    assert [e.receipt for e in read] == [e.receipt for e in entries]


def test_what_visitors_were_shown_is_there_once_before_the_first_who_was_shown_it(spool: Spool, path: Path) -> None:
    other = b'{"title":"Another"}'
    spool.put([make(0), make(1), make(2, notice=other)])
    spool.put([make(3), make(4, notice=other)])
    read, _ = spool.read()
    assert [entry.notice for entry in read] == [NOTICE, b"", other, b"", b""]
    assert path.read_bytes().count(NOTICE) == 1


def test_reading_goes_on_behind_a_mark(spool: Spool) -> None:
    spool.put([make(0)])
    first, mark = spool.read()
    assert spool.read(mark) == ([], mark)
    spool.put([make(1)])
    assert [entry.id for entry in first] + [entry.id for entry in spool.read(mark)[0]] == ids(0, 1)


def test_many_are_read_in_portions(path: Path) -> None:
    spool = Spool(str(path))
    spool.put([make(number) for number in range(600)])
    assert len(spool.read()[0]) == 256
    assert found(spool) == ids(*range(600))


def test_only_the_site_may_read_the_file(spool: Spool, path: Path) -> None:
    spool.prepare()
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_file_has_its_room_before_it_is_needed(spool: Spool, path: Path) -> None:
    assert spool.prepare() is False
    assert path.stat().st_blocks * 512 >= 16_384
    spool.put([make(0)])
    assert spool.prepare() is True
    assert path.stat().st_size == 16_384


# Clearing


def test_a_spool_that_was_cleared_is_empty_and_keeps_nothing_of_what_was_in_it(spool: Spool, path: Path) -> None:
    spool.put([make(number) for number in range(40)])  # more than the reserve
    assert path.stat().st_size > 16_384
    _, mark = spool.read()
    assert spool.clear(mark)
    assert found(spool) == []
    assert path.stat().st_size == 16_384
    assert path.read_bytes()[4096:].strip(b"\0") == b""
    assert spool.clear(spool.read()[1])


def test_a_spool_is_not_cleared_of_what_nobody_has_read(spool: Spool, path: Path) -> None:
    spool.put([make(0)])
    _, mark = spool.read()
    Spool(str(path)).put([make(1)])
    assert not spool.clear(mark)
    assert found(spool) == ids(0, 1)


def test_a_mark_of_another_time_clears_nothing(spool: Spool) -> None:
    spool.put([make(0)])
    _, mark = spool.read()
    spool.clear(mark)
    spool.put([make(0)])
    assert not spool.clear(mark)
    assert spool.read(mark)[0][0].id == make(0).id


def test_a_process_that_was_away_while_another_cleared_finds_the_end(spool: Spool, path: Path) -> None:
    other = Spool(str(path))
    other.put([make(0), make(1)])
    spool.clear(spool.read()[1])
    spool.put([make(2)])
    other.put([make(3)])
    assert found(spool) == found(other) == ids(2, 3)


def test_the_words_are_put_again_after_the_spool_was_cleared(spool: Spool) -> None:
    for number in range(3):
        spool.put([make(number)])
        entries, mark = spool.read()
        assert [entry.notice for entry in entries] == [NOTICE]
        spool.clear(mark)


# Torn, changed, stale


def test_whatever_is_torn_off_the_end_what_was_before_it_is_there_and_the_next_comes_behind(path: Path) -> None:
    spool = Spool(str(path))
    spool.put([make(0)])
    start = spool.read()[1].offset
    spool.put([make(1)])
    end = spool.read()[1].offset
    whole = path.read_bytes()
    for cut in range(start, end):
        path.write_bytes(whole[:cut].ljust(len(whole), b"\0"))
        torn = Spool(str(path))
        assert found(torn) == ids(0)
        torn.put([make(2)])
        assert found(Spool(str(path))) == ids(0, 2)


def test_no_flipped_bit_gives_another_entry(path: Path) -> None:
    spool = Spool(str(path))
    spool.put([make(0)])
    start = spool.read()[1].offset
    spool.put([make(1)])
    end = spool.read()[1].offset
    whole = path.read_bytes()
    for offset in range(start, end):
        changed = bytearray(whole)
        changed[offset] ^= 1 << offset % 8
        path.write_bytes(changed)
        assert found(Spool(str(path))) == ids(0)


def test_what_a_write_left_behind_one_that_was_torn_is_never_an_entry(spool: Spool, path: Path) -> None:
    # Two entries in one write; the power goes when the second's sectors are on the disk and the first's are not.
    spool.put([make(0)])
    start = spool.read()[1].offset
    spool.put([make(1), make(2)])
    whole = bytearray(path.read_bytes())
    whole[start : start + 4] = bytes(4)
    path.write_bytes(whole)
    after = Spool(str(path))
    assert found(after) == ids(0)
    after.put([make(3)])  # of the same length as the one that was torn
    assert found(Spool(str(path))) == ids(0, 3)


@pytest.mark.parametrize("spoiled", [0, 512])
def test_one_of_the_headers_is_enough(spool: Spool, path: Path, spoiled: int) -> None:
    spool.put([make(0)])
    spool.clear(spool.read()[1])
    spool.put([make(1)])
    whole = bytearray(path.read_bytes())
    whole[spoiled : spoiled + 512] = os.urandom(512)
    path.write_bytes(whole)
    # With the older one nothing in the file is an entry; never something else.
    assert found(Spool(str(path))) in ([], ids(1))


@pytest.mark.parametrize("content", [b"", b"a text\n", bytes(8192), b"consent-spool/v1\n" + bytes(8192)])
def test_a_file_that_is_no_spool_is_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(LogUnavailable, match="it is no spool"):
        Spool(str(path)).put([make(0)])
    assert path.read_bytes() == content


def test_a_spool_that_was_taken_away_is_made_anew(spool: Spool, path: Path) -> None:
    spool.put([make(0)])
    path.unlink()
    spool.put([make(1)])
    assert found(spool) == ids(1)


def test_a_link_is_not_followed(tmp_path: Path, path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LogUnavailable):
        Spool(str(path)).put([make(0)])
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(("name", "message"), [("nowhere/spool", "no such folder"), (".", "this is a folder")])
def test_a_place_where_no_spool_can_be_is_told_at_start(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Spool(str(tmp_path / name))


# Full, failing


def test_a_full_spool_takes_no_more_and_keeps_what_it_has(spool: Spool) -> None:
    for number in range(60):
        spool.put([make(number)])
    with pytest.raises(LogUnavailable, match="is full"):
        spool.put([make(number) for number in range(100, 160)])
    assert found(spool) == ids(*range(60))
    spool.clear(spool.read()[1])
    spool.put([make(0)])


class Faults:
    """Lets the n-th call that writes or syncs fail, or write only half."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = -1
        self.error: int | None = None
        self._patch(monkeypatch, "pwrite", lambda fd, data, at: (fd, memoryview(data)[: max(1, len(data) // 2)], at))
        self._patch(monkeypatch, "fdatasync", lambda fd: (fd,))
        self._patch(monkeypatch, "ftruncate", lambda *given: given)

    def _patch(self, monkeypatch: pytest.MonkeyPatch, name: str, less: Callable[..., tuple[Any, ...]]) -> None:
        real: Any = getattr(os, name)

        def call(*given: Any) -> Any:
            self.left -= 1
            if self.left == 0 and self.error is not None:
                raise OSError(self.error, os.strerror(self.error))
            return real(*(less(*given) if self.left == 0 else given))

        monkeypatch.setattr(os, name, call)

    def at(self, call: int, error: int | None) -> None:
        self.left, self.error = call, error


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    return Faults(monkeypatch)


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, None], ids=["EIO", "ENOSPC", "half a write"])
@pytest.mark.parametrize("size", [1, 40], ids=["in the reserve", "beyond it"])
def test_whichever_call_of_a_put_fails_all_of_it_is_there_or_nothing(
    tmp_path: Path, faults: Faults, error: int | None, size: int
) -> None:
    for call in range(1, 30):
        path = tmp_path / f"spool-{call}"
        spool = Spool(str(path), reserve=16_384)
        spool.put([make(0)])
        faults.at(call, error)
        try:
            spool.put([make(number) for number in range(1, size + 1)])
            kept = [*range(size + 1)]
        except LogUnavailable:
            kept = [0]
        untouched = faults.left > 0
        faults.at(-1, None)
        assert found(Spool(str(path))) == found(spool) == ids(*kept)
        spool.put([make(99)])
        assert found(Spool(str(path))) == ids(*kept, 99)
        if untouched:
            break
    else:
        pytest.fail("a put makes more calls than were tried")
    assert call > 2


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, None], ids=["EIO", "ENOSPC", "half a write"])
def test_whichever_call_of_a_clearing_fails_all_is_there_or_nothing_and_the_next_is_kept(
    tmp_path: Path, faults: Faults, error: int | None
) -> None:
    for call in range(1, 30):
        path = tmp_path / f"spool-{call}"
        spool = Spool(str(path), reserve=16_384)
        spool.put([make(0), make(1)])
        _, mark = spool.read()
        faults.at(call, error)
        try:
            assert spool.clear(mark)
        except LogUnavailable:
            left = found(Spool(str(path)))
            assert left in ([], ids(0, 1))
        else:
            left = []
        untouched = faults.left > 0
        faults.at(-1, None)
        spool.put([make(2)])
        assert found(Spool(str(path))) == found(spool) == [*left, *ids(2)]
        if untouched:
            break
    else:
        pytest.fail("a clearing makes more calls than were tried")
    assert call > 3


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
def test_a_spool_that_could_not_be_made_leaves_nothing_and_is_made_later(
    tmp_path: Path, path: Path, faults: Faults, error: int
) -> None:
    for call in (1, 2, 3):
        faults.at(call, error)
        with pytest.raises(LogUnavailable):
            Spool(str(path), reserve=16_384).put([make(0)])
        assert list(tmp_path.iterdir()) == []
    Spool(str(path)).put([make(0)])


# Many at once

PUTTER = f"""
import sys
sys.path.insert(0, {HERE!r})
from test_spool import Spool, make
spool = Spool(sys.argv[1], reserve=16_384, patience=60)
for number in range(int(sys.argv[2]), int(sys.argv[2]) + 20):
    spool.put([make(number)])
"""


def test_many_processes_make_the_spool_and_put_at_once_each_entry_exactly_once(path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", PUTTER, str(path)]
    putters = [subprocess.Popen([*command, str(first)]) for first in range(0, 80, 20)]
    assert [putter.wait() for putter in putters] == [0] * 4
    kept = found(Spool(str(path)))
    assert sorted(kept) == sorted(ids(*range(80)))
    for first in range(0, 80, 20):
        assert [rid for rid in kept if rid in ids(*range(first, first + 20))] == ids(*range(first, first + 20))
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_one_at_a_time_takes_entries_out(spool: Spool, path: Path) -> None:
    with spool.draining() as ours:
        assert ours
        with Spool(str(path)).draining() as theirs:
            assert not theirs
    with spool.draining() as ours:
        assert ours
