"""Which service does this address, inline script or cookie belong to?

:class:`Rules` is a policy compiled for these three questions. Its facts never change; the verdicts that it remembers
only make the same question cheap. Addresses are read as a browser reads them (WHATWG URL Standard); where a
spelling is too odd to be sure, it is read in every way that it could be.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from ..policy.policy import Policy, Service

__all__ = ["Rules", "addresses_in", "wildcard"]

_SPECIAL = frozenset({"http", "https", "ws", "wss", "ftp"})
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.\-]*):(.*)\Z", re.DOTALL)
_STRIPPED = re.compile(r"[\t\n\r]")
_EDGES = "".join(map(chr, range(0x21)))
#: Addresses within other text: css, srcdoc, a script. The scheme may be left out, slashes may lean either way.
_ADDRESS = re.compile(r"(?:https?:|wss?:)?[\\/]{2,}[^\s\"'`()<>,;\\]+", re.IGNORECASE)
_CSS_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})[ \t\n\r\f]?")
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


class Address(NamedTuple):
    """Where a URL leads: ``host`` lower case ASCII, ``port`` or "", ``path`` with its query."""

    host: str
    port: str
    path: str
    own: bool


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One entry of ``Service.hosts``."""

    text: str
    port: str
    path: re.Pattern[str] | None
    weight: tuple[int, int]  # longer paths, then exact hosts, are more specific


def wildcard(pattern: str) -> str:
    """``*`` as a regular expression: any run of characters."""
    return ".*".join(map(re.escape, pattern.split("*")))


class Rules:
    """A policy, compiled for the gate. Make one per policy and keep it: it remembers verdicts.

    A service may run if it is declared and all its purposes are allowed. Of several owners of the same pattern the
    declared ones count; if there are none, the undeclared ones hold.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._exact: dict[str, list[tuple[_Pattern, Service]]] = {}
        self._below: dict[str, list[tuple[_Pattern, Service]]] = {}
        self._anywhere: list[tuple[_Pattern, Service]] = []
        self._own: list[tuple[_Pattern, Service]] = []
        for service in (*policy.services, *policy.undeclared):
            for host in service.hosts:
                self._add_host(host, service)
        self._snippets = _Snippets(policy)
        self._cookies = [
            (re.compile(wildcard(cookie.name) + r"\Z", re.DOTALL), cookie.name, service)
            for service in (*policy.services, *policy.undeclared)
            for cookie in service.cookies
            if not cookie.third_party
        ]
        self.services_for_url = lru_cache(maxsize=8192)(self._services_for_url)
        self.services_for_cookie = lru_cache(maxsize=1024)(self._services_for_cookie)
        self.held = lru_cache(maxsize=4096)(self._held)

    def _held(self, owners: tuple[Service, ...], allowed: frozenset[str]) -> tuple[Service, ...]:
        """Those of the owners that may not run."""
        return tuple(service for service in owners if not (service.declared and allowed.issuperset(service.purposes)))

    def _services_for_url(self, url: str, site: str) -> tuple[Service, ...]:
        """The owners of an address; ``site`` is this site's own host, with its port."""
        found: list[tuple[tuple[int, int], Service]] = []
        for address in _readings(url, site):
            found += self._matches(address)
        if not found:
            return ()
        best = max(weight for weight, _ in found)
        return _preferred(service for weight, service in found if weight == best)

    def services_for_script(self, text: str, site: str) -> tuple[tuple[Service, ...], ...]:
        """The owners of each known snippet in an inline script; all groups must be allowed.

        A declared service's address in the text counts as a snippet of it: loaders build their tags from it.
        """
        groups = self._snippets.find(text)
        for url in addresses_in(text):
            owners = tuple(service for service in self.services_for_url(url, site) if service.declared)
            if owners:
                groups.append(owners)
        return tuple(groups)

    def _services_for_cookie(self, name: str) -> tuple[Service, ...]:
        """The owners of a first-party cookie; a longer pattern is the more specific one."""
        found = [(len(pattern), service) for regex, pattern, service in self._cookies if regex.match(name)]
        best = max((length for length, _ in found), default=0)
        return _preferred(service for length, service in found if length == best)

    def _add_host(self, text: str, service: Service) -> None:
        authority, slash, rest = text.partition("/")
        host, _, port = authority.partition(":")
        path = f"/{rest}" if slash else ""
        regex = re.compile(wildcard(path), re.DOTALL) if path else None
        pattern = _Pattern(text, port, regex, (len(path), int(not host.startswith("*"))))
        if not host:
            self._own.append((pattern, service))
        elif host == "*":
            self._anywhere.append((pattern, service))
        elif host.startswith("*."):
            self._below.setdefault(host[2:], []).append((pattern, service))
        elif "*" in host:
            # A star within a label: kept under the labels after it.
            self._below.setdefault(host.partition("*")[2].partition(".")[2], []).append((pattern, service))
        else:
            self._exact.setdefault(host, []).append((pattern, service))

    def _matches(self, address: Address) -> Iterable[tuple[tuple[int, int], Service]]:
        candidates = list(self._exact.get(address.host, ()))
        labels = address.host.split(".")
        for at in range(1, len(labels)):
            candidates += self._below.get(".".join(labels[at:]), ())
        # A path on any host is known by its end: /matomo.js below whatever folder it was put.
        candidates += self._anywhere
        if address.own:
            candidates += self._own
        for pattern, service in candidates:
            if pattern.port and pattern.port != address.port:
                continue
            if pattern.path is not None:
                anywhere = pattern.text.startswith("*/")
                if not (pattern.path.search(address.path) if anywhere else pattern.path.match(address.path)):
                    continue
            if "*" in pattern.text.partition("/")[0].lstrip("*") and not _host_matches(pattern.text, address.host):
                continue
            yield pattern.weight, service


def _host_matches(text: str, host: str) -> bool:
    name = text.partition("/")[0].partition(":")[0]
    return re.fullmatch(wildcard(name), host) is not None


def _preferred(services: Iterable[Service]) -> tuple[Service, ...]:
    owners = tuple(dict.fromkeys(services))
    return tuple(service for service in owners if service.declared) or owners


class _Snippets:
    """Finds known snippets in a script in one pass: by the names in it, then by looking where a name may be one."""

    def __init__(self, policy: Policy) -> None:
        owners: dict[str, list[Service]] = {}
        for service in (*policy.services, *policy.undeclared):
            for snippet in service.snippets:
                owners.setdefault(snippet, []).append(service)
        self._by_name: dict[str, list[tuple[str, re.Pattern[str], tuple[Service, ...]]]] = {}
        self._plain: list[tuple[str, re.Pattern[str], tuple[Service, ...]]] = []
        for snippet, services in owners.items():
            entry = (snippet, _with_edges(snippet), _preferred(services))
            names = [name for name in _NAME.findall(snippet) if not name.endswith("_")]
            # A name at an open end may be longer in the script than in the snippet.
            if names:
                self._by_name.setdefault(max(names, key=len), []).append(entry)
            else:
                self._plain.append(entry)

    def find(self, text: str) -> list[tuple[Service, ...]]:
        names = set(_NAME.findall(text))
        entries = [entry for name in names & self._by_name.keys() for entry in self._by_name[name]]
        found = [
            services for snippet, regex, services in (*entries, *self._plain) if snippet in text and regex.search(text)
        ]
        return list(dict.fromkeys(found))


def _with_edges(snippet: str) -> re.Pattern[str]:
    before = r"(?<![A-Za-z0-9_$])" if re.match(r"[A-Za-z0-9_$]", snippet) else ""
    after = r"(?![A-Za-z0-9_$])" if re.search(r"[A-Za-z0-9$]\Z", snippet) else ""
    return re.compile(before + re.escape(snippet) + after)


def addresses_in(text: str) -> list[str]:
    """What looks like an absolute address within css, HTML or a script, escapes undone."""
    if "\\" in text:
        undone = _CSS_ESCAPE.sub(lambda found: chr(min(int(found.group(1), 16), 0x10FFFF)), text)
        text = f"{text} {undone} {text.replace(chr(92) + '/', '/')}"
    return _ADDRESS.findall(text)


def _readings(url: str, site: str) -> list[Address]:
    """Every way in which a browser could read an attribute's value."""
    readings = [_read(url, site)]
    if "&" in url:
        readings.append(_read(html.unescape(url), site))
    return [address for address in readings if address is not None]


def _read(url: str, site: str) -> Address | None:
    text = _STRIPPED.sub("", url.strip(_EDGES))
    scheme = _SCHEME.match(text)
    if scheme is not None:
        if scheme.group(1).lower() not in _SPECIAL:
            return None
        text = "//" + scheme.group(2).lstrip("/\\")
    text = text.replace("\\", "/")
    if not text.startswith("//"):
        own, _, port = site.partition(":")
        return Address(own, port, text if text.startswith("/") else f"/{text}", own=True)
    authority = re.match(r"/*([^/?#]*)(.*)\Z", text, re.DOTALL)
    assert authority is not None
    host, port = _host(authority.group(1).rpartition("@")[2])
    path = authority.group(2).partition("#")[0]
    own = f"{host}:{port}" if port else host
    return Address(host, port, path if path.startswith("/") else f"/{path}", own=own == site.lower())


def _host(text: str) -> tuple[str, str]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit():
        host, port = text.rstrip(":"), ""
    host = unquote(host)
    if not host.isascii():
        host = unicodedata.normalize("NFKC", host).replace("\u3002", ".")
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            host = host.encode("ascii", "ignore").decode("ascii")
    return host.lower().rstrip("."), port.lstrip("0")
