"""Puts the records that wait into the tree, and signs what the log then holds.

A sealer takes what is in ``consent_pending``, makes leaves of it outside of any lock, and in one short transaction
moves ``consent_head`` from the size that it knew to the new one, inserts leaves, hashes and checkpoint, and empties the
queue. Where several race, on one host or many, the head moves once and the others find that they were late; primary
keys see to it that no index and no record has two leaves, whatever else goes wrong.

A sealer is the only one who knows what was signed before, so it does not believe the database. It signs only where

- the head's hashes have the root of the last checkpoint, and the log's own keys signed that, and
- the tree goes on from the checkpoint in its *state*, a file outside of the database that holds the last one it knows.

A database that was rolled back to a backup, or exchanged for one with another history, is refused from then on.
"""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import LogUnavailable, SealRefused
from .checkpoint import Checkpoint, Signer, check_checkpoint, sign_checkpoint
from .record import leaf_data, leaf_hash, mac
from .store import Database
from .tiles import Tiles
from .tree import Frontier, check_consistency, prove_consistency
from .turn import turn

__all__ = ["Sealed", "Sealer"]

#: Records in one transaction: SQLite's other writers wait for it.
_BATCH = 1000
_HEAD = """SELECT h.size, h.frontier, c.note, (SELECT MAX(idx) FROM consent_leaf) FROM consent_head h
LEFT JOIN consent_checkpoint c ON c.size = h.size WHERE h.id = 1"""
_WAITING = """SELECT p.rid, r.ts, r.commitment, r.mac, l.idx FROM consent_pending p
LEFT JOIN consent_record r ON r.rid = p.rid LEFT JOIN consent_leaf l ON l.rid = p.rid
WHERE p.bad IS NULL ORDER BY p.rid LIMIT ?"""
_SWEEP = """INSERT INTO consent_pending (rid) SELECT r.rid FROM consent_record r
LEFT JOIN consent_leaf l ON l.rid = r.rid LEFT JOIN consent_pending p ON p.rid = r.rid
WHERE l.rid IS NULL AND p.rid IS NULL ON CONFLICT DO NOTHING"""
_MOVE = "UPDATE consent_head SET size = ?, frontier = ? WHERE id = 1 AND size = ? AND frontier = ?"
_LEAVE = """DELETE FROM consent_pending WHERE rid IN
(SELECT rid FROM consent_leaf WHERE idx >= ? AND idx < ?)"""
#: Rows of one statement: older SQLite takes 999 values.
_ROWS = 300
#: Seconds to wait for another sealer with the same state.
_PATIENCE = 60.0
_Statement = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a sealer did: so many new leaves, the log's size, and the ids of records that it set aside, with reasons."""

    leaves: int
    size: int
    aside: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Head:
    frontier: Frontier
    note: str | None
    time: int


class Sealer:
    """Seals one log.

    :param state: the file that holds the last checkpoint that this sealer knows of; made with the first.
    :param keys: of the records' codes; where given, a record whose code is wrong is set aside and not sealed.
    :param clock: Unix seconds. Where it steps back, the last checkpoint's time is signed once more.
    """

    def __init__(
        self,
        database: Database,
        signer: Signer,
        state: Path,
        *,
        keys: Sequence[bytes] = (),
        batch: int = _BATCH,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._signer = signer
        self._state = state
        self._keys = tuple(keys)
        self._batch = batch
        self._clock = clock
        self._known: str | None = None

    def seal(self, told: Callable[[int], None] = lambda _: None) -> Sealed:
        """Seal all that waits. ``told`` is called with the number of leaves after each transaction.

        :raises SealRefused: if the database does not go on from what was signed.
        :raises LogUnavailable: if it cannot be read or written.
        """
        leaves = 0
        aside: list[tuple[str, str]] = []
        while True:
            with self._turn():
                head = self._head()
                waiting = self._read(_WAITING, (self._batch,))
                wrong = [(row[0], why) for row in waiting if (why := self._wrong(row))]
                if wrong:
                    self._set_aside(wrong)
                    aside += [(_hex(rid), why) for rid, why in wrong]
                    continue
                size = head.frontier.size + len(waiting)
                if waiting and not self._put(head, waiting):
                    continue
            leaves += len(waiting)
            told(len(waiting))
            if (
                len(waiting) < self._batch
            ):  # what has come meanwhile is left to the next time: there may be no end to it
                return Sealed(leaves, size, tuple(aside))

    def sweep(self) -> None:
        """Put into the queue what stands in no queue and has no leaf, and what was set aside once more."""
        self._database.write([(_SWEEP, ())])
        self._database.write([("UPDATE consent_pending SET bad = NULL WHERE bad IS NOT NULL", ())])

    def _head(self) -> _Head:
        """Where the log stands, if it goes on from what was signed."""
        kept = self._known or _read_state(self._state)  # first: what is read after it is never older
        rows = self._read(_HEAD, ())
        if not rows:
            empty = "INSERT INTO consent_head (id, size, frontier) VALUES (1, 0, ?) ON CONFLICT DO NOTHING"
            self._database.write([(self._marked(empty), (b"",))])
            rows = self._read(_HEAD, ())
        size, joined, note, last = rows[0]
        try:
            frontier = Frontier(size, bytes(joined))
        except (TypeError, ValueError) as error:
            raise SealRefused(f"the head of the log is none: {error}") from error
        if (-1 if last is None else last) != size - 1:
            raise SealRefused(f"the head of the log is at {size}, and its last leaf is {last}")
        head = _Head(frontier, note, self._signed(frontier, note)) if size else _Head(frontier, None, 0)
        self._go_on(kept, head)
        return head

    def _signed(self, frontier: Frontier, note: str | None) -> int:
        """When the checkpoint at the head was signed, by us and over these leaves."""
        try:
            checkpoint, time = check_checkpoint(note or "", self._signer.trust)
        except ValueError as error:
            raise SealRefused(f"the checkpoint at {frontier.size} is not one of this log: {error}") from error
        if (checkpoint.size, checkpoint.root) != (frontier.size, frontier.root()):
            raise SealRefused(f"the head of the log, at {frontier.size}, has not the root that was signed")
        return time

    def _go_on(self, kept: str | None, head: _Head) -> None:
        """Refuse a head that does not go on from our state; else it is our state from now on."""
        if kept is None and head.note is None:
            return
        if kept is not None and kept != head.note:
            try:
                old, _ = check_checkpoint(kept, self._signer.trust)
            except ValueError as error:
                raise SealRefused(f"the state in {self._state} is not of this log: {error}") from error
            self._check_growth(old, head.frontier)
        if head.note is not None and head.note != self._known:
            _write_state(self._state, head.note)
            self._known = head.note

    def _check_growth(self, old: Checkpoint, new: Frontier) -> None:
        if new.size < old.size:
            raise SealRefused(f"the log was rolled back: {old.size} leaves were signed, and it has {new.size}")
        try:
            proof = prove_consistency(old.size, new.size, Tiles(self._database))
        except ValueError as error:
            raise SealRefused(f"the log does not prove that it grew from {old.size} leaves: {error}") from error
        if not check_consistency(old.size, new.size, proof, old.root, new.root()):
            raise SealRefused(f"the log was forked: its first {old.size} leaves are not those that were signed")

    def _wrong(self, row: tuple[Any, ...]) -> str | None:
        """Why a row of the queue cannot be sealed."""
        rid, ts, committed, code, index = row
        if index is not None:
            return "it is sealed already"
        if ts is None:
            return "there is no such record"
        if _length(rid) != 16 or not isinstance(ts, int) or _length(committed) != 32:
            return "it is no record"
        data = _data(row)
        if self._keys and not any(hmac.compare_digest(mac(key, data), bytes(code)) for key in self._keys):
            return "its code is wrong: it was changed, or made with another key"
        return None

    def _set_aside(self, wrong: Sequence[tuple[Any, str]]) -> None:
        for rid, why in wrong:
            self._database.write([(self._marked("UPDATE consent_pending SET bad = ? WHERE rid = ?"), (why, rid))])

    def _put(self, head: _Head, waiting: Sequence[tuple[Any, ...]]) -> bool:
        """Make leaves of these records, in one transaction; False if somebody else moved the head meanwhile."""
        old, new = head.frontier, Frontier(head.frontier.size, head.frontier.joined())
        hashes = [leaf_hash(_data(row)) for row in waiting]
        tiles = [(*place, hashed) for place, hashed in new.extend(hashes)]
        now = max(int(self._clock()), head.time)
        checkpoint = Checkpoint(self._signer.trust.origin, new.size, new.root())
        note = sign_checkpoint(checkpoint, self._signer, now)

        leaves = zip(range(old.size, new.size), (row[0] for row in waiting), hashes, strict=True)
        statements = [
            (self._marked(_MOVE), (new.size, new.joined(), old.size, old.joined())),
            *self._inserts("consent_leaf (idx, rid, hash)", [*leaves]),
            *self._inserts("consent_node (level, n, hash)", tiles),
            *self._inserts("consent_checkpoint (size, ts, note)", [(new.size, now, note)]),
            (self._marked(_LEAVE), (old.size, new.size)),
        ]
        if not self._database.write(statements):
            return False
        _write_state(self._state, note)
        self._known = note
        return True

    def _inserts(self, table: str, rows: Sequence[tuple[Any, ...]]) -> Iterator[_Statement]:
        """Inserts of many rows; one that is there already undoes the whole transaction."""
        for at in range(0, len(rows), _ROWS):
            some = rows[at : at + _ROWS]
            marks = ", ".join([f"({', '.join([self._database.placeholder] * len(some[0]))})"] * len(some))
            yield f"INSERT INTO {table} VALUES {marks}", tuple(value for row in some for value in row)  # noqa: S608

    def _read(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return self._database.read(self._marked(statement), values)

    def _marked(self, statement: str) -> str:
        return statement.replace("?", self._database.placeholder)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Seal after the others who share our state: the file then never goes back."""
        try:
            file = os.open(f"{self._state}-turn", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise LogUnavailable(f"the sealer's state in {self._state} cannot be written: {error}") from error
        try:
            with turn(file, _PATIENCE):
                yield
        except BlockingIOError as error:
            raise LogUnavailable(f"another sealer works with the state in {self._state}") from error
        finally:
            os.close(file)


def _data(row: tuple[Any, ...]) -> bytes:
    return leaf_data(bytes(row[0]).hex(), row[1], bytes(row[2]))


def _length(value: object) -> int:
    return len(value) if isinstance(value, (bytes, memoryview)) else -1


def _hex(rid: object) -> str:
    return bytes(rid).hex() if isinstance(rid, (bytes, memoryview)) else repr(rid)


def _read_state(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise SealRefused(f"the sealer's state in {path} cannot be read: {error}") from error


def _write_state(path: Path, note: str) -> None:
    """Exchange the file as a whole, on the disk when this returns."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with new.open("w", encoding="utf-8") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise LogUnavailable(f"the sealer's state in {path} cannot be written: {error}") from error
