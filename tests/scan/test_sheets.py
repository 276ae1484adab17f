"""The pages for people, of scan, check and report: accessible in light and dark, on a phone and on paper."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from records import KEY, NOTICE, SECRET, make_record

from consent.cli import main
from consent.log.store import SqlStore, open_database
from consent.scan import report
from find import browser

from .test_reports import FINDINGS, SCAN

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
MANNERS: Mapping[str, Mapping[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
}


@pytest.fixture
def pages(tmp_path: Path) -> dict[str, str]:
    log = f"sqlite:///{tmp_path / 'consent.db'}"
    store = SqlStore(open_database(log), [KEY])
    now = time.time_ns() // 1_000_000
    for number, kind in enumerate(("accept_all", "refuse_all", "custom", "withdraw")):
        granted = ("analytics", "marketing") if kind == "accept_all" else ("analytics",) if kind == "custom" else ()
        refused = tuple(name for name in ("analytics", "marketing") if name not in granted)
        store.append(
            make_record(number, ts=now - number * 86_400_000, kind=kind, granted=granted, refused=refused), NOTICE
        )
    store.close()
    (tmp_path / "consent.toml").write_text(f'secret_key = "{SECRET}"\nservices = ["youtube"]\nlog = "{log}"\n')
    main(["check", str(tmp_path / "consent.toml"), "--html", str(tmp_path / "check.html")])
    scan = json.loads(report.as_json(SCAN, FINDINGS))
    scan["findings"][0]["text"] += f" It was called at https://www.example.org/{'a' * 80}."
    (tmp_path / "scan.json").write_text(json.dumps(scan))
    main(["report", "--log", log, "--scan", str(tmp_path / "scan.json"), "--output", str(tmp_path / "report.html")])
    (tmp_path / "scan.html").write_text(report.html(SCAN, FINDINGS), "utf-8")
    return {name: (tmp_path / f"{name}.html").read_text("utf-8") for name in ("scan", "check", "report")}


async def looked_at(pages: Mapping[str, str]) -> dict[tuple[str, str], list[str]]:
    """By page and manner: what axe-core says is wrong, and whether the page is wider than the screen."""
    from playwright.async_api import async_playwright

    assert AXE.is_file(), f"{AXE} is missing: npm ci brings it"
    found: dict[tuple[str, str], list[str]] = {}
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=browser())
        for manner, options in MANNERS.items():
            context = await chromium.new_context(**options)
            for name, html in pages.items():
                page = await context.new_page()
                await page.set_content(html)
                await page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
                await page.evaluate(AXE.read_text("utf-8"))
                told = await page.evaluate(
                    "axe.run().then((said) => said.violations.map((each) => `${each.id}: ${each.nodes[0].html}`))"
                )
                wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
                found[name, manner] = [*told, *(["wider than the screen"] if wide else [])]
                await page.close()
            await context.close()
        context = await chromium.new_context()
        page = await context.new_page()
        await page.set_content(pages["scan"])
        await page.emulate_media(media="print")
        shown = await page.evaluate(
            "[...document.querySelectorAll('details li')].every((each) => each.checkVisibility() && each.getClientRects().length > 0)"
        )
        found["scan", "print"] = [] if shown else ["something is folded on paper"]
        await chromium.close()
    return found


@pytest.mark.browser
def test_the_pages_are_accessible_and_fit_wherever_they_are_read(pages: dict[str, str]) -> None:
    found = asyncio.run(looked_at(pages))
    assert len(found) == 10
    assert {where: told for where, told in found.items() if told} == {}
