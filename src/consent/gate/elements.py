"""What a tag and its attributes make a browser do: load, run, or nothing.

Source: HTML Standard; SVG 2; what browsers keep of older ones.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from .references import in_attribute
from .tokens import Tag

__all__ = [
    "ANIMATED",
    "ANIMATING",
    "FOLLOWED",
    "FRAMES",
    "HANDLER",
    "HREF",
    "LISTS",
    "LOADING",
    "PAINTED",
    "TELLING",
    "Traits",
    "is_script",
    "maps",
    "refreshes",
    "traits_of",
]

#: Attributes that load, on whatever element they stand (HTML Standard, and the obsolete ones that browsers keep).
LOADING = frozenset(
    b"src srcset imagesrcset poster background lowsrc dynsrc data ping manifest archive codebase code classid "
    b"attributionsrc".split()
)
#: Attributes of svg elements in which ``url(…)`` loads (SVG 2, presentation attributes).
PAINTED = frozenset(b"fill stroke filter mask clip-path cursor marker marker-start marker-mid marker-end".split())
#: Attributes with several addresses.
LISTS = frozenset(b"srcset imagesrcset ping archive attributionsrc".split())
#: Elements of svg whose attributes of these names become another attribute's value.
ANIMATING = frozenset({b"set", b"animate"})
ANIMATED = frozenset(b"to from values by".split())
#: Elements that show documents.
FRAMES = frozenset(b"iframe frame object embed applet".split())
#: Where a link leads.
HREF = frozenset({b"href", b"xlink:href"})
#: Addresses that somebody may follow; ``javascript:`` ones run then.
FOLLOWED = HREF | {b"action", b"formaction"}
#: Names of attributes that may load or run, but for scripts; those of all others never do.
TELLING = LOADING | PAINTED | ANIMATED | FOLLOWED | {b"style", b"content"}
#: Names of attributes that are scripts (HTML Standard, 8.1.8.1).
HANDLER = re.compile(rb"on[a-z]+\Z")
#: Elements, beside scripts and some links, whose href loads; a link that somebody may follow is not one.
_HREF_LOADS = frozenset(
    b"use image feimage base mpath textpath animate set pattern filter tref cursor lineargradient "
    b"radialgradient font-face-uri".split()
)
#: Relations that make a browser fetch or connect (HTML Standard, 4.6.7).
_RELATIONS = frozenset(
    b"stylesheet preload prefetch preconnect dns-prefetch modulepreload icon apple-touch-icon "
    b"apple-touch-icon-precomposed mask-icon manifest prerender import pingback compression-dictionary search".split()
)
#: Types of a script element that run or load (HTML Standard, 4.12.1.1; MIME Sniffing, 4.6). The rest is data.
_RUNS = re.compile(
    rb"(?:|(?:text|application)/(?:x-)?(?:java|ecma)script(?:1\.[0-5])?|text/(?:jscript|livescript)|module|importmap"
    rb"|speculationrules|webbundle|text/(?:babel|jsx|partytown))\Z",
    re.IGNORECASE,
)
#: Types of script element whose addresses are fetched or may be, none of whose text runs.
_MAPS = re.compile(rb"importmap|speculationrules|webbundle", re.IGNORECASE)
#: What may be a space. A letter of Shift_JIS may end in "@".
_NO_TYPE = re.compile(r"[^!-~]@?")
#: Bytes; what is longer is not remembered.
_USUAL_TYPE = 64


class Traits(NamedTuple):
    """What a tag is to its attributes.

    ``runs``: whether it is a script. ``loads``: whether what they name is loaded; by a block of data it is not.
    ``typed``: whether what it loads is what its type says, and not a script or a style whatever that is. ``linked``:
    whether where it leads is fetched before anybody goes there. ``refreshes``: whether it is a meta refresh.
    """

    runs: bool
    loads: bool
    typed: bool
    linked: bool
    refreshes: bool


def traits_of(tag: Tag) -> Traits:
    """Those of a tag. To be asked once: it may have as many attributes as it likes."""
    name = tag.name
    if name == b"script":
        runs = is_script(tag)
        return Traits(runs=runs, loads=runs, typed=False, linked=True, refreshes=False)
    if name == b"link":
        relations = _relations(tag)
        linked = not _RELATIONS.isdisjoint(relations)
        return Traits(runs=False, loads=True, typed=b"stylesheet" not in relations, linked=linked, refreshes=False)
    return Traits(runs=False, loads=True, typed=True, linked=name in _HREF_LOADS, refreshes=refreshes(tag))


def is_script(tag: Tag) -> bool:
    """Whether a script element is a script, not a block of data. Chromium loads those of svg whatever they are."""
    return any(map(_RUNS.match, _types(tag))) or any(name in HREF for name, _, _ in tag.attributes)


def maps(tag: Tag) -> bool:
    """Whether a script element names addresses that are fetched or may be."""
    return any(map(_MAPS.fullmatch, _types(tag)))


def refreshes(tag: Tag) -> bool:
    """Whether an element is a meta refresh."""
    equivalent = tag.get(b"http-equiv") if tag.name == b"meta" else None
    return equivalent is not None and "refresh" in in_attribute(equivalent.decode("latin-1")).lower()


def _values(tag: Tag, name: bytes) -> list[bytes]:
    """All that a tag has of a name. A browser takes the first; its preload scanner, which asks before, the last."""
    return [value for each, value, _ in tag.attributes if each == name]


def _relations(tag: Tag) -> list[bytes]:
    """What a link is to its page."""
    relations = b" ".join(_values(tag, b"rel")).decode("latin-1")
    return in_attribute(relations).lower().encode("latin-1", "replace").split()


def _types(tag: Tag) -> list[bytes]:
    """The types that a script may be taken to have."""
    values = _values(tag, b"type") or [b"text/" + each if each else b"" for each in _values(tag, b"language")] or [b""]
    return [_read_type(each) if len(each) <= _USUAL_TYPE else _read_type.__wrapped__(each) for each in values]


@lru_cache(maxsize=256)
def _read_type(value: bytes) -> bytes:
    """A type without what Chromium strips from it: spaces of all of Unicode, in whatever encoding they are."""
    return _NO_TYPE.sub(" ", in_attribute(value.decode("latin-1"))).strip().encode()
