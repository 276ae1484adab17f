"""Everybody can see it, reach it, read it and refuse it: axe, keyboard, sizes, both colour schemes, right to left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect
from servers import Place
from visitors import Visitor, violations

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
Demo = Callable[..., Place]

_DESKTOP = {"width": 1280, "height": 800}
_PHONE = {"width": 375, "height": 667}


def test_axe_is_awake(visit: Visit, demo: Demo, axe: str) -> None:
    """Else no test below could fail."""
    visitor = visit(demo())
    visitor.go()
    visitor.page.evaluate("document.querySelector('#yc button').replaceChildren()")
    assert any(line.startswith("button-name") for line in violations(visitor.page, axe))


@pytest.fixture(params=[("light", _DESKTOP), ("dark", _DESKTOP), ("light", _PHONE), ("dark", _PHONE)],
                ids=["light", "dark", "light-phone", "dark-phone"])  # fmt: skip
def seen(request: pytest.FixtureRequest) -> dict[str, Any]:
    """How somebody looks at the site."""
    scheme, viewport = request.param
    return {"color_scheme": scheme, "viewport": viewport}


def test_axe_finds_nothing(visit: Visit, demo: Demo, axe: str, seen: dict[str, Any]) -> None:
    _check_pages(visit(demo(), **seen), axe)


def test_axe_finds_nothing_from_right_to_left(visit: Visit, demo: Demo, axe: str) -> None:
    visitor = visit(demo("--language", "ar"), viewport=_PHONE)
    visitor.go()
    expect(visitor.card).to_have_attribute("dir", "rtl")
    expect(visitor.card).to_have_css("text-align", "start")
    _check_pages(visitor, axe)


def _check_pages(visitor: Visitor, axe: str) -> None:
    found: dict[str, list[str]] = {}
    for path in ("/", visitor.place.film, "/privacy", "/_consent/settings"):
        visitor.go(path)
        visitor.page.wait_for_load_state("load")
        found[path] = violations(visitor.page, axe)
    visitor.go()
    visitor.page.locator("#yc [data-consent-open]").click()
    expect(visitor.dialog).to_be_visible()
    found["dialog"] = violations(visitor.page, axe)
    visitor.go()
    visitor.card.get_by_role("button").first.click()
    expect(visitor.card).to_be_hidden()
    visitor.go("/_consent/receipt")
    expect(visitor.page.locator("pre")).to_contain_text("leaf")
    found["receipt"] = violations(visitor.page, axe)
    assert {where: lines for where, lines in found.items() if lines} == {}


@pytest.mark.parametrize("name", ["flask", "django"])
def test_axe_finds_nothing_in_the_examples(visit: Visit, bakery: Callable[[str], Place], name: str, axe: str) -> None:
    visitor = visit(bakery(name))
    found: dict[str, list[str]] = {}
    for path in ("/", "/film", "/privacy"):
        visitor.go(path)
        found[path] = violations(visitor.page, axe)
    assert {where: lines for where, lines in found.items() if lines} == {}


# The keyboard


def test_the_banner_takes_no_focus_and_is_reached_first(visit: Visit, demo: Demo, script: bool) -> None:
    visitor = visit(demo(), script=script)
    visitor.go()
    keyboard = visitor.page.keyboard
    if script:
        visitor.settle()
        assert visitor.page.evaluate("document.activeElement === document.body")
    keyboard.press("Tab")
    expect(visitor.card.get_by_role("button", name="Accept")).to_be_focused()
    keyboard.press("Tab")
    expect(visitor.card.get_by_role("button", name="Opt out")).to_be_focused()
    with visitor.page.expect_response("**/_consent/decision"):
        keyboard.press("Enter")
    expect(visitor.card).to_have_count(0)
    assert visitor.status() == "refused"


def test_the_focus_can_leave_the_banner(visit: Visit, demo: Demo) -> None:
    visitor = visit(demo())
    visitor.go()
    for _ in range(8):
        visitor.page.keyboard.press("Tab")
    assert visitor.page.evaluate("!document.getElementById('yc').contains(document.activeElement)")


def test_escape_chooses_nothing(visit: Visit, demo: Demo) -> None:
    visitor = visit(demo())
    visitor.go()
    visitor.page.keyboard.press("Escape")
    visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.press("Escape")
    expect(visitor.card).to_be_visible()
    visitor.expect_silence()
    assert visitor.status() == "undecided"


def test_the_dialog_gives_the_focus_back(visit: Visit, demo: Demo) -> None:
    visitor = visit(demo())
    visitor.go()
    link = visitor.page.locator("footer").get_by_role("link", name="Cookie settings")
    for close in ("Escape", "Close"):
        link.focus()
        visitor.page.keyboard.press("Enter")
        expect(visitor.dialog).to_be_visible()
        assert visitor.page.evaluate("document.querySelector('dialog').contains(document.activeElement)")
        if close == "Escape":
            visitor.page.keyboard.press("Escape")
        else:
            visitor.dialog.get_by_text("Close", exact=True).click()
        expect(visitor.dialog).to_have_count(0)
        expect(link).to_be_focused()
    assert visitor.status() == "undecided"


@pytest.mark.parametrize("way", ["card", "dialog from the card"])
def test_after_a_choice_the_focus_is_not_lost(visit: Visit, demo: Demo, way: str) -> None:
    visitor = visit(demo())
    visitor.go()
    if way == "card":
        visitor.card.get_by_role("button", name="Opt out").focus()
        visitor.page.keyboard.press("Enter")
    else:
        visitor.card.get_by_role("link", name="Settings").focus()
        visitor.page.keyboard.press("Enter")
        visitor.dialog.get_by_role("button", name="Refuse all").focus()
        visitor.page.keyboard.press("Enter")
    expect(visitor.page.get_by_text("Your choice is saved.")).to_be_focused()


def test_what_has_the_focus_is_not_under_the_banner(visit: Visit, demo: Demo) -> None:
    visitor = visit(demo(), viewport=_PHONE)
    visitor.go()
    for number in range(40):
        visitor.page.keyboard.press("Tab")
        covered: bool = visitor.page.evaluate(
            """() => {
              const focused = document.activeElement, card = document.getElementById("yc");
              if (focused === document.body || card.contains(focused) || focused.localName === "iframe") return false;
              const box = focused.getBoundingClientRect(), over = card.getBoundingClientRect();
              return box.top >= over.top && box.bottom <= over.bottom;
            }"""
        )
        assert not covered, f"Tab {number + 1}: {visitor.page.evaluate('document.activeElement.outerHTML')}"


# Sizes


def _box(locator: Locator) -> dict[str, float]:
    box = locator.bounding_box()
    assert box is not None
    return {**box}


@pytest.mark.parametrize("viewport", [_DESKTOP, _PHONE, {"width": 320, "height": 568}], ids=["desktop", "phone", "320"])
def test_buttons_are_large_and_equal(visit: Visit, demo: Demo, viewport: dict[str, int]) -> None:
    visitor = visit(demo(), viewport=viewport)
    visitor.go()
    accept, refuse = (visitor.card.get_by_role("button", name=name) for name in ("Accept", "Opt out"))
    first, second = _box(accept), _box(refuse)
    assert (first["width"], first["height"]) == (second["width"], second["height"])
    assert first["height"] >= 44
    looks = "(button) => ['backgroundColor', 'color', 'fontSize', 'fontWeight', 'borderColor'].map((each) => getComputedStyle(button)[each])"
    assert accept.evaluate(looks) == refuse.evaluate(looks)
    for link in visitor.card.get_by_role("link").all():
        assert _box(link)["height"] >= 24

    visitor.go("/_consent/settings")
    for box in visitor.page.get_by_role("checkbox").all():
        assert min(_box(box)["width"], _box(box)["height"]) >= 24
    heights = {_box(button)["height"] for button in visitor.page.get_by_role("button").all()}
    assert len(heights) == 1
    assert min(heights) >= 44


@pytest.mark.parametrize("language", [(), ("--language", "de"), ("--language", "ar")], ids=["auto", "de", "ar"])
def test_nothing_scrolls_sideways_on_the_smallest_screen(visit: Visit, demo: Demo, language: tuple[str, ...]) -> None:
    visitor = visit(demo(*language), viewport={"width": 320, "height": 568})
    for path in ("/", visitor.place.film, "/privacy", "/_consent/settings"):
        visitor.go(path)
        wide = visitor.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{path} is {wide} px too wide"
    visitor.go()
    visitor.page.locator("#yc [data-consent-open]").click()
    expect(visitor.dialog).to_be_visible()
    assert visitor.dialog.evaluate("(dialog) => dialog.scrollWidth - dialog.clientWidth") <= 0
    visitor.go()
    visitor.card.get_by_role("button").first.click()
    expect(visitor.card).to_be_hidden()
    visitor.go("/_consent/receipt")
    expect(visitor.page.locator("pre")).to_contain_text("leaf")
    assert visitor.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_the_banner_can_be_used_on_a_screen_of_320_by_256(visit: Visit, demo: Demo) -> None:
    """1280 by 1024, enlarged four times (WCAG 2.2, 1.4.10)."""
    visitor = visit(demo(), viewport={"width": 320, "height": 256})
    visitor.go()
    refuse = visitor.card.get_by_role("button", name="Opt out")
    refuse.scroll_into_view_if_needed()
    expect(refuse).to_be_in_viewport(ratio=1)
    visitor.refuse()
    assert visitor.status() == "refused"
