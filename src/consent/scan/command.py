"""``consent scan``: what a site really stores and calls, before and after each choice."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import inspect
import os
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from ..sheet import number
from .seen import PHASES, Phase, Scan, Visit

if TYPE_CHECKING:
    from ..policy.policy import Policy
    from ..policy.regime import Regime
    from .judge import Finding, Severity
    from .visit import Manner

__all__ = ["add_command"]

_COLOURS: Mapping[Severity, str] = {"error": "31", "warning": "33", "note": "34"}


def add_command(commands: Any) -> None:
    """Add ``scan``."""
    scan = commands.add_parser(
        "scan",
        help="look at a site with a real browser: what it stores and calls, and when",
        description="Visit a site's pages in fresh browser profiles: before any choice, after refusing, after "
        "accepting, after withdrawing, with Global Privacy Control, and without JavaScript; and say what should not "
        "be. Exit code: 0 nothing was found, 1 something was, 2 the site could not be scanned.",
    )
    scan.add_argument("urls", nargs="+", metavar="URL", help="pages to begin with, of one site")
    pages = scan.add_argument_group("pages")
    pages.add_argument("--limit", type=_positive, default=10, metavar="N", help="pages at most (default: 10)")
    pages.add_argument(
        "--depth", type=_count, default=2, metavar="N", help="links away from the given pages (default: 2)"
    )
    pages.add_argument("--skip", metavar="REGEX", help="leave out addresses in which this is found")
    pages.add_argument(
        "--ignore-robots", action="store_true", help="visit pages, too, that robots.txt asks to leave alone"
    )
    pages.add_argument("--no-sitemap", action="store_true", help="follow links only")
    pages.add_argument("--phase", action="append", choices=PHASES, help="only this phase; may be given again")
    way = scan.add_argument_group("visits")
    way.add_argument("--browser", choices=("chromium", "firefox"), default="chromium", help="default: chromium")
    way.add_argument("--program", default="", metavar="PATH", help="the browser's program (default: the system's)")
    way.add_argument("--user", default="", metavar="NAME", help="for basic authentication; the password is asked for, "
                     "or read from CONSENT_SCAN_PASSWORD")  # fmt: skip
    way.add_argument("--login", metavar="FILE", help="a Python file whose async login(context) signs in")
    way.add_argument(
        "--header", action="append", default=[], metavar="NAME:VALUE", help="sent to the site, and to nobody else"
    )
    way.add_argument("--language", default="en", metavar="TAG", help="the browser's language (default: en)")
    way.add_argument(
        "--resolve",
        action="append",
        default=[],
        metavar="HOST=ADDRESS",
        help="look a name up elsewhere, for a site that is not public yet: www.example.com=10.0.0.7:8080",
    )
    way.add_argument("--insecure", action="store_true", help="take certificates that cannot be checked")
    way.add_argument(
        "--timeout", type=_seconds, default=20.0, metavar="SECONDS", help="for a page to load (default: 20)"
    )
    way.add_argument("--patience", type=_seconds, default=4.0, metavar="SECONDS", help="for it to settle (default: 4)")
    way.add_argument("--accept", metavar="SELECTOR", help="the banner's button that accepts, where it is not found")
    way.add_argument("--refuse", metavar="SELECTOR", help="the banner's button that refuses")
    verdict = scan.add_argument_group("verdict")
    verdict.add_argument(
        "--regime",
        default="",
        metavar="NAME",
        help="the law to judge by: eu, us-ca …, or a region, US-CA (default: eu)",
    )
    verdict.add_argument("--against", metavar="FILE", help="settings (TOML) to compare with")
    verdict.add_argument(
        "--fail-on", choices=("error", "warning", "note"), default="error", help="what makes the exit code 1"
    )
    output = scan.add_argument_group("output")
    output.add_argument("--html", metavar="FILE", help="write a report for people: one file, screenshots in it")
    output.add_argument("--json", metavar="FILE", help="write all that was seen and found")
    output.add_argument("--sarif", metavar="FILE", help="write the findings for code scanning")
    output.add_argument("--junit", metavar="FILE", help="write the findings as a test report")
    output.add_argument("--write", metavar="FILE", help="propose settings (TOML) for what was seen")
    scan.set_defaults(run=_run)


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _count(text: str) -> int:
    if (number := int(text)) < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return number


def _seconds(text: str) -> float:
    if not 0 < (number := float(text)) <= 3600:
        raise argparse.ArgumentTypeError("must be more than 0, and 3600 at most")
    return number


def _run(options: argparse.Namespace) -> int:
    from .browser import BrowserMissing
    from .judge import SEVERITIES, judge
    from .run import Plan, scan
    from .who import Owners

    urls = [_address(url) for url in options.urls]
    regime, policy = _law(options)
    _check_files(options)
    plan = Plan(
        urls=urls,
        limit=max(options.limit, len(urls)),
        depth=options.depth,
        phases=cast("Sequence[Phase]", [each for each in PHASES if each in (options.phase or PHASES)]),
        robots=not options.ignore_robots,
        sitemap=not options.no_sitemap,
        skipped=_expression(options.skip),
        manner=_manner(options),
        browser=options.browser,
        hosts=_hosts(options),
        program=options.program,
        told=_progress(),
    )
    try:
        seen = asyncio.run(scan(plan))
    except BrowserMissing as error:
        print(f"consent: {error}", file=sys.stderr)
        return 2
    if not any(visit.landed and visit.status < 400 for visit in seen.visits):
        reason = next((problem for visit in seen.visits for problem in visit.problems), "no page answered")
        print(f"consent: {urls[0]} could not be scanned: {_plain(reason)}", file=sys.stderr)
        return 2
    findings = judge(seen, Owners(seen.site, policy), regime=regime, policy=policy)
    _write(options, seen, findings, policy)  # first: whoever reads what is printed may have seen enough
    _say(seen, findings, [phase for phase in plan.phases if not seen.of(phase)])
    worst = SEVERITIES.index(options.fail_on)
    return int(any(SEVERITIES.index(finding.severity) <= worst for finding in findings))


def _address(url: str) -> str:
    whole = url if "://" in url else f"https://{url}"
    user = None
    try:
        parts = urlsplit(whole)
        user = parts.username
        right = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or True)
    except ValueError:
        right = False
    if not right or re.search(r"\s", whole):
        raise ConfigurationError("must be an http: or https: address", path=("URL",), value=url)
    if user is not None:
        raise ConfigurationError(
            "must name no user: that is for --user, and the address is in the report", path=("URL",)
        )
    return whole


def _law(options: argparse.Namespace) -> tuple[Regime, Policy | None]:
    """The law to judge by, and the policy to compare with."""
    from ..policy.regime import PRESETS, REGIONS, regime_for_region
    from ..policy.settings import read_settings, read_toml

    regime, policy = PRESETS["eu"], None
    if options.against:
        settings = read_settings(read_toml(options.against), keys=os.urandom(32), where=options.against)
        policy, regime = settings.policy, settings.regime or regime
    if options.regime:
        if options.regime in PRESETS:
            regime = PRESETS[options.regime]
        elif options.regime.upper().partition("-")[0] in REGIONS:
            regime = regime_for_region(options.regime)
        else:
            raise ConfigurationError("unknown regime", path=("--regime",), value=options.regime, known=PRESETS)
    return regime, policy


def _hosts(options: argparse.Namespace) -> dict[str, str]:
    pairs = [line.partition("=") for line in options.resolve]
    for name, equals, place in pairs:
        if not equals or not re.fullmatch(r"[\w.*-]+(:\d+)?", name) or not re.fullmatch(r"[\w.:\[\]-]+", place):
            raise ConfigurationError("must be HOST=ADDRESS", path=("--resolve",), value=f"{name}{equals}{place}")
    for name in ("resolve", "header"):
        if getattr(options, name) and options.browser != "chromium":
            raise ConfigurationError("is for chromium alone", path=(f"--{name}",))
    return {name: place for name, _, place in pairs}


def _expression(text: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text else None
    except re.error as error:
        raise ConfigurationError(f"is no regular expression: {error}", path=("--skip",), value=text) from error


def _manner(options: argparse.Namespace) -> Manner:
    from .banners import Known
    from .visit import Manner

    headers = {}
    for line in options.header:
        name, colon, value = line.partition(":")
        if not colon:
            raise ConfigurationError("must be NAME:VALUE", path=("--header",))  # what was given may be a secret
        headers[name.strip()] = value.strip()
    banner = None
    if options.accept or options.refuse:
        shown = ", ".join(filter(None, (options.accept, options.refuse)))
        banner = Known("given", shown, options.accept or "none-such", options.refuse or "")
    password = ""
    if options.user:
        password = os.environ.get("CONSENT_SCAN_PASSWORD") or getpass.getpass(f"Password of {options.user}: ")
    return Manner(
        timeout=options.timeout,
        patience=options.patience,
        language=options.language,
        headers=headers,
        user=options.user,
        password=password,
        ignore_https_errors=options.insecure,
        banner=banner,
        login=_login(options.login),
        screenshots=bool(options.html),
    )


def _login(path: str | None) -> Callable[[Any], Awaitable[None]] | None:
    if path is None:
        return None
    spec = spec_from_file_location("consent_scan_login", path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise ConfigurationError("is no Python file", path=("--login",), value=path)
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigurationError(f"cannot be run: {error!r}", path=("--login",), value=path) from error
    login = getattr(module, "login", None)
    if not inspect.iscoroutinefunction(login):
        raise ConfigurationError("must define async def login(context)", path=("--login",), value=path)
    return cast("Callable[[Any], Awaitable[None]]", login)


def _progress() -> Callable[[Visit, int], None]:
    """A line on a terminal that says how far it is; a line a visit elsewhere."""
    done = 0
    terminal = sys.stderr.isatty()

    def told(visit: Visit, left: int) -> None:
        nonlocal done
        done += 1
        line = _plain(f"{number('visit', done)}, {left} to go: {visit.phase} {visit.url} ({visit.seconds:.1f} s)")
        print(f"\r\x1b[K{line[:110]}" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)
        if terminal and not left:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    return told


def _plain(text: str) -> str:
    """What a site chose, without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _say(seen: Scan, findings: Sequence[Finding], impossible: Sequence[Phase]) -> None:
    """``impossible``: phases that were asked for, and that this browser cannot be in."""
    from .judge import SEVERITIES

    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    pages = len({visit.url for visit in seen.visits})
    print(f"{seen.site}: {number('page', pages)}, {number('visit', seen.made)}, {seen.browser}")
    if impossible:
        print(f"Not looked at, since this browser cannot: {', '.join(impossible)}")
    for finding in findings:
        where = f"{len(finding.pages)} pages" if len(finding.pages) > 1 else next(iter(finding.pages), "")
        severity = f"{finding.severity:8}"
        severity = f"\x1b[{_COLOURS[finding.severity]}m{severity}\x1b[0m" if coloured else severity
        print(f"\n{severity}{_plain(finding.text)} [{finding.rule.id}]")
        for line in filter(None, (where, *finding.evidence[:3], finding.rule.remedy)):
            print(f"        {_plain(line)}")
    counts = {severity: sum(each.severity == severity for each in findings) for severity in SEVERITIES}
    told = ", ".join(number(severity, count) for severity, count in counts.items() if count)
    print(f"\nFound: {told}." if told else "Nothing was found that should not be.")


_FILES = ("html", "json", "sarif", "junit", "write")


def _check_files(options: argparse.Namespace) -> None:
    """Before minutes are spent on it: whether what is found can be written."""
    for name in _FILES:
        path = getattr(options, name)
        if path is not None and not Path(path).absolute().parent.is_dir():
            raise ConfigurationError("is in a folder that is not there", path=(f"--{name}",), value=path)


def _write(options: argparse.Namespace, seen: Scan, findings: Sequence[Finding], policy: Policy | None) -> None:
    from . import report
    from .propose import propose

    made_by: Mapping[str, Callable[[], str]] = {
        "html": lambda: report.html(seen, findings, policy),
        "json": lambda: report.as_json(seen, findings),
        "sarif": lambda: report.sarif(seen, findings),
        "junit": lambda: report.junit(seen, findings),
        "write": lambda: propose(seen, policy),
    }
    for name in _FILES:
        path, made = getattr(options, name), made_by[name]
        if path is not None:
            Path(path).write_text(made(), encoding="utf-8")
            print(f"consent: wrote {path}", file=sys.stderr)
