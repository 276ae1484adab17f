"""``cache = "shared"``: visitors who are served the same kept bytes each get a page of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from servers import Outside, Place, Quiet, serving, wait_until
from visitors import Visitor
from werkzeug.serving import make_server

from consent.wsgi import ConsentMiddleware

pytestmark = pytest.mark.browser

_SETTINGS = {
    "services": {
        "stats": {"title": "Stats", "purposes": ["analytics"], "hosts": ["stats.example"], "storage": ["st_*"]},
        "film": {"title": "Film", "purposes": ["marketing"], "hosts": ["film.example"]},
        "google-analytics": {},
    },
    "region": "header:X-Region",
    "cache": "shared",
}
_PAGE = """<!doctype html><html lang=en><head><meta charset=utf-8><link rel=icon href="data:,"><title>Page</title>
<script src="https://stats.example/run/stats.js"></script></head><body><h1>Page</h1>
<script data-purpose="analytics">document.write("<p id=written>written</p>")</script>
<iframe src="https://film.example/embed/x" title="Film" width=400 height=300></iframe>"""


class Kept:
    """A cache in front of a site: of each page that everybody may have, the first answer is everybody's."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.pages: dict[str, tuple[str, list[tuple[str, str]], bytes]] = {}
        self.hits = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path, started = environ["PATH_INFO"], []
        if environ["REQUEST_METHOD"] == "GET" and path in self.pages:
            self.hits += 1
            status, headers, body = self.pages[path]
            start_response(status, headers)
            return [body]

        def start(status: str, headers: list[tuple[str, str]], *_: object) -> None:
            started[:] = [status, headers]

        body = b"".join(self._app(environ, start))
        status, headers = started
        if dict(headers).get("Cache-Control", "").startswith("public, s-maxage"):
            self.pages[path] = status, headers, body
        start_response(status, headers)
        return [body]


Start = Callable[..., tuple[Place, Kept]]


@pytest.fixture
def start(outside: Outside, tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def site(page: str = _PAGE, policy: str = "", **settings: Any) -> tuple[Place, Kept]:
            def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
                there = environ["PATH_INFO"] in {"/", "/frame"}
                text = page if there else "<!doctype html><title>Empty</title>"
                if environ["PATH_INFO"] == "/around":
                    text = "<!doctype html><title>Around</title><iframe src=/frame title=Frame></iframe>"
                caching = [("Cache-Control", "public, s-maxage=600")]
                security = [("Content-Security-Policy", policy)] * bool(policy)
                start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), *caching, *security])
                return [text.encode()]

            log = f"sqlite:///{tmp_path / 'consent.db'}"
            middleware = ConsentMiddleware(
                app, {**_SETTINGS, "log": log, **settings}, secret_key="a key for the pages of this test"
            )
            stack.callback(middleware.site.close)
            kept = Kept(middleware)
            server = make_server("127.0.0.1", 0, kept, threaded=True, request_handler=Quiet)
            url = stack.enter_context(serving(server))
            return Place("shared", url, log, "/", frozenset(), frozenset(), frozenset(), outside.heard), kept

        yield site


def _calls(visitor: Visitor) -> list[list[Any]]:
    """What Google's tags find in their queue."""
    return [list(call.values()) for call in visitor.page.evaluate("dataLayer.map((call) => ({ ...call }))")]


def _is_awake(visitor: Visitor) -> None:
    wait_until(lambda: visitor.page.evaluate("window.ran?.includes('stats')"), "the script")
    expect(visitor.page.frame_locator("iframe").get_by_role("heading", name="Film")).to_be_visible()


@pytest.mark.parametrize("wall", ["off", "guard"])
def test_the_same_bytes_are_the_page_of_who_accepted_who_refused_and_who_signals(
    start: Start, visit: Callable[..., Visitor], wall: str
) -> None:
    place, kept = start(wall=wall)
    accepted, refused, signalled = visit(place), visit(place), visit(place, gpc=True)
    for visitor in (accepted, refused, signalled):
        visitor.go("/")
    assert kept.hits == 2

    expect(accepted.card).to_be_visible()
    accepted.expect_silence()
    accepted.accept()
    _is_awake(accepted)
    expect(refused.card).to_be_visible()
    refused.refuse()
    expect(signalled.card).to_have_count(0)
    expect(signalled.page.locator("#yc-g")).to_be_visible()
    expect(signalled.page.locator("#yc-g")).to_contain_text("Global Privacy Control")

    for visitor in (accepted, refused, signalled):
        visitor.elsewhere.clear()
        visitor.go("/")
        expect(visitor.card).to_have_count(0)
    assert kept.hits == 5
    _is_awake(accepted)
    assert [args[2]["analytics_storage"] for args in _calls(accepted) if args[0] == "consent"] == ["denied", "granted"]
    for visitor in (refused, signalled):
        visitor.expect_silence()
        assert {args[2]["analytics_storage"] for args in _calls(visitor) if args[0] == "consent"} == {"denied"}
        assert not visitor.page.evaluate("window.ran")
    assert accepted.page.evaluate("import('/_consent/consent.js').then(({ consent }) => consent.status)") == "accepted"
    # A page that would be the same again is not loaded again for what writes into it.
    assert accepted.page.locator("#written").count() == 0
    assert accepted.loads == ["/", "/"]
    assert [each.complaints for each in (accepted, refused, signalled)] == [[], [], []]


def test_who_takes_back_is_served_the_same_bytes_and_all_is_quiet(start: Start, visit: Callable[..., Visitor]) -> None:
    place, kept = start()
    visitor = visit(place)
    visitor.go("/")
    visitor.accept()
    _is_awake(visitor)
    visitor.page.evaluate("localStorage.setItem('st_id', '1')")
    panel = visitor.open_settings()
    with visitor.page.expect_navigation():
        panel.get_by_role("button", name="Refuse all").click()
    visitor.forget()
    visitor.page.reload()
    visitor.expect_silence()
    assert visitor.stored()["local"] == []
    assert len(kept.pages) >= 1


def test_where_all_runs_until_it_is_refused_the_script_wakes_it_and_says_so(
    start: Start, visit: Callable[..., Visitor]
) -> None:
    place, _ = start()
    european, californian = visit(place), visit(place, region="US-CA")
    european.go("/")
    expect(european.card).to_contain_text("None of this starts before you agree")
    californian.go("/")
    expect(californian.card).to_contain_text("you can opt out")
    expect(californian.page.locator("#yc-l")).to_have_text("Your Privacy Choices")
    expect(californian.page.locator("#yc-l svg")).to_be_visible()
    expect(californian.card.get_by_role("button", name="Opt out")).to_be_visible()
    expect(european.page.locator("#yc-l svg")).to_be_hidden()
    expect(european.card.get_by_role("button", name="Refuse")).to_be_visible()
    _is_awake(californian)
    european.expect_silence()
    with californian.page.expect_navigation():  # to the page without what was refused
        californian.refuse()
    californian.forget()
    californian.go("/")
    californian.expect_silence()


def test_without_a_script_all_stays_held_and_the_settings_can_be_had(
    start: Start, visit: Callable[..., Visitor]
) -> None:
    place, _ = start()
    visitor = visit(place, script=False)
    visitor.go("/")
    expect(visitor.card).to_be_hidden()
    expect(visitor.page.frame_locator("iframe").get_by_role("button")).to_have_count(0)
    panel = visitor.open_settings()
    visitor.press("Accept all", panel)
    assert visitor.status() == "accepted"
    visitor.forget()
    visitor.go("/")
    visitor.expect_silence()


def test_a_placeholder_of_a_kept_page_has_its_buttons_from_the_script(
    start: Start, visit: Callable[..., Visitor]
) -> None:
    place, _ = start()
    visitor = visit(place)
    visitor.go("/")
    visitor.press("Always allow", visitor.page.frame_locator("iframe").locator("body"))
    expect(visitor.page.frame_locator("iframe").get_by_role("heading", name="Film")).to_be_visible()
    assert visitor.state()["granted"] == ["marketing"]


def test_a_page_in_a_frame_leaves_the_question_to_the_page_around_it(
    start: Start, visit: Callable[..., Visitor]
) -> None:
    place, _ = start()
    visitor = visit(place)
    visitor.go("/around")
    expect(visitor.card).to_be_visible()
    expect(visitor.page.frame_locator("iframe[title=Frame]").locator("h1")).to_be_visible()
    visitor.settle()
    expect(visitor.page.frame_locator("iframe[title=Frame]").locator("#yc")).to_have_count(0)


@pytest.mark.parametrize("layout", ["box", "modal"])
def test_a_body_in_the_place_of_a_kept_one_is_this_visitors_too(
    start: Start, visit: Callable[..., Visitor], layout: str
) -> None:
    """Routers put in what the cache has: its banner hidden, its texts nobody's."""
    place, _ = start(layout=layout)
    swap = """async () => {
      await import("/_consent/consent.js");
      const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
      document.body.replaceWith(page.body);
    }"""
    asked, signalled = visit(place, region="US-CA"), visit(place, gpc=True)
    for visitor in (asked, signalled):
        visitor.go("/")
        visitor.page.evaluate(swap)
    expect(asked.card).to_be_visible()
    expect(asked.card.get_by_role("button", name="Opt out")).to_be_visible()
    expect(asked.page.locator("#yc-l")).to_have_text("Your Privacy Choices")
    expect(signalled.card).to_have_count(0)
    expect(signalled.page.locator("#yc-g")).to_be_visible()


def test_a_page_that_is_older_than_the_policy_is_left_asleep(start: Start, visit: Callable[..., Visitor]) -> None:
    place, kept = start()
    visitor = visit(place)
    visitor.go("/")
    status, headers, body = kept.pages["/"]
    shown = visitor.state()["policy"].encode()
    assert shown in body
    kept.pages["/"] = status, headers, body.replace(shown, b"an-older-one")
    visitor.go("/")
    visitor.accept()
    visitor.expect_silence()
    del kept.pages["/"]
    visitor.go("/")
    _is_awake(visitor)


def test_where_the_state_cannot_be_had_nothing_runs_and_nothing_is_asked(
    start: Start, visit: Callable[..., Visitor]
) -> None:
    place, _ = start()
    visitor = visit(place)
    visitor.page.route("**/_consent/state*", lambda route: route.abort())
    visitor.go("/")
    expect(visitor.card).to_have_count(0)
    visitor.expect_silence()


def test_a_kept_page_works_under_a_strict_policy(start: Start, visit: Callable[..., Visitor]) -> None:
    policy = "default-src 'self'; frame-src film.example; script-src 'self' stats.example; require-trusted-types-for 'script'"
    place, _ = start(policy=policy)
    visitor = visit(place)
    visitor.go("/")
    visitor.accept()
    wait_until(lambda: visitor.page.evaluate("window.ran?.includes('stats')"), "the script")
    assert not [each for each in visitor.complaints if "_consent" in each or "connect-src" in each]
