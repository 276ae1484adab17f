"""``consent migrate``: what another library has in this site, carried over."""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..log.command.text import for_programs
from ..policy.settings import read_settings
from .archive import write_archive
from .draft import Draft, make_draft
from .installed import PACKAGE, opened, read_installed, rows
from .write import FORMATS

__all__ = ["add_command"]


def add_command(commands: Any) -> None:
    """Add ``migrate``."""
    text = "carry over what another library has in this site"
    migrate = commands.add_parser("migrate", help=text, description=f"{text[0].upper()}{text[1:]}.")
    libraries = migrate.add_subparsers(title="libraries", dest="library", required=True, metavar="LIBRARY")
    text = f"print {PACKAGE}'s groups and cookies as settings of this library, and keep its log in a file"
    ours = libraries.add_parser(PACKAGE, help=text, description=f"{text[0].upper()}{text[1:]}.")
    ours.add_argument("--settings", metavar="MODULE", help="the site's Django settings; else DJANGO_SETTINGS_MODULE")
    ours.add_argument("--database", metavar="ALIAS", default="default", help="where its tables are; else default")
    ours.add_argument("--format", choices=sorted(FORMATS), default="python", help="of the settings; else python")
    ours.add_argument(
        "--purpose", metavar="GROUP=PURPOSE", type=_pair, action="append", default=[], dest="purposes",
        help="which purpose a group is, where its name does not tell; may be given again",
    )  # fmt: skip
    ours.add_argument("--archive", metavar="FILE", type=Path, help="write the rows of its log to this new file")
    ours.set_defaults(run=_run)


def _pair(text: str) -> tuple[str, str]:
    group, equals, purpose = text.partition("=")
    if not (group and equals and purpose):
        raise argparse.ArgumentTypeError(f"{text!r} is not GROUP=PURPOSE")
    return group, purpose


def _run(options: argparse.Namespace) -> int:
    with opened(options.settings, options.database):
        installed = read_installed(options.database)
        draft = make_draft(installed, dict(options.purposes))
        read_settings(_with_a_key(draft.settings))  # what is printed starts
        if options.archive is not None:
            number, digest = write_archive(
                options.archive, rows(options.database), version=installed.version, now=datetime.now(UTC)
            )
            _tell(f"{_count(number, 'row')} of its log in {options.archive}; the file's SHA-256 is {digest}")
        elif installed.rows:
            _tell(f"{_count(installed.rows, 'row')} of its log left where they are; --archive FILE keeps them")
    if looks := _looks(draft):
        _tell(f"a human eye is needed in {_count(looks, 'place')}, marked LOOK")
    for_programs(sys.stdout).write(FORMATS[options.format](draft))
    return 0


def _with_a_key(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**settings, "secret_key": secrets.token_hex()}


def _looks(draft: Draft) -> int:
    return sum(note.startswith("LOOK") for notes in draft.notes.values() for note in notes)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _tell(text: str) -> None:
    print(f"consent: {text}", file=sys.stderr)
