"""How a tag is held, and for whom.

All edits are insertions. A held tag is what the application wrote, with ``type=text/plain`` (scripts and styles) and
the markers after its name, and with ``data-consent-`` in front of the name of each attribute that loads or runs.
Taking the insertions out gives the original back; waking the tag is stripping the prefix::

    <script src="https://stats.example/a.js">
    <script type=text/plain data-consent-for=analytics data-consent-service=stats data-consent-src="https://stats.example/a.js">

Inserted values have no quotes, so that an edit is harmless even where the tag turns out to be text in a script.

A sanitizer that lets ``data-`` attributes through would let visitors write ``data-consent-onerror``, which waking
turns into a handler. So wherever something could be held, those that the application wrote get an ``x-`` in front.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ..policy.policy import Service
from .address import PLAIN_START, documents_in
from .elements import ANIMATED, ANIMATING, FOLLOWED, FRAMES, HREF, LOADING, PAINTED, is_script, refreshes
from .encoding import readings_of
from .glance import Glance
from .look import look_of
from .match import Group, Rules
from .memory import Memory
from .owners import ANYBODY, Owners
from .references import in_attribute
from .sight import Sight
from .tokens import Attribute, Tag, harmless_end

__all__ = ["RENAMED", "Judge", "Verdict", "judge_of"]

PREFIX = b"data-consent-"
#: The only attribute of that prefix that an application writes: on a link, it opens the settings.
_OPEN = PREFIX + b"open"
#: In front of the others that it wrote.
_DISARMED = b"x-"
#: Gives a tag a name that no browser knows.
RENAMED = (1, b"x-consent-held-")

#: Attributes without which a tag may load or run what it does not with them.
_DECIDING = frozenset(b"type language rel http-equiv".split())
#: A link that somebody may follow is left to them.
_LINKS = frozenset({b"a", b"area"})
_INVISIBLE = re.compile(rb"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


class Verdict(NamedTuple):
    """How one tag is held. ``edits``: offsets from the tag's ``<`` and what is inserted there.

    ``service`` is the first of those that hold it, or None for an element that only its mark holds. ``reason``:
    ``declared``, ``undeclared``, ``marked``, ``unknown-purpose`` or ``too-long``; ``""`` where nothing is held and
    only attributes are disarmed. ``frame``: whether a placeholder may stand in.
    """

    edits: tuple[tuple[int, bytes], ...]
    service: Service | None
    purposes: tuple[str, ...]
    reason: str
    tag: str
    excerpt: str
    frame: bool = False


class _Sentence(NamedTuple):
    """What a tag is held for, and the markers that say so. As in :class:`Verdict`."""

    service: Service | None
    purposes: tuple[str, ...]
    reason: str
    inserted: bytes


class Judge:
    """Judges tags for one policy, one set of allowed purposes and one site; remembers what it judged.

    ``encoding``: Python's name of what the page is in, ``""`` if nothing says so.

    ``nested(judge, html, depth)``: how what is in a document inside an attribute would be held.
    """

    def __init__(
        self,
        rules: Rules,
        allowed: frozenset[str],
        site: str,
        *,
        xml: bool,
        encoding: str,
        nested: Callable[[Judge, bytes, int], list[Verdict]],
    ) -> None:
        self._rules = rules
        self._allowed = allowed
        self._xml = xml
        self._encoding = encoding or "utf-8"
        self._quote = b'"' if xml else b""
        #: Whether anything at all could be held: if not, a page is left alone whatever is unsure in it.
        self._holding = rules.holds_any(allowed)
        self._nested = nested
        self._look = look_of(rules.policy, rules.own_marks(site))
        self._glance = Glance(self._look)
        self._owners = Owners(rules, site, self._look, encoding=encoding, xml=xml, holding=self._holding)
        #: Whether there is a service that is told what was chosen.
        self._tells = any(service.told for service in (*rules.policy.services, *rules.policy.undeclared))
        #: What is said of tags that nothing but these services hold.
        self._sentences = Memory[Group, _Sentence](_SENTENCES)
        self._verdicts = Memory[tuple[bytes, bytes, bool, bool], tuple[Verdict | None]](_REMEMBERED)
        #: What the gate found in whole pieces of pages, by their hash.
        self.plans = Memory[Hashable, Any](_PLANS)
        #: What such pieces look like at a glimpse.
        self.glimpses = Memory[int, bool](_PLANS)

    def verdict(
        self,
        data: bytes,
        at: int,
        tag: Tag,
        text: bytes,
        *,
        whole: bool = True,
        references: bool = True,
        depth: int = 0,
        doubted: bool = False,
    ) -> Verdict | None:
        """How the tag at ``at`` is held, or None if it may stand.

        ``text``: a script's or style's content. ``whole``: whether that is all of it; if not, it is held.
        ``references``: whether character references count in it. ``depth``: in how many documents within attributes
        the tag stands. ``doubted``: whether a glance would tell nothing new.
        """
        raw = data[at : tag.end]
        glanced = whole and not self._xml and not doubted
        if glanced and (harmless_end(raw, 0) or self._glance.passes(tag.name, raw, text, references=references)):
            return None
        key = (raw, text, references, depth > 0)
        known = self._verdicts.get(key)
        if known is None:
            known = (self._judge(data, tag, at, text, whole=whole, references=references, depth=depth),)
            if len(raw) + len(text) <= _REMEMBERED_SIZE:
                self._verdicts.put(key, known)
        return known[0]

    def sight(self, data: bytes) -> Sight | None:
        """What of a piece of a page this judge need not see; None if it is to see all."""
        return None if self._xml else self._look.over(data)

    def unread(self, data: bytes, at: int) -> Verdict | None:
        """How a tag is held that is too long to be read: by another name, under which no browser knows it."""
        if not self._holding:
            return None
        found = _NAME.match(data, at + 1)
        name = found.group().decode("latin-1").lower() if found else ""
        return Verdict((RENAMED,), None, (), "too-long", name, "")

    def _judge(
        self, data: bytes, tag: Tag, at: int, text: bytes, *, whole: bool, references: bool, depth: int
    ) -> Verdict | None:
        # By the whole name, prefixes too: that is how the script asks for them.
        forged = self._holding and PREFIX in data[at : tag.end].lower()
        disarmed = tuple((each.at - at, _DISARMED) for each in tag.attributes if _forged(each.name)) if forged else ()
        if self._xml:
            tag = _in_xml(data, tag)
        blocking, excerpt = self._blocking(tag, text, references=references, depth=depth)
        within = self._within(tag, depth)
        marks, unknown = self._marks(tag)
        refused = [name for name in marks if name not in self._allowed]
        long = not whole and self._holding and (tag.name != b"script" or is_script(tag))
        if not blocking and not within and not refused and not unknown and not long:
            name = tag.name.decode("latin-1")
            return Verdict(disarmed, None, (), "", name, "") if disarmed else None
        if within or marks or unknown:
            sentence = self._sentence(blocking, marks, unknown, within)
            excerpt = " ".join(unknown) or excerpt or next((each.excerpt for each in within), "")
        else:
            sentence = self._usual_sentence(blocking, size=tag.end - at + len(text))
        return Verdict(
            edits=(*self._edits(data, tag, at, sentence, marked=bool(marks or unknown)), *disarmed),
            service=sentence.service,
            purposes=sentence.purposes,
            reason=sentence.reason,
            tag=tag.name.decode("latin-1"),
            excerpt=excerpt[:120],
            frame=tag.name == b"iframe" and tag.get(b"src") is not None and _visible(tag),
        )

    def _usual_sentence(self, blocking: Group, *, size: int) -> _Sentence:
        """The same for every tag that these hold. ``size``: of this one; a large one may name many, and at length."""
        known = self._sentences.get(blocking)
        if known is None:
            known = self._sentence(blocking)
            if size <= _REMEMBERED_SIZE:
                self._sentences.put(blocking, known)
        return known

    def _sentence(
        self,
        blocking: Group,
        marks: tuple[str, ...] = (),
        unknown: tuple[str, ...] = (),
        within: Sequence[Verdict] = (),
    ) -> _Sentence:
        """For whom and which purposes a tag is held by these services, marks, and what is in a document within."""
        blocking = (*blocking, *(each.service for each in within if each.service is not None))
        declared = [service for service in blocking if service.declared]
        # What no choice would wake within a document keeps all of it asleep.
        unwakeable = next((each.reason for each in within if not each.purposes), "")
        never = unknown or len(declared) < len(blocking) or unwakeable
        purposes = {name for service in declared for name in service.purposes} | set(marks)
        purposes.update(name for each in within for name in each.purposes)
        reason = "unknown-purpose" if unknown else "undeclared" if never else "declared" if declared else "marked"
        if not blocking and not marks and not unknown and not within:
            reason = "too-long"
        if unwakeable and not unknown and len(declared) == len(blocking):
            reason = unwakeable
        service = next((service for service in blocking if not service.declared), None) if never else None
        service = service or (blocking[0] if blocking else None)
        ordered = () if never else tuple(name for name in self._rules.policy.names if name in purposes)
        inserted = b" " + PREFIX + b"for"
        if ordered or self._quote:
            inserted += b"=" + self._quoted(",".join(ordered))
        if service is not None:
            inserted += b" " + PREFIX + b"service=" + self._quoted(service.name)
        return _Sentence(service, ordered, reason, inserted)

    def _within(self, tag: Tag, depth: int) -> list[Verdict]:
        """How what is in the document of a frame would be held."""
        within: list[Verdict] = []
        framed = tag.name in FRAMES
        for name, raw, _ in tag.attributes:
            if not raw:
                continue
            if name == b"srcdoc" and tag.name == b"iframe":
                within += self._document(in_attribute(raw.decode(self._encoding, "replace")), depth + 1)
            elif raw[0] not in PLAIN_START and (name in FOLLOWED or (framed and name in LOADING)):
                for document in documents_in(in_attribute(raw.decode(self._encoding, "replace"))):
                    within += self._document(readings_of(document), depth + 1) if b"<" in document else []
        return within

    def _document(self, document: str, depth: int) -> list[Verdict]:
        if depth <= _DEPTH:
            return self._nested(self, document.encode(self._encoding, "xmlcharrefreplace"), depth)
        # One that is nested beyond reason is held unread.
        return [_NESTED._replace(excerpt=document[:120])] if self._holding else []

    def _blocking(self, tag: Tag, text: bytes, *, references: bool, depth: int) -> tuple[Group, str]:
        """The services that this tag would serve and that may not run; and the words that gave one away."""
        # What is told first hears it in this page, and not in a document within; an image or a frame hears nothing.
        told = self._tells and tag.name == b"script" and depth == 0
        first: Group = ()
        others: dict[Service, None] = {}
        excerpt = ""
        for owners, words in self._owners.of(tag, text, references=references):
            held = self._rules.held(owners, self._allowed) if owners else ()
            if told and held:
                held = tuple(service for service in held if not service.told)
            if held and not first:
                first, excerpt = held, words
            elif held and held != first:
                others.update(dict.fromkeys(held))
        return tuple(dict.fromkeys((*first, *others))) if others else first, excerpt

    def _marks(self, tag: Tag) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The purposes that ``data-purpose`` names, and those of them that the policy does not have."""
        value = tag.get(b"data-purpose")
        if value is None:
            return (), ()
        names = tuple(re.split(r"[\s,]+", in_attribute(value.decode("utf-8", "replace")).strip()))
        unknown = tuple(name for name in names if name not in self._rules.policy.names)
        return tuple(name for name in names if name not in unknown), unknown

    def _edits(
        self, data: bytes, tag: Tag, at: int, sentence: _Sentence, *, marked: bool
    ) -> tuple[tuple[int, bytes], ...]:
        typed, refreshing = tag.name in {b"script", b"style"}, refreshes(tag)
        inserted = b" type=" + self._quoted("text/plain") + sentence.inserted if typed else sentence.inserted
        if data.startswith(b"/", tag.name_end):
            inserted += b" "  # <script/src=…>: else the slash would belong to our value
        edits = [(tag.name_end - at, inserted)]
        if tag.name == b"style":
            # Chromium's preload scanner reads a style's imports whatever its type is, up to the first other rule. To
            # CSS this one is unknown, and so nothing (CSS Syntax 3, 9).
            edits.append((tag.end - at, b"@held{}"))
        for name, value, begins in tag.attributes:
            if self._is_held_back(tag, name, value, marked=marked, typed=typed, refreshing=refreshing):
                edits.append((begins - at, PREFIX))
        return tuple(edits)

    def _is_held_back(
        self, tag: Tag, name: bytes, value: bytes, *, marked: bool, typed: bool, refreshing: bool
    ) -> bool:
        """Whether an attribute of a held tag goes to sleep with it."""
        if name in LOADING or name == b"srcdoc" or name.startswith(b"on"):
            return True
        if name == b"type":
            return typed
        if name == b"style" or name in PAINTED:
            # One that loads nothing of a held service is the element's looks, and stays.
            return (marked and name == b"style") or self._holds_any(self._owners.styled(value))
        if name in FOLLOWED:
            if tag.name not in _LINKS and (marked or name in HREF):
                return True
            return self._holds_any(self._owners.followed(value))
        if name == b"content":
            return refreshing or (marked and tag.name not in _LINKS)
        if name == b"sandbox":
            return tag.name == b"iframe"
        return name in ANIMATED and tag.name in ANIMATING

    def _holds_any(self, groups: Iterable[Group]) -> bool:
        return any(self._rules.held(owners, self._allowed) for owners in groups)

    def _quoted(self, value: str) -> bytes:
        return self._quote + value.encode() + self._quote


_REMEMBERED = 16_384
_REMEMBERED_SIZE = 4096
_PLANS = 4096
_SENTENCES = 1024
_NESTED = Verdict((), ANYBODY[0], (), "undeclared", "iframe", "")
#: Documents within attributes of documents within attributes … that are read.
_DEPTH = 8
_NAME = re.compile(rb"[a-zA-Z][^\t\n\f\r />]{0,40}")


def _in_xml(data: bytes, tag: Tag) -> Tag:
    """The tag as XML means it: upper case and prefixes make other names, of which some load all the same.

    Such attributes stand behind the plain ones; those that could only make a tag harmless are left out.
    """
    plain: list[Attribute] = []
    others: list[Attribute] = []
    for each in tag.attributes:
        name = each.name.rpartition(b":")[2]
        if data.startswith(name, each.at):
            plain.append(each)
        elif name not in _DECIDING:
            others.append(each._replace(name=name))
    name = tag.name.rpartition(b":")[2]
    return Tag(name, tag.name_end, tag.end, tag.self_closing, attributes=(*plain, *others))


def _forged(name: bytes) -> bool:
    """Whether an attribute that the application wrote would mean something to the script."""
    return name.startswith(PREFIX) and name != _OPEN


def _visible(tag: Tag) -> bool:
    """Whether a frame is there to be looked at."""
    sizes = [tag.get(b"width"), tag.get(b"height")]
    if any(size is not None and size.strip().rstrip(b"px").strip() in {b"0", b"1", b"2"} for size in sizes):
        return False
    return tag.get(b"hidden") is None and not _INVISIBLE.search(tag.get(b"style") or b"")


@lru_cache(maxsize=256)
def judge_of(
    rules: Rules,
    allowed: frozenset[str],
    site: str,
    xml: bool,
    nested: Callable[[Judge, bytes, int], list[Verdict]],
    *,
    encoding: str,
) -> Judge:
    """The judge for these; the same one each time, with what it remembers."""
    return Judge(rules, allowed, site, xml=xml, encoding=encoding, nested=nested)
