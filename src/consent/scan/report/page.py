"""The report for people, the site's owner and their data protection officer: one HTML file with everything in it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from markupsafe import Markup

from ...policy.policy import Policy
from ...sheet import NONE, code, details, document, drawing, number, section, table, tiles
from ..judge import SEVERITIES, Finding
from ..seen import PHASES, Cookie, Phase, Request, Scan, Visit
from ..who import Owner, Owners

__all__ = ["html"]

_PHASES: Mapping[Phase, str] = {
    "before": "Before any choice",
    "refused": "After refusing",
    "accepted": "After accepting",
    "withdrawn": "After withdrawing",
    "gpc": "With Global Privacy Control",
    "noscript": "Without JavaScript",
}
#: The same, for the heads of narrow columns.
_COLUMNS: Mapping[Phase, str] = {
    "before": "Before",
    "refused": "Refused",
    "accepted": "Accepted",
    "withdrawn": "Withdrawn",
    "gpc": "GPC",
    "noscript": "No script",
}
#: Whom a request in a timeline goes to.
_KINDS = {"own": "the site, and what needs no consent", "known": "known services", "stranger": "unknown third parties"}
#: Seconds of a visit that a timeline shows, pixels across and for each line.
_WIDTH, _LINE = 640, 14


def html(scan: Scan, findings: Sequence[Finding], policy: Policy | None = None) -> str:
    """The report. It loads nothing, runs nothing, and can be printed. ``policy``: what the site declares."""
    owners = Owners(scan.site, policy)
    when = datetime.fromtimestamp(scan.began, UTC).strftime("%d %B %Y, %H:%M UTC")
    pages = number("page", len({visit.url for visit in scan.visits}))
    return document(
        f"Scan of {scan.site}",
        f"{when} · {scan.browser} · {pages}, {number('visit', scan.made)}",
        _summary(findings),
        _findings(findings),
        section("Who was called", _services(scan, owners)),
        section("Cookies", _cookies(scan, owners)),
        section("Browser storage", _stored(scan, owners)),
        _visits(scan, owners),
    )


def _summary(findings: Sequence[Finding]) -> Markup:
    counts = {severity: sum(each.severity == severity for each in findings) for severity in SEVERITIES}
    verdict = (
        "Something happens without consent that needs it."
        if counts["error"]
        else "Nothing was seen that is surely wrong; somebody should look at the warnings."
        if counts["warning"]
        else "Nothing was found that should not be."
    )
    return tiles(verdict, {number(kind, count).partition(" ")[2]: (count, kind) for kind, count in counts.items()})


def _findings(findings: Sequence[Finding]) -> Markup:
    items = Markup("").join(
        Markup(
            '<li class="{severity}"><h3>{text}</h3><p class="rule"><span>{severity}</span> {rule}</p>'
            "<p>{remedy}</p>{evidence}</li>"
        ).format(
            severity=finding.severity,
            text=finding.text,
            rule=finding.rule.id,
            remedy=finding.rule.remedy,
            evidence=details(_seen_on(finding), (*finding.evidence, *(f"on {page}" for page in finding.pages))),
        )
        for finding in findings
    )
    return section("Findings", Markup('<ol class="findings">{}</ol>').format(items) if items else Markup(""))


def _seen_on(finding: Finding) -> str:
    return f"Evidence, on {number('page', len(finding.pages))}" if finding.pages else "Evidence"


def _columns(scan: Scan) -> dict[Phase, str]:
    """The phases that were looked at, each with the head of its column."""
    return {phase: _COLUMNS[phase] for phase in PHASES if scan.of(phase)}


def _services(scan: Scan, owners: Owners) -> Markup:
    """Who was called, and how often in each phase."""
    asked: dict[Owner, dict[Phase, int]] = {}
    for visit in scan.visits:
        for request in visit.requests:
            owner = owners.of_request(request)
            if request.third or owner.known:
                phases = asked.setdefault(owner, {})
                phases[visit.phase] = phases.get(visit.phase, 0) + 1
    columns = _columns(scan)
    rows = [
        (owner.title, ", ".join(owner.purposes) or "unknown", *(phases.get(phase, NONE) for phase in columns))
        for owner, phases in sorted(asked.items(), key=lambda item: (not item[0].known, item[0].title.lower()))
    ]
    return table("Who was called", ("Service or domain", "Purpose", *columns.values()), rows)


def _cookies(scan: Scan, owners: Owners) -> Markup:
    columns = _columns(scan)
    found: dict[tuple[str, str, str], tuple[Cookie, list[Phase]]] = {}
    for visit in scan.visits:
        for cookie in visit.cookies:
            phases = found.setdefault((cookie.name, cookie.domain, cookie.path), (cookie, []))[1]
            if visit.phase not in phases:
                phases.append(visit.phase)
    rows = [
        (
            code(cookie.name),
            cookie.domain,
            owners.of_cookie(cookie).title,
            "session" if cookie.days == 0 else f"{cookie.days:.3g} days",
            Markup("{} <code>{}</code>").format(cookie.how, cookie.by) if cookie.by else NONE,
            *("●" if phase in phases else NONE for phase in columns),
        )
        for cookie, phases in found.values()
    ]
    return table("Cookies", ("Name", "Domain", "Whose", "Lives", "Set by", *columns.values()), rows)


def _stored(scan: Scan, owners: Owners) -> Markup:
    columns = _columns(scan)
    found: dict[tuple[str, str, str], tuple[str, str, list[Phase]]] = {}
    for visit in scan.visits:
        for stored in visit.stored:
            key = stored.area, stored.origin, stored.key
            phases = found.setdefault(key, (owners.of_stored(stored).title, stored.by, []))[2]
            if visit.phase not in phases:
                phases.append(visit.phase)
    rows = [
        (
            code(key),
            area,
            origin,
            title,
            code(by) if by else NONE,
            *("●" if phase in phases else NONE for phase in columns),
        )
        for (area, origin, key), (title, by, phases) in found.items()
    ]  # fmt: skip
    return table("Browser storage", ("Key", "Where", "Origin", "Whose", "Written by", *columns.values()), rows)


def _visits(scan: Scan, owners: Owners) -> Markup:
    pages: dict[str, list[Visit]] = {}
    for visit in scan.visits:
        pages.setdefault(visit.url, []).append(visit)
    sections = Markup("").join(
        Markup("<details{}><summary><code>{}</code></summary>{}</details>").format(
            Markup(" open") if place == 0 else "", url, Markup("").join(_visit(visit, owners) for visit in visits)
        )
        for place, (url, visits) in enumerate(pages.items())
    )
    legend = Markup("").join(
        Markup('<li class="{}"><i></i>{}</li>').format(kind, told) for kind, told in _KINDS.items()
    )
    return Markup('<section class="visits"><h2>Visits</h2><ul class="legend">{}</ul>{}</section>').format(
        legend, sections
    )


def _visit(visit: Visit, owners: Owners) -> Markup:
    title = _PHASES[visit.phase]
    picture = (
        Markup('<img src="data:image/jpeg;base64,{}" alt="The page: {}">').format(
            b64encode(visit.screenshot).decode(), title
        )
        if visit.screenshot
        else ""
    )
    problems = Markup("").join(Markup("<p>{}</p>").format(problem) for problem in visit.problems)
    return Markup("<article><h3>{}</h3><div><figure>{}</figure><div>{}{}</div></div></article>").format(
        title, picture, problems, _timeline(visit, owners)
    )


def _timeline(visit: Visit, owners: Owners) -> Markup:
    """When who was called, a line each."""
    lines: dict[Owner, list[Request]] = {}
    for request in visit.requests:
        lines.setdefault(owners.of_request(request), []).append(request)
    if not lines:
        return Markup('<p class="none">No requests.</p>')
    ends = max(1.0, *(request.at for request in visit.requests))
    rows = Markup("").join(
        Markup('<g transform="translate(0 {})"><text y="10">{}</text>{}</g>').format(
            place * _LINE, owner.title[:28], Markup("").join(_tick(request, owner, ends) for request in requests)
        )
        for place, (owner, requests) in enumerate(lines.items())
    )
    height = len(lines) * _LINE + 18
    axis = Markup(
        '<text class="axis" x="200" y="{foot}">0 s</text><text class="axis end" x="{width}" y="{foot}">{ends} s</text>'
    ).format(width=_WIDTH, ends=f"{ends:.1f}", foot=height - 4)
    called = number("request", len(visit.requests))
    return drawing(
        f"{_PHASES[visit.phase]}: {called} to {len(lines)} in {ends:.1f} seconds", _WIDTH, height, rows + axis
    )


def _tick(request: Request, owner: Owner, ends: float) -> Markup:
    kind = "own" if owner.own or owner.necessary else "known" if owner.known else "stranger"
    x = 200 + (_WIDTH - 204) * request.at / ends
    return Markup('<rect class="{}" x="{}" y="2" width="3" height="9"><title>{} {}, {} s</title></rect>').format(
        kind, f"{x:.1f}", request.kind, request.url[:200], f"{request.at:.2f}"
    )
