"""Finds what asks for consent on a page, and answers it: our own banner, common consent managers, or given selectors.

What is known is in ``banners.json``. Its selectors are from the managers' own pages and packages, November 2026; they
change now and then, and a site may have changed them. Where none fits, buttons are looked for by what they say, in
every language that we speak.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ..banner.look import Look
from ..banner.text import LANGUAGES, Words
from ..policy.policy import Policy

if TYPE_CHECKING:
    from playwright.async_api import Frame, Locator, Page

__all__ = ["Known", "Shown", "find", "known"]


@dataclass(frozen=True, slots=True)
class Known:
    """How a consent manager's banner is told and answered.

    ``shown``    a selector of its first layer. ``accept``, ``refuse``: of the buttons on it; ``refuse`` is empty where
                 that layer has none.
    ``refusing``  what to press, one after the other, to refuse where that takes more.
    ``reopen``   a script that shows the choice again, or a selector of what does; ``""`` where none is known.
    """

    name: str
    shown: str
    accept: str
    refuse: str = ""
    refusing: tuple[str, ...] = ()
    reopen: str = ""


@cache
def _facts() -> Mapping[str, Any]:
    facts: Mapping[str, Any] = json.loads(files("consent.scan").joinpath("banners.json").read_text("utf-8"))
    return facts


@cache
def known() -> tuple[Known, ...]:
    """Our own banner, and those of common consent managers."""
    return tuple(Known(**{**each, "refusing": tuple(each.get("refusing", ()))}) for each in _facts()["managers"])


@dataclass(frozen=True, slots=True)
class Shown:
    """A banner that a page shows now, in that frame, with the buttons that it has."""

    known: Known
    frame: Frame
    accept: Locator | None
    refuse: Locator | None


async def find(page: Page, own: Known | None = None) -> Shown | None:
    """What asks for consent on this page now; None if nothing does. ``own``: how the site says its banner is told."""
    for frame in page.frames:
        for each in (own,) if own is not None else known():
            if await _visible(frame.locator(each.shown)) is None:
                continue
            accept = await _visible(frame.locator(each.accept))
            refuse = await _visible(frame.locator(each.refuse)) if each.refuse else None
            if accept is not None or refuse is not None:
                return Shown(each, frame, accept, refuse)
    return await _by_words(page) if own is None else None


async def _visible(found: Locator) -> Locator | None:
    for number in range(min(await found.count(), 5)):
        if await found.nth(number).is_visible():
            return found.nth(number)
    return None


async def _by_words(page: Page) -> Shown | None:
    """A button that accepts, by what it says, with one that refuses, in what lies over the page."""
    for frame in page.frames:
        accept = await _saying(frame, [*_facts()["accept"], *_ours("accept", "accept_all")])
        if accept is not None and await accept.evaluate(_OVERLAID):
            refuse = await _saying(
                frame, [*_facts()["refuse"], *_ours("refuse", "refuse_all", "opt_out", "continue_without")]
            )
            return Shown(Known("unknown", "", ""), frame, accept, refuse)
    return None


#: Whether an element is in something that stays where it is when the page is scrolled, or in a dialog, or says what it
#: is about.
_OVERLAID = """(element) => {
  for (let at = element; at; at = at.parentElement ?? at.getRootNode().host) {
    if (/^(fixed|sticky)$/.test(getComputedStyle(at).position) || at.localName === "dialog") return true;
    const named = [at.id, at.getAttribute("class"), at.getAttribute("aria-label")].join(" ");
    if (/cookie|consent|gdpr|privacy/i.test(named)) return true;
  }
  return false;
}"""


async def _saying(frame: Frame, words: Sequence[str]) -> Locator | None:
    said = re.compile(rf"^\s*(?:{'|'.join(map(re.escape, dict.fromkeys(words)))})[\s.!]*$", re.IGNORECASE)
    for role in ("button", "link"):
        found = await _visible(frame.get_by_role(role, name=said))
        if found is not None:
            return found
    return None


@cache
def _ours(*keys: str) -> tuple[str, ...]:
    """What our own buttons say, in every language."""
    return tuple(_texts(keys))


def _texts(keys: Sequence[str]) -> Iterator[str]:
    look = Look(Policy("", ()))
    for language in LANGUAGES:
        words = Words(look, language)
        yield from (words(key) for key in keys)
