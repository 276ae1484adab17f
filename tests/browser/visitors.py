"""Somebody with a browser: what they do on a site, and what their browser sends, stores and complains of."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Frame, Locator, Page, Request, expect
from servers import PATIENCE, Place, wait_until

_NUMBERS = itertools.count(1)

#: Tells the test of every violation of the page's own policy.
_WATCH = """addEventListener("securitypolicyviolation", (event) =>
  console.error(`violates ${event.violatedDirective}: ${event.blockedURI}`))"""


@dataclass(slots=True)
class Visitor:
    """One visitor of one site, in a browser context of their own.

    ``elsewhere``: every request for another host. ``complaints``: violations of the page's policy and errors.
    """

    place: Place
    context: BrowserContext
    page: Page
    agent: str
    script: bool
    elsewhere: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)

    # What they do

    def go(self, path: str = "/") -> None:
        self.page.goto(self.place.url + path)

    def press(self, name: str, within: Locator | None = None) -> None:
        """Press the button with this name, and wait for the page that comes instead or for the answer."""
        button = (within or self.page).get_by_role("button", name=name, exact=True)
        if self.script:
            with self.page.expect_response(lambda answer: answer.request.method == "POST"):
                button.click()
        else:
            with self.page.expect_navigation():
                button.click()

    def accept(self) -> None:
        self.press("Accept", self.card)

    def refuse(self) -> None:
        self.press(self.card.locator(".yc-b [value=refuse]").inner_text(), self.card)

    @property
    def card(self) -> Locator:
        return self.page.locator("#yc")

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def open_settings(self) -> Locator:
        """Follow the link at the page's foot: a dialog, or without a script a page."""
        self.page.locator("footer, #yc-l").get_by_role("link", name="Cookie settings").click()
        panel = self.dialog if self.script else self.page.get_by_role("main")
        expect(panel.get_by_role("heading", name="Cookie settings")).to_be_visible()
        return panel

    # What is known of it

    def settle(self) -> None:
        """Until nothing is on its way, and a request that was made after it all has been answered."""
        self.page.wait_for_load_state("networkidle")
        if self.script:
            assert self.page.evaluate("async () => (await fetch('/privacy')).status") == 200
        else:
            assert self.page.request.get(self.place.url + "/privacy").ok

    def wait_until(self, true: Callable[[], object], what: str) -> None:
        """Wait for something that the browser tells of."""

        def looked() -> object:
            self.page.wait_for_timeout(1)  # the browser's events come in only while it is waited for
            return true()

        wait_until(looked, what)

    def heard(self) -> Mapping[str, int]:
        return self.place.heard(self.agent)

    def expect_heard(self) -> None:
        """Until every third party has heard of this visitor."""
        expected = self.place.frames | (self.place.scripts if self.script else frozenset())
        wait_until(lambda: expected <= self.heard().keys(), f"{sorted(expected)} to be called")

    def expect_silence(self) -> None:
        """Since the last time that we looked, nobody else was asked for anything."""
        self.settle()
        assert self.elsewhere == [], f"asked: {self.elsewhere}"

    def forget(self) -> None:
        """Look from here on."""
        self.settle()
        self.elsewhere.clear()

    def cookies(self) -> dict[str, Any]:
        """This site's; those that a third party has set once it was asked, only it can take away."""
        home = urlsplit(self.place.url).hostname
        return {cookie["name"]: cookie for cookie in self.context.cookies() if cookie["domain"] == home}

    def stored(self) -> dict[str, list[str]]:
        """What this site's pages keep in the browser beside cookies."""
        found: dict[str, list[str]] = self.page.evaluate(
            """async () => ({
              local: Object.keys(localStorage), session: Object.keys(sessionStorage),
              databases: (await indexedDB.databases()).map((each) => each.name), caches: await caches.keys(),
            })"""
        )
        return found

    def status(self) -> str:
        """How the site's server sees this visitor."""
        return str(self.state()["status"])

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.page.request.get(f"{self.place.url}/_consent/state").json()
        return state


@contextmanager
def visiting(
    browser: Browser, place: Place, *, script: bool = True, gpc: bool = False, region: str = "", **options: Any
) -> Iterator[Visitor]:
    """A visitor whose browser has never been here."""
    agent = f"Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Visitor/{next(_NUMBERS)}"
    headers = {**({"Sec-GPC": "1"} if gpc else {}), **({"X-Region": region} if region else {})}
    context = browser.new_context(
        user_agent=agent, java_script_enabled=script, ignore_https_errors=True, extra_http_headers=headers,
        **{"locale": "en-GB", **options},
    )  # fmt: skip
    context.set_default_timeout(PATIENCE * 1000)
    expect.set_options(timeout=PATIENCE * 1000)
    context.add_init_script(_WATCH)
    visitor = Visitor(place, context, context.new_page(), agent, script)
    home = urlsplit(place.url).netloc

    def on_request(request: Request) -> None:
        address = urlsplit(request.url)
        if address.netloc not in {home, ""}:
            visitor.elsewhere.append(request.url)
        elif request.is_navigation_request() and request.frame == visitor.page.main_frame:
            visitor.loads.append(address.path)

    def on_console(message: ConsoleMessage) -> None:
        # A page that is not there is a site's own affair.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            visitor.complaints.append(message.text)

    context.on("request", on_request)
    context.on("console", on_console)
    visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    try:
        yield visitor
    finally:
        context.close()


def violations(page: Page | Frame, axe: str, within: str = "document") -> list[str]:
    """What axe finds, one line each. ``evaluate`` is the debugger's, and so not bound by the page's policy."""
    page.evaluate(axe)
    found: list[dict[str, Any]] = page.evaluate(f"async () => (await axe.run({within})).violations")
    return [
        f"{each['id']} ({each['help']}): {node['html'][:160]}: {node.get('failureSummary', '')}"
        for each in found
        for node in each["nodes"]
    ]
