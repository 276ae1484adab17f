"""The connections of one process: few, lent to whichever thread needs one, never used on both sides of a fork.

A connection for each thread stays open for as long as its thread lives, and a server that makes a thread for each
request would open one for each request. A decision is rare and an append takes a millisecond: a few are enough.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from ..errors import LogUnavailable
from .fork import at_fork

__all__ = ["Pool"]


class _Closable(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=_Closable)


class Pool(Generic[C]):
    """Lends at most ``most`` connections at a time, each made when it is first needed and kept for the next.

    Before the process forks, who has a connection is waited for and all of them are closed: SQLite's locks and
    PostgreSQL's sessions belong to one process. ``patience``: seconds that a borrower, or a fork, waits.
    ``shared``: the connection is plain memory, and goes into the child as a copy.
    """

    def __init__(self, connect: Callable[[], C], *, most: int, patience: float, shared: bool = False) -> None:
        self._connect = connect
        self._most = most
        self._patience = patience
        self._shared = shared
        self._closed = False
        self._idle: list[C] = []
        self._inherited: list[C] = []
        self._awaited = 0
        self._renew()
        at_fork(self, before=Pool._before_fork, parent=Pool._after_fork, child=Pool._renew)

    @contextmanager
    def lend(self) -> Iterator[C]:
        """A connection, nobody else's meanwhile. After an error in the block it is closed and not lent again.

        :raises LogUnavailable: if none comes free in time, or if the pool is closed.
        """
        if not self._free.acquire(timeout=self._patience):
            raise LogUnavailable(f"the log is busy: no turn within {self._patience:g} s")
        try:
            connection = self._take()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            self._give_back(connection)
        finally:
            self._free.release()

    def close_idle(self) -> None:
        """Close the connections that nobody uses; the next borrower gets a new one."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def close(self) -> None:
        """Close every connection, one in use when its borrower is done."""
        with self._lock:
            self._closed = True
        self.close_idle()

    def _take(self) -> C:
        with self._lock:
            if self._closed:
                raise LogUnavailable("the log is closed")
            if self._idle:
                return self._idle.pop()
        return self._connect()

    def _give_back(self, connection: C) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _renew(self) -> None:
        """Begin anew, in a child too: locks that its parent's threads held would never be released."""
        if not self._shared:
            # Empty, unless the fork did not ask us before. Closing them would end the parent's sessions.
            self._inherited += self._idle
            self._idle = []
        self._lock = threading.Lock()
        self._free = threading.BoundedSemaphore(self._most)

    def _before_fork(self) -> None:
        until = time.monotonic() + self._patience
        while self._awaited < self._most and self._free.acquire(timeout=max(0.0, until - time.monotonic())):
            self._awaited += 1
        if not self._shared:
            self.close_idle()

    def _after_fork(self) -> None:
        for _ in range(self._awaited):
            self._free.release()
        self._awaited = 0
