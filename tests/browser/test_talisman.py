"""A Flask site under Flask-Talisman's policy with nonces: the banner, the page's tags and each wall, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import flask
import pytest
from flask_talisman import Talisman
from playwright.sync_api import expect
from servers import Outside, Place, Quiet, serving
from visitors import Visitor
from werkzeug.serving import make_server

from consent.flask import Consent

pytestmark = pytest.mark.browser

POLICY = {
    "default-src": "'self'",
    "script-src": "'self' https://www.googletagmanager.com",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self' https://www.google-analytics.com",
}
GOOGLE = frozenset({"www.googletagmanager.com", "www.google-analytics.com"})
PAGE = """<!doctype html><html lang="en"><head><title>News</title><link rel="icon" href="data:,">
<style nonce="{{ csp_nonce() }}">h1 { color: rgb(1, 2, 3) }</style>
<script async nonce="{{ csp_nonce() }}" src="https://www.googletagmanager.com/gtag/js?id=G-RYE1962"></script>
<script nonce="{{ csp_nonce() }}">window.dataLayer = [["config", "G-RYE1962"]];</script></head>
<body><main><h1>News</h1><p id="own"></p></main>
<script nonce="{{ csp_nonce() }}">document.getElementById("own").textContent = "ran";</script></body></html>"""


@pytest.fixture
def site(outside: Outside, tmp_path: Path) -> Iterator[Callable[[str], Place]]:
    with ExitStack() as stack:

        def start(wall: str) -> Place:
            app = flask.Flask("site")
            log = f"sqlite:///{tmp_path}/consent.db"
            app.config |= {
                "SECRET_KEY": "a key for the pages of this test",
                "CONSENT": {"services": ["google-analytics"], "wall": wall, "log": log},
            }
            Consent(app)
            Talisman(
                app,
                force_https=False,
                content_security_policy=POLICY,
                content_security_policy_nonce_in=["script-src", "style-src"],
            )
            app.get("/", endpoint="front")(lambda: flask.render_template_string(PAGE))
            app.get("/privacy", endpoint="privacy")(lambda: "<!doctype html><title>Privacy</title>")
            server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
            url = stack.enter_context(serving(server))
            stack.callback(app.extensions["consent"].close)
            return Place(wall, url, log, "/", frozenset({"_ga"}), frozenset(), GOOGLE, outside.heard)

        yield start


@pytest.mark.parametrize("wall", ["off", "guard", "csp", "csp-report"])
def test_under_a_policy_with_nonces_a_visitor_is_asked_agrees_and_withdraws(
    site: Callable[[str], Place], visit: Callable[..., Visitor], wall: str
) -> None:
    visitor = visit(site(wall))
    visitor.go("/")
    expect(visitor.card).to_be_visible()
    expect(visitor.page.locator("#own")).to_have_text("ran")
    expect(visitor.page.get_by_role("heading", name="News")).to_have_css("color", "rgb(1, 2, 3)")
    expect(visitor.card.get_by_role("button", name="Accept", exact=True)).to_have_css("cursor", "pointer")
    visitor.expect_silence()
    assert visitor.complaints == []
    visitor.accept()
    visitor.settle()
    visitor.go("/")
    visitor.expect_heard()
    assert visitor.card.count() == 0
    panel = visitor.open_settings()
    visitor.forget()
    with visitor.page.expect_navigation():  # only leaving the page stops what runs in it
        visitor.press("Refuse all", panel)
    visitor.expect_silence()
    assert "_ga" not in visitor.cookies()
    # A policy that stands is not loosened: beside one of ours, what woke reaches its host from the next page on.
    late = "https://www.google-analytics.com/g/collect" if wall.startswith("csp") else "nothing"
    assert [each for each in visitor.complaints if late not in each] == []
