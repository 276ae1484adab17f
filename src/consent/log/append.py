"""How a record gets into the log: into the database while it answers in time, else into the spool, else not at all.

A database that failed is left in peace for a while; what comes meanwhile goes to the spool at once. Whoever of the
processes finds something in the spool moves it to the database when that is back: each record once, because it is the
same entry wherever it is put.
"""

from __future__ import annotations

import hmac
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import LogUnavailable
from .background import Background
from .entry import Entry
from .group import Group
from .limit import Limit, LimitReached
from .record import Receipt, Record, uuid7, void
from .spool import Spool
from .store import Database, SqlStore, Stored, open_store

__all__ = ["Appender", "Holds", "open_log"]

log = logging.getLogger("consent")

#: What the spool holds: all decisions, or only those that grant nothing.
Holds = Literal["all", "refusals"]

#: Seconds that a request waits for the database where there is a spool, and for the spool.
_BUDGET, _SPOOL_BUDGET = 0.25, 1.0
#: Seconds that it waits where there is none: longer than the database's own limits, which say more.
_ALONE = 10.0
#: Seconds for which a database that failed is left in peace: at first, and at most.
_REST, _MOST_REST = 0.5, 10.0
#: Seconds after which a process looks whether another left something in the spool.
_LOOK = 1.0
#: Denied agreements of which a process knows that they may be in the log.
_MOST_DOUBTFUL = 10_000


@dataclass(slots=True)
class _Asked:
    """A record on its way. ``denied``: the visitor has been told that it could not be saved."""

    record: Record
    entry: Entry
    denied: bool = False


class _Breaker:
    """Whether the database is worth asking: always while it answers, else now and then."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rest = 0.0
        self._until = 0.0

    def ready(self) -> bool:
        """Whether to ask. While it is down, one of many is told yes after each rest."""
        if self._rest == 0.0:
            return True
        now = self._clock()
        if now < self._until:
            return False
        self._until = now + self._rest
        return True

    def failed(self) -> None:
        self._rest = min(max(self._rest * 2, _REST), _MOST_REST)
        self._until = self._clock() + self._rest

    def worked(self) -> None:
        self._rest = 0.0


class Appender:
    """A log to append to and to read from: a store, and a spool for when it is away.

    ``spool``: None for none; then a request waits for the store as long as that has patience.
    ``holds``: whether the spool's word is enough for an agreement to count.
    ``limit``: how many decisions from one network are kept.
    """

    def __init__(
        self,
        store: SqlStore,
        spool: Spool | None = None,
        *,
        holds: Holds = "all",
        limit: Limit | None = None,
        budget: float = _BUDGET,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.spool = spool
        self._holds = holds
        self._limit = limit
        self._minute = 0
        self._clock = clock
        self._budget = budget if spool else _ALONE
        self._breaker = _Breaker(clock)
        self._database: Group[_Asked, Receipt] = Group(
            self._keep, late=self._doubt, name="consent-log", patience=_ALONE
        )
        self._disk: Group[_Asked, Receipt] = Group(self._put, late=self._doubt, name="consent-spool", patience=_ALONE)
        self._mending = Background(self._mend, name="consent-mend", patience=_ALONE)
        self._doubtful: dict[str, Record] = {}
        self._look = 0.0
        self._pause = _REST
        self._closed = False
        if spool is not None and os.path.exists(spool.path):  # noqa: PTH110 - says no where it may not look
            self._mending.wake()  # there may be something in it

    def append(self, record: Record, notice: bytes = b"", *, network: str = "") -> Receipt:
        """Keep a record, durably when this returns. The same record again is kept once.

        :raises LogUnavailable: if that cannot be promised; :class:`LimitReached`, if too many came from its network.
        """
        if self._closed:
            raise LogUnavailable("the log is closed")
        if self._limit is None:
            network = ""
        elif network:
            self._limit.check(network)
        asked = _Asked(record, self.store.entry(record, notice, network=network))
        failures: list[LogUnavailable] = []
        for place in self._places(record):
            try:
                receipt = place(asked)
            except LogUnavailable as error:
                if isinstance(error, LimitReached) and not failures:
                    raise  # nothing was begun
                failures.append(error)
            else:
                self._doubtful.pop(record.id, None)  # denied before, and now it is not
                return receipt
        asked.denied = True
        self._doubt(asked)
        if len(failures) == 1 or isinstance(failures[-1], LimitReached):
            raise failures[-1]
        raise LogUnavailable("; ".join(map(str, failures))) from failures[0]

    def drain(self) -> int:
        """Move what waits in the spool to the database; how many records. Another process may be about it: then none.

        :raises LogUnavailable: if the database, or the spool, is still away.
        """
        if self.spool is None:
            return 0
        moved = 0
        with self.spool.draining() as ours:
            mark = None
            while ours:
                entries, mark = self.spool.read(mark)
                for entry, outcome in zip(entries, self._moved(entries), strict=True):
                    if isinstance(outcome, LogUnavailable):
                        log.error("a record in the spool is another's in the log: %s (%s)", entry.id.hex(), outcome)
                moved += len(entries)
                if not entries and self.spool.clear(mark):
                    break
        return moved

    def records(self, **filters: Any) -> Iterator[Stored]:
        """The records in the database; see :meth:`SqlStore.records`."""
        return self.store.records(**filters)

    def proof(self, record_id: str) -> str | None:
        """The proof of a sealed record; see :meth:`SqlStore.proof`."""
        return self.store.proof(record_id)

    def find(self, prefix: str) -> list[Stored]:
        """The records in the database whose id begins so; see :meth:`SqlStore.find`."""
        return self.store.find(prefix)

    def newest(self, subjects: Sequence[str], limit: int) -> list[Stored]:
        """The newest records of pseudonyms."""
        return self.store.newest(subjects, limit)

    def close(self) -> None:
        """Close the log. What is in the spool stays there for the next process."""
        self._closed = True
        for part in (self._mending, self._database, self._disk):
            part.end()
        self.store.close()

    # The two places

    def _places(self, record: Record) -> list[Callable[[_Asked], Receipt]]:
        """Where to put a record, the place to try first first."""
        spooled = self.spool is not None and not (record.granted and self._holds == "refusals")
        if not spooled:
            return [self._ask_database]
        if self._breaker.ready():
            return [self._ask_database, self._ask_spool]
        return [self._ask_spool, self._ask_database]

    def _ask_database(self, asked: _Asked) -> Receipt:
        try:
            receipt = self._database.ask(asked, wait=self._budget)
        except LimitReached:
            raise
        except LogUnavailable:
            self._breaker.failed()
            raise
        self._breaker.worked()
        if self.spool is not None and self._clock() >= self._look:
            # Others may have left something, and the spool must be there before it is needed.
            self._look = self._clock() + _LOOK
            self._mending.wake()
        elif asked.entry.network and self._limit is not None and self._minute != self._limit.minute:
            self._mending.wake()
        return receipt

    def _ask_spool(self, asked: _Asked) -> Receipt:
        if asked.entry.network and self._limit is not None:
            self._limit.take(asked.entry.network)
        receipt = self._disk.ask(asked, wait=_SPOOL_BUDGET)
        self._mending.wake()
        return receipt

    def _keep(self, take: Callable[[], Sequence[_Asked]]) -> list[Receipt | LogUnavailable]:
        admit = self._limit.admit if self._limit is not None else None
        return self.store.keep(lambda: [asked.entry for asked in take()], admit=admit)

    def _put(self, take: Callable[[], Sequence[_Asked]]) -> list[Receipt | LogUnavailable]:
        assert self.spool is not None
        entries = [asked.entry for asked in take()]
        self.spool.put(entries)
        return [entry.receipt for entry in entries]

    # Kept, although the visitor was told that it was not

    def _doubt(self, asked: _Asked) -> None:
        """Find out later whether something is in the log that was denied to a visitor.

        Called when it is denied, and when what nobody waits for was done at last: whichever comes second finds it.
        """
        if asked.denied and asked.record.granted and len(self._doubtful) < _MOST_DOUBTFUL:
            self._doubtful[asked.record.id] = asked.record
            self._mending.wake()

    def _settle(self) -> None:
        """Say of each agreement that is in the log, and was not granted, that it is void. Refusals were honoured."""
        for record_id, record in list(self._doubtful.items()):
            if self.store.has(record_id):
                ms = int(time.time() * 1000)
                self.store.append(void(record, id=uuid7(ms, secrets.token_bytes(10)), ts=ms))
            self._doubtful.pop(record_id, None)

    # When the database is back

    def _moved(self, entries: Sequence[Entry]) -> Sequence[Receipt | LogUnavailable]:
        return self.store.keep(lambda: entries) if entries else ()

    def _mend(self) -> float | None:
        """Drain and settle; after how many seconds to try again, if there is more to do."""
        try:
            self._forget()
            if self._closed or not (self._doubtful or (self.spool is not None and self.spool.prepare())):
                self._pause = _REST
                return None
            moved = self.drain()
            if self.spool is not None and self.spool.prepare():
                return _REST  # another process is about it
            self._settle()
        except LogUnavailable:
            self._pause = min(self._pause * 2, _MOST_REST)
            return self._pause
        except Exception:
            log.exception("decisions could not be moved from the spool to the log")
            return _MOST_REST
        self._breaker.worked()
        if moved:
            log.warning("moved %d decisions from the spool to the log", moved)
        self._pause = _REST
        return _REST  # until there is nothing more

    def _forget(self) -> None:
        """Once a minute, forget who came in the last."""
        if self._limit is not None and self._minute != self._limit.minute and not self._closed:
            self._minute = self._limit.minute
            self.store.forget_slots(self._minute)


def open_log(
    url: str,
    *,
    keys: Sequence[bytes],
    spool: str = "auto",
    holds: Holds = "all",
    limit: int = 0,
    database: Database | None = None,
) -> Appender:
    """Open the log at a URL to append to. ``spool``: a path, ``off``, or ``auto``: beside an SQLite file. ``limit``:
    how many decisions a minute are kept from one network; 0 is any number. ``database``: a framework's own, which
    stands for the one at the URL.

    :raises ConfigurationError: as :func:`open_store`, and for a spool that cannot be there.
    """
    store = open_store(url, keys=keys) if database is None else SqlStore(database, keys)
    place = None if spool == "off" else spool
    if spool == "auto":
        scheme, _, path = url.partition(":///")
        place = f"{path}-spool" if scheme == "sqlite" and path else None
    counted = Limit(limit, key=hmac.digest(keys[0], b"consent.log.slot.v1", "sha256"), clock=time.time)
    return Appender(store, Spool(place) if place else None, holds=holds, limit=counted if limit else None)
