"""One table of exchanges, through every door."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from doors import DOORS, SETTINGS, Answer, Door, Request, Served, Site

ANALYTICS = '<script async src="https://www.google-analytics.com/analytics.js"></script>'
VIDEO = '<iframe src="https://www.youtube.com/embed/x" width="560" height="315"></iframe>'
STUDY = "<script>fetch('https://study.example.org/hit')</script>"
PAGE = f"<!doctype html><html><head><title>News</title>{ANALYTICS}</head><body><h1>News</h1>{VIDEO}</body></html>"
HTML = ("Content-Type", "text/html; charset=utf-8")

SITE: Site = {
    "/": Served(PAGE.encode()),
    "/stream": Served(tuple(PAGE[at : at + 7].encode() for at in range(0, len(PAGE), 7))),
    "/fr": Served(PAGE.replace("<html>", '<html class="no-js" lang="fr-CA">').encode()),
    "/fr-stream": Served(tuple(PAGE.replace("<html>", "<HTML LANG=fr>")[at : at + 7].encode() for at in range(0, len(PAGE) + 8, 7))),
    "/zh": Served(PAGE.replace("<html>", "<html lang=zh-TW>").encode()),
    "/tlh": Served(PAGE.replace("<html>", "<html lang=tlh>").encode()),
    "/data": Served(b'{"html": "<script src=https://www.google-analytics.com/analytics.js></script>"}', headers=(("Content-Type", "application/json"),)),
    "/feed": Served(PAGE.encode(), headers=(("Content-Type", "application/rss+xml"),)),
    "/download": Served(PAGE.encode(), headers=(HTML, ("Content-Disposition", "attachment; filename=page.html"))),
    "/untyped": Served(PAGE.encode(), headers=()),
    "/moved": Served(b"", 302, headers=(("Location", "/"), ("Content-Type", "text/plain"))),
    "/gone": Served(b"<!doctype html><body><p>Gone.</p>", 410),
    "/gzip": Served(gzip.compress(PAGE.encode()), headers=(HTML, ("Content-Encoding", "gzip"))),
    "/compress": Served(b"\x1f\x9d\x90<script>", headers=(HTML, ("Content-Encoding", "compress"))),
    "/utf16": Served(PAGE.encode("utf-16"), headers=(("Content-Type", "text/html; charset=utf-16"),)),
    "/cached": Served(PAGE.encode(), headers=(HTML, ("ETag", '"v1"'), ("Last-Modified", "Mon, 01 Jun 2026 00:00:00 GMT"), ("Cache-Control", "public, max-age=60"))),
    "/unchanged": Served(b"", 304, headers=(("ETag", '"v1"'),)),
    "/csp": Served(PAGE.encode(), headers=(HTML, ("Content-Security-Policy", "default-src 'self'; script-src 'nonce-abc123'; style-src 'nonce-abc123'"))),
    "/cookies": Served(PAGE.encode(), headers=(HTML, ("Set-Cookie", "sessionid=1; Path=/"), ("Set-Cookie", "_ga=GA1.1; Path=/"), ("Set-Cookie", "_rs_1=x; Path=/"))),
    "/reported": Served(PAGE.encode(), headers=(HTML, ("Report-To", '{"group":"d","max_age":60,"endpoints":[{"url":"https://study.example.org/nel"}]}'), ("NEL", '{"report_to":"d","max_age":60}'))),
    "/data-cookies": Served(b"{}", headers=(("Content-Type", "application/json"), ("Set-Cookie", "_ga=GA1.1; Path=/"))),
}  # fmt: skip

SAME_SITE = {"Sec-Fetch-Site": "same-origin"}
FORM = {"Content-Type": "application/x-www-form-urlencoded", **SAME_SITE}
JSON = {"Content-Type": "application/json", **SAME_SITE}


@pytest.fixture(params=sorted(DOORS))
def door(request: pytest.FixtureRequest) -> Door:
    return DOORS[request.param](SITE, SETTINGS)


@pytest.fixture
def build(request: pytest.FixtureRequest) -> Callable[..., Door]:
    def make(name: str, **changes: Any) -> Door:
        return DOORS[name](SITE, {**SETTINGS, **changes})

    return make


def post(door: Door, body: str, headers: dict[str, str] | None = None, **more: str) -> Answer:
    return door.ask(Request("/_consent/decision", "POST", {**(headers or FORM), **more}, body.encode()))


def accept(door: Door, **more: str) -> str:
    cookie = post(door, "action=accept", **more).cookie()
    assert cookie is not None
    return cookie


# What a page is before and after an answer


def test_before_an_answer_everything_is_held_and_the_banner_is_there(door: Door) -> None:
    answer = door.ask(Request("/"))
    assert answer.status == 200
    assert ' src="https://www.google-analytics.com' not in answer.text
    assert 'data-consent-src="https://www.google-analytics.com/analytics.js"' in answer.text
    assert ' src="https://www.youtube.com' not in answer.text
    assert answer.text.index("<body>") < answer.text.index('value="accept"') < answer.text.index("<h1>News</h1>")
    assert answer.all("set-cookie") == []
    assert door.log.kept == []


def test_a_page_is_kept_from_shared_caches_and_told_apart(door: Door) -> None:
    answer = door.ask(Request("/cached"))
    assert answer.all("cache-control") == ["private, max-age=60"]
    assert answer.header("vary").split(", ")[:2] == ["Cookie", "Sec-GPC"]
    assert "X-Region" in answer.header("vary")
    assert answer.all("last-modified") == []


def test_a_length_that_is_sent_is_the_right_one(door: Door) -> None:
    for path in ("/", "/stream", "/data", "/gzip"):
        answer = door.ask(Request(path))
        assert answer.all("content-length") in ([], [str(len(answer.body))])


def test_a_stream_is_gated_like_a_whole_page(door: Door) -> None:
    whole, streamed = door.ask(Request("/")), door.ask(Request("/stream"))
    assert streamed.text.replace("/stream", "/").replace("%2Fstream", "%2F") == whole.text


def test_accepting_by_form_goes_back_and_wakes_everything(door: Door) -> None:
    answer = post(door, "action=accept&next=/stream")
    assert (answer.status, answer.header("location")) == (303, "/stream")
    assert answer.header("cache-control") == "no-store"
    cookie = answer.cookie()
    assert cookie
    [record] = door.log.kept
    assert (record.kind, record.granted, record.refused) == ("accept_all", ("analytics", "marketing", "research"), ())
    assert (record.method, record.site, record.policy, record.regime) == ("form", "www.example.org", "1", "strict")
    assert record.notice in door.log.notices
    page = door.ask(Request("/", headers={"Cookie": cookie}))
    assert ANALYTICS in page.text
    assert VIDEO in page.text
    assert 'value="accept"' not in page.text
    assert page.all("set-cookie") == []


def test_refusing_is_remembered_and_expires_what_is_there(door: Door) -> None:
    answer = post(door, "action=refuse", Cookie="_ga=1; _ga_XYZ=2; _rs_9=3; sessionid=4")
    cookie = answer.cookie()
    expired = {value.partition("=")[0] for value in answer.all("set-cookie") if "Max-Age=0" in value or "1970" in value}
    assert expired == {"_ga", "_ga_XYZ", "_rs_9"}
    domains = {
        part.strip().lower() for v in answer.all("set-cookie") for part in v.split(";") if "domain=" in part.lower()
    }
    assert "domain=example.org" in domains
    assert cookie
    page = door.ask(Request("/", headers={"Cookie": cookie}))
    assert ANALYTICS not in page.text
    assert 'value="accept"' not in page.text
    assert [(record.kind, record.granted) for record in door.log.kept] == [("refuse_all", ())]


def test_a_refusals_cookie_says_nothing_but_the_day(door: Door) -> None:
    first = post(door, "action=refuse").cookie()
    assert first == post(door, "action=refuse").cookie()
    assert door.ask(Request("/_consent/receipt", headers={"Cookie": str(first)})).status == 404


def test_choosing_by_script_is_answered_with_the_state(door: Door) -> None:
    answer = post(door, '{"action": "save", "purposes": ["analytics"], "surface": "settings"}', JSON)
    state = json.loads(answer.body)
    assert answer.status == 200
    assert (state["granted"], state["asked"], state["status"]) == (["analytics"], False, "custom")
    assert state["withdrawn"] == []
    [record] = door.log.kept
    assert (record.kind, record.method, record.surface) == ("custom", "script", "settings")
    page = door.ask(Request("/", headers={"Cookie": str(answer.cookie())}))
    assert ANALYTICS in page.text
    assert VIDEO not in page.text


def test_withdrawing_takes_back_and_names_the_record_it_replaces(door: Door) -> None:
    cookie = accept(door)
    answer = post(door, '{"action": "withdraw"}', JSON, Cookie=cookie)
    assert json.loads(answer.body)["withdrawn"] == ["analytics", "marketing", "research"]
    agreed, withdrawn = door.log.kept
    assert (withdrawn.kind, withdrawn.prev) == ("withdraw", agreed.id)
    assert ANALYTICS not in door.ask(Request("/", headers={"Cookie": str(answer.cookie())})).text


def test_what_takes_something_away_has_the_browser_forget_what_it_keeps_ahead_and_reports(door: Door) -> None:
    cookie = accept(door)
    for body, forgets in (
        ("action=accept", False),
        ("action=save&purpose=analytics&purpose=marketing", True),
        ("action=refuse", True),
        ("action=save&purpose=analytics", False),
        ("action=withdraw", True),
        ("action=withdraw", False),
    ):
        answer = post(door, body, Cookie=cookie)
        assert answer.all("clear-site-data") == ['"prefetchCache", "prerenderCache"'] * forgets, body
        assert [json.loads(text)["max_age"] for text in answer.all("nel") + answer.all("report-to")] == [0, 0] * forgets
        cookie = str(answer.cookie())


def test_what_was_to_be_reported_to_a_held_host_is_so_no_more(door: Door) -> None:
    held, agreed = (door.ask(Request("/reported", headers=each)) for each in ({}, {"Cookie": accept(door)}))
    for name in ("nel", "report-to"):
        assert [json.loads(text)["max_age"] for text in held.all(name) + agreed.all(name)] == [0, 60]


def test_the_same_answer_twice_is_one_record(door: Door) -> None:
    cookie = accept(door)
    again = post(door, "action=accept", Cookie=cookie)
    assert again.status == 303
    assert len(door.log.kept) == 1


def test_a_receipt_has_the_proof_once_the_record_is_sealed_and_is_a_page_for_people(door: Door) -> None:
    headers = {"Cookie": accept(door)}
    assert json.loads(door.ask(Request("/_consent/receipt", headers=headers)).body)["proof"] is None
    people = {**headers, "Accept": "text/html,application/xhtml+xml;q=0.9"}
    page = door.ask(Request("/_consent/receipt", headers=people))
    assert (page.status, page.header("cache-control")) == (200, "no-store")
    assert "will be sealed soon" in page.text
    door.log.proofs[door.log.kept[0].id] = "c2sp.org/tlog-proof@v1\n<proof>\n"
    assert json.loads(door.ask(Request("/_consent/receipt", headers=headers)).body)["proof"].endswith("<proof>\n")
    page = door.ask(Request("/_consent/receipt", headers=people))
    assert "is sealed" in page.text
    assert door.log.kept[0].id in page.text
    assert "&lt;proof&gt;" in page.text
    nobody = door.ask(Request("/_consent/receipt", headers={"Accept": "text/html"}))
    assert (nobody.status, nobody.header("content-type")) == (404, "text/html; charset=utf-8")
    assert "There is no receipt" in nobody.text


def test_the_receipt_is_the_visitors_own(door: Door) -> None:
    receipt = json.loads(door.ask(Request("/_consent/receipt", headers={"Cookie": accept(door)})).body)
    assert receipt["id"] == door.log.kept[0].id
    assert receipt["granted"] == ["analytics", "marketing", "research"]


def test_a_tampered_cookie_is_asked_again(door: Door) -> None:
    cookie = accept(door)
    for bad in (
        cookie[:-2] + ("A" if cookie[-2] != "A" else "B") + cookie[-1],
        "consent=true",
        "consent=[]",
        "consent=",
        f"consent={'x' * 8192}",
    ):
        page = door.ask(Request("/", headers={"Cookie": bad}))
        assert page.status == 200
        assert 'value="accept"' in page.text
        assert ANALYTICS not in page.text


# The law where the visitor is


def test_under_opt_out_everything_runs_until_refused(door: Door) -> None:
    california = {"X-Region": "US-CA"}
    page = door.ask(Request("/", headers=california))
    assert ANALYTICS in page.text
    assert 'value="refuse"' in page.text
    cookie = post(door, "action=refuse", **california).cookie()
    assert ANALYTICS not in door.ask(Request("/", headers={**california, "Cookie": str(cookie)})).text


def test_gpc_is_honoured_and_said_so_under_california(door: Door) -> None:
    page = door.ask(Request("/", headers={"X-Region": "US-CA", "Sec-GPC": "1"}))
    assert ANALYTICS not in page.text
    assert "Global Privacy Control" in page.text
    assert 'value="accept"' not in page.text
    assert json.loads(door.ask(Request("/.well-known/gpc.json")).body)["gpc"] is True


def test_moving_to_a_stricter_regime_asks_again(door: Door) -> None:
    cookie = accept(door, **{"X-Region": "US-CA"})
    assert ANALYTICS in door.ask(Request("/", headers={"X-Region": "US-CA", "Cookie": cookie})).text
    page = door.ask(Request("/", headers={"X-Region": "FR", "Cookie": cookie}))
    assert ANALYTICS not in page.text
    assert 'value="accept"' in page.text


# When the log fails


def test_without_a_record_nothing_is_granted_and_the_visitor_is_told(door: Door) -> None:
    door.log.available = False
    for headers, body in ((FORM, "action=accept"), (JSON, '{"action": "accept"}')):
        answer = post(door, body, headers)
        assert answer.status == 503
        assert answer.all("set-cookie") == []
    assert json.loads(answer.body) == {"error": "not-saved", "withdrawn": []}


def test_without_a_record_an_agreement_is_not_prolonged_and_keeps_its_proof(door: Door) -> None:
    cookie = accept(door)
    [record] = door.log.kept
    door.log.available = False
    narrowed = post(door, "action=save&purpose=analytics", Cookie=cookie)
    assert narrowed.status == 303
    receipt = json.loads(door.ask(Request("/_consent/receipt", headers={"Cookie": str(narrowed.cookie())})).body)
    assert (receipt["id"], receipt["granted"], receipt["at"]) == (record.id, ["analytics"], record.ts // 1000)
    again = post(door, "action=save&purpose=analytics", Cookie=str(narrowed.cookie()))
    assert again.status == 503


def test_what_runs_until_it_is_refused_is_not_agreed_to_without_a_record(door: Door) -> None:
    door.log.available = False
    assert post(door, "action=accept", **{"X-Region": "US-CA"}).status == 503
    some = post(door, "action=save&purpose=analytics", **{"X-Region": "US-CA"})
    assert some.status == 303
    page = door.ask(Request("/", headers={"Cookie": str(some.cookie()), "X-Region": "US-CA"}))
    assert ANALYTICS in page.text
    assert VIDEO not in page.text


def test_a_refusal_that_was_not_recorded_is_recorded_when_it_is_said_again(door: Door) -> None:
    door.log.available = False
    refused = str(post(door, "action=refuse").cookie())
    door.log.available = True
    again = post(door, "action=refuse", Cookie=refused)
    assert [record.kind for record in door.log.kept] == ["refuse_all"]
    post(door, "action=refuse", Cookie=str(again.cookie()))
    assert len(door.log.kept) == 1


def test_nobody_agrees_to_a_policy_that_their_page_did_not_show(door: Door) -> None:
    overtaken = post(door, "action=accept&policy=0&next=/a")
    assert (overtaken.status, overtaken.all("set-cookie")) == (303, [])
    assert overtaken.header("location").startswith("/_consent/settings?next=")
    scripted = post(door, '{"action": "accept", "policy": "0"}', JSON)
    assert (scripted.status, json.loads(scripted.body)) == (409, {"error": "another-policy"})
    assert door.log.kept == []
    assert post(door, "action=refuse&policy=0").cookie()
    assert post(door, "action=accept&policy=1").cookie()


def test_the_record_names_the_language_that_was_shown(door: Door) -> None:
    post(door, "action=refuse&lang=fr", **{"Accept-Language": "de"})
    post(door, "action=accept&lang=tlh", **{"Accept-Language": "de"})
    assert [record.lang for record in door.log.kept] == ["fr", "de"]


def spoken(answer: Answer) -> set[str]:
    """The languages of the banner, the settings page, their forms, their script and the foot of the page."""
    tags = re.findall(r'<(?:section|dialog|p) id="yc[^>]*? lang="([^"]*)"|<html[^>]* lang="([^"]*)" dir', answer.text)
    fields = re.findall(r'name="lang" value="([^"]*)"|"lang": ?"([^"]*)"', answer.text)
    return {found for pair in (*tags, *fields) for found in pair if found}


@pytest.mark.parametrize(("path", "language"), [("/fr", "fr"), ("/fr-stream", "fr"), ("/zh", "zh-Hant"), ("/", "de")])
def test_the_banner_is_in_the_language_of_the_page_else_in_the_browsers(door: Door, path: str, language: str) -> None:
    answer = door.ask(Request(path, headers={"Accept-Language": "de"}))
    assert spoken(answer) == {language}
    assert "Accept-Language" in answer.header("vary")


def test_a_page_in_a_language_that_we_have_not_is_asked_in_the_browsers(door: Door) -> None:
    assert spoken(door.ask(Request("/tlh", headers={"Accept-Language": "de"}))) == {"de"}


def test_a_fixed_language_goes_before_the_pages(build: Callable[..., Door]) -> None:
    for name in sorted(DOORS):
        fixed = build(name, language="pt-br")
        assert spoken(fixed.ask(Request("/fr", headers={"Accept-Language": "de"}))) == {"pt-BR"}


def test_a_page_that_is_everybodys_is_asked_in_its_own_language(build: Callable[..., Door]) -> None:
    shared = build("wsgi", cache="shared")
    pages = [shared.ask(Request("/fr", headers={"Accept-Language": asked})) for asked in ("de", "ar")]
    assert [spoken(page) for page in pages] == [{"fr"}, {"fr"}]
    assert pages[0].body == pages[1].body


def test_who_has_answered_is_told_in_the_pages_language_where_the_settings_are(door: Door) -> None:
    cookie = accept(door)
    answer = door.ask(Request("/fr", headers={"Accept-Language": "de", "Cookie": cookie}))
    assert "Paramètres des cookies" in answer.text


def test_the_settings_are_in_the_language_of_the_page_that_leads_to_them(door: Door) -> None:
    german = {"Accept-Language": "de"}
    assert spoken(door.ask(Request("/_consent/settings?next=/fr&lang=fr", headers=german))) == {"fr"}
    assert spoken(door.ask(Request("/_consent/settings?next=/fr&lang=tlh", headers=german))) == {"de"}
    overtaken = post(door, "action=accept&policy=0&next=/a&lang=fr")
    assert overtaken.header("location").endswith("&lang=fr")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Origin": "http://["}, "action=accept"),
        ({"Origin": "http://\u2100.example".encode().decode("latin-1")}, "action=accept"),
    ],
)
def test_an_origin_that_is_none_is_refused(door: Door, headers: dict[str, str], body: str) -> None:
    form = {"Content-Type": FORM["Content-Type"]}
    assert post(door, body, {**form, **headers}).status == 403
    assert door.log.kept == []


def test_odd_addresses_lead_back_to_the_front_page(door: Door) -> None:
    assert post(door, "action=refuse", Referer="http://[").header("location") == "/"
    answer = post(door, '{"action": "refuse", "next": "/\\ud800"}', JSON)
    assert answer.status == 200


def test_ending_cookies_leaves_room_for_the_answer(door: Door) -> None:
    many = "; ".join(f"_ga_{number}=1" for number in range(150))
    answer = post(door, "action=refuse", Cookie=many)
    assert answer.cookie()
    assert sum(map(len, answer.all("set-cookie"))) < 4096
    page = door.ask(Request("/", headers={"Cookie": f"{answer.cookie()}; {many}"}))
    assert 1 < len(page.all("set-cookie")) < 60


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Dest": "empty", "Sec-Purpose": "prefetch"},
        {"Sec-Fetch-Dest": "document"},
        {},
    ],
    ids=str,
)
def test_a_page_for_the_visitor_asks_however_it_is_fetched(door: Door, headers: dict[str, str]) -> None:
    assert 'value="accept"' in door.ask(Request("/", headers=headers)).text


def test_a_script_is_told_what_was_taken_back_although_it_could_not_be_saved(door: Door) -> None:
    cookie = post(door, '{"action": "save", "purposes": ["analytics"]}', JSON).cookie()
    door.log.available = False
    answer = post(door, '{"action": "save", "purposes": ["marketing"]}', JSON, Cookie=str(cookie))
    reply = json.loads(answer.body)
    assert (answer.status, reply["error"], reply["withdrawn"]) == (503, "not-saved", ["analytics"])
    assert [args[2]["analytics_storage"] for _, to, args in reply["now"] if to == "dataLayer"] == ["denied"]
    page = door.ask(Request("/", headers={"Cookie": str(answer.cookie())}))
    assert ANALYTICS not in page.text
    assert VIDEO not in page.text
    assert 'role="alert">' in door.ask(Request("/_consent/settings?failed=1")).text


def test_what_a_tracker_wrote_while_its_page_was_left_ends_with_the_next_page(door: Door) -> None:
    refused = post(door, "action=refuse").cookie()
    page = door.ask(Request("/", headers={"Cookie": f"{refused}; _ga=1; sessionid=2"}))
    assert {value.partition("=")[0] for value in page.all("set-cookie")} == {"_ga"}
    # Who has not answered keeps what is there from before.
    assert door.ask(Request("/", headers={"Cookie": "_ga=1"})).all("set-cookie") == []


def test_a_refusal_is_honoured_even_without_a_record(door: Door) -> None:
    cookie = accept(door)
    door.log.available = False
    answer = post(door, "action=refuse", Cookie=cookie)
    assert answer.status == 303
    assert ANALYTICS not in door.ask(Request("/", headers={"Cookie": str(answer.cookie())})).text


def test_without_a_record_a_change_only_takes_away(door: Door) -> None:
    cookie = post(door, "action=save&purpose=analytics").cookie()
    door.log.available = False
    answer = post(door, "action=save&purpose=marketing", Cookie=str(cookie))
    assert answer.status == 503
    page = door.ask(Request("/", headers={"Cookie": str(answer.cookie())}))
    assert ANALYTICS not in page.text
    assert VIDEO not in page.text


# What is not a page


@pytest.mark.parametrize("path", ["/data", "/feed", "/download"])
def test_what_is_no_page_leaves_untouched(door: Door, path: str) -> None:
    answer = door.ask(Request(path))
    assert answer.body == SITE[path].chunks[0]
    assert answer.all("vary") == []


def test_an_answer_without_a_type_is_gated_since_browsers_guess(door: Door) -> None:
    answer = door.ask(Request("/untyped", valid=False))
    assert ANALYTICS not in answer.text


def test_an_error_page_is_a_page_and_a_redirect_is_none(door: Door) -> None:
    gone = door.ask(Request("/gone"))
    assert gone.status == 410
    assert 'value="accept"' in gone.text
    moved = door.ask(Request("/moved"))
    assert (moved.status, moved.body, moved.header("location")) == (302, b"", "/")


def test_head_has_the_headers_of_get_and_no_body(door: Door) -> None:
    got, head = door.ask(Request("/cached")), door.ask(Request("/cached", "HEAD"))
    assert (head.status, head.body) == (200, b"")
    for name in ("cache-control", "vary", "etag", "content-type"):
        assert head.all(name) == got.all(name)
    assert head.all("content-length") in ([], got.all("content-length"))


def test_a_compressed_page_is_gated(door: Door) -> None:
    answer = door.ask(Request("/gzip", headers={"Accept-Encoding": "gzip"}))
    assert answer.header("content-encoding") == "gzip"
    text = gzip.decompress(answer.body).decode()
    assert 'value="accept"' in text
    assert ANALYTICS not in text


@pytest.mark.parametrize("path", ["/compress", "/utf16"])
def test_a_page_that_cannot_be_read_can_reach_nobody_else(door: Door, path: str) -> None:
    answer = door.ask(Request(path))
    assert answer.body == SITE[path].chunks[0]
    assert answer.header("content-security-policy").startswith("default-src 'none'")


def test_a_piece_of_a_page_is_gated_and_gets_no_banner(door: Door) -> None:
    for headers in (
        {"HX-Request": "true"},
        {"Turbo-Frame": "x"},
        {"Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Dest": "iframe"},
    ):
        answer = door.ask(Request("/", headers=headers))
        assert 'value="accept"' not in answer.text
        assert ANALYTICS not in answer.text


def test_a_page_under_a_nonce_policy_gets_our_elements_with_its_nonce(door: Door) -> None:
    answer = door.ask(Request("/csp"))
    assert 'nonce="abc123"' in answer.text


# Cookies of the application


def test_cookies_of_held_purposes_do_not_leave(door: Door) -> None:
    held = door.ask(Request("/cookies")).all("set-cookie")
    assert [value.partition("=")[0] for value in held] == ["sessionid"]
    assert door.ask(Request("/data-cookies")).all("set-cookie") == []
    cookie = accept(door)
    sent = door.ask(Request("/cookies", headers={"Cookie": cookie})).all("set-cookie")
    assert {value.partition("=")[0] for value in sent} == {"sessionid", "_ga", "_rs_1"}


# Validators


def test_a_page_is_not_revived_across_a_change_of_consent(door: Door) -> None:
    undecided = door.ask(Request("/cached")).header("etag")
    decided = door.ask(Request("/cached", headers={"Cookie": accept(door)})).header("etag")
    assert undecided.startswith('"v1;c=')
    assert undecided != decided
    same = door.ask(Request("/unchanged", headers={"If-None-Match": undecided}))
    assert (same.status, same.header("etag")) == (304, undecided)


@pytest.mark.parametrize(
    "changed",
    [
        {"theme": "bold"},
        {"texts": {"en": {"title": "Your choice"}}},
        {"privacy_url": "/other"},
        {"strict": True},
        {"undeclared": "allow"},
        {"services": {**SETTINGS["services"], "youtube": {"hosts": ["videos.example.net"]}}},
        {"purposes": {"research": {"title": "Research", "text": "Which articles are begun."}}},
    ],
    ids=str,
)
def test_a_page_is_not_revived_across_a_change_of_settings(changed: dict[str, Any]) -> None:
    """The policy's version, which the owner has set, says nothing of them: what is held and said would be of yesterday."""
    settings = {**SETTINGS, "policy": "2026-11"}
    before, after, again = (DOORS["wsgi"](SITE, each) for each in (settings, {**settings, **changed}, settings))
    tag = before.ask(Request("/cached")).header("etag")
    assert after.ask(Request("/cached")).header("etag") != tag
    assert again.ask(Request("/cached")).header("etag") == tag


# What the library answers itself


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://www.example.org.evil.example"}, 403),
        ({"Origin": "http://www.example.org"}, 303),
        ({"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}, 303),
        ({}, 303),
    ],
    ids=str,
)
def test_only_this_site_may_post_a_decision(door: Door, headers: dict[str, str], status: int) -> None:
    answer = post(door, "action=accept", {"Content-Type": FORM["Content-Type"], **headers})
    assert answer.status == status
    assert (answer.cookie() is None) == (status == 403)
    assert len(door.log.kept) == (status == 303)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("", FORM, 400),
        ("action=", FORM, 400),
        ("action=delete", FORM, 400),
        ("action=accept&action=refuse", FORM, 400),
        ("action=save&purpose=everything", FORM, 400),
        ("action=accept&pad=" + "x" * 4096, FORM, 413),
        ("action=accept", {**FORM, "Content-Type": "text/plain"}, 415),
        ("action=accept", {**FORM, "Content-Type": "multipart/form-data"}, 415),
        ("not json", JSON, 400),
        ("[]", JSON, 400),
        ('{"action": true}', JSON, 400),
        ('{"action": "save", "purposes": "analytics"}', JSON, 400),
        ('{"action": "save", "purposes": [1]}', JSON, 400),
        ("[" * 4000, JSON, 400),
        ("\xff", FORM, 400),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_decision_is_refused_and_changes_nothing(
    door: Door, body: str, headers: dict[str, str], status: int
) -> None:
    answer = post(door, body, headers)
    assert answer.status == status
    assert answer.all("set-cookie") == []
    assert door.log.kept == []


@pytest.mark.parametrize(
    ("next_", "location"),
    [
        ("/a?b=c%26d", "/a?b=c&d"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/%5Cevil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a%0d%0aSet-Cookie:%20x=y", "/"),
        ("", "/"),
    ],
)
def test_a_visitor_is_sent_back_to_this_site_only(door: Door, next_: str, location: str) -> None:
    assert post(door, f"action=refuse&next={next_}").header("location") == location


def test_a_form_without_a_next_goes_back_to_the_page_it_was_on(door: Door) -> None:
    assert post(door, "action=refuse", Referer="http://www.example.org/stream?x=1").header("location") == "/stream?x=1"
    assert post(door, "action=refuse", Referer="http://evil.example/stream").header("location") == "/"


def test_getting_never_changes_state(door: Door) -> None:
    answer = door.ask(Request("/_consent/decision?action=accept"))
    assert (answer.status, answer.header("allow")) == (405, "POST")
    assert answer.all("set-cookie") == []
    assert door.ask(Request("/_consent/settings", "POST", FORM, b"action=accept")).status == 405


def test_what_is_under_the_prefix_is_ours(door: Door) -> None:
    assert door.ask(Request("/_consent/nothing")).status == 404
    state = json.loads(door.ask(Request("/_consent/state")).body)
    assert (state["asked"], state["granted"]) == (True, [])
    declared = json.loads(door.ask(Request("/_consent/declaration.json")).body)
    assert [service["name"] for service in declared["services"]] == ["google-analytics", "youtube", "own-study"]
    page = door.ask(Request("/_consent/settings?next=/stream"))
    assert page.status == 200
    assert 'name="purpose"' in page.text
    assert "checked" not in page.text
    assert "/stream" in page.text


def test_the_assets_are_immutable_under_their_hash(door: Door) -> None:
    page = door.ask(Request("/_consent/settings")).text
    start = page.index("/_consent/consent.css")
    path = page[start : page.index('"', start)]
    asset = door.ask(Request(path))
    assert asset.header("content-type").startswith("text/css")
    assert "immutable" in asset.header("cache-control")
    assert "immutable" not in door.ask(Request("/_consent/consent.css")).header("cache-control")
    assert door.ask(Request(path, headers={"If-None-Match": asset.header("etag")})).status == 304
    assert door.ask(Request(path, "HEAD")).body == b""


def test_on_https_the_cookie_is_bound_to_the_host(door: Door) -> None:
    answer = door.ask(Request("/_consent/decision", "POST", {**FORM, "X-Scheme": "https"}, b"action=accept"))
    [written] = [value for value in answer.all("set-cookie") if value.startswith("__Host-consent=")]
    assert written.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")
    page = door.ask(Request("/", headers={"X-Scheme": "https", "Cookie": written.partition(";")[0]}))
    assert ANALYTICS in page.text


@pytest.mark.parametrize("name", sorted(DOORS))
def test_every_door_starts_with_a_clear_error_for_a_wrong_setting(name: str, build: Callable[..., Door]) -> None:
    from consent.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match="google-analytics"):
        build(name, services=["google-analitics"])
