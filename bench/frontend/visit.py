"""One visit to one banner's page, in a browser that has never been there: what it costs, and when it can be refused.

Times are those of the page's own clock, from the start of its navigation. The processor is slowed down and the network is
one of a phone; both by the browser's own debugger, on the loopback.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from peers import HERE, NONE, Peer
from playwright.sync_api import Browser, CDPSession, Page
from playwright.sync_api import TimeoutError as Late

#: What Lighthouse calls a slow 4G network, and how much slower a phone's processor is.
LATENCY, DOWN, UP = 150, 1_638_400 / 8, 750_000 / 8
SLOWDOWN = 4
PATIENCE = 15.0
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 375, "height": 667}
_OBSERVE = (HERE / "observe.js").read_text("utf-8")
_REFUSE = (HERE / "refuse.js").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Load:
    """What a page had cost when all was quiet. Sizes in bytes, bodies only; times in milliseconds.

    ``files`` are all but the page itself, wherever they came from; ``fetched`` those that came over the network.
    """

    raw: int
    zipped: int
    files: int
    fetched: int
    server: float
    painted: float
    script: float
    busy: float
    tasks: int
    tasks_ms: float
    shift: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """When the page was painted first, when the refuse button was seen, and when a click on it was honoured."""

    painted: float
    seen: float
    usable: float


_LOADED = """() => {
  const [page] = performance.getEntriesByType("navigation"), files = performance.getEntriesByType("resource");
  const sum = (name) => [page, ...files].reduce((total, each) => total + each[name], 0);
  return {
    raw: sum("decodedBodySize"), zipped: sum("encodedBodySize"),
    files: files.length, fetched: files.filter((each) => each.transferSize > 0).length,
    server: page.serverTiming[0].duration, painted: performance.getEntriesByName("first-contentful-paint")[0].startTime,
    tasks: benchSeen.tasks.length, tasks_ms: benchSeen.tasks.reduce((total, each) => total + each, 0), shift: benchSeen.shift,
  };
}"""


@contextmanager
def visiting(browser: Browser, *, slow: bool = True, **options: Any) -> Iterator[tuple[Page, CDPSession]]:
    """A page in a browser that has been nowhere."""
    context = browser.new_context(**{"viewport": DESKTOP, "locale": "en-GB", **options})
    context.set_default_timeout(PATIENCE * 1000)
    try:
        yield _opened(context.new_page(), slow=slow)
    finally:
        context.close()


def _opened(page: Page, *, slow: bool) -> tuple[Page, CDPSession]:
    debugger = page.context.new_cdp_session(page)
    if slow:
        debugger.send("Network.enable")
        debugger.send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": LATENCY, "downloadThroughput": DOWN, "uploadThroughput": UP},
        )
        debugger.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
    debugger.send("Performance.enable")
    return page, debugger


def load(page: Page, debugger: CDPSession, url: str) -> Load:
    """Go there and wait until nothing happens any more."""
    page.add_init_script(_OBSERVE)
    page.goto(url, wait_until="load")
    _quiet(page)
    metrics = {each["name"]: each["value"] for each in debugger.send("Performance.getMetrics")["metrics"]}
    return Load(**page.evaluate(_LOADED), script=metrics["ScriptDuration"] * 1000, busy=metrics["TaskDuration"] * 1000)


def _quiet(page: Page) -> None:
    """Half a second without a request, and some more for what was put off."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(250)


def refuse(page: Page, debugger: CDPSession, peer: Peer, url: str) -> Refusal:
    """Go there and refuse as soon as it can be done."""
    told: list[tuple[str, float]] = []

    def on_told(event: dict[str, Any]) -> None:
        said = json.loads(event["payload"])
        told.append((said["what"], said["at"]))

    debugger.on("Runtime.bindingCalled", on_told)
    debugger.send("Runtime.enable")
    debugger.send("Runtime.addBinding", {"name": "benchTold"})
    page.add_init_script(_REFUSE.replace("PATH", json.dumps(path(peer.refuse))))
    page.goto(url, wait_until="commit")
    deadline = time.monotonic() + PATIENCE
    while "done" not in {what for what, _ in told}:
        if time.monotonic() > deadline:
            raise Late(f"{peer.name} could not be refused: {told}")
        page.wait_for_timeout(20)
    _quiet(page)
    times = dict(reversed(told))  # the first of each
    clicks = [at for what, at in told if what == "click"]
    return Refusal(painted=times["painted"], seen=max(times["painted"], times["seen"]), usable=clicks[-1])


def path(selector: str) -> list[str]:
    """A selector's parts, each to be looked for within the one before."""
    return selector.split(" ") if ">" not in selector else [selector]


@dataclass(frozen=True, slots=True)
class Round:
    """What one round found for one banner: a first visit, a refusal, and a visit after it. The page alone has only the first."""

    first: Load
    refusal: Refusal | None = None
    again: Load | None = None


def measure(browser: Browser, peer: Peer, url: str) -> Round:
    with visiting(browser) as (page, debugger):
        first = load(page, debugger, url + "/")
    if peer is NONE:
        return Round(first)
    with visiting(browser) as (page, debugger):
        refusal = refuse(page, debugger, peer, url + "/")
        later, after = _opened(page.context.new_page(), slow=True)
        again = load(later, after, url + "/")
        assert not later.locator(peer.refuse).is_visible(), f"{peer.name} has forgotten the refusal"
    return Round(first, refusal, again)


# What does not change from round to round


@dataclass(frozen=True, slots=True)
class Inspection:
    """What one look at a banner finds. ``tabs``: presses of Tab from the page's start to refuse, none if it is not reached.

    ``buttons``: width and height of refuse and of accept. ``covers``: what part of a desktop's and a phone's screen.
    ``axe`` and ``axe_second``: the rules that each layer breaks; ``None`` where there is no second layer.
    """

    axe: tuple[str, ...]
    axe_second: tuple[str, ...] | None
    focus_taken: bool
    tabs: int | None
    key_refuses: bool
    buttons: tuple[float, float, float, float]
    covers: tuple[float, float]
    without_script: bool
    #: Scripts and styles of a page without tags that wait for consent, for a visitor who refused.
    left: int


_ACTIVE = """(path) => {
  let active = document.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  const button = path.reduce((within, selector) => within && (within.shadowRoot ?? within).querySelector(selector), document);
  return active === button;
}"""
_FOCUS = "document.activeElement !== document.body && document.activeElement !== null"


def inspect(browser: Browser, peer: Peer, url: str, axe: str) -> Inspection:
    """One look, at the machine's own speed."""
    with visiting(browser, slow=False) as (page, _):
        page.goto(url + "/")
        page.locator(peer.refuse).wait_for()
        _quiet(page)
        taken = bool(page.evaluate(_FOCUS))
        refuse, accept = (page.locator(each).bounding_box() for each in (peer.refuse, peer.accept))
        assert refuse is not None, peer.name
        assert accept is not None, peer.name
        desktop = _covered(page, peer)
        broken = _violations(page, axe)
        second = None
        if peer.settings:
            page.locator(peer.settings).click()
            page.locator(peer.second).first.wait_for()
            _quiet(page)
            second = _violations(page, axe)
    with visiting(browser, slow=False) as (page, _):
        page.goto(url + "/")
        page.locator(peer.refuse).wait_for()
        _quiet(page)
        tabs = next((press for press in range(1, 151) if _tab(page, peer)), None)
        works = False
        if tabs is not None:
            page.keyboard.press("Enter")
            works = _gone(page, peer)
            _quiet(page)
        left = load(*_opened(page.context.new_page(), slow=False), url + "/plain").files
    with visiting(browser, slow=False, viewport=PHONE) as (page, _):
        page.goto(url + "/")
        page.locator(peer.refuse).wait_for()
        _quiet(page)
        phone = _covered(page, peer)
    return Inspection(
        axe=broken,
        axe_second=second,
        focus_taken=taken,
        tabs=tabs,
        key_refuses=works,
        buttons=(refuse["width"], refuse["height"], accept["width"], accept["height"]),
        covers=(desktop, phone),
        without_script=_without_script(browser, peer, url),
        left=left,
    )


def _tab(page: Page, peer: Peer) -> bool:
    page.keyboard.press("Tab")
    return bool(page.evaluate(_ACTIVE, path(peer.refuse)))


def _gone(page: Page, peer: Peer) -> bool:
    try:
        page.locator(peer.refuse).wait_for(state="hidden", timeout=3000)
    except Late:
        return False
    return True


def _covered(page: Page, peer: Peer) -> float:
    """The banner's part of the screen."""
    box, screen = page.locator(peer.banner).first.bounding_box(), page.viewport_size
    assert box is not None, peer.name
    assert screen is not None
    width = min(box["x"] + box["width"], screen["width"]) - max(box["x"], 0)
    height = min(box["y"] + box["height"], screen["height"]) - max(box["y"], 0)
    return width * height / (screen["width"] * screen["height"])


def _violations(page: Page, axe: str) -> tuple[str, ...]:
    page.evaluate(axe)
    found: list[str] = page.evaluate("async () => (await axe.run()).violations.map((each) => each.id)")
    return tuple(found)


def _without_script(browser: Browser, peer: Peer, url: str) -> bool:
    """Whether it is seen and can be refused where no script runs."""
    with visiting(browser, slow=False, java_script_enabled=False) as (page, _):
        page.goto(url + "/")
        if not page.locator(peer.refuse).is_visible():
            return False
        page.locator(peer.refuse).click()
        page.goto(url + "/")
        return not page.locator(peer.refuse).is_visible()
