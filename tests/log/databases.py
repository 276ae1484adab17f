"""A log and its database, for tests that look behind the store or tamper with what it keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from records import KEY

from consent.log.store import Database, SqlStore


@dataclass
class Log:
    """One database. ``run`` is what somebody with the database's password could do to it."""

    make: Callable[[], Database]
    opened: list[Database] = field(default_factory=list)

    @cached_property
    def database(self) -> Database:
        self.opened.append(self.make())
        return self.opened[-1]

    @property
    def store(self) -> SqlStore:
        return self.open(KEY)

    def open(self, *keys: bytes) -> SqlStore:
        return SqlStore(self.database, keys)

    def again(self) -> SqlStore:
        """As another process would see it."""
        self.opened.append(self.make())
        return SqlStore(self.opened[-1], [KEY])

    def run(self, statement: str, *values: Any) -> None:
        self.database.write([(statement.replace("?", self.database.placeholder), values)])

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.database.read(statement.replace("?", self.database.placeholder), values)
