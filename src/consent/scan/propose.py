"""Proposes settings for what was seen: known services by name, strangers as services of the site's own.

A person must read it: what a stranger is for, nobody but the site's owner can say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..policy import catalogue
from ..policy.policy import Policy
from ..policy.reader import TOKEN, storage_key
from .seen import Scan, names
from .who import Owner, Owners

__all__ = ["propose"]


@dataclass(slots=True)
class _Stranger:
    """What was seen of a third party that nobody knows."""

    hosts: dict[str, None] = field(default_factory=dict)
    cookies: dict[str, float] = field(default_factory=dict)
    third_cookies: dict[str, float] = field(default_factory=dict)
    storage: dict[str, None] = field(default_factory=dict)


def propose(scan: Scan, policy: Policy | None = None) -> str:
    """Settings in TOML. ``policy``: what is declared already, which is left out."""
    owners = Owners(scan.site, policy)
    known: dict[str, Owner] = {}
    strangers: dict[str, _Stranger] = {}
    unexplained: dict[str, float] = {}
    keys: dict[str, None] = {}
    for visit in scan.visits:
        for request in visit.requests:
            owner = owners.of_request(request)
            if owner.known:
                known[owner.name] = owner
            elif request.third:
                strangers.setdefault(owner.name, _Stranger()).hosts[request.host] = None
        for cookie in visit.cookies:
            owner = owners.of_cookie(cookie)
            if owner.known:
                known[owner.name] = owner
            elif owner.own:
                if not owner.necessary:
                    unexplained[cookie.name] = max(cookie.days, unexplained.get(cookie.name, 0))
            else:
                stranger = strangers.setdefault(owner.name, _Stranger())
                kept = stranger.third_cookies if cookie.third else stranger.cookies
                kept[cookie.name] = max(cookie.days, kept.get(cookie.name, 0))
        for stored in visit.stored:
            owner = owners.of_stored(stored)
            if owner.known:
                known[owner.name] = owner
            elif owner.own:
                keys[stored.key] = None
            else:
                strangers.setdefault(owner.name, _Stranger()).storage[stored.key] = None
    new = [owner for owner in known.values() if not owner.declared]
    return "\n".join(_lines(scan, new, strangers, _Stranger(cookies=unexplained, storage=keys)))


def _lines(scan: Scan, known: Iterable[Owner], strangers: Mapping[str, _Stranger], own: _Stranger) -> Iterator[str]:
    yield f"# Proposed for {scan.site}, from what a browser was seen to store and call. Read it before you use it."
    yield 'privacy_url = "/privacy"'
    services = catalogue.load()
    for owner in sorted(known, key=lambda each: each.name):
        yield ""
        yield f"[services.{owner.name}]  # {owner.title}: {', '.join(services[owner.name].purposes)}"
    taken = {*services, "own"}
    for domain, stranger in sorted(strangers.items()):
        header = f"[services.{_name(domain, taken)}]  # nobody knows this one: say what it is for"
        yield from _service(header, domain, "marketing", stranger)
    if own.cookies or own.storage:
        yield ""
        yield "# Of your own site, explained by nothing. Move each to the service that sets it, or keep it here"
        yield "# if the site does not work without it."
        yield from _service("[services.own]", scan.site, "necessary", own)
    yield ""


def _service(header: str, title: str, purpose: str, stranger: _Stranger) -> Iterator[str]:
    """What was seen of somebody, as a service. What settings refuse is left to a person."""
    cookies = [(name, days, "") for name, days in stranger.cookies.items()]
    cookies += [(name, days, ", third_party = true") for name, days in stranger.third_cookies.items()]
    named = [each for each in cookies if TOKEN.match(each[0]) and each[0].strip("*")]
    told = dict.fromkeys(names(stranger.storage).values())
    keys = [key for key in told if _declarable(key)]
    if stranger.hosts or named or keys:
        yield header
        yield f"title = {_quoted(title)}"
        yield f"purposes = [{_quoted(purpose)}]"
    if stranger.hosts:
        yield f"hosts = [{', '.join(map(_quoted, stranger.hosts))}]"
    if named:
        yield "cookies = ["
        yield from (f"  {{ name = {_quoted(name)}, days = {days:g}{third} }}," for name, days, third in named)
        yield "]"
    if keys:
        yield f"storage = [{', '.join(map(_quoted, keys))}]"
    yield from (f"# a cookie that no setting can name: {_quoted(each[0])}" for each in cookies if each not in named)
    yield from (f"# a key that no setting can name: {_quoted(key)}" for key in told if key not in keys)


def _declarable(key: str) -> bool:
    try:
        storage_key(key)
    except ValueError:
        return False
    return True


def _name(domain: str, taken: set[str]) -> str:
    """What a domain's service is called, unlike all that are ``taken``, to which it is added."""
    letters = re.sub(r"[^a-z0-9]+", "-", domain.lower()).strip("-")
    stem = (letters if letters[:1].isalpha() else f"s-{letters}")[:28].rstrip("-")
    name = next(name for name in (stem, *(f"{stem}-{number}" for number in range(2, 999))) if name not in taken)
    taken.add(name)
    return name


def _quoted(text: str) -> str:
    """A TOML basic string, which JSON's is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
