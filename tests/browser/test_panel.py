"""The developer's panel: small until it is opened, readable by everybody, under whatever policy the page has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import expect
from servers import Outside, Place, Quiet, serving
from visitors import Visitor, violations
from werkzeug.serving import make_server

from consent.wsgi import ConsentMiddleware

pytestmark = pytest.mark.browser

_POLICY = "default-src 'self'; script-src 'nonce-abc'; style-src 'nonce-abc'"
_DESKTOP = {"width": 1280, "height": 800}
_PHONE = {"width": 375, "height": 667}
_PAGE = """<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content="width=device-width">
<meta name=color-scheme content="light dark"><link rel=icon href="data:,"><title>News</title>
<script nonce=abc src="https://www.google-analytics.com/analytics.js"></script></head><body><main><h1>News</h1>
<script nonce=abc>ga('create', 'UA-1')</script><script src="https://static.hotjar.com/c/hotjar-1.js?sv=6"></script>
<iframe src="https://www.youtube.com/embed/dQw4w9WgXcQ" title="Film" width=280 height=160></iframe>
<p>Text.</p></main></body></html>"""


@pytest.fixture
def place(request: pytest.FixtureRequest, outside: Outside) -> Iterator[Place]:
    policy: str = request.param

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        security = [("Content-Security-Policy", policy)] * bool(policy)
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Set-Cookie", "_ga=1"), *security])
        return [_PAGE.encode()]

    settings = {"services": ["google-analytics", "youtube"], "log": "sqlite://"}
    middleware = ConsentMiddleware(app, settings, secret_key="a key for the pages of this test", debug=True)
    with ExitStack() as stack:
        stack.callback(middleware.site.close)
        server = make_server("127.0.0.1", 0, middleware, threaded=True, request_handler=Quiet)
        yield Place(
            "debug", stack.enter_context(serving(server)), "", "/", frozenset(), frozenset(), frozenset(), outside.heard
        )


# Each two of a policy, a scheme and a size together.
@pytest.mark.parametrize(
    ("place", "scheme", "viewport"),
    [
        ("", "light", _DESKTOP),
        ("", "dark", _PHONE),
        (_POLICY, "light", _PHONE),
        (_POLICY, "dark", _DESKTOP),
        ("default-src 'self'", "light", _DESKTOP),
        ("default-src 'self'", "dark", _PHONE),
    ],
    indirect=["place"],
)
def test_it_is_small_opens_by_keyboard_and_covers_no_question(
    place: Place, visit: Callable[..., Visitor], axe: str, scheme: str, viewport: dict[str, int]
) -> None:
    visitor = visit(place, color_scheme=scheme, viewport=viewport)
    visitor.go("/")
    panel = visitor.page.locator("#yc-dev")
    summary = panel.locator("summary")
    expect(summary).to_have_text("consent: 5 held")
    expect(panel).to_have_css("position", "fixed")
    closed, card = panel.bounding_box(), visitor.card.bounding_box()
    assert closed is not None
    assert card is not None
    assert closed["width"] < 200
    assert closed["height"] < 40
    apart = closed["x"] >= card["x"] + card["width"] or closed["y"] + closed["height"] <= card["y"]
    assert apart, (closed, card)
    expect(panel.locator("details > div")).to_be_hidden()
    summary.focus()
    visitor.page.keyboard.press("Enter")
    expect(panel.get_by_text("not declared in the settings")).to_be_visible()
    opened = panel.bounding_box()
    assert opened is not None
    assert opened["x"] >= 0
    assert opened["x"] + opened["width"] <= viewport["width"]
    assert violations(visitor.page, axe, "'#yc-dev'") == []
    assert not [each for each in visitor.complaints if "panel" in each or "inline style" in each]
    visitor.refuse()
    assert violations(visitor.page, axe, "'#yc-dev'") == []
