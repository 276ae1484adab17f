"""The banner comes with the page: what it adds, what it waits for, what it moves, and what is left of it once decided."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect
from servers import Place, Quiet, serving
from visitors import Visitor
from werkzeug.serving import make_server
from werkzeug.test import Client
from werkzeug.wrappers import Request as Asked
from werkzeug.wrappers import Response

from consent.wsgi import ConsentMiddleware

pytestmark = pytest.mark.browser

_SETTINGS = {"services": ["google-analytics", "youtube"], "privacy_url": "/privacy"}
_KEY = "a key for the pages of this test"
_WORDS = "the council met on tuesday and agreed after a long debate that the old tram depot becomes a library"
_TEXT = "".join(f"<p>{_WORDS[number:]}, {number}.</p>" for number in range(60))
#: What waits for a choice.
_HELD = '<script src="https://www.google-analytics.com/analytics.js"></script>'
#: What the page loads of its own, none of it in the way of its first paint.
_OWN = '<img src="/boat.svg" width=64 height=48 alt=""><script async src="/own.js"></script>'


def _page(extra: str = "") -> bytes:
    return (
        '<!doctype html><html lang=en><head><meta charset=utf-8><title>News</title><link rel=icon href="data:,">'
        f'</head><body><h1>News</h1>{_OWN}{extra}<main><a href="/">Home</a>\n{_TEXT}</main></body></html>'
    ).encode()


@dataclass
class Site:
    """A site of a few pages."""

    place: Place
    pieces: dict[str, list[bytes]] = field(default_factory=dict)

    def publish(self, *pieces: bytes, path: str = "/") -> None:
        """A page that leaves in these pieces, each a moment after the other."""
        self.pieces[path] = list(pieces)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    pages: dict[str, list[bytes]] = {}

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        media_type = "text/html; charset=utf-8" if environ["PATH_INFO"] in pages else "text/plain"
        start_response("200 OK", [("Content-Type", media_type)])
        for number, piece in enumerate(pages.get(environ["PATH_INFO"], [b""])):
            if number:
                time.sleep(0.02)
            yield piece

    log = f"sqlite:///{tmp_path / 'consent.db'}"
    door = ConsentMiddleware(app, {**_SETTINGS, "log": log}, secret_key=_KEY)
    with serving(make_server("127.0.0.1", 0, door, threaded=True, request_handler=Quiet)) as url:
        yield Site(Place("news", url, log, "/", frozenset(), frozenset(), frozenset(), lambda _agent: {}), pages)
    door.site.close()


Visit = Callable[..., Visitor]


def _refuse(page: Page) -> None:
    page.locator("#yc button[value=refuse]").click()


# Nothing is waited for


def test_the_card_and_its_style_come_before_anything_that_is_loaded() -> None:
    text = Weighed("google-analytics", "youtube", extra=_HELD).text().decode()
    card = text.index('id="yc"')
    end = text.index('value="refuse"', card)
    head, before = text[: text.index("<body>")], text[text.index("<body>") : end]
    assert "/_consent/" not in re.sub(r"<script>.*?</script>", "", head)
    assert re.search(r"<style[^>]*>[^<]*#yc", before[: before.index('id="yc"')])
    assert re.findall(r"<(?:script|link|img|iframe)\b[^>]*", before) == []


def test_it_is_there_and_can_be_refused_while_nothing_else_arrives(site: Site, visit: Visit) -> None:
    site.publish(_page(_HELD))
    visitor = visit(site.place)
    stalled: list[Route] = []

    def only_pages(route: Route, request: Request) -> None:
        if request.resource_type == "document":
            route.continue_()
        else:
            stalled.append(route)  # for ever

    visitor.context.route("**/*", only_pages)
    visitor.page.goto(site.place.url + "/", wait_until="commit")
    expect(visitor.card.locator("button[value=refuse]")).to_be_in_viewport(ratio=1)
    painted = "performance.getEntriesByName('first-contentful-paint').length"
    visitor.wait_until(lambda: visitor.page.evaluate(painted), "the first paint")
    visitor.wait_until(
        lambda: any("/_consent/" in route.request.url for route in stalled), "the script to be asked for"
    )
    with visitor.page.expect_response(lambda answer: answer.request.method == "POST"):
        visitor.page.locator("#yc button[value=refuse]").click(no_wait_after=True)
    expect(visitor.card).to_have_count(0)
    assert visitor.status() == "refused"


@pytest.mark.parametrize("decided", [False, True], ids=["undecided", "refused"])
def test_nothing_of_ours_blocks_rendering(site: Site, visit: Visit, decided: bool) -> None:
    site.publish(_page(_HELD))
    visitor = visit(site.place)
    visitor.go()
    if decided:
        visitor.press("Refuse", visitor.card)
        visitor.go()
    visitor.settle()
    loaded = visitor.page.evaluate(
        "performance.getEntriesByType('resource').map((each) => [each.name, each.renderBlockingStatus])"
    )
    assert [name for name, _ in loaded if "/_consent/" in name]
    assert [name for name, status in loaded if status != "non-blocking"] == []


# Nothing moves

_SHIFTS = """new PerformanceObserver((list) => { for (const { value } of list.getEntries()) shifts.push(value) })
  .observe({ type: "layout-shift", buffered: true })"""


def test_nothing_moves_however_the_page_arrives(site: Site, visit: Visit) -> None:
    whole = _page(_HELD)
    body = whole.index(b"<h1>")
    site.publish(whole)
    site.publish(*(whole[at : at + 2000] for at in range(0, len(whole), 2000)), path="/in-pieces")
    site.publish(whole[:body], whole[body:], path="/banner-first")
    seen: dict[str, list[float]] = {}
    for path in ("/", "/in-pieces", "/banner-first") * 2:
        visitor = visit(site.place)
        visitor.context.add_init_script(f"window.shifts = []; {_SHIFTS}")
        visitor.go(path)
        expect(visitor.card).to_be_visible()
        visitor.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        seen.setdefault(path, []).extend(visitor.page.evaluate("shifts"))
    assert seen == {"/": [], "/in-pieces": [], "/banner-first": []}


def test_what_moves_would_be_seen(site: Site, visit: Visit) -> None:
    """Else the test above could not fail."""
    site.publish(_page())
    visitor = visit(site.place)
    visitor.context.add_init_script(f"window.shifts = []; {_SHIFTS}")
    visitor.go()
    visitor.page.evaluate("document.body.prepend(Object.assign(document.createElement('p'), { textContent: 'Late' }))")
    visitor.wait_until(lambda: visitor.page.evaluate("shifts.length"), "a layout shift")


# One step to refuse


def test_one_click_refuses(site: Site, visit: Visit, script: bool) -> None:
    site.publish(_page(_HELD))
    visitor = visit(site.place, script=script)
    visitor.go()
    with visitor.page.expect_response(lambda answer: answer.request.method == "POST"):
        _refuse(visitor.page)
    expect(visitor.card).to_have_count(0)
    assert visitor.status() == "refused"


def test_one_click_refuses_where_our_script_is_blocked(site: Site, visit: Visit) -> None:
    site.publish(_page(_HELD))
    visitor = visit(site.place)
    visitor.context.route("**/*.js*", lambda route: route.abort())
    visitor.go()
    with visitor.page.expect_navigation():
        _refuse(visitor.page)
    expect(visitor.card).to_have_count(0)
    assert visitor.status() == "refused"


def test_three_presses_of_tab_reach_refuse_and_no_focus_is_taken(site: Site, visit: Visit, script: bool) -> None:
    site.publish(_page(_HELD))
    visitor = visit(site.place, script=script)
    visitor.go()
    visitor.page.wait_for_load_state("load")
    if script:
        assert visitor.page.evaluate("document.activeElement === document.body")
    refuse = visitor.card.locator("button[value=refuse]")
    for _ in range(3):
        visitor.page.keyboard.press("Tab")
        if refuse.evaluate("(button) => button.matches(':focus')"):
            break
    expect(refuse).to_be_focused()


# Nothing is left


def test_a_decided_visitor_s_page_loads_nothing_of_ours_where_nothing_is_held(site: Site, visit: Visit) -> None:
    site.publish(_page())
    visitor = visit(site.place)
    visitor.go()
    visitor.press("Refuse", visitor.card)
    visitor.settle()  # the confirmation has a style
    asked: list[str] = []
    visitor.context.on("request", lambda request: asked.append(request.url.removeprefix(site.place.url)))
    visitor.go()
    visitor.page.wait_for_load_state("networkidle")
    assert sorted(asked) == ["/", "/boat.svg", "/own.js"]
    assert visitor.page.locator("script[src*=consent]").count() == 0


# Bytes


class Weighed:
    """A page, fetched with the middleware and without: by how many bytes it is longer, both compressed."""

    def __init__(self, *services: str, extra: str = "") -> None:
        page = _page(extra)

        @Asked.application
        def app(_request: Asked) -> Response:
            return Response(page, mimetype="text/html")

        door = ConsentMiddleware(app, {"services": services, "log": "sqlite://"}, secret_key=_KEY)
        self.client, self._bare = Client(door), len(gzip.compress(page, 6))

    def text(self) -> bytes:
        return self.client.get("/", headers={"Accept-Language": "en", "Sec-Fetch-Dest": "document"}).data

    def added(self) -> int:
        return len(gzip.compress(self.text(), 6)) - self._bare


@pytest.mark.parametrize("extra", ["", _HELD], ids=["nothing held", "a script held"])
def test_the_banner_and_its_style_add_less_than_four_kilobytes(extra: str) -> None:
    assert Weighed("google-analytics", "youtube", extra=extra).added() <= 4096


def test_a_decided_visitor_s_page_is_hardly_longer() -> None:
    weighed = Weighed("vimeo", "youtube")
    assert weighed.client.post("/_consent/decision", data={"action": "refuse"}).status_code == 303
    assert weighed.added() <= 400  # the link to the settings, and its style


def test_the_script_is_less_than_four_kilobytes() -> None:
    weighed = Weighed("youtube")
    source = re.search(rb'[^"]*(/_consent/consent\.js\?[^"]*)"', weighed.text())
    assert source
    script = weighed.client.get(source[1].decode())
    assert len(gzip.compress(script.data, 9)) <= 4096
