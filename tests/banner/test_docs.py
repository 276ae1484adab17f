"""What docs/banner.md says is so, and what it shows works as it stands."""

from __future__ import annotations

import gzip
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlencode

import jinja2
import pytest

from consent.banner.look import Look, inline_style
from consent.banner.script import asset_url
from consent.banner.text import keys
from consent.exchange.choice import read_choice
from consent.exchange.facts import Facts
from consent.policy.policy import Policy, Purpose
from consent.policy.settings import Layout, Theme, read_settings

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "banner.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
POLICY = Policy.of([Purpose("necessary"), Purpose("analytics")], version="1")


def blocks(language: str) -> list[str]:
    return [block for kind, block in BLOCKS if kind == language]


def style(name: str) -> str:
    return files("consent.banner").joinpath("static", name).read_text("utf-8")


def test_every_block_is_of_a_kind_that_is_tried() -> None:
    assert {language for language, _ in BLOCKS} == {"toml", "css", "html", "jinja"}


@pytest.mark.parametrize("block", blocks("toml"))
def test_settings_are_read_as_they_stand(block: str) -> None:
    settings = read_settings(tomllib.loads(block), keys="f3qH-0tXz9vLm2Ws8Kd1")
    assert settings != read_settings({}, keys="f3qH-0tXz9vLm2Ws8Kd1")
    Look(settings.policy, texts=settings.texts)


def test_every_property_is_told_with_its_defaults() -> None:
    rows = dict(re.findall(r"^\| `(--consent-[a-z-]+)` \|(.*)\|$", TEXT, flags=re.MULTILINE))
    styles = {name: style(name) for name in ("card.css", *(f"theme-{theme}.css" for theme in get_args(Theme)))}
    layouts = "".join(style(f"layout-{layout}.css") for layout in get_args(Layout))
    assert set(rows) == set(re.findall(r"var\((--consent-[a-z-]+)", "".join(styles.values()) + layouts))
    for number, theme in enumerate(get_args(Theme)):
        for name, row in rows.items():
            told = re.findall(r"`([^`]+)`", row.split("|")[number + 1])
            used = {
                value.strip()
                for value in re.findall(rf"var\({name}, (.*)\);$", styles[f"theme-{theme}.css"], re.MULTILINE)
            }
            if told:
                assert used == {told[0], f"light-dark({', '.join(told)})"} or used == {told[0]}, (theme, name)
    for size in re.findall(r"`(\d+rem)`", rows["--consent-width"]):
        assert f"var(--consent-width, {size})" in layouts


def test_properties_and_texts_that_are_shown_exist() -> None:
    [block] = blocks("css")
    assert set(re.findall(r"--consent-[a-z-]+", block)) <= set(re.findall(r"`(--consent-[a-z-]+)`", TEXT))
    rows = re.findall(r"^\| (`[a-z_`, ]+) \| [^|`]*\|$", TEXT, flags=re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    assert {"title", "exempt", "continue_without"} <= named <= keys()


def test_a_form_of_ones_own_is_understood() -> None:
    [block] = blocks("html")
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', block))
    actions = re.findall(r'<button name="action" value="(\w+)"', block)
    assert actions == ["accept", "refuse"]
    address = re.search(r'action="([^"]+)"', block)
    assert address is not None
    assert address[1] == f"{Look(POLICY).prefix}decision"
    granted = []
    for action in actions:
        header = {"content-type": "application/x-www-form-urlencoded"}.get
        facts = Facts("POST", address[1], header, "https", "news.example", 1_795_000_000, bytes)
        choice = read_choice(facts, urlencode({**fields, "action": action}).encode(), POLICY)
        assert choice.next == "/news"
        granted.append(choice.granted)
    assert granted == [{"analytics"}, set()]
    [template] = blocks("jinja")
    page: dict[str, Any] = {"asked": True, "url": asset_url("/_consent/", "consent.js")}
    assert page["url"] in jinja2.Template(template).render(consent=page)


def test_the_style_in_the_page_is_as_small_as_is_said() -> None:
    sizes = [
        len(gzip.compress(inline_style(layout, theme).encode(), 9)) / 1024
        for layout in get_args(Layout)
        for theme in get_args(Theme)
    ]
    said = re.search(r"between ([\d.]+) and ([\d.]+) KB compressed", TEXT)
    assert said is not None
    assert (round(min(sizes), 1), round(max(sizes), 1)) == (float(said[1]), float(said[2]))


@pytest.mark.parametrize("name", ["banner.md", "gallery.md"])
def test_every_link_and_picture_has_its_end(name: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", DOCS.joinpath(name).read_text("utf-8")):
        page, _, anchor = target.partition("#")
        path = DOCS.joinpath(page or name)
        assert path.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}, target
