"""What the settings declare: services, their cookies and their purposes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..errors import ConfigurationError
from . import catalogue
from .exemption import check_exemptions, read_exempt
from .policy import BUILT_IN_PURPOSES, KINDS, NECESSARY, Cookie, Policy, Purpose, Service
from .reader import TOKEN, Table, host_pattern, snippet, storage_key

__all__ = ["read_policy"]

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")
#: An answer to all of them fits the longest cookie that browsers keep, however long their names are.
_MOST_PURPOSES = 64


def read_policy(table: Table, necessary_cookies: Iterable[str] = ()) -> Policy:
    """The policy that settings declare.

    :param necessary_cookies: names of the framework's own.
    :raises ConfigurationError: for the first mistake that is found.
    """
    services = tuple(_services(table))
    policy = Policy.of(
        _purposes(table, services),
        services,
        version=table.text("policy", longest=64),
        undeclared=_undeclared(table, services),
        strict=_strict(table),
        necessary_cookies=_necessary_cookies(table, necessary_cookies),
    )
    _check_purposes(table, policy)
    if len(policy.purposes) > _MOST_PURPOSES:
        table.fail("purposes", f"are more than {_MOST_PURPOSES}: no cookie would hold an answer to all of them")
    check_exemptions(table, policy)
    return policy


def _services(table: Table) -> Iterable[Service]:
    value = table.raw("services", {})
    if isinstance(value, str):
        table.fail("services", "must be a list of names, or a table", value)
    if isinstance(value, (list, tuple, set, frozenset)):
        for name in table.texts("services"):
            yield _service(name, Table({}, (*table.path, "services", name)), table)
        return
    for name, entry in table.tables("services"):
        yield _service(name, entry, table)


_SERVICE_SETTINGS = (
    *("title", "provider", "privacy_url", "purposes", "hosts", "snippets", "cookies", "storage", "kind", "exempt"),
)


def _service(name: str, entry: Table, table: Table) -> Service:
    entry.finish(_SERVICE_SETTINGS)
    known = catalogue.load().get(name)
    if known is None:
        own = any(entry.raw(setting) for setting in ("hosts", "snippets", "cookies", "storage"))
        if not own or entry.raw("purposes") is None:
            more = "; one of the site's own needs purposes, and hosts, snippets, cookies or storage"
            raise ConfigurationError(
                "unknown service" + (more if list(entry) else ""),
                path=(*table.path, "services"),
                value=name,
                known=catalogue.load().keys(),
            )
    if not _NAME.match(name):
        raise ConfigurationError(
            "a name is lower-case letters, digits and hyphens", path=(*table.path, "services"), value=name
        )
    base = known or Service(name, title=name.replace("-", " ").capitalize())
    cookies = _cookies(entry)
    base = replace(base, cookies=_more_cookies(base.cookies, cookies))
    exempt = read_exempt(entry, base, cookies)
    # What is exempt has a purpose of its own: mostly it counts visits.
    usual = ("statistics",) if exempt and base.purposes == ("analytics",) else base.purposes
    purposes = usual if entry.raw("purposes") is None else entry.texts("purposes")
    if not purposes:
        entry.fail("purposes", "must name at least one purpose")
    return Service(
        name=name,
        title=entry.text("title", base.title, longest=120),
        provider=entry.text("provider", base.provider, longest=120),
        purposes=purposes,
        hosts=_more(base.hosts, entry.each("hosts", host_pattern)),
        snippets=_more(base.snippets, entry.each("snippets", snippet)),
        cookies=base.cookies,
        storage=_more(base.storage, entry.each("storage", storage_key)),
        privacy_url=entry.address("privacy_url", base.privacy_url),
        kind=entry.choice("kind", KINDS, base.kind),
        exempt=exempt,
    )


def _more(known: tuple[Any, ...], added: tuple[Any, ...]) -> tuple[Any, ...]:
    """What the catalogue knows and what the site adds: holding more is always safe."""
    return tuple(dict.fromkeys((*known, *added)))


def _more_cookies(known: tuple[Cookie, ...], added: tuple[Cookie, ...]) -> tuple[Cookie, ...]:
    """As :func:`_more`; of one name and party, the site's own is what it knows better."""
    return tuple({(cookie.name, cookie.third_party): cookie for cookie in (*known, *added)}.values())


def _cookies(entry: Table) -> tuple[Cookie, ...]:
    value = entry.raw("cookies", ())
    if not isinstance(value, (list, tuple)):
        entry.fail("cookies", "must be a list of names or tables", value)
    cookies: list[Cookie] = []
    for number, item in enumerate(value):
        path = (*entry.path, "cookies", str(number))
        if isinstance(item, str):
            cookies.append(Cookie(_pattern(item, path)))
            continue
        table = Table(item, path)
        name = _pattern(table.text("name"), (*path, "name"))
        days = table.number("days", least=0, most=36_500)
        cookies.append(Cookie(name, days, table.flag("third_party")))
        table.finish()
    return tuple(cookies)


def _pattern(name: str, path: tuple[str, ...]) -> str:
    if not TOKEN.match(name) or not name.strip("*"):
        raise ConfigurationError(
            "a cookie's name has up to 64 letters, digits and !#$%&'*+.^_`|~-, and is more than a star",
            path=path,
            value=name,
        )
    return name


def _necessary_cookies(table: Table, names: Iterable[str]) -> Iterable[str]:
    """The framework's own, less those that the site itself declares by name: it knows better what they are for."""
    entries = table.tables("services") if isinstance(table.raw("services"), Mapping) else ()
    return frozenset(names) - {cookie.name for _, entry in entries for cookie in _cookies(entry)}


def _undeclared(table: Table, services: tuple[Service, ...]) -> tuple[Service, ...]:
    if table.choice("undeclared", ("hold", "allow"), "hold") == "allow":
        return ()
    declared = {service.name for service in services}
    return tuple(
        service
        for name, service in catalogue.load().items()
        # What is necessary needs no agreement, declared or not.
        if name not in declared and set(service.purposes) != {NECESSARY}
    )


def _strict(table: Table) -> bool:
    strict = table.flag("strict")
    if strict and table.raw("undeclared") == "allow":
        table.fail("strict", 'holds what undeclared = "allow" lets pass; leave one of the two out', strict)
    return strict


def _purposes(table: Table, services: tuple[Service, ...]) -> list[Purpose]:
    """Necessary first, then the built-in ones in use, then the site's own as they stand."""
    given: dict[str, Purpose] = {}
    for name, entry in table.tables("purposes"):
        if not _NAME.match(name):
            raise ConfigurationError(
                "a purpose is lower-case letters, digits and hyphens", path=(*table.path, "purposes"), value=name
            )
        purpose = Purpose(
            name, entry.text("title", longest=120), entry.text("text", longest=1000), entry.flag("sensitive")
        )
        entry.finish()
        if purpose.necessary and purpose.sensitive:
            entry.fail("sensitive", "what is necessary is not asked about", purpose.sensitive)
        if name not in BUILT_IN_PURPOSES and not (purpose.title.strip() and purpose.text.strip()):
            raise ConfigurationError(
                "a purpose of the site's own needs a title and a text",
                path=(*table.path, "purposes"),
                value=name,
                known=BUILT_IN_PURPOSES,
            )
        given[name] = purpose
    used = {NECESSARY, *given, *(name for service in services for name in service.purposes)}
    built_in = [given.get(name, Purpose(name)) for name in BUILT_IN_PURPOSES if name in used]
    return [*built_in, *(purpose for name, purpose in given.items() if name not in BUILT_IN_PURPOSES)]


def _check_purposes(table: Table, policy: Policy) -> None:
    known = (*BUILT_IN_PURPOSES, *policy.names)
    for service in policy.services:
        for name in service.purposes:
            if name not in policy.names:
                path = (*table.path, "services", service.name, "purposes")
                raise ConfigurationError("unknown purpose", path=path, value=name, known=set(known))
