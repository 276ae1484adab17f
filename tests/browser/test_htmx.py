"""Pieces of pages that htmx swaps in: held before an agreement, awake with it, and as they are afterwards."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import FrameLocator, Locator, expect
from servers import ROOT, Outside, Place, python, running
from visitors import Visitor

pytestmark = pytest.mark.browser

OVEN, MILL = (f"https://www.youtube-nocookie.com/embed/ryecorner{number}" for number in (62, 63))


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory, outside: Outside) -> Iterator[Place]:
    """The example, as it is served in production."""
    folder = tmp_path_factory.mktemp("htmx")
    command = python("-m", "gunicorn", "--bind", "127.0.0.1:0", "--threads", "4", "htmx_films:application")
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(ROOT / "examples")]))
    with running(command, folder, environ={"PYTHONPATH": path}) as url:
        log = f"sqlite:///{folder / 'consent.db'}"
        frames = frozenset({"www.youtube-nocookie.com"})
        yield Place("htmx", url, log, "/film/oven", frozenset(), frames, frozenset(), outside.heard)


@pytest.fixture
def visitor(visit: Callable[..., Visitor], films: Place) -> Visitor:
    visitor = visit(films)
    visitor.go()
    return visitor


def choose(visitor: Visitor, title: str) -> Locator:
    """Have htmx swap a film in. Its frame."""
    # By the keyboard: a pointer that comes just after a scroll is still taken for one in the frame that was there.
    visitor.page.locator("nav").get_by_role("link", name=title).press("Enter")
    frame = visitor.page.locator("main iframe")
    expect(frame).to_have_attribute("title", f"Film: {title}")
    return frame


def placeholder(visitor: Visitor) -> FrameLocator:
    return visitor.page.frame_locator("main iframe")


def test_a_film_that_is_swapped_in_waits_and_plays_when_the_visitor_agrees(visitor: Visitor) -> None:
    loads = list(visitor.loads)
    frame = choose(visitor, "The oven of 1962")
    expect(placeholder(visitor).get_by_role("heading")).to_contain_text("YouTube")
    expect(visitor.page.locator("main #yc")).to_have_count(0)
    assert visitor.elsewhere == []
    visitor.accept()
    expect(frame).to_have_attribute("src", OVEN)
    visitor.wait_until(lambda: OVEN in visitor.elsewhere, "the film")
    frame = choose(visitor, "Down at the mill")
    expect(frame).to_have_attribute("src", MILL)
    visitor.wait_until(lambda: MILL in visitor.elsewhere, "the other film")
    assert visitor.loads == loads, "one page all along"
    assert visitor.complaints == []


def test_one_film_can_be_loaded_once_and_the_next_one_waits(visitor: Visitor) -> None:
    frame = choose(visitor, "The oven of 1962")
    placeholder(visitor).get_by_role("button", name="Load once").click()
    expect(frame).to_have_attribute("src", OVEN)
    choose(visitor, "Down at the mill")
    expect(placeholder(visitor).get_by_role("heading")).to_contain_text("YouTube")
    assert MILL not in visitor.elsewhere


def test_always_allow_in_a_piece_wakes_it_and_leaves_the_page_where_it_is(visitor: Visitor) -> None:
    frame = choose(visitor, "The oven of 1962")
    loads = list(visitor.loads)
    placeholder(visitor).get_by_role("button", name="Always allow").click()
    expect(frame).to_have_attribute("src", OVEN)
    assert visitor.loads == loads
    assert "consent" in visitor.cookies()


def test_after_a_withdrawal_pieces_are_held_again(visitor: Visitor) -> None:
    visitor.accept()
    expect(choose(visitor, "The oven of 1962")).to_have_attribute("src", OVEN)
    panel = visitor.open_settings()
    with visitor.page.expect_navigation():  # only leaving the page stops what runs in it
        visitor.press("Refuse all", panel)
    visitor.elsewhere.clear()
    choose(visitor, "Down at the mill")
    expect(placeholder(visitor).get_by_role("heading")).to_contain_text("YouTube")
    assert MILL not in visitor.elsewhere


def test_a_piece_is_one_visitors_and_has_no_banner(films: Place) -> None:
    request = urllib.request.Request(f"{films.url}/film/oven", headers={"HX-Request": "true"})
    with urllib.request.urlopen(request) as answer:
        piece, headers = answer.read().decode(), answer.headers
    assert piece.startswith("<h1>The oven of 1962</h1>")
    assert f'data-consent-src="{OVEN}"' in piece
    assert 'id="yc"' not in piece
    assert "<script" not in piece
    assert headers["Cache-Control"] == "private"
    assert {"HX-Request", "Cookie"} <= {name.strip() for name in headers["Vary"].split(",")}
    with urllib.request.urlopen(f"{films.url}/film/oven") as answer:
        page = answer.read().decode()
    assert page.count('id="yc"') == 1, "a page of its own, for who comes by a link"
