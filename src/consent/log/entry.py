"""A record made ready for the log: the same bytes wherever, and however often, they are put.

The salt is drawn once, before the first attempt. Whether the database says that it has the record, or says nothing and
the spool takes it, what is kept in the end has one commitment and one leaf, and the visitor's receipt is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from .record import Receipt, Record, commitment, format_body, leaf_data, leaf_hash, mac

__all__ = ["Entry", "make_entry"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is inserted. ``code`` authenticates the leaf data; ``notice`` is what the visitor was shown, or empty.

    ``network`` is where it came from, as far as that is known; it is counted and not kept.
    """

    id: bytes
    ts: int
    subject: bytes | None
    commitment: bytes
    salt: bytes
    code: bytes
    body: bytes
    notice: bytes = b""
    network: str = ""

    @property
    def notice_hash(self) -> bytes:
        """The key under which the notice is kept."""
        return _notice_hash(self.notice)

    @property
    def receipt(self) -> Receipt:
        return self.receipt_of(self.commitment)

    def receipt_of(self, committed: bytes) -> Receipt:
        """The receipt of a record of this id and time with that commitment: of one that was there before."""
        return Receipt(self.id.hex(), self.ts, leaf_hash(leaf_data(self.id.hex(), self.ts, committed)).hex())


@lru_cache(maxsize=100)
def _notice_hash(notice: bytes) -> bytes:
    # Many visitors are shown the same.
    return sha256(notice).digest()


def make_entry(record: Record, notice: bytes, *, key: bytes, salt: bytes, network: str = "") -> Entry:
    """Make a record ready. ``key`` is that of the records' codes; ``salt`` is 32 random bytes, never used before."""
    body = format_body(record)
    committed = commitment(salt, body)
    return Entry(
        id=bytes.fromhex(record.id),
        ts=record.ts,
        subject=bytes.fromhex(record.subject) if record.subject else None,
        commitment=committed,
        salt=salt,
        code=mac(key, leaf_data(record.id, record.ts, committed)),
        body=body,
        notice=notice,
        network=network,
    )
