"""What is kept of a decision, and what is given for it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Receipt", "Record"]


@dataclass(frozen=True, slots=True)
class Record:
    """One decision, as the log keeps it. No address, no user agent beyond its family, no page content.

    ``id``        UUIDv7, 32 hex digits, made before the append, so that a retry is the same record.
    ``ts``        Unix milliseconds.
    ``kind``      ``accept_all``, ``refuse_all``, ``custom`` or ``withdraw``.
    ``subject``   a random pseudonym, only where a site ties decisions to accounts.
    ``site``      the host that asked.
    ``surface``   where: ``banner``, ``settings``, ``placeholder``, ``api``. ``method``: ``form`` or ``script``.
    ``granted``, ``refused``  optional purposes, sorted.
    ``notice``    ``sha256:`` and 64 hex digits over the words that were shown.
    ``lang``      BCP 47. ``regime``: its name. ``gpc``: whether the signal was on.
    ``prev``      the record that this one replaces, where the visitor's cookie named one.
    ``expires``   Unix seconds at which the answer stops to hold.
    ``ua``        the browser's family and nothing else: ``firefox``, ``chromium``, ``safari``, ``other``.
    ``app``       the library's version.
    """

    id: str
    ts: int
    kind: str
    site: str
    surface: str
    method: str
    granted: tuple[str, ...]
    refused: tuple[str, ...]
    notice: str
    policy: str
    lang: str
    regime: str
    gpc: bool
    expires: int
    ua: str
    app: str
    prev: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The log's word that a record is durable. ``leaf`` is the full RFC 9162 leaf hash, 64 hex digits."""

    id: str
    ts: int
    leaf: str
