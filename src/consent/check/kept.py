"""The log: whether it can be reached and written, fits this version, and is sealed in time."""

from __future__ import annotations

import hmac
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import ConfigurationError, LogUnavailable
from ..log.evidence import DatabaseEvidence
from ..log.record import leaf_data, mac, mac_key
from ..log.schema import check_version
from ..log.store import Database, as_bytes
from ..policy.settings import Settings
from .point import Point

__all__ = ["check_log"]

#: Bytes; a million decisions take about one of these.
_ROOM = 1 << 30
#: Seconds after which what waits should have been sealed.
_DEADLINE = 86_400


def check_log(settings: Settings, open_database: Callable[..., Database]) -> Iterator[Point]:
    """Of the log that the settings name. Nothing is written to it."""
    yield from _place(settings)
    try:
        database = open_database(settings.log, create=False, patience=5.0)
    except ConfigurationError as error:
        yield Point("log", "it can be opened", "bad", str(error), "mend the setting log, or install what is missing")
        return
    except LogUnavailable as error:
        remedy = (
            'the site makes it with the first choice, and "consent log init --config FILE" at once; '
            "where it is there already, check its URL and the user's rights"
        )
        yield Point("log", "it can be opened", "bad", str(error), remedy)
        return
    try:
        yield from _content(database)
        yield from _keyed(database, settings)
    except LogUnavailable as error:
        yield Point("log", "it can be read", "bad", str(error), "check the database and the user's rights")
    finally:
        database.close()


def _place(settings: Settings) -> Iterator[Point]:
    """Of a log in a file: that this user may write it, and that there is room."""
    if not settings.log.startswith("sqlite:///"):
        return
    file = Path(settings.log.removeprefix("sqlite:///")).absolute()
    if not file.parent.is_dir():
        remedy = "make the folder, and let the user that the site runs as write into it; or mend the path"
        yield Point("log", "its folder is there", "bad", f"there is no {file.parent}", remedy)
        return
    writable = os.access(file.parent, os.W_OK) and (not file.exists() or os.access(file, os.W_OK))
    yield Point(
        "log",
        "its file and folder can be written by this user",
        "good" if writable else "bad",
        str(file),
        "" if writable else "give the user that the site runs as the file and its folder",
    )
    free = shutil.disk_usage(file.parent).free
    yield Point(
        "log",
        "there is room on its disk",
        "good" if free > _ROOM else "unsure",
        f"{free / 1e9:.1f} GB",
        "" if free > _ROOM else "a full disk refuses agreements",
    )


def _content(database: Database) -> Iterator[Point]:
    newest = check_version(database.read("SELECT version FROM consent_schema", ()))
    yield Point(
        "log",
        "its tables fit this version",
        "good" if newest else "unsure",
        "" if newest else "they are older",
        "" if newest else "they are brought up to date when the site starts",
    )
    evidence = DatabaseEvidence(database)
    sealed = evidence.head().size or 0
    waiting, oldest = database.read(
        "SELECT COUNT(*), MIN(ts) FROM consent_pending JOIN consent_record USING (rid)", ()
    )[0]
    told = f"{sealed:,} records sealed, {waiting:,} waiting"
    late = bool(waiting) and time.time() - oldest / 1000 > _DEADLINE
    if late:
        remedy = 'run "consent log seal" every minute (docs/log.md)'
        yield Point("log", "what is recorded is sealed", "unsure", f"{told}, some for more than a day", remedy)
    else:
        yield Point("log", "what is recorded is sealed", "good", told)


def _keyed(database: Database, settings: Settings) -> Iterator[Point]:
    """Whether the newest record was made with one of the keys."""
    rows = database.read("SELECT rid, ts, commitment, mac FROM consent_record ORDER BY ts DESC, rid DESC LIMIT 1", ())
    for rid, ts, committed, code in rows:
        data = leaf_data(as_bytes(rid).hex(), ts, as_bytes(committed))
        if any(hmac.compare_digest(mac(mac_key(key), data), as_bytes(code)) for key in settings.keys):
            yield Point("log", "its records were made with this key", "good")
        else:
            yield Point(
                "log",
                "its records were made with this key",
                "unsure",
                "the newest was made with another key, or changed",
                "give the key that the site runs with; where it was replaced, keep the old one behind the new one",
            )
