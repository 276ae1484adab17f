"""Flask with what sites put beside us: Flask-Talisman's policies and nonces, Flask-Babel's language."""

from __future__ import annotations

import re
from typing import Any

import flask
import pytest
from doors import SECRET, SETTINGS
from flask_babel import Babel, get_locale
from flask_talisman import Talisman
from werkzeug.test import TestResponse

from consent.flask import Consent
from consent.testing import ListStore

TRACKER = '<script src="https://www.google-analytics.com/analytics.js"></script>'
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}
#: A policy that lets in what the gate holds, and one that lets in little.
WIDE = {"default-src": "'self' https:", "script-src": "'self' https:", "style-src": "'self'"}
STRICT = {"default-src": "'none'", "script-src": "'strict-dynamic'", "style-src": "'self'", "form-action": "'self'"}


def make(**settings: Any) -> flask.Flask:
    app = flask.Flask("site")
    app.config |= {"SECRET_KEY": SECRET, "CONSENT": {**SETTINGS, **settings}}
    return app


def gated(app: flask.Flask) -> flask.Flask:
    Consent(app)
    app.extensions["consent"].store = ListStore()
    return app


# Flask-Talisman


def guarded(wall: str = "off", order: str = "talisman first", policy: dict[str, str] = WIDE) -> flask.Flask:
    """A page with a nonce of its own, behind Talisman and the gate, whichever was there first."""
    app = make(wall=wall)
    if order == "consent first":
        gated(app)
    Talisman(
        app,
        force_https=False,
        content_security_policy=policy,
        content_security_policy_nonce_in=["script-src", "style-src"],
    )
    if order == "talisman first":
        gated(app)
    app.add_template_global(TRACKER, "tracker")
    pages = {
        "/": "<!doctype html><html><head><title>News</title>{{ tracker|safe }}</head><body>"
        '<script nonce="{{ csp_nonce() }}">own()</script></body></html>',
        "/by-hand": "<!doctype html><html><head></head><body>{{ consent.banner(nonce=csp_nonce()) }}<h1>News</h1>",
    }
    for path, text in pages.items():
        app.get(path, endpoint=path)(lambda text=text: flask.render_template_string(text))
    return app


def nonce_of(answer: TestResponse) -> str:
    found = re.search(r"'nonce-([^']+)'", answer.headers["Content-Security-Policy"])
    assert found is not None
    return found[1]


def scripts_without(page: str, nonce: str) -> list[str]:
    """The scripts that would run, and that the policy would not let in."""
    tags = re.findall(r"<script\b[^>]*>", page)
    inert = re.compile(r'type="?(?:application/json|text/plain)\b')
    return [tag for tag in tags if f'nonce="{nonce}"' not in tag and not inert.search(tag)]


@pytest.mark.parametrize("order", ["talisman first", "consent first"])
@pytest.mark.parametrize("wall", ["off", "guard", "csp", "csp-report"])
@pytest.mark.parametrize("policy", [WIDE, STRICT], ids=["wide", "strict"])
def test_what_we_insert_has_talisman_s_nonce(policy: dict[str, str], wall: str, order: str) -> None:
    client = guarded(wall, order, policy).test_client()
    answer = client.get("/")
    nonce = nonce_of(answer)
    assert f'<script nonce="{nonce}">own()</script>' in answer.text, "the page's own is untouched"
    assert scripts_without(answer.text, nonce) == []
    assert all(f'nonce="{nonce}"' in tag for tag in re.findall(r"<style\b[^>]*>", answer.text))
    assert answer.text.count('id="yc"') == 1
    assert TRACKER not in answer.text
    assert client.get("/").text.count(nonce) == 0, "the next page has another"


@pytest.mark.parametrize("wall", ["off", "guard", "csp", "csp-report"])
def test_each_wall_stands_beside_talisman_s(wall: str) -> None:
    answer = guarded(wall).test_client().get("/")
    own = answer.headers.getlist("Content-Security-Policy")
    reported = answer.headers.getlist("Content-Security-Policy-Report-Only")
    assert own[0].startswith("default-src 'self' https:; "), "as Talisman said it"
    assert (len(own), len(reported)) == {"csp": (2, 0), "csp-report": (1, 1)}.get(wall, (1, 0))
    nonce = nonce_of(answer)
    assert all(f"'nonce-{nonce}'" in each for each in (own[1:] + reported)), "the page's own scripts run behind both"
    assert all("https:" not in each.split() for each in own[1:] + reported)
    [first] = re.findall(r"<head><script[^>]*>", answer.text)
    assert ("data-held" in first) == (wall == "guard")


def test_a_banner_that_is_placed_by_hand_takes_the_nonce_that_it_is_given() -> None:
    answer = guarded().test_client().get("/by-hand")
    nonce = nonce_of(answer)
    assert re.search(rf'<link rel="stylesheet" href="[^"]*consent.css[^"]*" nonce="{nonce}">', answer.text)
    assert answer.text.count('id="yc"') == 1
    assert scripts_without(answer.text, nonce) == []


def test_talisman_s_way_to_https_is_not_in_ours() -> None:
    app = make()
    Talisman(app)
    gated(app).get("/")(lambda: "<!doctype html><body>")
    client = app.test_client()
    moved = client.get("/")
    assert (moved.status_code, moved.headers["Location"]) == (302, "https://localhost/")
    accepted = client.post(
        "/_consent/decision", data={"action": "accept"}, headers=SAME_SITE, base_url="https://localhost"
    )
    assert accepted.headers["Set-Cookie"].startswith("__Host-consent=")


# Flask-Babel


def translated(**settings: Any) -> flask.Flask:
    app = make(**settings)
    calls: list[str] = []

    def select() -> str | None:
        calls.append(flask.request.path)
        return flask.request.args.get("lang") or flask.session.get("lang")

    gated(app)  # before Babel: whichever comes first
    Babel(app, locale_selector=select)

    def answer(body: str, content_type: str = "text/html") -> flask.Response:
        response = flask.Response(body, content_type=content_type)
        if content_type == "text/html":
            response.set_etag(f"v1-{get_locale()}")
        return response.make_conditional(flask.request)

    app.get("/", endpoint="front")(lambda: answer("<!doctype html><body><h1>News</h1>"))
    app.get("/hand", endpoint="hand")(
        lambda: flask.render_template_string("<!doctype html><body>{{ consent.banner() }}<h1>News</h1>")
    )
    app.get("/data", endpoint="data")(lambda: answer("{}", "application/json"))
    app.get("/stream", endpoint="stream")(lambda: flask.Response(iter(["<!doctype html><body>", "<h1>News</h1>"])))
    app.extensions["calls"] = calls
    return app


def banner_language(page: str) -> str:
    [found] = re.findall(r'<[a-z]+ id="yc"[^>]* lang="([^"]+)"', page)
    return str(found)


@pytest.mark.parametrize("path", ["/", "/hand", "/stream", "/missing"])
@pytest.mark.parametrize(("locale", "language"), [("fr", "fr"), ("de_CH", "de"), ("sw", "ar"), (None, "en")])
def test_the_banner_is_in_the_language_that_babel_found(path: str, locale: str | None, language: str) -> None:
    """Where we have it; else in the browser's. Babel's own default is a language that it found."""
    app = translated()
    app.errorhandler(404)(lambda error: ("<!doctype html><body><h1>Missing</h1>", 404))
    url = f"{path}?lang={locale}" if locale else path
    page = app.test_client().get(url, headers={"Accept-Language": "ar"}).text
    assert banner_language(page) == language


def test_a_setting_goes_before_it() -> None:
    page = translated(language="es").test_client().get("/?lang=fr").text
    assert banner_language(page) == "es"


def test_a_page_that_is_everybody_s_is_in_babel_s_language() -> None:
    page = translated(cache="shared").test_client().get("/?lang=fr", headers={"Accept-Language": "ar"}).text
    assert banner_language(page) == "fr"


def test_a_page_in_babel_s_language_is_not_modified_when_it_is_asked_for_again() -> None:
    client = translated().test_client()
    headers = {"Accept-Language": "ar"}
    first = client.get("/?lang=fr", headers=headers)
    again = {**headers, "If-None-Match": first.headers["ETag"]}
    unchanged = client.get("/?lang=fr", headers=again)
    assert (unchanged.status_code, unchanged.headers["ETag"]) == (304, first.headers["ETag"])
    german = client.get("/?lang=de", headers=again)
    assert (german.status_code, banner_language(german.text)) == (200, "de")


def test_babel_is_not_asked_for_what_is_no_page() -> None:
    app = translated()
    client = app.test_client()
    client.get("/data")
    client.get("/_consent/consent.js")
    assert app.extensions["calls"] == []


def test_an_app_without_babel_beside_one_that_has_it_is_not_asked() -> None:
    translated()
    app = gated(make())
    app.get("/")(lambda: "<!doctype html><body><h1>News</h1>")
    page = app.test_client().get("/", headers={"Accept-Language": "fr"}).text
    assert banner_language(page) == "fr"
