"""From groups of cookies to purposes and services: a draft of the settings, with a word wherever a human has to look.

django-cookie-consent knows groups and their cookies. Here a *purpose* is asked about and a *service* stores; so a group
becomes a purpose, the built-in one where its name says which, and its cookies become services: those that the catalogue
knows by name, the others as one of the site's own. What cannot be carried over faithfully is said, never guessed in
the direction of more consent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ..errors import ConfigurationError
from ..policy import catalogue
from ..policy.policy import BUILT_IN_PURPOSES, NECESSARY, Service
from .installed import PACKAGE, Group, Installed, OldCookie

__all__ = ["Draft", "make_draft"]

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")
_COOKIE = re.compile(r"(?=.*[^*])[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}\Z")
_DOMAIN = re.compile(r"(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]+\Z")
#: What groups are usually called, by the purpose that is built in.
_USUAL = {
    "analytics": "analytics analytical google-analytics measurement metrics performance statistic statistics stats",
    "marketing": "ads advertisement advertisements advertising marketing retargeting social social-media targeting",
    "preferences": "comfort functional functionality personalization preference preferences",
}
_BY_NAME = {name: purpose for purpose, names in _USUAL.items() for name in names.split()}
#: Names that do not say what for, which a purpose has to (GDPR art. 6(1)(a)).
_VAGUE = frozenset({"all", "cookies", "default", "extra", "misc", "optional", "other", "others", "third-party"})


@dataclass(slots=True)
class Draft:
    """A settings mapping, and what to say above each of its entries, by path; ``()`` is above them all."""

    settings: dict[str, Any] = field(default_factory=dict)
    notes: dict[tuple[str, ...], list[str]] = field(default_factory=dict)

    def note(self, text: str, *path: str, look: bool = False) -> None:
        """``look``: a human has to."""
        said = self.notes.setdefault(path, [])
        line = f"LOOK: {text}" if look else text
        if line not in said:
            said.append(line)


def make_draft(installed: Installed, purposes: Mapping[str, str]) -> Draft:
    """The settings that do here what the installation did.

    :param purposes: the purpose of a group, by varname, where its owner says it.
    :raises ConfigurationError: for a group whose purpose cannot be told from its name.
    """
    draft = Draft()
    named = _purposes(installed.groups, purposes)
    draft.note(f"Carried over from {PACKAGE} {installed.version}. What begins with LOOK needs a human eye.")
    draft.note("Where is your privacy page? Set privacy_url.", look=True)
    for group in installed.groups:
        draft.note(f'Group "{_text(group.varname, 64)}"{_quoted(group.name)} is the purpose "{named[group.varname]}".')
    _law(installed, draft)
    _visitors(installed, named, draft)
    for group in installed.groups:
        _purpose(group, named[group.varname], draft)
    _services(installed.groups, named, installed.hosts, draft)
    for purpose in _unused(named.values(), draft.settings.get("services", {})):
        draft.settings.setdefault("purposes", {}).setdefault(purpose, {})
    for path in [path for path in draft.notes if path and not _has(draft.settings, path)]:
        draft.notes[()] += draft.notes.pop(path)
    return draft


def _unused(purposes: Iterable[str], services: Mapping[str, Any]) -> Iterator[str]:
    """The purposes that no service has: these have to be declared to be asked about."""
    known = catalogue.load()
    used = {
        purpose
        for name, entry in services.items()
        for purpose in entry.get("purposes", known[name].purposes if name in known else ())
    }
    return (purpose for purpose in dict.fromkeys(purposes) if purpose not in used and purpose != NECESSARY)


def _has(settings: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    return path[0] in settings and (len(path) == 1 or path[1] in settings[path[0]])


# Purposes


def _purposes(groups: Iterable[Group], given: Mapping[str, str]) -> dict[str, str]:
    """The purpose of each group, by varname."""
    by_name = {group.varname: group for group in groups}
    for varname, purpose in given.items():
        if varname not in by_name:
            raise ConfigurationError("--purpose names no group of this site", value=varname, known=by_name)
        if not _NAME.match(purpose):
            raise ConfigurationError("a purpose is lower-case letters, digits and hyphens", value=purpose)
        if (purpose == NECESSARY) != by_name[varname].required:
            allowed = "cannot be refused today" if by_name[varname].required else "can be refused today"
            raise ConfigurationError(f"the group {varname!r} {allowed}, and that has to stay so", value=purpose)
    found: dict[str, str] = {}
    folded: dict[str, str] = {}
    for group in by_name.values():
        name = _folded(group.varname)
        if group.varname in given or group.required:
            found[group.varname] = given.get(group.varname, NECESSARY)
            continue
        purpose = _BY_NAME.get(name, name)
        if not _NAME.match(purpose) or purpose == NECESSARY:
            raise ConfigurationError(
                "no purpose can be called like this group; rename it, or say which it is: --purpose GROUP=PURPOSE",
                value=group.varname,
            )
        if folded.setdefault(name, group.varname) != group.varname:
            raise ConfigurationError(
                f"the groups {folded[name]!r} and {group.varname!r} would be one purpose, {purpose!r}; if they are "
                "not, say which each is: --purpose GROUP=PURPOSE"
            )
        found[group.varname] = purpose
    return found


def _folded(varname: str) -> str:
    """A group's name as ours are spelt."""
    return re.sub(r"[^a-z0-9]+", "-", varname.lower()).strip("-")


def _purpose(group: Group, purpose: str, draft: Draft) -> None:
    if purpose in BUILT_IN_PURPOSES:
        if purpose != NECESSARY and group.description:
            said = f'"{_text(group.varname, 64)}" said: {_text(group.description, 1000)}'
            draft.note(f'The purpose "{purpose}" has words of its own here, in every language; {said}')
        return
    purposes = draft.settings.setdefault("purposes", {})
    path = ("purposes", purpose)
    title, text = _text(group.name, 120) or purpose, _text(group.description, 1000)
    if purpose in purposes:
        draft.note(
            f'The group "{_text(group.varname, 64)}" has this purpose too: do the words tell of both?', *path, look=True
        )
        return
    purposes[purpose] = {"title": title, "text": text or title}
    if not text:
        draft.note("The group has no description: say what this is for.", *path, look=True)
    if purpose in _VAGUE:
        draft.note("This name does not say what for; visitors agree to something specific. Split it?", *path, look=True)


# Services


def _services(groups: Iterable[Group], purposes: Mapping[str, str], hosts: tuple[str, ...], draft: Draft) -> None:
    known: dict[Service, list[Group]] = {}
    for group in groups:
        name, own = _own_name(group), list[OldCookie]()
        if name in catalogue.load():
            known.setdefault(catalogue.load()[name], []).append(group)
        for cookie in group.cookies:
            owners = _owners(cookie, foreign=_foreign(cookie, hosts))
            if len(owners) == 1:
                known.setdefault(owners[0], []).append(group)
                draft.note(f"Sets {_cookie(cookie)}", "services", owners[0].name)
                continue
            if owners:
                which = ", ".join(service.name for service in owners[:6])
                draft.note(f"{_cookie(cookie)} is of {which}, or of others: declare the one that you have.",
                           "services", name, look=True)  # fmt: skip
            if not (owners and group.required):  # whoever's it is, it is not necessary
                own.append(cookie)
        if own:
            _own_service(group, purposes[group.varname], own, hosts, draft)
    for service, its in known.items():
        _known_service(service, its, purposes, draft)


def _known_service(service: Service, groups: list[Group], purposes: Mapping[str, str], draft: Draft) -> None:
    """One of the catalogue. It waits for the purposes of the groups that had it, and never for fewer than usual."""
    path, usual = ("services", service.name), " and ".join(service.purposes)
    entry: dict[str, Any] = draft.settings.setdefault("services", {}).setdefault(service.name, {})
    asked = list(dict.fromkeys(purposes[group.varname] for group in groups if not group.required))
    if not asked:
        if service.purposes != (NECESSARY,):
            draft.note(f"Your group is required, but this needs consent: it keeps its usual purpose, {usual}.", *path,
                       look=True)  # fmt: skip
        return
    if len(asked) > 1:
        draft.note("Several of your groups have it: it waits until all of these are allowed.", *path, look=True)
    elif tuple(asked) != service.purposes:
        draft.note(f"Your group decides what it is for. Its usual purpose is {usual}.", *path, look=True)
    if tuple(asked) != service.purposes:
        entry["purposes"] = asked


def _own_service(group: Group, purpose: str, cookies: list[OldCookie], hosts: tuple[str, ...], draft: Draft) -> None:
    name = _own_name(group)
    path = ("services", name)
    # Two groups may have one name here.
    before: dict[str, Any] = draft.settings.get("services", {}).get(name, {})
    declared: list[dict[str, Any]] = before.get("cookies", [])
    reached: list[str] = before.get("hosts", [])
    for cookie in cookies:
        domain = cookie.domain.lower().strip(".") if _foreign(cookie, hosts) else ""
        said = _text(cookie.description, 300)
        draft.note(f"{_cookie(cookie)}{f': {said}' if said else ''}", *path)
        if cookie.path not in {"", "/"}:
            draft.note(f"{_cookie(cookie)}: when it is refused, cookies end at / and not there.", *path, look=True)
        if _COOKIE.match(cookie.name):
            declared.append({"name": cookie.name, "third_party": True} if domain else {"name": cookie.name})
            if domain:
                host = _text(domain, 250)
                draft.note(f'To hold what sets cookies at {host}, add hosts = ["{host}"].', *path, look=True)
        elif not cookie.name.strip("*") and _DOMAIN.match(domain):
            reached += [domain, f"*.{domain}"]
            draft.note(f"Whatever loads from {domain} is held from now on.", *path, look=True)
        else:
            draft.note(f"{_cookie(cookie)}: no cookie can be declared under that name.", *path, look=True)
    if not declared and not reached:
        return
    entry = draft.settings.setdefault("services", {}).setdefault(name, {})
    if name not in catalogue.load():
        entry.setdefault("title", _text(group.name, 120) or name)
        entry["purposes"] = list(dict.fromkeys([*before.get("purposes", []), purpose]))
        if purpose != NECESSARY:
            note = "Nobody in the catalogue sets these. Name the provider, and hosts or snippets to be held."
            draft.note(note, *path, look=True)
    if reached:
        entry["hosts"] = list(dict.fromkeys(reached))
    if declared:
        entry["cookies"] = [cookie for at, cookie in enumerate(declared) if cookie not in declared[:at]]


def _own_name(group: Group) -> str:
    """The name of the service that a group is. One that the catalogue has is that one."""
    folded = _folded(group.varname)
    return folded if _NAME.match(folded) else f"group-{folded}"[:32].rstrip("-")


def _owners(cookie: OldCookie, *, foreign: bool) -> list[Service]:
    """The services of the catalogue that set such a cookie. One at another site must be reached there as well."""
    domain = cookie.domain.lower().strip(".") if foreign else ""
    every = not cookie.name.strip("*")  # whatever is set at that domain
    return [
        service
        for service in catalogue.load().values()
        if (not domain or any(_reached(host, domain) for host in service.hosts))
        and (
            any(known.third_party == foreign and fnmatchcase(cookie.name, known.name) for known in service.cookies)
            or (every and foreign)
        )
    ]


def _reached(host: str, domain: str) -> bool:
    name = host.partition("/")[0].partition(":")[0].removeprefix("*.")
    return name == domain or name.endswith(f".{domain}")


def _foreign(cookie: OldCookie, hosts: tuple[str, ...]) -> bool:
    """Whether a cookie is kept under another site's name."""
    domain = cookie.domain.lower().strip(".")
    return bool(domain) and not any(
        name == domain or name.endswith(f".{domain}") or domain.endswith(f".{name}")
        for name in (host.lower().strip(".") for host in hosts)
        if name
    )


# The law, and visitors who have chosen


def _law(installed: Installed, draft: Draft) -> None:
    if installed.opt_out:
        draft.settings["regime"] = "opt-out"
        draft.note(
            "COOKIE_CONSENT_OPT_OUT let all run until it was refused. Where consent has to come first (the EU, the "
            'UK), leave this out, or let region = "header:…" decide by the visitor.',
            "regime", look=True,
        )  # fmt: skip
    if installed.conditional:
        draft.note("COOKIE_CONSENT_ENABLED switched the library off for some; here it is always on.", look=True)
    if installed.domain:
        draft.note(
            f"The visitors' cookie was for {_text(installed.domain, 250)}; ours is this host's alone.", look=True
        )
    if installed.months > 13:
        draft.note("Visitors were asked again after more than 13 months; here after those of the law.", look=True)


def _visitors(installed: Installed, purposes: Mapping[str, str], draft: Draft) -> None:
    groups = {group.varname: [purposes[group.varname]] for group in installed.groups if not group.required}
    moved: dict[str, Any] = {"library": PACKAGE}
    if installed.cookie != "cookie_consent":
        moved["cookie"] = installed.cookie
    if any(names != [varname] for varname, names in groups.items()):
        moved["groups"] = groups
    draft.settings["moved_from"] = moved
    draft.note(
        "Visitors are asked once more. Until they answer, what they declined before stays declined; what they accepted "
        "does not count, because nobody signed it.",
        "moved_from",
    )  # fmt: skip


# Words


def _text(text: str, longest: int) -> str:
    """Somebody's words in one printable line."""
    line = " ".join(text.split())
    line = "".join(character for character in line if character.isprintable())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _quoted(name: str) -> str:
    text = _text(name, 120)
    return f" ({text})" if text else ""


def _cookie(cookie: OldCookie) -> str:
    where = f" at {_text(cookie.domain, 250)}" if cookie.domain else ""
    path = f", path {_text(cookie.path, 250)}" if cookie.path not in {"", "/"} else ""
    return f"{_text(cookie.name, 250)}{where}{path}"
