"""The scripts that pages load: made from the readable ones by one command, small, and fit for their places."""

from __future__ import annotations

import gzip
import re
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

import find
from consent.banner.look import asset
from consent.exchange import Consent
from consent.exchange.facts import Facts, Reply
from consent.policy.settings import read_settings

ROOT = Path(__file__).parents[2]
#: Bytes, compressed as servers do at their best. What each page, or each first visit, may cost.
BUDGETS = {"consent": 4096, "gpp": 1024, "guard": 3650, "vendors": 512}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``make script`` makes now."""
    if not (ROOT / "node_modules/.bin/terser").exists():
        pytest.fail("terser is missing: npm ci brings it", pytrace=False)
    folder = tmp_path_factory.mktemp("minified")
    subprocess.run([ROOT / "tools/minify", folder], check=True)
    return folder


@pytest.mark.parametrize("name", BUDGETS)
def test_what_is_served_is_what_the_readable_script_makes(made: Path, name: str) -> None:
    assert (made / f"{name}.min.js").read_bytes() == asset(f"{name}.js").body, "make script"


@pytest.mark.parametrize(("name", "most"), BUDGETS.items())
def test_a_script_keeps_to_its_budget(name: str, most: int) -> None:
    assert len(gzip.compress(asset(f"{name}.js").body, 9, mtime=0)) <= most


@pytest.mark.parametrize("name", BUDGETS)
def test_a_developer_may_read_what_visitors_are_served_short(name: str) -> None:
    written = files("consent.banner").joinpath("static", f"{name}.js").read_bytes()
    assert asset(f"{name}.js", readable=True).body == written
    assert b"/**" not in asset(f"{name}.js").body
    assert len(asset(f"{name}.js").body) < len(written) / 2


def _answer(query: str, *, debug: bool = False) -> Reply:
    consent = Consent(read_settings({"services": []}, keys="f3qH-0tXz9vLm2Ws8Kd1"), debug=debug)
    path = "/_consent/consent.js"
    step = consent.handle(
        Facts("GET", path, lambda _: None, "https", "news.example", 1_795_000_000, bytes, query=query)
    )
    assert isinstance(step, Reply)
    return step


def test_in_debug_mode_the_readable_script_is_served_and_asked_for_anew() -> None:
    query = f"v={asset('consent.js').digest}"
    assert _answer(query).body == asset("consent.js").body
    shown = _answer(query, debug=True)
    assert shown.body == asset("consent.js", readable=True).body
    assert ("Cache-Control", "public, no-cache") in shown.headers


@pytest.mark.parametrize("query", ["", "v=of-another-day"])
def test_other_addresses_of_the_module_lead_to_the_banners(query: str) -> None:
    answer = _answer(query)
    assert answer.body.decode() == f'export*from"./consent.js?v={asset("consent.js").digest}"'
    assert ("Cache-Control", "public, no-cache") in answer.headers


@pytest.mark.parametrize("name", ["gpp", "guard", "vendors"])
@pytest.mark.parametrize("readable", [False, True])
def test_a_script_that_stands_in_a_page_cannot_end_its_element(name: str, readable: bool) -> None:
    assert not re.search(rb"</|<!--|<script", asset(f"{name}.js", readable=readable).body, re.IGNORECASE)


def test_the_module_parses(tmp_path: Path) -> None:
    node = find.node()
    body = asset("consent.js").body
    subprocess.run([node, "--input-type=module", "--check"], input=body, check=True)
