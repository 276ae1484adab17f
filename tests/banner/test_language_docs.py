"""The page about languages: its table is the code's, and its examples are read as they stand."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from babel import Locale

from consent.banner.look import Look
from consent.banner.text import _ALSO, LANGUAGES, Words, find
from consent.policy.policy import BUILT_IN_PURPOSES, Policy, Purpose

PAGE = (Path(__file__).parents[2] / "docs/languages.md").read_text("utf-8")
ROWS = re.findall(r"^\| `([^`]+)` \| (.+?) \| (.*?) ?\|$", PAGE, flags=re.MULTILINE)


def test_the_table_has_every_language_and_no_other() -> None:
    assert {tag for tag, _, _ in ROWS} == {*LANGUAGES}
    assert len(ROWS) == len(LANGUAGES)
    assert f"speak {len(LANGUAGES) - 1} languages" in PAGE  # Serbian is one


@pytest.mark.parametrize(("tag", "name", "_also"), ROWS)
def test_a_language_is_called_as_its_speakers_call_it(tag: str, name: str, _also: str) -> None:
    known = Locale.parse({"pt": "pt-PT", "zh": "zh-Hans"}.get(tag, tag), sep="-").get_display_name()
    assert known is not None
    assert known.startswith(name.replace("（", " (").replace("）", ")"))


def test_the_table_says_who_else_is_served() -> None:
    said = {other: tag for tag, _, also in ROWS for other in re.findall(r"`([^`]+)`", also)}
    assert {other.lower(): tag for other, tag in said.items()} == _ALSO
    assert all(find(other) == tag for other, tag in said.items())


def test_the_example_gives_a_site_its_own_words() -> None:
    [block] = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    policy = Policy.of([Purpose(name) for name in BUILT_IN_PURPOSES], version="1")
    look = Look(policy, texts=tomllib.loads(block)["texts"])
    assert Words(look, "de")("title") == "Kekse gefällig?"
    assert Words(look, "pt-BR")("settings") == "Preferências"
