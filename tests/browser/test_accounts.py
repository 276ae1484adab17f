"""Two hosts and two devices in a real browser: what is shared is shared, and nothing else is."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import trustme
from playwright.sync_api import Browser, BrowserContext, Page, Playwright
from werkzeug.serving import make_server

from consent.wsgi import ConsentMiddleware

pytestmark = pytest.mark.browser

KEY = "f3qH-0tXz9vLm2Ws8Kd1"
PAGE = b"""<!doctype html><html lang="en"><head><title>A page</title></head><body><h1>A page</h1>
<script data-purpose="analytics">document.title = "counted"</script></body></html>"""
SETTINGS = {
    "services": ["google-analytics"],
    "cookie_domain": "example.test",
    "account": "header:X-User",
    "account_seconds": 1,
}


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [PAGE]


@contextmanager
def served(log: Path, authority: trustme.CA, host: str) -> Iterator[int]:
    """One host, over TLS; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    app = ConsentMiddleware(application, {**SETTINGS, "log": f"sqlite:///{log}"}, secret_key=KEY)
    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=context)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        app.site.close()


@pytest.fixture(scope="module")
def hosts(playwright: Playwright, chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser that knows www.example.test and shop.example.test, two servers with one log."""
    log, authority = tmp_path_factory.mktemp("accounts") / "consent.db", trustme.CA()
    with ExitStack() as stack:
        names = ("www.example.test", "shop.example.test")
        ports = {name: stack.enter_context(served(log, authority, name)) for name in names}
        rules = ", ".join(f"MAP {name}:443 127.0.0.1:{port}" for name, port in ports.items())
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--ignore-certificate-errors", f"--host-resolver-rules={rules}"],
        )
        yield browser
        browser.close()


@pytest.fixture
def device(hosts: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """A new device, with somebody signed in or nobody."""
    with ExitStack() as stack:

        def new(user: str = "", **options: Any) -> BrowserContext:
            headers = {"X-User": user} if user else {}
            context = hosts.new_context(ignore_https_errors=True, extra_http_headers=headers, **options)
            stack.callback(context.close)
            return context

        yield new


def opened(context: BrowserContext, host: str = "www.example.test") -> Page:
    page = context.new_page()
    page.goto(f"https://{host}/")
    return page


def choose(page: Page, action: str) -> None:
    page.evaluate(
        """action => fetch("/_consent/decision", {
            method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({action})})""",
        action,
    )
    page.reload()


def status(page: Page) -> str:
    return str(json.loads(page.evaluate("fetch('/_consent/state').then(answer => answer.text())"))["status"])


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_one_decision_holds_on_all_hosts_below_the_domain(device: Callable[..., BrowserContext], script: bool) -> None:
    reader = device(java_script_enabled=script)
    news = opened(reader)
    news.locator("button[value=accept]").click()
    news.wait_for_load_state()
    if script:
        news.wait_for_function("document.title === 'counted'")
    [cookie] = reader.cookies("https://shop.example.test/")
    assert (cookie["name"], cookie["domain"]) == ("__Secure-consent", ".example.test")
    assert cookie["httpOnly"]
    shop = opened(reader, "shop.example.test")
    assert shop.locator("button[value=accept]").count() == 0
    if script:
        assert shop.title() == "counted"
        choose(shop, "withdraw")
        news.reload()
        assert (news.title(), status(news)) == ("A page", "refused")


def test_a_choice_follows_who_signs_in_and_its_withdrawal_outlives_signing_out(
    device: Callable[..., BrowserContext],
) -> None:
    laptop, phone, stranger = device("ada"), device("ada"), device("bob")
    at_home = opened(laptop)
    at_home.locator("button[value=accept]").click()
    at_home.wait_for_function("document.title === 'counted'")
    away = opened(phone, "shop.example.test")
    assert away.title() == "counted", "Ada has chosen"
    assert phone.cookies() == []
    assert status(opened(stranger)) == "undecided"
    choose(away, "accept")
    choose(at_home, "withdraw")
    away.wait_for_timeout(1_100)  # what the other process heard last is over
    away.reload()
    assert (away.title(), status(away)) == ("A page", "refused")
    phone.set_extra_http_headers({})
    away.reload()
    assert (away.title(), status(away)) == ("A page", "refused")
