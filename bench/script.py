"""What the page's script costs the visitor's processor, slowed down four times: at the start, and when it wakes a page.

    python bench/script.py

Each row is a page of its own in a real Chromium; figures are milliseconds of the main thread's own time, the best of a
few rounds, from the browser's trace: of all that our code does, and of what it does at one stretch.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from consent.wsgi import ConsentMiddleware

ROOT = Path(__file__).parents[1]
SLOWER, ROUNDS = 4, 5
_TEXT = "<p>What the harbour's new crane lifts in a day, the old one lifted in a week.</p>"
_PICTURES = "".join(f'<img data-purpose="analytics" src="/p{number}.gif" alt="">' for number in range(5))
_SHADOWS = """<script>
for (let number = 0; number < 200; number += 1) {
  const host = document.body.appendChild(document.createElement("div"));
  host.attachShadow({ mode: "open" }).innerHTML = "<p>one</p><p>two</p>";
}
</script>"""
PAGES = {
    "50 KB of text": _TEXT * 640 + _PICTURES,
    "5,000 elements, 100 templates, 200 shadow trees": _TEXT * 4_500
    + "<template><p>x</p></template>" * 100
    + _PICTURES
    + _SHADOWS,
    "500 held pictures": _TEXT * 200 + _PICTURES * 100,
}


@contextmanager
def site(body: str) -> Iterator[str]:
    """A site of one page. Yields its address."""

    class Quiet(WSGIRequestHandler):
        def log(self, *_what: Any) -> None:
            pass

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] != "/":
            start_response("204 No Content", [])
            return []
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [f'<!doctype html><html lang="en"><title>Page</title><body>{body}'.encode()]

    with tempfile.TemporaryDirectory() as folder:
        settings = {"log": f"sqlite:///{folder}/consent.db", "services": ["google-analytics"]}
        middleware = ConsentMiddleware(app, settings, secret_key="a key for nothing but this measurement")
        server = make_server("127.0.0.1", 0, middleware, threaded=True, request_handler=Quiet)
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            middleware.site.close()


def traced(page: Page, session: CDPSession, act: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds of all that our script does while something is done, and of what it does longest at a stretch."""
    events: list[dict[str, Any]] = []
    ended: list[bool] = []
    session.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    session.on("Tracing.tracingComplete", lambda _: ended.append(True))
    categories = "devtools.timeline,disabled-by-default-devtools.timeline,v8,v8.execute,toplevel"
    session.send("Tracing.start", {"categories": categories, "transferMode": "ReportEvents"})
    act()
    page.wait_for_timeout(500)
    session.send("Tracing.end")
    while not ended:
        page.wait_for_timeout(20)
    ours = sorted((each["ts"], each["ts"] + each["dur"], each["tdur"] / 1000) for each in events if _is_ours(each))
    stretches, end = [], 0
    for begun, ended_at, took in ours:
        if begun >= end:  # not within the one before
            stretches.append(took)
            end = ended_at
    return sum(stretches), max(stretches, default=0.0)


def _is_ours(event: dict[str, Any]) -> bool:
    """Whether code of ours runs: on these pages, all that waits for a promise is."""
    if not event.get("tdur"):
        return False
    names = {"EvaluateScript", "v8.evaluateModule", "v8.compileModule", "FunctionCall"}
    return event["name"] == "RunMicrotasks" or (event["name"] in names and "consent.js" in json.dumps(event["args"]))


def measured(browser: Browser, address: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """The start of the page's script, and what happens when the visitor accepts."""
    context = browser.new_context()
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    started = traced(page, session, lambda: page.goto(address))
    woken = traced(page, session, page.locator("#yc").get_by_role("button", name="Accept", exact=True).click)
    context.close()
    return started, woken


def main() -> None:
    found = subprocess.run(
        [sys.executable, ROOT / "tools/find.py", "browser"], capture_output=True, text=True, check=True
    )
    print(f"{'':50}{'start':>9}{'longest':>9}{'wake':>9}{'longest':>9}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found.stdout.strip(), args=["--no-sandbox"])
        for name, body in PAGES.items():
            with site(body) as address:
                rounds = [measured(browser, address) for _ in range(ROUNDS)]
            figures = [min(each[part][which] for each in rounds) for part in (0, 1) for which in (0, 1)]
            print(f"{name:50}" + "".join(f"{figure:9.1f}" for figure in figures))
        browser.close()


if __name__ == "__main__":
    main()
