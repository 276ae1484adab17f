"""The vendors' own switches: what a page is told before any tag, and what it is told of a choice."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.banner.look import asset
from consent.banner.script import vendor_script
from consent.banner.vendors import Call, after, before_tags, with_told
from consent.errors import UnknownService
from consent.exchange import Append, Consent, Facts, NeedBody, Pass, Reply
from consent.log.record import Receipt
from consent.policy import catalogue
from consent.policy.settings import ConsentMode, read_settings

KEY = "f3qH-0tXz9vLm2Ws8Kd1"
TYPES = {
    "ad_storage", "ad_user_data", "ad_personalization", "analytics_storage", "functionality_storage",
    "personalization_storage", "security_storage",
}  # fmt: skip
GTAG = (
    '<script async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script><script>window.dataLayer='
    "window.dataLayer||[];function gtag(){dataLayer.push(arguments)}gtag('js',new Date());gtag('config','G-1');</script>"
)
GTM = "<script>(function(w,l){w[l]=w[l]||[];w[l].push({'gtm.start':1,event:'gtm.js'})})(window,'dataLayer')</script>"
ALL = [
    "google-analytics", "google-ads", "google-tag-manager", "bing-uet", "microsoft-clarity", "meta-pixel", "matomo",
    "posthog", "mixpanel", "amplitude", "segment", "tiktok-pixel",
]  # fmt: skip
EVERYTHING = frozenset({"necessary", "preferences", "analytics", "marketing"})
NOTHING = frozenset({"necessary"})
ADVANCED = ConsentMode(advanced=True)


def site(services: Any, **more: Any) -> Consent:
    return Consent(read_settings({"services": services, **more}, keys=KEY))


@cache
def whole_catalogue() -> Consent:
    return site(list(OWN_COOKIES))


def facts(path: str = "/", method: str = "GET", **headers: str) -> Facts:
    found = {name.replace("_", "-"): value for name, value in headers.items()}
    return Facts(method, path, found.get, "https", "news.example", 1_795_000_000, bytes)


def ask(
    consent: Consent, page: str = "", policy: str = "", kind: str = "text/html; charset=utf-8", **headers: str
) -> str:
    """A page as it leaves."""
    step = consent.handle(facts(**headers))
    assert isinstance(step, Pass)
    sent = [("Content-Type", kind), *([("Content-Security-Policy", policy)] if policy else [])]
    shaped = step.shape(200, sent)
    text = f"<!doctype html><html><head><title>T</title>{page}</head><body><h1>P</h1>"
    assert shaped.stream is not None
    return (shaped.stream.feed(text.encode()) + shaped.stream.finish()).decode()


def choose(consent: Consent, *purposes: str, keep: bool = True, **headers: str) -> Reply:
    """Send a choice as the page's script does."""
    body = json.dumps({"action": "save", "purposes": purposes, "surface": "api"}).encode()
    step = consent.handle(facts("/_consent/decision", "POST", content_type="application/json", **headers))
    assert isinstance(step, NeedBody)
    step = step.resume(body)
    if isinstance(step, Append):
        step = step.resume(Receipt(step.record.id, 1, "ab" * 32) if keep else None)
    assert isinstance(step, Reply)
    return step


def cookie(reply: Reply) -> str:
    return next(
        value.partition(";")[0] for name, value in reply.headers if name == "Set-Cookie" and "consent=" in value
    )


def first_calls(page: str) -> list[Any]:
    """What the page's first script tells, which stands before anything else in the head."""
    found = re.search(r'<head><script[^>]* data-calls="([^"]*)"', page)
    return json.loads(html.unescape(found[1])) if found else []


def of(calls: Iterable[Any], to: str) -> list[Any]:
    """What one vendor is told, as it would be in its own queue."""
    return json.loads(json.dumps([args for _, name, args in calls if name == to]))  # type: ignore[no-any-return]


def named(text: str) -> Iterator[str]:
    """The vendors' names that a text has."""
    return (
        each
        for each in ("dataLayer", "uetq", "clarity", "fbq", "_paq", "posthog", "mixpanel", "amplitude")
        if each in text
    )


# VS-01, VS-02: Google


@pytest.mark.parametrize("mode", ["basic", "advanced"])
@pytest.mark.parametrize("tag", [GTAG, GTM])
@pytest.mark.parametrize("agreed", [(), ("analytics", "marketing")])
def test_the_default_of_all_seven_types_comes_before_any_google_tag(
    mode: str, tag: str, agreed: tuple[str, ...]
) -> None:
    consent = site(["google-analytics", "google-ads", "google-tag-manager"], consent_mode={"mode": mode})
    headers = {"cookie": cookie(choose(consent, *agreed))} if agreed else {}
    page = ask(consent, tag, **headers)
    [how, to, (command, kind, values)] = first_calls(page)[0]
    assert (how, to, command, kind) == ("arguments", "dataLayer", "consent", "default")
    assert values.keys() - {"wait_for_update"} == TYPES
    known = [page.index(word) for word in ("'config'", "gtm.js'", "googletagmanager.com/gtag") if word in page]
    assert known
    assert page.index("data-calls") < min(known)
    assert ("text/plain" in page) == (mode == "basic" and not agreed)


@pytest.mark.parametrize("mode", ["basic", "advanced"])
@pytest.mark.parametrize("granted", [NOTHING, NOTHING | {"analytics"}, EVERYTHING])
@pytest.mark.parametrize("decided", [True, False])
def test_values_are_granted_or_denied_and_the_wait_is_in_whole_milliseconds(
    mode: str, granted: frozenset[str], decided: bool
) -> None:
    policy = site(["google-analytics", "google-ads"]).policy
    calls = of(before_tags(policy, ConsentMode(advanced=mode == "advanced"), granted, decided=decided), "dataLayer")
    for command, kind, values in calls:
        wait = values.pop("wait_for_update", 1)
        assert type(wait) is int
        assert (command, kind in {"default", "update"}) == ("consent", True)
        assert set(values.values()) <= {"granted", "denied"}
        assert values.keys() == TYPES
        assert values["security_storage"] == "granted"


@pytest.mark.parametrize(
    ("purpose", "types"),
    [
        ("preferences", {"functionality_storage", "personalization_storage"}),
        ("analytics", {"analytics_storage"}),
        ("marketing", {"ad_storage", "ad_user_data", "ad_personalization"}),
    ],
)
def test_each_purpose_is_for_its_types(purpose: str, types: set[str]) -> None:
    policy = site(["google-analytics", "google-ads", "google-maps"]).policy
    [[_, _, values]] = of(after(policy, NOTHING | {purpose}).now, "dataLayer")
    assert {name for name, value in values.items() if value == "granted"} == types | {"security_storage"}


def test_a_purpose_of_the_sites_own_is_for_what_its_services_are_about() -> None:
    words = {"title": "Research", "text": "What is read."}
    consent = site({"google-analytics": {"purposes": ["research"]}, "google-ads": True}, purposes={"research": words})

    def granted(*purposes: str) -> set[str]:
        [[_, _, values]] = of(after(consent.policy, NOTHING | {*purposes}).now, "dataLayer")
        return {name for name, value in values.items() if value == "granted"} - {"security_storage"}

    assert granted("research") == {"analytics_storage"}
    assert granted("marketing") == {"ad_storage", "ad_user_data", "ad_personalization"}
    both = site({"google-analytics": {"purposes": ["analytics", "marketing"]}}).policy
    [[_, _, values]] = of(after(both, NOTHING | {"analytics"}).now, "dataLayer")
    assert values["analytics_storage"] == "denied", "a service with several purposes needs all of them"


def test_before_a_choice_the_default_is_what_holds_and_after_it_no() -> None:
    policy = site(["google-analytics"]).policy
    mode = ConsentMode()

    def told(granted: frozenset[str], *, decided: bool) -> list[tuple[str, str]]:
        calls = of(before_tags(policy, mode, granted, decided=decided), "dataLayer")
        return [(kind, values["analytics_storage"]) for _, kind, values in calls]

    assert told(NOTHING, decided=False) == [("default", "denied")]
    assert told(EVERYTHING, decided=False) == [("default", "granted")]
    assert told(NOTHING, decided=True) == [("default", "denied")]
    assert told(EVERYTHING, decided=True) == [("default", "denied"), ("update", "granted")]


def test_tags_wait_only_in_advanced_mode_while_there_is_an_answer_to_wait_for() -> None:
    policy = site(["google-analytics", "google-ads"]).policy

    def wait(mode: ConsentMode, granted: frozenset[str], *, decided: bool) -> object:
        return of(before_tags(policy, mode, granted, decided=decided), "dataLayer")[0][2].get("wait_for_update")

    assert wait(ADVANCED, NOTHING, decided=False) == 500
    assert wait(ConsentMode(advanced=True, wait_for_update=800), NOTHING, decided=False) == 800
    assert wait(ConsentMode(advanced=True, wait_for_update=0), NOTHING, decided=False) is None
    assert wait(ADVANCED, NOTHING, decided=True) is None
    assert wait(ConsentMode(), NOTHING, decided=False) is None


def test_redaction_and_passthrough_are_set_after_the_default_where_asked_for() -> None:
    policy = site(["google-ads"]).policy
    mode = ConsentMode(ads_data_redaction=True, url_passthrough=True)
    calls = of(before_tags(policy, mode, EVERYTHING, decided=True), "dataLayer")
    assert [call[:2] for call in calls] == [
        ["consent", "default"], ["set", "ads_data_redaction"], ["set", "url_passthrough"], ["consent", "update"],
    ]  # fmt: skip
    assert [call[2] for call in calls if call[0] == "set"] == [True, True]
    assert of(before_tags(policy, ConsentMode(), NOTHING, decided=False), "dataLayer")[1:] == []


# The advanced mode and the gate


def test_only_google_scripts_are_let_through_and_only_in_advanced_mode() -> None:
    others = (
        '<img src="https://www.google-analytics.com/collect?v=1">'
        '<noscript><iframe src="https://www.googletagmanager.com/ns.html?id=GTM-1"></iframe></noscript>'
        "<script>fbq('init','1')</script>"
    )
    declared = ["google-analytics", "google-tag-manager", "meta-pixel"]
    basic = ask(site(declared), GTAG + others)
    advanced = ask(site(declared, consent_mode={"mode": "advanced"}), GTAG + others)
    assert basic.count("data-consent-for") == 5
    assert GTAG in advanced
    assert GTAG not in basic
    for held in ("<img", "<iframe", "<script type=text/plain"):
        assert re.search(rf"{held}[^>]* data-consent-for=", advanced), held
    assert advanced.count("data-consent-for") == 3


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        ("application/xhtml+xml", {}),
        ("text/html", {"sec_fetch_dest": "empty"}),
        ("text/html", {"hx_request": "true"}),
    ],
)
def test_where_nothing_can_be_told_first_everything_is_held(kind: str, headers: dict[str, str]) -> None:
    page = ask(site(["google-analytics"], consent_mode={"mode": "advanced"}), GTAG, kind=kind, **headers)
    assert "data-calls" not in page
    assert GTAG not in page


def test_a_document_within_the_page_hears_nothing_and_is_held() -> None:
    consent = site(["google-analytics"], consent_mode={"mode": "advanced"})
    inner = GTAG.replace('"', "&quot;")
    page = ask(consent, f'{GTAG}<iframe srcdoc="{inner}"></iframe>{GTAG}')
    assert page.count(GTAG) == 2
    assert "data-consent-srcdoc" in page
    again = ask(consent, f'<iframe srcdoc="{inner}"></iframe>{GTAG}')
    assert GTAG in again
    assert "data-consent-srcdoc" in again


def test_an_undeclared_google_service_is_held_in_advanced_mode_too() -> None:
    ads = '<script async src="https://www.googletagmanager.com/gtag/js?id=AW-1"></script>'
    assert ads not in ask(site(["google-analytics"], consent_mode={"mode": "advanced"}), ads)
    assert ads in ask(site(["google-analytics", "google-ads"], consent_mode={"mode": "advanced"}), ads)


def test_cookies_of_a_service_that_is_told_are_held_all_the_same() -> None:
    consent = site(["google-analytics"], consent_mode={"mode": "advanced"})
    step = consent.handle(facts(cookie=cookie(choose(consent)) + "; _ga=1"))
    assert isinstance(step, Pass)
    headers = step.shape(200, [("Content-Type", "text/html"), ("Set-Cookie", "_ga_X=1; Max-Age=99")]).headers
    cookies = [value for name, value in headers if name == "Set-Cookie"]
    assert not any(value.startswith("_ga_X=1") for value in cookies)
    assert any(value.startswith("_ga=;") for value in cookies)


def test_a_page_in_a_frame_is_told_too_and_has_a_mark_of_its_own() -> None:
    consent = site(["google-analytics"], consent_mode={"mode": "advanced"})
    assert first_calls(ask(consent, GTAG, sec_fetch_dest="iframe")) == first_calls(ask(consent, GTAG))

    def tag(consent: Consent, **headers: str) -> str:
        step = consent.handle(facts(**headers))
        assert isinstance(step, Pass)
        shaped = step.shape(200, [("Content-Type", "text/html"), ("ETag", '"a"')])
        return next(value for name, value in shaped.headers if name == "ETag")

    basic = site(["google-analytics"])
    marks = {tag(consent, sec_fetch_dest=dest) for dest in ("iframe", "empty", "document")}
    assert len({*marks, tag(basic, sec_fetch_dest="iframe")}) == 4


# VS-04, VS-05, VS-06, VS-07: the others


def test_uet_is_told_denied_first_since_it_would_assume_granted() -> None:
    policy = site(["bing-uet"]).policy
    for granted, decided in ((NOTHING, False), (NOTHING, True), (EVERYTHING, True)):
        calls = of(before_tags(policy, ConsentMode(), granted, decided=decided), "uetq")
        assert calls[0] == ["consent", "default", {"ad_storage": "denied"}]
        assert calls[1:] == ([["consent", "update", {"ad_storage": "granted"}]] if granted == EVERYTHING else [])
    assert [call.how for call in before_tags(policy, ConsentMode(), NOTHING, decided=False)] == ["push"]


def test_clarity_is_told_by_version_two_with_capitals_and_never_by_the_first() -> None:
    policy = site(["microsoft-clarity", "bing-uet"]).policy
    told = [*before_tags(policy, ConsentMode(), NOTHING | {"analytics"}, decided=True), *after(policy, EVERYTHING).now]
    assert of(told, "clarity") == [
        ["consentv2", {"ad_Storage": "denied", "analytics_Storage": "granted"}],
        ["consentv2", {"ad_Storage": "granted", "analytics_Storage": "granted"}],
    ]
    source = asset("vendors.js").body.decode() + asset("consent.js").body.decode()
    assert list(named(source)) == [], "what the script does is in the data"


@pytest.mark.parametrize("granted", [NOTHING, EVERYTHING])
def test_meta_is_told_revoke_first_on_every_page(granted: frozenset[str]) -> None:
    policy = site(["meta-pixel"]).policy
    calls = of(before_tags(policy, ConsentMode(), granted, decided=True), "fbq")
    assert calls == [["consent", "revoke"], ["consent", "grant"]][: 1 + (granted == EVERYTHING)]


def test_the_server_sends_nothing_to_meta_without_a_grant() -> None:
    consent = site(["meta-pixel", "google-analytics"])

    def serves(service: str, **headers: str) -> bool:
        step = consent.handle(facts(**headers))
        assert isinstance(step, Pass)
        return step.page.serves(service)

    assert not serves("meta-pixel")
    assert not serves("meta-pixel", cookie=cookie(choose(consent, "analytics")))
    assert serves("google-analytics", cookie=cookie(choose(consent, "analytics")))
    assert serves("meta-pixel", cookie=cookie(choose(consent, "marketing")))
    with pytest.raises(UnknownService, match="did you mean 'meta-pixel'"):
        serves("meta_pixel")
    with pytest.raises(UnknownService, match="unknown service 'youtube'"):
        serves("youtube")


def test_matomo_is_told_to_wait_then_given_then_forgotten() -> None:
    policy = site(["matomo"]).policy
    assert of(before_tags(policy, ConsentMode(), NOTHING, decided=False), "_paq") == [[["requireConsent"]]]
    assert of(before_tags(policy, ConsentMode(), EVERYTHING, decided=True), "_paq") == [
        [["requireConsent"]], [["setConsentGiven"]],
    ]  # fmt: skip
    assert of(after(policy, EVERYTHING).now, "_paq") == [[["setConsentGiven"]]]
    assert of(after(policy, NOTHING).now, "_paq") == [[["forgetConsentGiven"]]]


@pytest.mark.parametrize(
    ("service", "to", "grant", "deny"),
    [
        ("posthog", "posthog", ["opt_in_capturing"], ["opt_out_capturing"]),
        ("mixpanel", "mixpanel", ["opt_in_tracking"], ["opt_out_tracking"]),
        ("amplitude", "amplitude", ["setOptOut", False], ["setOptOut", True]),
    ],
)
def test_libraries_with_an_opt_out_are_told_once_they_are_there(service: str, to: str, grant: Any, deny: Any) -> None:
    policy = site([service]).policy
    assert before_tags(policy, ConsentMode(), EVERYTHING, decided=True) == ()
    assert (of(after(policy, EVERYTHING).now, to), of(after(policy, EVERYTHING).then, to)) == ([], [grant])
    assert (of(after(policy, NOTHING).now, to), of(after(policy, NOTHING).then, to)) == ([deny], [])


# VS-08, and who is told


def test_withdrawing_opts_out_at_the_vendor_and_ends_its_cookies() -> None:
    consent = site(ALL)
    agreed = cookie(choose(consent, "analytics", "marketing"))
    theirs = {
        "_ga": "dataLayer", "_uetsid": "uetq", "_clck": "clarity", "_fbp": "fbq", "_pk_id.1.2": "_paq",
        "ph_x_posthog": "posthog", "mp_x_mixpanel": "mixpanel", "AMP_0": "amplitude",
    }  # fmt: skip
    for kept in (True, False):
        reply = choose(consent, cookie=agreed + "".join(f"; {name}=1" for name in theirs), keep=kept)
        told = json.loads(reply.body)
        assert told["withdrawn"] == ["analytics", "marketing"]
        assert {to for _, to, _ in told["now"]} == {*theirs.values()}
        assert "granted" not in json.dumps([call for call in told["now"] if call[1] == "uetq"])
        ended = {
            value.partition("=")[0] for name, value in reply.headers if name == "Set-Cookie" and "Max-Age=0" in value
        }
        assert ended == {*theirs}


#: Services whose own cookies stand on the site itself, with one name for each of them.
OWN_COOKIES = {
    name: sorted(cookie.name.replace("*", "x1") for cookie in service.cookies if not cookie.third_party)
    for name, service in catalogue.load().items()
    if set(service.purposes) - {"necessary"} and any(not cookie.third_party for cookie in service.cookies)
}


def ended(headers: Iterable[tuple[str, str]]) -> set[str]:
    return {value.partition("=")[0] for name, value in headers if name == "Set-Cookie" and "; Max-Age=0; " in value}


@pytest.mark.parametrize("form", [False, True])
@pytest.mark.parametrize("service", OWN_COOKIES)
def test_withdrawing_ends_each_cookie_that_a_service_declares_for_this_site(service: str, form: bool) -> None:
    consent, names = whole_catalogue(), OWN_COOKIES[service]
    agreed = cookie(choose(consent, *consent.policy.optional))
    found: set[str] = set()
    for at in range(0, len(names), 4):  # a response has room for so many
        few = "; ".join([agreed, *(f"{name}=1" for name in names[at : at + 4])])
        found |= ended((withdraw_by_form if form else choose)(consent, cookie=few).headers)
    assert found >= {*names}


@pytest.mark.parametrize("cache", ["private", "shared"])
def test_what_is_still_there_of_a_refused_service_is_ended_by_the_next_page(cache: str) -> None:
    """A vendor's script may write as it is stopped: Matomo's keeps in a cookie that consent was removed."""
    consent = site(["matomo"], cache=cache)
    refused = f"{cookie(choose(consent))}; mtm_consent_removed=1"
    assert "mtm_consent_removed" in ended(next_answer(consent, cookie=refused))
    assert ended(next_answer(consent, cookie="mtm_consent_removed=1")) == set(), "nobody has refused yet"


@pytest.mark.parametrize("cache", ["private", "shared"])
@pytest.mark.parametrize("before", [(), ("analytics", "marketing")])
def test_the_browsers_signal_ends_the_cookies_of_what_it_refuses(cache: str, before: tuple[str, ...]) -> None:
    consent = site(["google-analytics", "meta-pixel"], regime="us-ca", cache=cache)
    theirs = "; ".join(["_ga=1", "_fbp=1", *([cookie(choose(consent, *before))] if before else [])])
    assert "_ga" in ended(next_answer(consent, cookie="_ga=1", sec_gpc="1"))
    assert {"_ga", "_fbp"} <= ended(next_answer(consent, cookie=theirs, sec_gpc="1"))
    assert ended(next_answer(consent, cookie=theirs)) == set()


def next_answer(consent: Consent, **headers: str) -> list[tuple[str, str]]:
    """The headers of the next page; where caches share it, of what its script asks for."""
    if consent.settings.cache == "shared":
        step = consent.handle(facts("/_consent/state", **headers))
        assert isinstance(step, Reply)
        return step.headers
    step = consent.handle(facts(**headers))
    assert isinstance(step, Pass)
    return step.shape(200, [("Content-Type", "text/html")]).headers


def withdraw_by_form(consent: Consent, **headers: str) -> Reply:
    """As a form sends it, without a script."""
    kind = "application/x-www-form-urlencoded"
    step = consent.handle(facts("/_consent/decision", "POST", content_type=kind, **headers))
    assert isinstance(step, NeedBody)
    step = step.resume(b"action=refuse&surface=settings&next=/")
    if isinstance(step, Append):
        step = step.resume(Receipt(step.record.id, 1, "ab" * 32))
    assert isinstance(step, Reply)
    assert step.status == 303
    return step


def test_an_agreement_that_was_not_kept_is_told_nobody() -> None:
    told = json.loads(choose(site(ALL), "analytics", keep=False).body)
    assert told == {"error": "not-saved", "withdrawn": []}


@given(st.sets(st.sampled_from(ALL), max_size=4), st.sets(st.sampled_from(sorted(EVERYTHING))))
def test_nobody_is_told_who_is_not_declared(services: set[str], granted: set[str]) -> None:
    policy = read_settings({"services": services}, keys=KEY).policy
    allowed = NOTHING | granted
    calls = [*before_tags(policy, ConsentMode(), allowed, decided=True)]
    for calls_then in after(policy, allowed):
        calls += calls_then
    owners = {
        "dataLayer": {"google-analytics", "google-ads", "google-tag-manager"}, "uetq": {"bing-uet"},
        "clarity": {"microsoft-clarity"}, "fbq": {"meta-pixel"}, "_paq": {"matomo"}, "posthog": {"posthog"},
        "mixpanel": {"mixpanel"}, "amplitude": {"amplitude"},
    }  # fmt: skip
    assert {call.to for call in calls} == {to for to, names in owners.items() if names & services}


def test_a_site_without_such_services_has_nothing_of_it_in_its_pages() -> None:
    consent = site({"youtube": True, "segment": True, "stats": {"purposes": ["analytics"], "hosts": ["stats.example"]}})
    page = ask(consent, GTAG)
    assert "data-calls" not in page
    assert {"now", "then"}.isdisjoint(json.loads(choose(consent, "analytics").body))
    assert with_told(consent.policy, ConsentMode()) is consent.policy
    assert consent.told_rules is consent.rules


# The page's policy


@pytest.mark.parametrize(
    ("policy", "source", "nonce"),
    [
        ("", False, ""),
        ("img-src 'self'", False, ""),
        ("script-src 'self' 'unsafe-inline'", False, ""),
        ("script-src 'nonce-abc' 'strict-dynamic'", False, "abc"),
        ("default-src 'nonce-abc'", False, "abc"),
        ("script-src 'self' https://www.googletagmanager.com", True, ""),
        ("script-src 'unsafe-inline' 'strict-dynamic'", True, ""),
        ("script-src 'nonce-abc', script-src 'self' 'nonce-def'", True, ""),
    ],
)
def test_the_script_stands_in_the_page_where_the_policy_lets_it(policy: str, source: bool, nonce: str) -> None:
    page = ask(site(["google-analytics"]), GTAG, policy=policy)
    [opening] = re.findall(r"<script[^>]*data-calls[^>]*>", page)
    assert ('src="//news.example/_consent/vendors.js?v=' in opening) == source
    assert re.findall(r'nonce="([^"]*)"', opening) == [nonce] * bool(nonce)
    assert (asset("vendors.js").body.decode() in page) != source
    assert first_calls(page)


def test_the_script_is_served_and_kept_by_caches() -> None:
    step = site([]).handle(facts("/_consent/vendors.js")._replace(query=f"v={asset('vendors.js').digest}"))
    assert isinstance(step, Reply)
    assert step.body == asset("vendors.js").body
    assert ("Cache-Control", "public, max-age=31536000, immutable") in step.headers


@given(st.text(), st.text())
def test_calls_and_nonce_cannot_end_their_place(text: str, nonce: str) -> None:
    script = str(vendor_script([Call("push", "q", (text,))], source=None, nonce=nonce))
    body = asset("vendors.js").body.decode()
    opening = script.removesuffix(f"{body}</script>")
    assert not re.search(r"[<>]", opening[1:-1])
    assert opening.count('"') == (4 if nonce else 2)
    [written] = re.findall(r'data-calls="([^"]*)"', opening)
    assert json.loads(html.unescape(written)) == [["push", "q", [text]]]


def test_the_script_can_stand_in_a_page() -> None:
    body = asset("vendors.js").body.decode().lower()
    assert "</" not in body
    assert "<!--" not in body
    assert "eval" not in body
    assert "new function" not in body
