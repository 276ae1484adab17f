"""Walks over a page and says which tags a browser could act on.

A scanner of tags cannot know the tree that a browser builds: whether ``<title>`` is raw text depends on whether an
``<svg>`` is open, whether ``<noscript>`` is depends on the visitor's settings, and in a ``<select>`` on the browser's
age. So wherever the next state depends on the tree, every hypothesis is asked. If all put the end of the construct at
the same byte, the walk goes on; if not, it is *lost*: from there to the end of the page every offset that looks like a
tag is reported. A walk that is lost reports too much, never too little; the gate's edits are harmless where they are
not needed. Being inside a comment or a raw text is believed only where every hypothesis agrees.

Source: HTML Standard, 13.2.5 (tokenizer) and 13.2.6 (tree construction), both before and after the change that lets
``<select>`` hold other elements.
"""

from __future__ import annotations

import re
from typing import NamedTuple, TypeAlias

from .tokens import Tag, comment_end, raw_text_end, read_tag, script_end

__all__ = ["TAG_CAP", "TEXT_CAP", "Found", "Walk"]

#: Bytes. A longer tag is reported unread.
TAG_CAP = 1 << 20
#: Bytes of a script's or style's text that are waited for; a longer one is reported with what there is.
TEXT_CAP = 1 << 20

#: How many tags are read within one tag, where it is not sure which of them is the tag.
_NESTED_CAP = 64

_OPEN = re.compile(rb"<[a-zA-Z]")
_NOSCRIPT_END = re.compile(rb"</noscript(?=[\t\n\f\r />])", re.IGNORECASE)
_RAW = frozenset({b"style", b"xmp", b"iframe", b"noembed", b"noframes", b"textarea", b"title", b"script"})
#: Whose text may matter to the gate, so that it is handed over with the tag.
_TEXTED = frozenset({b"script", b"style"})
_FOREIGN = frozenset({b"svg", b"math"})
#: HTML goes on inside these parts of svg and MathML (13.2.6, integration points).
_INTEGRATION = frozenset({b"title", b"desc", b"foreignobject", b"annotation-xml", b"mi", b"mo", b"mn", b"ms", b"mtext"})
#: These start tags end svg and MathML (13.2.6.5).
_BREAKOUT = frozenset(
    b"b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu "
    b"meta nobr ol p pre ruby s small span strong strike sub sup table tt u ul var font".split()
)
#: What may come before the body's content (13.2.6.4.1 to 6).
_HEAD = frozenset(b"html head title meta link script style base basefont bgsound noframes noscript template".split())
_SPACE = b"\t\n\f\r "


class Found(NamedTuple):
    """A tag that a browser could act on. ``tag`` is None if it is longer than the cap.

    ``text``: the offsets of a script's or style's content, if it is one. ``whole``: whether that content is all there.
    ``sure``: whether every hypothesis takes it for a tag.
    """

    at: int
    tag: Tag | None
    text: tuple[int, int] | None = None
    whole: bool = True
    sure: bool = True


State: TypeAlias = tuple[bool, bool, bytes | None, bytes, tuple[bytes, ...], bool, bool, int]


class Walk:
    """The state between two pieces of a page. :meth:`read` may be fed pieces cut anywhere."""

    def __init__(self) -> None:
        self.lost = False
        #: The offset, within the last piece read, at which the body's content begins; -1 if it was not there.
        self.body_at = -1
        self._body_seen = False
        self._raw: bytes | None = None
        self._bogus = b""  # what ends the comment or declaration that the last piece was cut in
        self._foreign: tuple[bytes, ...] = ()
        self._select = False
        self._noscript = False
        self._templates = 0

    @property
    def state(self) -> State:
        """All that the walk remembers between two pieces. Set it to go on from there."""
        return (
            self.lost, self._body_seen, self._raw, self._bogus, self._foreign, self._select, self._noscript,
            self._templates,
        )  # fmt: skip

    @state.setter
    def state(self, state: State) -> None:
        (
            self.lost, self._body_seen, self._raw, self._bogus, self._foreign, self._select, self._noscript,
            self._templates,
        ) = state  # fmt: skip

    def read(self, data: bytes, *, final: bool) -> tuple[list[Found], int]:
        """The tags in ``data``, and how much of it is done with. The rest must come again, in front of what follows."""
        self.body_at = -1
        found: list[Found] = []
        at = self._lost(data, 0, found, final=final) if self.lost else self._tokens(data, found, final=final)
        return found, at

    def _tokens(self, data: bytes, found: list[Found], *, final: bool) -> int:
        at = 0
        length = len(data)
        while at < length:
            if self._raw is not None:
                end = self._raw_end(data, self._raw, at)
                if end is None:
                    # A text that nothing ends is inert to the end; keep what could be the beginning of its end tag.
                    return length if final else max(at, self._tail(data, at))
                if self._crosses_noscript(data, at, end):
                    return self._lose(data, at, found, final=final)
                self._raw = None
                at = end
            if self._bogus:
                end = data.find(self._bogus, at)
                if end < 0:
                    return length
                at = end + len(self._bogus)
                self._bogus = b""
            opening = data.find(b"<", at)
            self._see_text(data, at, length if opening < 0 else opening)
            if opening < 0:
                return length
            after = self._token(data, opening, found, final=final)
            if after is None:
                return opening
            at = after
        return at

    def _token(self, data: bytes, at: int, found: list[Found], *, final: bool) -> int | None:
        """The offset after the token at ``at``, or None if the data ends within it and there is more to come."""
        following = data[at + 1 : at + 2]
        if following.isalpha():
            return self._start_tag(data, at, found, final=final)
        if following == b"/":
            return self._end_tag(data, at, found, final=final)
        if following == b"!":
            return self._declaration(data, at, found, final=final)
        if following == b"?":
            return self._until(data, at, at + 2, b">", found, final=final)
        return at + 1 if following or final else None

    def _start_tag(self, data: bytes, at: int, found: list[Found], *, final: bool) -> int | None:
        tag = read_tag(data, at + 1)
        if tag is None:
            if final:
                return len(data)  # a tag that the page ends in is dropped (13.2.5.1, eof-in-tag)
            return self._lose(data, at, found, final=final) if len(data) - at > TAG_CAP else None
        if self._crosses_noscript(data, at, tag.end):
            return self._lose(data, at, found, final=final)
        name = tag.name
        ambiguous = bool(self._foreign) or (self._select and name not in {b"script", b"textarea"})
        if name in _RAW or (name in _INTEGRATION and self._foreign):
            return self._text_element(data, at, tag, found, final=final, ambiguous=ambiguous)
        if self._loses(name):
            return self._lose(data, at, found, final=final)
        self._see_start(at, tag)
        found.append(Found(at, tag))
        return tag.end

    def _loses(self, name: bytes) -> bool:
        """Whether what follows this start tag cannot be followed by tokens alone."""
        if self._foreign and name in _BREAKOUT:
            return True
        return name in {b"plaintext", b"frameset"} or (self._select and name == b"template")

    def _text_element(
        self, data: bytes, at: int, tag: Tag, found: list[Found], *, final: bool, ambiguous: bool
    ) -> int | None:
        """An element that holds raw text, surely or perhaps."""
        name = tag.name
        if ambiguous and tag.self_closing and self._foreign:
            # Closed in svg, open in HTML.
            return self._lose(data, at, found, final=final)
        end = self._raw_end(data, name, tag.end)
        waiting = not final and end is None and len(data) - tag.end <= TEXT_CAP
        if (name in _TEXTED or ambiguous) and waiting:
            return None
        if ambiguous and (end is None or data.find(b"<", tag.end, end) >= 0):
            return self._lose(data, at, found, final=final)
        self._see_start(at, tag)
        text = (tag.end, len(data) if end is None else end) if name in _TEXTED else None
        found.append(Found(at, tag, text, whole=end is not None or final))
        if end is None and name == b"script" and not final:
            # Longer than is waited for. Where it ends depends on all of its text, so nothing is sure from here.
            return self._lose(data, tag.end, found, final=final)
        self._raw = name
        return tag.end

    def _end_tag(self, data: bytes, at: int, found: list[Found], *, final: bool) -> int | None:
        following = data[at + 2 : at + 3]
        if not following.isalpha():
            if not following and not final:
                return None
            return at + 3 if following == b">" else self._until(data, at, at + 2, b">", found, final=final)
        tag = read_tag(data, at + 2)
        if tag is None:
            if final:
                return len(data)
            return self._lose(data, at, found, final=final) if len(data) - at > TAG_CAP else None
        if self._crosses_noscript(data, at + 1, tag.end):
            return self._lose(data, at, found, final=final)
        name = tag.name
        if self._foreign:
            if name in {b"p", b"br"}:
                return self._lose(data, at, found, final=final)
            if name in self._foreign:
                last = len(self._foreign) - 1 - self._foreign[::-1].index(name)
                self._foreign = self._foreign[:last]
        if name == b"select":
            self._select = False
        elif name == b"noscript":
            self._noscript = False
        elif name == b"template":
            self._templates = max(0, self._templates - 1)
        return tag.end

    def _declaration(self, data: bytes, at: int, found: list[Found], *, final: bool) -> int | None:
        head = data[at : at + 9]
        if head.startswith(b"<!--"):
            end = comment_end(data, at)
            if end is None:
                return self._cut_comment(data, at, found, final=final)
            return self._lose(data, at, found, final=final) if self._crosses_noscript(data, at, end) else end
        if not final and (b"<!--".startswith(head) or b"<![CDATA[".startswith(head.upper())) and len(head) < 9:
            return None
        if head == b"<![CDATA[" and self._foreign:
            # A section to "]]>" in svg, a comment to ">" in HTML.
            end, other = data.find(b"]]>", at), data.find(b">", at)
            if end >= 0 and other == end + 2:
                return other + 1
            waiting = end < 0 and not final and len(data) - at <= TEXT_CAP
            return None if waiting else self._lose(data, at, found, final=final)
        return self._until(data, at, at + 2, b">", found, final=final)

    def _cut_comment(self, data: bytes, at: int, found: list[Found], *, final: bool) -> int | None:
        """A comment that the data ends in."""
        if not final and len(data) - at <= TEXT_CAP:
            return None
        if final and not self._crosses_noscript(data, at, len(data)):
            return len(data)
        return self._lose(data, at, found, final=final)

    def _until(self, data: bytes, at: int, start: int, end: bytes, found: list[Found], *, final: bool) -> int | None:
        """The offset after a construct that ``end`` ends."""
        position = data.find(end, start)
        if position < 0 and not final:
            return None if len(data) - at <= TEXT_CAP else self._lose(data, at, found, final=final)
        after = len(data) if position < 0 else position + len(end)
        return self._lose(data, at, found, final=final) if self._crosses_noscript(data, at, after) else after

    def _raw_end(self, data: bytes, name: bytes, at: int) -> int | None:
        return script_end(data, at) if name == b"script" else raw_text_end(data, name, at)

    @staticmethod
    def _tail(data: bytes, at: int) -> int:
        """Where a raw text may be cut: in front of what could be part of its end tag or of a comment's mark."""
        last = data.rfind(b"<", max(at, len(data) - 32))
        return last if last >= 0 else len(data)

    def _crosses_noscript(self, data: bytes, start: int, end: int) -> bool:
        """Whether a construct inside ``<noscript>`` holds its end tag: with scripting that is where it ends."""
        return self._noscript and _NOSCRIPT_END.search(data, start + 1, end) is not None

    def _see_start(self, at: int, tag: Tag) -> None:
        name = tag.name
        if not self._body_seen and not self._templates and not self._noscript and not self._foreign:
            if name == b"body":
                self._body_seen, self.body_at = True, tag.end
            elif name not in _HEAD:
                self._body_seen, self.body_at = True, at
        if name in _FOREIGN and not tag.self_closing:
            self._foreign = (*self._foreign, name)
        elif name == b"select":
            self._select = True
        elif name == b"noscript" and not self._foreign:
            self._noscript = True
        elif name == b"template" and not self._foreign:
            self._templates += 1

    def _see_text(self, data: bytes, start: int, end: int) -> None:
        """Text that is no space begins the body, if nothing has."""
        if self._body_seen or self._templates or self._noscript or start >= end:
            return
        if data[start:end].strip(_SPACE) not in {b"", b"\xef\xbb\xbf"}:
            self._body_seen, self.body_at = True, start

    def _lose(self, data: bytes, at: int, found: list[Found], *, final: bool) -> int:
        self.lost = True
        return self._lost(data, at, found, final=final)

    def _lost(self, data: bytes, at: int, found: list[Found], *, final: bool) -> int:
        """Every offset from here on that looks like a tag, each judged on its own."""
        inside = nested = 0  # the end of the furthest tag so far, and how many tags were read within it
        text_end: dict[bytes, int] = {}
        for opening in _OPEN.finditer(data, at):
            start = opening.start()
            nested = nested + 1 if start < inside else 0
            # Tags within tags within tags are read again for each: not for ever.
            tag = read_tag(data, start + 1) if nested < _NESTED_CAP else None
            if tag is None:
                if nested < _NESTED_CAP:
                    if not final and len(data) - start <= TAG_CAP:
                        return start
                    inside = len(data)
                found.append(Found(start, None, sure=False))
                continue
            inside = max(inside, tag.end)
            text = None
            whole = True
            if tag.name in _TEXTED:
                # A script within a script's text ends no later than that one does.
                end = text_end.get(tag.name, -1)
                if end < tag.end:
                    ended = self._raw_end(data, tag.name, tag.end)
                    if ended is None and not final and len(data) - tag.end <= TEXT_CAP:
                        return start
                    end = len(data) if ended is None else ended
                    text_end[tag.name] = end
                text, whole = (tag.end, end), end < len(data) or final
            found.append(Found(start, tag, text, whole=whole, sure=False))
        return len(data) if final or not data.endswith(b"<") else len(data) - 1
