"""Which service does this address, inline script or cookie belong to?

:class:`Rules` is a policy compiled for these three questions. Its facts never change; the verdicts that it remembers
only make the same question cheap. Addresses are read as a browser reads them (WHATWG URL Standard); where a
spelling is too odd to be sure, it is read in every way that it could be.
"""

from __future__ import annotations

import html
import re
import unicodedata
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from ..policy.policy import Policy, Service

__all__ = [
    "NEEDLESS",
    "Rules",
    "addresses_in",
    "document_in",
    "edges",
    "imports_in",
    "refresh_address",
    "undone",
    "wildcard",
]

_SPECIAL = frozenset({"http", "https", "ws", "wss", "ftp"})
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.\-]*):(.*)\Z", re.DOTALL)
_STRIPPED = re.compile(r"[\t\n\r]")
_EDGES = "".join(map(chr, range(0x21)))
#: Addresses within other text: css, a script. The scheme may be left out, or its slashes; those may lean either way.
#: Each expression begins with text that is searched for fast, and not within a run of slashes: that would be read again
#: from each of them.
_REST = r"[^\s\"'`()<>,;\\/][^\s\"'`()<>,;\\]*"
_SLASHED = re.compile(r"//(?<![\\/]//)[\\/]*+" + _REST)
_LEANING = (re.compile(r"/\\(?<![\\/]/\\)[\\/]*+" + _REST), re.compile(r"\\(?<![\\/]\\)[\\/]++" + _REST))
_SCHEMED = re.compile(r":(?<=[psPS]:)(?i:(?<=http:)|(?<=https:)|(?<=ws:)|(?<=wss:))[\\/]?" + _REST)
_SCHEME_END = re.compile(r"(?:https?|wss?):\Z", re.IGNORECASE)
_PLAIN_HOST = re.compile(r"(?:https?:|wss?:)?[\\/]*+([a-z0-9.-]*[a-z0-9])(?:[:/?#]|\Z)", re.IGNORECASE | re.ASCII)
_CSS_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})(?:\r\n|[ \t\n\r\f])?|\r\n|[\n\r\f]|([^0-9a-fA-F\n\r\f]))")
#: Addresses in css, relative ones too.
_CSS_URLS = (
    re.compile(r"\((?:(?<=[uU][rR][lL]\()|(?<=-[sS][eE][tT]\())\s*[\"']?\s*([^\s\"'()<>,;]+)"),
    re.compile(r"@[iI][mM][pP][oO][rR][tT]\s*[\"']?\s*([^\s\"'()<>,;]+)"),
)
#: What a script imports, or exports from elsewhere. What bundlers are to do with it is said in a comment before it. No
#: two ways to match the same, and no more than so much of it: hence linear.
_IMPORTS = tuple(
    re.compile(
        rf"{word}(?<!\w{word})[\s\ufeff(]*"
        r"(?:(?:/\*[^*]{0,500}(?:\*(?!/)[^*]{0,500}){0,9}\*/|//[^\n\r]{0,500}[\n\r])[\s\ufeff(]*){0,8}[\"'`]([^\"'`]*)"
    )
    for word in ("import", "from")
)
_REFRESH = re.compile(r"[\s\d.]*[;,]?\s*(?:url\s*=\s*)?(?:\"([^\"]*)|'([^']*)|(.*))", re.IGNORECASE | re.DOTALL)
_DATA = re.compile(r"[\x00-\x20]*(?:(data)|javascript):", re.IGNORECASE)
#: Types of data: that cannot reach anybody.
_DEAD = re.compile(
    r"\s*(?:image/(?!svg)|audio/|video/|font/|application/(?:font|x-font|pdf|octet-stream))", re.IGNORECASE
)
#: Styles in addresses, of which styles import some; within so many others they are read.
_DATA_STYLE = re.compile(r"data:\s*text/css", re.IGNORECASE)
_DATA_BASE64 = re.compile(r"data:\s*text/css[^,]{0,200};\s*base64\s*,([A-Za-z0-9+/=%]+)", re.IGNORECASE)
_DEPTH = 3
_SCRIPT_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,8})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
#: Addresses that scripts keep in strings, in markup and styles within these, and behind a scheme put in by a template.
_IN_STRING = re.compile(r"[\"'`(=}]\s*((?:(?:https?|wss?):)?//[^\s\"'`()<>,;\\/][^\s\"'`()<>,;\\]*)", re.IGNORECASE)
#: What no host's name has in it (URL Standard, forbidden domain code points), nor "&", nor what a template fills in.
_NO_HOST = re.compile(r"[\x00-\x20\x7f#&/<>?@\\^|%{}]")
#: What begins like an address in the middle of base64. A host that is one number is none of it.
_BASE64 = re.compile(r"//(?!(?:0x[0-9a-f]{6,}|[0-9]{7,})(?:/|\Z))[a-z0-9+/=]*\Z", re.IGNORECASE)
#: Names of XML's namespaces, which look like addresses and are asked for by nobody.
_NAMESPACE = re.compile(r"/(?:1999/x(?:html|link)|2000/(?:svg|xmlns)|1998/Math/MathML|XML/1998/namespace)(?![\w-])")


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
        #: Whether a path is enough for an address to be a declared service's.
        self._by_path = bool(self.path_marks(declared=True))
        self._declares = lru_cache(maxsize=8192)(self._knows_declared)
        self.services_for_url = lru_cache(maxsize=8192)(self._services_for_url)
        self.services_for_cookie = lru_cache(maxsize=1024)(self._services_for_cookie)
        self.held = lru_cache(maxsize=4096)(self._held)

    def _held(self, owners: tuple[Service, ...], allowed: frozenset[str]) -> tuple[Service, ...]:
        """Those of the owners that may not run."""
        return tuple(service for service in owners if not (service.declared and allowed.issuperset(service.purposes)))

    def holds_any(self, allowed: frozenset[str]) -> bool:
        """Whether there is a purpose or a service that is not allowed."""
        return self.policy.strict or bool(self.policy.undeclared) or not allowed.issuperset(self.policy.names)

    def _services_for_url(self, url: str, site: str, references: bool = True) -> tuple[Service, ...]:
        """The owners of an address; ``site`` is this site's own host, with its port.

        ``references``: whether it is an attribute's value, in which character references count.
        """
        owners: dict[Service, None] = {}
        for address in _readings(url, site, references=references):
            found = list(self._matches(address))
            if found:
                best = max(weight for weight, _ in found)
                owners.update(dict.fromkeys(_preferred(service for weight, service in found if weight == best)))
            elif self.policy.strict and _is_strange(address, url):
                owners[_stranger(address.host, address.port)] = None
        return tuple(owners)

    def services_for_script(
        self, text: str, site: str, *, clues: tuple[bytes, bytes] | None = None
    ) -> tuple[tuple[Service, ...], ...]:
        """The owners of each known snippet in an inline script; all groups must be allowed.

        ``clues``: the parts in which snippets may be, and a declared service's addresses, if it was looked over.

        A declared service's address in the text counts as a snippet of it: loaders build their tags from it. Under a
        strict policy so does anybody's, where it stands in a string.
        """
        snippets, addresses = clues or (text.encode("utf-8", "replace"),) * 2
        groups = self.snippets_in(snippets)
        for url in filter(self._may_be_declared, addresses_in(addresses.decode("utf-8", "replace"))):
            owners = tuple(service for service in self.services_for_url(url, site, False) if service.declared)
            if owners:
                groups.append(owners)
        if self.policy.strict:
            owned = [self.services_for_url(url, site, False) for url in _IN_STRING.findall(text.replace("\\/", "/"))]
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
        return tuple(sorted({_mark(pattern) for pattern, _ in self._named(_host(site)[0])}))

    def _named(self, host: str) -> list[tuple[_Pattern, Service]]:
        """The patterns that name a host or a domain that it is below."""
        labels = host.split(".")
        known = list(self._exact.get(host, ()))
        for at in range(1, len(labels)):
            known += self._below.get(".".join(labels[at:]), ())
        return known

    def _services_for_cookie(self, name: str) -> tuple[Service, ...]:
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
        candidates = self._named(address.host)
        if any(map(address.path.__contains__, self._path_marks)):
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


def _mark(pattern: _Pattern) -> bytes:
    """What is in every address without a host that a pattern matches, or in the tag that has it."""
    # A relative address has no slash in front of it.
    path = pattern.text.partition("/")[2]
    return max(re.split("[*&]", path), key=len).encode() or b"="


def _host_matches(text: str, host: str) -> bool:
    name = text.partition("/")[0].partition(":")[0]
    return re.fullmatch(wildcard(name), host) is not None


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


def _preferred(services: Iterable[Service]) -> tuple[Service, ...]:
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
        self._by_word: dict[bytes, list[tuple[int, bytes, re.Pattern[bytes], tuple[Service, ...]]]] = {}
        for number, (snippet, services) in enumerate(owners.items()):
            raw = snippet.encode()
            entry = (number, raw, re.compile(_with_edges(snippet).encode()), _preferred(services))
            self._by_word.setdefault(_rarest_word(raw), []).append(entry)
        self._words = frozenset(self._by_word) - {b""}

    def find(self, text: bytes) -> list[tuple[Service, ...]]:
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


def addresses_in(text: str, *, css: bool = False, depth: int = 0) -> list[str]:
    """What looks like an absolute address within a script or css, escapes undone; in css, like a relative one, too.

    ``depth``: in how many styles within ``data:`` addresses the text stands.
    """
    if "\\" in text:
        text = f"{text} {_CSS_ESCAPE.sub(_unescaped, text)}" if css else f"{text} {text.replace(chr(92) + '/', '/')}"
    if css and "\t" in text:
        text = f"{text} {text.replace(chr(9), '')}"
    addresses = [_scheme(text, found.start()) + found.group() for found in _SLASHED.finditer(text)]
    if "\\" in text:
        for leaning in _LEANING:
            addresses += [_scheme(text, found.start()) + found.group() for found in leaning.finditer(text)]
    if ":" in text:
        addresses += [_scheme(text, found.start() + 1) + found.group()[1:] for found in _SCHEMED.finditer(text)]
    if css:
        for each in _CSS_URLS:
            addresses += each.findall(text)
        for style in _styles_in(text) if depth < _DEPTH else ():
            addresses += addresses_in(style, css=True, depth=depth + 1)
    return addresses


def _styles_in(css: str) -> list[str]:
    """The styles within ``data:`` addresses in a style, with whatever stands around them."""
    first = _DATA_STYLE.search(css)
    if first is None:
        return []
    rest = css[first.start() :]
    return [unquote(rest)] * ("%" in rest) + [_decoded(found.group(1)) for found in _DATA_BASE64.finditer(rest)]


def _decoded(content: str) -> str:
    """The text that base64 is; ``""`` if it is none."""
    try:
        return b64decode(re.sub(r"\s+", "", unquote(content)).rstrip("=") + "==").decode("utf-8", "replace")
    except ValueError:
        return ""


def undone(script: str) -> str:
    """A script's or JSON's text, the escapes in its strings undone: of characters, and of what addresses leave out."""
    return _SCRIPT_ESCAPE.sub(_spelt_out, script) if "\\" in script else script


def _spelt_out(found: re.Match[str]) -> str:
    number, letter = found.group(1) or found.group(2) or found.group(3), found.group(4)
    if number is None:
        return "" if letter in "tnr\n" else letter
    code = int(number, 16)
    return chr(code) if code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else "\ufffd"


def _scheme(text: str, end: int) -> str:
    """The scheme in front of an address's slashes, if there is one."""
    if text[end - 1 : end] != ":":
        return ""
    found = _SCHEME_END.search(text[max(0, end - 6) : end])
    return found.group() if found is not None else ""


def _unescaped(found: re.Match[str]) -> str:
    if found.group(1) is None:
        return found.group(2) or ""
    code = int(found.group(1), 16)
    if code in {9, 10, 13}:
        return ""  # of no account in an address
    return "\ufffd" if code == 0 or 0xD800 <= code < 0xE000 or code > 0x10FFFF else chr(code)


def imports_in(script: str) -> str:
    """What a script imports, or exports from elsewhere, a line each."""
    if "import" not in script and "export" not in script:
        return ""
    imported = [address for each in _IMPORTS for address in each.findall(script)]
    return "\n".join((*imported, *(undone(address) for address in imported if "\\" in address)))


def refresh_address(content: str) -> str:
    """Where a refresh leads (HTML Standard, shared declarative refresh steps)."""
    found = _REFRESH.match(content)
    return next((group for group in found.groups() if group is not None), "") if found is not None else ""


def document_in(url: str) -> str:
    """The text that a ``data:`` or ``javascript:`` URL is, if it could reach anybody; else ``""``."""
    url = _STRIPPED.sub("", url)
    found = _DATA.match(url)
    if found is None:
        return ""
    body = url[found.end() :]
    if found.group(1) is None:
        return unquote(body)
    kind, _, content = body.partition(",")
    if _DEAD.match(kind):
        return ""
    if kind.rstrip().lower().endswith("base64"):
        return html.unescape(_decoded(content))
    content = unquote(content)
    return html.unescape(f"{content} {_STRIPPED.sub('', content)}")


def _readings(url: str, site: str, *, references: bool) -> list[Address]:
    """Every way in which a browser could read an attribute's value, or an address in a text."""
    spellings = [url, html.unescape(url)] if references and "&" in url else [url]
    return [address for spelling in spellings for address in _read(spelling, site)]


def _read(url: str, site: str) -> list[Address]:
    plain = _PLAIN.match(url)
    if plain is not None:
        host, path, query = plain.groups()
        path = _NEEDLESS.sub(_character, path) if "%" in path else path or "/"
        return [Address(host, "", path + query, own=(host, "") == _host(site))]
    text = _STRIPPED.sub("", url.strip(_EDGES)).replace("\\", "/")
    scheme = _SCHEME.match(text)
    if scheme is None:
        return [_absolute(text, site) if text.startswith("//") else _relative(text, site)]
    if scheme.group(1).lower() not in _SPECIAL:
        return []
    rest = scheme.group(2)
    absolute = _absolute(f"//{rest.lstrip('/')}", site)
    # "https:a/b" is a path where the page itself came over https, and a host where it did not.
    return [absolute] if rest.startswith("//") else [absolute, _relative(rest, site)]


def _relative(text: str, site: str) -> Address:
    host, port = _host(site)
    return Address(host, port, _path(text.partition("#")[0]), own=True)


def _absolute(text: str, site: str) -> Address:
    authority = _AUTHORITY.match(text)
    assert authority is not None
    host, port = _host(authority.group(1).rpartition("@")[2])
    return Address(host, port, _path(authority.group(2).partition("#")[0]), own=(host, port) == _host(site))


#: An address without anything that would have to be undone: its host, path and query.
_PLAIN = re.compile(
    r"(?:https?:|wss?:)?//([a-z0-9-]+(?:\.[a-z0-9-]+)*)((?:/(?!\.|%2[eE])[^\t\n\r\\?#/]*)*)"
    r"((?:\?[^\t\n\r\\#]*)?)(?<![\0-\x20])(?:#.*)?\Z",
    re.DOTALL,
)
_AUTHORITY = re.compile(r"/*([^/?#]*)(.*)\Z", re.DOTALL)
_DOTTED = re.compile(r"/(?:\.|%2e)", re.IGNORECASE)
_DOT = re.compile(r"%2e", re.IGNORECASE)


def _path(text: str) -> str:
    """A path with its query, without ``.`` and ``..`` and needless escapes (RFC 3986, 6.2.2)."""
    path, mark, query = text.partition("?")
    path = path if path.startswith("/") else f"/{path}"
    if _DOTTED.search(path):
        kept: list[str] = []
        for part in _DOT.sub(".", path).split("/")[1:]:
            if part == "..":
                kept[-1:] = []
            elif part != ".":
                kept.append(part)
        path = "/" + "/".join(kept)
    return (_NEEDLESS.sub(_character, path) if "%" in path else path) + mark + query


#: Escapes of characters that need none (RFC 3986, 2.3), in lower case.
NEEDLESS = r"%(2[de]|3[0-9]|[46][1-9a-f]|5[0-9af]|7[0-9ae])"
_NEEDLESS = re.compile(NEEDLESS, re.IGNORECASE)


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape.group(1), 16))


#: What browsers leave out of a host, or take for a letter or digit, of which IDNA of 2003 and older tables know nothing
#: (UTS #46, Unicode 17).
_LEFT_OUT = (0x115F, 0x1160, 0x17B4, 0x17B5, 0x180F, 0x2064, 0x3164, 0xFFA0, *range(0x1BCA0, 0x1BCA4))
_MAPPED = str.maketrans(
    dict.fromkeys((*_LEFT_OUT, *range(0xE0100, 0xE01F0)))
    | {0x1CCD6 + at: letter for at, letter in enumerate("abcdefghijklmnopqrstuvwxyz0123456789")}
    | {0xA7F1: "s"}
)


@lru_cache(maxsize=4096)
def _host(text: str) -> tuple[str, str]:
    """A host as it is looked up, and its port, ``""`` for the usual ones."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit():
        host, port = text.rstrip(":"), ""
    host = unquote(host)
    if not host.isascii():
        host = unicodedata.normalize("NFKC", host.translate(_MAPPED)).replace("\u3002", ".")
        try:
            # A name without a point is nobody's; comments in scripts look like it, and IDNA is slow.
            host = host.encode("idna").decode("ascii") if "." in host else host
        except UnicodeError:
            host = host.encode("ascii", "ignore").decode("ascii")
    port = port.lstrip("0")
    return host.lower().rstrip("."), "" if port in {"80", "443"} else port
