"""Reads one tag, and finds where a raw text ends, as the HTML Standard's tokenizer does (13.2.5).

Nothing here remembers anything: bytes and a position in, offsets out. What a tag *means* depends on the tree
around it; that question is :mod:`consent.gate.walk`'s.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple, TypeAlias

from . import native

__all__ = [
    "TAG_CAP",
    "TEXT_CAP",
    "Attribute",
    "Tag",
    "behind",
    "comment_end",
    "harmless_end",
    "is_label",
    "plain_end",
    "raw_text_end",
    "read_tag",
    "script_end",
]

#: Bytes. A longer tag is reported unread. (Editors paste photographs into pages as ``data:`` addresses.)
TAG_CAP = 1 << 22
#: Bytes of a script, style or comment that are waited for; a longer script or style is reported with what there is.
TEXT_CAP = 1 << 22

_NAME = re.compile(rb"[a-zA-Z][^\t\n\f\r />]*")
# One attribute, or the ">" that ends the tag. No two ways to match the same bytes, hence no backtracking:
# 1 end; 2 name; 3, 4, 5 value in double, single, no quotes; 6 a quote that nothing closes.
_ATTRIBUTE = re.compile(
    rb"""[\t\n\f\r /]*(?:(>)|([^\t\n\f\r />][^\t\n\f\r />=]*)
    (?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:"([^"]*)"|'([^']*)'|([^\t\n\f\r >"'][^\t\n\f\r >]*)|(?=>)|(["'])))?)""",
    re.VERBOSE,
)


def _possessive(pattern: bytes, flags: int = 0) -> re.Pattern[bytes] | None:
    """An expression that never goes back, compiled; None where that is not reliable yet (3.11.5: gh-106052)."""
    return re.compile(pattern, re.VERBOSE | flags) if sys.version_info >= (3, 11, 5) else None


# All attributes of a tag at once: the same, without looking at them.
_REST = _possessive(
    rb"""(?:[\t\n\f\r /]*+[^\t\n\f\r />][^\t\n\f\r />=]*+
    (?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:"[^"]*+"|'[^']*+'|[^\t\n\f\r >"'][^\t\n\f\r >]*+|(?=>))
    |(?![\t\n\f\r ]*=)))*+([\t\n\f\r /]*+)>"""
)
# The rest of a tag that is simply written: no two readers could take it for something else. Its values hold no "<",
# ">", "\\", tab or line break, and what may be a quote is one. It and a comment stay below the caps of the walk.
_VALUES = rb"""(?:[^<>"'=]{1,8192}+(?<=[^\t\n\f\r />"'=<])=(?:"[^"<>\\\t\n\r]{0,32768}+"|'[^'<>\\\t\n\r]{0,32768}+'
    |[^\t\n\f\r "'<>=`\\]{1,32768}+(?=[\t\n\f\r >]))){0,64}+"""
_SIMPLE = rb"""(?:>|""" + _VALUES + rb"""[^<>"'=]{0,8192}+>)"""
_SIMPLE_COMMENT = rb"!--[^>-]{1,8192}+(?:-[^>-]{1,8192}+){0,64}+-->"
_SIMPLE_TAG = _possessive(
    rb"""([a-zA-Z][^\t\n\f\r />"'=<]{0,64}+)(?=[\t\n\f\r />])""" + _VALUES + rb"""([^<>"'=]{0,8192}+)>"""
)
# What follows the name of a start tag and of an end tag, if they are simply written.
_START = rb"(?=[\t\n\f\r />])" + _SIMPLE
_END = rb"[\t\n\f\r ]{0,64}+>"
# Such tags after which a browser goes on in the same state.
_PLAIN_TAG = rb"""(?:/[a-zA-Z][^\t\n\f\r />"'=<]{0,64}+%b
    |(?:(?=[abdeghjkloqruvwyz])|(?!(?i:(?:s(?:cript|tyle|vg|elect)|xmp|iframe|no(?:embed|frames|script)
        |t(?:extarea|itle|emplate)|plaintext|frameset|math|col)[\t\n\f\r />])))
        [a-zA-Z][^\t\n\f\r />"'=<]{0,64}+%b)""" % (_END, _SIMPLE)
# In svg, MathML and selects: elements that do not change how what is in them is read, and those in which HTML would
# go on, with nothing in them but text, and comments that it does not matter to take for such.
_SHAPE = rb"""(?:annotation|circle|defs|ellipse|g|line|linear[gG]radient|mfrac|mover|mpadded|mroot|mrow|mspace|msqrt
    |mstyle|msub|msubsup|msup|mtable|mtd|mtr|munder|munderover|optgroup|option|path|polygon|polyline|radial[gG]radient
    |rect|semantics|stop|symbol|text|tspan|use)"""
_LABEL_TEXT = rb"[^<]*(?:<!--[^<>-]+(?:-[^<>-]+)*-->[^<]*)*"
_LABEL = rb"(?P<label>title|desc|m[inos]|mtext)%b(?<!/>)(?>%b)</(?P=label)%b" % (_START, _LABEL_TEXT, _END)
_WITHIN = rb"(?:[^<]*+<(?:/%b%b|%b%b|%b|%b))*+[^<]*+" % (_SHAPE, _END, _SHAPE, _START, _SIMPLE_COMMENT, _LABEL)
_SPACES = rb"[\t\n\f\r ]*+"
_PLAIN_IN = {
    "head": _possessive(
        rb"(?:%b<(?:/(?:script|style|title|link|meta)>|(?:link|meta)%b|title%b[^<]*+</title>|%b))*+%b"
        % (_SPACES, _START, _START, _SIMPLE_COMMENT, _SPACES)
    ),
    "body": _possessive(rb"(?:[^<]*+<(?:%b|%b))*+[^<]*+" % (_PLAIN_TAG, _SIMPLE_COMMENT)),
    "within": _possessive(_WITHIN),
}
# Whole elements, of which the start tags are simply written: scripts and styles with an ordinary text, svg and such
# with what is plain in them, frames without a document of their own, and noscripts that hold plain tags.
_ELEMENT = _possessive(
    b"<(?:"
    + b"|".join(
        [
            rb"(?i:script)%b(?P<script>(?:[^<]++|<(?!(?i:/?script)|!--))*+)</(?i:script)%b" % (_START, _END),
            rb"(?i:style)%b(?P<style>(?:[^<]++|<(?!(?i:/style)))*+)</(?i:style)%b" % (_START, _END),
            rb"(?P<other>svg|math|select)%b(?<!/>)%b</(?P=other)>" % (_START, _WITHIN),
            rb"(?i:iframe)(?![^<>]*(?i:srcdoc))%b[^<]*+</(?i:iframe)%b" % (_START, _END),
            rb"(?i:noscript)%b(?:[^<]*+<(?!(?i:/noscript))%b)*+[^<]*+</(?i:noscript)%b" % (_START, _PLAIN_TAG, _END),
        ]
    )
    + b")"
)
# A tag that can load nothing, with attributes that load nothing, wherever they lead.
_HARMLESS = _possessive(
    rb"""<(?:a|abbr|address|article|aside|b|blockquote|br|button|caption|center|cite|code|dd|del|details|dfn|div|dl|dt|em
        |fieldset|figcaption|figure|font|footer|form|h[1-6]|header|hgroup|hr|i|ins|kbd|label|legend|li|main|mark|menu|nav|ol
        |optgroup|option|p|pre|q|s|samp|section|small|span|strong|sub|summary|sup|tbody|tfoot|thead|time|u|ul|var|wbr)
        (?:[\t\n\f\r ]{1,64}+(?:
            href=(?:"(?:https?://|[/#?.])[^"]*+"|'(?:https?://|[/#?.])[^']*+'|(?:https?://|[/#?.])[^\t\n\f\r "'>=`<]*+)
            |(?!on|style|src|poster|background|lowsrc|dynsrc|data(?!-)|data-(?:purpose|consent)|ping|manifest|archive
            |code|class[^=\t\n\f\r />]|attributionsrc|imagesrcset|fill|stroke|filter|mask|clip|marker|cursor|xlink
            |action|formaction|href(?![a-z]))
            [a-z][a-z0-9-]*+(?:=(?:"[^"]*+"|'[^']*+'|[^\t\n\f\r "'>=`<]++))?+
        ))*+[\t\n\f\r ]*+>""",
    re.IGNORECASE,
)
_IS_LABEL_TEXT = re.compile(_LABEL_TEXT)
_SCRIPT_MARK = re.compile(rb"<!--|<(/?)script(?=[\t\n\f\r />])", re.IGNORECASE)
_COMMENT_END = re.compile(rb"--!?>")


#: As many attributes are as well looked through as sorted.
_FEW = 16

Place: TypeAlias = Literal["head", "body", "within"]


class Attribute(NamedTuple):
    """One attribute: its lower-case name, its value as written, and where its name begins."""

    name: bytes
    value: bytes
    at: int


#: What makes one of a tuple, as ``_make`` does, and faster.
_attribute: Callable[[tuple[bytes, bytes, int]], Attribute] = partial(tuple.__new__, Attribute)


class Tag:
    """A start or end tag: lower-case name, where that name ends, attributes, the offset after ``>``.

    Attributes are read when somebody asks for them: most tags are nobody's. ``simple``: whether it is a start tag that
    is surely written simply.
    """

    __slots__ = ("_attributes", "_data", "_values", "end", "name", "name_end", "self_closing", "simple")

    def __init__(
        self,
        name: bytes,
        name_end: int,
        end: int,
        self_closing: bool,
        simple: bool = False,
        *,
        data: bytes = b"",
        attributes: tuple[Attribute, ...] | None = None,
    ) -> None:
        self.name = name
        self.name_end = name_end
        self.end = end
        self.self_closing = self_closing
        self.simple = simple
        self._data = data
        self._attributes = attributes
        self._values: dict[bytes, bytes] | None = None  # one tag may have many attributes, and be asked at each

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """All attributes, as they stand."""
        if self._attributes is None:
            self._attributes = _attributes(self._data, self.name_end, self.end)
        return self._attributes

    def get(self, name: bytes) -> bytes | None:
        """The value that a browser takes: the first of that name."""
        if self._values is None:
            attributes = self.attributes
            if len(attributes) <= _FEW:
                for each in attributes:
                    if each.name == name:
                        return each.value
                return None
            self._values = {name: value for name, value, _ in reversed(attributes)}
        return self._values.get(name)


def read_tag(data: bytes, at: int, limit: int = sys.maxsize) -> Tag | None:
    """The tag whose name begins at ``at`` (after ``<`` or ``</``); None if it does not end before ``limit``."""
    if native.fast is not None:
        read = native.fast.read_tag(data, at, limit)
        return Tag(*read, data=data) if read is not None else None
    simple = _SIMPLE_TAG.match(data, at, limit) if _SIMPLE_TAG is not None else None
    if simple is not None:
        slash = simple.group(2).endswith(b"/")
        return Tag(simple.group(1).lower(), simple.end(1), simple.end(), slash, True, data=data)
    name = _NAME.match(data, at, limit)
    if name is None:
        return None
    if _REST is None:
        return _read_tag(data, name, limit)
    rest = _REST.match(data, name.end(), limit)
    if rest is None:
        return None
    # A slash that belongs to a value without quotes was read with it: <a href=/>.
    slash = rest.end(1) > rest.start(1) and data[rest.end(1) - 1] == 0x2F
    return Tag(name.group().lower(), name.end(), rest.end(), slash, data=data)


def _read_tag(data: bytes, name: re.Match[bytes], limit: int) -> Tag | None:
    """The same, an attribute at a time."""
    position = name.end()
    while True:
        found = _ATTRIBUTE.match(data, position, limit)
        if found is None or found.group(6) is not None:
            return None
        position = found.end()
        if found.group(1):
            slash = position - 2 >= found.start() and data[position - 2] == 0x2F
            return Tag(name.group().lower(), name.end(), position, slash, data=data)


def _attributes(data: bytes, position: int, end: int) -> tuple[Attribute, ...]:
    """Those of a tag that ends, each of which begins where the one before it ended."""
    if native.fast is not None:
        return tuple(map(_attribute, native.fast.attributes(data, position, end)))
    attributes: list[Attribute] = []
    for found in _ATTRIBUTE.finditer(data, position, end):
        name, double, single, bare = found.group(2, 3, 4, 5)
        if name is None:
            break
        attributes.append(Attribute(name.lower(), double or single or bare or b"", found.start(2)))
    return tuple(attributes)


def plain_end(data: bytes, at: int, limit: int = sys.maxsize, *, place: Place) -> int:
    """Where the run ends, at ``limit`` or before it, of text and simply written tags that begins at ``at``.

    None of them changes how what follows is read. ``place``: where that is: in the head, in the body, or within an
    element of either in which other rules hold, which is svg, MathML or a select.
    """
    plain = _PLAIN_IN[place]
    found = plain.match(data, at, limit) if plain is not None else None
    return found.end() if found is not None else at


def element(data: bytes, at: int) -> re.Match[bytes] | None:
    """The whole ordinary element that begins at ``at``; the text of a script or style is in the group of its name."""
    return _ELEMENT.match(data, at) if _ELEMENT is not None else None


def harmless_end(data: bytes, at: int) -> int | None:
    """Where a start tag ends that can load nothing and run nothing, whatever addresses are in it; None if it may."""
    found = _HARMLESS.match(data, at) if _HARMLESS is not None else None
    return found.end() if found is not None else None


def is_label(data: bytes, at: int, end: int) -> bool:
    """Whether HTML, svg and MathML read what is between these alike: text, and comments with no tag in them."""
    return _IS_LABEL_TEXT.fullmatch(data, at, end) is not None


def behind(data: bytes, mark: bytes, at: int) -> int | None:
    """The offset behind the next mark; None if there is none."""
    found = data.find(mark, at)
    return found + len(mark) if found >= 0 else None


def comment_end(data: bytes, at: int) -> int | None:
    """The offset after the comment whose ``<!--`` begins at ``at``; None if the data ends within it (13.2.5.43)."""
    if data.startswith(b">", at + 4):
        return at + 5
    if data.startswith(b"->", at + 4):
        return at + 6
    found = _COMMENT_END.search(data, at + 4)
    return found.end() if found else None


def raw_text_end(data: bytes, name: bytes, at: int, limit: int = sys.maxsize) -> int | None:
    """Where ``</name`` ends a raw text that begins at ``at``; None if it does not before ``limit`` (13.2.5.9 to 14)."""
    found = _end_tag(name).search(data, at, limit)
    return found.start() if found else None


def script_end(data: bytes, at: int, limit: int = sys.maxsize) -> int | None:
    """Where ``</script`` ends a script whose text begins at ``at``; None if it does not before ``limit``.

    Within ``<!--``, a ``<script`` makes the next ``</script`` part of the text (13.2.5.4, 15 to 31).
    """
    escaped = -1  # from where on the "-->" is looked for that closes a "<!--"
    doubly = False
    for found in _SCRIPT_MARK.finditer(data, at, limit):
        start = found.start()
        if escaped >= 0:
            escaped = -1 if data.find(b"-->", escaped, start) >= 0 else start
        doubly = doubly and escaped >= 0
        if found.group() == b"<!--":
            if escaped < 0:
                escaped = start + 2
        elif found.group(1):
            if not doubly:
                return start
            doubly = False
        else:
            doubly = True  # if within the escape, which the next mark asks
    return None


_END_TAGS: dict[bytes, re.Pattern[bytes]] = {}


def _end_tag(name: bytes) -> re.Pattern[bytes]:
    if name not in _END_TAGS:
        _END_TAGS[name] = re.compile(rb"</" + re.escape(name) + rb"(?=[\t\n\f\r />])", re.IGNORECASE)
    return _END_TAGS[name]
