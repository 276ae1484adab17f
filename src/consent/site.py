"""One configured site: the centre with its log, its clock and its voice, ready for a door.

Every door opens the same way: settings to :meth:`Site.open`, a request's facts to :meth:`Site.answer`.
What the centre may not do, because it is pure, is done here.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version as installed_version
from threading import Lock
from typing import Any

from .accounts import Accounts
from .carried import Carried
from .errors import LogUnavailable
from .exchange import Append, Consent, Facts, Limited, NeedBody, Pass, Prove, Recall, Reply, Step
from .gate.html import Held
from .gate.match import ANY_LINK
from .gate.owners import ANYBODY
from .geoip import Geography
from .log.append import open_log
from .log.limit import LimitReached
from .log.record import Receipt, Record, mac_key
from .log.sample import Sample
from .log.store import Store
from .policy.plain import vague
from .policy.settings import Settings, read_settings, read_toml

__all__ = ["Site"]

log = logging.getLogger("consent")

#: A finding is told once a page, and of so many pages; of so many different findings.
_PAGES, _FINDINGS = 20, 1000
#: What to do about what nobody can declare.
_UNNAMED = {
    ANY_LINK.name: 'let its rules choose among your own pages alone: "href_matches": "/*"',
    ANYBODY[0].name: "documents within documents are read so far and no further",
}


class Site:
    """A site's settings at work. One per process serves all its threads.

    :param settings: what :func:`~consent.policy.settings.read_settings` made of the site's mapping.
    :param debug: whether a developer is looking: errors that visitors never see are shown.
    :param store: where records go, if not to the log that the settings name.
    """

    def __init__(self, settings: Settings, *, debug: bool = False, store: Store | None = None) -> None:
        self.settings = settings
        if not settings.policy.optional:
            log.warning("no services and no purposes are declared: visitors are not asked, and can agree to nothing")
        for purpose, said in vague(settings.policy, settings.texts):
            log.warning(
                "the purpose %r says %r, from which nobody learns what is done: say what it is for", purpose, said
            )
        #: Called with each record that the log has promised to keep, before the visitor is answered.
        self.recorded: list[Callable[[Record], object]] = []
        self.store: Store = store or open_log(
            settings.log,
            keys=[mac_key(key) for key in settings.keys],
            spool=settings.spool,
            holds=settings.spool_holds,
            limit=settings.decisions_per_minute,
        )
        self._sample = Sample(settings.receipts)
        self.consent = Consent(
            settings,
            held=self._tell_held,
            unreadable=self._tell_unreadable,
            unguarded=self._tell_unguarded,
            returned=self._keep_receipt if settings.receipts else None,
            locate=_geography(settings),
            debug=debug,
            version=installed_version("cookie-consent"),
        )
        #: Who is signed in, where the site ties decisions to accounts.
        self.accounts = Accounts(settings, lambda: self.store, self.consent.regimes)
        self._undeclared = frozenset(service.name for service in settings.policy.undeclared)
        self._told: dict[tuple[str, object], set[str]] = {}
        self._lock = Lock()

    @staticmethod
    def read(
        settings: Mapping[str, Any] | str | os.PathLike[str],
        *,
        keys: Iterable[str | bytes | None] = (),
        where: str = "CONSENT",
        necessary_cookies: Iterable[str] = (),
    ) -> Settings:
        """Read the settings, a mapping or the path of a TOML file.

        ``keys``: the framework's secret keys, the one that signs first. ``CONSENT_SECRET_KEY`` in the environment
        stands in where there are none; in it, white space separates several. ``necessary_cookies``: the names of the
        framework's own cookies, which leave whoever's pattern they match.

        :raises ConfigurationError: for whatever is wrong.
        """
        if isinstance(settings, (str, os.PathLike)):
            where = os.fspath(settings)
            settings = read_toml(where)
        found = [key for key in keys if key] or os.environ.get("CONSENT_SECRET_KEY", "").split()
        return read_settings(settings, keys=found or None, where=where, necessary_cookies=necessary_cookies)

    @classmethod
    def open(
        cls,
        settings: Mapping[str, Any] | str | os.PathLike[str],
        *,
        keys: Iterable[str | bytes | None] = (),
        where: str = "CONSENT",
        debug: bool = False,
        necessary_cookies: Iterable[str] = (),
    ) -> Site:
        """Read the settings, as :meth:`read`, and open the log.

        :raises ConfigurationError: for whatever is wrong; the process should not start.
        """
        return cls(cls.read(settings, keys=keys, where=where, necessary_cookies=necessary_cookies), debug=debug)

    @classmethod
    def of(
        cls,
        settings: Mapping[str, Any] | str | os.PathLike[str] | Site,
        *,
        secret_key: str | bytes | Iterable[str | bytes] | None,
        debug: bool,
    ) -> Site:
        """What a middleware was given: a site that is open already, or what :meth:`open` takes."""
        if isinstance(settings, Site):
            return settings
        keys = [secret_key] if isinstance(secret_key, (str, bytes)) else secret_key or ()
        return cls.open(settings, keys=keys, debug=debug)

    def answer(self, facts: Facts, read: Callable[[int], bytes]) -> Reply | Pass:
        """Follow a request's steps to its end. ``read(limit)`` gives at most ``limit`` + 1 bytes of its body."""
        return self.follow(self.consent.handle(facts), read)

    def follow(self, step: Step, read: Callable[[int], bytes]) -> Reply | Pass:
        """The same from a step on. May wait for the log."""
        while True:
            match step:
                case NeedBody():
                    step = step.resume(read(step.limit))
                case Append():
                    step = step.resume(self.append(step.record, step.notice, network=step.network))
                case Prove():
                    step = step.resume(self.prove(step.record))
                case Recall():
                    step = step.resume(self.accounts.recall(step))
                case Reply() | Pass():
                    return step

    def append(self, record: Record, notice: bytes, *, network: str = "") -> Receipt | Limited | None:
        """Keep a record; None, and a loud error, if the log cannot promise that it did."""
        try:
            receipt = self.store.append(record, notice, network=network)
        except LimitReached as reached:
            if self._first("limit", network, ""):
                log.warning("too many decisions from %s: what is more is not kept, nor granted", network)
            return Limited(reached.seconds)
        except Exception:  # whatever it is, a refusal must not fail with it
            log.exception("the consent log did not keep a decision (%s, %s)", record.kind, record.id)
            return None
        self.accounts.heard(record)
        self._tell_recorded(record)
        return receipt

    def prove(self, record_id: str) -> str | None:
        """The proof of a record; None if it is not sealed yet, or the log cannot say."""
        try:
            return self.store.proof(record_id)
        except (LogUnavailable, ValueError) as error:
            log.warning("no proof for a visitor's receipt: %s", error)
            return None

    def subject(self, account: str) -> str:
        """What the log calls an account: for ``consent log find --subject`` and ``erase --subject``."""
        return self.accounts.subject(account)

    def carried(self, value: str) -> Carried:
        """What a carried decision still grants; of a visitor who was signed in, by what their account last chose."""
        return Carried.read(value, self.settings, account=self.accounts.of_subject)

    def close(self) -> None:
        """Close the log."""
        self.store.close()

    def _keep_receipt(self, record: str, leaf: str) -> None:
        try:
            self._sample.see(record, leaf)
        except OSError:
            if self._first("receipts", "", ""):
                log.exception("receipts that visitors bring back cannot be kept")

    def _tell_recorded(self, record: Record) -> None:
        for tell in self.recorded:
            try:
                tell(record)
            except Exception:  # the record is kept: whoever listens cannot take the choice back
                log.exception("what listens for decisions failed (%s, %s)", record.kind, record.id)

    def _tell_held(self, path: str, held: Iterable[Held]) -> None:
        waiting = log.isEnabledFor(logging.INFO)
        for found in held:
            if found.reason == "undeclared" and self._first("held", found.service, path):
                told = "held on %s: <%s> of %s, which the settings do not declare; %s"
                log.warning(told, path, found.tag, found.service, self._advice(found.service or ""))
            elif found.reason == "unknown-purpose" and self._first("purpose", found.excerpt, path):
                log.error("held on %s: <%s> asks for an unknown purpose: %s", path, found.tag, found.excerpt)
            elif found.reason == "too-long" and self._first("long", found.tag, path):
                log.warning("held on %s: <%s> is too long to be read", path, found.tag)
            elif waiting and found.purposes and self._first("waits", (found.service, found.purposes), path):
                needs, of = " and ".join(found.purposes), f" of {found.service}" if found.service else ""
                log.info("held on %s until %s is allowed: <%s>%s", path, needs, found.tag, of)

    def _advice(self, name: str) -> str:
        """What to do about a service that is held because nobody declared it."""
        if name in self._undeclared:
            return f'add {name!r} to services, or set undeclared = "allow"'
        return _UNNAMED.get(name) or f"if it is needed, declare a service with {name!r} among its hosts"

    def _tell_unreadable(self, path: str, why: str) -> None:
        if self._first("unreadable", why, path):
            log.error("closed, because it cannot be gated: %s (%s)", path, why)

    def _tell_unguarded(self, path: str) -> None:
        if self._first("unguarded", "", path):
            log.warning(
                "not guarded: the Content-Security-Policy of %s lets no script of this site in; give it a nonce, "
                "or 'self', or choose another wall",
                path,
            )

    def _first(self, kind: str, what: object, path: str) -> bool:
        """Whether this is to be told. Paths come from visitors: none of them can fill the operator's log."""
        with self._lock:
            if (kind, what) not in self._told and len(self._told) >= _FINDINGS:
                return False
            pages = self._told.setdefault((kind, what), set())
            if path in pages or len(pages) >= _PAGES:
                return False
            pages.add(path)
            return True


def _geography(settings: Settings) -> Callable[[str | None], str | None]:
    """What knows in which country an address is, where the site has such a database."""
    database = settings.region.database if settings.region is not None else None
    return Geography(database).find if database is not None else lambda _address: None
