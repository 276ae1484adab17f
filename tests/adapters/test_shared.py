"""``cache = "shared"``: a page has the same bytes for everybody, so that whoever stands in front may keep it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from doors import DOORS, SECRET, SETTINGS, Answer, Door, Request, Served, Site, call_wsgi

from consent.wsgi import ConsentMiddleware

HTML = ("Content-Type", "text/html; charset=utf-8")
PUBLIC = ("Cache-Control", "public, max-age=60")
ANALYTICS = '<script async src="https://www.google-analytics.com/analytics.js"></script>'
VIDEO = '<iframe src="https://www.youtube.com/embed/x" width="560" height="315"></iframe>'
PAGE = f"<!doctype html><html><head><title>News</title>{ANALYTICS}</head><body><h1>News</h1>{VIDEO}</body></html>"
SITE: Site = {
    "/": Served(PAGE.encode(), headers=(HTML, PUBLIC, ("ETag", '"v1"'))),
    "/stream": Served((PAGE[:40].encode(), PAGE[40:].encode()), headers=(HTML, PUBLIC)),
    "/unchanged": Served(b"", 304, headers=(("ETag", '"v1"'), PUBLIC)),
    "/cookies": Served(PAGE.encode(), headers=(HTML, PUBLIC, ("Set-Cookie", "sessionid=1; Path=/"), ("Set-Cookie", "_ga=1; Path=/"))),
    "/tracked": Served(PAGE.encode(), headers=(HTML, PUBLIC, ("Set-Cookie", "_ga=1; Path=/"))),
    "/led": Served(b"", 302, headers=(("Location", "https://www.google-analytics.com/a.js"), ("Content-Type", "text/plain"), PUBLIC)),
    "/data": Served(b"{}", headers=(("Content-Type", "application/json"), PUBLIC, ("Set-Cookie", "_ga=1; Path=/"))),
}  # fmt: skip
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(params=sorted(DOORS))
def door(request: pytest.FixtureRequest) -> Door:
    return DOORS[request.param](SITE, {**SETTINGS, "cache": "shared"})


@pytest.fixture
def cookie(door: Door) -> Callable[[str], str]:
    def decide(action: str) -> str:
        written = door.ask(Request("/_consent/decision", "POST", FORM, f"action={action}".encode())).cookie()
        assert written is not None
        return written

    return decide


def visitors(cookie: Callable[[str], str]) -> list[dict[str, str]]:
    return [
        {},
        {"Cookie": cookie("accept")},
        {"Cookie": f"{cookie('refuse')}; _ga=1; sessionid=2"},
        {"Cookie": "consent=forged; _ga=1"},
        {"Sec-GPC": "1"},
        {"X-Region": "US-CA", "Sec-GPC": "1", "Accept-Language": "de"},
        {"Accept-Language": "ar", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Dest": "document", "User-Agent": "a crawler"},
    ]


@pytest.mark.parametrize("path", ["/", "/stream", "/tracked"])
def test_the_answer_is_the_same_for_everybody_byte_for_byte(
    door: Door, cookie: Callable[[str], str], path: str
) -> None:
    answers = [door.ask(Request(path, headers=headers)) for headers in visitors(cookie)]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0].all("cache-control") == ["public, max-age=60"]
    assert [answers[0].all(name) for name in ("vary", "set-cookie")] == [[], []]


@pytest.mark.parametrize(
    ("destination", "status", "cached"), [("image", 403, "no-store"), ("document", 302, "private, max-age=60")]
)
def test_who_is_led_elsewhere_is_told_by_what_asks_and_kept_by_no_shared_cache(
    door: Door, cookie: Callable[[str], str], destination: str, status: int, cached: str
) -> None:
    asking = [{**headers, "Sec-Fetch-Dest": destination} for headers in visitors(cookie)]
    answers = [door.ask(Request("/led", headers=headers)) for headers in asking]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0].status == status
    assert (answers[0].header("cache-control"), answers[0].header("vary")) == (cached, "Sec-Fetch-Dest")


def test_in_it_everything_is_held_the_banner_is_hidden_and_a_link_leads_to_the_settings(
    door: Door, cookie: Callable[[str], str]
) -> None:
    page = door.ask(Request("/", headers={"Cookie": cookie("accept"), "X-Region": "US-CA"})).text
    assert ANALYTICS not in page
    assert VIDEO not in page
    assert re.search(r'<section id="yc" [^>]*hidden>', page)
    assert re.search(r'<p id="yc-g" [^>]*hidden>.*?Global Privacy Control', page)
    assert re.search(r'<p id="yc-l" [^>]*><a href="[^"]*/_consent/settings', page)
    state = json.loads(re.findall(r'<script type="application/json" id="yc-s">(.*?)</script>', page)[0])
    assert (state["shared"], state["granted"], state["status"]) == (True, [], "undecided")


def test_vendors_are_told_no_by_the_page_and_the_answer_by_the_script(door: Door, cookie: Callable[[str], str]) -> None:
    accepted = {"Cookie": cookie("accept")}
    page = door.ask(Request("/", headers=accepted)).text
    assert "&#34;analytics_storage&#34;:&#34;denied&#34;" in page
    assert page.count("granted&#34;") == 1  # security_storage, which is always granted
    told = _state(door, accepted)["now"]
    assert [args[2]["analytics_storage"] for _, to, args in told if to == "dataLayer"] == ["granted"]
    assert {"now", "then"}.isdisjoint(_state(door, {}))


def test_a_validator_says_nothing_of_the_visitor(door: Door, cookie: Callable[[str], str]) -> None:
    tag = door.ask(Request("/")).header("etag")
    assert tag.startswith('"v1;c=')
    for headers in visitors(cookie):
        same = door.ask(Request("/unchanged", headers={**headers, "If-None-Match": tag}))
        assert (same.status, same.header("etag"), same.all("vary")) == (304, tag, [])
        assert same.all("cache-control") == ["public, max-age=60"]


def test_a_page_from_before_it_was_shared_is_not_revived(door: Door) -> None:
    private = DOORS["wsgi"](SITE, SETTINGS).ask(Request("/")).header("etag")
    assert private != door.ask(Request("/")).header("etag")


def test_a_page_that_sets_a_cookie_is_nobody_elses_and_sets_none_that_could_be_held(
    door: Door, cookie: Callable[[str], str]
) -> None:
    for headers in ({}, {"Cookie": cookie("accept")}):
        answer = door.ask(Request("/cookies", headers=headers))
        assert [value.partition("=")[0] for value in answer.all("set-cookie")] == ["sessionid"]
        assert answer.all("cache-control") == ["private, max-age=60"]
        assert door.ask(Request("/data", headers=headers)).all("set-cookie") == []


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", {}),
        ("GET", {"HX-Request": "true"}),
        ("GET", {"Turbo-Frame": "x"}),
        ("GET", {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"}),
    ],
)
def test_what_is_posted_and_what_scripts_ask_for_stays_the_visitors(
    door: Door, cookie: Callable[[str], str], method: str, headers: dict[str, str]
) -> None:
    answer = door.ask(Request("/tracked", method, {**headers, "Cookie": cookie("accept")}))
    assert ANALYTICS in answer.text
    assert answer.all("cache-control") == ["private, max-age=60"]
    assert answer.header("vary").startswith("Cookie, Sec-GPC")
    assert [value.partition("=")[0] for value in answer.all("set-cookie")] == ["_ga"]


def _state(door: Door, headers: dict[str, str], query: str = "") -> dict[str, Any]:
    answer = door.ask(Request(f"/_consent/state{query}", headers=headers))
    assert (answer.status, answer.header("cache-control")) == (200, "no-store")
    state: dict[str, Any] = json.loads(answer.body)
    return state


def test_the_state_says_who_is_asked_what_is_allowed_and_what_the_browser_signals(
    door: Door, cookie: Callable[[str], str]
) -> None:
    everything = ["analytics", "marketing", "research"]
    for headers, expected in (
        ({}, (True, "undecided", [], False)),
        ({"Cookie": cookie("accept")}, (False, "accepted", everything, False)),
        ({"Cookie": cookie("refuse")}, (False, "refused", [], False)),
        ({"Sec-GPC": "1"}, (False, "refused", [], True)),
        ({"X-Region": "US-CA"}, (True, "undecided", everything, False)),
    ):
        state = _state(door, headers)
        assert (state["asked"], state["status"], state["granted"], state["gpc"]) == expected
        assert "shared" not in state


def test_the_state_has_the_words_of_the_visitors_law_in_the_pages_language(door: Door) -> None:
    headers = {"X-Region": "US-CA", "Accept-Language": "de"}
    english, french = (_state(door, headers, query)["texts"] for query in ("?lang=en", "?lang=fr"))
    assert "opt out" in english["#yc h2 + p"]
    assert english["#yc-l b"] == "Your Privacy Choices"
    assert "cookies pour" in french["#yc h2 + p"]
    assert _state(door, headers, "?lang=<script>")["lang"] == "de"
    assert "before you agree" in _state(door, {}, "?lang=en")["texts"]["#yc h2 + p"]


def test_asking_for_the_state_ends_what_a_refused_service_left(door: Door, cookie: Callable[[str], str]) -> None:
    asked = Request("/_consent/state", headers={"Cookie": f"{cookie('refuse')}; _ga=1; sessionid=2"})
    assert {value.partition("=")[0] for value in door.ask(asked).all("set-cookie")} == {"_ga"}
    assert door.ask(Request("/_consent/state", headers={"Cookie": "_ga=1"})).all("set-cookie") == []


def test_templates_are_told_of_nobody_and_views_that_are_posted_to_of_the_visitor() -> None:
    said: list[tuple[bool, str]] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        page = environ["consent.page"]
        said.append((page.allows("analytics"), page.status))
        start_response("200 OK", [HTML])
        return [f"<!doctype html>{page.banner()}{page.settings_link()}".encode()]

    site = ConsentMiddleware(app, {**SETTINGS, "cache": "shared"}, secret_key=SECRET)

    def ask(method: str, headers: dict[str, str]) -> Answer:
        return call_wsgi(site, Request("/x", method, headers))

    placed = ask("GET", {})
    cookie = call_wsgi(site, Request("/_consent/decision", "POST", FORM, b"action=accept")).cookie()
    assert ask("GET", {"Cookie": str(cookie)}) == placed
    assert re.search(r'<section id="yc" [^>]*hidden>', placed.text)
    ask("POST", {"Cookie": str(cookie)})
    assert said == [(False, "undecided"), (False, "undecided"), (True, "accepted")]
