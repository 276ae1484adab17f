"""What XML reads in a page that HTML does not: what hides addresses from a reader of tags, and where scripts end.

Sources: XML 1.0 (2.3 to 2.8, 3.3, 4.2), Associating Style Sheets with XML Documents 1.0, DOM (child text content).
"""

from __future__ import annotations

import re
import sys

__all__ = ["Markup", "child_text", "text_end"]

_TEXT = re.compile(rb"<(?:!(?:--|\[CDATA\[|DOCTYPE|ENTITY|ATTLIST)?|\?(?:xml-stylesheet(?=[\t\n\r ?]))?|[^!?/])")
#: The bytes of the longest of these, with the one that is looked at after it.
_LONGEST = len("<?xml-stylesheet ")
_COMMENT, _INSTRUCTION, _SECTION = re.compile(b"-->"), re.compile(rb"\?>"), re.compile(rb"\]\]>")
_DOCTYPE, _DOUBLE, _SINGLE = re.compile(rb"[\"'\[>]"), re.compile(b'"'), re.compile(b"'")
#: Where what is read leads, by where that is; everything else leads to text.
_AFTER = {
    (_TEXT, b"<!--"): _COMMENT,
    (_TEXT, b"<?"): _INSTRUCTION,
    (_TEXT, b"<![CDATA["): _SECTION,
    (_TEXT, b"<!DOCTYPE"): _DOCTYPE,
    (_DOCTYPE, b'"'): _DOUBLE,
    (_DOCTYPE, b"'"): _SINGLE,
    (_DOUBLE, b'"'): _DOCTYPE,
    (_SINGLE, b"'"): _DOCTYPE,
}
_HIDES = {
    b"[": "XHTML with declarations of its own in its DOCTYPE",
    b"<!ENTITY": "XHTML with entities of its own",
    b"<!ATTLIST": "XHTML with attributes that a declaration adds",
    b"<?xml-stylesheet": "XHTML with <?xml-stylesheet?>: use <link>",
}


class Markup:
    """Looks a page over, in pieces cut anywhere, for what would hide addresses. Only in XML does it."""

    def __init__(self) -> None:
        #: Whether an element was there.
        self.begun = False
        self._where = _TEXT
        self._rest = b""

    def hides(self, data: bytes) -> str:
        """What in the page's next bytes hides addresses; ``""`` if nothing does."""
        data = self._rest + data
        at = 0
        while (found := self._where.search(data, at)) is not None:
            mark = found.group()
            if mark in _HIDES:
                return _HIDES[mark]
            if mark.startswith((b"<!", b"<?")):
                if len(data) - found.start() < _LONGEST:
                    break
            elif mark.startswith(b"<"):
                if not mark[1:].isalpha():
                    return "XHTML with an element whose name begins with no letter of ASCII"
                self.begun = True
            self._where = _AFTER.get((self._where, mark), _TEXT)
            at = found.end()
        # What may be the beginning of something.
        self._rest = data[found.start() :] if found is not None else data[max(at, len(data) - 2) :]
        return ""


#: Markup within an element: comments, instructions, sections and tags; no two ways to match the same.
_MARKUP = re.compile(
    rb"<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z)|<!\[CDATA\[(?P<section>.*?)(?:\]\]>|\Z)"
    rb"|<(?P<slash>/?)(?P<name>[^\t\n\r !?/<>\"'=]++)[^<>\"']*(?:(?:\"[^\"<]*\"|'[^'<]*')[^<>\"']*)*>",
    re.DOTALL,
)


def _step(tag: re.Match[bytes]) -> int:
    """By how much a tag changes how many elements are open."""
    return -1 if tag["slash"] else 0 if tag.group().endswith(b"/>") else 1


def text_end(data: bytes, name: bytes, at: int, limit: int = sys.maxsize) -> int | None:
    """Where an element of this name ends whose content begins at ``at``; None if it does not before ``limit``."""
    depth = 1
    for found in _MARKUP.finditer(data, at, limit):
        if found["name"] == name:
            depth += _step(found)
            if not depth:
                return found.start()
    return None


def child_text(text: bytes) -> bytes:
    """What a browser runs of an element's content: its text, but not that of elements in it, in one piece."""
    kept: list[bytes] = []
    at = depth = 0
    for found in _MARKUP.finditer(text):
        if not depth:
            kept += (text[at : found.start()], found["section"] or b"")
        depth = max(0, depth + _step(found)) if found["name"] else depth
        at = found.end()
    return b"".join([*kept, b"" if depth else text[at:]])
