"""A scan finds all that is planted, and nothing where nothing is."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Sequence

import pytest

from consent.policy.regime import PRESETS
from consent.policy.settings import read_settings
from consent.scan.judge import Finding, judge
from consent.scan.propose import propose
from consent.scan.run import Plan, scan
from consent.scan.seen import PHASES, Phase, Scan
from consent.scan.visit import Manner
from consent.scan.who import Owners
from consent.wsgi import ConsentMiddleware
from find import browser

from . import planted as sites

#: A page settles long before; a busy machine may need it.
PATIENCE = 8.0
KEY = "a key for these tests alone, long enough"
NAMES = ("google-analytics", "meta-pixel", "youtube", "hotjar", "bing-uet", "google-fonts", "matomo")
SETTINGS = {
    "services": {
        **{name: {} for name in NAMES},
        "stranger": {
            "purposes": ["marketing"],
            "hosts": [host for host in sites.HOSTS if host.startswith(("ads.", "api.", "cdn."))],
            "storage": ["shop_visitor", "seen_today", "profiles", "lamps-1"],
        },
        "shop": {"purposes": ["necessary"], "cookies": [{"name": "visitor_number", "days": 10}]},
    },
    "privacy_url": "/about",
    "regime": "eu",
}
POLICY = read_settings(SETTINGS, keys=KEY).policy

pytestmark = pytest.mark.browser


def scanned(site: sites.App, *, limit: int = 1, phases: Sequence[Phase] = PHASES) -> Scan:
    with sites.serving(site) as port:
        plan = Plan(
            [f"https://{sites.SITE}/"],
            limit=limit,
            phases=phases,
            program=browser(),
            manner=Manner(ignore_https_errors=True, screenshots=False, patience=PATIENCE),
            hosts=dict.fromkeys(sites.HOSTS, f"127.0.0.1:{port}"),
        )
        return asyncio.run(scan(plan))


def subjects(findings: Sequence[Finding], phase: Phase) -> set[str]:
    return {finding.subject for finding in findings if phase in finding.phases}


@pytest.fixture(scope="module")
def bare() -> Scan:
    return scanned(sites.planted)


@pytest.fixture(scope="module")
def found(bare: Scan) -> tuple[Finding, ...]:
    return judge(bare, Owners(bare.site))


def test_all_that_is_planted_is_found_before_any_choice(found: tuple[Finding, ...]) -> None:
    assert set(sites.PLANTED) <= subjects(found, "before")


def test_the_clean_site_has_no_findings() -> None:
    seen = scanned(sites.clean)
    assert judge(seen, Owners(seen.site)) == ()


def test_each_finding_says_what_led_to_it(found: tuple[Finding, ...]) -> None:
    brought = next(each for each in found if each.subject == "bing-uet")
    assert "https://bat.bing.com/bat.js ← https://script.hotjar.com/modules.js" in brought.evidence[0]
    worked = next(each for each in found if each.subject == "shared-worker.example")
    chain = "https://api.shared-worker.example/ ← https://shop.example/shared-worker.js ← https://shop.example/"
    assert chain in worked.evidence[0]
    written = next(each for each in found if each.subject == "_ga")
    assert "400 days, set by the script https://www.google-analytics.com/analytics.js" in written.evidence[0]


def test_a_thing_is_one_finding_with_all_its_phases(found: tuple[Finding, ...]) -> None:
    assert len({(each.rule.id, each.subject) for each in found}) == len(found)
    pixel = next(each for each in found if each.subject == "meta-pixel")
    assert pixel.phases == ("before", "gpc", "noscript")
    assert pixel.text == "Meta Pixel is called before any choice, with Global Privacy Control and without JavaScript"


def test_what_needs_no_script_is_found_without_one(found: tuple[Finding, ...]) -> None:
    assert {"meta-pixel", "youtube", "_pk_id.1.1fff"} <= subjects(found, "noscript")
    assert "_ga" not in subjects(found, "noscript")


def test_a_site_that_asks_for_nothing_is_told_so(bare: Scan, found: tuple[Finding, ...]) -> None:
    assert "no-banner" in {each.rule.id for each in found}
    assert [visit.done for visit in bare.of("refused")] == [False]
    assert subjects(found, "refused") == subjects(found, "withdrawn") == set()


def test_where_the_law_lets_things_run_until_they_are_refused_nothing_is_said_of_that(bare: Scan) -> None:
    assert subjects(judge(bare, Owners(bare.site), regime=PRESETS["us-ca"]), "before") == set()


@pytest.fixture(scope="module")
def gated() -> Scan:
    return scanned(ConsentMiddleware(sites.planted, SETTINGS, secret_key=KEY))


def test_nothing_is_found_on_the_gated_site(gated: Scan) -> None:
    assert all(visit.done for visit in gated.visits), [visit.problems for visit in gated.visits]
    findings = judge(gated, Owners(gated.site, POLICY), policy=POLICY)
    assert [(each.subject, each.phases) for each in findings if each.severity != "note"] == []


def test_who_wakes_a_script_wrote_nothing(gated: Scan) -> None:
    (accepted,) = gated.of("accepted")
    assert {"profiles", "lamps-1"} <= {each.key for each in accepted.stored}
    assert not any("consent.js" in each.by for each in (*accepted.stored, *accepted.cookies, *accepted.calls))


def test_the_gated_site_calls_whom_its_visitor_accepted(gated: Scan) -> None:
    owners = Owners(gated.site, POLICY)
    (accepted,) = gated.of("accepted")
    assert {"google-analytics", "meta-pixel", "youtube", "hotjar", "stranger"} <= {
        owners.of_request(request).name for request in accepted.requests
    }
    assert {"_ga", "_pk_id.1.1fff"} <= {cookie.name for cookie in accepted.cookies}
    assert [visit.banner.name for visit in gated.of("before") if visit.banner] == ["consent"]


def test_the_settings_page_is_no_page_of_the_site() -> None:
    seen = scanned(ConsentMiddleware(sites.planted, SETTINGS, secret_key=KEY), limit=5, phases=("before",))
    assert [visit.url for visit in seen.visits] == [f"https://{sites.SITE}/", f"https://{sites.SITE}/about"]


def test_a_policy_is_compared_with_what_is_seen(gated: Scan) -> None:
    other = read_settings(
        {"services": {"google-analytics": {"cookies": [{"name": "_ga", "days": 30}]}, "vimeo": {}}}, keys=KEY
    ).policy
    found = {(each.rule.id, each.subject) for each in judge(gated, Owners(gated.site, other), policy=other)}
    assert {("undeclared", "hotjar"), ("wrong-duration", "_ga"), ("unused", "vimeo")} <= found


def test_a_banner_that_cannot_be_refused_is_found_by_what_it_says() -> None:
    seen = scanned(sites.unrefusable, phases=("before", "refused"))
    assert "no-refusal" in {each.rule.id for each in judge(seen, Owners(seen.site))}
    (refused,) = seen.of("refused")
    assert not refused.done


def test_the_proposed_settings_hold_what_was_seen(bare: Scan) -> None:
    proposed = tomllib.loads(propose(bare))
    services = proposed["services"]
    assert {"google-analytics", "meta-pixel", "youtube", "hotjar", "bing-uet", "google-fonts"} <= services.keys()
    assert services["stranger-example"]["hosts"] == ["ads.stranger.example"]
    policy = read_settings(proposed, keys=KEY).policy
    left = judge(bare, Owners(bare.site, policy), policy=policy)
    assert not [each for each in left if each.rule.id in {"undeclared", "undeclared-cookie", "wrong-duration"}]
