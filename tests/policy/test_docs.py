"""docs/settings.md tells of every setting, and what it shows can be used as it stands."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from consent.banner.look import Look
from consent.errors import ConfigurationError
from consent.policy.regime import PRESETS
from consent.policy.settings import Settings, read_settings

KEY = "f3qH-0tXz9vLm2Ws8Kd1"
TEXT = (Path(__file__).parents[2] / "docs" / "settings.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
SECTIONS = dict(re.findall(r"^#{2,4} `([^`]+)`\n(.*?)(?=^#{2,4} |\Z)", TEXT, flags=re.MULTILINE | re.DOTALL))


def known(settings: dict[str, Any]) -> tuple[str, ...]:
    """The names that the reader knows where ``?`` stands, which it lists in its error."""
    with pytest.raises(ConfigurationError, match="unknown setting") as caught:
        read_settings(settings, keys=KEY)
    return caught.value.known


def all_settings() -> set[str]:
    cookies = known({"services": {"study": {"purposes": ["analytics"], "cookies": [{"name": "c", "?": 1}]}}})
    return {
        *known({"?": 1}),
        *(f"services.NAME.{name}" for name in known({"services": {"study": {"?": 1}}})),
        *(f"services.NAME.cookies.{name}" for name in cookies),
        *(
            f"services.NAME.exempt.{name}"
            for name in known(
                {"services": {"study": {"purposes": ["analytics"], "hosts": ["s.example.org"], "exempt": {"?": 1}}}}
            )
        ),
        *(f"purposes.NAME.{name}" for name in known({"purposes": {"research": {"?": 1}}})),
        *(f"regime.{name}" for name in known({"regime": {"?": 1}})),
        *(f"consent_mode.{name}" for name in known({"consent_mode": {"?": 1}})),
        *(f"gpp.{name}" for name in known({"gpp": {"?": 1}})),
    }


def test_every_setting_has_its_heading_and_no_other_has() -> None:
    assert set(SECTIONS) == all_settings()
    assert len(SECTIONS) >= 30
    assert len(re.findall(r"^#{2,4} `", TEXT, flags=re.MULTILINE)) == len(SECTIONS), "each heading once"


def test_every_setting_of_the_mapping_has_an_example_and_every_link_an_end() -> None:
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= set(known({"?": 1}))
    for name in known({"?": 1}):
        assert f"\n## `{name}`\n" in TEXT
        assert re.search(rf"\b{name}\b", "".join(re.findall(r"```\w+\n(.*?)```", SECTIONS[name], flags=re.DOTALL)))


def read(language: str, block: str) -> Settings:
    if language == "toml":
        return read_settings(tomllib.loads(block), keys=KEY)
    names: dict[str, Any] = {}
    exec(compile(block, "settings.md", "exec"), names)
    return read_settings(names["CONSENT"], keys=KEY)


def test_blocks_are_of_three_kinds() -> None:
    assert len(re.findall(r"^```", TEXT, flags=re.MULTILINE)) == 2 * len(BLOCKS)
    assert {language for language, _ in BLOCKS} == {"toml", "python", "text"}
    assert sum(language != "text" for language, _ in BLOCKS) >= 25


@pytest.mark.parametrize(("language", "block"), [pair for pair in BLOCKS if pair[0] != "text"])
def test_an_example_is_read_as_it_stands(language: str, block: str) -> None:
    settings = read(language, block)
    assert settings != read_settings({}, keys=KEY), "an example shows something"
    Look(settings.policy, language=settings.language, texts=settings.texts)


def test_the_two_spellings_of_the_smallest_example_are_one() -> None:
    (first, toml), (second, python) = BLOCKS[:2]
    assert read(first, toml) == read(second, python)


def test_the_error_that_is_shown_is_the_one_that_is_raised() -> None:
    [(_, shown)] = [pair for pair in BLOCKS if pair[0] == "text"]
    with pytest.raises(ConfigurationError) as caught:
        read_settings({"regime": "opt_in"}, keys=KEY)
    assert str(caught.value) == shown.strip()


DEFAULTS = {
    name: found[1] for name, body in SECTIONS.items() if (found := re.search(r"Default:\s`([^`]+)`", body)) is not None
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_default_is_what_holds_where_nothing_is_said(name: str) -> None:
    value = tomllib.loads(f"x = {DEFAULTS[name]}")["x"]
    path = name.replace("NAME", "study").split(".")
    base: dict[str, Any] = {"services": {"study": {"purposes": ["analytics"], "cookies": [{"name": "c"}]}}}
    if path[0] == "regime" and len(path) > 1:
        base = {"regime": {}}
    elif path[0] == "consent_mode":
        base = {}
    elif path[0] == "gpp":
        base = {"services": ["google-ads"], "privacy_url": "/p", "region": "header:X"}
        base |= {"gpp": {}} if path[1:] else {}
    elif path[0] == "purposes":
        base = {"purposes": {"research": {"title": "Research", "text": "Which articles are read."}}}
    said: dict[str, Any] = {**base}
    if path[-1] == "third_party":
        said = {"services": {"study": {"purposes": ["analytics"], "cookies": [{"name": "c", path[-1]: value}]}}}
    elif path[0] == "purposes":
        said = {"purposes": {"research": {**base["purposes"]["research"], path[-1]: value}}}
    elif len(path) == 2:
        said = {**base, path[0]: {path[1]: value}}
    else:
        said = {**base, path[0]: value}
    assert read_settings(said, keys=KEY) == read_settings(base, keys=KEY)


def test_defaults_are_told() -> None:
    assert {"undeclared", "regime", "wording", "prefix", "log", "placement", "wall", "language", "cookie_name"} <= set(
        DEFAULTS
    )
    assert {
        "regime.model",
        "regime.months",
        "regime.signals",
        "regime.name",
        "services.NAME.cookies.third_party",
        "consent_mode.mode",
        "consent_mode.wait_for_update",
        "gpp",
        "gpp.sale",
        "gpp.covered",
    } <= set(DEFAULTS)


def test_the_table_of_presets_is_that_of_the_code() -> None:
    told: dict[str, tuple[str, int, bool]] = {}
    models = {"nothing runs": "opt-in", "all runs, and is asked": "opt-out", "all runs, and is told": "notice"}
    for names, before, months, signal in re.findall(
        r"^\| (`[^|]*) \| ([^|]*) \| (\d+) months \| ([^|]*)\|$", TEXT, flags=re.MULTILINE
    ):
        for name in re.findall(r"`([^`]+)`", names):
            told[name] = (models[before], int(months), "GPC" in signal)
    assert told == {name: (regime.model, regime.months, "gpc" in regime.signals) for name, regime in PRESETS.items()}
