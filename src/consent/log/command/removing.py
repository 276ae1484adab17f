"""Taking content out: ``erase`` and ``purge``."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from importlib.metadata import version
from typing import Any

from ...errors import ConfigurationError
from ..removal import Remover
from ..store import Database, SqlStore
from .options import add_action, bar, moment, opened_database, read_signer, site_keys
from .proving import add_sealing, seal_log
from .reading import find_one, history
from .text import HEADER, for_people, line

__all__ = ["add_removing"]


def add_removing(actions: Any) -> None:
    erased = add_action(actions, "erase", _erase, "remove the content of a visitor's decisions, as find shows them")
    erased.add_argument("id", nargs="*", help="ids in visitors' cookies: these records and those that they replaced")
    erased.add_argument("--subject", metavar="HEX", help="the pseudonym by which the site ties decisions to an account")
    purged = add_action(actions, "purge", _purge, "remove the content of all decisions from before a time")
    purged.add_argument("--before", type=moment, metavar="TIME", required=True, help="2026-11-23, UTC")
    for action in (erased, purged):
        action.add_argument("--yes", action="store_true", help="do it; without, it is only said what would be done")
        add_sealing(action, optional=True)


def _remover(options: argparse.Namespace, database: Database) -> Remover:
    keys = site_keys(options)
    if not any(keys):
        raise ConfigurationError(
            "the site's key is missing, which tombstones are authenticated with: CONSENT_SECRET_KEY"
        )
    return Remover(
        database,
        keys[0],
        now=lambda: time.time_ns() // 1_000_000,
        chance=secrets.token_bytes,
        app=version("cookie-consent"),
    )


def _erase(options: argparse.Namespace) -> int:
    if bool(options.id) == bool(options.subject):
        print("consent: either ids or --subject say whose decisions", file=sys.stderr)
        return 2
    with opened_database(options) as database:
        store = SqlStore(database, site_keys(options))
        if options.subject:
            found = store.of_subject(options.subject)
        else:
            named = [find_one(store, name) for name in options.id]
            if None in named:
                return 5
            found = [part for one in named if one is not None for part in history(store, one)]
        ids = sorted({stored.id for stored in found if stored.tombstone is None})
        if not ids:
            print("consent: no such decision", file=sys.stderr)
            return 5
        for_people(sys.stdout)
        if not options.yes:
            print(HEADER, *map(line, found), sep="\n")
            print(f"\nThe content of {_number(len(ids))} would be removed, for good: --yes does it.")
            return 0
        return _finish(options, database, _remover(options, database).erase(ids))


def _purge(options: argparse.Namespace) -> int:
    with opened_database(options) as database:
        remover = _remover(options, database)
        number = remover.count(options.before)
        if not options.yes:
            print(f"The content of {_number(number)} would be removed, for good: --yes does it.")
            return 0
        with bar("removing", number) as told:
            removed = remover.purge(options.before, told)
        return _finish(options, database, removed)


def _finish(options: argparse.Namespace, database: Database, removed: int) -> int:
    clean = not removed or database.scrub()
    print(f"Removed the content of {_number(removed)}.")
    if not clean:
        print("consent: it is still in the database's journal: somebody is reading it; run this again", file=sys.stderr)
    if options.signer and removed:
        done = seal_log(options, database, read_signer(options.signer))
        print(f"Sealed {done.leaves}; the log has {done.size}.")
    return 0 if clean else 3


def _number(number: int) -> str:
    return f"{number} record{'' if number == 1 else 's'}"
