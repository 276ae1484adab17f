"""What of all that was seen should not be: findings, worst first, each with its evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ..gate.match import wildcard
from ..policy.policy import NECESSARY, Policy
from ..policy.policy import Cookie as DeclaredCookie
from ..policy.regime import PRESETS, Model, Regime
from .seen import CHOSEN, PHASES, Cookie, Phase, Request, Scan, Stored, Visit, names
from .who import Owner, Owners

__all__ = ["RULES", "SEVERITIES", "Finding", "Rule", "Severity", "judge"]

#: ``error``: against the law that the site is judged by. ``warning``: somebody should look. ``note``: worth knowing.
Severity: TypeAlias = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

#: Phases in which nothing that needs consent may happen, by the model of the law; with the signal, too, where it binds.
_SILENT: Mapping[Model, frozenset[Phase]] = {
    "opt-in": frozenset({"before", "refused", "withdrawn", "gpc", "noscript"}),
    "opt-out": frozenset({"refused", "withdrawn"}),
    "notice": frozenset({"refused", "withdrawn"}),
}
_WHEN: Mapping[Phase, str] = {
    "before": "before any choice",
    "refused": "after refusing",
    "accepted": "after accepting",
    "withdrawn": "after withdrawing",
    "gpc": "with Global Privacy Control",
    "noscript": "without JavaScript",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What is looked for: its id, how bad it is, what it is called, and what to do about it."""

    id: str
    severity: Severity
    title: str
    remedy: str


RULES: Mapping[str, Rule] = {
    rule.id: rule
    for rule in (
        Rule("service-without-consent", "error", "A service is called without consent",
             "Declare the service and let consent hold it, or load it only if its purpose is allowed."),
        Rule("cookie-without-consent", "error", "A cookie is set without consent",
             "Declare the cookie under its service; it is then held, and ended on withdrawal."),
        Rule("storage-without-consent", "error", "Something is kept in the browser without consent",
             "Hold the script that writes it; declare the key, so that it is cleared on withdrawal."),
        Rule("stranger-without-consent", "warning", "An unknown third party is called without consent",
             "Find out what it is for. Declare it as a service of your own, or set strict = true."),
        Rule("unknown-cookie", "warning", "A cookie that nobody has explained is set without consent",
             "Find out which part of the site sets it, and declare it: as necessary, or under its purpose."),
        Rule("unknown-storage", "warning", "A key that nobody has explained is kept without consent",
             "Find out which part of the site writes it, and declare it: as necessary, or under its purpose."),
        Rule("telling-browsers-apart", "warning", "A script reads what tells browsers apart, without consent",
             "Find out what the script is for, and hold it until its purpose is allowed."),
        Rule("no-banner", "error", "Nothing asks for consent, and something needs it",
             "Set up the banner, or take away what needs consent."),
        Rule("no-refusal", "error", "The first layer cannot be refused",
             "Put a button that refuses beside the one that accepts, alike in size and look."),
        Rule("no-withdrawal", "warning", "It was not found how to withdraw",
             "Put a link to the settings on every page."),
        Rule("unfinished", "warning", "A page could not be looked at",
             "Open it yourself; give the scan more time (--timeout), name the banner's buttons, or skip it."),
        Rule("leads-to-a-tracker", "note", "A link leads through a service",
             "Link to the page itself, where that is possible."),
        Rule("undeclared", "error", "A service is used that the policy does not declare",
             "Declare it under services, or take it away."),
        Rule("undeclared-cookie", "warning", "A cookie is set that the policy does not declare",
             "Add it to the cookies of its service, with its days."),
        Rule("wrong-duration", "warning", "A cookie lives longer than the policy says",
             "Correct its days in the policy; the declaration then says the truth."),
        Rule("unused", "note", "A declared service was not seen",
             "Scan more pages; if it is used on none, take it out of the policy."),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found, in however many phases and on however many pages.

    ``subject``  a service, a domain, a cookie's or key's name. ``text``: the finding in a sentence.
    ``phases``   in which phases; none where it is not of any. ``pages``: on which pages.
    ``evidence`` addresses, cookies, chains, as they were seen.
    """

    rule: Rule
    subject: str
    text: str
    phases: tuple[Phase, ...] = ()
    pages: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        return self.rule.severity


@dataclass(slots=True)
class _Found:
    """A finding that phases and pages are still being added to. ``text``: the sentence without its phases."""

    text: str
    phases: set[Phase] = field(default_factory=set)
    pages: dict[str, None] = field(default_factory=dict)
    evidence: dict[str, None] = field(default_factory=dict)


_MOST_EVIDENCE = 20


def judge(
    scan: Scan, owners: Owners, *, regime: Regime = PRESETS["eu"], policy: Policy | None = None
) -> tuple[Finding, ...]:
    """What should not be, worst first.

    :param regime: the law that the site is judged by.
    :param policy: what the site declares, to compare with.
    """
    found: dict[tuple[str, str], _Found] = {}
    silent = _SILENT[regime.model] | ({"gpc"} if "gpc" in regime.signals else set())
    keys = names(stored.key for visit in scan.visits for stored in visit.stored)
    for visit in scan.visits:
        exempt = (
            regime.exempt(policy) if policy is not None and visit.phase in {"before", "noscript"} else frozenset[str]()
        )
        whose = _Needing(owners, exempt | {NECESSARY})
        said = (*_silent(visit, whose, keys), *_asked(visit, whose)) if visit.phase in silent else ()
        for rule, subject, phase, text, evidence in (*said, *_unfinished(visit), *_linked(visit, owners)):
            each = found.setdefault((rule, subject), _Found(text))
            each.phases.update([phase] if phase is not None else ())
            each.pages[visit.url] = None
            each.evidence.update(dict.fromkeys(evidence))
    if policy is not None:
        for rule, subject, text, pages, evidence in _compared(scan, owners, policy):
            each = found.setdefault((rule, subject), _Found(text))
            each.pages.update(dict.fromkeys(pages))
            each.evidence.update(dict.fromkeys(evidence))
    findings = [_finding(RULES[rule], subject, each) for (rule, subject), each in found.items()]
    rules = list(RULES)
    return tuple(sorted(findings, key=lambda each: (_rank(each), rules.index(each.rule.id), each.subject)))


def _rank(finding: Finding) -> int:
    return SEVERITIES.index(finding.severity)


def _finding(rule: Rule, subject: str, found: _Found) -> Finding:
    phases = tuple(sorted(found.phases, key=PHASES.index))
    text = " ".join(filter(None, (found.text, _listed([_WHEN[phase] for phase in phases]))))
    return Finding(rule, subject, text, phases, tuple(found.pages), tuple(found.evidence)[:_MOST_EVIDENCE])


def _listed(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


#: A rule, a subject, the phase, the sentence without it, and the evidence.
_Said: TypeAlias = tuple[str, str, Phase | None, str, Iterable[str]]


@dataclass(frozen=True, slots=True)
class _Needing:
    """Whose things are, and whether they need consent. ``free``: purposes that do not."""

    of: Owners
    free: frozenset[str]

    def consent(self, owner: Owner) -> bool:
        """Whether this owner is known to need it."""
        return owner.known and not self.waived(owner)

    def waived(self, owner: Owner) -> bool:
        """Whether this owner is known not to."""
        return bool(owner.purposes) and self.free.issuperset(owner.purposes)


def _silent(visit: Visit, whose: _Needing, keys: Mapping[str, str]) -> Iterator[_Said]:
    """What happened in a phase in which nothing should that needs consent. ``keys``: by what name each is told."""
    phase = visit.phase
    if phase in {"refused", "withdrawn"} and not visit.done:
        return
    for request in visit.requests:
        owner = whose.of.of_request(request)
        if whose.consent(owner):
            yield "service-without-consent", owner.name, phase, f"{owner.title} is called", [_request(request)]
        elif request.third and not owner.known:
            yield "stranger-without-consent", owner.name, phase, f"{owner.name} is called", [_request(request)]
    for cookie in visit.cookies:
        owner = whose.of.of_cookie(cookie)
        if whose.waived(owner) or (cookie.third and phase == "withdrawn"):
            continue  # the second: it was agreed to, and a site cannot end what others keep
        if owner.known or cookie.third:
            text = f"The cookie {_called(cookie.name)} of {owner.title} is there"
            yield "cookie-without-consent", cookie.name, phase, text, [_cookie(cookie)]
        else:
            yield "unknown-cookie", cookie.name, phase, f"The cookie {_called(cookie.name)} is there", [_cookie(cookie)]
    for stored in visit.stored:
        owner, key = whose.of.of_stored(stored), keys[stored.key]
        if whose.waived(owner) or (stored.third and phase == "withdrawn"):
            continue
        if owner.known or stored.third:
            text = f"{owner.title} keeps {_called(key)} in the browser"
            yield "storage-without-consent", key, phase, text, [_stored(stored)]
        else:
            text = f"{_called(key)} is kept in the browser"
            yield "unknown-storage", key, phase, text, [_stored(stored)]
    for call in visit.calls:
        by = whose.of.of_address(call.by) if call.by else None
        if by is not None and whose.waived(by):
            continue
        name = by.title if by is not None else "a script of the page"
        text = f"{name} reads what tells browsers apart"
        yield (
            "telling-browsers-apart",
            name,
            phase,
            text,
            [f"{call.what}, {call.count} times, by {call.by or 'a script of the page'}"],
        )


def _asked(visit: Visit, whose: _Needing) -> Iterator[_Said]:
    """Whether there was something to choose with."""
    if visit.phase == "before" and visit.banner is None:
        needing = sorted(
            {owner.title for request in visit.requests if whose.consent(owner := whose.of.of_request(request))}
        )
        if needing:
            yield "no-banner", "banner", None, "Nothing asks for consent, though something needs it", needing
    if visit.phase == "before" and visit.banner is not None and not visit.banner.refusable:
        yield (
            "no-refusal",
            visit.banner.name,
            None,
            f"The first layer ({visit.banner.name}) cannot be refused",
            visit.problems,
        )
    if visit.phase == "withdrawn" and not visit.done and visit.banner is not None:
        yield "no-withdrawal", visit.banner.name, None, "It was not found how to withdraw", visit.problems


def _unfinished(visit: Visit) -> Iterator[_Said]:
    """That a page could not be looked at, of which nobody should take silence for a good sign."""
    if visit.done or (visit.status and not visit.landed):
        return  # the second: it is no page of the site
    asks = visit.banner is not None and (visit.phase == "accepted" or visit.banner.refusable)
    if visit.status == 0 or visit.phase not in CHOSEN or (visit.phase != "withdrawn" and asks):
        evidence = [f"{visit.url}: {problem}" for problem in visit.problems]
        yield "unfinished", "page", visit.phase, "A page could not be looked at", evidence


def _linked(visit: Visit, owners: Owners) -> Iterator[_Said]:
    for link in visit.links:
        owner = owners.of_address(link)
        if owner.known and not owner.necessary:
            yield "leads-to-a-tracker", owner.name, None, f"Links lead through {owner.title}", [link]


def _compared(scan: Scan, owners: Owners, policy: Policy) -> Iterator[tuple[str, str, str, list[str], list[str]]]:
    """What was seen, beside what the policy declares."""
    seen: set[str] = set()
    for visit in scan.visits:
        for request in visit.requests:
            owner = owners.of_request(request)
            seen.add(owner.name)
            if owner.known and not owner.declared and not owner.necessary:
                yield (
                    "undeclared",
                    owner.name,
                    f"{owner.title} is used and not declared",
                    [visit.url],
                    [_request(request)],
                )
        for cookie in visit.cookies:
            owner = owners.of_cookie(cookie)
            seen.add(owner.name)
            if not owner.declared:
                continue
            declared = _declared(policy, owner.name, cookie)
            if declared is None:
                text = f"{owner.title} sets the cookie {_called(cookie.name)}, which is not declared"
                yield "undeclared-cookie", cookie.name, text, [visit.url], [_cookie(cookie)]
            elif declared.days is not None and cookie.days > max(declared.days * 1.02, declared.days + 0.05):
                text = f"The cookie {cookie.name} lives {cookie.days:g} days, and {declared.days:g} are declared"
                yield "wrong-duration", cookie.name, text, [visit.url], [_cookie(cookie)]
        seen.update(owners.of_stored(stored).name for stored in visit.stored)
    for service in policy.services:
        if service.name not in seen and set(service.purposes) != {NECESSARY}:
            yield "unused", service.name, f"{service.title or service.name} is declared and was not seen", [], []


def _declared(policy: Policy, service: str, cookie: Cookie) -> DeclaredCookie | None:
    """What the policy says of a service's cookie: the most specific pattern that its name matches."""
    declared = [each for known in policy.services if known.name == service for each in known.cookies]
    matching = [each for each in declared if re.fullmatch(wildcard(each.name), cookie.name, re.DOTALL)]
    return max(matching, key=lambda each: len(each.name), default=None)


def _called(name: str) -> str:
    """The name of a cookie or a key, which may be empty."""
    return name or "(without a name)"


def _request(request: Request) -> str:
    return f"{request.kind} {request.url}" + "".join(f" ← {url}" for url in request.by[:4])


def _cookie(cookie: Cookie) -> str:
    lives = "until the browser is closed" if cookie.days == 0 else f"{cookie.days:g} days"
    by = f", set by the {cookie.how} {cookie.by}" if cookie.by else ""
    return f"cookie {_called(cookie.name)} of {cookie.domain}{cookie.path}, {lives}{by}"


def _stored(stored: Stored) -> str:
    by = f", written by {stored.by}" if stored.by else ""
    return f"{stored.area} {_called(stored.key)} of {stored.origin}{by}"
