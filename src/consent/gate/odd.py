"""Spellings in which something could be hidden, in a tag, a script or a style."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.entities import html5
from typing import NamedTuple

from .address import NEEDLESS
from .imports import PARTING
from .references import in_attribute

__all__ = [
    "BACK",
    "BETWEEN_ADDRESSES",
    "BETWEEN_STRINGS",
    "END",
    "FOLLOWED",
    "IMPORT",
    "NEEDLESS_ESCAPE",
    "ODD",
    "RUNNING",
    "SCRIPT_SCHEME",
    "Odd",
    "is_escaped",
    "is_hiding",
    "parted",
    "unescaped",
]


class Odd(NamedTuple):
    """What may be odd in a simply written tag, or in a script, in two spellings.

    ``searched`` is for lower-case bytes and begins with text that is searched for fast. ``scanned`` finds at least the
    same, in either case, without looking around; of these, several that begin with one text each are found faster than
    one that may begin with any of them.
    """

    searched: re.Pattern[bytes]
    scanned: tuple[bytes, ...]


def _telling_references() -> Odd:
    """Character references that may stand for a part of an address that a browser acts on, but for a host's."""
    harmless = set("&\"'<> ")
    names = {name.lower() for name, text in html5.items() if min(text) < "\x7f" and not harmless.issuperset(text)}
    named = "|".join(sorted(names)).encode()
    hexadecimal = rb"#x0*(?!2[0267]|3[ce])[0-7]?[0-9a-f](?![0-9a-f])"
    decimal = rb"#0*(?!3[2489]|6[02])(?:[0-9]{1,2}|1[01][0-9]|12[0-7])(?![0-9])"
    return Odd(
        re.compile(b"&(?:%b|%b|%b)" % (hexadecimal, decimal, named)),
        (rb"&(?:#x0*[0-7]?[0-9a-f][^0-9a-f]|#0*(?:[0-9]{1,2}|1[01][0-9]|12[0-7])[^0-9]|%b)" % named,),
    )


_HANDLER = Odd(
    re.compile(rb"on(?<=[\t\n\f\r /\"']on)[a-z]+[\t\n\f\r ]*="),
    tuple(start + rb"on[a-z]+[\t\n\f\r ]*=" for start in (rb"\t", rb"\n", rb"\f", rb"\r", rb" ", rb"[\"'/]")),
)
SCRIPT_SCHEME = b"javascript:"
#: An address that runs when it is followed, but for those that do nothing.
FOLLOWED = Odd(
    re.compile(
        rb"javascript:(?!(?<=\"javascript:)(?:void\(0\))?;?\"|(?<='javascript:)(?:void\(0\))?;?')",
    ),
    (rb"javascript:",),
)
NEEDLESS_ESCAPE = Odd(
    re.compile(b"%%(?:%b)" % "|".join(NEEDLESS).encode()), tuple(b"%" + digits.encode() for digits in NEEDLESS)
)
#: A way back from within a path.
BACK = Odd(
    re.compile(rb"/(?<![\"'=\t\n\f\r /(]\.\./)(?<![\"'=\t\n\f\r /(]\./)\.\.?\\?/"),
    (rb"(?:[^.]|[^\"'=\t\n\f\r /(.]\.\.?|\.\.\.)/\.\.?\\?/",),
)
#: All that may be odd in a tag, each match inside it.
ODD = (
    _HANDLER,
    Odd(re.compile(rb"data-(?:purpose|consent)"), (rb"data-(?:purpose|consent)",)),
    # What addresses are relative to, and lists of addresses, which are read whatever is in them.
    Odd(re.compile(rb"<base[\t\n\f\r /]"), (rb"<base[\t\n\f\r /]",)),
    Odd(re.compile(rb"importmap"), (rb"importmap",)),
    Odd(re.compile(rb"speculationrules"), (rb"speculationrules",)),
    Odd(re.compile(rb"webbundle"), (rb"webbundle",)),
    FOLLOWED,
    Odd(  # a scheme without slashes, but for images
        re.compile(rb":(?<=[psa]:)(?!//)(?<=(?:ttp|tps|ftp|wss|[^a-z]ws|ata):)(?<!-data:)(?!(?<=ata:)image/[^s])"),
        (
            rb"(?:ttps?|ftp|wss|[^a-z]ws):(?:[^/\\]|/[^/\\])",
            rb"[^-]data:(?:[^i]|i[^m]|im[^a]|ima[^g]|imag[^e]|image[^/]|image/s)",
        ),
    ),
    Odd(  # a script or a style, whatever its address says of its type
        re.compile(rb"<(?:script|link)[\t\n\f\r /][^<>]*[^<>-]data:"),
        (rb"<(?:script|link)[\t\n\f\r /][^<>]*[^<>-]data:",),
    ),
    _telling_references(),
    NEEDLESS_ESCAPE,
    BACK,
)
#: Those that are scripts.
RUNNING = (_HANDLER, FOLLOWED)
# Within scripts and styles, as :func:`~consent.gate.address.addresses_in` finds addresses: slashes may lean either way,
# and be left out after a scheme.
END = rb"/?#\"'\s<>\\(),;`"
_IN_STRING = rb"(?:\"[^\"\n\r]*|'[^'\n\r]*|`[^`]*)"
#: What is named behind a word for it, if it may be an address: one without a host, any other, or one behind a comment.
_NAMED = (rb"[\"'`][./]", _IN_STRING + rb"(?:\\|/|https?:|wss?:|data:|\t)", rb"(?:`[^`]*[\n\r]|/[*/]|<!--|-->)")


def _naming(word: bytes) -> Odd:
    start = word + rb"[\s(\x1c-\x1f\x80-\xff]*"
    return Odd(re.compile(start + b"(?:%b)" % b"|".join(_NAMED)), tuple(start + named for named in _NAMED))


#: What names an address that a script loads by itself, or a document in one, or may do so behind a comment.
IMPORT = (_naming(rb"import(?:\s*\.\s*(?:source|defer))?"), _naming(rb"from"))
#: Between addresses within other text (:func:`~consent.gate.address.addresses_in`).
BETWEEN_ADDRESSES = bytes.maketrans(b"\t\n\v\f\r \"'`()<>,;", b" " * 15)


#: CSS escapes of what begins an address: a scheme, a colon, slashes. And of line ends and tabs, which may stand
#: anywhere in one and count for nothing (URL Standard, 4.4). Each begins with text that is searched for fast.
_ESCAPES = (
    re.compile(rb"\\(?:[\r\n\fhtpsw]|0{0,4}(?:2f|3a|5c)|0{0,4}(?:[46]8|[57][0347])[^0-9a-f])"),
    re.compile(rb"\\(?<=[\\/htpsw]\\)0{0,5}[9ad][^0-9a-f]"),
    re.compile(rb"ttps?\\:"),
    re.compile(rb"wss?\\:"),
)
#: Tabs in what begins an address.
_TABS = (
    re.compile(rb"/\t+[\\/]"),
    re.compile(rb"\\\t+[\\/]"),
    re.compile(rb"h(?=[tps]*\t)\t*t\t*t\t*p\t*s?\t*:"),
    re.compile(rb"w(?=s*\t)\t*s\t*s?\t*:"),
)
#: How an address begins without these, that may have others; a relative one, too.
_STARTS = (
    re.compile(rb"/[\\/]"),
    re.compile(rb"\\\\"),
    re.compile(rb"ttps?:"),
    re.compile(rb"wss?:"),
    re.compile(rb"url\(\s*[\"']?\s*"),
    re.compile(rb"@import\s*[\"']\s*"),
    re.compile(rb"image-set\(\s*[\"']\s*"),
)
#: An import of what may be a style in an address, however that is spelt.
_STYLE_IMPORT = re.compile(rb"@(?:[a-z-]*\\|import\s*+(?:/\*|[a-z]*+\\|(?:url\()?+[\"'\s]*+data:))")
#: Escapes, and tabs that do not begin a line.
_ESCAPING = (re.compile(rb"\\"), re.compile(rb"\t(?<![\n\r\f\t]\t)"))
#: Between strings in css, as NUL.
BETWEEN_STRINGS = bytes.maketrans(b"\"'\n\r\f", b"\0" * 5)
#: In what may be an address, what ends most.
_ENDING = re.compile(rb"[./:].*[ ,;()`<>]|[ ,;()`<>].*[./:]")
#: Bytes of which these and those above have no more, but for spaces and quotes at their end.
_LONGEST_START = len(b"image-set(")
#: Bytes of which those above have no more behind their last backslash or tab.
_LONGEST_END = len(b"00003a ")
_AROUND_STARTS = b" \t\n\r\f\v\"'"
_PARTING = re.compile(PARTING.encode())
_ADDRESS = re.compile(rb"[^\s\"'`()<>,;]*")


def unescaped(tag: bytes) -> bytes:
    """A tag, or some, with the character references in it undone."""
    return in_attribute(tag.decode("utf-8", "replace")).encode("utf-8", "replace")


def parted(script: bytes) -> bytes:
    """As :func:`~consent.gate.imports.parted` does with text."""
    return _PARTING.sub(lambda found: bytes.fromhex(found[1].decode()), script) if b"\\" in script else script


def is_escaped(tag: bytes) -> bool:
    """Whether an address that runs when it is followed may have escapes in it."""
    return b"%" in tag and SCRIPT_SCHEME in tag.lower()


def _escaped_strings(style: bytes) -> Iterator[bytes]:
    """What may be strings with escapes or tabs in them."""
    marked = style.translate(BETWEEN_STRINGS)
    for escaping in _ESCAPING:
        end = 0
        for found in escaping.finditer(style):
            if found.start() >= end:
                start = marked.rfind(b"\0", 0, found.start())
                end = marked.find(b"\0", found.end())
                end = len(style) if end < 0 else end
                if start >= 0 and style[start] in b"\"'":
                    yield style[start:end]


def is_hiding(style: bytes) -> bool:
    """Whether css escapes, tabs, or a style within may hide an address."""
    low = style.lower()
    if b"text/css" in low or b"\0" in low or _STYLE_IMPORT.search(low):
        return True
    odd = [at for each in (b"\\", b"\t") for at in (low.find(each), low.rfind(each)) if at >= 0]
    if not odd:
        return False
    if any(map(_ENDING.search, _escaped_strings(low))):
        return True
    first, last = max(0, min(odd) - _LONGEST_START), max(odd) + 1
    if any(each.search(low, first, last + _LONGEST_END) for each in (*_ESCAPES, *_TABS)):
        return True
    # An address that has one in it, or behind it, begins no further in front than there is nothing between addresses.
    spaced = low.translate(BETWEEN_ADDRESSES)
    begun = len(low[: spaced.rfind(b" ", 0, min(odd)) + 1].rstrip(_AROUND_STARTS)) - _LONGEST_START
    for start in _STARTS:
        end = 0
        for found in start.finditer(low, max(0, begun), last):
            if found.end() > end:  # else it is within an address that was looked at
                address = _ADDRESS.match(low, found.end())
                end = address.end() if address is not None else len(low)
                if low.find(b"\\", found.end(), end) >= 0 or low.startswith(b"\t", end):
                    return True
    return False
