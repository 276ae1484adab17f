"""What many threads ask for at the same time, one thread does together.

A commit costs a sync of the disk, whatever it holds: records that come while one is under way share the next. And
whoever asks waits for so long and no longer, even where a database hangs and keeps none of its own time limits.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from ..errors import LogUnavailable
from .background import Background
from .fork import at_fork

__all__ = ["Group"]

T = TypeVar("T")
R = TypeVar("R")

#: Done at once: enough to share a sync, few enough that nobody waits for long.
_MOST = 256


class _Job(Generic[T, R]):
    """Something asked for. ``done`` is held until there is an outcome."""

    __slots__ = ("done", "item", "left", "outcome")

    def __init__(self, item: T) -> None:
        self.item = item
        self.outcome: R | LogUnavailable | None = None
        self.left = False
        self.done = threading.Lock()
        self.done.acquire()


class Group(Generic[T, R]):
    """Does ``work`` for many threads.

    :param work: is given a function that gives the items to do, and that may be asked again for more; it returns an
        outcome for each, or raises :class:`LogUnavailable` for all of them.
    :param late: is told of an item, done at last, for which nobody waits any more.
    :param patience: seconds for which a fork waits for work that is being done.
    """

    def __init__(
        self,
        work: Callable[[Callable[[], Sequence[T]]], Sequence[R | LogUnavailable]],
        *,
        late: Callable[[T], None],
        name: str,
        patience: float,
    ) -> None:
        self._work = work
        self._late = late
        self._renew()
        self._background = Background(self._once, name=name, patience=patience)
        at_fork(self, child=Group._renew)

    def ask(self, item: T, *, wait: float) -> R:
        """Have an item done; its outcome.

        :raises LogUnavailable: if that failed, or took longer than ``wait`` seconds: then it may still be done.
        """
        job: _Job[T, R] = _Job(item)
        self._waiting.append(job)
        self._background.wake()
        if not job.done.acquire(timeout=wait) and self._leave(job):
            raise LogUnavailable(f"no answer within {wait:g} s")
        if isinstance(job.outcome, LogUnavailable):
            raise job.outcome
        assert job.outcome is not None
        return job.outcome

    def end(self) -> None:
        """End the thread; who waits gets an error when their time is over."""
        self._background.end()

    def _leave(self, job: _Job[T, R]) -> bool:
        """Stop waiting, unless there is an outcome after all."""
        with self._lock:
            if job.outcome is not None:
                return False
            job.left = True
            return True

    def _once(self) -> float | None:
        if not self._waiting:
            return None
        taken: list[_Job[T, R]] = []

        def take() -> Sequence[T]:
            with self._lock:
                while self._waiting and len(taken) < _MOST:
                    job = self._waiting.popleft()
                    if not job.left:
                        taken.append(job)
            return [job.item for job in taken]

        outcomes: Sequence[R | LogUnavailable]
        try:
            outcomes = self._work(take)
        except Exception as error:  # whatever it is, who waits must be told
            take()  # who waited meanwhile would fare no better
            outcomes = [error if isinstance(error, LogUnavailable) else _unexpected(error)] * len(taken)
        with self._lock:
            for job, outcome in zip(taken, outcomes, strict=True):
                job.outcome = outcome
        for job in taken:
            job.done.release()
            if job.left and not isinstance(job.outcome, LogUnavailable):
                self._late(job.item)
        return 0.0 if self._waiting else None

    def _renew(self) -> None:
        """Begin anew, in a child too: who waits there, waits in the parent."""
        self._lock = threading.Lock()
        self._waiting: deque[_Job[T, R]] = deque()


def _unexpected(error: Exception) -> LogUnavailable:
    unavailable = LogUnavailable(f"{type(error).__name__}: {error}")
    unavailable.__cause__ = error
    return unavailable
