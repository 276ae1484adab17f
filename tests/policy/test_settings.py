"""One mapping in three spellings, and what is made of it."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from flask import Flask

from consent.flask import Consent
from consent.policy.policy import Cookie, Policy, Purpose
from consent.policy.regime import PRESETS, STRICT, Regime
from consent.policy.settings import ConsentMode, RegionSource, Settings, read_settings, read_toml
from consent.site import Site

KEY = "f3qH-0tXz9vLm2Ws8Kd1"

TOML = """
policy = "2026-11"
privacy_url = "/privacy"
regime = "us-ca"
wording = "assume"
undeclared = "allow"
log = "sqlite:///"
prefix = "/_choice"
placement = "manual"
wall = "csp-report"
language = "fr-CA"
cookie_name = "choice"

[consent_mode]
mode = "advanced"
wait_for_update = 800
url_passthrough = true

[purposes.research]
title = "Research"
text = "Which articles are read to the end."

[services]
youtube = true

[services.matomo]
hosts = ["Stats.Example.org"]

[services.reading-study]
title = "Reading study"
provider = "Example University"
purposes = ["research"]
hosts = ["study.example.org"]
snippets = ["study.start("]
cookies = ["_rs", { name = "_rs_*", days = 30 }, { name = "uid", days = 0.5, third_party = true }]
storage = ["rs_*"]
privacy_url = "https://study.example.org/privacy"

[texts."*"]
title = "Your choice"

[texts.fr]
refuse = "Non merci"
"""

MAPPING: dict[str, Any] = {
    "policy": "2026-11",
    "privacy_url": "/privacy",
    "regime": "us-ca",
    "wording": "assume",
    "undeclared": "allow",
    "log": "sqlite:///",
    "prefix": "/_choice/",
    "placement": "manual",
    "wall": "csp-report",
    "language": "fr-CA",
    "cookie_name": "choice",
    "consent_mode": {"mode": "advanced", "wait_for_update": 800, "url_passthrough": True},
    "purposes": {"research": {"title": "Research", "text": "Which articles are read to the end."}},
    "services": {
        "youtube": {},
        "matomo": {"hosts": ("stats.example.org",)},
        "reading-study": {
            "title": "Reading study",
            "provider": "Example University",
            "purposes": {"research"},
            "hosts": ["study.example.org"],
            "snippets": ["study.start("],
            "cookies": ("_rs", {"name": "_rs_*", "days": 30}, {"name": "uid", "days": 0.5, "third_party": True}),
            "storage": ["rs_*"],
            "privacy_url": "https://study.example.org/privacy",
        },
    },
    "texts": {"*": {"title": "Your choice"}, "fr": {"refuse": "Non merci"}},
}


def read(**settings: Any) -> Settings:
    return read_settings(settings, keys=KEY)


def from_toml(path: Path) -> Settings:
    path.write_text(TOML, "utf-8")
    site = Site.open(path, keys=[KEY])
    site.close()
    return site.settings


def from_flask(path: Path) -> Settings:
    app = Flask(__name__)
    app.config.update(SECRET_KEY=KEY, CONSENT=MAPPING)
    Consent(app)
    site: Site = app.extensions["consent"]
    site.close()
    return site.settings


def from_flask_file(path: Path) -> Settings:
    """Flask's own way to read its config from a TOML file."""
    path.write_text("[CONSENT]\n" + re.sub(r"^\[", "[CONSENT.", TOML, flags=re.MULTILINE), "utf-8")
    app = Flask(__name__)
    app.config["SECRET_KEY"] = KEY
    app.config.from_file(str(path), load=tomllib.load, text=False)
    Consent(app)
    site: Site = app.extensions["consent"]
    site.close()
    return site.settings


def from_django(path: Path) -> Settings:
    """What Django's settings object hands over is what the settings module holds."""
    django = LazySettings()
    django.configure(SECRET_KEY=KEY, CONSENT=MAPPING)
    return read_settings(django.CONSENT, keys=[django.SECRET_KEY, *django.SECRET_KEY_FALLBACKS])


@pytest.mark.parametrize(
    ("spelling", "own"),
    [(from_toml, ()), (from_flask, ("session",)), (from_flask_file, ("session",)), (from_django, ())],
)
def test_a_policy_is_the_same_however_it_is_spelt(spelling: Any, own: tuple[str, ...], tmp_path: Path) -> None:
    settings = spelling(tmp_path / "consent.toml")
    assert settings == read_settings(MAPPING, keys=KEY, necessary_cookies=own)
    assert settings.policy.digest() == read_settings(MAPPING, keys=KEY).policy.digest()


def test_everything_that_was_said_is_in_what_was_read(tmp_path: Path) -> None:
    settings = from_toml(tmp_path / "consent.toml")
    policy = settings.policy
    assert policy.version == "2026-11"
    assert policy.names == ("necessary", "analytics", "marketing", "research")
    assert policy.undeclared == ()
    assert [service.name for service in policy.services] == ["youtube", "matomo", "reading-study"]
    study = policy.services[2]
    assert study.cookies == (Cookie("_rs"), Cookie("_rs_*", 30), Cookie("uid", 0.5, third_party=True))
    assert (study.title, study.provider) == ("Reading study", "Example University")
    assert (study.purposes, study.hosts) == (("research",), ("study.example.org",))
    assert (study.snippets, study.storage) == (("study.start(",), ("rs_*",))
    assert study.privacy_url == "https://study.example.org/privacy"
    assert settings.regime == PRESETS["us-ca"]
    assert settings.region is None
    assert (settings.wording, settings.placement, settings.language) == ("assume", "manual", "fr-CA")
    assert settings.wall == "csp-report"
    assert (settings.prefix, settings.privacy_url, settings.log) == ("/_choice/", "/privacy", "sqlite:///")
    assert settings.cookie_name == "choice"
    assert settings.consent_mode == ConsentMode(advanced=True, wait_for_update=800, url_passthrough=True)
    assert settings.texts == {"*": {"title": "Your choice"}, "fr": {"refuse": "Non merci"}}
    assert settings.keys == (KEY.encode(),)


def test_an_empty_mapping_is_a_strict_site_that_asks_for_nothing() -> None:
    settings = read()
    assert settings.policy.names == ("necessary",)
    assert settings.policy.services == ()
    assert settings.regime == STRICT
    assert settings.policy.undeclared
    assert (settings.wording, settings.placement, settings.language) == ("auto", "auto", "auto")
    assert settings.wall == "off"
    assert (settings.prefix, settings.log, settings.cookie_name) == ("/_consent/", "sqlite:///consent.db", "consent")


def test_settings_and_all_in_them_are_frozen() -> None:
    settings = read_settings(MAPPING, keys=KEY)
    policy = settings.policy
    frozen = (settings, policy, policy.purposes[0], policy.services[0], policy.services[2].cookies[0], settings.regime)
    for value in frozen:
        assert value is not None
        for field in dataclasses.fields(value):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(value, field.name, None)
    for mapping in (settings.texts, settings.texts["fr"]):
        with pytest.raises(TypeError):
            mapping["refuse"] = "x"  # type: ignore[index]
    assert hash(settings) == hash(read_settings(MAPPING, keys=KEY))


def test_changing_the_mapping_afterwards_changes_nothing() -> None:
    texts: dict[str, Any] = {"fr": {"title": "Avant"}}
    hosts = ["a.example"]
    settings = read(texts=texts, services={"study": {"purposes": ["analytics"], "hosts": hosts}})
    texts["fr"]["title"] = "Après"
    hosts.append("b.example")
    assert settings.texts["fr"]["title"] == "Avant"
    assert settings.policy.services[0].hosts == ("a.example",)


# Services


def test_a_service_by_name_is_the_catalogues() -> None:
    youtube = read(services=["youtube"]).policy.services[0]
    assert youtube.title == "YouTube"
    assert youtube.provider == "Google"
    assert youtube.purposes == ("marketing",)
    assert "www.youtube.com/embed/" in youtube.hosts
    assert Cookie("YSC", 0, third_party=True) in youtube.cookies
    assert youtube.declared


@pytest.mark.parametrize(
    "services", [["youtube", "vimeo"], ("youtube", "vimeo", "youtube"), {"youtube": True, "vimeo": {}}]
)
def test_services_are_a_list_or_a_table_and_keep_their_order(services: Any) -> None:
    assert [service.name for service in read(services=services).policy.services] == ["youtube", "vimeo"]


def test_services_as_a_set_are_in_the_same_order_in_every_process() -> None:
    names = {"youtube", "vimeo", "matomo", "hotjar", "stripe", "segment"}
    assert [service.name for service in read(services=names).policy.services] == sorted(names)


def test_what_a_site_adds_to_a_known_service_is_held_as_well() -> None:
    plain = read(services=["matomo"]).policy.services[0]
    entry = {
        "hosts": ["stats.example.org"],
        "snippets": ["startStats("],
        "storage": ["stats_*"],
        "provider": "Ourselves",
    }
    more = read(services={"matomo": entry}).policy.services[0]
    assert set(more.hosts) == {*plain.hosts, "stats.example.org"}
    assert set(more.snippets) == {*plain.snippets, "startStats("}
    assert set(more.storage) == {*plain.storage, "stats_*"}
    assert more.cookies == plain.cookies
    assert (more.title, more.provider, more.purposes) == (plain.title, "Ourselves", plain.purposes)


def test_a_site_knows_better_how_long_a_known_cookie_lives() -> None:
    plain = read(services=["google-analytics"]).policy.services[0]
    entry = {"cookies": [{"name": "_ga", "days": 60}, "_mine", {"name": "_ga", "days": 5, "third_party": True}]}
    more = read(services={"google-analytics": entry}).policy.services[0]
    assert [cookie for cookie in more.cookies if cookie.name == "_ga"] == [
        Cookie("_ga", 60),
        Cookie("_ga", 5, third_party=True),
    ]
    assert len(more.cookies) == len(plain.cookies) + 2
    assert Cookie("_mine") in more.cookies


def test_a_site_decides_what_a_known_service_is_for() -> None:
    policy = read(services={"youtube": {"purposes": ["preferences", "marketing"]}}).policy
    assert policy.services[0].purposes == ("preferences", "marketing")
    assert policy.names == ("necessary", "preferences", "marketing")


@pytest.mark.parametrize(
    "left", [{"hosts": ["a.example"]}, {"snippets": ["go("]}, {"cookies": ["c"]}, {"storage": ["k"]}]
)
def test_a_service_of_the_sites_own_needs_one_thing_to_be_known_by(left: dict[str, Any]) -> None:
    study = read(services={"my-study": {"purposes": ["analytics"], **left}}).policy.services[0]
    assert study.title == "My study"
    assert study.declared


def test_undeclared_are_all_known_services_that_need_an_agreement() -> None:
    policy = read(services=["youtube"]).policy
    names = {service.name for service in policy.undeclared}
    assert "google-analytics" in names
    assert "youtube" not in names
    assert "stripe" not in names, "what is necessary needs no agreement"
    assert not any(service.declared for service in policy.undeclared)
    assert read(services=["youtube"], undeclared="allow").policy.undeclared == ()


# Purposes


def test_purposes_are_those_in_use_least_intrusive_first_then_the_sites_own() -> None:
    words = {"title": "T", "text": "X"}
    policy = read(
        services=["youtube", "google-analytics"], purposes={"zoo": words, "research": words, "preferences": True}
    ).policy
    assert policy.names == ("necessary", "preferences", "analytics", "marketing", "zoo", "research")
    assert policy.optional == policy.names[1:]


def test_a_built_in_purpose_may_have_the_sites_words() -> None:
    policy = read(
        purposes={"analytics": {"text": "How many of you there are."}, "necessary": {"title": "Always"}}
    ).policy
    assert policy.purpose("analytics") == Purpose("analytics", "", "How many of you there are.")
    assert policy.purpose("necessary").title == "Always"
    assert policy.names == ("necessary", "analytics")


# The law


def test_a_preset_is_meant_by_its_name() -> None:
    for name, regime in PRESETS.items():
        assert read(regime=name).regime is regime


def test_a_regime_of_the_sites_own() -> None:
    regime = read(
        regime={"name": "club", "model": "opt-out", "months": 3, "signals": ["gpc"], "privacy_choices": True}
    ).regime
    assert regime == Regime("club", "opt-out", 3, frozenset({"gpc"}), privacy_choices=True)
    assert read(regime={}).regime == Regime("own", "opt-in", 6)
    assert read(regime={"months": 6.0}).regime == Regime("own", "opt-in", 6)


def test_where_a_region_is_found_no_regime_is_fixed() -> None:
    for regime in ({}, {"regime": "auto"}, {"regime": None}):
        assert read(region="fixed:fr", **regime).regime is None
        assert read(**regime).regime == STRICT


def test_a_region_comes_from_a_header_a_code_or_a_function() -> None:
    headers: Mapping[str, str] = {"cf-ipcountry": "DE", "x-where": "BR"}

    def found(region: object) -> str | None:
        source = read(region=region).region
        assert isinstance(source, RegionSource)
        return source.find(headers.get, lambda: "JP")

    assert found("geoip:/var/lib/GeoIP/GeoLite2-City.mmdb") == "JP"
    assert found("header:CF-IPCountry") == "DE"
    assert found("header:X-Missing") is None
    assert found("fixed:us_ca") == "US-CA"
    assert found(lambda header: header("x-where")) == "BR"


@pytest.mark.parametrize("regime", ["opt-out", "notice", "us-ca", "us-uoom", "us-other", "ch"])
def test_agreement_may_be_assumed_where_the_law_says_so(regime: str) -> None:
    assert read(regime=regime, wording="assume").wording == "assume"


# The rest


@pytest.mark.parametrize(
    "address", ["/privacy", "/a?b=c#d", "https://example.org/privacy", "HTTP://example.org", "/confidentialité", ""]
)
def test_a_privacy_page_is_a_path_or_an_address(address: str) -> None:
    assert read(privacy_url=address).privacy_url == address


def test_a_prefix_ends_with_a_slash_once() -> None:
    assert read(prefix="/a/b").prefix == read(prefix="/a/b/").prefix == "/a/b/"


def test_a_path_like_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "consent.toml"
    path.write_text('policy = "1"\n', "utf-8")
    assert read_toml(path) == read_toml(str(path)) == {"policy": "1"}


def test_a_policy_is_made_without_settings_too() -> None:
    policy = Policy.of([Purpose("necessary"), Purpose("analytics")])
    assert policy.version == policy.digest()[:12]


@pytest.mark.parametrize("declared", ["sess*", "session*", "*session*"])
def test_a_frameworks_own_cookie_is_necessary_whoevers_pattern_it_matches(declared: str) -> None:
    services = {"study": {"purposes": ["analytics"], "cookies": [declared]}}
    settings = read_settings({"services": services}, keys=KEY, necessary_cookies=["session", "csrftoken"])
    assert settings.policy.necessary_cookies == {"session", "csrftoken"}
    assert settings.policy.version == read_settings({"services": services}, keys=KEY).policy.version


def test_unless_the_site_itself_declares_it_by_name() -> None:
    services = {"basket": {"purposes": ["preferences"], "cookies": [{"name": "session", "days": 1}]}}
    settings = read_settings({"services": services}, keys=KEY, necessary_cookies=["session", "csrftoken"])
    assert settings.policy.necessary_cookies == {"csrftoken"}
