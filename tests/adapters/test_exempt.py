"""What is exempt, and what is sensitive, through every door: what the page is, what is kept, what follows a visitor."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from doors import DOORS, SETTINGS, Answer, Door, Request, Served, Site

COUNT = '<script src="https://stats.example.net/count.js"></script>'
VIDEO = '<iframe src="https://www.youtube.com/embed/x"></iframe>'
CLINIC = '<script src="https://clinic.example.net/advice.js"></script>'
SITE: Site = {"/": Served(f"<!doctype html><body>{COUNT}{CLINIC}{VIDEO}".encode())}
EXEMPT = {
    "by": ["cnil", "us-processor"],
    "contract": True,
    **dict.fromkeys(("alone", "anonymous", "no_matching", "one_site", "informed", "not_renewed"), True),
    "cookie_days": 390,
    "data_months": 25,
}
COUNTER = {"purposes": ["statistics"], "hosts": ["stats.example.net"], "cookies": ["visit"], "exempt": EXEMPT}
LAWS: dict[str, Any] = {
    **SETTINGS,
    "services": {
        "counter": COUNTER,
        "youtube": {},
        "clinic": {"purposes": ["health"], "hosts": ["clinic.example.net"]},
    },
    "purposes": {"health": {"title": "Advice", "text": "Which illnesses you read about.", "sensitive": True}},
}
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
FR, DE, CH, US = ({"X-Region": region} for region in ("FR", "DE", "CH", "US-CA"))


@pytest.fixture(params=sorted(DOORS))
def door(request: pytest.FixtureRequest) -> Door:
    return DOORS[request.param](SITE, LAWS)


def page(door: Door, law: dict[str, str], cookie: str | None = None) -> str:
    return door.ask(Request("/", headers={**law, **({"Cookie": cookie} if cookie else {})})).text


def post(door: Door, body: str, law: dict[str, str], **more: str) -> Answer:
    return door.ask(Request("/_consent/decision", "POST", {**FORM, **law, **more}, body.encode()))


def test_what_is_exempt_runs_in_france_before_an_answer_and_elsewhere_it_waits(door: Door) -> None:
    assert COUNT in page(door, FR)
    assert VIDEO not in page(door, FR)
    assert 'value="accept"' in page(door, FR), "the rest is asked for"
    assert COUNT not in page(door, DE)


def test_the_settings_tick_it_and_an_objection_is_kept_and_bites(door: Door) -> None:
    shown = door.ask(Request("/_consent/settings", headers=FR)).text
    assert 'value="statistics" autocomplete="off" checked' in shown
    assert 'value="marketing" autocomplete="off" checked' not in shown
    answer = post(door, "action=save&surface=settings&purpose=marketing", FR, Cookie="visit=1")
    assert any(text.startswith("visit=;") for text in answer.all("set-cookie")), "what it left ends"
    assert COUNT not in page(door, FR, answer.cookie())
    assert VIDEO in page(door, FR, answer.cookie())
    [record] = door.log.kept
    assert (record.granted, record.refused) == (("marketing",), ("health", "statistics"))


def test_a_record_says_what_was_agreed_to_and_never_that_what_is_exempt_was(door: Door) -> None:
    post(door, "action=accept&surface=banner", FR)
    [record] = door.log.kept
    assert (record.kind, record.granted, record.refused) == ("accept_all", ("health", "marketing"), ())


def test_leaving_alone_what_is_exempt_is_no_agreement_and_its_cookie_tracks_nobody(door: Door) -> None:
    cookies = {post(door, "action=save&surface=settings&purpose=statistics", FR).cookie() for _ in range(2)}
    assert len(cookies) == 1
    [cookie] = cookies
    assert COUNT in page(door, FR, cookie)
    assert door.ask(Request("/_consent/receipt", headers={**FR, "Cookie": str(cookie)})).status == 404
    assert {(record.kind, record.granted, record.refused) for record in door.log.kept} == {
        ("refuse_all", (), ("health", "marketing"))
    }


def test_refusing_on_the_banner_refuses_it_as_well(door: Door) -> None:
    cookie = post(door, "action=refuse&surface=banner", FR).cookie()
    assert COUNT not in page(door, FR, cookie)
    assert 'value="accept"' not in page(door, FR, cookie)
    assert door.log.kept[0].kind == "refuse_all"


def test_without_a_record_an_objection_bites_all_the_same(door: Door) -> None:
    door.log.available = False
    cookie = post(door, "action=refuse", FR).cookie()
    assert COUNT not in page(door, FR, cookie)
    # Leaving it alone and refusing the rest grants nothing: it is honoured as well.
    left = post(door, "action=save&purpose=statistics", FR)
    assert left.status == 303
    assert 'value="accept"' not in page(door, FR, left.cookie())
    assert post(door, "action=accept", FR).status == 503


@pytest.mark.parametrize("law", [FR, US])
def test_an_objection_to_what_is_exempt_does_not_end_because_its_cookie_does(
    door: Door, law: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    objected = post(door, "action=save&surface=settings&purpose=health&purpose=marketing", law)
    cookie = objected.cookie()
    [written] = [text for text in objected.all("set-cookie") if text.startswith(str(cookie))]
    assert "Max-Age=34560000" in written
    later = time.time() + 380 * 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    answer = door.ask(Request("/", headers={**law, "Cookie": str(cookie)}))
    assert COUNT not in answer.text
    assert answer.cookie() == cookie, "it is kept for longer, as it is"


def test_without_a_record_what_was_not_asked_does_not_become_an_agreement(door: Door) -> None:
    """Accepted in France, lessened in Switzerland while the log is away: in Germany nobody has agreed to be counted."""
    cookie = post(door, "action=accept", FR).cookie()
    door.log.available = False
    left = post(door, "action=save&purpose=statistics&purpose=marketing", CH, Cookie=str(cookie)).cookie()
    assert COUNT in page(door, CH, left)
    assert COUNT not in page(door, DE, left)
    only = post(door, "action=save&purpose=statistics", CH, Cookie=str(cookie)).cookie()
    assert COUNT in page(door, CH, only)
    assert VIDEO not in page(door, CH, only)
    assert COUNT not in page(door, DE, only)


def test_a_receipt_names_what_was_agreed_to_as_the_record_does(door: Door) -> None:
    cookie = post(door, "action=save&purpose=statistics&purpose=marketing", FR).cookie()
    receipt = json.loads(door.ask(Request("/_consent/receipt", headers={**FR, "Cookie": str(cookie)})).text)
    assert tuple(receipt["granted"]) == door.log.kept[0].granted == ("marketing",)


def test_who_moves_to_where_it_is_not_exempt_is_asked(door: Door) -> None:
    cookie = post(door, "action=accept", FR).cookie()
    assert COUNT in page(door, FR, cookie)
    moved = page(door, DE, cookie)
    assert COUNT not in moved
    assert 'value="accept"' in moved
    agreed = post(door, "action=accept", DE, Cookie=str(cookie)).cookie()
    assert COUNT in page(door, DE, agreed)


def test_the_signal_objects_where_it_binds(door: Door) -> None:
    assert COUNT in page(door, US)
    assert COUNT not in page(door, {**US, "Sec-GPC": "1"})


def test_what_is_sensitive_is_agreed_to_by_name_alone(door: Door) -> None:
    assert CLINIC not in page(door, CH)
    assert VIDEO in page(door, CH)
    assert CLINIC not in page(door, CH, post(door, "action=accept&surface=banner", CH).cookie())
    assert CLINIC in page(door, CH, post(door, "action=save&surface=settings&purpose=health", CH).cookie())
    # Where the banner asks for everything, accepting is an agreement to everything.
    assert CLINIC in page(door, DE, post(door, "action=accept&surface=banner", DE).cookie())


def test_where_nothing_is_left_to_ask_there_is_no_banner_and_a_link_to_object() -> None:
    door = DOORS["wsgi"](SITE, {**SETTINGS, "services": {"counter": COUNTER}, "purposes": {}})
    french = page(door, FR)
    assert COUNT in french
    assert 'value="accept"' not in french
    assert "/_consent/settings" in french
    assert 'value="accept"' in page(door, DE)


def test_a_page_that_caches_share_holds_it_and_each_visitors_script_learns_of_it() -> None:
    door = DOORS["wsgi"](SITE, {**LAWS, "cache": "shared"})
    assert page(door, FR) == page(door, DE)
    assert COUNT not in page(door, FR)
    for law, granted in ((FR, ["statistics"]), (DE, [])):
        assert json.loads(door.ask(Request("/_consent/state", headers=law)).text)["granted"] == granted


def test_an_account_carries_an_objection_and_makes_no_agreement_of_what_was_not_asked() -> None:
    door = DOORS["wsgi"](SITE, {**LAWS, "account": "header:X-User"})
    ada = {"X-User": "ada"}
    post(door, "action=accept", {**FR, **ada})
    assert COUNT in page(door, {**FR, **ada}), "on another device"
    german = page(door, {**DE, **ada})
    assert COUNT not in german
    assert 'value="accept"' in german
    post(door, "action=save&surface=settings&purpose=statistics", {**FR, **ada})
    assert COUNT in page(door, {**FR, **ada})
    assert VIDEO not in page(door, {**FR, **ada})
    post(door, "action=save&surface=settings&purpose=marketing", {**FR, **ada})
    assert COUNT not in page(door, {**FR, **ada})
    assert COUNT in page(door, FR), "who is not signed in has not objected"
