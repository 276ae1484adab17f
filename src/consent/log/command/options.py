"""What several actions have in common: which log, which records, which keys, and a bar for who waits."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from ...errors import ConfigurationError
from ...policy.settings import Settings, read_toml
from ..checkpoint import Signer, Trust
from ..record import Kind, mac_key
from ..store import Database, SqlStore, open_database

__all__ = [
    "add_action",
    "add_filters",
    "add_log",
    "bar",
    "count",
    "moment",
    "opened",
    "opened_database",
    "read_file",
    "read_signer",
    "read_trust",
    "site_keys",
]

_DEFAULT = "sqlite:///consent.db"
#: Seconds that a command waits for the database: nobody waits for its answer but who asked.
_PATIENCE = 600.0


def add_action(actions: Any, name: str, run: Any, text: str, *, log: bool = True) -> argparse.ArgumentParser:
    """Add an action; ``log``: whether it is told which."""
    description = f"{text[0].upper()}{text[1:]}."
    action: argparse.ArgumentParser = actions.add_parser(name, help=text, description=description)
    action.set_defaults(run=run)
    if log:
        add_log(action)
    return action


def add_log(action: argparse.ArgumentParser) -> None:
    """Let a command be told which log is meant."""
    where = action.add_argument_group("which log")
    where.add_argument("--log", metavar="URL", help=f"the log's URL; else CONSENT_LOG, else {_DEFAULT}")
    where.add_argument("--config", metavar="FILE", help="the site's settings as TOML, for the log's URL and the key")


def add_filters(action: argparse.ArgumentParser) -> None:
    which = action.add_argument_group("which decisions")
    which.add_argument("--since", type=moment, metavar="TIME", help="from this time on: 2026-11-23 or 2026-11-23T08:00")
    which.add_argument("--until", type=moment, metavar="TIME", help="before this time (UTC)")
    which.add_argument("--kind", choices=get_args(Kind), help="only this kind")
    which.add_argument("--limit", type=count, metavar="N", help="at most so many")


def moment(text: str) -> int:
    """Unix milliseconds."""
    try:
        found = datetime.fromisoformat(text)
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-11-23 or 2026-11-23T08:00") from error


def count(text: str) -> int:
    """A whole number above 0."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


def _settings(options: argparse.Namespace) -> tuple[str, list[bytes]]:
    """The log's URL and the site's secret keys."""
    site: Settings | None = getattr(options, "settings", None)
    if site is not None and not options.config:
        return options.log or site.log, [*site.keys]
    settings = read_toml(options.config) if options.config else {}
    url = options.log or settings.get("log") or os.environ.get("CONSENT_LOG") or _DEFAULT
    secret = settings.get("secret_key") or os.environ.get("CONSENT_SECRET_KEY", "").split()
    secrets = secret if isinstance(secret, list) else [secret]
    if not isinstance(url, str) or not all(isinstance(key, str) for key in secrets):
        raise ConfigurationError("log and secret_key must be texts", path=(options.config or "log",))
    return url, [key.encode() for key in secrets]


def site_keys(options: argparse.Namespace) -> list[bytes]:
    """The keys that are known, which check the records' codes; the one in use first."""
    return [mac_key(key) for key in _settings(options)[1]]


@contextmanager
def opened_database(options: argparse.Namespace, *, create: bool = False) -> Iterator[Database]:
    """The database of the log that the options name."""
    opener = getattr(options, "opener", None) or open_database
    database = opener(_settings(options)[0], create=create, patience=_PATIENCE)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def opened(options: argparse.Namespace) -> Iterator[SqlStore]:
    """The log that the options name, for reading."""
    with opened_database(options) as database:
        yield SqlStore(database, site_keys(options))


def read_file(path: str) -> str:
    """A file that an option names.

    :raises ConfigurationError: if it cannot be read.
    """
    try:
        return Path(path).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def read_signer(path: str | None) -> Signer:
    """The log's signing keys, in the file that the option names, or else ``CONSENT_SIGNER``."""
    found = path or os.environ.get("CONSENT_SIGNER")
    if not found:
        raise ConfigurationError("the file of the log's signing keys is missing: --signer FILE, or CONSENT_SIGNER")
    with _cryptography():
        try:
            return Signer.parse(read_file(found))
        except ValueError as error:
            raise ConfigurationError(f"{found}: {error}") from error


def read_trust(path: str) -> Trust:
    """The verifier keys in a file."""
    with _cryptography():
        try:
            return Trust.parse(read_file(path))
        except ValueError as error:
            raise ConfigurationError(f"{path}: {error}") from error


@contextmanager
def _cryptography() -> Iterator[None]:
    try:
        import cryptography  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise ConfigurationError("signatures need cryptography: pip install 'cookie-consent[audit]'") from error
    yield


@contextmanager
def bar(text: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A function that is told how much is done, of ``total``, and shows it where there is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    try:
        from tqdm import tqdm
    except ImportError:
        yield lambda _done: None
        return
    with tqdm(total=total, desc=text, unit=" records", leave=False, file=sys.stderr) as shown:

        def told(done: int) -> None:
            shown.update(done - shown.n)

        yield told
