"""What browsers take for an address, and where it leads.

Addresses are read as a browser reads them (WHATWG URL Standard); where a spelling is too odd to be sure, it is read in
every way that it could be. Within other text, in css, scripts and documents, whatever may be one is found.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b64decode
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, unquote_to_bytes

from .encoding import UNREAD, hosts_otherwise, readings_of
from .imports import undone
from .references import in_attribute, in_text

__all__ = [
    "NEEDLESS",
    "PLAIN_START",
    "Address",
    "addresses_in",
    "document_in",
    "documents_in",
    "host_of",
    "opened",
    "readings",
    "refresh_addresses",
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
_ODD_HOST = re.compile(r"//([^\s/?#\\<>,;'()\"`]*[,;'()\"`][^\s/?#\\<>]*)")
_IN_ODD_HOST = re.compile(r"[,;'()\"`]")
_SCHEME_END = re.compile(r"(?:https?|wss?):\Z", re.IGNORECASE)
_CSS_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})(?:\r\n|[ \t\n\r\f])?|\r\n|[\n\r\f]|([^0-9a-fA-F\n\r\f]))")
#: An address in css without quotes, and where one with them ends that nothing closes.
_CSS_URL = re.compile(r"\((?<=[uU][rR][lL]\()\s*((?:[^\s\"'()\\]|\\(?:[0-9a-fA-F]{1,6}\s?|.))+)", re.DOTALL)
#: What is between strings, or has nothing in it that addresses have.
_NO_ADDRESS = re.compile(r"(?i:\s*data:)|\s*(?![/\\.\s]|[a-zA-Z]+:)[^{}]*[{}]|[^/:.\\]*\Z")
_CSS_LINE_END = re.compile(r"(?<!\\)[\n\r\f]")
_REFRESH = re.compile(r"[\s\d.]*[;,]?\s*(?:url\s*=\s*)?([\"']?)(.*)", re.IGNORECASE | re.DOTALL)
#: Bytes with which no ``data:`` and no ``javascript:`` address begins, but most others do.
PLAIN_START = frozenset(b"hH/#?")
_DATA_START = re.compile(r"[\x00-\x20]*[dDjJ]")
_DATA = re.compile(r"[\x00-\x20]*(?:(data)|javascript):", re.IGNORECASE)
#: Types of data: that cannot reach anybody.
_DEAD = re.compile(
    r"\s*(?:image/(?!svg)|audio/|video/|font/|model/|application/(?:font|x-font|pdf|octet-stream|wasm))", re.IGNORECASE
)
#: Styles in addresses, of which styles import some: whatever type these have, where a page has no doctype.
_DATA_STYLE = (
    re.compile(r":(?<=[aA]:)(?i:(?<=data:)\s*text/css)"),
    re.compile(r"@(?i:import\s*+(?:/\*|(?:url\()?+[\"'\s]*+data:))"),
)
_DATA_ADDRESS = re.compile(r":(?<=[aA]:)(?i:(?<=data:))")
#: What in svg and XML is none of the text around it.
_MARKUP = re.compile(r"<!--(?:-?>|.*?(?:--!?>|\Z))|<!\[CDATA\[|\]\]>|<[^>]*(?:>|\Z)", re.DOTALL)
#: What in XML stands for other text, or adds some.
_DECLARING = re.compile(r"<(?:!(?:ENTITY|ATTLIST)|\?xml-stylesheet)")
_ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}")
_DATA_BASE64 = re.compile(r";\s*base64\s*,([A-Za-z0-9+/%\s]+)", re.IGNORECASE)
_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/]+")
#: How many addresses within each other are read.
_DEPTH = 8
#: So many times a document's own characters are read within it.
_ROOM = 32


class Address(NamedTuple):
    """Where a URL leads: ``host`` lower case ASCII, ``port`` or "", ``path`` with its query."""

    host: str
    port: str
    path: str
    own: bool


def addresses_in(text: str, *, css: bool = False) -> list[str]:
    """What looks like an absolute address within a script or css, escapes undone; in css, like a relative one, too."""
    style = text
    if "\\" in text:
        text = _css(text) if css else f"{text} {text.replace(chr(92) + '/', '/')}"
    for left_out in "\t\0" if css else "":  # the one in addresses, the other by Chromium's preload scanner
        if left_out in text:
            text = f"{text} {text.replace(left_out, '')}"
    addresses = [_scheme(text, found.start()) + found.group() for found in _SLASHED.finditer(text)]
    if "\\" in text:
        for leaning in _LEANING:
            addresses += [_scheme(text, found.start()) + found.group() for found in leaning.finditer(text)]
    if ":" in text:
        addresses += [_scheme(text, found.start() + 1) + found.group()[1:] for found in _SCHEMED.finditer(text)]
    if css:
        return addresses + _css_addresses(style)
    # A host may have characters in it that end most addresses; all below a known one are asked for alike.
    addresses += [
        f"//x{rest}"
        for found in _ODD_HOST.finditer(text)
        for rest in _IN_ODD_HOST.split(found.group(1))[1:]
        if "." in rest and len(rest) <= _USUAL_HOST
    ]
    return addresses


def _css_addresses(style: str) -> list[str]:
    """The addresses in css as a whole, which other text ends sooner: all that may be in quotes or in ``url()``."""
    found = _CSS_URL.findall(style)
    for quote in "\"'":
        # Behind every quote, as one in a comment would open what another one closes.
        found += [_CSS_LINE_END.split(each, maxsplit=1)[0] for each in style.split(quote)[1:]]
    escaped = [_CSS_ESCAPE.sub(_unescaped, each) for each in found if "\\" in each]
    hidden = [each.replace("\0", "") for each in (*found, *escaped) if "\0" in each]
    return [each for each in dict.fromkeys((*found, *escaped, *hidden)) if _NO_ADDRESS.match(each) is None]


def opened(style: str) -> str:
    """A style, with all that it imports from ``data:`` addresses behind it; and :data:`UNREAD`, if that goes on and on.

    >>> opened("@import 'data:text/css,@import %27//tracker.example/%27;'").count("//tracker.example/'")
    1
    """
    text = _css(style)
    return _with_documents(text) if any(kind.search(text) for kind in _DATA_STYLE) else style


def _css(text: str) -> str:
    """A text as it is, and the escapes of css in it undone."""
    return f"{text} {_CSS_ESCAPE.sub(_unescaped, text)}" if "\\" in text else text


def _with_documents(text: str, document: bytes = b"") -> str:
    """A text and that of all documents in its addresses, with what may be hosts in other encodings.

    ``document``: the bytes that the text is, if it may be in another.
    """
    texts, level, documents, room = [text], [text], [document], _ROOM * len(text)
    for _ in range(_DEPTH):
        outer, level = level, []
        for inner in dict.fromkeys(inner for each in outer for inner in _data_in(each)):
            read = _read_document(inner)
            room -= len(read)
            if room < 0:
                return "\n".join((*texts, UNREAD))
            level.append(read)
            documents.append(inner)
        if not level:
            break
        texts += level
    else:
        texts.append(UNREAD)
    return "\n".join((*texts, *map(in_text, hosts_otherwise(b" ".join(documents), document=True))))


def _read_document(document: bytes) -> str:
    """A document's text in every way in which a part of it may be read: as markup, css or a script."""
    raw = readings_of(document)
    text = in_text(raw)
    ways = (raw, _css(text), in_attribute(raw), undone(raw), _STRIPPED.sub("", text), _MARKUP.sub("", raw))
    return "\n".join(dict.fromkeys(ways))


def _data_in(text: str) -> Iterator[bytes]:
    """What is within the ``data:`` addresses in a text, with whatever stands around it."""
    found = _DATA_ADDRESS.search(text)
    if found is None:
        return
    if _ESCAPED.search(text, found.end()):
        yield unquote_to_bytes(text[found.end() :])
    for content in _DATA_BASE64.finditer(text, found.end()):
        yield _bytes_of(content.group(1))


def _bytes_of(content: str) -> bytes:
    """What base64 is, or begins with."""
    digits = _NO_BASE64.sub("", unquote(content).partition("=")[0])
    digits = digits[:-1] if len(digits) % 4 == 1 else digits
    return b64decode(digits + "=" * (-len(digits) % 4))


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


def refresh_addresses(content: str) -> list[str]:
    """Where a refresh may lead (HTML Standard, shared declarative refresh steps).

    Where it stands in quotes, the standard ends it at the next one, and Chromium at the last.
    """
    found = _REFRESH.match(content)
    assert found is not None
    quote, address = found.groups()
    if not quote:
        return [address]
    return [*dict.fromkeys((address.partition(quote)[0], address.rpartition(quote)[0] or address, address))]


def documents_in(url: str, *, typed: bool = True) -> list[bytes]:
    """What a ``data:`` URL may be, or the script that a ``javascript:`` one is, if that could reach anybody.

    A script has its escapes undone, as it may return a document. ``typed``: whether its type says what a browser takes
    it for.
    """
    if _DATA_START.match(url) is None:
        return []
    url = _STRIPPED.sub("", url)
    found = _DATA.match(url)
    if found is None:
        return []
    body = url[found.end() :]
    if found.group(1) is None:
        return [undone(unquote(body)).encode()]
    kind, _, content = body.partition(",")
    if typed and _DEAD.match(kind):
        return []
    documents = [unquote_to_bytes(content)]
    # What is not quite the word makes it text to a browser.
    if "base64" in kind.lower():
        documents.append(_bytes_of(content.partition("#")[0]))
    return documents


def document_in(url: str, *, typed: bool = True, framed: bool = False) -> str:
    """The text of :func:`documents_in`, in every way in which it may be read, with all that is in their own ``data:``
    addresses behind it; ``""`` if there are none. And :data:`UNREAD`, if these go on and on.

    ``framed``: whether it is shown as a document; if so, what is declared in it is not read.
    """
    documents = documents_in(url, typed=typed)
    if not documents:
        return ""
    texts = [_read_document(document) for document in documents]
    if url.lstrip(_EDGES)[:1] not in "dD":
        texts.append(unquote(_STRIPPED.sub("", url)))  # the script as it is written
    if framed and any(map(_DECLARING.search, texts)):
        texts.append(UNREAD)
    return _with_documents("\n".join(texts), b" ".join(documents))


def readings(url: str, site: str) -> list[Address]:
    """Every way in which a browser could read an address."""
    plain = _PLAIN.match(url)
    if plain is not None:
        host, path, query = plain.groups()
        path = _NEEDLESS.sub(_character, path) if "%" in path else path or "/"
        return [Address(host, "", path + query, own=(host, "") == host_of(site))]
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
    host, port = host_of(site)
    return Address(host, port, _path(text.partition("#")[0]), own=True)


def _absolute(text: str, site: str) -> Address:
    authority = _AUTHORITY.match(text)
    assert authority is not None
    host, port = host_of(authority.group(1).rpartition("@")[2])
    return Address(host, port, _path(authority.group(2).partition("#")[0]), own=(host, port) == host_of(site))


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
        parts = _DOT.sub(".", path).split("/")[1:]
        for part in parts:
            if part == "..":
                kept[-1:] = []
            elif part != ".":
                kept.append(part)
        path = "/" + "/".join(kept) + ("/" if kept and parts[-1] in {".", ".."} else "")
    return (_NEEDLESS.sub(_character, path) if "%" in path else path) + mark + query


#: Digits of escapes of characters that need none (RFC 3986, 2.3), in lower case.
NEEDLESS = ("2[de]", "3[0-9]", "[46][1-9a-f]", "5[0-9af]", "7[0-9ae]")
_NEEDLESS = re.compile(f"%({'|'.join(NEEDLESS)})", re.IGNORECASE)


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


#: Characters; what is longer, which a visitor may have made so long, is not remembered.
_USUAL_HOST = 300


def host_of(text: str) -> tuple[str, str]:
    """A host as it is looked up, and its port, ``""`` for the usual ones."""
    return _host_of(text) if len(text) <= _USUAL_HOST else _host_of.__wrapped__(text)


@lru_cache(maxsize=4096)
def _host_of(text: str) -> tuple[str, str]:
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
