"""The gate: a page in, the same page with what is held made inert, out.

Every byte outside held tags and our own insertions is the application's. Any chunking gives the same bytes. Memory is
bounded by the longest tag or inline script (:data:`~consent.gate.walk.TAG_CAP`).
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from hashlib import sha256
from typing import NamedTuple, TypeAlias

from ..policy.policy import Policy, Service
from .encoding import ESCAPE, encoding_of, is_declared, is_readable
from .judge import RENAMED, Judge, Verdict, judge_of
from .match import Rules
from .walk import TEXT_CAP, Found, State, Walk
from .xhtml import Markup

__all__ = ["Footer", "Gate", "Held", "Unreadable", "UnreadableEncoding"]


def _cut(*parts: str) -> bytes:
    """What matches these words and, for " ", spaces, or any beginning of it."""
    pattern = b""
    for part in reversed(parts):
        for each in reversed([rb"[\t\n\f\r ]*"] if part == " " else [re.escape(c).encode() for c in part]):
            pattern = b"(?:" + each + pattern + b")?"
    return pattern


#: What closes a page, or may be the beginning of that. In front of it, and of it only, the footer goes; it can be
#: nothing else at the very end.
_CLOSING = re.compile(
    b"(?:%b|%b)\\Z" % (_cut("</body", " ", ">", " ", "</html", " ", ">", " "), _cut("</html", " ", ">", " ")),
    re.IGNORECASE,
)
_CLOSED = re.compile(rb"(?:</body[\t\n\f\r ]*>[\t\n\f\r ]*)?</html[\t\n\f\r ]*>[\t\n\f\r ]*\Z", re.IGNORECASE)
_CLOSING_SIZE = 64
#: Bytes that are looked over at once. A piece longer than a tag can be would have to be read step by step.
_PIECE = 1 << 20
#: A piece that waits for its end is looked at again when it has grown by half.
_PATIENCE = 16_384
#: Bytes; hashing less than this costs as much as reading it.
_WORTH_REMEMBERING = 512
#: Bytes, at either end and in the middle, by which a piece is told from others at a glimpse.
_GLIMPSE = 64

#: What gives the name in front of it a value, if that is an attribute's.
_ASSIGNED = re.compile(rb"[\t\n\f\r ]+=")
_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
#: By this browsers know the UTF-16 of a page that names no encoding.
_WIDE = ("<?x".encode("utf-16-le"), "<?x".encode("utf-16-be"))


class Unreadable(ValueError):
    """Something in the page hides from the gate what a browser would load; it cannot be gated."""


class UnreadableEncoding(Unreadable):
    """The page's encoding hides tags from a reader of bytes."""


class Held(NamedTuple):
    """One tag that was held. ``offset`` is its place in the application's bytes.

    ``reason``: ``declared``, ``undeclared``, ``marked``, ``unknown-purpose`` or ``too-long``.
    """

    service: str | None
    tag: str
    excerpt: str
    offset: int
    reason: str
    purposes: tuple[str, ...]


#: What is inserted at the end of a page, or what makes it, given all that was held.
Footer: TypeAlias = bytes | Callable[[Sequence[Held]], bytes]


class _Plan(NamedTuple):
    """What a piece of a page asks for, and where the walk is after it.

    ``edits``: places and what is inserted there, in order. ``frames``: by the edit's number, frames for a placeholder.
    ``lang``: the language that the page says here that it is in.
    """

    edits: tuple[tuple[int, bytes], ...]
    frames: tuple[tuple[int, Service], ...]
    held: tuple[Held, ...]
    head_at: int
    body_at: int
    lang: bytes | None
    done: int
    after: State


class Gate:
    """Gates one page. Feed it the page's bytes in any pieces, then finish it.

    :param rules: a policy, or the rules compiled from one, which remember verdicts from page to page.
    :param allowed: the purposes that are allowed; ``necessary`` always is.
    :param head: inserted once, where the head begins, before anything that could load or run.
    :param banner: inserted once, where the body begins; at the end if nothing shows where that is.
    :param footer: inserted at the end of the page; or what makes it, given all that was held.
    :param script: inserted at the end of the page if something was held and there is no banner.
    :param spoken: asked for banner, footer and script once more when the page says in ``<html lang>`` which language it
        is in.
    :param charset: the encoding that the response declares, if it does.
    :param placeholder: makes the document that stands in for a held frame, escaped for an attribute in double quotes.
    :param site: this site's host, with its port: who ``/path`` belongs to.
    :param xml: whether the page is XHTML: inserted values are quoted.
    :raises UnreadableEncoding: here, or where the page's bytes show it, from :meth:`feed` and :meth:`finish`.
    :raises Unreadable: from :meth:`feed`, where XML hides what it would load.
    """

    def __init__(
        self,
        rules: Rules | Policy,
        allowed: Iterable[str] = ("necessary",),
        *,
        head: bytes = b"",
        banner: bytes = b"",
        footer: Footer = b"",
        script: bytes = b"",
        spoken: Callable[[str], tuple[bytes, Footer, bytes]] | None = None,
        charset: str | None = None,
        placeholder: Callable[[Service], bytes] | None = None,
        site: str = "",
        xml: bool = False,
    ) -> None:
        if charset is not None and not is_readable(charset):
            raise UnreadableEncoding(f"encoded as {charset}")
        self._rules = rules if isinstance(rules, Rules) else Rules(rules)
        self._allowed = frozenset(allowed) | {"necessary"}
        self._judge_of = partial(judge_of, self._rules, self._allowed, site, xml, _holds)
        self._judge = self._judge_of(encoding=encoding_of(charset))
        self._head = head
        self._spoken = spoken
        self._insert(banner, footer, script)
        self._placeholder = placeholder
        self._walk = Walk(xml=xml)
        #: What looks an XML page over for what cannot be gated.
        self._markup = Markup() if xml and self._rules.holds_any(self._allowed) else None
        #: Whether the browser may find out for itself that the page is ISO-2022-JP, in which ASCII bytes are kanji.
        self._undeclared = not is_declared(charset) and self._rules.holds_any(self._allowed)
        self._carry = b""
        self._patience = 0
        self._done = 0
        self._tail = b""
        self._xml = xml
        #: What was held so far, in the order of the page.
        self.held: list[Held] = []

    def _insert(self, banner: bytes, footer: Footer, script: bytes) -> None:
        self._banner = banner
        self._footer = footer
        self._script = b"" if banner else script

    def feed(self, data: bytes) -> bytes:
        """The next bytes of the page in, those that may leave out."""
        if len(data) > _PIECE:
            return b"".join(self.feed(data[at : at + _PIECE]) for at in range(0, len(data), _PIECE))
        piece = data
        if self._carry:
            data = self._carry + data
        # XML in UTF-16 is known by its first "<", too.
        if self._done == 0 and (
            data.startswith(_BOMS) or (self._xml and b"\0" in data[:2]) or (self._undeclared and data.startswith(_WIDE))
        ):
            raise UnreadableEncoding("encoded as UTF-16")
        if self._markup is not None and (why := self._markup.hides(piece)):
            raise Unreadable(why)
        if len(data) < self._patience:
            self._carry = data
            return b""
        # May be a part of a byte order mark, or of the other.
        if self._done == 0 and (len(data) < 3 or any(start.startswith(data) for start in _WIDE)):
            self._carry = data
            return b""
        if self._done == 0 and data.startswith(codecs.BOM_UTF8):  # whatever was declared
            self._judge, self._undeclared = self._judge_of(encoding="utf-8"), False
        # A page is closed as a whole where that shows in front of its first element.
        if self._markup is not None and not self._markup.begun and len(data) < TEXT_CAP:
            self._wait_with(data)
            return b""
        out = self._through(data, final=False)
        if self._tail:
            out, self._tail = self._tail + out, b""
        if not self._footer and not self._script and not self._banner:
            return out
        closing = _closing(out)
        self._tail = out[closing:]
        return out[:closing]

    def finish(self) -> bytes:
        """The last bytes that may leave."""
        out = self._tail
        if self._carry:
            out += self._through(self._carry, final=True)
        footer = self._footer if isinstance(self._footer, bytes) else self._footer(self.held)
        last = self._banner + footer + (self._script if self.held else b"")
        if not last:
            return out
        closing = _closing(out)
        if not _CLOSED.match(out, closing):
            closing = len(out)
        return out[:closing] + last + out[closing:]

    def _through(self, data: bytes, *, final: bool) -> bytes:
        if self._undeclared and ESCAPE in data:
            raise UnreadableEncoding("encoded as ISO-2022-JP, perhaps: declare the charset")
        plan = self._plan(data, final=final)
        if plan.lang is not None and self._spoken is not None:  # and nothing is inserted yet
            self._insert(*self._spoken(plan.lang.decode("ascii", "replace")))
            self._spoken = None
        edits = [*plan.edits]
        self.held += plan.held
        if self._placeholder is not None:
            for number, service in plan.frames:
                at, inserted = edits[number]
                edits[number] = at, b'%b srcdoc="%b"' % (inserted, self._placeholder(service))
        if self._banner and plan.body_at >= 0:
            edits.insert(bisect_left(edits, (plan.body_at,)), (plan.body_at, self._banner))
            self._banner = b""
        if self._head and plan.head_at >= 0:
            edits.insert(bisect_left(edits, (plan.head_at,)), (plan.head_at, self._head))
            self._head = b""
        self._wait_with(data[plan.done :])
        self._done += plan.done
        return _spliced(data, edits, plan.done)

    def _wait_with(self, data: bytes) -> None:
        """Keep what is to come again in front of what follows."""
        self._carry = data
        self._patience = len(data) * 3 // 2 if len(data) > _PATIENCE else 0

    def _plan(self, data: bytes, *, final: bool) -> _Plan:
        """What is to be done with these bytes here. A site sends the same ones again and again: it is remembered."""
        if len(data) < _WORTH_REMEMBERING or not self._recurs(data):
            return self._read(data, final=final)
        # A hash, not the page: pages of signed-in visitors are not kept in memory. One that cannot be made to collide.
        key = (self._walk.state, sha256(data).digest(), self._done, final)
        plan: _Plan | None = self._judge.plans.get(key)
        if plan is None:
            plan = self._read(data, final=final)
            self._judge.plans.put(key, plan)
        else:
            self._walk.state = plan.after
        return plan

    def _recurs(self, data: bytes) -> bool:
        """Whether bytes like these came before. What comes once need not be hashed, and displaces nothing."""
        middle = len(data) // 2
        glimpse = hash((len(data), data[:_GLIMPSE], data[middle : middle + _GLIMPSE], data[-_GLIMPSE:]))
        if self._judge.glimpses.get(glimpse):
            return True
        self._judge.glimpses.put(glimpse, True)
        return False

    def _read(self, data: bytes, *, final: bool) -> _Plan:
        found, done = self._walk.read(data, final=final, sight=self._judge.sight(data))
        edits: dict[int, bytes] = {}  # by place: where the walk is lost, tags within tags share attributes
        frames: dict[int, Service] = {}
        held: list[Held] = []
        for tag in found:
            verdict = self._verdict(data, tag)
            if verdict is None:
                continue
            if verdict.frame and tag.sure and verdict.service is not None:
                frames[tag.at + verdict.edits[0][0]] = verdict.service
            for offset, inserted in verdict.edits:
                edits[tag.at + offset] = inserted
            if verdict.reason:
                held.append(_held(verdict, self._done + tag.at))
        ordered = sorted(edits.items())
        return _Plan(
            edits=tuple(ordered),
            frames=tuple((number, frames[at]) for number, (at, _) in enumerate(ordered) if at in frames),
            held=tuple(held),
            head_at=self._walk.head_at,
            body_at=self._walk.body_at,
            lang=self._walk.lang,
            done=done,
            after=self._walk.state,
        )

    def _verdict(self, data: bytes, found: Found) -> Verdict | None:
        if found.tag is None:
            return self._judge.unread(data, found.at)
        text = data[found.text[0] : found.text[1]] if found.text is not None else b""
        verdict = self._judge.verdict(
            data, found.at, found.tag, text, whole=found.whole, references=found.references, doubted=found.doubted
        )
        if verdict is not None and verdict.reason and not found.sure and _ASSIGNED.match(data, found.tag.name_end):
            # What looks like a tag may be an attribute of another one, and nothing may part that from its value.
            return verdict._replace(edits=(RENAMED, *verdict.edits[1:]), purposes=(), frame=False)
        return verdict


def _held(verdict: Verdict, offset: int) -> Held:
    service = verdict.service.name if verdict.service is not None else None
    return Held(service, verdict.tag, verdict.excerpt, offset, verdict.reason, verdict.purposes)


def _spliced(data: bytes, edits: Sequence[tuple[int, bytes]], end: int) -> bytes:
    if not edits:
        return data[:end]
    view = memoryview(data)
    pieces: list[bytes | memoryview] = []
    before = 0
    for at, inserted in edits:
        pieces += (view[before:at], inserted)
        before = at
    pieces.append(view[before:end])
    return b"".join(pieces)


def _closing(data: bytes) -> int:
    """Where a page's closing tags begin, if its last bytes are those or may become them; else its length."""
    at = data.find(b"<", max(0, len(data) - _CLOSING_SIZE))
    while at >= 0 and not _CLOSING.match(data, at):
        at = data.find(b"<", at + 1)
    return at if at >= 0 else len(data)


def _holds(judge: Judge, document: bytes, depth: int) -> list[Verdict]:
    """How what is in a document within ``depth`` others would be held by this judge."""
    found, _ = Walk().read(document, final=True)
    held: list[Verdict] = []
    for tag in found:
        if tag.tag is None:
            verdict = judge.unread(document, tag.at)
        else:
            text = document[tag.text[0] : tag.text[1]] if tag.text is not None else b""
            verdict = judge.verdict(document, tag.at, tag.tag, text, whole=tag.whole, depth=depth)
        if verdict is not None and verdict.reason:
            held.append(verdict)
    return held
