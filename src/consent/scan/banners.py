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

__all__ = ["Known", "Shown", "find", "first_visible", "known"]


#: Elements that one selector selects, or that say the same, of which anybody looks whether they can be seen.
_MOST_ALIKE = 20


@dataclass(frozen=True, slots=True)
class Known:
    """How a consent manager's banner is told and answered.

    ``shown``    a selector of its first layer. ``accept``, ``refuse``: of the buttons on it; ``refuse`` is empty where
                 that layer has none.
    ``refusing``  what to press, one after the other, to refuse where that takes more.
    ``reopen``   a script that shows the choice again, or a selector of what does; ``""`` where none is known.
    ``withdrawing``  what to press then; empty where that script withdraws by itself, None where it is the last of what
                 refuses, as that is in the layer that was opened.
    """

    name: str
    shown: str
    accept: str
    refuse: str = ""
    refusing: tuple[str, ...] = ()
    reopen: str = ""
    withdrawing: tuple[str, ...] | None = None


@cache
def _facts() -> Mapping[str, Any]:
    facts: Mapping[str, Any] = json.loads(files("consent.scan").joinpath("banners.json").read_text("utf-8"))
    return facts


@cache
def known() -> tuple[Known, ...]:
    """Our own banner, and those of common consent managers."""
    return tuple(Known(**dict(_fields(each))) for each in _facts()["managers"])


def _fields(each: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from ((name, tuple(value) if isinstance(value, list) else value) for name, value in each.items())


@dataclass(frozen=True, slots=True)
class Shown:
    """A banner that a page shows now, in that frame, with the buttons that it has."""

    known: Known
    frame: Frame
    accept: Locator | None
    refuse: Locator | None


_THERE = "(selector) => document.querySelector(selector) !== null"


async def find(page: Page, own: Known | None = None) -> Shown | None:
    """What asks for consent on this page now; None if nothing does. ``own``: how the site says its banner is told."""
    wanted = (own,) if own is not None else known()
    for frame in page.frames:
        if own is None and not await frame.evaluate(_THERE, ", ".join(each.shown for each in wanted)):
            continue  # by far the quickest way to know of all of them, on a long page
        for each in wanted:
            if await _visible(frame.locator(each.shown)) is None:
                continue
            accept = await _visible(frame.locator(each.accept))
            refuse = await _visible(frame.locator(each.refuse)) if each.refuse else None
            if accept is not None or refuse is not None:
                return Shown(each, frame, accept, refuse)
    return await _by_words(page) if own is None else None


async def first_visible(page: Page, selector: str) -> Locator | None:
    """The first element that is selected and can be seen, in whichever frame."""
    for frame in page.frames if selector else ():
        found = await _visible(frame.locator(selector))
        if found is not None:
            return found
    return None


async def _visible(found: Locator) -> Locator | None:
    return next(iter(await _all_visible(found)), None)


async def _all_visible(found: Locator) -> list[Locator]:
    numbers = range(min(await found.count(), _MOST_ALIKE))
    return [found.nth(number) for number in numbers if await found.nth(number).is_visible()]


async def _by_words(page: Page) -> Shown | None:
    """A button that accepts, by what it says, with one that refuses, in what lies over the page."""
    for frame in page.frames:
        accept = await _saying(frame, _words("accept", "accept_all"))
        if accept is not None:
            refuse = await _saying(frame, _words("refuse", "refuse_all", "opt_out", "continue_without"))
            return Shown(Known("unknown", "", ""), frame, accept, refuse)
    return None


#: What is pressed, by how likely it is a banner's.
_PRESSED = ("button, [role=button], input[type=button], input[type=submit]", "a, [role=link]")
#: Which of them say something like this, as it is seen, or as it is read out.
_SAYING = """(all, words) => {
  const like = new RegExp(words, "i");
  const said = (each) => [each.innerText || each.value, each.getAttribute("aria-label")];
  return [...all.keys()].filter((number) => said(all[number]).some((text) => like.test(text ?? "")));
}"""

#: Whether an element is in something that stays where it is when the page is scrolled, or in a dialog, or in a part of
#: the page that says what it is about.
_OVERLAID = """(element) => {
  for (let at = element; at; at = at.parentElement ?? at.getRootNode().host) {
    if (/^(fixed|sticky)$/.test(getComputedStyle(at).position) || at.localName === "dialog") return true;
    if (/^(html|body|main)$/.test(at.localName)) continue;
    const named = [at.id, at.getAttribute("class"), at.getAttribute("aria-label")].join(" ");
    if (/cookie|consent|gdpr|privacy/i.test(named)) return true;
  }
  return false;
}"""


async def _saying(frame: Frame, words: str) -> Locator | None:
    for selector in _PRESSED:
        alike: list[int] = await frame.locator(selector).evaluate_all(_SAYING, words)
        for number in alike[:_MOST_ALIKE]:
            found = frame.locator(selector).nth(number)
            if await found.is_visible() and (await found.evaluate(_OVERLAID) or await _framed(frame)):
                return found
    return None


async def _framed(frame: Frame) -> bool:
    """Whether a frame itself lies over the page."""
    return frame.parent_frame is not None and bool(await (await frame.frame_element()).evaluate(_OVERLAID))


@cache
def _words(kind: str, *ours: str) -> str:
    """What buttons of a kind say, as a browser's expression: as others' banners do, and ours in every language."""
    words = dict.fromkeys([*_facts()[kind], *_texts(ours)])
    return rf"^\s*(?:{'|'.join(map(re.escape, words))})[\s.!]*$"


def _texts(keys: Sequence[str]) -> Iterator[str]:
    look = Look(Policy("", ()))
    for language in LANGUAGES:
        words = Words(look, language)
        yield from (words(key) for key in keys)
