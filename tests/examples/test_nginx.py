"""The example behind nginx: its pages are kept once for all, and each visitor sees a page of their own."""

from __future__ import annotations

import os
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email.message import Message
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))

from servers import ROOT, Outside, Place, found, free_port, python, running, wait_until
from visitors import Visitor, visiting

import find

pytestmark = pytest.mark.browser

EXAMPLE = ROOT / "examples" / "nginx_shared"


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    with Outside().open() as outside:
        yield outside


@pytest.fixture(scope="module")
def browser(outside: Outside) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found(find.headless), args=outside.switches())
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def bakery(tmp_path_factory: pytest.TempPathFactory, outside: Outside) -> Iterator[Place]:
    """Both servers, as the example says to run them, on ports that are free."""
    folder = tmp_path_factory.mktemp("bakery")
    site, front = free_port(), free_port()
    text = (EXAMPLE / "nginx.conf").read_text("utf-8")
    assert text.count("127.0.0.1:8001;") == text.count("listen 127.0.0.1:8000;") == 1
    conf = folder / "nginx.conf"
    conf.write_text(
        text.replace("127.0.0.1:8001;", f"127.0.0.1:{site};").replace("127.0.0.1:8000;", f"127.0.0.1:{front};")
    )
    (folder / "run").mkdir()
    # As root it would give its work to a user who may not look into the tests' folders.
    more = ["-g", "user root;"] if os.geteuid() == 0 else []
    nginx = [found(find.nginx), "-p", str(folder / "run"), "-c", str(conf), *more]
    gunicorn = python(
        "-m", "gunicorn", "--chdir", str(EXAMPLE), "--bind", f"127.0.0.1:{site}", "--workers", "2", "bakery:app"
    )
    log = f"sqlite:///{folder / 'consent.db'}"
    with ExitStack() as stack:
        stack.enter_context(running(gunicorn, folder, url=f"http://127.0.0.1:{site}"))
        url = stack.enter_context(running(nginx, folder / "front", url=f"http://127.0.0.1:{front}"))
        yield Place(
            "nginx", url, log, "/film", frozenset({"_ga", "_ga_RYE1962"}), frozenset({"www.youtube-nocookie.com"}),
            frozenset({"www.googletagmanager.com", "www.google-analytics.com"}), outside.heard,
        )  # fmt: skip


@pytest.fixture
def visit(browser: Browser, bakery: Place) -> Iterator[Callable[..., Visitor]]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(visiting(browser, bakery, **options))


def get(url: str, **headers: str) -> tuple[Message, bytes]:
    request = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.headers, answer.read()


def test_visitors_who_chose_otherwise_are_served_the_same_kept_bytes_and_have_pages_of_their_own(
    bakery: Place, visit: Callable[..., Visitor]
) -> None:
    _, kept = get(f"{bakery.url}/film")
    agreed, refused = visit(), visit()
    for visitor in (agreed, refused):
        visitor.go("/film")
        expect(visitor.card).to_be_visible()
        visitor.expect_silence()
    agreed.accept()
    agreed.expect_heard()
    refused.refuse()
    for visitor in (agreed, refused):
        answer = visitor.page.goto(f"{bakery.url}/film")
        assert answer is not None
        assert answer.headers["x-cache"] == "HIT"
        assert answer.body() == kept
        assert "set-cookie" not in answer.headers
        expect(visitor.card).to_have_count(0)

    expect(agreed.page.frame_locator("iframe").get_by_role("heading", name="Film")).to_be_visible()
    wait_until(lambda: "_ga" in agreed.cookies(), "the cookie of who agreed")
    refused.expect_silence()
    assert refused.cookies().keys() == {"consent"}
    assert not refused.heard()
    assert [visitor.complaints for visitor in (agreed, refused)] == [[], []]

    # Who takes it back is served the same bytes, and all is quiet.
    panel = agreed.open_settings()
    with agreed.page.expect_navigation():
        panel.get_by_role("button", name="Refuse all").click()
    agreed.forget()
    agreed.page.reload()
    agreed.expect_silence()
    assert agreed.status() == "refused"


def test_without_a_script_the_kept_page_holds_all_and_leads_to_the_settings(
    bakery: Place, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(script=False)
    visitor.go("/film")
    visitor.press("Accept all", visitor.open_settings())
    assert visitor.status() == "accepted"
    visitor.forget()
    visitor.go("/film")
    visitor.expect_silence()


def test_a_page_is_made_once_whoever_asks(bakery: Place) -> None:
    first, page = get(f"{bakery.url}/?once", Cookie="consent=forged; a=1")
    assert first["X-Cache"] == "MISS"
    for headers in ({}, {"Cookie": "b=2"}, {"Sec-GPC": "1"}, {"Accept-Language": "de"}, {"Sec_Fetch_Dest": "document"}):
        kept, again = get(f"{bakery.url}/?once", **headers)
        assert (kept["X-Cache"], again) == ("HIT", page)
        assert (kept["Set-Cookie"], kept["Vary"]) == (None, None)


def test_what_is_one_visitors_passes_and_is_not_kept(bakery: Place) -> None:
    for path in ("/_consent/state", "/_consent/settings"):
        for _ in range(2):
            answer, _ = get(f"{bakery.url}{path}")
            assert (answer["X-Cache"], answer["Cache-Control"]) == (None, "no-store")
    get(f"{bakery.url}/privacy")
    for headers in (
        {"HX_Request": "true"},
        {"Turbo_Frame": "x"},
        {"Sec_Fetch_Dest": "empty", "Sec_Fetch_Mode": "cors"},
    ):
        for _ in range(2):
            answer, piece = get(f"{bakery.url}/privacy", **headers)
            assert answer["X-Cache"] == "BYPASS"
            assert answer["Cache-Control"].startswith("private")
            assert b'id="yc"' not in piece
    assert get(f"{bakery.url}/privacy")[0]["X-Cache"] == "HIT"


def test_nobodys_cookie_is_kept(bakery: Place) -> None:
    for loaves in ("3", "7"):
        answer, page = get(f"{bakery.url}/basket", Cookie=f"basket={loaves}")
        assert answer["X-Cache"] == "MISS"
        assert answer["Cache-Control"].startswith("private")
        assert answer["Set-Cookie"].startswith("basket=1")
        assert f"<p>{loaves} in it.</p>".encode() in page
