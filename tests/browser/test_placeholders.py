"""What stands where a held frame would be."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable

import pytest
from playwright.sync_api import FrameLocator, expect
from servers import Place, each_place_with
from visitors import Visitor

from consent.log.store import open_store

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]


def _video(visitor: Visitor) -> FrameLocator:
    return visitor.page.frame_locator("main iframe")


def _who(place: Place) -> tuple[str, str, str]:
    if place.name == "demo":
        return "Kino video", "Kino A/S", "Preferences"
    return "YouTube", "Google", "Marketing"


def _kept(place: Place) -> int:
    store = open_store(place.log)
    try:
        return len(list(store.records()))
    finally:
        store.close()


@each_place_with("script", [True, False])
def test_it_says_who_and_why_at_the_frames_own_size(visit: Visit, place: Place, script: bool) -> None:
    visitor = visit(place, script=script)
    visitor.go(place.film)
    service, provider, purpose = _who(place)
    frame = _video(visitor)
    expect(frame.get_by_role("heading")).to_contain_text(service)
    expect(frame.get_by_text(f"It would connect to {provider} and needs your consent for: {purpose}.")).to_be_visible()
    expect(frame.get_by_role("button", name="Always allow")).to_be_visible()
    expect(frame.get_by_role("button", name="Load once")).to_be_visible(visible=script)
    box = visitor.page.locator("main iframe").bounding_box()
    assert box is not None
    assert box["width"] > 500
    assert box["height"] > 250
    visitor.expect_silence()
    assert visitor.complaints == []


def test_load_once_loads_that_frame_and_nothing_else(visit: Visit, place: Place) -> None:
    before = _kept(place)
    visitor = visit(place)
    visitor.go(place.film)
    steps = visitor.page.evaluate("history.length")
    _video(visitor).get_by_role("button", name="Load once").click()
    expect(visitor.page.locator("main iframe")).to_have_attribute("src", _address(place))
    expect(_video(visitor).locator("body")).not_to_contain_text("is not loaded")
    visitor.settle()
    assert _address(place) in visitor.elsewhere
    assert {_host(url) for url in visitor.elsewhere} == {_host(_address(place))}
    assert visitor.page.evaluate("history.length") == steps, "going back leaves the page"
    assert visitor.page.evaluate("document.activeElement.localName") == "iframe", "the focus stays where it was"
    assert visitor.cookies().keys().isdisjoint({"consent"})
    assert _kept(place) == before
    expect(visitor.card).to_be_visible()

    visitor.elsewhere.clear()
    visitor.page.reload()
    expect(_video(visitor).get_by_role("button", name="Always allow")).to_be_visible()
    visitor.expect_silence()


@each_place_with("script", [True, False])
def test_always_allow_agrees_to_its_purpose_and_loads_it(visit: Visit, place: Place, script: bool) -> None:
    before = _kept(place)
    visitor = visit(place, script=script)
    visitor.go(place.film)
    button = _video(visitor).get_by_role("button", name="Always allow")
    if script:
        # However often the frame says that it has loaded.
        visitor.page.locator("main iframe").evaluate("(frame) => frame.dispatchEvent(new Event('load'))")
        button.click()
    else:
        with visitor.page.expect_navigation():
            button.click()
    visitor.wait_until(lambda: _address(place) in visitor.elsewhere, "the video to be asked for")
    expect(visitor.card).to_have_count(0)
    assert visitor.state()["granted"] == [_who(place)[2].lower()]
    assert _kept(place) == before + 1
    visitor.go("/privacy")
    visitor.forget()
    visitor.go(place.film)
    visitor.settle()
    assert _address(place) in visitor.elsewhere


def _host(url: str) -> str:
    return url.split("/")[2]


def _address(place: Place) -> str:
    """Where the video is, as the site wrote it."""
    with urllib.request.urlopen(place.url + place.film) as answer:
        page = answer.read().decode()
    found = re.search(r'data-consent-src="(http[^"]+/embed/[^"]+)"', page)
    assert found
    return found[1]
