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


@pytest.fixture(params=[("light", _DESKTOP), ("dark", _PHONE)], ids=["light desktop", "dark phone"])
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
    _check_focus_is_seen(visitor)


def _check_focus_is_seen(visitor: Visitor) -> None:
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


# Every layout, theme, colour scheme and direction, in the gallery


LAYOUTS, THEMES = ("box", "bar", "modal"), ("quiet", "bold")


def _frame(
    layout: str = "box",
    theme: str = "quiet",
    scheme: str = "light",
    language: str = "en",
    law: str = "eu",
    path: str = "/",
) -> str:
    return f"/gallery/{layout}/{theme}/{scheme}/{language}/{law}{path}"


# Each two of a theme, a scheme and a direction together.
@pytest.mark.parametrize(
    ("theme", "scheme", "language"),
    [("quiet", "light", "en"), ("quiet", "dark", "ar"), ("bold", "light", "ar"), ("bold", "dark", "en")],
)
def test_axe_finds_nothing_in_any_layout_theme_or_direction(
    visit: Visit, demo: Demo, axe: str, theme: str, scheme: str, language: str
) -> None:
    visitor = visit(demo(), color_scheme=scheme)
    found: dict[str, list[str]] = {}
    paths = [
        *(_frame(layout, theme, scheme, language) for layout in LAYOUTS),
        *(_frame("box", theme, scheme, language, path=path) for path in ("/_consent/settings", "/saved", "/frames")),
        _frame("bar", theme, scheme, language, law="us-ca-gpc", path="/_consent/settings"),
    ]
    for path in paths:
        visitor.go(path)
        visitor.page.wait_for_load_state()
        found[path] = violations(visitor.page, axe)
        for number, frame in enumerate(visitor.page.frames[1:5]):
            found[f"{path}, {number}"] = violations(frame, axe)
    visitor.go(_frame("modal", theme, scheme, language, path="/dialog"))
    expect(visitor.page.locator("#yc-d")).to_be_visible()
    found["dialog"] = violations(visitor.page, axe)
    assert {where: lines for where, lines in found.items() if lines} == {}


def test_axe_finds_nothing_in_the_gallery_itself(visit: Visit, demo: Demo, axe: str) -> None:
    visitor = visit(demo())
    visitor.go("/gallery?theme=bold&scheme=dark&language=de")
    expect(visitor.page.locator("iframe")).to_have_count(11)
    expect(visitor.page.frame_locator("iframe").first.locator("#yc")).to_contain_text("Cookies")
    assert violations(visitor.page, axe) == []
    for path in ("/gallery?theme=loud&language=xx", "/gallery/box/quiet/light/en/eu/"):
        assert visitor.page.goto(visitor.place.url + path).status == 200  # type: ignore[union-attr]
    for path in ("/gallery/box/loud/light/en/eu/", "/gallery/box/quiet/light/en/eu", "/gallery/"):
        assert visitor.page.goto(visitor.place.url + path).status == 404  # type: ignore[union-attr]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_refusing_takes_two_steps_of_the_keyboard_with_and_without_a_script(
    visit: Visit, demo: Demo, script: bool, layout: str
) -> None:
    """Nothing but a dialog takes the focus, and it puts it on its heading."""
    visitor = visit(demo(), script=script)
    visitor.go(_frame(layout))
    visitor.page.wait_for_load_state("networkidle")
    keyboard, focused = visitor.page.keyboard, visitor.page.locator(":focus")
    if layout != "modal":
        expect(focused).to_have_count(0)
    for name in ("Accept", "Refuse"):
        keyboard.press("Tab")
        expect(focused).to_have_accessible_name(name)
    with visitor.page.expect_response("**/decision") as answer:
        keyboard.press("Enter")
    assert answer.value.status == (200 if script else 303)
    assert "set-cookie" in answer.value.all_headers()
    if script:
        assert answer.value.json()["status"] == "refused"
        expect(visitor.card).to_have_count(0)
        expect(visitor.page.get_by_text("Your choice is saved.")).to_be_focused()


def test_the_button_in_the_corner_refuses(visit: Visit, demo: Demo, script: bool) -> None:
    visitor = visit(demo(), script=script)
    visitor.go(_frame("modal", "bold", language="it"))
    close = visitor.card.locator(".yc-x")
    assert min(_box(close)["width"], _box(close)["height"]) >= 24
    with visitor.page.expect_response("**/decision") as answer:
        close.click()
    if script:
        assert answer.value.json()["granted"] == []
    else:
        assert answer.value.status == 303


def test_a_modal_keeps_the_focus_until_it_is_answered_or_left_with_escape(visit: Visit, demo: Demo) -> None:
    visitor = visit(demo("--layout", "modal"))
    visitor.go()
    expect(visitor.card).to_have_js_property("open", value=True)
    visitor.wait_until(lambda: visitor.page.evaluate("document.querySelector('#yc').matches(':modal')"), "a modal")
    within = "() => document.activeElement === document.body || document.querySelector('#yc').contains(document.activeElement)"
    for _ in range(8):
        visitor.page.keyboard.press("Tab")
        assert visitor.page.evaluate(within), "and of the browser's own bar"
    visitor.page.keyboard.press("Escape")
    expect(visitor.card).to_be_hidden()
    visitor.expect_silence()
    assert visitor.status() == "undecided"
    visitor.go("/privacy")
    expect(visitor.card).to_be_visible()
    visitor.refuse()
    expect(visitor.card).to_have_count(0)
    assert visitor.status() == "refused"


def test_without_a_script_the_page_waits_behind_a_modal_too(visit: Visit, demo: Demo) -> None:
    visitor = visit(demo(), script=False)
    visitor.go(_frame("modal"))
    for _ in range(8):
        visitor.page.keyboard.press("Tab")
        expect(visitor.page.locator("main :focus, footer :focus")).to_have_count(0)


@pytest.mark.parametrize("viewport", [_DESKTOP, _PHONE], ids=["desktop", "phone"])
def test_what_has_the_focus_is_not_under_the_bar(visit: Visit, demo: Demo, viewport: dict[str, int]) -> None:
    visitor = visit(demo("--layout", "bar"), viewport=viewport)
    visitor.go()
    _check_focus_is_seen(visitor)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_accept_and_refuse_are_drawn_alike_at_every_size(visit: Visit, demo: Demo, layout: str, theme: str) -> None:
    """Every computed property is the same, in long words too; both are in sight, and none is cut."""
    visitor = visit(demo())
    for language in ("en", "de", "ar"):
        visitor.go(_frame(layout, theme, language=language))
        for width, height in ((1280, 800), (390, 844), (640, 400), (320, 568), (320, 256)):
            visitor.page.set_viewport_size({"width": width, "height": height})
            accept, refuse = (visitor.card.locator(f".yc-b [value={action}]") for action in ("accept", "refuse"))
            where = f"{language}, {width} by {height}"
            assert {**_box(accept), "x": 0, "y": 0} == {**_box(refuse), "x": 0, "y": 0}, where
            assert _box(accept)["height"] >= 44, where
            differing = accept.evaluate(
                """(accept) => {
                  const [one, other] = [accept, accept.nextElementSibling].map((button) => getComputedStyle(button));
                  return [...one].filter((name) => one[name] !== other[name]);
                }"""
            )
            assert differing == [], where
            for button in (accept, refuse):
                expect(button).to_be_in_viewport(ratio=1)
                assert button.evaluate("(button) => button.scrollWidth <= button.clientWidth"), where
            assert visitor.card.evaluate("(card) => card.scrollWidth <= card.clientWidth"), where
            assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), where


def test_how_much_of_the_page_is_covered(visit: Visit, demo: Demo) -> None:
    """In hundredths: of a desktop by a card and a bar, and of a phone."""
    visitor = visit(demo())
    for layout, (width, height), most in (
        ("box", (1280, 800), 11.5), ("bar", (1280, 800), 18), ("box", (390, 844), 33), ("bar", (390, 844), 33),
    ):  # fmt: skip
        visitor.page.set_viewport_size({"width": width, "height": height})
        visitor.go(_frame(layout))
        box = _box(visitor.card)
        assert 100 * box["width"] * box["height"] / (width * height) <= most, (layout, width)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_moves_while_the_banner_comes_and_goes(visit: Visit, demo: Demo, layout: str) -> None:
    visitor = visit(demo())
    visitor.page.add_init_script(
        "window.moved = []; new PerformanceObserver((list) => moved.push(...list.getEntries().map((each) => each.value)))"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    visitor.go(_frame(layout))
    visitor.page.wait_for_load_state("networkidle")
    visitor.page.wait_for_timeout(100)
    assert visitor.page.evaluate("moved") == []


@pytest.mark.parametrize("language", ["en", "de", "ar"])
def test_a_placeholder_fits_into_frames_of_every_size(visit: Visit, demo: Demo, language: str) -> None:
    """Whatever is shown is whole, and what can be pressed is at least 24 pixels high."""
    visitor = visit(demo(), viewport={"width": 1280, "height": 900})
    for theme in THEMES:
        visitor.go(_frame("box", theme, language=language, path="/frames"))
        visitor.page.wait_for_load_state("networkidle")
        frames = visitor.page.frames[1:]
        assert len(frames) == 14
        for frame in frames:
            width, height, shown = frame.evaluate(
                """() => [innerWidth, innerHeight, [...document.querySelectorAll("h1, p, button")].filter((each) =>
                  each.checkVisibility()).map((each) => [each.localName, each.getBoundingClientRect().toJSON()])]"""
            )
            for name, box in shown:
                inside = box["left"] >= 0 and box["top"] >= 0 and box["right"] <= width and box["bottom"] <= height
                assert inside, f"{name} in {width} by {height}: {box}"
                assert name != "button" or box["height"] >= 24
            names = [name for name, _ in shown]
            assert width < 300 or height < 50 or names.count("button") == 2, f"{width} by {height}"
            assert min(width, height) > 1 or not shown


@pytest.mark.parametrize("layout", LAYOUTS)
def test_chromium_tells_assistive_technology_what_it_is(visit: Visit, demo: Demo, layout: str) -> None:
    visitor = visit(demo())
    visitor.go(_frame(layout))
    visitor.page.wait_for_load_state("networkidle")
    told = _told(visitor)
    role = "dialog" if layout == "modal" else "region"
    assert (role, "This website uses cookies") in told
    assert {("button", "Accept"), ("button", "Refuse"), ("link", "Settings"), ("link", "Read more")} <= told
    assert {("heading", "This website uses cookies")} <= told
    assert (("button", "Continue without accepting") in told) == (layout == "modal")
    visitor.page.locator("#yc [data-consent-open]").click()
    expect(visitor.page.locator("#yc-d")).to_be_visible()
    told = _told(visitor)
    assert ("dialog", "Cookie settings") in told
    assert {("checkbox", name) for name in ("Preferences", "Analytics", "Marketing")} <= told
    assert {("button", name) for name in ("Save my choice", "Accept all", "Refuse all", "Close")} <= told


def _told(visitor: Visitor) -> set[tuple[str, str]]:
    """Role and name of all that is in Chromium's accessibility tree."""
    session = visitor.context.new_cdp_session(visitor.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node.get("ignored")}


def test_forced_colours_leave_edges_and_icons(visit: Visit, demo: Demo) -> None:
    visitor = visit(demo(), forced_colors="active")
    for theme in THEMES:
        visitor.go(_frame("bar", theme))
        for button in visitor.card.locator(".yc-b button").all():
            assert button.evaluate("(button) => getComputedStyle(button).borderTopStyle") == "solid"
            assert button.evaluate("(button) => parseFloat(getComputedStyle(button).borderTopWidth)") >= 1
        visitor.go(_frame("box", theme, path="/frames"))
        icon, paper = visitor.page.frames[1].evaluate(
            """() => [getComputedStyle(document.querySelector("h1"), "::before").backgroundColor,
              getComputedStyle(document.body).backgroundColor]"""
        )
        assert icon != paper
        visitor.go(_frame("box", theme, path="/_consent/settings"))
        box = visitor.page.get_by_role("checkbox").first
        assert box.evaluate("(box) => getComputedStyle(box).appearance") != "none"


def test_nothing_is_animated_for_who_wants_no_motion(visit: Visit, demo: Demo) -> None:
    for motion in ("reduce", "no-preference"):
        visitor = visit(demo(), reduced_motion=motion)
        visitor.go(_frame(path="/saved"))
        name = visitor.page.locator("#yc-ok").evaluate("(said) => getComputedStyle(said).animationName")
        assert (name == "none") == (motion == "reduce")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_of_ours_is_printed(visit: Visit, demo: Demo, layout: str) -> None:
    visitor = visit(demo())
    visitor.go(_frame(layout, law="us-ca"))
    visitor.page.emulate_media(media="print")
    for place in ("#yc", "#yc-l"):
        expect(visitor.page.locator(place)).to_be_hidden()
    assert visitor.page.evaluate("getComputedStyle(document.documentElement).paddingBottom") == "0px"
    visitor.go(_frame(layout, path="/frames"))
    expect(visitor.page.frame_locator("iframe").first.locator("main")).to_be_hidden()


@pytest.mark.parametrize("theme", THEMES)
def test_a_sites_own_colours_fonts_and_edges_count_in_every_theme(visit: Visit, demo: Demo, theme: str) -> None:
    visitor = visit(demo())
    visitor.go(_frame("box", theme))
    visitor.page.add_style_tag(
        content=""":root { --consent-background: rgb(1, 2, 3); --consent-text: rgb(4, 5, 6); --consent-soft: rgb(7, 8, 9);
          --consent-accent: rgb(10, 11, 12); --consent-on-accent: rgb(13, 14, 15); --consent-font: monospace;
          --consent-radius: 3px; --consent-button-radius: 4px; --consent-width: 300px; --consent-shadow: none }"""
    )
    for place, name, value in (
        ("#yc", "backgroundColor", "rgb(1, 2, 3)"), ("#yc", "color", "rgb(4, 5, 6)"), ("#yc", "fontFamily", "monospace"),
        ("#yc p", "color", "rgb(7, 8, 9)"), ("#yc button", "backgroundColor", "rgb(10, 11, 12)"), ("#yc button", "color", "rgb(13, 14, 15)"),
        ("#yc", "borderTopLeftRadius", "3px"), ("#yc button", "borderTopLeftRadius", "4px"), ("#yc", "width", "300px"),
        ("#yc", "boxShadow", "none"),
    ):  # fmt: skip
        seen = visitor.page.locator(place).first.evaluate(f"(element) => getComputedStyle(element).{name}")
        assert seen == value, (place, name)


def test_california_s_link_has_its_icon_and_says_that_the_signal_is_honoured(visit: Visit, demo: Demo) -> None:
    """11 CCR 7015(b), 7025(c)(6)."""
    visitor = visit(demo())
    visitor.go(_frame(law="us-ca-gpc"))
    link = visitor.page.get_by_role("link", name="Your Privacy Choices", exact=True)
    expect(link.locator("svg")).to_be_visible()
    expect(visitor.page.get_by_text("Opt-out signal honoured")).to_be_visible()
    assert _box(link)["height"] >= 24
    link.click()
    panel = visitor.page.get_by_role("main")  # a page: where nothing is held, there is no script
    expect(panel).to_contain_text("Opt-out signal honoured")
    expect(panel.get_by_role("checkbox")).to_have_count(3)
    for box in panel.get_by_role("checkbox").all():
        expect(box).not_to_be_checked()
    visitor.go(_frame(law="eu"))
    expect(visitor.page.get_by_role("link", name="Cookie settings").locator("svg")).to_have_count(0)
