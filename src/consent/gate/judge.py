"""What a tag would load, run or tell, whose that is, and how the tag is held.

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
from typing import Any, Generic, NamedTuple, TypeVar

from ..policy.policy import Service
from .address import addresses_in, document_in, opened, refresh_address
from .encoding import UNREAD, hosts_otherwise, otherwise
from .glance import Glance
from .imports import imports_in, parted, undone
from .look import look_of
from .match import Rules
from .references import in_attribute, in_text
from .sight import Sight
from .tokens import Attribute, Tag, harmless_end
from .xhtml import child_text

__all__ = ["RENAMED", "Judge", "Verdict", "judge_of"]

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")

PREFIX = b"data-consent-"
#: The only attribute of that prefix that an application writes: on a link, it opens the settings.
_OPEN = PREFIX + b"open"
#: In front of the others that it wrote.
_DISARMED = b"x-"
#: Gives a tag a name that no browser knows.
RENAMED = (1, b"x-consent-held-")

#: Attributes that load, on whatever element they stand (HTML Standard, and the obsolete ones that browsers keep).
_LOADING = frozenset(
    b"src srcset imagesrcset poster background lowsrc dynsrc data ping manifest archive codebase code classid "
    b"attributionsrc".split()
)
#: Attributes of svg elements in which ``url(…)`` loads (SVG 2, presentation attributes).
_PAINTED = frozenset(b"fill stroke filter mask clip-path cursor marker marker-start marker-mid marker-end".split())
#: Attributes with several addresses.
_LISTS = frozenset(b"srcset imagesrcset ping archive attributionsrc".split())
_ANIMATED = frozenset(b"to from values by".split())
#: Attributes without which a tag may load or run what it does not with them.
_DECIDING = frozenset(b"type language rel http-equiv".split())
#: Elements whose href loads; a link that somebody may follow is not one.
_HREF = frozenset(
    b"link script use image feimage base mpath textpath animate set pattern filter tref cursor lineargradient "
    b"radialgradient font-face-uri".split()
)
#: Relations that make a browser fetch or connect (HTML Standard, 4.6.7).
_RELATIONS = frozenset(
    b"stylesheet preload prefetch preconnect dns-prefetch modulepreload icon apple-touch-icon "
    b"apple-touch-icon-precomposed mask-icon manifest prerender import pingback compression-dictionary".split()
)
#: Addresses that somebody may follow; ``javascript:`` ones run then.
_FOLLOWED = frozenset(b"href xlink:href action formaction".split())
#: Names of attributes that may load or run, but for scripts; those of all others never do.
_TELLING = _LOADING | _LISTS | _PAINTED | _ANIMATED | _FOLLOWED | {b"style", b"content"}
#: Others that may be kept for waking.
_KEPT = frozenset(b"srcdoc type sandbox".split())
#: Only where the site marked the element itself.
_MARKED = frozenset(b"href xlink:href action formaction content style".split())
#: Types of a script element that run or load (HTML Standard, 4.12.1.1; MIME Sniffing, 4.6). The rest is data.
_RUNS = re.compile(
    rb"(?:|(?:text|application)/(?:x-)?(?:java|ecma)script(?:1\.[0-5])?|text/(?:jscript|livescript)|module|importmap"
    rb"|speculationrules|webbundle|text/(?:babel|jsx|partytown))\Z",
    re.IGNORECASE,
)
#: Names of attributes that are scripts (HTML Standard, 8.1.8.1).
_HANDLER = re.compile(rb"on[a-z]+\Z")
#: Types of script element whose addresses are fetched or may be, none of whose text runs.
_MAPS = re.compile(rb"importmap|speculationrules|webbundle", re.IGNORECASE)
_CHARACTER_REFERENCE = re.compile(rb"&(?:#[0-9xX]|[A-Za-z]+;)")
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


class Memory(Generic[_K, _V]):
    """A bounded mapping that forgets its oldest half when it is full. Safe in threads: each step is one dict call."""

    def __init__(self, size: int) -> None:
        self._size = size // 2
        self._young: dict[_K, _V] = {}
        self._old: dict[_K, _V] = {}

    def get(self, key: _K) -> _V | None:
        """What was remembered, or None."""
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: _K, value: _V) -> None:
        """Remember; what is used again stays."""
        if len(self._young) >= self._size:
            self._old, self._young = self._young, {}
        self._young[key] = value


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
        self._site = site
        self._xml = xml
        self._encoding = encoding or "utf-8"
        #: Whether the page may be in another. To a strict policy a host that cannot be read is a stranger as it is.
        self._guessing = not encoding and not rules.policy.strict
        self._quote = b'"' if xml else b""
        #: Whether anything at all could be held: if not, a page is left alone whatever is unsure in it.
        self._holding = rules.holds_any(allowed)
        self._nested = nested
        self._look = look_of(rules.policy, rules.own_marks(site))
        self._glance = Glance(self._look)
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
        blocking, excerpt = self._blocking(tag, self._contents(text, references=references), depth)
        within = self._within(tag, depth)
        marks, unknown = self._marks(tag)
        refused = [name for name in marks if name not in self._allowed]
        long = not whole and self._holding and (tag.name != b"script" or _runs(tag))
        if not blocking and not within and not refused and not unknown and not long:
            name = tag.name.decode("latin-1")
            return Verdict(disarmed, None, (), "", name, "") if disarmed else None
        blocking += [each.service for each in within if each.service is not None and each.service not in blocking]
        excerpt = excerpt or next((each.excerpt for each in within), "")
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
        return Verdict(
            edits=(*self._edits(data, tag, at, ordered, service, marked=bool(marks or unknown)), *disarmed),
            service=service,
            purposes=ordered,
            reason=reason,
            tag=tag.name.decode("latin-1"),
            excerpt=(" ".join(unknown) or excerpt)[:120],
            frame=tag.name == b"iframe" and tag.get(b"src") is not None and _visible(tag),
        )

    def _within(self, tag: Tag, depth: int) -> list[Verdict]:
        """How what is in the document of a frame would be held."""
        value = tag.get(b"srcdoc") if tag.name == b"iframe" else None
        return self._document(value, depth + 1) if value else []

    def _document(self, value: bytes, depth: int) -> list[Verdict]:
        document = in_attribute(value.decode(self._encoding, "replace"))
        if depth <= _DEPTH:
            return self._nested(self, document.encode(self._encoding, "xmlcharrefreplace"), depth)
        # One that is nested beyond reason is held unread.
        return [_NESTED._replace(excerpt=document[:120])] if self._holding else []

    def _blocking(self, tag: Tag, contents: Sequence[str], depth: int) -> tuple[list[Service], str]:
        """The services that this tag would serve and that may not run; and the words that gave one away."""
        # What is told first hears it in this page, and not in a document within; an image or a frame hears nothing.
        told = tag.name == b"script" and depth == 0
        blocking: dict[Service, None] = {}
        excerpt = ""
        for owners, words in self._owners(tag, contents):
            held = self._rules.held(owners, self._allowed)
            if told and held:
                held = tuple(service for service in held if not service.told)
            if held and not blocking:
                excerpt = words
            blocking.update(dict.fromkeys(held))
        return list(blocking), excerpt

    def _owners(self, tag: Tag, contents: Sequence[str]) -> list[tuple[tuple[Service, ...], str]]:
        # Once: a tag may have as many attributes as it likes.
        runs, typed = tag.name == b"script" and _runs(tag), _is_typed(tag)
        href_loads, refreshes = _href_loads(tag), _refreshes(tag)
        owners: list[tuple[tuple[Service, ...], str]] = []
        for attribute in tag.attributes:
            if not attribute.value:
                continue
            if attribute.name == b"srcdoc" and tag.name == b"iframe":
                for other in self._hosts(attribute.value, document=True):
                    owners += self._addresses(in_text(in_attribute(other)), css=True)
            if not (attribute.name in _TELLING or attribute.name.startswith(b"on")):
                continue
            value = attribute.value.decode(self._encoding, "replace")
            plain = in_attribute(value)
            urls = []
            if tag.name != b"script" or runs:
                urls = self._urls(tag, attribute.name, value, plain, href_loads=href_loads, refreshes=refreshes)
            for other in self._otherwise(attribute.value) if urls else ():
                urls += self._urls(
                    tag, attribute.name, other, in_attribute(other), href_loads=href_loads, refreshes=refreshes
                )
                owners += self._unread(other)
            owners += [(self._rules.services_for_url(url, self._site), value) for url in urls]
            if _HANDLER.match(attribute.name):
                script = in_attribute(self._read(attribute.value))
                owners += [(group, value) for group in self._served(script)]
            elif (urls or attribute.name in _LOADING) and (inner := document_in(plain, typed=typed)):
                owners += [(group, value[:120]) for group in self._served(inner)]
                owners += self._addresses(inner, css=True, within=False)
            elif attribute.name in _FOLLOWED:
                owners += [(group, value[:120]) for group in self._followed(attribute.value)]
        for content in contents:
            if runs:
                owners += [(group, content.strip()[:120]) for group in self._served(content)]
                owners += self._mapped(content) if _maps(tag) else []
            elif tag.name == b"style":
                # What may be in another encoding is not looked over.
                clues = (
                    content if self._guessing else self._look.style_clues(content.encode("utf-8", "replace")).decode()
                )
                owners += self._addresses(clues, css=True)
        return owners

    def _followed(self, value: bytes) -> tuple[tuple[Service, ...], ...]:
        """Whom an address serves that runs when it is followed."""
        script = document_in(in_attribute(self._read(value)))
        return self._served(script) if script else ()

    def _served(self, script: str) -> tuple[tuple[Service, ...], ...]:
        """Whom a script serves, or imports from."""
        read = parted(script)
        clues = self._look.clues(read.encode("utf-8", "replace"))
        owners = self._rules.services_for_script(read, self._site, clues=clues)
        return owners + tuple(each for each, _ in (*self._named(imports_in(script)), *self._unread(script)))

    def _mapped(self, names: str) -> list[tuple[tuple[Service, ...], str]]:
        """Whom a map of imports, or of what may be loaded next, leads to."""
        return self._named(dict.fromkeys(map(undone, _JSON_STRING.findall(names)))) + self._addresses(names)

    def _named(self, names: Iterable[str]) -> list[tuple[tuple[Service, ...], str]]:
        """The owners of what is named to be loaded as a script, and of what that loads where it is in its address."""
        owners: list[tuple[tuple[Service, ...], str]] = []
        for name in filter(_NAMING.match, names):
            owners.append((self._rules.services_for_url(name, self._site), name[:120]))
            document = document_in(name)
            if document:
                groups = self._rules.services_for_script(document, self._site)
                groups += tuple(
                    self._rules.services_for_url(each, self._site)
                    for each in filter(_NAMING.match, imports_in(document))
                )
                owners += [(each, name[:120]) for each in groups]
                owners += self._addresses(document, css=True, within=False) if "css" in name[:99].lower() else []
                owners += self._unread(document)
        return owners

    def _addresses(self, text: str, *, css: bool = False, within: bool = True) -> list[tuple[tuple[Service, ...], str]]:
        """The owners of the addresses in a text. ``within``: and in what it imports, if it is a style."""
        text = opened(text) if css and within else text
        found = dict.fromkeys(addresses_in(text, css=css))
        return [(self._rules.services_for_url(url, self._site), url) for url in found] + self._unread(text)

    def _unread(self, text: str) -> list[tuple[tuple[Service, ...], str]]:
        """What stands for all that was too long to be read."""
        return [(_UNREAD, text[:120])] if UNREAD in text and self._holding else []

    def _urls(self, tag: Tag, name: bytes, value: str, plain: str, *, href_loads: bool, refreshes: bool) -> list[str]:
        """The addresses in an attribute's value that a browser would fetch or tell.

        ``value``: as it is written. ``plain``: with references undone.
        """
        if name in {b"href", b"xlink:href"}:
            return [*dict.fromkeys((value, plain))] if href_loads else []
        if name in _LISTS:
            # A comma may be part of an address.
            return [*plain.split(), *re.split(r"[\s,]+", plain)]
        if name == b"data" and tag.name != b"object":
            return []
        if name in _LOADING:
            return [*dict.fromkeys((value, plain))]
        if name == b"style" or name in _PAINTED:
            return addresses_in(plain, css=True)
        if name == b"content" and refreshes:
            return [refresh_address(plain)]
        if name in _ANIMATED and tag.name in {b"set", b"animate"}:
            return [*re.split(r"[\s;]+", plain), *addresses_in(plain, css=True)]
        return []

    def _marks(self, tag: Tag) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The purposes that ``data-purpose`` names, and those of them that the policy does not have."""
        value = tag.get(b"data-purpose")
        if value is None:
            return (), ()
        names = tuple(re.split(r"[\s,]+", in_attribute(value.decode("utf-8", "replace")).strip()))
        unknown = tuple(name for name in names if name not in self._rules.policy.names)
        return tuple(name for name in names if name not in unknown), unknown

    def _edits(
        self, data: bytes, tag: Tag, at: int, purposes: tuple[str, ...], service: Service | None, *, marked: bool
    ) -> tuple[tuple[int, bytes], ...]:
        typed, refreshes = tag.name in {b"script", b"style"}, _refreshes(tag)
        inserted = b" type=" + self._quoted("text/plain") if typed else b""
        inserted += b" " + PREFIX + b"for"
        if purposes or self._quote:
            inserted += b"=" + self._quoted(",".join(purposes))
        if service is not None:
            inserted += b" " + PREFIX + b"service=" + self._quoted(service.name)
        if data.startswith(b"/", tag.name_end):
            inserted += b" "  # <script/src=…>: else the slash would belong to our value
        edits = [(tag.name_end - at, inserted)]
        if tag.name == b"style":
            # Chromium's preload scanner reads a style's imports whatever its type is, up to the first other rule. To
            # CSS this one is unknown, and so nothing (CSS Syntax 3, 9).
            edits.append((tag.end - at, b"@held{}"))
        for attribute in tag.attributes:
            name = attribute.name
            if name not in _TELLING and name not in _KEPT and not name.startswith(b"on"):
                continue
            if (
                name in _LOADING
                or name in {b"style", b"srcdoc"}
                or name.startswith(b"on")
                or (typed and name == b"type")
                or (name in {b"href", b"xlink:href"} and tag.name not in {b"a", b"area"})
                or (name == b"content" and refreshes)
                or (name in _PAINTED and self._style_held(attribute.value))
                or (
                    name in _FOLLOWED
                    and any(self._rules.held(each, self._allowed) for each in self._followed(attribute.value))
                )
                or (name == b"sandbox" and tag.name == b"iframe")
                or (name in _ANIMATED and tag.name in {b"set", b"animate"})
                or (marked and name in _MARKED and tag.name not in {b"a", b"area"})
            ) and not (name == b"style" and not marked and not self._style_held(attribute.value)):
                edits.append((attribute.at - at, PREFIX))
        return tuple(edits)

    def _style_held(self, value: bytes) -> bool:
        """Whether a style attribute loads anything of a held service; else it is the element's looks and stays."""
        found = self._addresses(in_attribute(self._read(value)), css=True)
        return any(self._rules.held(owners, self._allowed) for owners, _ in found)

    def _contents(self, text: bytes, *, references: bool) -> tuple[str, ...]:
        """A script's or style's text, and what it is where markup and character references count: in XML, and svg."""
        if not text:
            return ()
        contents = [self._read(text)]
        if self._xml and b"<" in text:
            contents.append(self._read(child_text(text)))
        if references and _CHARACTER_REFERENCE.search(text):
            contents += map(in_text, contents[:])
        return tuple(contents)

    def _read(self, text: bytes) -> str:
        """Bytes as text; where nothing says in which encoding they are, with what may be hosts in it behind it."""
        return "\n".join((text.decode(self._encoding, "replace"), *self._hosts(text)))

    def _otherwise(self, value: bytes) -> list[str]:
        return otherwise(value) if self._guessing else []

    def _hosts(self, text: bytes, *, document: bool = False) -> list[str]:
        return hosts_otherwise(text, document=document) if self._guessing else []

    def _quoted(self, value: str) -> bytes:
        return self._quote + value.encode() + self._quote


_REMEMBERED = 16_384
_REMEMBERED_SIZE = 4096
_PLANS = 4096
#: Stands for whatever a document inside an attribute holds that was not read.
_UNREAD = (Service("srcdoc", declared=False),)
_NESTED = Verdict((), _UNREAD[0], (), "undeclared", "iframe", "")
#: Documents within attributes of documents within attributes … that are read.
_DEPTH = 8
#: How what a script or map names begins, if it is an address and not a name for one.
_NAMING = re.compile(r"[\x00-\x20]*(?:[/\\.]|[a-zA-Z][a-zA-Z0-9+.-]*:)")
#: One that does not end, too: else the rest would be searched again from each quote in it.
_JSON_STRING = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"?', re.DOTALL)
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


def _refreshes(tag: Tag) -> bool:
    equivalent = tag.get(b"http-equiv") if tag.name == b"meta" else None
    return equivalent is not None and "refresh" in in_attribute(equivalent.decode("latin-1")).lower()


def _href_loads(tag: Tag) -> bool:
    """Whether where a tag leads is fetched before anybody goes there."""
    return not _RELATIONS.isdisjoint(_relations(tag)) if tag.name == b"link" else tag.name in _HREF


def _is_typed(tag: Tag) -> bool:
    """Whether what a tag loads is what its type says, and not a script or a style whatever that is."""
    return tag.name != b"script" and (tag.name != b"link" or b"stylesheet" not in _relations(tag))


def _values(tag: Tag, name: bytes) -> list[bytes]:
    """All that a tag has of a name. A browser takes the first; its preload scanner, which asks before, the last."""
    return [each.value for each in tag.attributes if each.name == name]


def _relations(tag: Tag) -> list[bytes]:
    """What a link is to its page."""
    relations = b" ".join(_values(tag, b"rel")).decode("latin-1")
    return in_attribute(relations).lower().encode("latin-1", "replace").split()


def _runs(tag: Tag) -> bool:
    """Whether a script element is a script, not a block of data. Chromium loads those of svg whatever they are."""
    return any(map(_RUNS.match, _types(tag))) or any(each.name in {b"href", b"xlink:href"} for each in tag.attributes)


def _maps(tag: Tag) -> bool:
    """Whether a script element names addresses that are fetched or may be."""
    return any(map(_MAPS.fullmatch, _types(tag)))


def _types(tag: Tag) -> list[bytes]:
    """The types that a script may be taken to have."""
    values = _values(tag, b"type") or [b"text/" + each if each else b"" for each in _values(tag, b"language")] or [b""]
    return [_read_type(each) if len(each) <= _USUAL_TYPE else _read_type.__wrapped__(each) for each in values]


#: Bytes; what is longer is not remembered.
_USUAL_TYPE = 64


@lru_cache(maxsize=256)
def _read_type(value: bytes) -> bytes:
    return in_attribute(value.decode("latin-1")).strip().encode("latin-1", "replace")


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
