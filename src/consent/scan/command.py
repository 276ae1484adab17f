"""``consent scan``: what a site really stores and calls, before and after each choice."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..errors import ConfigurationError
from .seen import PHASES, Phase, Scan, Visit

if TYPE_CHECKING:
    from ..policy.policy import Policy
    from ..policy.regime import Model
    from .judge import Finding
    from .visit import Manner

__all__ = ["add_command"]


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
    pages.add_argument("--depth", type=int, default=2, metavar="N", help="links away from the given pages (default: 2)")
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
    way.add_argument("--header", action="append", default=[], metavar="NAME:VALUE", help="sent with every request")
    way.add_argument("--language", default="en", metavar="TAG", help="the browser's language (default: en)")
    way.add_argument(
        "--resolve",
        action="append",
        default=[],
        metavar="HOST=ADDRESS",
        help="look a name up elsewhere, for a site that is not public yet: www.example.com=10.0.0.7:8080",
    )
    way.add_argument("--insecure", action="store_true", help="take certificates that cannot be checked")
    way.add_argument("--timeout", type=float, default=20.0, metavar="SECONDS", help="for a page to load (default: 20)")
    way.add_argument("--patience", type=float, default=4.0, metavar="SECONDS", help="for it to settle (default: 4)")
    way.add_argument("--accept", metavar="SELECTOR", help="the banner's button that accepts, where it is not found")
    way.add_argument("--refuse", metavar="SELECTOR", help="the banner's button that refuses")
    verdict = scan.add_argument_group("verdict")
    verdict.add_argument(
        "--regime", default="", metavar="NAME", help="the law to judge by: eu, us-ca, notice … (default: eu)"
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
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _run(options: argparse.Namespace) -> int:
    from .judge import SEVERITIES, judge
    from .run import BrowserMissing, Plan, scan
    from .who import Owners

    urls = [_address(url) for url in options.urls]
    model, policy = _law(options)
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
    if not any(visit.status for visit in seen.visits):
        reason = next((problem for visit in seen.visits for problem in visit.problems), "no page answered")
        print(f"consent: {urls[0]} could not be scanned: {reason}", file=sys.stderr)
        return 2
    findings = judge(seen, Owners(seen.site, policy), model=model, policy=policy)
    _say(seen, findings)
    _write(options, seen, findings, policy)
    worst = SEVERITIES.index(options.fail_on)
    return int(any(SEVERITIES.index(finding.severity) <= worst for finding in findings))


def _address(url: str) -> str:
    whole = url if "://" in url else f"https://{url}"
    if not re.match(r"https?://[^/\s]+", whole):
        raise ConfigurationError("must be an http: or https: address", path=("URL",), value=url)
    return whole


def _law(options: argparse.Namespace) -> tuple[Model, Policy | None]:
    """The model of the law to judge by, and the policy to compare with."""
    from ..policy.regime import PRESETS
    from ..policy.settings import read_settings, read_toml

    model: Model = "opt-in"
    policy = None
    if options.against:
        settings = read_settings(read_toml(options.against), keys=os.urandom(32), where=options.against)
        policy = settings.policy
        if settings.regime is not None:
            model = settings.regime.model
    if options.regime:
        if options.regime not in PRESETS:
            raise ConfigurationError("unknown regime", path=("--regime",), value=options.regime, known=PRESETS)
        model = PRESETS[options.regime].model
    return model, policy


def _hosts(options: argparse.Namespace) -> dict[str, str]:
    pairs = [line.partition("=") for line in options.resolve]
    for name, equals, place in pairs:
        if not equals or not re.fullmatch(r"[\w.*-]+", name) or not re.fullmatch(r"[\w.:\[\]-]+", place):
            raise ConfigurationError("must be HOST=ADDRESS", path=("--resolve",), value=f"{name}{equals}{place}")
    if pairs and options.browser != "chromium":
        raise ConfigurationError("is for chromium alone", path=("--resolve",), value=options.browser)
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
            raise ConfigurationError("must be NAME:VALUE", path=("--header",), value=line)
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
    spec.loader.exec_module(module)
    login = getattr(module, "login", None)
    if not asyncio.iscoroutinefunction(login):
        raise ConfigurationError("must define async def login(context)", path=("--login",), value=path)
    return cast("Callable[[Any], Awaitable[None]]", login)


def _progress() -> Callable[[Visit, int], None]:
    """A line on a terminal that says how far it is; a line a visit elsewhere."""
    done = 0
    terminal = sys.stderr.isatty()

    def told(visit: Visit, left: int) -> None:
        nonlocal done
        done += 1
        line = f"{done} visits, {left} to go: {visit.phase} {visit.url} ({visit.seconds:.1f} s)"
        print(f"\r\x1b[K{line[:110]}" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)
        if terminal and not left:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    return told


def _say(seen: Scan, findings: Sequence[Finding]) -> None:
    pages = len({visit.url for visit in seen.visits})
    print(f"{seen.site}: {pages} page{'s' * (pages != 1)}, {len(seen.visits)} visits, {seen.browser}")
    for finding in findings:
        where = f"{len(finding.pages)} pages" if len(finding.pages) > 1 else next(iter(finding.pages), "")
        print(f"\n{finding.severity:8}{finding.text} [{finding.rule.id}]")
        print(f"        {where}" if where else "", end="\n" if where else "")
        for evidence in finding.evidence[:3]:
            print(f"        {evidence}")
        print(f"        {finding.rule.remedy}")
    if not findings:
        print("Nothing was found that should not be.")


def _write(options: argparse.Namespace, seen: Scan, findings: Sequence[Finding], policy: Policy | None) -> None:
    from . import report
    from .propose import propose

    files: tuple[tuple[str | None, Callable[[], str]], ...] = (
        (options.html, lambda: report.html(seen, findings)),
        (options.json, lambda: report.as_json(seen, findings)),
        (options.sarif, lambda: report.sarif(findings)),
        (options.junit, lambda: report.junit(seen, findings)),
        (options.write, lambda: propose(seen, policy)),
    )
    for path, made in files:
        if path is not None:
            Path(path).write_text(made(), encoding="utf-8")
            print(f"consent: wrote {path}", file=sys.stderr)
