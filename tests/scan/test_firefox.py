"""The same with Firefox, where there is one that Playwright can drive: the system's, or Playwright's own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from consent.cli import main
from consent.policy.settings import read_settings
from consent.scan.browser import BrowserMissing
from consent.scan.judge import judge
from consent.scan.run import Plan, scan
from consent.scan.seen import Scan
from consent.scan.visit import Manner
from consent.scan.who import Owners
from consent.wsgi import ConsentMiddleware

from . import planted as sites

KEY = "a key for these tests alone, long enough"
SETTINGS = {
    "services": {
        "stats": {"purposes": ["analytics"], "hosts": ["localhost"], "cookies": ["_ga"], "storage": ["visits"]},
    },
    "privacy_url": "/privacy",
    "regime": "eu",
}
COUNT = b"""function count() { document.cookie = "_ga=1; path=/"; localStorage.setItem("visits", "1"); }
count();
fetch("/count", { mode: "no-cors" });"""


def site(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """A page, and under another name the script that counts its visitors."""
    host, _, port = environ["HTTP_HOST"].partition(":")
    if host == "localhost":
        start_response("200 OK", [("Content-Type", "text/javascript")])
        return [COUNT]
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [sites.page(f'<h1>Lamps</h1><script src="http://localhost:{port}/count.js"></script>')]


def scanned(app: sites.App) -> Scan:
    with sites.serving(app, plainly=True, alone=True) as port:
        manner = Manner(screenshots=False, patience=8.0)
        plan = Plan([f"http://127.0.0.1:{port}/"], limit=1, browser="firefox", manner=manner)
        try:
            return asyncio.run(scan(plan))
        except BrowserMissing as error:
            pytest.skip(str(error))


@pytest.mark.browser
def test_firefox_tells_what_runs_without_consent_and_which_script_wrote_what() -> None:
    seen = scanned(site)
    found = {(each.rule.id, each.subject): each for each in judge(seen, Owners(seen.site))}
    assert seen.browser.startswith("Firefox ")
    assert "before" in found["stranger-without-consent", "localhost"].phases
    (before,) = seen.of("before")
    assert [(each.name, each.how, each.by.endswith("/count.js")) for each in before.cookies] == [
        ("_ga", "script", True)
    ]
    assert [(each.key, each.by.endswith("/count.js")) for each in before.stored] == [("visits", True)]


@pytest.mark.browser
def test_firefox_refuses_accepts_and_withdraws() -> None:
    app = ConsentMiddleware(site, SETTINGS, secret_key=KEY)
    policy = read_settings(SETTINGS, keys=KEY).policy
    seen = scanned(app)
    assert {visit.phase for visit in seen.visits} >= {"before", "refused", "accepted", "withdrawn", "gpc"}
    assert all(visit.done for visit in seen.visits), [visit.problems for visit in seen.visits]
    owners = Owners(seen.site, policy)
    called = {visit.phase for visit in seen.visits if any(owners.of_request(each).declared for each in visit.requests)}
    assert called == {"accepted"}
    assert judge(seen, owners, policy=policy) == ()


def test_a_firefox_that_does_not_start_is_one_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "shop.example", "--browser=firefox", "--program", "/no/such/browser"]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert "apt install firefox" in said
    assert "playwright install firefox" in said
