"""Fakes for tests: of this library, and of sites that use it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from .errors import LogUnavailable
from .log.limit import LimitReached
from .log.record import Receipt, Record
from .log.store import Stored

__all__ = ["ListStore"]


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
        leaf = hashlib.sha256(b"\0" + record.id.encode()).hexdigest()
        return Receipt(record.id, record.ts, leaf)

    def records(self, **_filters: object) -> Iterator[Stored]:
        """Nothing is stored; ask :attr:`kept`."""
        return iter(())

    def proof(self, record_id: str) -> str | None:
        """The proof of a record that a test has put into :attr:`proofs`."""
        return self.proofs.get(record_id)

    def close(self) -> None:
        """Nothing to close."""
