"""A database that fails as it is told to, in front of one that works."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

from consent.errors import LogUnavailable
from consent.log.sqlite import SqliteDatabase
from consent.log.store import Transaction

T = TypeVar("T")
#: ``lost``: what was to be written is. ``forgotten``: it is not, and the answer is. ``hangs``: both come later.
#: ``stuck``: it is not even begun.
Mood = Literal["works", "lost", "forgotten", "hangs", "stuck"]


class FlakyDatabase:
    """Works, loses what it is given, keeps it and fails to say so, or hangs until :meth:`wake`."""

    placeholder = "?"

    def __init__(self) -> None:
        self._database = SqliteDatabase("")
        self._awake = threading.Event()
        self.mood: Mood = "works"
        self.asked = 0

    def transact(self, work: Callable[[Transaction], T]) -> T:
        self.asked += 1
        if self.mood == "lost":
            raise LogUnavailable("it was lost")
        if self.mood == "stuck":
            self._awake.wait(10)
        done = self._database.transact(self._slowly(work) if self.mood == "hangs" else work)
        if self.mood == "forgotten":
            raise LogUnavailable("it is not known what came of it")
        return done

    def _slowly(self, work: Callable[[Transaction], T]) -> Callable[[Transaction], T]:
        def slow(transaction: Transaction) -> T:
            done = work(transaction)
            self._awake.wait(10)
            return done

        return slow

    def wake(self) -> None:
        self.mood = "works"
        self._awake.set()

    def write(self, statements: Sequence[tuple[str, tuple[Any, ...]]]) -> bool:
        return self._database.write(statements)

    def read(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return self._database.read(statement, values)

    def close(self) -> None:
        self.wake()
        self._database.close()
