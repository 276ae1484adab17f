"""``manage.py consent``: the command line of :mod:`consent.cli`, with the site's settings, log and keys."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from django.core.checks import WARNING
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from consent.check.point import Point, State
from consent.cli import main
from consent.django.apps import read
from consent.django.checks import check_deployment, check_setup
from consent.django.store import open_any
from consent.errors import ConfigurationError


class Command(BaseCommand):
    """All arguments are the command line's own, ``--help`` too; so are the exit codes."""

    help = "Reads, proves and purges the log of visitors' decisions, and what else the consent command does."
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        # Of Django's options it has those that say which site.
        django = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        for name in ("--settings", "--pythonpath"):
            django.add_argument(name)
        _, arguments = django.parse_known_args(argv[2:])
        try:
            sys.exit(_run(arguments, f"{os.path.basename(argv[0])} {argv[1]}"))  # noqa: PTH119 - a name, no path
        finally:
            connections.close_all()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("arguments", nargs=argparse.REMAINDER)

    def handle(self, *_: Any, arguments: list[str], **__: Any) -> None:
        """For :func:`~django.core.management.call_command`, which a test or a task may use.

        :raises CommandError: with the exit code as ``returncode``, where that is not 0.
        """
        self.stdout.ending = self.stderr.ending = ""  # what is printed has its own
        with redirect_stdout(self.stdout), redirect_stderr(self.stderr):  # type: ignore[type-var]
            try:
                code = _run(arguments, "manage.py consent")
            except SystemExit as end:  # the parser's: it does not end whoever calls
                code = int(end.code or 0)
        if code:
            raise CommandError(f"consent {' '.join(arguments)}: exit code {code}", returncode=code)


def _run(arguments: list[str], prog: str) -> int:
    try:
        settings = read()
    except (ConfigurationError, ImproperlyConfigured) as error:  # the second: there is no SECRET_KEY
        print(f"consent: {error}", file=sys.stderr)
        return 2
    return main(arguments, prog=prog, settings=settings, open_database=open_any, points=_points)


def _points() -> Iterator[Point]:
    """What ``manage.py check --deploy`` says of consent, for ``consent check``."""
    found = [*check_setup(), *check_deployment()]
    for each in found:
        state: State = "bad" if each.is_serious() else "unsure" if each.level >= WARNING else "good"
        yield Point("django", str(each.id), state, str(each.msg), str(each.hint or ""))
    if not found:
        yield Point("django", "middleware, templates and caches fit", "good")
