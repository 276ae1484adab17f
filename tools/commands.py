"""Write docs/cli.md, what ``--help`` says of every command: ``make commands``. A test asks that it is current."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from consent.cli import parser

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
HEAD = """\
# The command line

What `consent --help` and each command's own `--help` say; `make commands` writes this page.
[`flask consent`](flask.md#commands) and [`manage.py consent`](django-log.md#commands) know the site's settings.
[The log](log.md#reading-it) shows what its commands print.
"""


def walk(command: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A command, and all below it."""
    yield command
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from walk(below)


def page() -> str:
    """The page; ``COLUMNS`` says how wide help is."""
    sections = [f"## `{each.prog}`\n\n```text\n{each.format_help()}```\n" for each in walk(parser())]
    return "\n".join([HEAD, *sections])


if __name__ == "__main__":
    os.environ["COLUMNS"] = "100"
    PAGE.write_text(page(), "utf-8")
