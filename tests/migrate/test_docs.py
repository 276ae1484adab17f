"""docs/moving.md and docs/caching.md: what they show can be used as it stands, and the names in them are there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from consent.policy.moved import LIBRARIES
from consent.policy.settings import read_settings

ROOT = Path(__file__).parents[2]
MOVING, CACHING = ((ROOT / "docs" / f"{name}.md").read_text("utf-8") for name in ("moving", "caching"))
BLOCKS = [
    (language, text)
    for page in (MOVING, CACHING)
    for language, text in re.findall(r"^ *```(\w+)\n(.*?)^ *```$", page, flags=re.MULTILINE | re.DOTALL)
]


def code(language: str) -> list[str]:
    return [text for named, text in BLOCKS if named == language]


@pytest.mark.parametrize("text", code("toml"), ids=lambda text: text.strip().splitlines()[0])
def test_settings_can_be_used_as_they_stand(text: str) -> None:
    read_settings(tomllib.loads(text), keys=["a key for the settings of these pages"])


def test_there_is_a_section_for_each_library_whose_cookie_can_be_read() -> None:
    headings = {heading.lower() for heading in re.findall(r"^## (.+)$", MOVING, flags=re.MULTILINE)}
    assert headings >= LIBRARIES.keys()
    for cookie in LIBRARIES.values():
        assert f"`{cookie}`" in MOVING


@pytest.mark.parametrize("page", [MOVING, CACHING], ids=["moving", "caching"])
def test_every_link_has_an_end(page: str) -> None:
    for file, anchor in re.findall(r"\]\((?!http)([^)#]*)#?([^)]*)\)", page):
        text = (ROOT / "docs" / file).read_text("utf-8") if file else page
        headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
        slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in slugs, f"{file}#{anchor}"


def test_what_is_shown_of_nginx_is_what_the_example_runs() -> None:
    conf = {line.strip() for line in (ROOT / "examples/nginx_shared/nginx.conf").read_text("utf-8").splitlines()}
    [shown] = code("nginx")
    assert {line.strip() for line in shown.splitlines()} <= conf


def test_the_order_of_djangos_middleware_is_the_one_that_its_checks_ask_for() -> None:
    [shown] = code("python")
    said: dict[str, Any] = {}
    exec(shown, said)
    names = [name.rpartition(".")[2] for name in said["MIDDLEWARE"]]
    assert names == ["ConsentMiddleware", "UpdateCacheMiddleware", "CommonMiddleware", "FetchFromCacheMiddleware"]
