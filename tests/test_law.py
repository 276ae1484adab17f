"""What laws and standards ask for that no other test says: docs/compliance.md names each of these."""

from __future__ import annotations

import json
import logging
import re
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from doors import DOORS, SETTINGS, Answer, Door, Request, Served, Site

import consent.site
from consent.banner.look import Look
from consent.banner.text import LANGUAGES, Words
from consent.errors import ConfigurationError
from consent.policy.plain import vague
from consent.policy.policy import BUILT_IN_PURPOSES, Policy, Purpose
from consent.policy.regime import PRESETS, add_months
from consent.policy.settings import read_settings
from consent.visitor.cookie import DecisionCookie
from consent.visitor.decision import MOST_CHOICES, Decision, Tie, Visitor
from consent.visitor.signal import Signals

KEY = "f3qH-0tXz9vLm2Ws8Kd1"
SOURCE = Path(consent.site.__file__).parent
ANALYTICS = '<script async src="https://www.google-analytics.com/analytics.js"></script>'
ARTICLE = "<h1>News</h1><p>All of it can be read.</p>"
PAGE = f"<!doctype html><html><head><title>News</title>{ANALYTICS}</head><body>{ARTICLE}</body></html>"
SITE: Site = {path: Served(PAGE.encode()) for path in ("/", "/second", "/third")}
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
FRANCE, CALIFORNIA = {"X-Region": "FR"}, {"X-Region": "US-CA"}


@pytest.fixture(scope="module")
def door() -> Door:
    return DOORS["wsgi"](SITE, {**SETTINGS, "services": {"google-analytics": {}}, "purposes": {}})


def page(door: Door, path: str = "/", **headers: str) -> str:
    return door.ask(Request(path, headers=headers)).text


def decide(door: Door, action: str, law: dict[str, str]) -> str:
    answer = door.ask(Request("/_consent/decision", "POST", {**FORM, **law}, f"action={action}".encode()))
    return str(answer.cookie())


# The European Union


def test_going_on_without_an_answer_is_no_agreement(door: Door) -> None:
    """Browsing on, scrolling and leaving the banner alone send no decision: nothing else is one."""
    for path in ("/", "/second", "/third", "/") * 3:
        answer = door.ask(Request(path, headers={**FRANCE, "Referer": "https://www.example.org/second"}))
        assert ANALYTICS not in answer.text
        assert 'value="accept"' in answer.text
        assert answer.all("set-cookie") == []


@pytest.mark.parametrize("law", [FRANCE, CALIFORNIA, {"X-Region": "CH"}])
def test_a_link_to_the_settings_is_on_every_page_before_and_after_an_answer(door: Door, law: dict[str, str]) -> None:
    cookies = ["", decide(door, "accept", law), decide(door, "refuse", law)]
    for path in SITE:
        for cookie in cookies:
            assert f'href="//www.example.org/_consent/settings?next={path}' in page(door, path, **law, Cookie=cookie)


def test_who_refuses_is_served_all_there_is_to_read(door: Door) -> None:
    refused = page(door, **FRANCE, Cookie=decide(door, "refuse", FRANCE))
    assert ARTICLE in refused
    assert 'value="accept"' not in refused


@pytest.mark.parametrize(
    "setting",
    ["legitimate_interest", "legal_basis", "legitimate_interests", "basis"],
)
def test_legitimate_interest_is_no_setting(setting: str) -> None:
    """Nothing can be stored or read on that ground: a purpose is necessary, exempt by name, or asked for."""
    for wrong in (
        {setting: True},
        {"purposes": {"analytics": {setting: "legitimate interest"}}},
        {"services": {"matomo": {setting: True}}},
    ):
        with pytest.raises(ConfigurationError, match="unknown setting"):
            read_settings(wrong, keys=KEY)


@pytest.mark.parametrize(
    "text",
    [
        "We use cookies to improve your experience.",
        "To give you the best possible user experience.",
        "For a more personalised browsing experience.",
        "Pour améliorer votre expérience sur ce site.",
        "Um Ihr Nutzungserlebnis zu verbessern.",
        "Wir verbessern damit Ihr Surferlebnis.",
        "Para mejorar su experiencia de navegación.",
        "Per migliorare la tua esperienza.",
        "Para melhorar a sua experiência.",
        "Om uw gebruikservaring te verbeteren.",
    ],
)
def test_a_purpose_that_says_nothing_is_told_to_the_operator(text: str, caplog: pytest.LogCaptureFixture) -> None:
    own = {"purposes": {"comfort": {"title": "Comfort", "text": text}}}
    DOORS["wsgi"](SITE, {**SETTINGS, "purposes": {**SETTINGS["purposes"], **own["purposes"]}})
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert any("the purpose 'comfort' says" in line for line in told)


def test_words_of_the_sites_own_for_a_built_in_purpose_are_read_too(caplog: pytest.LogCaptureFixture) -> None:
    texts = {"de": {"purpose.analytics.text": "Wir optimieren Ihr Online-Erlebnis."}}
    DOORS["wsgi"](SITE, {**SETTINGS, "texts": texts})
    assert "the purpose 'analytics' says 'optimieren Ihr Online-Erlebnis'" in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "Counts visits and measures which pages are read.",
        "Asks readers about their experience with the new map, and stores the answers.",
        "Kundinnen berichten von ihrer Erfahrung mit unseren Kursen.",
    ],
)
def test_a_purpose_that_says_what_is_done_is_not_told_of(text: str) -> None:
    assert list(vague(Policy.of([Purpose("own", "Own", text)]), {})) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_our_own_words_for_purposes_say_what_is_done(language: str) -> None:
    policy = Policy.of(map(Purpose, BUILT_IN_PURPOSES))
    words = Words(Look(policy), language)
    own = Policy.of([replace(purpose, text=words.text(purpose)) for purpose in policy.purposes])
    assert list(vague(own, {})) == []


# California and the signal


def test_the_site_says_that_it_honours_the_signal_and_since_when(door: Door) -> None:
    answer = door.ask(Request("/.well-known/gpc.json"))
    assert (answer.status, answer.header("content-type")) == (200, "application/json")
    said = json.loads(answer.body)
    assert said.keys() == {"gpc", "lastUpdate"}
    assert said["gpc"] is True
    assert date.fromisoformat(said["lastUpdate"]) <= datetime.now(UTC).date()


def test_in_california_a_link_of_that_name_leads_to_the_choices(door: Door) -> None:
    for headers in (CALIFORNIA, {**CALIFORNIA, "Sec-GPC": "1"}, {"X-Region": "US"}):
        assert ">Your Privacy Choices<" in page(door, **headers)
    assert ">Your Privacy Choices<" not in page(door, **FRANCE)


@pytest.mark.parametrize(
    ("value", "on"),
    [
        ("1", True),
        ("0,1", True),
        ("1, 1", True),
        (" 1 ", True),
        *((text, False) for text in ("0", "true", "11", "", "1;", '"1"', "?1")),
    ],
)
def test_the_signal_is_on_only_where_a_value_is_exactly_one(door: Door, value: str, on: bool) -> None:
    assert (ANALYTICS not in page(door, **CALIFORNIA, **{"Sec-GPC": value})) is on


NOW = int(datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp())
POLICY = Policy.of([Purpose("necessary"), Purpose("analytics"), Purpose("marketing")], version="1")
REFUSED = Decision(frozenset(), policy="1", model="opt-out", at=NOW - NOW % 86_400)


@pytest.mark.parametrize("regime", ["us-ca", "us-uoom", "us-other"])
def test_who_opted_out_is_not_asked_again_for_twelve_months(regime: str) -> None:
    def asked(now: int) -> bool:
        return Visitor(POLICY, PRESETS[regime], Signals(), REFUSED, now).asked

    end = add_months(REFUSED.at, 12)
    assert datetime.fromtimestamp(end, UTC).date() == date(2027, 11, 26)
    assert not any(asked(now) for now in (NOW, NOW + 200 * 86_400, end - 1))
    assert asked(end)


def test_what_was_opted_out_of_does_not_run_again_because_a_year_has_passed(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After twelve months the visitor may be asked again; until they answer, the objection stands."""
    request = Request("/_consent/decision", "POST", {**FORM, **CALIFORNIA}, b"action=refuse")
    [written] = door.ask(request).all("set-cookie")
    assert "Max-Age=34560000" in written
    cookie = written.partition(";")[0]

    def later(days: int, **law: str) -> Answer:
        with monkeypatch.context() as patch:
            now = time.time() + days * 86_400
            patch.setattr(time, "time", lambda: now)
            return door.ask(Request("/", headers={**law, "Cookie": cookie}))

    for days, asked in ((0, False), (20, False), (40, False), (370, True), (1000, True)):
        answer = later(days, **CALIFORNIA)
        assert ANALYTICS not in answer.text, days
        assert ('value="refuse"' in answer.text) is asked
        # A cookie that would go is kept for longer, as it is: nobody is asked later for it.
        assert [text.partition(";")[0] for text in answer.all("set-cookie")] == ([cookie] if days >= 40 else [])
    # What a page fetches could be answered after a choice that is made in it: the older answer must not come back.
    for destination in ("iframe", "empty"):
        assert later(40, **CALIFORNIA, **{"Sec-Fetch-Dest": destination}).all("set-cookie") == []
    assert later(40, **FRANCE).all("set-cookie") == [], "where nothing runs without an agreement, nothing is prolonged"


def test_in_california_leaving_the_banner_alone_is_no_agreement(door: Door) -> None:
    """What runs until it is refused runs; nothing is recorded as agreed to."""
    kept = len(door.log.kept)
    for path in SITE:
        answer = door.ask(Request(path, headers=CALIFORNIA))
        assert answer.all("set-cookie") == []
        assert 'value="refuse"' in answer.text
    assert len(door.log.kept) == kept
    # And who signalled is out, however often the banner is left alone.
    assert ANALYTICS not in page(door, **CALIFORNIA, **{"Sec-GPC": "1"})


# By country


@pytest.mark.parametrize("region", ["CA-QC", "CA", "BR", "IN", "KR", "ZA", "GB", "DE", "IT", "ES", "NL"])
def test_what_is_asked_for_first_is_off_until_then(door: Door, region: str) -> None:
    held = page(door, **{"X-Region": region})
    assert ANALYTICS not in held
    assert 'value="accept"' in held
    assert 'value="refuse"' in held


@pytest.mark.parametrize("region", ["CH", "CA-ON", "JP", "US-TX", "US-FL"])
def test_what_runs_until_it_is_refused_stops_then(door: Door, region: str) -> None:
    law = {"X-Region": region}
    before = page(door, **law)
    assert ANALYTICS in before
    assert 'value="refuse"' in before
    assert ANALYTICS not in page(door, **law, Cookie=decide(door, "refuse", law))


# Cookies


def test_an_answer_to_as_many_purposes_as_there_can_be_fits_a_cookie() -> None:
    """Names and values of up to 4096 bytes are kept (RFC 6265bis, 5.7)."""
    names = [f"{number:03}".translate(str.maketrans("0123456789", "abcdefghij")).ljust(32, "x") for number in range(63)]
    everything = Decision(
        frozenset(names),
        policy="p" * 64,
        model="opt-out",
        at=NOW,
        gpc=True,
        record="a" * 32,
        leaf="b" * 64,
        tie=Tie("c" * 16, MOST_CHOICES),
        unasked=frozenset(names[1:]),
    )
    cookie = DecisionCookie([KEY.encode()], name="n" * 64)
    written = cookie.write(everything, secure=True, max_age=10**9)
    name_and_value, *attributes = written.split("; ")
    assert len(name_and_value) <= 4096
    assert all(len(attribute.partition("=")[2]) <= 1024 for attribute in attributes)
    assert cookie.read(name_and_value, secure=True) == everything


def test_more_purposes_than_a_cookie_can_answer_are_refused_at_start() -> None:
    purposes: dict[str, Any] = {f"p{number}": {"title": "P", "text": "It counts."} for number in range(64)}
    with pytest.raises(ConfigurationError, match="are more than 64"):
        read_settings({"purposes": purposes}, keys=KEY)
    del purposes["p0"]
    assert len(read_settings({"purposes": purposes}, keys=KEY).policy.purposes) == 64


@pytest.mark.parametrize("region", ["ES", "DE", "US-CA", "FR"])
def test_no_cookie_is_asked_to_live_longer_than_400_days(door: Door, region: str) -> None:
    for action in ("accept", "refuse"):
        request = Request("/_consent/decision", "POST", {**FORM, "X-Region": region}, f"action={action}".encode())
        [age] = [int(found) for found in re.findall(r"Max-Age=(\d+)", " ".join(door.ask(request).all("set-cookie")))]
        assert 0 < age <= 34_560_000


def test_no_script_of_ours_writes_a_cookie_and_no_header_clears_a_whole_site() -> None:
    """A cookie that a script wrote lives for seven days in Safari; Clear-Site-Data takes what nobody refused."""
    for script in (SOURCE / "banner" / "static").glob("*.js"):
        assert "document.cookie" not in script.read_text("utf-8")
    lines = [line for module in SOURCE.rglob("*.py") for line in module.read_text("utf-8").splitlines()]
    # Pages that the browser fetched ahead are the visitor's; of cookies and storage it takes none.
    assert [line.strip() for line in lines if "clear-site-data" in line.lower()] == [
        """("Clear-Site-Data", '"prefetchCache", "prerenderCache"'),"""
    ]


# The TCF


def test_nothing_of_ours_is_a_cmp_of_the_tcf() -> None:
    """Without a registration with IAB Europe there is no TC string, and no API that would promise one."""
    for file in (*SOURCE.rglob("*.py"), *SOURCE.rglob("*.js")):
        assert "__tcfapi" not in file.read_text("utf-8"), file
