"""A log that is sealed, for tests of what it then proves."""

from __future__ import annotations

from pathlib import Path

from databases import Log
from records import KEY, NOTICE, START, make_record

from consent.log.checkpoint import Signer
from consent.log.seal import Sealer

ORIGIN = "example.org/consent"
SIGNER = Signer.new(ORIGIN, bytes(range(64)))


class Clock:
    """Unix seconds, a minute later each time it is asked, from the tests' first record on."""

    def __init__(self, now: float = START / 1000) -> None:
        self.now = now

    def __call__(self) -> float:
        self.now += 60
        return self.now


def sealer(log: Log, state: Path, *, signer: Signer = SIGNER, keys: tuple[bytes, ...] = (KEY,), batch: int = 1000, clock: Clock | None = None) -> Sealer:  # fmt: skip
    return Sealer(log.database, signer, state, keys=keys, batch=batch, clock=clock or Clock())


def append(log: Log, first: int, end: int) -> None:
    for number in range(first, end):
        log.store.append(make_record(number), NOTICE)
