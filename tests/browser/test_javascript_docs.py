"""What docs/javascript.md shows, as it stands there, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from servers import ROOT, Place
from visitors import Visitor

pytestmark = pytest.mark.browser

BLOCKS = re.findall(r"^```js\n(.*?)^```", (ROOT / "docs/javascript.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
_SETTINGS = {
    "services": {
        "stats": {"title": "Stats", "purposes": ["analytics"], "hosts": ["stats.example"]},
        "ads": {"title": "Ads", "purposes": ["marketing"], "hosts": ["ads.example"]},
    }
}


def test_what_is_shown_runs_and_does_what_it_says(serve: Callable[..., Place], visit: Callable[..., Visitor]) -> None:
    assert len(BLOCKS) >= 6
    scripts = "".join(f"<script{' type=module' * ('import ' in block)}>{block}</script>" for block in BLOCKS)
    buttons = "".join(f"<button id={name}>{name}</button>" for name in ("yes", "no", "some", "back", "choices"))
    head = '<meta charset=utf-8><link rel=icon href="data:,"><title>Page</title>'
    visitor = visit(serve({"/": f"<!doctype html><html lang=en>{head}<h1>Page</h1>{buttons}{scripts}"}, **_SETTINGS))
    said: list[str] = []
    visitor.page.on("console", lambda message: said.append(message.text))
    visitor.go("/")
    visitor.wait_until(lambda: any("asked under policy" in each for each in said), "the banner to be told of")

    visitor.page.locator("#choices").click()
    expect(visitor.dialog).to_be_visible()
    visitor.dialog.get_by_role("button", name="Close").click()
    measured = visitor.page.locator("html[data-measured]")
    expect(measured).to_have_count(0)
    visitor.page.locator("#some").click()
    expect(measured).to_have_count(1)
    visitor.wait_until(lambda: "allowed: [analytics]" in said, "the change to be told of")
    assert visitor.status() == "custom"
    visitor.page.locator("#yes").click()
    visitor.wait_until(lambda: visitor.status() == "accepted", "the agreement")
    with visitor.page.expect_navigation():
        visitor.page.locator("#back").click()
    expect(measured).to_have_count(0)
    assert visitor.status() == "refused"
    assert visitor.complaints == []
