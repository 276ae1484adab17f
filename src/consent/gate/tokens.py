"""Reads one tag, and finds where a raw text ends, as the HTML Standard's tokenizer does (13.2.5).

Nothing here remembers anything: bytes and a position in, offsets out. What a tag *means* depends on the tree
around it; that question is :mod:`consent.gate.walk`'s.
"""

from __future__ import annotations

import re
import sys
from typing import NamedTuple

__all__ = ["Attribute", "Tag", "comment_end", "raw_text_end", "read_tag", "script_end"]

_NAME = re.compile(rb"[a-zA-Z][^\t\n\f\r />]*")
# One attribute, or the ">" that ends the tag. No two ways to match the same bytes, hence no backtracking:
# 1 end; 2 name; 3, 4, 5 value in double, single, no quotes; 6 a quote that nothing closes.
_ATTRIBUTE = re.compile(
    rb"""[\t\n\f\r /]*(?:(>)|([^\t\n\f\r />][^\t\n\f\r />=]*)
    (?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:"([^"]*)"|'([^']*)'|([^\t\n\f\r >"'][^\t\n\f\r >]*)|(?=>)|(["'])))?)""",
    re.VERBOSE,
)
_SCRIPT_MARK = re.compile(rb"<!--|<(/?)script(?=[\t\n\f\r />])", re.IGNORECASE)
_COMMENT_END = re.compile(rb"--!?>")


class Attribute(NamedTuple):
    """One attribute: its lower-case name, its value as written, and where its name begins."""

    name: bytes
    value: bytes
    at: int


class Tag(NamedTuple):
    """A start or end tag: lower-case name, where that name ends, attributes, the offset after ``>``."""

    name: bytes
    name_end: int
    attributes: tuple[Attribute, ...]
    end: int
    self_closing: bool

    def get(self, name: bytes) -> bytes | None:
        """The value that a browser takes: the first of that name."""
        return next((attribute.value for attribute in self.attributes if attribute.name == name), None)


def read_tag(data: bytes, at: int, limit: int = sys.maxsize) -> Tag | None:
    """The tag whose name begins at ``at`` (after ``<`` or ``</``); None if it does not end before ``limit``."""
    name = _NAME.match(data, at, limit)
    if name is None:
        return None
    attributes: list[Attribute] = []
    position = name.end()
    while True:
        found = _ATTRIBUTE.match(data, position, limit)
        if found is None or found.group(6) is not None:
            return None
        if found.group(1):
            end = found.end()
            # A slash that belongs to a value without quotes was read with it: <a href=/>.
            slash = end - 2 >= found.start() and data[end - 2] == 0x2F
            return Tag(name.group().lower(), name.end(), tuple(attributes), end, slash)
        value = found.group(3) or found.group(4) or found.group(5) or b""
        attributes.append(Attribute(found.group(2).lower(), value, found.start(2)))
        position = found.end()


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
