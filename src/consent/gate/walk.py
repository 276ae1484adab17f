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

from .foreign import INTEGRATION, foreign_end
from .sight import Sight
from .tokens import TAG_CAP, TEXT_CAP, Tag, behind, comment_end, is_label, raw_text_end, read_tag, script_end
from .xhtml import text_end

__all__ = ["TAG_CAP", "TEXT_CAP", "Found", "Walk"]

#: How often tags within tags are read again, where it is not sure which of them is the tag: for these bytes, and
#: for so many times the bytes of the outermost. What is beyond is reported unread.
_AGAIN_BYTES = 1 << 16
_AGAIN_TIMES = 2
#: How many svg and MathML elements within each other are told apart.
_FOREIGN_CAP = 32

_OPEN = re.compile(rb"<[a-zA-Z]")
_NOSCRIPT_END = re.compile(rb"</noscript(?=[\t\n\f\r />])", re.IGNORECASE)
_RAW = frozenset({b"style", b"xmp", b"iframe", b"noembed", b"noframes", b"textarea", b"title", b"script"})
#: Whose text may matter to the gate, so that it is handed over with the tag.
_TEXTED = frozenset({b"script", b"style"})
_FOREIGN = frozenset({b"svg", b"math"})
#: These start tags end svg and MathML (13.2.6.5).
_BREAKOUT = frozenset(
    b"b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu "
    b"meta nobr ol p pre ruby s small span strong strike sub sup table tt u ul var font".split()
)
#: What may come before the body's content (13.2.6.4.1 to 6).
_HEAD = frozenset(b"html head title meta link script style base basefont bgsound noframes noscript template".split())
_SPACE = b"\t\n\f\r "
_BOM = b"\xef\xbb\xbf"


class Found(NamedTuple):
    """A tag that a browser could act on. ``tag`` is None if it is longer than the cap.

    ``text``: the offsets of a script's or style's content, if it is one. ``whole``: False if that is longer than the
    cap. ``sure``: whether every hypothesis takes it for a tag. ``references``: whether character references may count
    in the text, as they do in svg. ``doubted``: whether it was looked over, and may be somebody's.
    """

    at: int
    tag: Tag | None
    text: tuple[int, int] | None = None
    whole: bool = True
    sure: bool = True
    references: bool = True
    doubted: bool = False


class _Extent(NamedTuple):
    """Tags within each other, where the walk is lost: from where to where, and the bytes that were read again."""

    start: int = 0
    end: int = 0
    again: int = 0

    def reach(self, start: int, end: int) -> _Extent:
        """With one more that goes from ``start`` to ``end``."""
        if start >= self.end:
            return _Extent(start, end)
        return _Extent(self.start, max(self.end, end), self.again + end - start)

    def spent(self) -> bool:
        """Whether enough was read again."""
        return self.again > _AGAIN_BYTES + _AGAIN_TIMES * (self.end - self.start)

    def from_(self, done: int) -> _Extent:
        """The same, in offsets that begin at ``done``."""
        return _Extent(self.start - done, self.end - done, self.again) if self.end > done else _Extent()


_Extents: TypeAlias = tuple[_Extent, _Extent, _Extent]
State: TypeAlias = tuple[bool, bool, bool, bool, bytes | None, tuple[bytes, ...], bool, bool, int, bool, bool, _Extents]


class Walk:
    """The state between two pieces of a page. :meth:`read` may be fed pieces cut anywhere.

    XML has no raw texts, and other ways to begin and end an element: in it, the walk is lost from the beginning.
    """

    def __init__(self, *, xml: bool = False) -> None:
        self.lost = xml
        self._xml = xml
        #: The offset, within the last piece read, at which the body's content begins; -1 if it was not there.
        self.body_at = -1
        #: The same for the place before which the head has nothing that could load or run.
        self.head_at = -1
        #: The language that the page says it is in, if the last piece read says so.
        self.lang: bytes | None = None
        self._head_seen = False
        self._begun = False
        self._body_seen = False
        self._raw: bytes | None = None  # the element in whose raw text the last piece was cut
        # What may be open. Too much is harmless here: it makes the walk lost sooner.
        self._foreign: tuple[bytes, ...] = ()
        self._select = False
        self._noscript = False
        self._templates = 0
        self._template_seen = False
        self._foreign_seen = False
        self._sight: Sight | None = None
        self._extents: _Extents = (_Extent(), _Extent(), _Extent())  # of tags, of the texts of scripts, of styles

    @property
    def state(self) -> State:
        """All that the walk remembers between two pieces. Set it to go on from there."""
        return (
            self.lost, self._begun, self._head_seen, self._body_seen, self._raw, self._foreign, self._select,
            self._noscript, self._templates, self._template_seen, self._foreign_seen, self._extents,
        )  # fmt: skip

    @state.setter
    def state(self, state: State) -> None:
        (
            self.lost, self._begun, self._head_seen, self._body_seen, self._raw, self._foreign, self._select,
            self._noscript, self._templates, self._template_seen, self._foreign_seen, self._extents,
        ) = state  # fmt: skip

    def read(self, data: bytes, *, final: bool, sight: Sight | None = None) -> tuple[list[Found], int]:
        """The tags in ``data``, and how much of it is done with. The rest must come again, in front of what follows.

        The first piece has at least three bytes, if the page has. ``sight``: what may be left out of ``data``.
        """
        self._sight = sight
        self.body_at = self.head_at = -1
        self.lang = None
        found: list[Found] = []
        at = 0
        if not self.lost:
            at = self._tokens(data, found, final=final)
        if self.lost:
            at = self._any_tags(data, at, found, final=final)
        if at:
            self._begun = True
        return found, at

    def _tokens(self, data: bytes, found: list[Found], *, final: bool) -> int:
        """Reads until the data ends or the walk is lost; says where."""
        at = 0 if self._begun or not data.startswith(_BOM) else len(_BOM)
        length = len(data)
        while at < length:
            if self._raw is not None:
                end = raw_text_end(data, self._raw, at)
                crossing = self._noscript_end(data, at, length if end is None else end)
                if crossing >= 0:
                    self._raw = None
                    return self._lose(crossing)
                if end is None:
                    # A text that nothing ends is inert to the end; keep what could be the beginning of its end tag.
                    return length if final else self._tail(data, at)
                self._raw = None
                at = end
            if self._sight is not None:
                at = self._plain(at, self._sight)
                if at >= length:
                    return length
            opening = data.find(b"<", at)
            if not self._body_seen:
                self._see_text(data, at, length if opening < 0 else opening)
            if opening < 0:
                return length
            after = self._token(data, opening, found, final=final)
            if after is None:
                return opening
            if self.lost:
                return after
            at = after
        return at

    def _plain(self, at: int, sight: Sight) -> int:
        """Where what may be left out ends that begins at ``at``."""
        within = self._foreign or self._select
        if self._noscript or (not self._body_seen and (not self._head_seen or self._templates or within)):
            return at
        return sight.plain_end(at, place="within" if within else "body" if self._body_seen else "head")

    def _find(
        self, found: list[Found], at: int, tag: Tag, text: tuple[int, int] | None = None, *, whole: bool = True
    ) -> None:
        """Report a tag, if it may not be left out."""
        sight, references, doubted = self._sight, bool(self._foreign), False
        if sight is not None:
            # What a frame's srcdoc holds is not looked over.
            if (
                whole
                and tag.name != b"iframe"
                and sight.clears(at, tag)
                and (text is None or sight.clears_text(tag.name, *text, references=references))
            ):
                return
            doubted = sight.is_whole and tag.simple
        found.append(Found(at, tag, text, whole, references=references, doubted=doubted))

    def _token(self, data: bytes, at: int, found: list[Found], *, final: bool) -> int | None:
        """The offset after the token at ``at``, or None if the data ends within it and there is more to come."""
        following = data[at + 1 : at + 2]
        if following.isalpha():
            return self._start_tag(data, at, found, final=final)
        if following == b"/":
            return self._end_tag(data, at, final=final)
        if following == b"!":
            return self._declaration(data, at, final=final)
        if following == b"?":
            return self._agreed(data, at, behind(data, b">", at + 2), TEXT_CAP, final=final)
        if not following and not final:
            return None
        self._see_text(data, at, at + 1)
        return at + 1

    def _agreed(self, data: bytes, at: int, end: int | None, cap: int, *, final: bool) -> int | None:
        """The offset after a construct from ``at`` to ``end``, if that is where it ends with and without scripting.

        ``end`` is None where the data ends before it does. What a page ends in is dropped (eof-in-tag and others).
        """
        if (len(data) if end is None else end) - at > cap:
            return self._lose(at)
        if end is None and not final:
            return None
        after = len(data) if end is None else end
        return self._lose(at) if self._noscript_end(data, at + 1, after) >= 0 else after

    def _start_tag(self, data: bytes, at: int, found: list[Found], *, final: bool) -> int | None:
        tag = read_tag(data, at + 1, at + TAG_CAP)
        if tag is None or self._noscript:
            after = self._agreed(data, at, tag.end if tag is not None else None, TAG_CAP, final=final)
            if tag is None or after is None or self.lost:
                return after
        name = tag.name
        ambiguous = bool(self._foreign) or (self._select and name not in {b"script", b"textarea"})
        if name in _RAW or (name in INTEGRATION and self._foreign):
            return self._text_element(data, at, tag, found, final=final, ambiguous=ambiguous)
        if self._loses(name):
            return self._lose(at)
        self._see_start(at, tag)
        self._find(found, at, tag)
        return tag.end

    def _loses(self, name: bytes) -> bool:
        """Whether what follows this start tag cannot be followed by tokens alone."""
        if self._foreign and (name in _BREAKOUT or len(self._foreign) >= _FOREIGN_CAP):
            return True
        if name == b"col":
            # Directly in a template, whatever follows it is ignored, the start tags of raw texts too (13.2.6.4.12).
            return self._template_seen
        return name in {b"plaintext", b"frameset"} or (self._select and name == b"template")

    def _text_element(
        self, data: bytes, at: int, tag: Tag, found: list[Found], *, final: bool, ambiguous: bool
    ) -> int | None:
        """An element that holds raw text, surely or perhaps."""
        name = tag.name
        if name not in _TEXTED and not ambiguous:
            self._see_start(at, tag)
            self._find(found, at, tag)
            self._raw = name
            return tag.end
        limit = tag.end + TEXT_CAP
        end = _text_end(data, name, tag.end, limit)
        if end is None and not final and len(data) < limit:
            return None
        if ambiguous and (end is None or not self._is_plain(data, name, tag.end, end)):
            return self._lose(at)
        self._see_start(at, tag)
        text = (tag.end, min(len(data), limit) if end is None else end) if name in _TEXTED else None
        whole = end is not None or len(data) < limit
        self._find(found, at, tag, text, whole=whole)
        if end is not None:
            crossing = self._noscript_end(data, tag.end, end)
            return end if crossing < 0 else self._lose(crossing)
        if name == b"script":
            # Where a script too long ends depends on all of its text, so nothing is sure from here.
            crossing = self._noscript_end(data, tag.end, len(data)) if whole else tag.end
            return len(data) if crossing < 0 else self._lose(crossing)
        self._raw = name
        return tag.end

    @staticmethod
    def _is_plain(data: bytes, name: bytes, at: int, end: int) -> bool:
        """Whether a text holds nothing that is read otherwise where it is no raw text."""
        return data.find(b"<", at, end) < 0 or (name not in _TEXTED and is_label(data, at, end))

    def _end_tag(self, data: bytes, at: int, *, final: bool) -> int | None:
        following = data[at + 2 : at + 3]
        if not following.isalpha():
            if not following and not final:
                return None
            if following == b">":
                return at + 3
            return self._agreed(data, at, behind(data, b">", at + 2), TEXT_CAP, final=final)
        tag = read_tag(data, at + 2, at + TAG_CAP)
        # The end tag of <noscript> itself is no crossing.
        after = self._agreed(data, at, tag.end if tag is not None else None, TAG_CAP, final=final)
        if tag is None or after is None or self.lost:
            return after
        name = tag.name
        if self._foreign:
            if name in {b"p", b"br"}:
                return self._lose(at)
            if name == self._foreign[-1]:
                self._foreign = self._foreign[:-1]
            elif name in self._foreign:
                return self._lose(at)  # the inner one may be all that is open
        if name == b"select":
            self._select = False
        elif name == b"noscript":
            self._noscript = False
        elif name == b"template":
            self._templates = max(0, self._templates - 1)
        return tag.end

    def _declaration(self, data: bytes, at: int, *, final: bool) -> int | None:
        head = data[at : at + 9]
        if head.startswith(b"<!--"):
            return self._agreed(data, at, comment_end(data, at), TEXT_CAP, final=final)
        if not final and len(head) < 9 and (b"<!--".startswith(head) or b"<![CDATA[".startswith(head)):
            return None
        end = behind(data, b">", at + 2)
        # A section to "]]>" in svg, a comment to ">" in HTML.
        if head == b"<![CDATA[" and self._foreign and end is not None and not data.endswith(b"]]>", at + 9, end):
            return self._lose(at)
        return self._agreed(data, at, end, TEXT_CAP, final=final)

    @staticmethod
    def _tail(data: bytes, at: int) -> int:
        """Where a raw text may be cut: in front of what could be part of an end tag."""
        last = data.rfind(b"<", max(at, len(data) - 32))
        return last if last >= 0 else len(data)

    def _noscript_end(self, data: bytes, start: int, end: int) -> int:
        """Where what is within ``<noscript>`` holds its end tag, or -1: with scripting that is where it ends."""
        found = _NOSCRIPT_END.search(data, start, end) if self._noscript else None
        return found.start() if found else -1

    def _see_start(self, at: int, tag: Tag) -> None:
        name = tag.name
        if not self._head_seen and name == b"html":
            self.lang = tag.get(b"lang") if self.lang is None else self.lang
        elif not self._head_seen:
            self._head_seen, self.head_at = True, tag.end if name == b"head" else at
        if not self._body_seen and not self._templates and not self._noscript and not self._foreign:
            if name == b"body":
                self._body_seen, self.body_at = True, tag.end
            elif name not in _HEAD:
                self._body_seen, self.body_at = True, at
        if name in _FOREIGN and not tag.self_closing:
            self._foreign = (*self._foreign, name)
        elif name == b"select":
            self._select = True
        elif name == b"noscript":
            self._noscript = True
        elif name == b"template":
            self._template_seen = True
            self._templates += 1

    def _see_text(self, data: bytes, start: int, end: int) -> None:
        """Text that is no space begins the body, if nothing has."""
        if self._body_seen or self._templates or self._noscript:
            return
        text = data[start:end].lstrip(_SPACE)
        if text:
            self._body_seen, self.body_at = True, end - len(text)
            if not self._head_seen:
                self._head_seen, self.head_at = True, self.body_at

    def _lose(self, at: int) -> int:
        self.lost = True
        self._foreign_seen = bool(self._foreign)
        return at

    def _any_tags(self, data: bytes, at: int, found: list[Found], *, final: bool) -> int:
        """Every offset from here on that looks like a tag, each judged on its own; says how far that went."""
        done = len(data) if final or not data.endswith(b"<") else len(data) - 1
        tags, scripts, styles = self._extents
        foreign = self._foreign_seen
        before = scripts, styles, foreign  # as they were where the outermost tag began
        for opening in _OPEN.finditer(data, at):
            start = opening.start()
            outer = tags.start if start < tags.end else start
            if outer == start:
                before = scripts, styles, foreign
            elif tags.spent():
                found.append(Found(start, None, sure=False))
                continue
            # Tags within each other have one cap between them, so that they can be waited for together.
            tag_limit = outer + TAG_CAP
            tag = read_tag(data, start + 1, tag_limit)
            if tag is None and len(data) < tag_limit:
                if not final:
                    done = outer
                    break
                tags = tags.reach(start, len(data))  # the page ends in it: dropped
                continue
            if tag is None:
                tags = tags.reach(start, tag_limit)
                found.append(Found(start, None, sure=False))
                continue
            tags = tags.reach(start, tag.end)
            foreign = foreign or tag.name in _FOREIGN
            texted = tag.name.rpartition(b":")[2] if self._xml else tag.name
            if texted not in _TEXTED:
                found.append(Found(start, tag, sure=False))
                continue
            extent = scripts if texted == b"script" else styles
            if start < extent.end and extent.spent():
                found.append(Found(start, None, sure=False))
                continue
            # Outside svg, a script within a script's text ends no later than that one does.
            within = tag.end <= extent.end and not foreign and not self._xml
            ended = extent.end if within else self._furthest_text_end(data, start, tag, foreign=foreign)
            whole = ended is not None or len(data) < tag.end + TEXT_CAP
            if ended is None and whole and not final:
                done = outer
                break
            end = min(len(data), tag.end + TEXT_CAP) if ended is None else ended
            extent = extent.reach(start, end)
            scripts, styles = (extent, styles) if texted == b"script" else (scripts, extent)
            references = foreign or self._xml
            found.append(Found(start, tag, (tag.end, end), whole=whole, sure=False, references=references))
        else:
            before = scripts, styles, foreign
        while found and found[-1].at >= done:
            found.pop()  # they come again, with what is waited for
        scripts, styles, self._foreign_seen = before
        self._extents = (tags.from_(done) if tags.start < done else _Extent(), scripts.from_(done), styles.from_(done))
        return done

    def _furthest_text_end(self, data: bytes, at: int, tag: Tag, *, foreign: bool) -> int | None:
        """Where the text of a script or style ends, if that is before the cap; the later of two if it may be in svg."""
        limit = tag.end + TEXT_CAP
        if self._xml:
            return tag.end if tag.self_closing else text_end(data, data[at + 1 : tag.name_end], tag.end, limit)
        end = _text_end(data, tag.name, tag.end, limit)
        if end is None or not foreign or data.find(b"<", tag.end, end) < 0:
            return end
        return foreign_end(data, tag.name, tag.end, limit, end)


def _text_end(data: bytes, name: bytes, at: int, limit: int) -> int | None:
    """Where the text of this element ends, if that is before ``limit``."""
    return script_end(data, at, limit) if name == b"script" else raw_text_end(data, name, at, limit)
