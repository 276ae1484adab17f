"""``consent log``: read what was decided, prove it, and take content out of it.

What is printed for people has one record a line, in columns; for programs, JSON lines or CSV, always in UTF-8.
Exit codes as in :mod:`consent.cli`; 1 is worth an alarm: a record, or the log, that is not what it was.
"""

from __future__ import annotations

from typing import Any

from .proving import add_proving
from .reading import add_reading
from .removing import add_removing

__all__ = ["add_command"]


def add_command(commands: Any) -> None:
    """Add ``log`` and what it can do."""
    text = "read, prove and purge the log of decisions"
    log = commands.add_parser("log", help=text, description=f"{text[0].upper()}{text[1:]}.")
    actions = log.add_subparsers(title="actions", dest="action", required=True, metavar="ACTION")
    add_reading(actions)
    add_proving(actions)
    add_removing(actions)
