"""What a response must be like, and what is said where it is not."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from ..errors import ConfigurationError
from ..gate.cookies import hold_links, hold_set_cookies
from ..gate.match import Rules
from ..policy.catalogue import load
from ..policy.policy import BUILT_IN_PURPOSES, NECESSARY, Policy, Purpose, Service
from .page import Element
from .response import Answer, read

__all__ = ["assert_banner", "assert_held", "assert_no_banner", "assert_no_trackers", "assert_not_held"]


def assert_held(response: Any, service: str) -> None:
    """The page has something of this service, and nothing of it runs, loads or is stored before the visitor agrees.

    :raises AssertionError: with what is live, where; or if there is nothing to hold.
    :raises ConfigurationError: if neither the site nor the catalogue knows a service of that name.
    """
    __tracebackhide__ = True
    answer = read(response)
    found = _of_service(answer, service)
    live = [each for each in found if not each.held]
    if live:
        _fail(answer, f"{service} is not held", live)
    if not found:
        _fail_without(answer, service)


def assert_not_held(response: Any, service: str) -> None:
    """The page has something of this service, and all of it is as the application wrote it.

    :raises AssertionError: with what is held, where and until when; or if there is nothing of it.
    :raises ConfigurationError: if neither the site nor the catalogue knows a service of that name.
    """
    __tracebackhide__ = True
    answer = read(response)
    found = _of_service(answer, service)
    held = [each for each in found if each.held]
    if held:
        _fail(answer, f"{service} is held", held)
    if not found:
        _fail_without(answer, service)


def assert_no_trackers(response: Any, *, allow: Iterable[str] = ()) -> None:
    """Nothing that needs the visitor's consent is live, in the page as a browser would read it or in the headers.

    Known are the services that the site declares and those of the catalogue. ``allow``: names of services that may be
    there all the same. A response that is no page may have headers only.

    :raises AssertionError: with each that was found, where.
    :raises ConfigurationError: if ``allow`` has a name that nobody knows.
    """
    __tracebackhide__ = True
    answer = read(response)
    rules = _rules_of(answer)
    allowed = {_known(rules, name).name for name in allow}
    found = [each for each in _found(answer, rules) if not each.held and each.service.name not in allowed]
    if found:
        names = dict.fromkeys(each.service.name for each in found)
        _fail(answer, f"what needs the visitor's consent is live: {', '.join(names)}", found)


def assert_banner(response: Any) -> None:
    """The page asks the visitor: the banner is in it, and shows.

    :raises AssertionError: with what the page says of its visitor.
    """
    __tracebackhide__ = True
    answer = read(response)
    banner = _banner(answer)
    if banner is None:
        _fail(answer, "there is no banner", ())
    elif "hidden" in banner.attributes:
        _fail(answer, 'the banner is hidden: with cache = "shared", the page\'s script shows it to whom it is for', ())


def assert_no_banner(response: Any) -> None:
    """The page does not ask the visitor.

    :raises AssertionError: with what the page says of its visitor.
    """
    __tracebackhide__ = True
    answer = read(response)
    banner = _banner(answer)
    if banner is not None:
        _fail(answer, f"there is a banner, {str(banner).partition(':')[0]}", ())


def _banner(answer: Answer) -> Element | None:
    return next((element for element in answer.elements if element.attributes.get("id") == "yc"), None)


# What there is


class _Found(NamedTuple):
    """Something of a service that needs consent, in a response. ``where``: how it is told."""

    service: Service
    where: str
    held: bool = False


def _of_service(answer: Answer, name: str) -> list[_Found]:
    rules = _rules_of(answer)
    service = _known(rules, name)
    return [found for found in _found(answer, rules, {service}) if found.service.name == name]


def _found(answer: Answer, rules: Rules, also: Iterable[Service] = ()) -> Iterator[_Found]:
    """All that is there of services that need consent, and of ``also``."""
    wanted = {*also}
    for element in answer.elements:
        for service in _owners(element, rules, answer.host):
            if service in wanted or _needs_consent(service):
                waits = "" if element.held is None else f", held {_until(element.held)}"
                yield _Found(service, f"{element}{waits}", element.held is not None)
    for name, value in answer.headers:
        yield from (_Found(service, f"header {name}: {value}") for service in _behind(name, value, rules, answer.host))


def _owners(element: Element, rules: Rules, host: str) -> dict[Service, None]:
    owners: dict[Service, None] = {}
    for address in element.addresses:
        owners.update(dict.fromkeys(rules.services_for_url(address, host)))
    for script in element.scripts:
        for group in rules.services_for_script(script, host):
            owners.update(dict.fromkeys(group))
    marks = tuple(re.split(r"[\s,]+", element.attributes.get("data-purpose", "").strip()))
    if marks != ("",) and (element.addresses or element.scripts):
        owners[Service(f"data-purpose={element.attributes['data-purpose']}", purposes=marks)] = None
    return owners


def _behind(name: str, value: str, rules: Rules, host: str) -> list[Service]:
    """The services for whose sake a header would not leave."""
    line, always = [(name, value)], frozenset({NECESSARY})
    if name.lower() == "set-cookie":
        held = hold_set_cookies(rules, always, line, now=time.time())[1]
        return [*rules.held(rules.services_for_cookie(held[0]), always)] if held else []
    if hold_links(rules, always, line, site=host) == line:
        return []
    urls = [part.strip(" <>\"'") for part in value.replace(";", " ").replace(",", " ").replace("=", " ").split()]
    owners = [service for url in urls for service in rules.services_for_url(url, host)]
    return [*dict.fromkeys(rules.held(tuple(owners), always))] or [Service("somebody", declared=False)]


def _needs_consent(service: Service) -> bool:
    return not service.declared or any(purpose != NECESSARY for purpose in service.purposes)


# Who is known


def _rules_of(answer: Answer) -> Rules:
    return _rules(answer.site.settings.policy if answer.site is not None else None)


@lru_cache(maxsize=16)
def _rules(policy: Policy | None) -> Rules:
    """The site's rules, with all of the catalogue, whatever the site makes of what it did not declare."""
    if policy is None:
        policy = Policy.of(map(Purpose, BUILT_IN_PURPOSES))
    declared = {service.name for service in policy.services}
    rest = [service for name, service in load().items() if name not in declared]
    return Rules(
        Policy.of(policy.purposes, policy.services, version=policy.version, undeclared=rest, strict=policy.strict)
    )


def _known(rules: Rules, name: str) -> Service:
    services = {service.name: service for service in (*rules.policy.services, *rules.policy.undeclared)}
    if name not in services:
        raise ConfigurationError("a service that neither the site nor the catalogue knows", value=name, known=services)
    return services[name]


# What is said


def _fail(answer: Answer, what: str, found: Iterable[_Found]) -> None:
    __tracebackhide__ = True
    lines = [f"{answer}: {what}"]
    lines += dict.fromkeys(f"  {_named(answer, each.service)}, {each.where}" for each in found)
    raise AssertionError("\n".join([*lines, *_visitor(answer)]))


def _fail_without(answer: Answer, service: str) -> None:
    __tracebackhide__ = True
    if not answer.is_page:
        _fail(answer, f"no page, so there is nothing of {service} to look at", ())
    others = {found.service.name: None for found in _found(answer, _rules_of(answer))}
    there = f"only {', '.join(others)}" if others else "nor of any other service"
    _fail(answer, f"there is nothing of {service} in it, held or not; {there}", ())


def _named(answer: Answer, service: Service) -> str:
    said = [] if service.declared else ["not declared" if answer.site is not None else "from the catalogue"]
    return f"{service.name} ({', '.join([*filter(None, [' and '.join(service.purposes)]), *said])})"


def _until(purposes: Iterable[str]) -> str:
    named = " and ".join(purposes)
    return f"until {named} is allowed" if named else "whatever the visitor chooses"


def _visitor(answer: Answer) -> list[str]:
    """What the page says of its visitor, in words."""
    state = answer.state
    if state is None:
        return []
    granted = ", ".join(state["granted"]) or "nothing"
    return [f"the page says that its visitor is {state['status']}; allowed: {granted}"]
