"""Finds what asks for consent on a page, and answers it: our own banner, common consent managers, or given selectors.

What is known is in ``banners.json``. Its selectors are from the managers' own pages and packages, November 2026; they
change now and then, and a site may have changed them. Where none fits, buttons are looked for by what they say, in
every language that we speak.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeAlias

from ..banner.look import Look
from ..banner.text import LANGUAGES, Words
from ..policy.policy import Policy

if TYPE_CHECKING:
    from playwright.async_api import ElementHandle, Frame, Locator, Page

__all__ = ["Button", "Known", "Shown", "find", "first_visible", "known", "press", "unless_left"]

#: What is pressed: by its selector, or, of what is told by its words, the element itself.
Button: TypeAlias = "Locator | ElementHandle"

#: Milliseconds for what lies over a button to go away.
_COVERED = 3000
#: Elements that say the same, of which anybody looks whether they can be seen.
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
    accept: Button | None
    refuse: Button | None


#: Whether anything is selected, in shadow roots, too. An element's name may hide what a document has.
_THERE = """(selector) => {
  const within = (root, { querySelector, querySelectorAll }) =>
    querySelector.call(root, selector) !== null ||
    [...querySelectorAll.call(root, "*")].some(
      ({ shadowRoot }) => shadowRoot instanceof ShadowRoot && within(shadowRoot, ShadowRoot.prototype),
    );
  return within(document, Document.prototype);
}"""


async def find(page: Page, own: Known | None = None) -> Shown | None:
    """What asks for consent on this page now; None if nothing does. ``own``: how the site says its banner is told."""
    for frame in page.frames:
        with unless_left():
            shown = await _by_markup(frame, own)
            if shown is not None:
                return shown
    for frame in page.frames if own is None else ():
        with unless_left():
            shown = await _by_words(frame)
            if shown is not None:
                return shown
    return None


async def first_visible(page: Page, selector: str) -> Locator | None:
    """The first element that is selected and can be seen, in whichever frame."""
    for frame in page.frames if selector else ():
        with unless_left():
            found = await _visible(frame.locator(selector))
            if found is not None:
                return found
    return None


async def press(button: Button) -> None:
    """Press a button once, under whatever else lies over the page, too.

    :raises playwright.async_api.Error: if a visitor could not press it, either, or it is gone.
    """
    try:
        await button.click(trial=True, timeout=_COVERED)
    except Exception as error:
        if "intercepts pointer events" in str(error):
            await button.dispatch_event("click")
            return
    await button.click()


@contextmanager
def unless_left() -> Iterator[None]:
    """Leave undone what is asked of a page or a frame that is gone, or that goes to its next page meanwhile."""
    try:
        yield
    except Exception as error:
        if not _LEFT.search(str(error)):
            raise


#: What Playwright says then.
_LEFT = re.compile(r"context was destroyed|because of a navigation|frame (?:was|has been) detached", re.IGNORECASE)


async def _visible(found: Locator) -> Locator | None:
    first = found.filter(visible=True).first
    return first if await first.count() else None


async def _by_markup(frame: Frame, own: Known | None) -> Shown | None:
    wanted = (own,) if own is not None else known()
    if own is None and not await frame.evaluate(_THERE, ", ".join(each.shown for each in wanted)):
        return None  # by far the quickest way to know of all of them, on a long page
    for each in wanted:
        if await _visible(frame.locator(each.shown)) is None:
            continue
        accept = await _visible(frame.locator(each.accept))
        refuse = await _visible(frame.locator(each.refuse)) if each.refuse else None
        if accept is not None or refuse is not None:
            return Shown(each, frame, accept, refuse)
    return None


async def _by_words(frame: Frame) -> Shown | None:
    """A button that accepts, by what it says, with one that refuses, in what lies over the page."""
    accept = await _saying(frame, _words("accept", "accept_all"))
    if accept is None:
        return None
    refuse = await _saying(frame, _words("refuse", "refuse_all", "opt_out", "continue_without"))
    return Shown(Known("unknown", "", ""), frame, accept, refuse)


#: What is pressed, by how likely it is a banner's.
_PRESSED = (
    "button, [role=button], input[type=button], input[type=submit], input[type=image]",
    "a, [role=link]",
)
#: Whether an element says something like this: as it is seen, as it is written (capitals that a style makes lose
#: accents), or as it is read out.
_SAYS = r"""(element, words) => {
  const like = new RegExp(words, "i");
  const { innerText, textContent, value } = element;
  const named = ["aria-label", "title", "alt"].map((name) => element.getAttribute(name));
  const pictured = [...element.querySelectorAll("img")].map((image) => image.getAttribute("alt"));
  const said = [innerText, textContent, value, ...named, ...pictured];
  return said.some((text) => like.test(String(text ?? "").replace(/\s+/g, " ")));
}"""
#: The numbers of those that do.
_SAYING = f"(all, words) => [...all.keys()].filter((number) => ({_SAYS})(all[number], words))"

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


async def _saying(frame: Frame, words: str) -> ElementHandle | None:
    """The element itself: by the time that it is pressed, another one may have its number."""
    for selector in _PRESSED:
        numbers: list[int] = await frame.locator(selector).evaluate_all(_SAYING, words)
        for number in numbers[:_MOST_ALIKE]:
            for found in await frame.locator(selector).nth(number).element_handles():
                if not await found.is_visible() or not await found.evaluate(_SAYS, words):
                    continue
                if await found.evaluate(_OVERLAID) or await _framed(frame):
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
