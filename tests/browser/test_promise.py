"""The promise, on every site, with JavaScript and without: nothing before yes, everything after it, nothing after no."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect
from servers import Place, each_place_with
from visitors import Visitor

from consent.log.store import open_store

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
NOTHING: dict[str, list[str]] = {"local": [], "session": [], "databases": [], "caches": []}


def _decisions(place: Place) -> list[tuple[str, str, str]]:
    """What the log holds: kind, surface, method."""
    store = open_store(place.log)
    try:
        stored = list(store.records())
    finally:
        store.close()
    assert all(entry.problem is None for entry in stored)
    return [(entry.record.kind, entry.record.surface, entry.record.method) for entry in stored if entry.record]


@pytest.fixture
def decided(place: Place) -> Callable[[], list[tuple[str, str, str]]]:
    """The decisions that the log has got since the test began."""
    before = len(_decisions(place))
    return lambda: _decisions(place)[before:]


def test_before_a_choice_nobody_else_is_asked_and_nothing_is_stored(visit: Visit, place: Place, script: bool) -> None:
    visitor = visit(place, script=script)
    for path in ("/", place.film, "/privacy"):
        visitor.go(path)
        expect(visitor.card).to_be_visible()
        visitor.expect_silence()
        assert visitor.context.cookies() == []
        if script:
            assert visitor.stored() == NOTHING
    assert visitor.heard() == {}
    assert visitor.complaints == []


def test_accept_wakes_the_page_where_it_stands(visit: Visit, place: Place, decided: Any) -> None:
    visitor = visit(place)
    visitor.go(place.film)
    visitor.page.evaluate("window.marker = 1")
    visitor.accept()
    visitor.expect_heard()
    assert visitor.page.evaluate("window.marker") == 1
    assert visitor.loads == [place.film]
    expect(visitor.card).to_have_count(0)
    expect(visitor.page.get_by_role("status").filter(has_text="Your choice is saved.")).to_be_visible()

    cookies = visitor.cookies()
    assert place.cookies <= cookies.keys()
    assert cookies["consent"]["httpOnly"]
    assert cookies["consent"]["sameSite"] == "Lax"
    assert decided() == [("accept_all", "banner", "script")]
    assert visitor.complaints == []


def test_accept_works_without_a_script(visit: Visit, place: Place, decided: Any) -> None:
    visitor = visit(place, script=False)
    visitor.go(place.film)
    with visitor.page.expect_response("**/_consent/decision") as answered:
        visitor.accept()
    assert answered.value.status == 303
    assert visitor.page.url == place.url + place.film
    visitor.expect_heard()
    expect(visitor.card).to_have_count(0)
    assert decided() == [("accept_all", "banner", "form")]


def test_an_agreement_holds_on_the_next_pages(visit: Visit, place: Place, script: bool) -> None:
    visitor = visit(place, script=script)
    visitor.go()
    visitor.accept()
    visitor.forget()
    visitor.go(place.film)
    visitor.expect_heard()
    expect(visitor.card).to_have_count(0)
    assert visitor.elsewhere != []
    assert visitor.complaints == []


def test_opting_out_of_the_banner_holds_on_the_next_pages(
    visit: Visit, place: Place, script: bool, decided: Any
) -> None:
    visitor = visit(place, script=script)
    visitor.go(place.film)
    visitor.refuse()
    expect(visitor.card).to_have_count(0)
    for path in (place.film, "/"):
        visitor.go(path)
        expect(visitor.card).to_have_count(0)
        visitor.expect_silence()
    assert visitor.cookies().keys() == {"consent"}
    assert visitor.heard() == {}
    assert visitor.status() == "refused"
    assert decided() == [("refuse_all", "banner", "script" if script else "form")]
    assert visitor.complaints == []


def test_withdrawing_stops_what_runs_and_takes_away_what_it_left(
    visit: Visit, place: Place, script: bool, decided: Any
) -> None:
    visitor = visit(place, script=script)
    visitor.go(place.film)
    visitor.accept()
    visitor.expect_heard()
    if not script:  # their scripts did not run: leave what an earlier visit may have left
        visitor.context.add_cookies([{"name": name, "value": "1", "url": place.url} for name in place.cookies])
    assert place.cookies <= visitor.cookies().keys()
    if script and place.storage:
        assert place.storage in visitor.stored()["local"]

    loads = len(visitor.loads)
    panel = visitor.open_settings()
    visitor.elsewhere.clear()
    if script:
        with visitor.page.expect_navigation():  # only leaving the page stops what runs in it
            visitor.press("Refuse all", panel)
    else:
        visitor.press("Refuse all", panel)
    assert visitor.page.url == place.url + place.film
    visitor.expect_silence()
    visitor.go("/")
    visitor.expect_silence()
    assert visitor.cookies().keys() == {"consent"}
    if script:
        assert visitor.stored() == NOTHING
        assert visitor.loads[loads:] == [place.film, "/"]
    method = "script" if script else "form"
    assert decided() == [("accept_all", "banner", method), ("withdraw", "settings", method)]
    assert visitor.complaints == []


def test_the_settings_page_is_the_same_with_a_script(visit: Visit, place: Place) -> None:
    visitor = visit(place)
    visitor.go(place.film)
    visitor.accept()
    visitor.expect_heard()
    visitor.page.goto(f"{place.url}/_consent/settings?next={place.film}")
    visitor.elsewhere.clear()
    with visitor.page.expect_navigation():
        visitor.page.get_by_role("button", name="Refuse all").click()
    assert visitor.page.url == place.url + place.film
    visitor.expect_silence()
    assert visitor.cookies().keys() == {"consent"}
    assert visitor.stored() == NOTHING


def test_a_part_can_be_accepted(visit: Visit, place: Place, script: bool, decided: Any) -> None:
    visitor = visit(place, script=script)
    visitor.go(place.film)
    panel = visitor.open_settings()
    for box in panel.get_by_role("checkbox").all():
        expect(box).not_to_be_checked()
    panel.get_by_role("checkbox", name="Analytics").check()
    visitor.press("Save my choice", panel)
    analytics = {"footfall"} if place.name == "demo" else place.scripts
    expected = analytics if script else set[str]()
    visitor.wait_until(lambda: visitor.heard().keys() >= expected, "those who were agreed to")
    visitor.settle()
    state = visitor.state()
    assert (state["status"], state["granted"]) == ("custom", ["analytics"])
    assert visitor.heard().keys() == expected
    assert decided() == [("custom", "settings", "script" if script else "form")]


@each_place_with("spoil", ["flip", "cut", "empty", "other"])
def test_a_spoilt_cookie_is_no_answer(visit: Visit, place: Place, spoil: str) -> None:
    visitor = visit(place)
    visitor.go()
    visitor.accept()
    value = visitor.cookies()["consent"]["value"]
    at = len(value) // 2
    spoilt = {
        "flip": value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :],
        "cut": value[:-1],
        "empty": "",
        "other": "accepted",
    }[spoil]
    visitor.settle()
    visitor.page.goto("about:blank")  # what runs there has stopped
    visitor.context.clear_cookies()
    visitor.context.add_cookies([{"name": "consent", "value": spoilt, "url": place.url}])
    visitor.elsewhere.clear()
    visitor.go(place.film)
    expect(visitor.card).to_be_visible()
    visitor.expect_silence()
    assert visitor.status() == "undecided"


@each_place_with("failure", ["refused", "down"])
def test_what_cannot_be_saved_wakes_nothing_and_says_so(visit: Visit, place: Place, failure: str) -> None:
    visitor = visit(place)
    visitor.go(place.film)
    visitor.page.route(
        "**/_consent/decision",
        lambda route: route.fulfill(status=503, json={"error": "not-saved"}) if failure == "refused" else route.abort(),
    )
    visitor.card.get_by_role("button", name="Accept").click()
    expect(visitor.card.get_by_role("alert")).to_contain_text("could not be saved")
    expect(visitor.card).to_be_visible()
    visitor.expect_silence()
    assert visitor.context.cookies() == []
    assert visitor.status() == "undecided"

    visitor.page.unroute("**/_consent/decision")
    visitor.accept()
    visitor.expect_heard()
    expect(visitor.card).to_have_count(0)
