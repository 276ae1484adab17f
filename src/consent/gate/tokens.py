"""Reads one tag, and finds where a raw text ends, as the HTML Standard's tokenizer does (13.2.5).

Nothing here remembers anything: bytes and a position in, offsets out. What a tag *means* depends on the tree
around it; that question is :mod:`consent.gate.walk`'s.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Attribute", "Tag", "comment_end", "plain_end", "raw_text_end", "read_tag", "script_end"]

_NAME = re.compile(rb"[a-zA-Z][^\t\n\f\r />]*")
# One attribute, or the ">" that ends the tag. No two ways to match the same bytes, hence no backtracking:
# 1 end; 2 name; 3, 4, 5 value in double, single, no quotes; 6 a quote that nothing closes.
_ATTRIBUTE = re.compile(
    rb"""[\t\n\f\r /]*(?:(>)|([^\t\n\f\r />][^\t\n\f\r />=]*)
    (?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:"([^"]*)"|'([^']*)'|([^\t\n\f\r >"'][^\t\n\f\r >]*)|(?=>)|(["'])))?)""",
    re.VERBOSE,
)
# All attributes of a tag at once: the same, without looking at them, and with no way back (3.11.5: gh-106052).
_REST = (
    re.compile(
        rb"""(?:[\t\n\f\r /]*+[^\t\n\f\r />][^\t\n\f\r />=]*+
        (?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:"[^"]*+"|'[^']*+'|[^\t\n\f\r >"'][^\t\n\f\r >]*+|(?=>))
        |(?![\t\n\f\r ]*=)))*+([\t\n\f\r /]*+)>""",
        re.VERBOSE,
    )
    if sys.version_info >= (3, 11, 5)
    else None
)
# Text, and tags that change nothing for what follows and can load nothing, with attributes that load nothing. Tags and
# values are bounded well below the caps of the walk.
_PLAIN = (
    re.compile(
        rb"""(?:[^<]++|</(?!template)[a-z][a-z0-9-]{0,32}+[\t\n\f\r ]{0,64}+>
        |<(?:a|abbr|address|article|aside|b|blockquote|br|button|caption|center|cite|code|dd|del|details|dfn|div|dl|dt|em
        |fieldset|figcaption|figure|font|footer|form|h[1-6]|header|hgroup|hr|i|ins|kbd|label|legend|li|main|mark|menu|nav|ol
        |optgroup|option|p|pre|q|s|samp|section|small|span|strong|sub|summary|sup|tbody|tfoot|thead|time|u|ul|var|wbr)
        (?:[\t\n\f\r ]{1,64}+(?:
            href=(?:"(?:https?://|[/#?.])[^"]{0,4096}+"|'(?:https?://|[/#?.])[^']{0,4096}+'
                |(?:https?://|[/#?.])[^\t\n\f\r "'>=`<]{0,1024}+)
            |(?!on|style|src|poster|background|lowsrc|dynsrc|data(?!-)|data-(?:purpose|consent)|ping|manifest|archive
            |code|class[^=\t\n\f\r />]|attributionsrc|imagesrcset|fill|stroke|filter|mask|clip|marker|cursor|xlink
            |action|formaction|href(?![a-z]))
            [a-z][a-z0-9-]{0,64}+(?:=(?:"[^"]{0,4096}+"|'[^']{0,4096}+'|[^\t\n\f\r "'>=`<]{1,1024}+))?+
        )){0,48}+[\t\n\f\r ]{0,64}+>)*+""",
        re.VERBOSE | re.IGNORECASE,
    )
    if sys.version_info >= (3, 11, 5)
    else re.compile(rb"")
)
_SCRIPT_MARK = re.compile(rb"<!--|<(/?)script(?=[\t\n\f\r />])", re.IGNORECASE)
_COMMENT_END = re.compile(rb"--!?>")


class Attribute(NamedTuple):
    """One attribute: its lower-case name, its value as written, and where its name begins."""

    name: bytes
    value: bytes
    at: int


class Tag:
    """A start or end tag: lower-case name, where that name ends, attributes, the offset after ``>``.

    Attributes are read when somebody asks for them: most tags are nobody's.
    """

    __slots__ = ("_attributes", "_data", "end", "name", "name_end", "self_closing")

    def __init__(
        self,
        name: bytes,
        name_end: int,
        end: int,
        *,
        self_closing: bool,
        data: bytes = b"",
        attributes: tuple[Attribute, ...] | None = None,
    ) -> None:
        self.name = name
        self.name_end = name_end
        self.end = end
        self.self_closing = self_closing
        self._data = data
        self._attributes = attributes

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """All attributes, as they stand."""
        if self._attributes is None:
            self._attributes = tuple(_attributes(self._data, self.name_end, self.end))
        return self._attributes

    def get(self, name: bytes) -> bytes | None:
        """The value that a browser takes: the first of that name."""
        return next((attribute.value for attribute in self.attributes if attribute.name == name), None)


def read_tag(data: bytes, at: int, limit: int = sys.maxsize) -> Tag | None:
    """The tag whose name begins at ``at`` (after ``<`` or ``</``); None if it does not end before ``limit``."""
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
    return Tag(name.group().lower(), name.end(), rest.end(), self_closing=slash, data=data)


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
            return Tag(name.group().lower(), name.end(), position, self_closing=slash, data=data)


def _attributes(data: bytes, position: int, end: int) -> Iterator[Attribute]:
    while True:
        found = _ATTRIBUTE.match(data, position, end)
        if found is None or found.group(1):
            return
        value = found.group(3) or found.group(4) or found.group(5) or b""
        yield Attribute(found.group(2).lower(), value, found.start(2))
        position = found.end()


def plain_end(data: bytes, at: int) -> int:
    """Where the run of text and of tags that are surely nobody's ends that begins at ``at``."""
    found = _PLAIN.match(data, at)
    return found.end() if found is not None else at


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
    escape_end = at  # where the "-->" ends that closes a "<!--"
    doubly = False
    for found in _SCRIPT_MARK.finditer(data, at, limit):
        start = found.start()
        escaped = start < escape_end
        doubly = doubly and escaped
        if found.group() == b"<!--":
            if not escaped:
                end = data.find(b"-->", start + 2, limit)
                escape_end = end + 3 if end >= 0 else sys.maxsize
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
