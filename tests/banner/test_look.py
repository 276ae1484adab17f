"""What the visitor sees of a site's settings, and what the log keeps of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from consent.banner.look import Look, asset, foot_style, inline_style, stylesheet
from consent.banner.notice import shown
from consent.banner.text import LANGUAGES, Words, keys
from consent.errors import ConfigurationError
from consent.policy.policy import BUILT_IN_PURPOSES, Cookie, Policy, Purpose, Service
from consent.policy.regime import PRESETS

DAYS = (None, 0, 0.02, 0.5, 3, 90, 730)
SERVICES = tuple(
    Service(
        name, name.title(), "Provider", ("analytics", "marketing"),
        cookies=(*(Cookie(f"c{number}", days) for number, days in enumerate(DAYS)), Cookie("uid", 3, third_party=True)),
        storage=("key_*",),
    )
    for name in ("one", "two", "three")
)  # fmt: skip
PURPOSES = tuple(Purpose(name) for name in BUILT_IN_PURPOSES)
POLICY = Policy(version="1", purposes=PURPOSES, services=SERVICES)


def notice(
    policy: Policy = POLICY,
    language: str = "en",
    regime: str = "eu",
    texts: dict[str, Any] | None = None,
    **changes: Any,
) -> bytes:
    look = Look(policy, texts=texts or {}, **{"privacy_url": "/privacy", **changes})
    return shown(look, Words(look, language), PRESETS[regime])


def test_a_language_without_words_is_refused_where_it_is_set() -> None:
    for wrong, path, value in (
        ({"language": "tlh"}, ("language",), "tlh"),
        ({"texts": {"tlh": {}}}, ("texts",), "tlh"),
        ({"texts": {"fr-CA": {"title": "x"}}}, ("texts",), "fr-CA"),
    ):
        with pytest.raises(ConfigurationError, match="no words in this language") as caught:
            Look(POLICY, **wrong)  # type: ignore[arg-type]
        assert (caught.value.path, caught.value.value) == (path, value)
        assert {*LANGUAGES} < {*caught.value.known}
    for language in ("auto", "fr", "FR", "fr-CA"):
        assert Look(POLICY, language=language).language == language


def test_a_text_that_nobody_shows_is_refused_with_the_nearest_name() -> None:
    for language in ("*", "fr"):
        with pytest.raises(ConfigurationError, match="did you mean 'refuse'") as caught:
            Look(POLICY, texts={language: {"refuze": "Non"}})
        assert caught.value.path == ("texts", language)
    with pytest.raises(ConfigurationError, match="unknown text"):
        Look(POLICY, texts={"*": {"dir": "rtl"}})
    Look(POLICY, texts={"*": dict.fromkeys(keys(), "x")})


@pytest.mark.parametrize("model", ["opt-in", "opt-out", "notice"])
@pytest.mark.parametrize("wording", ["auto", "ask", "assume"])
def test_agreement_is_never_assumed_where_it_is_asked_for_first(model: str, wording: Any) -> None:
    assert Look(POLICY, wording=wording).assumes(model) == (model != "opt-in" and wording != "ask")


# The notice


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("regime", ["eu", "us-ca"])
def test_a_notice_is_canonical_json(language: str, regime: str) -> None:
    content = notice(language=language, regime=regime)
    canonical = json.dumps(json.loads(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert content == canonical.encode()
    assert content == notice(language=language, regime=regime)
    assert json.loads(content)["v"] == 1


#: Words about a choice that was made or about the way, none of which anyone agrees to.
BESIDE = {
    "back", "close", "cookie", "gpc_title", "declaration", "duration", "gpc", "link", "no_cookies", "no_services", "not_saved",
    "placeholder_undeclared", "privacy_choices", "privacy_policy", "provider", "purpose", "read_more", "saved", "service",
    "receipt", "receipt_none", "receipt_sealed", "receipt_text", "receipt_waiting",
    "status_accepted", "status_custom", "status_refused", "status_undecided", "status_undecided_opt_in",
}  # fmt: skip


def test_a_notice_changes_with_every_word_that_is_agreed_to() -> None:
    few = replace(POLICY, services=())
    counted = replace(POLICY, services=(replace(SERVICE, purposes=("statistics",), exempt=frozenset({"cnil"})),))
    views: list[dict[str, Any]] = [
        {},
        {"regime": "us-ca"},
        {"regime": "us-ca", "wording": "ask"},
        {"policy": few},
        {"regime": "fr", "policy": counted},
        {"close_button": True},
    ]
    before = [notice(**view) for view in views]
    telling = {key for key in keys() if [notice(texts={"*": {key: "other words"}}, **view) for view in views] != before}
    assert telling == keys() - BESIDE


SERVICE = SERVICES[0]
CHANGES: dict[str, dict[str, Any]] = {
    "language": {"language": "de"},
    "regime": {"regime": "us-ca"},
    "privacy page": {"privacy_url": "/p"},
    "version": {"policy": replace(POLICY, version="2")},
    "a purpose's title": {"policy": replace(POLICY, purposes=(*PURPOSES[:3], Purpose("marketing", "Ads")))},
    "a purpose's text": {"policy": replace(POLICY, purposes=(*PURPOSES[:3], Purpose("marketing", "", "Ads.")))},
    "one purpose less": {"policy": replace(POLICY, purposes=PURPOSES[1:])},
    "one service less": {"policy": replace(POLICY, services=SERVICES[1:])},
    **{
        f"a service's {name}": {"policy": replace(POLICY, services=(replace(SERVICE, **{name: value}), *SERVICES[1:]))}
        for name, value in {
            "title": "T",
            "provider": "P",
            "purposes": ("analytics",),
            "storage": (),
            "cookies": (Cookie("c0", 3),),
        }.items()
    },
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_a_notice_changes_with_every_fact_that_is_shown(changes: dict[str, Any]) -> None:
    assert notice(**changes) != notice()


def test_a_cookies_life_and_party_are_in_the_notice() -> None:
    def of(cookie: Cookie) -> bytes:
        return notice(replace(POLICY, services=(replace(SERVICE, cookies=(cookie,)),)))

    assert len({of(Cookie("a", 3)), of(Cookie("b", 3)), of(Cookie("a", 4)), of(Cookie("a", 3, third_party=True))}) == 4


# Files

LOOKS: list[tuple[Any, Any]] = [(layout, theme) for layout in ("box", "bar", "modal") for theme in ("quiet", "bold")]


@pytest.mark.parametrize("name", ["consent.js", "panel.css", "guard.js"])
def test_a_file_is_known_by_its_content(name: str) -> None:
    file = asset(name)
    assert file is asset(name)
    assert file.body
    assert len(file.digest) == 12
    assert file.type.startswith("text/")


def test_the_style_in_a_page_cannot_end_its_element() -> None:
    for layout, theme in LOOKS:
        style = inline_style(layout, theme)
        assert "<" not in style + foot_style()
        assert stylesheet(layout, theme).body.startswith(style.encode() + foot_style().encode())


def test_each_layout_and_theme_has_a_style_of_its_own() -> None:
    assert len({stylesheet(*look).digest for look in LOOKS}) == len({inline_style(*look) for look in LOOKS}) == 6
    assert len({notice(layout=layout, theme=theme) for layout, theme in LOOKS}) == 6, "which is in the notice"


@pytest.mark.parametrize("layout", ["box", "bar", "modal"])
@pytest.mark.parametrize("theme", ["quiet", "bold"])
def test_no_background_is_lost_where_a_browser_cannot_mix_colours(layout: Any, theme: Any) -> None:
    """With ``var()`` in it, what it cannot read is not left out: nothing is drawn then, and white text stands on white."""
    assert not re.search(rb"background(-color)?:[^;}]*color-mix\([^;}]*var\(", stylesheet(layout, theme).body)
