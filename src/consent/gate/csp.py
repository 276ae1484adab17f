"""What a response's Content Security Policy lets us insert, and the policies of ours.

Those are the one behind which we hide what we cannot read, and the wall: one beside the site's own, which lists what is
not held. A browser asks every policy, so that ours can only take away.

Source: https://www.w3.org/TR/CSP3/ (directives 6.1, fallback 6.8, "does element match" 6.7.3).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from ..policy.policy import Policy

__all__ = ["Permits", "closed", "read_permits", "script_way", "style_way", "wall", "without_reports"]

_NONCE = re.compile(r"'nonce-([A-Za-z0-9+/_=-]+)'\Z")
_STYLE = ("style-src-elem", "style-src", "default-src")
_SCRIPT = ("script-src-elem", "script-src", "default-src")
_SWITCHES_OFF = ("'nonce-", "'sha256-", "'sha384-", "'sha512-", "'strict-dynamic'")


@dataclass(frozen=True, slots=True)
class Permits:
    """How our own elements pass a site's policy.

    ``style_nonce``, ``script_nonce``: what to put on them, or None. ``inline_style``: whether a ``<style>`` passes
    at all; if not, a stylesheet of this site is linked instead; ``inline_script``: the same of a ``<script>``.
    ``strict_dynamic``: whether a script that may run may
    bring in others, of whatever address.
    """

    style_nonce: str | None = None
    script_nonce: str | None = None
    inline_style: bool = True
    strict_dynamic: bool = False
    inline_script: bool = True


def read_permits(headers: Iterable[tuple[str, str]]) -> Permits:
    """Read the enforced policies of a response. Without any, everything is permitted."""
    values = tuple(value for name, value in headers if name.lower() == "content-security-policy")
    if not values:
        return _FREE
    # Most sites write a fresh nonce into each response, so only the policies' shape could be remembered.
    policies = [_directives(policy) for value in values for policy in value.split(",") if policy.strip()]
    style_nonces = {nonce for policy in policies if (nonce := _nonce(policy, _STYLE))}
    script_nonces = {nonce for policy in policies if (nonce := _nonce(policy, _SCRIPT))}
    # An element has one nonce: policies that want different ones cannot both be satisfied.
    style_nonce = style_nonces.pop() if len(style_nonces) == 1 else None
    script_nonce = script_nonces.pop() if len(script_nonces) == 1 else None
    return Permits(
        style_nonce=style_nonce,
        script_nonce=script_nonce,
        inline_style=all(_inline(policy, _STYLE, style_nonce) for policy in policies),
        inline_script=all(_inline(policy, _SCRIPT, script_nonce) for policy in policies),
        strict_dynamic=any(
            "'strict-dynamic'" in map(str.lower, _sources(policy, _SCRIPT) or ()) for policy in policies
        ),
    )


_FREE = Permits()


def _directives(policy: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for directive in policy.split(";"):
        name, *sources = directive.split() or [""]
        found.setdefault(name.lower(), sources)  # the first of a name counts
    return found


def _sources(policy: dict[str, list[str]], names: tuple[str, ...]) -> list[str] | None:
    return next((policy[name] for name in names if name in policy), None)


@lru_cache(maxsize=256)
def _nonce_of(source: str) -> str | None:
    found = _NONCE.match(source)
    return found.group(1) if found else None


def _nonce(policy: dict[str, list[str]], names: tuple[str, ...]) -> str | None:
    return next((nonce for source in _sources(policy, names) or () if (nonce := _nonce_of(source))), None)


def _inline(policy: dict[str, list[str]], names: tuple[str, ...], nonce: str | None) -> bool:
    sources = _sources(policy, names)
    if sources is None:
        return True
    if nonce is not None and f"'nonce-{nonce}'" in sources:
        return True
    folded = [source.lower() for source in sources]
    # A nonce or a hash switches 'unsafe-inline' off; so does 'strict-dynamic', which means nothing to a style.
    strict = any(source.startswith(_SWITCHES_OFF) for source in folded)
    return "'unsafe-inline'" in folded and not strict


# Where it reports to

_REPORTS = re.compile(r"((?:^|[;,])\s*)report-uri\s+([^;,]*)", re.IGNORECASE)


def without_reports(value: str, held: Callable[[str], bool]) -> str:
    """A policy that reports to nobody who is held; the rest of it as it was.

    >>> without_reports("default-src 'self'; report-uri https://stats.example/r /r", lambda url: "stats" in url)
    "default-src 'self'; report-uri /r"
    >>> without_reports("report-uri https://stats.example/r; img-src *", lambda url: "stats" in url)
    '; img-src *'
    """

    def less(found: re.Match[str]) -> str:
        addresses = found.group(2).split()
        kept = [address for address in addresses if not held(address)]
        if len(kept) == len(addresses):
            return found.group()
        return found.group(1) + (f"report-uri {' '.join(kept)}" if kept else "")

    return _REPORTS.sub(less, value)


# A script of ours at the head's beginning, and a style


def script_way(headers: Iterable[tuple[str, str]], site: str) -> Literal["inline", "file"] | None:
    """How a script of ours passes the enforced policies: in the page, as a file of this site, or not at all.

    A nonce is :func:`read_permits`' affair. ``site``: this site's host, with its port.
    """
    return _way(headers, site, _SCRIPT)


def style_way(headers: Iterable[tuple[str, str]], site: str) -> Literal["inline", "file"] | None:
    """The same of a style of ours."""
    return _way(headers, site, _STYLE)


def _way(headers: Iterable[tuple[str, str]], site: str, names: tuple[str, ...]) -> Literal["inline", "file"] | None:
    ways: set[str] = {"inline", "file"}
    policies = _policies(headers)
    nonces = {nonce for policy in policies if (nonce := _nonce(policy, names))}
    for policy in policies:
        sources = _sources(policy, names)
        if sources is None or (len(nonces) == 1 and _nonce(policy, names)):
            continue
        folded = [source.lower() for source in sources]
        strict = names is _SCRIPT and "'strict-dynamic'" in folded
        if "'unsafe-inline'" not in folded or strict or any(map(_ONLY_THESE.match, folded)):
            ways.discard("inline")
        hosts = {source.partition("://")[2] or source for source in folded}
        if strict or not ({"'self'", "*", "http:", "https:", site.lower()} & {*folded, *hosts}):
            ways.discard("file")
    return "inline" if "inline" in ways else "file" if "file" in ways else None


# A page that cannot be read


@lru_cache(maxsize=256)
def closed(policy: Policy, site: str) -> str:
    """The policy of a page that cannot be read: it is shown, runs nothing, and asks nobody but this site.

    Nor this site, where that may be a held service's: a source cannot tell its paths apart. Without scripts, no page
    leads away by itself, either. ``site``: this site's host, with its port.

    >>> from consent.policy.policy import Policy, Purpose
    >>> closed(Policy.of([Purpose("necessary")]), "shop.example").split("; ")[:2]
    ["default-src 'none'", "style-src 'self' 'unsafe-inline'"]
    """
    here = _HOST_SOURCE.match(site.lower())

    def is_here(pattern: str) -> bool:
        return not _source(pattern) or (here is not None and _meet(here, pattern))

    optional = (each for each in policy.services if not {*policy.optional}.isdisjoint(each.purposes))
    declared = any(is_here(host) for each in optional for host in each.hosts)
    anybody = declared or any(is_here(host) for each in policy.undeclared for host in each.hosts)
    # Of those that nobody declared, it is pixels that are on a site itself: its styles may stay.
    style, image = ("" if declared else " 'self'"), ("" if anybody else " 'self'")
    return (
        f"default-src 'none'; style-src{style} 'unsafe-inline'; font-src{style} data:; img-src{image} data:; "
        "form-action 'self'; base-uri 'none'; sandbox allow-same-origin allow-forms allow-downloads allow-popups "
        "allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
    )


# The wall


#: Directives with sources from which a browser fetches (CSP3, 6.1).
_FETCH = frozenset(
    f"{kind}-src"
    for kind in ("default", "child", "connect", "fenced-frame", "font", "frame", "img", "manifest", "media", "object")
) | {"prefetch-src", "script-src", "script-src-elem", "style-src", "style-src-elem", "worker-src"}
#: Where the site has no policy: all that pages do by themselves.
_OWN = "'self' 'unsafe-inline' 'unsafe-eval' data: blob:"
_ONLY_THESE = re.compile(r"'(?:nonce|sha256|sha384|sha512)-")
_HOST_SOURCE = re.compile(r"(?:([a-z][a-z0-9+.-]*)://)?([^/:]+)(?::([0-9]+|\*))?(/.*)?\Z", re.IGNORECASE)
_SCHEMES = frozenset({"http:", "https:", "ws:", "wss:"})


def wall(
    headers: Iterable[tuple[str, str]], policy: Policy, allowed: frozenset[str], *, site: str, secure: bool
) -> str:
    """The policy beside the site's own, which lets through what is not held, or ``""`` if the site's does already.

    Each policy of the site's is taken less the hosts of held services, and under a strict policy less those that nobody
    declared; sources that would let through everybody are replaced by this site and the hosts of allowed services.
    Where the site says nothing of some kind of address, it is those too. Several policies in one value are separated
    by commas; a browser asks all of them.

    >>> from consent.policy.policy import Policy, Purpose, Service
    >>> stats = Service("stats", purposes=("analytics",), hosts=("stats.example",))
    >>> policy = Policy.of([Purpose("necessary"), Purpose("analytics")], [stats])
    >>> site = [("Content-Security-Policy", "default-src 'self'; script-src 'self' stats.example 'nonce-x'")]
    >>> wall(site, policy, frozenset({"necessary"}), site="shop.example", secure=True)
    "default-src 'self'; script-src 'self' 'nonce-x'"
    >>> wall(site, policy, frozenset({"necessary", "analytics"}), site="shop.example", secure=True)
    ''
    """
    held, free = _hosts(policy, allowed)
    if not held and not policy.strict:
        return ""
    declared = (*free, site.lower()) if policy.strict else None
    socket = f"{'wss' if secure else 'ws'}://{site}"
    own = [*_OWN.split(), *([socket] if site else []), *free]
    written: list[str] = []
    for theirs in _policies(headers) or [{}]:
        ours: dict[str, list[str]] = {}
        narrowed = False
        if "default-src" not in theirs:
            ours["default-src"] = own
            narrowed = True
        for name, sources in theirs.items():
            if name in _FETCH:
                kept = [source for source in sources if _stays(source, held, declared)]
                ours[name] = _narrowed(sources, kept, free, socket if site else "")
                narrowed = narrowed or ours[name] != sources
        if narrowed:
            ours.update({name: theirs[name] for name in ("report-uri", "report-to") if name in theirs})
            written.append("; ".join(" ".join((name, *sources)) for name, sources in ours.items()))
    return ", ".join(written)


@lru_cache(maxsize=256)
def _hosts(policy: Policy, allowed: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The host patterns of held services, and the sources that allowed ones need."""
    held: list[str] = [host for service in policy.undeclared for host in service.hosts]
    free: dict[str, None] = {}
    for service in policy.services:
        if service.told or allowed.issuperset(service.purposes):
            free.update(dict.fromkeys(source for host in service.hosts if (source := _source(host))))
        else:
            held += service.hosts
    return tuple(host for host in held if _source(host)), tuple(free)


def _source(pattern: str) -> str:
    """A host pattern as a source, which may say more than it; ``""`` for paths on this site and on any host."""
    authority, slash, path = pattern.partition("/")
    host, colon, port = authority.partition(":")
    if host in {"", "*"}:
        return ""
    if "*" in host:
        host = f"*.{host.partition('*')[2].partition('.')[2]}"
    # A path counts whole unless it ends with a slash; ours are beginnings.
    path = re.split(r"[*?]", path)[0]
    folder = (slash + path)[: (slash + path).rfind("/") + 1]
    folder = folder.replace(";", "%3B").replace(",", "%2C") if len(folder) > 1 else ""
    return f"{host}{colon}{port}{folder}"


def _narrowed(sources: list[str], kept: list[str], free: tuple[str, ...], socket: str) -> list[str]:
    if len(kept) == len(sources):
        return sources
    wide = any(map(_is_wide, sources))
    more = ["'self'", "data:", "blob:", *([socket] if socket else []), *free] if wide else free
    return [*kept, *(source for source in more if source not in kept)] or ["'none'"]


def _is_wide(source: str) -> bool:
    """Whether a source lets through every host, be it on one port or below one path."""
    found = _HOST_SOURCE.match(source)
    return source.lower() in _SCHEMES or (found is not None and found.group(2) == "*")


@lru_cache(maxsize=4096)
def _stays(source: str, held: tuple[str, ...], declared: tuple[str, ...] | None) -> bool:
    """Whether a source lets through nothing that is held, and, if they are given, nothing but declared hosts."""
    if _is_wide(source) or _reaches(source, held):
        return False
    found = _HOST_SOURCE.match(source.lower())
    return found is None or source.startswith("'") or declared is None or any(_within(found, each) for each in declared)


def _within(source: re.Match[str], wider: str) -> bool:
    """Whether a source lets through only what a wider one does."""
    other = _HOST_SOURCE.match(wider)
    if other is None:
        return False
    (_, host, port, path), (_, name, number, start) = source.groups(default=""), other.groups(default="")
    if port != number and not (number == "" and port in {"80", "443"}):
        return False
    return (host == name or (name.startswith("*.") and host.endswith(name[1:]))) and path.startswith(start)


@lru_cache(maxsize=4096)
def _reaches(source: str, held: tuple[str, ...]) -> bool:
    """Whether a source lets through anything of these host patterns."""
    found = None if source.startswith("'") else _HOST_SOURCE.match(source.lower())
    return found is not None and any(_meet(found, pattern) for pattern in held)


def _meet(source: re.Match[str], pattern: str) -> bool:
    host, port, path = source.group(2), source.group(3) or "", source.group(4) or ""
    authority, slash, rest = pattern.partition("/")
    name, _, number = authority.partition(":")
    if number and port not in {"*", number}:
        return False
    if not _overlap(host, name):
        return False
    if not slash or path in {"", "/"}:
        return True
    start = f"/{re.split(r'[*?]', rest)[0]}".lower()
    return start.startswith(path) or path.startswith(start)


def _overlap(one: str, other: str) -> bool:
    """Whether there is a host that both mean; a star in a label counts as the whole label and all before it."""
    first, second = ("." + text.partition("*")[2].partition(".")[2] if "*" in text else text for text in (one, other))
    if "*" in one and "*" in other:
        return first.endswith(second) or second.endswith(first)
    if "*" in one:
        return second.endswith(first)
    return first.endswith(second) if "*" in other else first == second


def _policies(headers: Iterable[tuple[str, str]]) -> list[dict[str, list[str]]]:
    values = [value for name, value in headers if name.lower() == "content-security-policy"]
    return [_directives(policy) for value in values for policy in value.split(",") if policy.strip()]
