"""Who is signed in, and what their account last chose: the site's own function asked, and the log.

The log is asked when a process has not heard of an account for a few seconds, when a browser's cookie knows of more
choices than it has heard of, and for every decision; so a page costs no query, as a rule, and a choice that this
process recorded counts at once. While the log cannot be asked, what was heard last counts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock
from uuid import UUID

from .exchange import Recall
from .log.record import Record
from .log.store import Store, Stored
from .policy.regime import MODELS, PRESETS, Regime
from .policy.settings import Settings
from .visitor.account import NOTHING, Account, Pseudonym, pseudonyms
from .visitor.decision import MOST_CHOICES, Decision

__all__ = ["Accounts"]

log = logging.getLogger("consent")

#: Accounts that a process remembers.
_MOST = 10_000
#: Seconds for which a log that could not be asked is left in peace.
_REST = 5.0
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the log said of an account, how long that counts, and which of its choices a cookie had made us ask for."""

    account: Account
    until: float
    asked: int


class Accounts:
    """The accounts of one site. Safe to use from all threads.

    ``store``: gives the log. ``regimes``: those that visitors of the site can come under. ``clock``: seconds that only
    ever grow.
    """

    def __init__(
        self,
        settings: Settings,
        store: Callable[[], Store],
        regimes: Sequence[Regime] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = settings.account
        self._keys = settings.keys
        self._policy = settings.policy
        self._seconds = settings.account_seconds
        self._store = store
        self._regimes: Mapping[str, Regime] = {each.name: each for each in (*PRESETS.values(), *regimes)}
        self._clock = clock
        self._names = lru_cache(maxsize=_MOST)(lambda account: pseudonyms(self._keys, account))
        self._lock = Lock()
        self._heard: dict[str, _Heard] = {}
        #: Raised with every record of an account: what was read before it must not be remembered after it.
        self._records = 0
        self._rest = float("-inf")
        self._failed = False

    def subject(self, account: str) -> str:
        """What the log calls an account: for ``consent log find --subject`` and ``erase --subject``."""
        return self._names(account)[0].subject

    def recall(self, asked: Recall) -> Account | None:
        """Whoever is signed in; None for nobody, and where the site's function fails, which is logged."""
        if self._source is None:
            return None
        try:
            found = _named(self._source.find(asked.header))
        except Exception:
            if not self._failed:
                log.exception("the site's function for accounts failed: nobody counts as signed in")
            self._failed = True
            return None
        return None if found is None else self._of(self._names(found), asked.choices, fresh=asked.fresh)

    def of_subject(self, subject: str) -> Account:
        """An account by its pseudonym in the log, as it is now. Its marks are not known."""
        names = (Pseudonym(subject, ""),)
        return self._ask(names) or Account(names, known=False)

    def heard(self, record: Record) -> None:
        """Forget what an account chose before this record."""
        if record.subject is not None:
            with self._lock:
                self._records += 1
                self._heard.pop(record.subject, None)

    def _of(self, names: tuple[Pseudonym, ...], choices: int, *, fresh: bool) -> Account:
        now, subject = self._clock(), names[0].subject
        with self._lock:
            heard, records = self._heard.get(subject), self._records
        if heard is not None and not fresh and now < heard.until and choices <= max(heard.account.choices, heard.asked):
            return heard.account
        account = self._ask(names)
        if account is None:
            return replace(heard.account if heard is not None else Account(names), known=False)
        with self._lock:
            if records == self._records:
                if len(self._heard) >= _MOST:
                    self._heard.clear()
                self._heard[subject] = _Heard(account, now + self._seconds, choices)
        return account

    def _ask(self, names: tuple[Pseudonym, ...]) -> Account | None:
        """What the log says of an account; None if it cannot be asked."""
        now = self._clock()
        if now < self._rest:
            return None
        try:
            rows = self._store().newest([name.subject for name in names], MOST_CHOICES)
        except Exception:  # whatever it is, pages must not fail with it
            self._rest = now + _REST
            log.exception("the log cannot be asked for the choices of accounts")
            return None
        return self._read(names, rows)

    def _read(self, names: tuple[Pseudonym, ...], rows: Sequence[Stored]) -> Account:
        """What the newest records of an account, the newest first, say."""
        account = Account(names, choices=len(rows), signalled=any(map(self._signals, rows)))
        subjects = {name.subject for name in names}
        voided: set[str | None] = set()
        for row in rows:
            record = row.record
            if record is None or row.authentic is False or record.subject not in subjects:
                # Somebody changed it, or its key is gone: nobody knows what it said.
                log.error("the newest record of an account is not as it was written (%s): %s", row.id, row.problem)
                return replace(account, latest=NOTHING)
            if record.kind == "void":
                voided.add(record.prev)
            elif record.id not in voided:
                return replace(account, latest=self._decision(account, record, row.leaf))
        # Behind so many that do not count, there may be one that does.
        return account if len(rows) < MOST_CHOICES else replace(account, latest=NOTHING)

    def _signals(self, row: Stored) -> bool:
        record = row.record
        return record is not None and record.surface == "signal" and record.policy == self._policy.version

    def _decision(self, account: Account, record: Record, leaf: str) -> Decision:
        agreed, at = frozenset(record.granted), record.ts // 1000
        regime = self._regimes.get(record.regime)
        # A record says what was agreed to and what was refused; what was exempt and left alone is in neither.
        unasked = (
            regime.exempt(self._policy) - agreed - frozenset(record.refused) if regime is not None else frozenset()
        )
        return Decision(
            granted=agreed | unasked,
            policy=record.policy,
            # Of an unknown name nothing is known: whoever is asked for more is asked again.
            model=regime.model if regime is not None else MODELS[0],
            at=at if agreed else at - at % _DAY,
            record=record.id if agreed else None,
            leaf=leaf if agreed else None,
            tie=account.tied(agreed, account.choices),
            unasked=unasked,
        )


def _named(found: object) -> str | None:
    """An account's id as a text; None for nobody.

    :raises TypeError: for what is no id. True, for one, would be everybody's.
    """
    if found is None or found == "":
        return None
    if isinstance(found, bool) or not isinstance(found, (str, int, UUID)):
        raise TypeError(f"an account's id is a text, an integer or a UUID, not {type(found).__name__}")
    return str(found)
