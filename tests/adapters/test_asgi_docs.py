"""The code in docs/asgi.md runs, and what it makes is behind the gate."""

from __future__ import annotations

import asyncio
import re
from inspect import isawaitable
from pathlib import Path
from typing import Any

import pytest

from consent.testing import ConsentClient, ConsentLog, assert_banner, assert_held, assert_not_held

TEXT = (Path(__file__).parents[2] / "docs/asgi.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
PAGE = '<!doctype html><html><body><script src="https://www.google-analytics.com/a.js"></script></body></html>'


def _run(code: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("CONSENT_SECRET_KEY", "pt9Vd3Qv0JmX4cZs7uYb2hLw8eRk")
    made: dict[str, Any] = {"__name__": "documented"}
    exec(compile(code, "docs/asgi.md", "exec", dont_inherit=True), made)
    return made


async def _got(value: Any) -> Any:
    return await value if isawaitable(value) else value


@pytest.mark.parametrize("code", BLOCKS[:3], ids=["starlette", "fastapi", "quart"])
def test_the_shortest_set_up_works(code: str, monkeypatch: pytest.MonkeyPatch, consent_log: ConsentLog) -> None:
    app = _run(code, monkeypatch)["app"]
    if "starlette" in code:
        from starlette.responses import HTMLResponse

        app.add_route("/", lambda _request: HTMLResponse(PAGE))
    elif "fastapi" in code:
        from fastapi.responses import HTMLResponse

        app.get("/", response_class=HTMLResponse)(lambda: PAGE)
    else:
        app.get("/")(lambda: PAGE)

    async def visit() -> None:
        visitor = ConsentClient(app)
        page = await _got(visitor.get("/"))
        assert_banner(page)
        assert_held(page, "google-analytics")
        await _got(visitor.grant("analytics"))
        assert_not_held(await _got(visitor.get("/")), "google-analytics")

    asyncio.run(visit())


def test_there_is_no_shorter_set_up() -> None:
    inserted = [line for line in BLOCKS[0].splitlines() if "onsent" in line]
    assert len(inserted) == 2


@pytest.mark.parametrize("code", BLOCKS[3:])
def test_all_other_code_runs(
    code: str, monkeypatch: pytest.MonkeyPatch, consent_log: ConsentLog, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    made = _run(code, monkeypatch)
    if "/orders" in code:
        visitor = ConsentClient(made["app"])
        assert visitor.get("/orders").json() == {"measured": False}
        assert visitor.grant().get("/orders").json() == {"measured": True}
