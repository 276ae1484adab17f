"""``flask consent``: the library's own command line, with the log and the keys of the app."""

from __future__ import annotations

import sys

import click
from flask import current_app
from flask.cli import with_appcontext

from ..cli import main

__all__ = ["command"]


@click.command("consent", add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@with_appcontext
def command(arguments: tuple[str, ...]) -> None:
    """Read and prove the log of decisions; list known services."""
    settings = current_app.extensions["consent"].settings
    sys.exit(main(arguments, prog="flask consent", settings=settings))
