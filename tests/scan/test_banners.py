"""Banners are found by their markup or their words, and their buttons pressed once: the one that was found."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Error, Page

from consent.scan.banners import find, press, unless_left
from consent.scan.browser import opened
from find import browser

pytestmark = pytest.mark.browser
PICTURE = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='90' height='30'/>"
ONETRUST = "<div id=onetrust-banner-sdk>We like cookies <button id=onetrust-accept-btn-handler>Fine</button></div>"
#: Banners, and how each is found.
BANNERS = {
    "capitals that lose their accents": (
        "<button lang=el style='text-transform: uppercase'>Αποδοχή όλων</button>",
        "unknown",
    ),
    "a title": ("<button title='Accept all'>✓</button>", "unknown"),
    "a picture": (f"<button><img src=\"{PICTURE}\" alt='Accept all'></button>", "unknown"),
    "a picture to press": (f"<input type=image src=\"{PICTURE}\" alt='Accept all'>", "unknown"),
    "words over two lines": ("<button>Accept\n   all</button>", "unknown"),
    "nothing": ("<button>Send</button>", None),
    "a manager": (ONETRUST, "OneTrust"),
    "a manager in a shadow root": (
        f"<div><template shadowrootmode=open><p><template shadowrootmode=open>{ONETRUST}</template></p></template></div>",
        "OneTrust",
    ),
    "a page that hides what documents have": (
        f"<img name=querySelector><form><input name=shadowRoot></form>{ONETRUST}",
        "OneTrust",
    ),
}


def on_a_page(use: Callable[[Page], Awaitable[None]]) -> None:
    async def run() -> None:
        async with opened("chromium", browser(), hosts={}, insecure=False) as chromium:
            page = await chromium.new_page()
            page.set_default_timeout(30_000)
            await use(page)

    asyncio.run(run())


async def show(page: Page, banner: str) -> None:
    await page.goto(
        f"data:text/html;charset=utf-8,<!doctype html><title>0</title><div style='position: fixed'>{banner}</div>"
    )


def test_a_banner_is_found_by_its_markup_or_by_what_its_buttons_say_in_whichever_way() -> None:
    found: dict[str, str | None] = {}

    async def look(page: Page) -> None:
        for case, (banner, _) in BANNERS.items():
            await show(page, banner)
            shown = await find(page)
            found[case] = shown.known.name if shown is not None else None

    on_a_page(look)
    assert found == {case: name for case, (_, name) in BANNERS.items()}


def test_the_button_that_was_found_is_pressed_whatever_comes_before_it_meanwhile() -> None:
    async def answer(page: Page) -> None:
        await show(page, "<button onclick='document.title++'>Accept all</button>")
        shown = await find(page)
        assert shown is not None
        assert shown.accept is not None
        await page.evaluate("document.body.prepend(document.createElement('button'))")
        await press(shown.accept)
        assert await page.title() == "1"

    on_a_page(answer)


def test_a_button_is_pressed_once_under_what_covers_it_and_not_where_no_visitor_could() -> None:
    async def answer(page: Page) -> None:
        button = page.locator("button")
        await show(page, "<button onclick='document.title++'>Accept all</button>")
        await press(button)
        assert await page.title() == "1"
        await page.evaluate(
            "document.body.append(document.createElement('dialog')); document.querySelector('dialog').showModal()"
        )
        await press(button)
        assert await page.title() == "2"
        for hindered in ("disabled", "hidden"):
            await show(page, f"<button {hindered} onclick='document.title++'>Accept all</button>")
            page.set_default_timeout(100)
            with pytest.raises(Error):
                await press(button)
            page.set_default_timeout(30_000)
            assert await page.title() == "0"

    on_a_page(answer)


@pytest.mark.parametrize(
    "said",
    [
        "Frame.evaluate: Frame was detached",
        "Locator.count: Frame has been detached.",
        "Page.evaluate: Execution context was destroyed, most likely because of a navigation",
    ],
)
def test_a_page_or_frame_that_is_gone_is_passed_over(said: str) -> None:
    with unless_left():
        raise Error(said)


def test_what_else_goes_wrong_is_told() -> None:
    with pytest.raises(Error, match="closed"), unless_left():
        raise Error("Target page, context or browser has been closed")
