"""Visits side by side: what goes wrong with one is told as it is, and ends the others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from consent.scan import run
from consent.scan.crawl import Frontier
from consent.scan.seen import Banner, Phase, Visit

URL = "https://shop.example/"


def test_an_error_in_one_visit_is_raised_as_it_is_and_leaves_no_other_visit_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended: list[Phase] = []

    async def frontier(_browser: Any, plan: run.Plan) -> tuple[str, Frontier]:
        pages = Frontier(limit=1, depth=0, skipped=None)
        pages.begin(plan.urls)
        return "shop.example", pages

    async def visit(_browser: Any, url: str, phase: Phase, _manner: Any) -> Visit:
        if phase == "refused":
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(phase)
        return Visit(url, phase, landed=url, banner=Banner("Some", refusable=True))

    def told(seen: Visit, _left: int) -> None:
        if seen.phase == "accepted":
            raise BrokenPipeError

    monkeypatch.setattr(run, "_frontier", frontier)
    monkeypatch.setattr(run, "visit", visit)
    plan = run.Plan([URL], phases=("before", "refused", "accepted"), told=told)
    nobody: Any = None
    with pytest.raises(BrokenPipeError):
        asyncio.run(run._visits(nobody, plan))
    assert ended == ["refused"]
