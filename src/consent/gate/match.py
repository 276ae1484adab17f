"""Which service does this address, inline script or cookie belong to?

:class:`Rules` is a policy compiled for these three questions. Its facts never change; the verdicts that it remembers
only make the same question cheap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import NamedTuple, TypeAlias

from ..policy.policy import Policy, Service
from .address import Address, addresses_in, host_of, readings

__all__ = ["ANY_LINK", "Clues", "Group", "Rules", "edges", "wildcard"]

_PLAIN_HOST = re.compile(
    # A scheme is never taken for a host, for want of one behind it.
    r"(?:https?:|wss?:)?[\\/]*+(?!(?:https?|wss?):)([a-z0-9.-]{0,254}[a-z0-9])(?:[:/?#]|\Z)",
    re.IGNORECASE | re.ASCII,
)
#: Addresses that scripts keep in strings, in markup and styles within these, and behind a scheme put in by a template.
_IN_STRING = re.compile(r"[\"'`(=}]\s*((?:(?:https?|wss?):)?//[^\s\"'`()<>,;\\/][^\s\"'`()<>,;\\]*)", re.IGNORECASE)
#: What no host's name has in it (URL Standard, forbidden domain code points), and where a template fills one in.
_NO_HOST = re.compile(r"[\x00-\x20\x7f#/<>?@\\^|%]|\{\{|[$#]\{|&&")
#: What begins like an address in the middle of base64. A host that is one number is none of it.
_BASE64 = re.compile(r"//(?!(?:0x[0-9a-f]{6,}|[0-9]{7,})(?:/|\Z))[a-z0-9+/=]*\Z", re.IGNORECASE)
#: Names of XML's namespaces, and of what documents declare to be: they look like addresses, and nobody asks for them.
_NAMESPACE = re.compile(
    r"/(?:(?:1999/x(?:html|link)|2000/(?:svg|xmlns)|1998/Math/MathML|XML/1998/namespace)/?"
    r"|(?:Graphics/SVG|TR)/[\w./-]+\.dtd)\Z"
)

#: Stands for whoever a page's links lead to, where nobody knows whether they may be asked.
ANY_LINK = Service("any-link", title="Wherever a link leads", declared=False)
#: Characters; a longer address or host, which a visitor may have made so long, is not remembered.
_REMEMBERED_SIZE = 4096
_REMEMBERED_HOST_SIZE = 255


#: Services that own one thing; all of them must be allowed.
Group: TypeAlias = tuple[Service, ...]


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One entry of ``Service.hosts``."""

    text: str
    host: re.Pattern[str] | None  # where a star is in a label
    port: str
    path: re.Pattern[str] | None
    weight: tuple[int, int]  # longer paths, then exact hosts, are more specific


def wildcard(pattern: str) -> str:
    """``*`` as a regular expression: any run of characters."""
    return ".*".join(map(re.escape, pattern.split("*")))


class Clues(NamedTuple):
    """The parts of a script that may tell whom it serves, with something that belongs to no name between them.

    ``snippets``: where there may be one. ``addresses``: where there may be an address of a declared service.
    """

    snippets: bytes
    addresses: bytes


class Rules:
    """A policy, compiled for the gate. Make one per policy and keep it: it remembers verdicts.

    A service may run if it is declared and all its purposes are allowed. Of several owners of the same pattern the
    declared ones count; if there are none, the undeclared ones hold. Under a strict policy, a host that has no owner is
    an undeclared service of its own.
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
        self._longest = max(map(len, (*self._exact, *self._below)), default=0)
        self._path_marks = [mark.decode() for mark in self.path_marks()]
        self._snippets = _Snippets(policy)
        #: The owners of each known snippet in a script's bytes.
        self.snippets_in = self._snippets.find
        self.snippets = tuple(
            {snippet for service in (*policy.services, *policy.undeclared) for snippet in service.snippets}
        )
        self._cookies = [
            (re.compile(wildcard(cookie.name) + r"\Z", re.DOTALL), cookie.name, service)
            for service in (*policy.services, *policy.undeclared)
            for cookie in service.cookies
            if not cookie.third_party
        ]
        #: The owners of what may lead to any host: nobody knows, where not every service is declared.
        self.anybody: tuple[Group, ...] = (
            ((ANY_LINK,),)
            if policy.strict or policy.undeclared
            else tuple((service,) for service in policy.services if service.hosts)
        )
        #: Whether a path is enough for an address to be a declared service's.
        self._by_path = bool(self.path_marks(declared=True))
        self._declares = lru_cache(maxsize=8192)(self._knows_declared)
        self._host_owners = lru_cache(maxsize=8192)(self._owners_of_host)
        self._url_owners = lru_cache(maxsize=8192)(self._services_for_url)
        self.services_for_cookie = lru_cache(maxsize=1024)(self._services_for_cookie)
        self.held = lru_cache(maxsize=4096)(self._held)

    def _held(self, owners: Group, allowed: frozenset[str]) -> Group:
        """Those of the owners that may not run."""
        return tuple(service for service in owners if not (service.declared and allowed.issuperset(service.purposes)))

    def holds_any(self, allowed: frozenset[str]) -> bool:
        """Whether there is a purpose or a service that is not allowed."""
        return self.policy.strict or bool(self.policy.undeclared) or not allowed.issuperset(self.policy.names)

    def services_for_url(self, url: str, site: str) -> Group:
        """The owners of an address; ``site`` is this site's own host, with its port."""
        owners = self._url_owners if len(url) <= _REMEMBERED_SIZE else self._services_for_url
        return owners(url, site)

    def _services_for_url(self, url: str, site: str) -> Group:
        groups = [self._owners_of(address, url) for address in readings(url, site)]
        return groups[0] if len(groups) == 1 else tuple(dict.fromkeys(chain.from_iterable(groups)))

    def services_below(self, url: str, site: str) -> tuple[Group, ...]:
        """The owners of all that is on the host of an address, whatever its path; on the site's own, in its folder."""
        owners: dict[str, list[Service]] = {}
        for address in readings(url, site):
            found = self._named(address.host)
            if address.own:
                folder = _folder(address.path.partition("?")[0])
                found = [each for each in (*self._own, *found) if folder and _meet(folder, _folder(_path_of(each[0])))]
            for pattern, service in found:
                owners.setdefault(pattern.text, []).append(service)
        return tuple(dict.fromkeys(map(_preferred, owners.values())))

    def services_for_script(
        self, text: str, site: str, *, clues: tuple[bytes, bytes] | None = None
    ) -> tuple[Group, ...]:
        """The owners of each known snippet in an inline script; all groups must be allowed.

        ``clues``: the parts in which snippets may be, and a declared service's addresses, if it was looked over.

        A declared service's address in the text counts as a snippet of it: loaders build their tags from it. Under a
        strict policy so does anybody's, where it stands in a string.
        """
        snippets, clued = clues or (text.encode("utf-8", "replace"),) * 2
        groups = self.snippets_in(snippets)
        addresses = addresses_in(clued.decode("utf-8", "replace")) if clued else ()
        for url in filter(self._may_be_declared, dict.fromkeys(addresses)):
            owners = tuple(service for service in self.services_for_url(url, site) if service.declared)
            if owners:
                groups.append(owners)
        if self.policy.strict:
            owned = [self.services_for_url(url, site) for url in _IN_STRING.findall(text.replace("\\/", "/"))]
            groups += [owners for owners in owned if owners and not any(service.declared for service in owners)]
        return tuple(groups)

    def _may_be_declared(self, address: str) -> bool:
        """Whether an address within other text may be one of a declared service: told without reading all of it."""
        plain = _PLAIN_HOST.match(address)
        return plain is None or self._by_path or self._declares(plain.group(1).lower())

    def _knows_declared(self, host: str) -> bool:
        return self.knows_host(host, declared=True)

    def knows_host(self, host: str, *, declared: bool = False) -> bool:
        """Whether any pattern, or one of a declared service, names this host or a domain that it is below.

        A strict policy knows every host.
        """
        if self.policy.strict:
            return True
        known = self._named(host)
        return any(service.declared for _, service in known) if declared else bool(known)

    def hosts(self) -> list[tuple[str, bool]]:
        """The hosts that patterns name, ``.`` in front where all below are meant; whether a declared service does."""
        named = {**self._exact, **{f".{host}": known for host, known in self._below.items()}}
        return [(host, any(service.declared for _, service in known)) for host, known in named.items()]

    def path_marks(self, *, declared: bool = False) -> list[bytes]:
        """For each pattern without a host, or each such of a declared service, what is in every path it matches."""
        patterns = (*self._anywhere, *self._own)
        return sorted({_mark(pattern) for pattern, service in patterns if service.declared or not declared})

    def own_marks(self, site: str) -> tuple[bytes, ...]:
        """The same for the patterns that name this site's own host, which relative addresses are without."""
        return tuple(sorted({_mark(pattern) for pattern, _ in self._named(host_of(site)[0])}))

    def _named(self, host: str) -> list[tuple[_Pattern, Service]]:
        """The patterns that name a host or a domain that it is below."""
        known = list(self._exact.get(host, ()))
        # What is longer is no name of theirs.
        point = host.find(".", max(0, len(host) - self._longest - 1))
        while point >= 0:
            known += self._below.get(host[point + 1 :], ())
            point = host.find(".", point + 1)
        return known

    def _services_for_cookie(self, name: str) -> Group:
        """The owners of a first-party cookie; a longer pattern is the more specific one."""
        if name in self.policy.necessary_cookies:
            return ()
        found = [(len(pattern), service) for regex, pattern, service in self._cookies if regex.match(name)]
        best = max((length for length, _ in found), default=0)
        return _preferred(service for length, service in found if length == best)

    def _add_host(self, text: str, service: Service) -> None:
        authority, slash, rest = text.partition("/")
        host, _, port = authority.partition(":")
        port = "" if port in {"80", "443"} else port
        path = f"/{rest}" if slash else ""
        named = re.compile(wildcard(host) + r"\Z") if "*" in host.lstrip("*") else None
        # One of a path on any host is searched for, the others stand at the beginning.
        regex = re.compile((r"(?s:.*)" if host == "*" else "") + wildcard(path), re.DOTALL) if path else None
        pattern = _Pattern(text, named, port, regex, (len(path), int(not host.startswith("*"))))
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

    def _owners_of(self, address: Address, url: str) -> Group:
        """Those whose patterns name an address most closely; to a strict policy, a host that nobody owns is one.

        ``url``: how the address was written.
        """
        owners = self._named_most_closely(address)
        if not owners and self.policy.strict and _is_strange(address, url):
            stranger = _stranger if len(address.host) <= _REMEMBERED_HOST_SIZE else _stranger.__wrapped__
            return (stranger(address.host, address.port),)
        return owners

    def _named_most_closely(self, address: Address) -> Group:
        marked = any(map(address.path.__contains__, self._path_marks))
        if not marked and len(address.host) <= _REMEMBERED_HOST_SIZE:
            owners = self._host_owners(address.host)
            if owners is not None:
                return owners
        candidates = self._named(address.host)
        if marked:
            # A path on any host is known by its end: /matomo.js below whatever folder it was put.
            candidates += self._anywhere
            if address.own:
                candidates += self._own
        return _closest(
            (pattern, service)
            for pattern, service in candidates
            if (not pattern.port or pattern.port == address.port)
            and (pattern.path is None or pattern.path.match(address.path))
            and (pattern.host is None or pattern.host.match(address.host))
        )

    def _owners_of_host(self, host: str) -> Group | None:
        """The owners of whatever is on a host; None if that depends on more."""
        named = self._named(host)
        if any(pattern.path is not None or pattern.port or pattern.host is not None for pattern, _ in named):
            return None
        return _closest(named)


def _mark(pattern: _Pattern) -> bytes:
    """What is in every address without a host that a pattern matches, or in the tag that has it."""
    return max(re.split("[*&]", _path_of(pattern)), key=len).encode() or b"="


def _folder(path: str) -> str:
    return path.rpartition("/")[0].lstrip("/")


def _meet(one: str, other: str) -> bool:
    """Whether one folder is the other, or within it, but for all being within the uppermost."""
    return bool(other) and (f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/"))


def _path_of(pattern: _Pattern) -> str:
    """A pattern's path, as a relative address has it: with no slash in front."""
    return pattern.text.partition("/")[2]


def _is_strange(address: Address, url: str) -> bool:
    """Whether an address that nobody owns leads to another host than the site's own. ``url``: how it was written."""
    if address.own or not address.host or _NO_HOST.search(address.host) or _BASE64.match(url):
        return False
    return address.host != "www.w3.org" or _NAMESPACE.match(address.path) is None


@lru_cache(maxsize=4096)
def _stranger(host: str, port: str) -> Service:
    """A host that nobody declared. Its name is put into pages, and has nothing in it that would need to be escaped."""
    name = f"{host}:{port}" if port else host
    return Service(re.sub(r"[^a-z0-9.:_\[\]-]", "-", name), title=name, declared=False)


def _closest(found: Iterable[tuple[_Pattern, Service]]) -> Group:
    """The owners of the most specific patterns."""
    named = list(found)
    best = max((pattern.weight for pattern, _ in named), default=None)
    return _preferred(service for pattern, service in named if pattern.weight == best)


def _preferred(services: Iterable[Service]) -> Group:
    owners = tuple(dict.fromkeys(services))
    return tuple(service for service in owners if service.declared) or owners


_WORDS = bytes(byte if (byte < 128 and chr(byte).isalnum()) or byte in b"_$" else 32 for byte in range(256))
#: Words that scripts are full of.
_COMMON = frozenset(b"analytics com create embed google init load push script start track widgets".split())


class _Snippets:
    """Finds known snippets in a script in one pass: by the words in it, then by looking where a name may be one."""

    def __init__(self, policy: Policy) -> None:
        owners: dict[str, list[Service]] = {}
        for service in (*policy.services, *policy.undeclared):
            for snippet in service.snippets:
                owners.setdefault(snippet, []).append(service)
        #: By a word in each: its place among all, its bytes, how to find it where no name goes on, and its owners.
        self._by_word: dict[bytes, list[tuple[int, bytes, re.Pattern[bytes], Group]]] = {}
        for number, (snippet, services) in enumerate(owners.items()):
            raw = snippet.encode()
            entry = (number, raw, re.compile(_with_edges(snippet).encode()), _preferred(services))
            self._by_word.setdefault(_rarest_word(raw), []).append(entry)
        self._words = frozenset(self._by_word) - {b""}

    def find(self, text: bytes) -> list[Group]:
        """The owners of those in a script, in the policy's order."""
        if not text:
            return []
        words = (b"", *self._words.intersection(text.translate(_WORDS).split()))
        found = {
            number: services
            for word in words
            for number, snippet, pattern, services in self._by_word.get(word, ())
            if snippet in text and pattern.search(text)
        }
        return list(dict.fromkeys(found[number] for number in sorted(found)))


def _rarest_word(snippet: bytes) -> bytes:
    """A word that stands as such wherever the snippet does, if there is one: a name that ends in "_" may go on."""
    words = snippet.translate(_WORDS).split()
    if words and snippet.endswith(b"_"):
        words.pop()
    return max(words, key=lambda word: (word not in _COMMON, len(word)), default=b"")


def edges(snippet: str) -> tuple[bool, bool]:
    """Whether no character of a name may stand in front of a snippet, and none behind it."""
    return re.match(r"[A-Za-z0-9_$]", snippet) is not None, re.search(r"[A-Za-z0-9$]\Z", snippet) is not None


def _with_edges(snippet: str) -> str:
    before, after = edges(snippet)
    return r"(?<![A-Za-z0-9_$])" * before + re.escape(snippet) + r"(?![A-Za-z0-9_$])" * after
