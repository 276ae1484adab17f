"""``consent check``: settings, keys, log and the site as it answers, green and red, with what to do."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from ..log.command.text import for_people, for_programs
from ..policy.settings import Settings, read_settings, read_toml
from .point import Point, State

__all__ = ["add_command"]

_MARKS: dict[State, tuple[str, str]] = {"good": ("✓", "32"), "unsure": ("?", "33"), "bad": ("✗", "31")}


def add_command(commands: Any) -> None:
    """Add ``check``."""
    check = commands.add_parser(
        "check",
        help="whether settings, keys, log and the site as it answers are right",
        description="Look at the settings, the keys, the log and, with --url, the site as it answers a stranger. "
        "Exit code: 0 all is right, 1 something is wrong (or unsure, with --strict), 2 the settings cannot be read.",
    )
    check.add_argument("config", nargs="?", metavar="FILE", help="the site's settings as TOML (default: consent.toml)")
    check.add_argument("--url", metavar="URL", help="a page of the site that runs, to look at as a stranger")
    check.add_argument("--no-log", action="store_true", help="leave the log out: where it cannot be reached from here")
    check.add_argument("--strict", action="store_true", help="let what is unsure make the exit code 1, too")
    check.add_argument("--json", action="store_true", help="as JSON")
    check.add_argument("--html", metavar="FILE", help="write the same as a page")
    check.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    settings = _settings(options)
    points = [*_points(options, settings)]
    if options.json:
        json.dump([asdict(point) for point in points], for_programs(sys.stdout), ensure_ascii=False, indent=1)
        print()
    else:
        for_people(sys.stdout)
        _say(points)
    if options.html:
        try:
            Path(options.html).write_text(_page(points, options.url), encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"{options.html} cannot be written: {error.strerror}") from error
        print(f"consent: wrote {options.html}", file=sys.stderr)
    wrong = {"bad", "unsure"} if options.strict else {"bad"}
    return int(any(point.state in wrong for point in points))


def _settings(options: argparse.Namespace) -> Settings:
    """The site's, from the file, or from the framework that ran this.

    :raises ConfigurationError: for whatever is wrong in them.
    """
    given: Settings | None = getattr(options, "settings", None)
    if given is not None and options.config is None:
        return given
    path = options.config or "consent.toml"
    if options.config is None and not Path(path).exists():
        raise ConfigurationError(
            "there is no consent.toml here: name the file; settings of Flask or Django are looked at by "
            '"flask consent check" or "manage.py consent check"'
        )
    keys = os.environ.get("CONSENT_SECRET_KEY", "").split()
    return read_settings(read_toml(path), keys=keys or None, where=path)


def _points(options: argparse.Namespace, settings: Settings) -> Iterator[Point]:
    from .declared import check_settings

    yield from check_settings(settings)
    more: Callable[[], Iterable[Point]] | None = getattr(options, "points", None)
    yield from more() if more is not None else ()
    if not options.no_log:
        from ..log.store import open_database
        from .kept import check_log

        yield from check_log(settings, getattr(options, "opener", None) or open_database)
    if options.url:
        if not options.url.startswith(("http://", "https://")):
            raise ConfigurationError("must be an http: or https: address", path=("--url",), value=options.url)
        from .live import check_live

        yield from check_live(options.url, settings)


def _say(points: Sequence[Point]) -> None:
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    area = ""
    for point in points:
        if point.area != area:
            area = point.area
            print(f"\n{area}" if point is not points[0] else area)
        mark, colour = _MARKS[point.state]
        shown = f"\x1b[{colour}m{mark}\x1b[0m" if coloured else mark
        print(f"  {shown} {point.what}" + (f": {point.told}" if point.told else ""))
        if point.remedy:
            print(f"      → {point.remedy}")
    print(f"\n{_verdict(points)}")


def _verdict(points: Sequence[Point]) -> str:
    bad, unsure = (sum(point.state == state for point in points) for state in ("bad", "unsure"))
    if bad:
        return f"{bad} of {len(points)} points {'is' if bad == 1 else 'are'} wrong."
    if unsure:
        return f"All is right; {unsure} of {len(points)} points {'is' if unsure == 1 else 'are'} worth a look."
    return "All is right."


def _page(points: Sequence[Point], url: str | None) -> str:
    from markupsafe import Markup

    from ..sheet import NONE, document, section, table, tiles

    styles = {"good": "good", "unsure": "warning", "bad": "error"}
    counts = {state: (sum(point.state == state for point in points), style) for state, style in styles.items()}
    areas = dict.fromkeys(point.area for point in points)
    return document(
        "Check of a site",
        f"{url or 'settings and log'} · made {datetime.now(UTC):%d %B %Y, %H:%M} UTC",
        tiles(_verdict(points), counts),
        *(
            section(
                area.capitalize(),
                table(
                    area,
                    ("What was looked at", "What was found", "What to do"),
                    [
                        (
                            Markup('<span class="{} state" role="img" aria-label="{}">{}</span> {}').format(
                                styles[point.state], point.state, _MARKS[point.state][0], point.what
                            ),
                            point.told or NONE,
                            point.remedy or NONE,
                        )
                        for point in points
                        if point.area == area
                    ],
                ),
            )
            for area in areas
        ),
    )
