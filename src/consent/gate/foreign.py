"""Scripts and styles in svg, within HTML: where they end, and what their text is (HTML Standard, 13.2.5 and 13.2.6.5).

There markup may stand in them, as in XML.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

from .encoding import UNREAD
from .references import in_text
from .tokens import Tag, behind, comment_end, read_tag

__all__ = ["INTEGRATION", "child_text", "foreign_end"]

#: HTML goes on inside these parts of svg and MathML (13.2.6, integration points).
INTEGRATION = frozenset({b"title", b"desc", b"foreignobject", b"annotation-xml", b"mi", b"mo", b"mn", b"ms", b"mtext"})
_SECTION = b"<![CDATA["


class _Markup(NamedTuple):
    """One piece of markup. ``end`` is None if it does not end; ``closes``: whether it is an end tag."""

    at: int
    end: int | None
    tag: Tag | None
    closes: bool


def _markup(data: bytes, at: int, limit: int = sys.maxsize) -> Iterator[_Markup]:
    """All from an offset on, up to one that does not end."""
    while (at := data.find(b"<", at, limit)) >= 0:
        closes = data.startswith(b"/", at + 1)
        tag = read_tag(data, at + 1 + closes, limit)
        if tag is not None:
            end: int | None = tag.end
        elif data.startswith(b"<!--", at):
            end = comment_end(data, at)
        elif data.startswith(_SECTION, at):
            end = behind(data, b"]]>", at)
        elif closes or data[at + 1 : at + 2] in {b"!", b"?"}:
            end = behind(data, b">", at + 1)
        elif data[at + 1 : at + 2].isalpha():
            end = None
        else:
            at += 1  # it is text
            continue
        yield _Markup(at, end, tag, closes)
        if end is None:
            return
        at = end


def foreign_end(data: bytes, name: bytes, at: int, limit: int, least: int) -> int | None:
    """Where an element of this name ends whose content begins at ``at``; ``least`` or later.

    None if that is not before ``limit``, or if HTML goes on in it, which may hide its end.
    """
    depth = 1
    for markup in _markup(data, at, limit):
        tag = markup.tag
        if markup.end is None or markup.end > limit or (tag is not None and tag.name in INTEGRATION):
            return None
        if tag is not None and tag.name == name:
            depth += -1 if markup.closes else 0 if tag.self_closing else 1
        if not depth:
            return max(markup.at, least)
    return None


def child_text(text: bytes, read: Callable[[bytes], str]) -> str:
    """What a browser runs of a script's content, or takes for a style: its text, but not that of elements in it.

    ``read``: makes text of bytes. What HTML goes on in is :data:`~consent.gate.encoding.UNREAD`: it has rules of its
    own for where an element ends.

    >>> child_text(b"a<!-- b -->(<g><h>b</g>&#99<g/>d<![CDATA[<&lt;>]]></h>)", bytes.decode)
    'a(cd<&lt;>)'
    """
    kept: list[str] = []
    within: list[bytes] = []
    counts: dict[bytes, int] = {}  # of each name among them
    at = 0
    for markup in _markup(text, 0):
        if not within:
            # A reference ends where the text does.
            kept.append(in_text(read(text[at : markup.at])))
            if markup.tag is None and text.startswith(_SECTION, markup.at):
                kept.append(read(text[markup.at + len(_SECTION) : markup.end].removesuffix(b"]]>")))
        at = len(text) if markup.end is None else markup.end
        tag = markup.tag
        if tag is not None and tag.name in INTEGRATION:
            return UNREAD
        if tag is None or tag.self_closing:
            continue
        if not markup.closes:
            within.append(tag.name)
            counts[tag.name] = counts.get(tag.name, 0) + 1
        while markup.closes and counts.get(tag.name):
            last = within.pop()
            counts[last] -= 1
            if last == tag.name:
                break
    return "".join([*kept, "" if within else in_text(read(text[at:]))])
