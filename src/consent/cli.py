"""``consent``: the command line. Each command is a module that is loaded when it is asked for.

Exit codes: 0 good; 1 a record, a log or a proof that does not check, or a log that the sealer refuses; 2 usage, a
wrong setting, or output that cannot be written; 3 a log that is good, with warnings; 4 the log cannot be read or
written; 5 no such record, or it is not sealed yet.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

from .errors import ConfigurationError, LogUnavailable, SealRefused

if TYPE_CHECKING:
    from .check.point import Point
    from .log.store import Database
    from .policy.settings import Settings

__all__ = ["main", "parser"]

_COMMANDS = {
    "check": "consent.check.command",
    "demo": "consent.demo",
    "log": "consent.log.command",
    "migrate": "consent.migrate.command",
    "report": "consent.report",
    "scan": "consent.scan.command",
    "services": "consent.policy.command",
}


def parser(*names: str, prog: str = "consent") -> argparse.ArgumentParser:
    """The command line's parser, with these commands, or with all."""
    top = argparse.ArgumentParser(prog=prog, description="Cookie consent in the server.")
    top.add_argument("--version", action="version", version=f"consent {version('cookie-consent')}")
    commands = top.add_subparsers(title="commands", dest="command", required=True, metavar="COMMAND")
    for name in names or _COMMANDS:
        import_module(_COMMANDS[name]).add_command(commands)
    return top


def main(
    arguments: Sequence[str] | None = None,
    *,
    prog: str = "consent",
    settings: Settings | None = None,
    open_database: Callable[..., Database] | None = None,
    points: Callable[[], Iterable[Point]] | None = None,
) -> int:
    """Run a command; its exit code.

    A framework's own command line hands its arguments on to this one, with the ``settings`` of its site, which say
    where the log is and which keys are known; and, where its site may keep the log in a database of its own, with
    something that opens it as :func:`consent.log.store.open_database` opens others. ``points`` are what the framework's
    own checks say of the set-up, for ``check``.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    named = [given[0]] if given and given[0] in _COMMANDS else []
    options = parser(*named, prog=prog).parse_args(
        given, argparse.Namespace(settings=settings, opener=open_database, points=points)
    )
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except ConfigurationError as error:
        print(f"consent: {error}", file=sys.stderr)
        return 2
    except SealRefused as error:
        print(f"consent: not sealed: {error}", file=sys.stderr)
        return 1
    except LogUnavailable as error:
        print(f"consent: {error}", file=sys.stderr)
        return 4
    except OSError as error:
        if sys.__stdout__ is not None and sys.stdout is sys.__stdout__:  # else whoever called this goes on printing
            # Python would complain once more when it closes what cannot be written.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 0  # whoever read us has seen enough
        print(f"consent: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
