"""So many decisions a minute from one network, counted by all processes together.

A loop that posts decisions must not fill the log. Who counts may only insert, needs no lock that others wait for, and
must not keep addresses: so a network has *slots*, as many as decisions it may make in a minute, and each decision
takes one that is free. A slot is a row whose key says nothing without ours::

    slot = the first 16 bytes of HMAC-SHA-256(key, minute " " network " " number)

The first few decisions of a network in a minute take none: nearly every visitor is one of them, and costs nothing. So
``N`` a minute are, with ``P`` processes, up to ``N + 3 P``.
"""

from __future__ import annotations

import hmac
import random
from collections.abc import Callable, Sequence
from threading import Lock

from ..errors import LogUnavailable
from .entry import Entry
from .store import Transaction

__all__ = ["Limit", "LimitReached"]

_SLOT = "consent_slot (slot, ends)"
_MINUTE = 60
#: Decisions of a network in a minute that a process lets by without asking.
_FREE = 3
#: Networks that a process remembers; whoever has more is still counted in the database.
_NETWORKS = 10_000


class LimitReached(LogUnavailable):
    """Too many decisions came from one network. ``seconds``: after which the next may be kept."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many decisions from one network; the next in {seconds} s")
        self.seconds = seconds


class Limit:
    """``most`` decisions a minute from one network. ``key``: of the slots. ``clock``: Unix seconds."""

    def __init__(self, most: int, *, key: bytes, clock: Callable[[], float]) -> None:
        self._most = most
        self._key = key
        self._clock = clock
        self._lock = Lock()
        self._minute = 0
        #: By network, the numbers of slots that may be free; below 0 are those that take no slot.
        self._left: dict[str, list[int]] = {}

    def check(self, network: str) -> None:
        """Stop who is known to have had all, before anybody is asked.

        :raises LimitReached: then.
        """
        with self._lock:
            if not self._of(network):
                raise LimitReached(self._rest())

    def take(self, network: str) -> None:
        """Take what this process knows to be left, while the database cannot be asked.

        :raises LimitReached: if there is nothing.
        """
        if self._pop(network) is None:
            raise LimitReached(self._rest())

    def admit(self, transaction: Transaction, entries: Sequence[Entry]) -> dict[bytes, LogUnavailable]:
        """Take a slot for each entry of a known network; those that found none, by id."""
        barred: dict[bytes, LogUnavailable] = {}
        for entry in entries:
            if entry.network and not self._take(transaction, entry.network):
                barred[entry.id] = LimitReached(self._rest())
        return barred

    @property
    def minute(self) -> int:
        """The minute that it is, counted from the Unix epoch."""
        return int(self._clock()) // _MINUTE

    def _take(self, transaction: Transaction, network: str) -> bool:
        while (number := self._pop(network)) is not None:
            minute = self.minute
            if number < 0 or transaction.claim(_SLOT, [(self._slot(minute, network, number), minute + 1)]):
                return True
        return False

    def _slot(self, minute: int, network: str, number: int) -> bytes:
        return hmac.digest(self._key, f"{minute} {network} {number}".encode(), "sha256")[:16]

    def _pop(self, network: str) -> int | None:
        with self._lock:
            left = self._of(network)
            return left.pop() if left else None

    def _of(self, network: str) -> list[int]:
        if self._minute != self.minute or (len(self._left) >= _NETWORKS and network not in self._left):
            self._minute, self._left = self.minute, {}
        if network not in self._left:
            # In no order, so that processes seldom ask for the same.
            self._left[network] = [*random.sample(range(self._most), self._most), *[-1] * _FREE]
        return self._left[network]

    def _rest(self) -> int:
        return _MINUTE - int(self._clock()) % _MINUTE
