"""``consent report``: what visitors chose, and whether the log is what it was: a page for a board or a regulator."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from markupsafe import Markup

from .errors import ConfigurationError
from .log.audit import Report, Terms, verify
from .log.checkpoint import Trust, check_checkpoint, parse_checkpoint, parse_checkpoints
from .log.command.options import add_log, bar, moment, opened_database, read_file, read_trust, site_keys
from .log.command.text import for_programs
from .log.evidence import DatabaseEvidence
from .log.note import encode, parse_note
from .log.record import Record
from .log.store import SqlStore, Stored
from .log.summary import KINDS, Summary, summarize
from .sheet import NONE, code, columns, details, document, number, section, shares, table, tiles

__all__ = ["add_command"]

#: The classes that colour each kind.
_STYLES = dict(zip(KINDS.values(), ("accepted", "part", "refused", "withdrawn"), strict=True))
_EITHER = {"agreed": "accepted", "refused": "refused"}
_COUNTED = Markup(
    "<p>Each choice counts once, when it was made: who chose twice counts twice, and of who did not choose nothing is "
    "known.</p>"
)
_WORDS = Markup(
    "<p>Each choice is a record. Sealed records are the leaves of a tree; a checkpoint is that tree's root as it was "
    "signed; a tombstone names records whose content was removed.</p>"
)
#: Columns that a chart has at most; beyond it, days are put together.
_MOST_COLUMNS = 92
_SURFACES = {
    "banner": "the banner",
    "settings": "the settings",
    "placeholder": "a placeholder",
    "api": "the page's script",
    "signal": "the browser's signal",
}


def add_command(commands: Any) -> None:
    """Add ``report``."""
    report = commands.add_parser(
        "report",
        help="a page of what visitors chose, and whether the log is what it was",
        description="Write one HTML page, with nothing to load: choices by day, law, language and policy; the log's "
        "integrity; open questions. Print it to a PDF with a browser. Exit code: 1 if the log was tampered with.",
    )
    add_log(report)
    report.add_argument("--since", type=moment, metavar="TIME", help="choices from this time on: 2026-11-01")
    report.add_argument("--until", type=moment, metavar="TIME", help="choices before this time (UTC)")
    report.add_argument("--trust", metavar="FILE", help="the log's verifier keys, by which signatures are checked")
    report.add_argument(
        "--pin", metavar="FILE", action="append", default=[], help="checkpoints that were kept elsewhere"
    )
    report.add_argument("--scan", metavar="FILE", help="what consent scan --json wrote, for the open questions")
    report.add_argument("--title", default="Consent report", help="default: %(default)s")
    report.add_argument(
        "--output", metavar="FILE", default="consent-report.html", help="default: %(default)s; - is standard output"
    )
    report.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if None not in (options.since, options.until) and options.until <= options.since:
        raise ConfigurationError("--until must be later than --since")
    trust = read_trust(options.trust) if options.trust else None
    pins = [note for path in options.pin for note in _pins(path)]
    questions = [*_questions(options.scan)] if options.scan else None
    with opened_database(options) as database:
        keys = site_keys(options)
        store = SqlStore(database, keys)
        evidence = DatabaseEvidence(database)
        with bar("verifying", evidence.head().size) as told:
            terms = Terms(time.time(), trust, pins, keys=keys)
            try:
                integrity = verify(evidence, terms, lambda done, _all: told(done))
            except ValueError as error:
                raise ConfigurationError(str(error)) from error
        with bar("counting") as told:
            records = _counted(store.records(since=options.since), told)
            summary = summarize(records, lambda name: _record(store, name), until=options.until)
    page = _page(options, summary, integrity, trust, questions)
    if options.output == "-":
        for_programs(sys.stdout).write(page)
    else:
        try:
            Path(options.output).write_text(page, encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"{options.output} cannot be written: {error.strerror}") from error
        print(f"consent: wrote {options.output}", file=sys.stderr)
    return 1 if integrity.tampered else 0


def _pins(path: str) -> list[str]:
    try:
        return parse_checkpoints(read_file(path))
    except ValueError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def _counted(records: Iterable[Stored], told: Any) -> Iterator[Stored]:
    for count, stored in enumerate(records):
        if count % 1000 == 0:
            told(count)
        yield stored


def _record(store: SqlStore, name: str) -> Record | None:
    found = store.find(name)
    return found[0].record if len(found) == 1 and found[0].problem is None else None


def _questions(path: str) -> Iterator[Mapping[str, str]]:
    """What a scan found, and somebody has yet to answer."""
    try:
        findings = json.loads(read_file(path))["findings"]
        for each in findings:
            yield {name: str(each[name]) for name in ("severity", "text", "rule", "remedy")}
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path} is not what consent scan --json writes") from error


# The page


def _page(
    options: argparse.Namespace,
    summary: Summary,
    integrity: Report,
    trust: Trust | None,
    questions: Sequence[Mapping[str, str]] | None,
) -> str:
    counts = {name: (summary.kinds[name], style) for name, style in _STYLES.items()}
    return document(
        options.title,
        " · ".join(
            (_counts(summary), *_span(options.since, options.until), f"made {datetime.now(UTC):%d %B %Y, %H:%M} UTC")
        ),
        tiles(_verdict(integrity, trust), counts),
        section("Choices over time", _over_time(summary)),
        section("By purpose", _purposes(summary)),
        section("By law", _split("Law", summary.regimes)),
        section("By language", _split("Language", summary.languages)),
        section("By version of the policy", _split("Policy", summary.policies)),
        section("Where it was chosen", _split("Where", _surfaces(summary))),
        section("The log", _integrity(summary, integrity, trust)),
        section("Open questions", _open(questions)),
        section("Choices over time, in numbers", _in_numbers(summary)),
    )


def _surfaces(summary: Summary) -> dict[str, Counter[str]]:
    return {_SURFACES.get(name, name): counts for name, counts in summary.surfaces.items()}


def _counts(summary: Summary) -> str:
    if summary.first is None or summary.last is None:
        return "No decisions"
    first, last = (f"{datetime.fromtimestamp(ts / 1000, UTC):%d %B %Y}" for ts in (summary.first, summary.last))
    return f"{number('decision', sum(summary.kinds.values()))}, {first} to {last}"


def _span(since: int | None, until: int | None) -> Iterator[str]:
    """Which decisions were asked for, where that is not all of them."""
    asked = [f"{word} {_moment(ts / 1000)}" for word, ts in (("from", since), ("until", until)) if ts is not None]
    if asked:
        yield f"counted {' '.join(asked)}"


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%d %B %Y, %H:%M} UTC"


def _verdict(integrity: Report, trust: Trust | None) -> str:
    """The first sentence of the page: it claims nothing that was not checked."""
    serious = {code for code, finding in integrity.findings.items() if finding.serious}
    if serious == {"code"}:
        return "The log was tampered with, or was made with another key than the one given here."
    if serious:
        return "The log was tampered with."
    if not integrity.sealed:
        return "The log fits together; nothing in it is signed yet."
    if trust is None:
        return "The log fits together; its signatures were not checked."
    if integrity.unsealed:
        return f"What is sealed is what was signed; {number('record', integrity.unsealed)} not signed yet."
    return "The log is what was signed."


def _periods(summary: Summary) -> tuple[int, dict[date, Counter[str]]]:
    """The decisions by the day on which they were made; of more days than a chart has columns, so many at once."""
    first, last = min(summary.days), max(summary.days)
    width = -(-((last - first).days + 1) // _MOST_COLUMNS)
    periods: dict[date, Counter[str]] = {
        first + timedelta(days=back): Counter() for back in range(0, (last - first).days + 1, width)
    }
    for day, counts in summary.days.items():
        periods[first + timedelta(days=(day - first).days // width * width)].update(counts)
    return width, periods


def _over_time(summary: Summary) -> Markup:
    if not summary.days:
        return Markup("")
    width, periods = _periods(summary)
    of = "a day" if width == 1 else f"{width} days"
    caption = f"Choices, {of} a column: " + ", ".join(f"{summary.kinds[name]} {name}" for name in _STYLES)
    return _COUNTED + columns(caption, _STYLES, [(f"{day:%d.%m.%y}", counts) for day, counts in periods.items()])


def _in_numbers(summary: Summary) -> Markup:
    """What the chart shows, last, since it is long on paper."""
    if not summary.days:
        return Markup("")
    rows = [
        (f"{day:%d %B %Y}", *(counts[name] or NONE for name in _STYLES), sum(counts.values()))
        for day, counts in _periods(summary)[1].items()
    ]
    numbers = table("Choices over time, in numbers", ("From", *map(str.capitalize, _STYLES), "All"), rows)
    return Markup("<details><summary>{}</summary>{}</details>").format(number("row", len(rows)), numbers)


def _purposes(summary: Summary) -> Markup:
    rows = [
        (
            name,
            shares(
                _EITHER, {"agreed": (granted := summary.granted[name]), "refused": (refused := summary.refused[name])}
            ),
            granted,
            refused,
            _share(granted, granted + refused),
        )
        for name in sorted((+summary.granted).keys() | (+summary.refused).keys())
    ]
    return table("By purpose", ("Purpose", "Shares", "Agreed", "Refused", "Share that agreed"), rows)


def _split(head: str, named: Mapping[str, Counter[str]]) -> Markup:
    rows = [
        (
            name,
            shares(_STYLES, counts),
            *(counts[kind] or NONE for kind in _STYLES),
            counts.total(),
            _share(counts["accepted"], counts.total()),
        )
        for name, counts in sorted(named.items(), key=lambda item: -item[1].total())
        if counts.total()
    ]
    return table(head, (head, "Shares", *map(str.capitalize, _STYLES), "All", "Accepted all"), rows)


def _share(part: int, whole: int) -> object:
    return f"{100 * part / whole:.0f} %" if whole else NONE


def _integrity(summary: Summary, integrity: Report, trust: Trust | None) -> Markup:
    rows: list[tuple[object, object]] = [
        ("Sealed", f"{number('record', integrity.sealed)}, under {number('checkpoint', integrity.checkpoints)}"),
        ("Waiting to be sealed", f"{integrity.unsealed:,}"),
        (
            "Content removed",
            f"{number('record', integrity.removed)}, named by {number('tombstone', integrity.tombstones)}",
        ),
        ("Root", code(encode(integrity.root))),
        *_checkpoint(integrity, trust),
        ("Compared with", f"{number('checkpoint', integrity.pins)} kept elsewhere"),
        ("Verified", f"{_moment(time.time())}, {'with' if trust else 'without'} the log's keys"),
        ("With the signal on (GPC)", f"{summary.signals:,}"),
    ]
    if summary.wrong:
        rows.append(("Records that do not check", f"{summary.wrong:,}"))
    findings = Markup("").join(
        Markup(
            '<li class="{kind}"><h3>{what}</h3><p class="rule"><span>{word}</span> {count}×</p>{places}</li>'
        ).format(
            kind="error" if each.serious else "warning",
            word="tampering" if each.serious else "warning",
            what=f"{each.what[0].upper()}{each.what[1:]}",
            count=f"{each.count:,}",
            places=details("Where", each.places),
        )
        for each in sorted(integrity.findings.values(), key=lambda each: not each.serious)
    )
    told = Markup('<ol class="findings">{}</ol>').format(findings) if findings else Markup("")
    return _WORDS + table("The log", ("Of the log", "What it says"), rows) + told


def _checkpoint(integrity: Report, trust: Trust | None) -> Iterator[tuple[object, object]]:
    """Of the last checkpoint that could be read, and, with keys, checked: whose it is, and what it says."""
    if integrity.latest is None:
        return
    yield "Name", code(parse_checkpoint(parse_note(integrity.latest).text).origin)
    if trust is None:
        yield "Last checkpoint", details("as it was signed", integrity.latest.splitlines())
    else:
        checkpoint, signed = check_checkpoint(integrity.latest, trust)
        yield "Last checkpoint", f"{_moment(signed)}, of {number('record', checkpoint.size)}"


def _open(questions: Sequence[Mapping[str, str]] | None) -> Markup:
    if questions is None:
        return Markup(
            "<p>No scan was given: <code>consent scan URL --json FILE</code> says what the site really does.</p>"
        )
    if not questions:
        return Markup("<p>A scan of the site found nothing that should not be.</p>")
    items = Markup("").join(
        Markup('<li class="{}"><h3>{}</h3><p class="rule"><span>{}</span> {}</p><p>{}</p></li>').format(
            each["severity"], each["text"], each["severity"], each["rule"], each["remedy"]
        )
        for each in questions
    )
    return Markup('<ol class="findings">{}</ol>').format(items)
