"""What a door tells the centre, and what the centre answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ..gate.response import Headers
from ..log.record import Receipt, Record
from ..visitor.account import Account

if TYPE_CHECKING:
    from .passing import Pass

__all__ = ["DOCUMENTS", "Append", "Facts", "Limited", "NeedBody", "Prove", "Recall", "Reply", "Step"]


class Facts(NamedTuple):
    """One request, and the moment at which it came.

    ``path``, ``query``  below the mount point, as sent (percent-encoded), the query without its ``?``.
    ``root``     the mount point, ``""`` or ``/shop``.
    ``scheme``, ``host``  of the site as the visitor sees it, the host with its port if it has one.
    ``header``   a request header's value by its lower-case name (repeated fields joined by commas), or None.
    ``now``      Unix time in seconds. ``entropy`` gives so many random bytes; only a decision asks for them.
    ``address``  of the other end of the connection; it may be a proxy's.
    ``language`` what the framework found the page's language to be, asked when the page is there.
    """

    method: str
    path: str
    header: Callable[[str], str | None]
    scheme: str
    host: str
    now: float
    entropy: Callable[[int], bytes]
    query: str = ""
    root: str = ""
    language: Callable[[], str | None] = lambda: None
    address: str | None = None

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    @property
    def origin(self) -> str:
        """Where our addresses begin: without a scheme, which a proxy may have hidden from us."""
        return f"//{self.host}"

    @property
    def hostname(self) -> str:
        """The host without a port, lower case."""
        host = self.host.lower()
        return host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]

    @property
    def target(self) -> str:
        """The page's path and query, as the visitor's browser asked for it."""
        return f"{self.root}{self.path}" + (f"?{self.query}" if self.query else "")

    @property
    def for_piece(self) -> bool:
        """Whether htmx or Turbo asks for a piece of a page."""
        return self.header("hx-request") is not None or self.header("turbo-frame") is not None

    @property
    def for_top_page(self) -> bool:
        """Whether the answer may become the visitor's own page: not a frame in one, not a piece of one."""
        header = self.header
        if self.for_piece:
            return False
        destination = header("sec-fetch-dest")
        if destination == "empty":
            # A service worker that passes a navigation on, and a page fetched ahead of one.
            return header("sec-fetch-mode") == "navigate" or "prefetch" in (header("sec-purpose") or "")
        return destination in {None, "document"}

    @property
    def for_script(self) -> bool:
        """Whether a script asks, that may put the answer into its page."""
        return self.for_piece or (self.header("sec-fetch-dest") == "empty" and not self.for_top_page)

    @property
    def for_part(self) -> bool:
        """Whether a page asks by itself, for a part of it or ahead of a visit, so that nobody goes where it is led.

        False if the browser does not say.
        """
        header = self.header
        destination = header("sec-fetch-dest")
        if destination is None or self.for_piece:
            return self.for_piece
        visits = destination == "document" or (destination == "empty" and header("sec-fetch-mode") == "navigate")
        return not visits or "prefetch" in (header("sec-purpose") or "")

    @property
    def for_document(self) -> bool:
        """Whether the answer may become a page of its own, be it a frame in one."""
        return self.for_top_page or (self.header("sec-fetch-dest") in _FRAMED and not self.for_piece)


#: Destinations (Fetch Standard, 2.2.7) whose answers a browser parses as HTML, or hands to a script that may.
DOCUMENTS = frozenset({"document", "iframe", "frame", "embed", "object", "fencedframe", "empty"})
_FRAMED = DOCUMENTS - {"empty"}


@dataclass(frozen=True, slots=True)
class Reply:
    """The whole response; the application is not asked."""

    status: int
    headers: Headers
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class NeedBody:
    """Read the request's body and come back. Bytes beyond ``limit`` + 1 need not be read."""

    limit: int
    _then: Callable[[bytes], Step] = field(repr=False)

    def resume(self, body: bytes) -> Step:
        return self._then(body)


@dataclass(frozen=True, slots=True)
class Limited:
    """Too many decisions came from one network; the next can be kept in so many seconds."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Append:
    """Keep the record durably, then come back with the log's receipt, or with None if it could not.

    If too many come from ``network``, come back with :class:`Limited`. ``notice`` is the canonical text that the
    visitor was shown; ``record.notice`` is its hash.
    Only behind this step is there a reply that sets the cookie.
    """

    record: Record
    notice: bytes = field(repr=False)
    _then: Callable[[Receipt | Limited | None], Step] = field(repr=False)
    network: str = ""

    def resume(self, receipt: Receipt | Limited | None) -> Step:
        return self._then(receipt)


Step: TypeAlias = "NeedBody | Append | Prove | Recall | Reply | Pass"


@dataclass(frozen=True, slots=True)
class Prove:
    """Ask the log for the proof of a sealed record, and come back with it; with None if there is none yet."""

    record: str
    _then: Callable[[str | None], Reply] = field(repr=False)

    def resume(self, proof: str | None) -> Reply:
        return self._then(proof)


@dataclass(frozen=True, slots=True)
class Recall:
    """Ask the site who is signed in, by the request's headers, and the log what that account last chose.

    Come back with the :class:`~consent.visitor.account.Account`, or with None for nobody. ``choices``: of how many
    choices the browser's cookie knows; who remembers fewer must ask again. ``fresh``: nothing remembered counts.
    """

    header: Callable[[str], str | None] = field(repr=False)
    choices: int
    fresh: bool
    _then: Callable[[Account | None], Step] = field(repr=False)

    def resume(self, account: Account | None) -> Step:
        return self._then(account)


#: Request headers to set before the application sees the request; None removes one.
RequestChanges: TypeAlias = Mapping[str, "str | None"]
