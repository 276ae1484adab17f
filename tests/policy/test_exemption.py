"""An exemption holds only where each of its conditions is stated and nothing that is known contradicts them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.errors import ConfigurationError
from consent.policy.exemption import CONDITIONS, EXEMPTIONS
from consent.policy.policy import Policy
from consent.policy.regime import PRESETS
from consent.policy.settings import read_settings

KEY = "f3qH-0tXz9vLm2Ws8Kd1"
LIMITS = {"cookie_days": 390, "data_months": 25}
EVERYTHING: dict[str, Any] = {**dict.fromkeys(CONDITIONS, True), **LIMITS}


def needed(name: str) -> dict[str, Any]:
    """All that an exemption asks for, and no more."""
    exemption = EXEMPTIONS[name]
    limits = {each: value for each, value in LIMITS.items() if getattr(exemption, each)}
    return {"by": [name], **dict.fromkeys(exemption.conditions, True), **limits}


def policy(services: dict[str, Any], **settings: Any) -> Policy:
    return read_settings({"services": services, **settings}, keys=KEY).policy


def refused(services: dict[str, Any], **settings: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        policy(services, **settings)
    return str(caught.value)


@pytest.mark.parametrize("name", EXEMPTIONS)
def test_all_conditions_stated_are_enough(name: str) -> None:
    made = policy({"matomo": {"exempt": needed(name)}})
    assert made.services[0].exempt == {name}


@pytest.mark.parametrize(("name", "left_out"), [(name, each) for name in EXEMPTIONS for each in needed(name)])
def test_one_condition_that_is_not_stated_is_missed_by_name(name: str, left_out: str) -> None:
    stated = {each: value for each, value in needed(name).items() if each != left_out}
    told = refused({"matomo": {"exempt": stated}})
    if left_out == "by":
        assert told.startswith("CONSENT.services.matomo.exempt.by: must name at least one exemption")
        assert all(each in told for each in EXEMPTIONS)
        return
    assert told.startswith(f"CONSENT.services.matomo.exempt: the exemption {name!r} needs {left_out}")
    assert EXEMPTIONS[name].source in told
    assert not any(f"{each} = true" in told for each in stated if each != "by"), "what is stated is not missed"


def test_a_name_alone_is_answered_with_all_that_france_asks_for() -> None:
    told = refused({"matomo": {"exempt": "cnil"}})
    for condition in ("alone", "anonymous", "no_matching", "one_site", "informed", "not_renewed"):
        assert f"{condition} = true ({CONDITIONS[condition]})" in told
    assert "cookie_days of at most 395" in told
    assert "data_months of at most 25" in told
    assert "cnil.fr/fr/node/167364" in told


@pytest.mark.parametrize(("setting", "value"), [("cookie_days", 396), ("data_months", 26), ("alone", False)])
def test_what_is_stated_against_a_condition_is_refused(setting: str, value: object) -> None:
    assert f"needs {setting}" in refused({"matomo": {"exempt": {**needed("cnil"), setting: value}}})


def test_thirteen_months_and_twenty_five_are_the_longest() -> None:
    stated = {**needed("cnil"), "cookie_days": 395, "data_months": 25}
    assert policy({"matomo": {"exempt": stated}}).services[0].exempt == {"cnil"}


def test_a_cookie_of_the_sites_own_may_not_outlive_what_is_exempt() -> None:
    stats = {"purposes": ["statistics"], "hosts": ["stats.example.org"], "exempt": needed("cnil")}
    long = {**stats, "cookies": [{"name": "visit", "days": 400}]}
    assert "lets cookies live 395 days; got 'visit'" in refused({"stats": long})
    assert policy({"stats": {**stats, "cookies": [{"name": "visit", "days": 395}, "session"]}}).services


@pytest.mark.parametrize(
    "service",
    ["google-analytics", "google-tag-manager", "microsoft-clarity", "yandex-metrica", "meta-pixel", "statcounter"],
)
@pytest.mark.parametrize("name", ["cnil", "aepd", "garante", "nl-analytics", "uk-statistics", "anpd"])
def test_a_provider_with_ends_of_its_own_is_never_exempt_where_the_publisher_must_be_alone(
    service: str, name: str
) -> None:
    told = refused({service: {"purposes": ["statistics"], "exempt": {**EVERYTHING, "by": name}}})
    assert f"the exemption {name!r} is for the publisher alone, and" in told


def test_a_cookie_of_the_providers_own_domain_is_named() -> None:
    foreign = {"purposes": ["statistics"], "cookies": [{"name": "uid", "third_party": True}], "exempt": needed("cnil")}
    assert "its cookie 'uid' is set by the provider's own domain" in refused({"stats": foreign})


def test_a_processor_under_contract_is_enough_in_the_united_states() -> None:
    assert policy({"google-analytics": {"exempt": needed("us-processor")}}).names == ("necessary", "statistics")


def test_what_is_exempt_counts_visits_unless_said_otherwise() -> None:
    stated = needed("cnil")
    assert policy({"matomo": {"exempt": stated}}).services[0].purposes == ("statistics",)
    assert policy({"matomo": {}}).services[0].purposes == ("analytics",)
    own = policy({"matomo": {"purposes": ["counts"], "exempt": stated}}, purposes=COUNTS)
    assert own.services[0].purposes == ("counts",)


COUNTS = {"counts": {"title": "Counts", "text": "How many people read an article."}}


def test_what_is_exempt_shares_its_purpose_with_nothing_that_is_not() -> None:
    services = {"matomo": {"exempt": needed("cnil")}, "plausible": {"purposes": ["statistics"]}}
    told = refused(services)
    assert told.startswith("CONSENT.services.matomo.purposes: 'statistics' is also what 'plausible' is for")
    assert refused(dict(reversed(services.items()))) == told
    both = {"matomo": {"exempt": needed("cnil")}, "plausible": {"exempt": needed("cnil")}}
    assert policy(both).exempt(frozenset({"cnil"})) == {"statistics"}


@pytest.mark.parametrize(
    ("services", "settings", "told"),
    [
        ({"matomo": {"purposes": ["statistics", "analytics"]}}, {}, "a service that is exempt has one purpose"),
        ({"matomo": {"purposes": ["necessary"]}}, {}, "what is necessary needs no exemption"),
        ({"matomo": {}}, {"purposes": {"statistics": {"sensitive": True}}}, "nothing exempts the sensitive purpose"),
    ],
)
def test_some_purposes_cannot_be_exempt(services: dict[str, Any], settings: dict[str, Any], told: str) -> None:
    services = {name: {**entry, "exempt": needed("cnil")} for name, entry in services.items()}
    assert told in refused(services, **settings)


@pytest.mark.parametrize(
    ("exempt", "told"),
    [
        ("cnli", "exempt.by: unknown exemption; got 'cnli'; did you mean 'cnil'?"),
        ({"by": ["cnil"], "alon": True}, "unknown setting; got 'alon'; did you mean 'alone'?"),
        ({**needed("cnil"), "alone": "yes"}, "exempt.alone: must be true or false"),
        ({**needed("cnil"), "cookie_days": "390"}, "exempt.cookie_days: must be a number"),
        (True, "exempt: must be a table"),
    ],
)
def test_a_mistake_is_told_with_its_place(exempt: object, told: str) -> None:
    assert told in refused({"matomo": {"exempt": exempt}})


def test_an_exemption_is_no_ones_business_where_the_law_does_not_know_it() -> None:
    made = policy({"matomo": {"exempt": {**EVERYTHING, "by": ["cnil", "uk-statistics"]}}})
    exempt = {name for name, regime in PRESETS.items() if regime.exempt(made)}
    assert exempt == {"fr", "uk"}


def test_every_exemption_counts_somewhere_and_every_regime_knows_its_exemptions() -> None:
    counted = {name for regime in PRESETS.values() for name in regime.exemptions}
    assert counted == set(EXEMPTIONS)
    assert not any(PRESETS[name].exemptions for name in ("strict", "eu", "de", "ie", "opt-in", "opt-out", "notice"))


def test_a_regime_of_ones_own_can_know_exemptions() -> None:
    own = {"model": "opt-in", "exemptions": ["cnil"]}
    settings = read_settings({"regime": own}, keys=KEY)
    assert settings.regime is not None
    assert settings.regime.exemptions == {"cnil"}
    with pytest.raises(ConfigurationError, match=r"regime.exemptions: unknown exemption; got 'cnli'"):
        read_settings({"regime": {"exemptions": ["cnli"]}}, keys=KEY)


# What depends on the policy's version


def test_exempting_a_service_is_another_policy_and_a_site_without_any_keeps_its_own() -> None:
    plain = policy({"matomo": {"purposes": ["statistics"]}})
    exempt = policy({"matomo": {"exempt": needed("cnil")}})
    sensitive = policy({"matomo": {}}, purposes={"analytics": {"sensitive": True}})
    assert len({plain.version, exempt.version, sensitive.version, policy({"matomo": {}}).version}) == 4


def test_what_is_necessary_cannot_be_sensitive() -> None:
    assert "what is necessary is not asked about" in refused({}, purposes={"necessary": {"sensitive": True}})


@given(st.lists(st.frozensets(st.sampled_from(sorted(EXEMPTIONS)), min_size=1), min_size=1, max_size=4), st.data())
def test_a_purpose_is_exempt_where_each_of_its_services_is(each: list[frozenset[str]], data: st.DataObject) -> None:
    services = {
        f"stats-{number}": {
            "purposes": ["statistics"],
            "hosts": [f"s{number}.example.org"],
            "exempt": {**EVERYTHING, "by": sorted(by)},
        }
        for number, by in enumerate(each)
    }
    recognised = data.draw(st.frozensets(st.sampled_from(sorted(EXEMPTIONS))))
    expected = {"statistics"} if all(by & recognised for by in each) else set()
    assert policy(services).exempt(recognised) == expected
