"""The developer's panel: in debug mode alone, at the end of pages alone, under whatever policy the page has."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from doors import SECRET, SETTINGS, Answer, Request, call_wsgi
from markupsafe import Markup

from consent.banner.panel import Row, panel
from consent.wsgi import ConsentMiddleware

GA = "https://www.google-analytics.com"
PAGE = f"""<!doctype html><html><head><title>News</title><script src="{GA}/analytics.js"></script></head><body>
<script>ga('create', '</b>')</script><img src="{GA}/a.gif?a=1&amp;<b>=2"><script src="https://static.hotjar.com/c/x.js"></script>
<p data-purpose="research">R</p><p data-purpose="reserch">R</p></body></html>"""
HTML = ("Content-Type", "text/html; charset=utf-8")
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}

Ask = Callable[..., Answer]


def _site(headers: list[tuple[str, str]], page: str = PAGE, **options: Any) -> Ask:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", list(headers))
        return [page.encode()]

    site = ConsentMiddleware(app, SETTINGS, secret_key=SECRET, **options)
    return lambda path="/", method="GET", headers=None, body=b"": call_wsgi(
        site, Request(path, method, headers or {}, body)
    )


def _flask(debug: bool) -> Ask:
    import flask

    from consent.flask import Consent

    app = flask.Flask("site")
    app.debug = debug
    app.config |= {"SECRET_KEY": SECRET, "CONSENT": SETTINGS}
    app.route("/")(lambda: PAGE)
    Consent(app)
    return lambda path="/": call_wsgi(app, Request(path))


def _django(debug: bool) -> Ask:
    from django.core.handlers.wsgi import WSGIHandler
    from django.http import HttpResponse
    from django.test.utils import override_settings
    from doors import _django_settings, _django_urls

    _django_settings(SETTINGS, _django_urls(lambda request, path: HttpResponse(PAGE)))
    changed = override_settings(DEBUG=debug, MIDDLEWARE=["consent.django.ConsentMiddleware"])
    changed.enable()
    try:
        handler = WSGIHandler()
    finally:
        changed.disable()
    return lambda path="/": call_wsgi(handler, Request(path))


@pytest.mark.parametrize(
    "build", [_flask, _django, lambda debug: _site([HTML], debug=debug)], ids=["flask", "django", "wsgi"]
)
def test_it_is_there_when_the_frameworks_debug_mode_is_on_and_never_else(build: Callable[[bool], Ask]) -> None:
    debugged, served = build(True), build(False)
    assert debugged("/").text.count('id="yc-dev"') == 1
    assert "yc-dev" not in served("/").text
    assert debugged("/_consent/panel.css").status == 200
    assert served("/_consent/panel.css").status == 404


def _lines(text: str) -> list[str]:
    """What the panel says, line by line, as a browser would show it."""
    found = re.search(r'<aside id="yc-dev".*</aside>', text)
    assert found is not None
    lines = re.sub(r"<(?:li|p|summary|ol|ul|/summary|/p|/ol|/ul|/li)[^>]*>", "\n", found.group())
    told = [unescape(re.sub(r"<[^>]+>", "", line)).strip() for line in lines.split("\n")]
    return [line for line in told if line]


def test_it_says_what_is_held_by_which_rule_and_where_with_counts() -> None:
    answer = _site([HTML, ("Set-Cookie", "_ga=1"), ("Set-Cookie", "session=1")], debug=True)()
    where = [
        str(PAGE.index(tag)) for tag in ("<script src", "<script>", "<img", '<script src="https://static', "<p data")
    ]
    assert _lines(answer.text)[0] == "consent: 7 held"
    said = "\n".join(_lines(answer.text))
    for line in (
        "google-analytics (3): until analytics is allowed",
        f"<script> byte {where[0]}: {GA}/analytics.js",
        f"<script> byte {where[1]}: ga('create', '</b>')",
        f"<img> byte {where[2]}: {GA}/a.gif?a=1&amp;<b>=2",
        "hotjar (1): not declared in the settings, and so held whatever the visitor chooses",
        f"<script> byte {where[3]}: https://static.hotjar.com/c/x.js",
        "no service (1): marked with data-purpose, until research is allowed",
        f"<p> byte {where[4]}",
        "no service (1): data-purpose names what the settings do not know: reserch",
        "cookies (1): did not leave: _ga",
    ):
        assert line in said
    assert answer.text.index('id="yc-dev"') > answer.text.index('id="yc-l"')
    assert answer.text.endswith("</body></html>")


def test_where_nothing_is_held_it_says_so() -> None:
    ask = _site([HTML], "<!doctype html><p>News</p>", debug=True)
    assert _lines(ask().text)[0] == "consent: 0 held"
    assert "Nothing is held here." in ask().text


@pytest.mark.parametrize(
    "headers",
    [{"HX-Request": "true"}, {"Turbo-Frame": "x"}, {"Sec-Fetch-Dest": "iframe"}, {"Sec-Fetch-Dest": "empty"}],
    ids=str,
)
def test_pieces_of_a_page_and_frames_have_none(headers: dict[str, str]) -> None:
    assert "yc-dev" not in _site([HTML], debug=True)("/", headers=headers).text


def test_what_is_no_page_has_none() -> None:
    for kind in ("application/json", "text/plain", "application/xhtml+xml"):
        assert "yc-dev" not in _site([("Content-Type", kind)], debug=True)().text


@pytest.mark.parametrize(
    ("policy", "style"),
    [
        ("", r"<style>#yc-dev"),
        ("style-src 'nonce-abc'", r'<style nonce="abc">#yc-dev'),
        ("style-src 'self'", r'<link rel="stylesheet" href="//www\.example\.org/_consent/panel\.css\?v=[0-9a-f]{12}">'),
    ],
)
def test_its_style_goes_the_way_that_the_pages_policy_leaves_it(policy: str, style: str) -> None:
    headers = [HTML, *([("Content-Security-Policy", policy)] if policy else [])]
    assert re.search(style + r"[^<]*(?:</style>)?<aside id=\"yc-dev\"", _site(headers, debug=True)().text)


def test_a_page_of_debug_mode_is_not_revived_in_production() -> None:
    tagged = [HTML, ("ETag", '"a"')]
    assert _site(tagged, debug=True)().header("etag") != _site(tagged)().header("etag")


def test_nothing_in_it_is_markup_of_the_pages_and_all_of_it_is_ascii() -> None:
    hostile = "</aside><script>alert(1)</script>\u2028\ud83d \u00fc"
    reasons = ("declared", "undeclared", "marked", "unknown-purpose", "too-long") * 100
    rows = [Row(hostile, hostile, hostile, number, reason, (hostile,)) for number, reason in enumerate(reasons)]
    made = panel(rows, ["<script>"], style=Markup(""))
    assert made.isascii()
    assert b"<script" not in made
    assert made.count(b"</aside>") == 1
    assert b"consent: 501 held" in made


def test_a_page_with_very_many_tags_is_told_in_short() -> None:
    made = panel([Row("stats", "img", "x", at, "declared", ("analytics",)) for at in range(5000)], [], style=Markup(""))
    assert b"stats</b> (5000)" in made
    assert b"and 4800 more" in made
    assert len(made) < 20_000
