"""What an earlier library's cookie is worth: its refusals hold until the visitor answers, its agreements nothing."""

from __future__ import annotations

from ast import literal_eval
from functools import cache
from typing import Any
from urllib.parse import quote

import pytest

from consent.errors import ConfigurationError
from consent.exchange import Consent, Facts
from consent.policy.moved import MovedFrom
from consent.policy.settings import read_settings
from consent.visitor.account import Account
from consent.visitor.decision import Decision
from consent.visitor.earlier import _refused, read_earlier

SETTINGS: dict[str, Any] = {
    "services": {
        "google-analytics": {},
        "youtube": {"purposes": ["marketing"]},
        "own": {"purposes": ["preferences"], "cookies": ["own"]},
    },
    "regime": "opt-out",
}
KEY = "a key for the settings of this test"


def consent(moved_from: Any, **more: Any) -> Consent:
    return _made(repr(moved_from), repr(more))


@cache
def _made(moved_from: str, more: str) -> Consent:
    settings = {**SETTINGS, "moved_from": literal_eval(moved_from), **literal_eval(more)}
    return Consent(read_settings(settings, keys=[KEY]))


def allowed(site: Consent, cookie: str) -> list[str]:
    facts = Facts(
        method="GET", path="/", query="", root="", header={"cookie": cookie}.get, scheme="http", host="www.example.org",
        now=1_800_000_000.0, entropy=bytes,
    )  # fmt: skip
    visitor = site.visitor(facts)
    assert visitor.asked, "whoever has not answered here is asked"
    assert visitor.status == "undecided"
    return sorted(visitor.granted - {"necessary"})


ALL = ["analytics", "marketing", "preferences"]
TIME = "2024-05-09T20:22:00.123456+00:00"


@pytest.mark.parametrize(
    ("library", "cookie", "expected"),
    [
        ("django-cookie-consent", f'cookie_consent="analytics={TIME}|marketing=-1"', ["analytics", "preferences"]),
        ("django-cookie-consent", "cookie_consent=marketing=-1|analytics=-1|preferences=-1", []),
        ("django-cookie-consent", f"a=1; cookie_consent=analytics={TIME}", ALL),
        ("django-cookie-consent", "cookie_consent=analytics=no", ["marketing", "preferences"]),
        ("klaro", "klaro=" + quote('{"youtube":false,"google-analytics":true}'), ["analytics", "preferences"]),
        ("klaro", "klaro=" + quote('{"unknown":false}'), ALL),
        ("vanilla-cookieconsent", "cc_cookie=" + quote('{"categories":["necessary","analytics"],"revision":0}'), ["analytics"]),
        ("cookiebot", "CookieConsent={stamp:%27x%27%2Cnecessary:true%2Cpreferences:false%2Cstatistics:false%2Cmarketing:true%2Cver:1}", ["marketing"]),
        ("cookiebot", "CookieConsent=-1", ALL),
    ],
)  # fmt: skip
def test_where_all_runs_until_it_is_refused_what_was_refused_before_stays_refused(
    library: str, cookie: str, expected: list[str]
) -> None:
    assert allowed(consent(library), cookie) == expected
    assert allowed(consent(None), cookie) == ALL, "nothing is read that the site did not name"


@pytest.mark.parametrize("regime", ["opt-in", "strict"])
def test_where_consent_comes_first_no_cookie_of_before_grants_anything(regime: str) -> None:
    site = consent("django-cookie-consent", regime=regime)
    for cookie in (f"cookie_consent=analytics={TIME}", "cookie_consent=marketing=-1", ""):
        assert allowed(site, cookie) == []


def test_a_decision_that_was_made_here_is_the_only_one_that_counts() -> None:
    site = consent("django-cookie-consent")
    accepted = Decision(frozenset(ALL), site.policy.version, "opt-out", 1_799_999_000)
    facts = Facts(
        method="GET", path="/", query="", root="", scheme="http", host="www.example.org", now=1_800_000_000.0,
        header={"cookie": f"cookie_consent=marketing=-1; consent={site.cookie.encode(accepted)}"}.get, entropy=bytes,
    )  # fmt: skip
    assert site.visitor(facts).allows("marketing")


def test_the_choice_of_who_is_signed_in_counts_before_it_and_so_does_not_knowing_one() -> None:
    site = consent("django-cookie-consent")
    facts = Facts(
        method="GET", path="/", query="", root="", scheme="http", host="www.example.org", now=1_800_000_000.0,
        header={"cookie": "cookie_consent=marketing=-1"}.get, entropy=bytes,
    )  # fmt: skip
    accepted = Decision(frozenset(ALL), site.policy.version, "opt-out", 1_799_999_000)
    for account, granted in (
        (Account((), latest=accepted, choices=1), {*ALL}),
        (Account((), known=False), set()),
        (Account(()), {"analytics", "preferences"}),
    ):
        assert site.visitor(facts, account).granted - {"necessary"} == granted


@pytest.mark.parametrize("library", ["django-cookie-consent", "klaro", "vanilla-cookieconsent", "cookiebot"])
@pytest.mark.parametrize(
    "value", ["", "=", "|||", "%", "%00", "[]", "null", "1", '{"categories":1}', '{"categories":[[]]}', "[" * 4000, "x" * 9999, "\udce4", "{a:false"]
)  # fmt: skip
def test_no_value_of_it_is_an_error_or_a_yes(library: str, value: str) -> None:
    policy = consent(library).policy
    for name in ("cookie_consent", "klaro", "cc_cookie", "CookieConsent"):
        read = read_earlier(MovedFrom(library, name, {each: (each,) for each in ALL}), f"{name}={value}", policy)
        assert read is None or (read.policy, read.granted <= set(ALL)) == ("", True)


def test_what_is_too_long_for_a_cookie_is_not_remembered() -> None:
    policy = consent("klaro").policy
    _refused.cache_clear()
    assert read_earlier(MovedFrom("klaro", "klaro", {}), "klaro=" + "x" * 4097, policy) is None
    assert _refused.cache_info().currsize == 0


def test_a_group_may_have_been_for_other_purposes_and_the_cookie_may_have_had_another_name() -> None:
    moved = {"library": "vanilla-cookieconsent", "cookie": "cc", "groups": {"ads": ["marketing", "analytics"]}}
    site = consent(moved)
    assert allowed(site, "cc=" + quote('{"categories":["ads","preferences"]}')) == ALL
    assert allowed(site, "cc=" + quote('{"categories":["preferences"]}')) == ["preferences"]


@pytest.mark.parametrize(
    ("moved", "error"),
    [
        ("clara", r"CONSENT.moved_from.library: .*; got 'clara'; did you mean 'klaro'"),
        ({"cookie": "x"}, r"CONSENT.moved_from.library: "),
        ({"library": "klaro", "groups": {"x": ["analitics"]}}, r"CONSENT.moved_from.groups.x: unknown purpose.*'analytics'"),
        ({"library": "klaro", "cookie": "a b"}, r"CONSENT.moved_from.cookie: must be the name of a cookie; got 'a b'"),
        ({"library": "klaro", "colour": 1}, r"CONSENT.moved_from: unknown setting"),
        ([], r"CONSENT.moved_from: must be a table"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_one_error_at_start(moved: Any, error: str) -> None:
    with pytest.raises(ConfigurationError, match=error):
        consent(moved)
