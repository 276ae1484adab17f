"""A log in a list, and that list in place of the log of every site."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from ..errors import LogUnavailable
from ..log.limit import LimitReached
from ..log.record import Receipt, Record
from ..log.store import Stored
from ..site import Site

__all__ = ["ConsentLog", "ListStore", "memory_log"]


@dataclass(slots=True)
class ListStore:
    """A log that keeps its records in a list, and that can be made to fail.

    ``available``: False makes every append raise :class:`~consent.errors.LogUnavailable`. ``limited``: networks from
    which too many decisions came.
    """

    kept: list[Record] = field(default_factory=list)
    notices: dict[str, bytes] = field(default_factory=dict)
    available: bool = True
    limited: set[str] = field(default_factory=set)
    proofs: dict[str, str] = field(default_factory=dict)

    def append(self, record: Record, notice: bytes = b"", *, network: str = "") -> Receipt:
        """Keep a record once, however often it is given."""
        if network in self.limited:
            raise LimitReached(30)
        if not self.available:
            raise LogUnavailable("this log was switched off by a test")
        if all(record.id != other.id for other in self.kept):
            self.kept.append(record)
            self.notices[record.notice] = notice
        return Receipt(record.id, record.ts, _leaf(record))

    def records(
        self,
        *,
        since: int | None = None,
        until: int | None = None,
        after: tuple[int, str] | None = None,
        limit: int | None = None,
    ) -> Iterator[Stored]:
        """The records in the order of time, as of any log."""
        if not self.available:
            raise LogUnavailable("this log was switched off by a test")
        found = [
            _stored(each)
            for each in sorted(self.kept, key=lambda record: (record.ts, record.id))
            if (since is None or each.ts >= since)
            and (until is None or each.ts < until)
            and (after is None or (each.ts, each.id) > after)
        ]
        return iter(found[:limit])

    def proof(self, record_id: str) -> str | None:
        """The proof of a record that a test has put into :attr:`proofs`."""
        return self.proofs.get(record_id)

    def newest(self, subjects: Sequence[str], limit: int) -> list[Stored]:
        """The newest of what was kept for these pseudonyms, the newest first."""
        if not self.available:
            raise LogUnavailable("this log was switched off by a test")
        found = [record for record in self.kept if record.subject in subjects]
        return [_stored(each) for each in reversed(found[-limit:])]

    def close(self) -> None:
        """Nothing to close."""


def _stored(record: Record) -> Stored:
    return Stored(record.id, record.ts, record, commitment="", leaf=_leaf(record), authentic=None)


def _leaf(record: Record) -> str:
    return hashlib.sha256(b"\0" + record.id.encode()).hexdigest()


class ConsentLog:
    """What sites gave their logs in a test. Nothing of it is written anywhere."""

    def __init__(self) -> None:
        self.store = ListStore()

    @property
    def records(self) -> list[Record]:
        """The decisions, oldest first."""
        return self.store.kept

    @property
    def available(self) -> bool:
        """Whether the log works. Set it to False, and it keeps nothing: what does your site do then?"""
        return self.store.available

    @available.setter
    def available(self, value: bool) -> None:
        self.store.available = value


@contextmanager
def memory_log() -> Iterator[ConsentLog]:
    """Meanwhile, every site of this process, open already or opened later, has its log in memory."""
    log = ConsentLog()
    with patch.object(Site, "store", _Instead(log.store), create=True):
        yield log


class _Instead:
    """A site's log while a test runs. The one that it is given is there again afterwards."""

    def __init__(self, store: ListStore) -> None:
        self._store = store

    def __get__(self, site: Site, owner: type[Site]) -> Any:
        return self._store

    def __set__(self, site: Site, store: object) -> None:
        vars(site)["store"] = store
