"""What assertions see in a response, and what they say: a test that fails should tell what to do."""

from __future__ import annotations

import json
import re
import sys
from functools import cache
from typing import Any

import pytest
from werkzeug.test import Client

from consent.errors import ConfigurationError, ConsentError
from consent.gate.walk import TAG_CAP
from consent.site import Site
from consent.testing import (
    ConsentClient,
    assert_banner,
    assert_held,
    assert_no_banner,
    assert_no_trackers,
    assert_not_held,
)
from consent.wsgi import ConsentMiddleware

SECRET = "a secret for tests that is long enough"
HTML = [("Content-Type", "text/html; charset=utf-8")]
SETTINGS: dict[str, Any] = {
    "services": {
        "google-analytics": {},
        "youtube": {},
        "stripe": {"purposes": ["necessary"]},
        "study": {
            "purposes": ["analytics"],
            "hosts": ["study.example.org"],
            "snippets": ["study.begin("],
            "cookies": ["_rs_*"],
        },
    },
    "log": "sqlite://",
}


def served(body: str | bytes, headers: Any = HTML, status: str = "200 OK") -> Any:
    """A response as the application sent it: no gate in front of it."""

    def app(_environ: Any, start_response: Any) -> list[bytes]:
        start_response(status, [*headers])
        return [body.encode() if isinstance(body, str) else body]

    return Client(app).get("/page?a=1")


def gated(body: str | bytes, headers: Any = HTML, *, asked: dict[str, str] | None = None, **changes: Any) -> Any:
    """The same through the gate, for a visitor who has not answered."""

    def app(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [*headers])
        return [body.encode() if isinstance(body, str) else body]

    return visitor(app, **changes).get("/page", headers=asked or {})


def visitor(app: Any, **changes: Any) -> ConsentClient:
    return ConsentClient(ConsentMiddleware(app, site_of(json.dumps(changes))))


@cache
def site_of(changes: str) -> Site:
    """The site with these changes to its settings. Opening one takes longer than most tests here."""
    return Site.open({**SETTINGS, **json.loads(changes)}, keys=[SECRET])


def ungated(body: str, headers: Any = HTML, **changes: Any) -> Any:
    """A response that the application sent, of whose site the policy is known: as if the gate had failed."""

    def app(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [*headers])
        return [body.encode()]

    return ConsentClient(Client(app), site=site_of(json.dumps(changes))).get("/page")


#: Ways to reach a service, all of which browsers follow; and whose they are.
LIVE = [
    ("<script src='https://www.google-analytics.com/analytics.js'></script>", "google-analytics"),
    ("<script src=//WWW.Google-Analytics.com/analytics.js async></script>", "google-analytics"),
    ("<script src='https&colon;//www.google&#45;analytics.com/a.js'></script>", "google-analytics"),
    ("<script type=module>import 'https://study.example.org/a.js'</script>", "study"),
    ("<script>study.begin(1)</script>", "study"),
    ("<script type='text/javascript'>fbq('init', 1)</script>", "meta-pixel"),
    ('<script type=importmap>{"imports": {"a": "https://study.example.org/a.js"}}</script>', "study"),
    ("<img src='https://www.facebook.com/tr?id=1'>", "meta-pixel"),
    ("<noscript><img src='https://www.facebook.com/tr?id=1'></noscript>", "meta-pixel"),
    ("<img srcset='/a.png 1x, https://study.example.org/a.png 2x'>", "study"),
    ("<picture><source srcset='https://study.example.org/a.png'></picture>", "study"),
    ("<iframe src='https://www.youtube.com/embed/x'></iframe>", "youtube"),
    ("<iframe srcdoc='&lt;script src=//study.example.org/a.js>&lt;/script>'></iframe>", "study"),
    ("<link rel='PRECONNECT' href='https://study.example.org'>", "study"),
    ("<style>p { background: url(https://study.example.org/a.png) }</style>", "study"),
    ("<p style='background: url(//study.example.org/a.png)'>x</p>", "study"),
    ("<body onload='study.begin(1)'>", "study"),
    ("<a href='javascript:study.begin(1)'>x</a>", "study"),
    ("<a href=/ ping='https://study.example.org/a'>x</a>", "study"),
    ("<svg><image xlink:href='https://study.example.org/a.png' /></svg>", "study"),
    ("<video poster='https://study.example.org/a.png'></video>", "study"),
    ("<object data='https://study.example.org/a'></object>", "study"),
    ("<template><script src='https://study.example.org/a.js'></script></template>", "study"),
    ("<meta http-equiv=refresh content='0; url=https://study.example.org/'>", "study"),
]


@pytest.mark.parametrize(("tag", "service"), LIVE)
def test_what_a_browser_would_act_on_is_found_and_held_it_is_not(tag: str, service: str) -> None:
    live = ungated(f"<!doctype html><title>x</title><body>{tag}")
    with pytest.raises(AssertionError, match=f"is live: {service}\n"):
        assert_no_trackers(live)
    with pytest.raises(AssertionError, match=f"{service} is not held"):
        assert_held(live, service)
    assert_not_held(live, service)

    held = gated(f"<!doctype html><title>x</title><body>{tag}")
    assert_no_trackers(held)
    assert_held(held, service)
    with pytest.raises(AssertionError, match=f"{service} is held"):
        assert_not_held(held, service)


@pytest.mark.parametrize(
    "tag",
    [
        "<!-- <script src='https://www.google-analytics.com/analytics.js'></script> -->",
        "<textarea><img src='https://www.facebook.com/tr?id=1'></textarea>",
        "<script type='application/json'>{\"a\": \"fbq('init')\"}</script>",
        "<script type='application/json' src='https://study.example.org/a.json'></script>",
        "<p data='https://study.example.org/a'>x</p>",
        "<script type='text/template'><img src='https://www.facebook.com/tr?id=1'></script>",
        "<a href='https://www.youtube.com/watch?v=x'>film</a>",
        "<p title=\"fbq('init')\">https://www.youtube.com/embed/x</p>",
        "<script src='/own.js'></script><img src='a.png' srcset='a.png 1x, b.png 2x'>",
        "<script src='https://js.stripe.com/v3/'></script>",
    ],
)
def test_what_no_browser_acts_on_is_no_tracker_nor_what_is_necessary(tag: str) -> None:
    assert_no_trackers(ungated(f"<!doctype html><title>x</title><body>{tag}"))


def test_what_is_marked_with_a_purpose_waits_for_it_too() -> None:
    tag = "<script data-purpose='marketing' src='/own.js'></script><p data-purpose='marketing'>text</p>"
    with pytest.raises(
        AssertionError, match=r"is live: data-purpose=marketing\n  data-purpose=marketing \(marketing\), line 1"
    ):
        assert_no_trackers(ungated(tag))
    assert_no_trackers(gated(tag))
    assert_no_trackers(ungated("<script data-purpose='necessary' src='/own.js'></script>"))


@pytest.mark.parametrize(
    ("header", "service"),
    [
        (("Set-Cookie", "_ga=GA1.1; Path=/"), "google-analytics"),
        (("Set-Cookie", "_rs_1=1; Path=/"), "study"),
        (("Link", "<https://study.example.org/a.js>; rel=preload; as=script"), "study"),
        (("Refresh", "0; url=https://study.example.org/"), "study"),
    ],
)
def test_headers_are_looked_at_whatever_the_body_is(header: tuple[str, str], service: str) -> None:
    for headers in ([*HTML, header], [("Content-Type", "application/json"), header]):
        with pytest.raises(
            AssertionError, match=rf"{service} \(analytics\), header {header[0]}: {re.escape(header[1])}"
        ):
            assert_no_trackers(ungated("{}", headers))
    assert_no_trackers(ungated("", [*HTML, ("Set-Cookie", "_ga=; Max-Age=0"), ("Set-Cookie", "session=1")]))
    assert_no_trackers(gated("<p>x</p>", [*HTML, header]))


def test_the_message_says_what_where_and_who_was_asking() -> None:
    with pytest.raises(AssertionError) as failed:
        assert_no_trackers(
            ungated(
                "<!doctype html>\n<title>x</title>\n<body><script async src='https://study.example.org/a.js'></script>\n"
                "<iframe title=Film src=https://www.youtube.com/embed/x></iframe>\n"
                "<script>\n  fbq('init', 1)\n</script>",
                [*HTML, ("Set-Cookie", "_ga=1")],
            )
        )
    assert str(failed.value).splitlines() == [
        "GET /page: 200, text/html: what needs the visitor's consent is live: study, youtube, meta-pixel, google-analytics",
        '  study (analytics), line 3: <script async src="https://study.example.org/a.js">',
        '  youtube (marketing), line 4: <iframe title="Film" src="https://www.youtube.com/embed/x">',
        "  meta-pixel (marketing, not declared), line 5: <script>fbq('init', 1)",
        "  google-analytics (analytics), header Set-Cookie: _ga=1",
    ]


def test_the_message_says_what_is_held_until_when() -> None:
    page = gated(
        "<!doctype html><title>x</title><body><iframe src=https://www.youtube.com/embed/x></iframe>"
        "<img src='https://www.facebook.com/tr?id=1'>"
    )
    with pytest.raises(AssertionError) as failed:
        assert_not_held(page, "youtube")
    first, held, asking = str(failed.value).splitlines()
    assert first == "GET /page: 200, text/html: youtube is held"
    assert re.fullmatch(
        r"  youtube \(marketing\), line \d+: <iframe src=\"https://www.youtube.com/embed/x\">, "
        r"held until marketing is allowed",
        held,
    )
    assert asking == "the page says that its visitor is undecided; allowed: nothing"
    with pytest.raises(
        AssertionError, match=r"meta-pixel \(marketing, not declared\), .*, held whatever the visitor choo"
    ):
        assert_not_held(page, "meta-pixel")


def test_long_elements_are_told_short() -> None:
    with pytest.raises(AssertionError) as failed:
        assert_no_trackers(ungated(f"<script>fbq('init'); {'a' * 9999}</script>"))
    assert len(str(failed.value)) < 400


@pytest.mark.parametrize("check", [assert_held, assert_not_held])
def test_nothing_to_hold_is_no_success(check: Any) -> None:
    with pytest.raises(AssertionError, match=r"nothing of youtube in it, held or not; only study"):
        check(gated("<script src='https://study.example.org/a.js'></script>"), "youtube")
    with pytest.raises(AssertionError, match=r"nothing of youtube in it, held or not; nor of any other service"):
        check(gated("<p>x</p>"), "youtube")
    with pytest.raises(AssertionError, match=r"GET /page: 200, application/json: no page"):
        check(gated("{}", [("Content-Type", "application/json")]), "youtube")
    with pytest.raises(AssertionError, match=r"GET /page: 302, of no type: no page"):
        check(served("", [("Location", "/login")], "302 Found"), "youtube")


def test_a_name_that_nobody_knows_is_an_error() -> None:
    page = gated("<p>x</p>")
    for check in (assert_held, assert_not_held, lambda page, name: assert_no_trackers(page, allow=[name])):
        with pytest.raises(ConfigurationError, match="'googel-analytics'; did you mean 'google-analytics'"):
            check(page, "googel-analytics")


def test_without_its_site_a_response_is_held_against_the_catalogue() -> None:
    page = served("<script src='https://www.google-analytics.com/analytics.js'></script>")
    with pytest.raises(AssertionError, match=r"google-analytics \(analytics, from the catalogue\), line 1"):
        assert_no_trackers(page)
    assert_no_trackers(page, allow=["google-analytics"])
    with pytest.raises(ConfigurationError, match="'study'"):
        assert_held(page, "study")


def test_what_the_site_lets_pass_undeclared_is_found_all_the_same() -> None:
    page = gated("<img src='https://www.facebook.com/tr?id=1'>", undeclared="allow")
    with pytest.raises(AssertionError, match=r"meta-pixel \(marketing, not declared\)"):
        assert_no_trackers(page)


def test_under_a_strict_policy_every_other_host_is_found() -> None:
    tag = "<img src='https://unheard-of.example/a.png'><img src='http://localhost/a.png'>"
    with pytest.raises(AssertionError, match=r"is live: unheard-of\.example\n"):
        assert_no_trackers(ungated(tag, strict=True))
    assert_no_trackers(ungated(tag))
    assert_no_trackers(gated(tag, strict=True))


@pytest.mark.parametrize("wall", ["guard", "csp"])
@pytest.mark.parametrize("policy", [[], [("Content-Security-Policy", "script-src 'self'")]])
def test_what_the_library_puts_into_a_page_is_no_tracker(wall: str, policy: list[tuple[str, str]]) -> None:
    body = (
        "<!doctype html><html><head><title>x</title></head><body><iframe src=https://www.youtube.com/embed/x></iframe>"
    )
    services = {"google-analytics": {}, "meta-pixel": {}, "matomo": {"hosts": ["stats.example.org"]}, "youtube": {}}
    assert_no_trackers(gated(body, [*HTML, *policy], wall=wall, services=services))


def test_the_banner_is_seen_where_it_is_and_missed_where_it_is_not() -> None:
    def app(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", HTML)
        return [b"<!doctype html><html><head><title>x</title></head><body><p>x</p></body></html>"]

    asked = visitor(app)
    assert_banner(asked.get("/"))
    with pytest.raises(AssertionError, match=r"GET /: 200, text/html: there is a banner, line \d+\n.*is undecided"):
        assert_no_banner(asked.get("/"))
    asked.grant("analytics")
    assert_no_banner(asked.get("/"))
    with pytest.raises(AssertionError, match=r"there is no banner\n.*visitor is custom; allowed: analytics"):
        assert_banner(asked.get("/"))
    with pytest.raises(AssertionError, match=r"404, text/html: there is no banner$"):
        assert_banner(served("<p>x</p>", HTML, "404 Not Found"))


def test_a_banner_that_only_the_script_shows_is_not_taken_for_one_that_shows() -> None:
    page = gated("<!doctype html><html><body><p>x</p></body></html>", cache="shared")
    with pytest.raises(AssertionError, match='the banner is hidden: with cache = "shared"'):
        assert_banner(page)


def test_other_encodings_are_read_as_declared() -> None:
    page = "<!doctype html><title>ü</title><iframe title='Straße' src=https://www.youtube.com/embed/x></iframe>"
    with pytest.raises(AssertionError, match='title="Straße"'):
        assert_no_trackers(ungated_bytes(page.encode("latin-1"), "text/html; charset=iso-8859-1"))
    with pytest.raises(AssertionError, match='title="Straße"'):
        assert_no_trackers(ungated_bytes(f"<meta charset=latin1>{page}".encode("latin-1"), "text/html"))


def ungated_bytes(body: bytes, kind: str) -> Any:
    return served(body, [("Content-Type", kind)])


def test_a_coded_page_is_not_taken_for_a_clean_one() -> None:
    import gzip

    body = gzip.compress(b"<script src='https://www.google-analytics.com/analytics.js'></script>")
    with pytest.raises(ConsentError, match="coded as gzip: ask for it without Accept-Encoding"):
        assert_no_trackers(served(body, [*HTML, ("Content-Encoding", "gzip")]))


def test_a_tag_that_was_too_long_to_be_read_is_held() -> None:
    tag = f"<img src='https://www.facebook.com/tr?id=1' alt='{'a' * (TAG_CAP + 1)}'>"
    assert_held(gated(tag), "meta-pixel")
    with pytest.raises(AssertionError, match="meta-pixel is not held"):
        assert_held(ungated(tag), "meta-pixel")


def test_without_the_parser_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "justhtml", None)
    with pytest.raises(ConsentError, match=r'pip install "cookie-consent\[testing\]"'):
        assert_no_trackers(served("<p>x</p>"))


def test_what_is_no_response_is_refused() -> None:
    with pytest.raises(ConsentError, match=r"not a response of .*: str"):
        assert_no_trackers("<p>x</p>")
