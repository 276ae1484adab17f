"""Looks bytes over for whatever could make a tag, a script or a style somebody's.

Nothing is read here, only searched for: known hosts, paths and snippets, and every odd spelling that could hide one.
What is found may stand anywhere; :class:`~consent.gate.sight.Sight` says where that matters. It may be too much, never
too little.

With ``hyperscan`` (extra ``speed``), all is found in one pass. Without it, the standard library's expressions search
one after the other.
"""

from __future__ import annotations

import importlib
from functools import cache, lru_cache
from typing import Any, Protocol

from ..policy.policy import Policy
from .match import Clues, Rules
from .scanning import Scanning
from .searching import Searching
from .sight import Sight

__all__ = ["Look", "look_of", "sound_hyperscan"]


class Look(Protocol):
    """How bytes are looked over."""

    def over(self, data: bytes) -> Sight:
        """Look over a piece of a page."""
        ...

    def clears_tag(self, raw: bytes) -> bool:
        """Whether a tag is nobody's, but for what tabs, line breaks and backslashes hide."""
        ...

    def clears_text(self, name: bytes, text: bytes) -> bool:
        """Whether the text of a script, or of a style, is nobody's."""
        ...

    def clues(self, script: bytes) -> Clues:
        """What of a script may tell whom it serves."""
        ...

    def style_clues(self, style: bytes) -> bytes:
        """A style that tells whom this one serves, and may be shorter."""
        ...


def look_of(policy: Policy, own: tuple[bytes, ...] = ()) -> Look:
    """How to look for what this policy knows; the same one each time, with what it remembers.

    Compiling it takes some tenths of a second where hyperscan is used. ``own``: :meth:`Rules.own_marks` of the site.
    """
    return _look_of(policy, own, sound_hyperscan())


@lru_cache(maxsize=16)
def _look_of(policy: Policy, own: tuple[bytes, ...], hyperscan: Any) -> Look:
    rules = Rules(policy)
    # A strict policy knows every host. And under whatever name a visitor asks for the site, nothing is compiled for it.
    if hyperscan is None or policy.strict or own:
        return Searching(rules, own)
    try:
        return Scanning(rules, hyperscan)
    except hyperscan.HyperscanError:
        return Searching(rules, own)  # a pattern of the site's own is too much for it


@cache
def sound_hyperscan() -> Any:
    """The library, if it is there and sound."""
    try:
        library = importlib.import_module("hyperscan")
    except ImportError:
        return None
    # One in which some expressions hide others' matches (Vectorscan 5.4.12: its issue 358) would let through what is to
    # be held. And one may be there that this processor cannot run.
    found: list[int] = []
    try:
        database = library.Database()
        database.compile(expressions=[rb"^.+\.py$", rb"^.+\.c$"], ids=[0, 1], elements=2, flags=[0, 0])
        database.scan(
            b"a" * 16 + b".c",
            match_event_handler=lambda number, *_: found.append(number),
            scratch=library.Scratch(database),
        )
    except library.HyperscanError:
        return None
    return library if found == [1] else None
