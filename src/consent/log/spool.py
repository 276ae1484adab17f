"""Where records wait, durably, while the database is away: a file on the local disk that has its room beforehand.

The file is written in full when it is made, so that records find room on a full disk. Any process of the host may put
records in and take them out; they do so in turns (``flock``). Numbers are big-endian::

    0       header     "consent-spool/v1\\n", generation (8 bytes), first 16 bytes of SHA-256 of what stands before
    512     header     the same; of the two, the one with the higher generation counts
    4096    entries    each: length of its content (4 bytes), tag (16), content
    tag     = the first 16 bytes of SHA-256(the tag before, or the generation || content)
    content = "r", id (16), time (8), subject (16, or zeros), salt (32), code (32), body
            | "n", what visitors were shown

Entries end where the tag is not right: where the last one was torn by a power cut, or where nothing was written yet.
As each tag depends on all before it, nothing older can be mistaken for an entry. When all has reached the database, a
header with the next generation makes all tags wrong at once, and the file is filled with zeros again.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from ..errors import ConfigurationError, LogUnavailable
from .entry import Entry
from .record import commitment
from .turn import turn

__all__ = ["Mark", "Spool"]

_MAGIC = b"consent-spool/v1\n"
_HEADER = struct.Struct(f">{len(_MAGIC)}sQ16s")
_HEADERS = (0, 512)  # each in a sector of its own: a torn write spoils one of them
_FIRST = 4096
_HEAD = struct.Struct(">I16s")
_RECORD = struct.Struct(">c16sQ16s32s32s")
_NOBODY = bytes(16)

#: Bytes that are there beforehand: some thousand decisions. While the disk has room the file grows, up to the second.
_RESERVE, _MOST = 1 << 20, 256 << 20
#: Bytes; no entry is longer. A record's body has at most 64 KB, what visitors are shown some ten.
_LONGEST = 4 << 20
#: Entries that are read at once, on their way to the database.
_READ = 256
#: Seconds that a process waits for its turn.
_PATIENCE = 1.0


class Mark(NamedTuple):
    """A place between two entries: in which file and generation, where, and the tag before it."""

    file: int
    generation: int
    offset: int
    tag: bytes


@dataclass(frozen=True, slots=True)
class _Open:
    """The file, open and ours for a turn, and where its entries end."""

    descriptor: int
    end: Mark


class Spool:
    """The spool at a path. Safe to use from all threads and across forks: nothing stays open between calls.

    ``reserve`` and ``most``: bytes that the file has beforehand, and to which it may grow.

    :raises ConfigurationError: if the path's folder is not there.
    """

    def __init__(self, path: str, *, reserve: int = _RESERVE, most: int = _MOST, patience: float = _PATIENCE) -> None:
        self.path = os.path.abspath(path)  # noqa: PTH100 - a server may change its folder later
        if os.path.isdir(self.path):  # noqa: PTH112 - says no where it may not look
            raise ConfigurationError("the spool is a file, and this is a folder", path=("spool",), value=path)
        if not os.path.isdir(os.path.dirname(self.path)):  # noqa: PTH112, PTH120 - as above
            raise ConfigurationError("there is no such folder for the spool", path=("spool",), value=path)
        self._reserve = max(reserve, _FIRST)
        self._most = most
        self._patience = patience
        self._known = Mark(0, 0, 0, b"")
        #: What visitors were shown, as far as it is in this generation.
        self._noticed: set[bytes] = set()

    def prepare(self) -> bool:
        """Make the file if it is not there; whether something waits in it.

        :raises LogUnavailable: if it cannot be made or read.
        """
        with self._turn() as spool:
            return spool.end.offset > _FIRST

    def put(self, entries: Sequence[Entry]) -> None:
        """Keep entries, durably when this returns. What visitors were shown is put once.

        :raises LogUnavailable: if that cannot be promised; then none of them counts.
        """
        with self._turn() as spool:
            start = spool.end
            contents: list[bytes] = []
            noticed = set(self._noticed)
            for entry in entries:
                if entry.notice and entry.notice_hash not in noticed:
                    noticed.add(entry.notice_hash)
                    contents.append(b"n" + entry.notice)
                contents.append(_pack(entry))
            written, end = _chained(contents, start)
            if end.offset > self._most:
                raise LogUnavailable(f"the spool at {self.path} is full")
            try:
                self._grow(spool.descriptor, end.offset)
                _write(spool.descriptor, written, start.offset)
                _sync(spool.descriptor)
            except BaseException:
                # Nobody is told that it is kept; then it must not be found either.
                with suppress(OSError):
                    _write(spool.descriptor, bytes(min(len(written), _HEAD.size)), start.offset)
                raise
            self._known = end
            self._noticed = noticed

    def read(self, after: Mark | None = None) -> tuple[list[Entry], Mark]:
        """Some of the entries, in order, and the mark behind them; after a mark, those behind it.

        :raises LogUnavailable: if they cannot be read.
        """
        entries: list[Entry] = []
        with self._turn() as spool:
            mark = _start(spool.end)
            if after is not None and after[:2] == mark[:2]:
                mark = after
            notice = b""
            while len(entries) < _READ and (found := _next(spool.descriptor, mark)) is not None:
                content, mark = found
                if content[:1] == b"n":
                    notice = content[1:]
                else:
                    entries.append(_unpack(content, notice))
                    notice = b""
        return entries, mark

    def clear(self, mark: Mark) -> bool:
        """Empty the spool, if nothing is in it behind this mark. Whether it is empty now.

        :raises LogUnavailable: if it cannot be written.
        """
        with self._turn() as spool:
            if spool.end != mark:
                return False
            if mark.offset == _FIRST:
                return True
            generation = mark.generation + 1
            place = _HEADERS[generation % 2]
            try:
                _write(spool.descriptor, _header(generation), place)
                _sync(spool.descriptor)
            except BaseException:
                # What is not surely on the disk must not count in memory.
                with suppress(OSError):
                    _write(spool.descriptor, bytes(_HEADER.size), place)
                raise
            # Nothing of what visitors decided stays behind; and the room stays ours.
            os.ftruncate(spool.descriptor, self._reserve)
            _fill(spool.descriptor, _FIRST, min(mark.offset, self._reserve))
            _sync(spool.descriptor)
            return True

    @contextmanager
    def draining(self) -> Iterator[bool]:
        """Whether it is ours, and no other process's meanwhile, to take the entries out."""
        with self._errors():
            descriptor = os.open(f"{self.path}-drain", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            try:
                yield True
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise LogUnavailable(f"the spool at {self.path}: {error}") from error

    @contextmanager
    def _turn(self) -> Iterator[_Open]:
        """The file, ours for a turn. It is opened each time: it may have been taken away, or made anew."""
        with self._errors():
            descriptor = self._open()
            try:
                with turn(descriptor, self._patience):
                    if os.stat(self.path).st_ino != os.fstat(descriptor).st_ino:  # noqa: PTH116
                        raise OSError("it was replaced by another")
                    yield _Open(descriptor, self._end(descriptor))
            finally:
                os.close(descriptor)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(self.path, flags)
        except FileNotFoundError:
            self._make()
            return os.open(self.path, flags)

    def _make(self) -> None:
        """Make the file elsewhere and put it in its place whole; one of several that do this at once succeeds."""
        new = f"{self.path}-{os.getpid()}-{os.urandom(4).hex()}"
        descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            _fill(descriptor, 0, self._reserve)
            generation = int.from_bytes(os.urandom(6))  # no other file's, whose inode this one may get
            _write(descriptor, _header(generation), _HEADERS[generation % 2])
            _sync(descriptor)
            with suppress(FileExistsError):
                os.link(new, self.path)
        finally:
            os.close(descriptor)
            os.unlink(new)  # noqa: PTH108
        folder = os.open(os.path.dirname(self.path), os.O_RDONLY)  # noqa: PTH120
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _end(self, descriptor: int) -> Mark:
        """Where the entries end. What was read or written before is not read again."""
        file = os.fstat(descriptor).st_ino
        generation = _generation(descriptor)
        if self._known[:2] != (file, generation):
            self._known, self._noticed = _start(Mark(file, generation, 0, b"")), set()
        mark = self._known
        while (found := _next(descriptor, mark)) is not None:
            mark = found[1]
        self._known = mark
        return mark

    def _grow(self, descriptor: int, end: int) -> None:
        size = os.fstat(descriptor).st_size
        if end > size:
            _fill(descriptor, size, min(self._most, end + self._reserve))


def _start(mark: Mark) -> Mark:
    """The mark before the first entry of the same file and generation."""
    return Mark(mark.file, mark.generation, _FIRST, mark.generation.to_bytes(16))


def _header(generation: int) -> bytes:
    begin = _MAGIC + generation.to_bytes(8)
    return begin + sha256(begin).digest()[:16]


def _generation(descriptor: int) -> int:
    """The generation that counts.

    :raises OSError: if there is none: then this is no spool.
    """
    found = []
    for offset in _HEADERS:
        header = os.pread(descriptor, _HEADER.size, offset)
        if len(header) == _HEADER.size:
            generation: int = _HEADER.unpack(header)[1]
            if header == _header(generation):
                found.append(generation)
    if not found:
        raise OSError("it is no spool")
    return max(found)


def _chained(contents: Sequence[bytes], mark: Mark) -> tuple[bytes, Mark]:
    """The bytes of entries that come after a mark, and the mark behind them."""
    parts: list[bytes] = []
    for content in contents:
        tag = _tag(mark, content)
        parts += _HEAD.pack(len(content), tag), content
        mark = mark._replace(offset=mark.offset + _HEAD.size + len(content), tag=tag)
    return b"".join(parts), mark


def _tag(mark: Mark, content: bytes) -> bytes:
    return sha256(mark.tag + content).digest()[:16]


def _next(descriptor: int, mark: Mark) -> tuple[bytes, Mark] | None:
    """The content of the entry at a mark, and the mark behind it; None if there is none."""
    head = os.pread(descriptor, _HEAD.size, mark.offset)
    if len(head) < _HEAD.size:
        return None
    length, tag = _HEAD.unpack(head)
    if not 0 < length <= _LONGEST:
        return None
    content = os.pread(descriptor, length, mark.offset + _HEAD.size)
    if len(content) < length or tag != _tag(mark, content):
        return None
    return content, mark._replace(offset=mark.offset + _HEAD.size + length, tag=tag)


def _pack(entry: Entry) -> bytes:
    return _RECORD.pack(b"r", entry.id, entry.ts, entry.subject or _NOBODY, entry.salt, entry.code) + entry.body


def _unpack(content: bytes, notice: bytes) -> Entry:
    _, rid, ts, subject, salt, code = _RECORD.unpack_from(content)
    body = content[_RECORD.size :]
    return Entry(
        id=rid,
        ts=ts,
        subject=subject if subject != _NOBODY else None,
        commitment=commitment(salt, body),
        salt=salt,
        code=code,
        body=body,
        notice=notice,
    )


def _write(descriptor: int, data: bytes, offset: int) -> None:
    """Write all of it: a write may take less than it is given."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def _fill(descriptor: int, start: int, end: int) -> None:
    """Zeros, written and not only promised: then a record that is written over them needs no new room."""
    zeros = bytes(1 << 16)
    for offset in range(start, end, len(zeros)):
        _write(descriptor, zeros[: end - offset], offset)


def _sync(descriptor: int) -> None:
    full = getattr(fcntl, "F_FULLFSYNC", None)  # macOS: through the drive's own cache
    if full is not None:
        fcntl.fcntl(descriptor, full)
    elif hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)
    else:
        os.fsync(descriptor)
