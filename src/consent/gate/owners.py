"""Whose what a tag would load, run or tell is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

from ..policy.policy import Service
from . import foreign
from .address import PLAIN_START, addresses_in, document_in, opened, refresh_addresses
from .elements import (
    ANIMATED,
    ANIMATING,
    FOLLOWED,
    FRAMES,
    HANDLER,
    HREF,
    LISTS,
    LOADING,
    PAINTED,
    TELLING,
    Traits,
    maps,
    traits_of,
)
from .encoding import UNREAD, hosts_otherwise, otherwise, unmapped
from .imports import imports_in, parted, undone
from .look import Look
from .match import Group, Rules
from .references import in_attribute, in_text
from .speculation import leads_anywhere
from .tokens import Tag
from .xhtml import child_text

__all__ = ["ANYBODY", "Owners"]

#: The owners of one thing, and the words that give them away.
_Owned: TypeAlias = tuple[Group, str]

#: Stands for the owners of whatever a document inside an attribute holds that was not read.
ANYBODY: Group = (Service("srcdoc", declared=False),)
#: What is in what a script names, if that is an address and not a name for one, or a name for a folder and more.
_NAMING = re.compile(r"\A[\x00-\x20]*(?:\.|[a-zA-Z][a-zA-Z0-9+.-]*:)|[/\\]")
#: One that does not end, too: else the rest would be searched again from each quote in it.
_JSON_STRING = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"?', re.DOTALL)
#: One of the images in a list, and what is said of it (HTML Standard, 4.8.4.2.2).
_CANDIDATE = re.compile(r"(\S*[^\s,])(?:,+|\s(?:[^(),]|\([^)]*(?:\)|\Z))*,?|\Z)")
_CHARACTER_REFERENCE = re.compile(rb"&(?:#[0-9xX]|[A-Za-z]+;)")
_EXCERPT = 120


class Owners:
    """Says whose the tags of one site's pages are, under one policy.

    :param encoding: Python's name of what the page is in, ``""`` if nothing says so.
    :param xml: whether the page is XHTML, in which a text may hold elements.
    :param holding: whether anything at all could be held: if not, what is not read is nobody's.
    """

    def __init__(self, rules: Rules, site: str, look: Look, *, encoding: str, xml: bool, holding: bool) -> None:
        self._rules = rules
        self._site = site
        self._look = look
        self._encoding = encoding or "utf-8"
        #: Whether the page may be in another. To a strict policy a host that cannot be read is a stranger as it is.
        self._guessing = not encoding and not rules.policy.strict
        self._xml = xml
        self._holding = holding

    def of(self, tag: Tag, text: bytes, *, references: bool) -> list[_Owned]:
        """The owners of all that a tag with this text would load, run or tell.

        ``references``: whether character references count in the text.
        """
        traits = traits_of(tag)
        owned: list[_Owned] = []
        for name, value, _ in tag.attributes:
            if not value:
                continue
            if name in TELLING:
                owned += self._of_attribute(tag, name, value, traits)
            elif HANDLER.match(name):
                words = value.decode(self._encoding, "replace")
                owned += [(group, words) for group in self._served(in_attribute(self._read(value)))]
            elif name == b"srcdoc" and tag.name == b"iframe":
                for other in self._hosts(value, document=True):
                    owned += self._addresses(in_text(in_attribute(other)), css=True)
        for content in self._contents(text, references=references) if text else ():
            if traits.runs:
                words = content.strip()[:_EXCERPT]
                owned += [(group, words) for group in self._served(content)]
                owned += self._mapped(content) if maps(tag) else []
            elif tag.name == b"style":
                # What may be in another encoding is not looked over.
                clues = (
                    content if self._guessing else self._look.style_clues(content.encode("utf-8", "replace")).decode()
                )
                owned += self._addresses(clues, css=True)
        return owned

    def followed(self, value: bytes) -> tuple[Group, ...]:
        """Whom an address serves that runs when it is followed."""
        if not value or value[0] in PLAIN_START:
            return ()
        script = document_in(in_attribute(self._read(value)))
        if not script:
            return ()
        # What it returns is a document, if it is text.
        shown = self._addresses(script, css=True, within=False) if "<" in script else ()
        return self._served(script) + tuple(group for group, _ in shown)

    def styled(self, value: bytes) -> tuple[Group, ...]:
        """The owners of what a style, or a painted attribute, loads: a group for each address."""
        return tuple(group for group, _ in self._addresses(in_attribute(self._read(value)), css=True))

    def _of_attribute(self, tag: Tag, name: bytes, raw: bytes, traits: Traits) -> list[_Owned]:
        """The owners of what an attribute leads to. ``raw``: its value."""
        value = raw.decode(self._encoding, "replace")
        plain = in_attribute(value)
        urls = _urls(tag, name, value, plain, traits) if traits.loads else []
        owned: list[_Owned] = []
        if urls and (self._guessing or "\ufffd" in value):
            for other in otherwise(raw) if self._guessing else [unmapped(raw)]:
                urls += _urls(tag, name, other, in_attribute(other), traits)
                owned += self._unread(other)
        owned += [(self._rules.services_for_url(url, self._site), value) for url in urls]
        if tag.name == b"base":
            owned += [(group, value) for url in urls for group in self._below(url)]
        if (urls or name in LOADING) and (inner := self._documents(name, plain, traits, framed=tag.name in FRAMES)):
            owned += [(group, value[:_EXCERPT]) for group in self._served(inner)]
            owned += self._addresses(inner, css=True, within=False)
        elif name in FOLLOWED:
            owned += [(group, value[:_EXCERPT]) for group in self.followed(raw)]
        return owned

    @staticmethod
    def _documents(name: bytes, value: str, traits: Traits, *, framed: bool) -> str:
        """The text of the document that an attribute is, or of those in a list of values that it becomes in turn."""
        if name not in ANIMATED or ";" not in value:
            return document_in(value, typed=traits.typed, framed=framed)
        # In the code of one, a ";" may stand, too.
        parts = value.split(";")
        first = next((number for number, part in enumerate(parts) if document_in(part)), len(parts))
        return "\n".join(map(document_in, (*parts[first:], ";".join(parts[first:]))))

    def _served(self, script: str) -> tuple[Group, ...]:
        """Whom a script serves, or imports from."""
        read = parted(script)
        clues = self._look.clues(read.encode("utf-8", "replace"))
        groups = self._rules.services_for_script(read, self._site, clues=clues)
        return groups + tuple(
            each for each, _ in (*self._named(filter(_NAMING.search, imports_in(script))), *self._unread(script))
        )

    def _mapped(self, names: str) -> list[_Owned]:
        """Whom a map of imports, or of what may be loaded next, leads to."""
        strings = dict.fromkeys(map(undone, _JSON_STRING.findall(names)))
        owned = self._named(strings)
        # Modules below them may be named as well.
        owned += [(group, name[:_EXCERPT]) for name in strings if name.endswith("/") for group in self._below(name)]
        if self._holding and leads_anywhere(names, self._site):
            owned += [(group, names.strip()[:_EXCERPT]) for group in self._rules.anybody]
        return owned

    def _below(self, url: str) -> tuple[Group, ...]:
        """The owners of anything that addresses relative to this one may lead to."""
        return self._rules.services_below(url, self._site)

    def _named(self, names: Iterable[str]) -> list[_Owned]:
        """The owners of what is named to be loaded as a script, and of what that loads where it is in its address."""
        owned: list[_Owned] = []
        for name in names:
            owned.append((self._rules.services_for_url(name, self._site), name[:_EXCERPT]))
            document = document_in(name)
            if document:
                groups = self._rules.services_for_script(document, self._site)
                groups += tuple(
                    self._rules.services_for_url(each, self._site)
                    for each in filter(_NAMING.search, imports_in(document))
                )
                owned += [(each, name[:_EXCERPT]) for each in groups]
                owned += self._addresses(document, css=True, within=False) if "css" in name[:99].lower() else []
                owned += self._unread(document)
        return owned

    def _addresses(self, text: str, *, css: bool = False, within: bool = True) -> list[_Owned]:
        """The owners of the addresses in a text. ``within``: and in what it imports, if it is a style."""
        text = opened(text) if css and within else text
        found = dict.fromkeys(addresses_in(text, css=css))
        return [(self._rules.services_for_url(url, self._site), url) for url in found] + self._unread(text)

    def _unread(self, text: str) -> list[_Owned]:
        """What stands for all that was too long to be read."""
        return [(ANYBODY, text[:_EXCERPT])] if UNREAD in text and self._holding else []

    def _contents(self, text: bytes, *, references: bool) -> list[str]:
        """A script's or style's text, and what it is where markup and character references count: in XML, and svg."""
        contents = [self._read(text)]
        if self._xml and b"<" in text:
            contents.append(self._read(child_text(text)))
        if references and _CHARACTER_REFERENCE.search(text):
            contents += map(in_text, contents[:])
        if references and b"<" in text and not self._xml:
            contents.append(foreign.child_text(text, self._read))
        return contents

    def _read(self, text: bytes) -> str:
        """Bytes as text; where nothing says in which encoding they are, with what may be hosts in it behind it."""
        read = text.decode(self._encoding, "replace")
        return "\n".join((read, *self._hosts(text))) if self._guessing else read

    def _hosts(self, text: bytes, *, document: bool = False) -> list[str]:
        return hosts_otherwise(text, document=document) if self._guessing else []


def _urls(tag: Tag, name: bytes, value: str, plain: str, traits: Traits) -> list[str]:
    """The addresses in an attribute's value that a browser would fetch or tell.

    ``value``: as it is written. ``plain``: with references undone.
    """
    if name in HREF:
        return [*dict.fromkeys((value, plain))] if traits.linked else []
    if name in LISTS:
        # A comma may be part of an address.
        return [*plain.split(), *re.split(r"[\s,]+", plain), *_CANDIDATE.findall(plain)]
    if name == b"data" and tag.name != b"object":
        return []
    if name in LOADING:
        return [*dict.fromkeys((value, plain))]
    if name == b"style" or name in PAINTED:
        return addresses_in(plain, css=True)
    if name == b"content" and traits.refreshes:
        return refresh_addresses(plain)
    if name in ANIMATED and tag.name in ANIMATING:
        return [plain, *plain.split(";"), *addresses_in(plain, css=True)]
    return []
