"""Runs a scan: a browser, the pages one after another, all phases of a page side by side."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..errors import ConsentError
from .crawl import Frontier, led, robots_of, sitemap_of
from .domain import host_of, is_third
from .seen import CHOSEN, PHASES, Phase, Scan, Visit
from .visit import Manner, profile, tell, unasked, visit

if TYPE_CHECKING:
    from playwright.async_api import Browser

__all__ = ["BrowserMissing", "BrowserName", "Plan", "scan"]

BrowserName: TypeAlias = Literal["chromium", "firefox"]
#: Programs that are a Chromium, by what systems call them.
_CHROMIUMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


class BrowserMissing(ConsentError):
    """There is no browser to scan with, or it does not start, or ends. The message says how to get one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is looked at, and how.

    ``at_once``  visits side by side. ``program``: the browser's path, where it is not to be looked for.
    ``hosts``    names that are looked up otherwise, and where: ``{"www.example.com": "10.0.0.7:8080"}``.
    ``told``     is called with each visit when it is over, and with how many are known to be left.
    """

    urls: Sequence[str]
    limit: int = 10
    depth: int = 2
    phases: Sequence[Phase] = PHASES
    robots: bool = True
    sitemap: bool = True
    skipped: re.Pattern[str] | None = None
    manner: Manner = field(default_factory=Manner)
    browser: BrowserName = "chromium"
    program: str = ""
    at_once: int = 3
    hosts: Mapping[str, str] = field(default_factory=dict)
    told: Callable[[Visit, int], None] = lambda _visit, _left: None


async def scan(plan: Plan) -> Scan:
    """Scan a site.

    :raises BrowserMissing: if there is no browser.
    """
    began = int(time.time())
    async with _browser(plan) as browser:
        if not plan.manner.agent:
            plan = replace(plan, manner=replace(plan.manner, agent=_agent(browser)))
        site, visits = await _visits(browser, plan)
        name = f"{browser.browser_type.name.capitalize()} {browser.version}"
    order = {phase: number for number, phase in enumerate(PHASES)}
    pages = list(dict.fromkeys(each.url for each in visits))
    visits.sort(key=lambda each: (pages.index(each.url), order[each.phase]))
    return Scan(site, began, name, tuple(visits))


async def _visits(browser: Browser, plan: Plan) -> tuple[str, list[Visit]]:
    """The site's host, and what was seen."""
    site, frontier = await _frontier(browser, plan)
    gate = asyncio.Semaphore(plan.at_once)
    visits: list[Visit] = []
    waiting: set[asyncio.Task[None]] = set()

    async def look(url: str, phase: Phase) -> Visit:
        async with gate:
            seen = await visit(browser, url, phase, plan.manner)
        visits.append(seen)
        left = len(frontier) * len(plan.phases) + len(waiting)
        plan.told(seen, left)
        return seen

    async def look_again(url: str, phase: Phase) -> None:
        await look(url, phase)

    while (url := frontier.take()) is not None:
        first, *others = plan.phases
        # The first visit finds links; the others may go on beside the next page's first.
        seen = await look(url, first)
        if not seen.landed:
            continue  # no phase finds a page where there is none
        if not is_third(host_of(seen.landed), site):
            frontier.know(seen.landed)
        frontier.add(seen.links, page=url)
        silent = first == "before" and seen.banner is None
        for phase in others:
            if silent and phase in CHOSEN:
                visits.append(unasked(seen, phase))
                continue
            task = asyncio.create_task(look_again(url, phase))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
        while len(waiting) > 2 * plan.at_once:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    if waiting:
        await asyncio.gather(*waiting)
    return site, visits


async def _frontier(browser: Browser, plan: Plan) -> tuple[str, Frontier]:
    """The site's host, to which the first address leads, and the pages to look at."""
    frontier = Frontier(limit=plan.limit, depth=plan.depth, skipped=plan.skipped)
    context = await browser.new_context(**profile(plan.urls[0], "noscript", plan.manner))
    try:
        page = await context.new_page()
        if plan.manner.headers:
            await tell(context, page, plan.urls[0], plan.manner.headers)
        urls = [await led(page, url) for url in plan.urls]
        frontier.begin(urls)
        if plan.limit > len(urls) and (plan.robots or plan.sitemap):
            rules = await robots_of(page, urls[0])
            frontier.robots = rules if plan.robots else None
            if plan.sitemap:
                frontier.add(await sitemap_of(page, urls[0], rules))
    finally:
        await context.close()
    return host_of(urls[0]), frontier


@asynccontextmanager
async def _browser(plan: Plan) -> AsyncIterator[Browser]:
    try:
        from playwright.async_api import Error, async_playwright
    except ImportError as error:
        raise BrowserMissing("to scan, install the extra: pip install 'cookie-consent[scan]'") from error
    async with async_playwright() as playwright:
        try:
            if plan.browser == "firefox":
                browser = await playwright.firefox.launch(executable_path=plan.program or None)
            else:
                browser = await playwright.chromium.launch(
                    executable_path=plan.program or _chromium(),
                    # All frames of a page in one process, so that what led to a request is told for all of them.
                    args=[
                        "--disable-features=IsolateOrigins,site-per-process",
                        "--disable-site-isolation-trials",
                        # Banners and trackers hide from what says that a program drives it.
                        "--disable-blink-features=AutomationControlled",
                        *_mapped(plan.hosts),
                    ],
                )
        except Error as error:
            reason = str(error).strip().partition("\n")[0]
            system = "install one (apt install chromium), or " if plan.browser == "chromium" else ""
            how = f"{system}run playwright install {plan.browser}, or name one with --program"
            raise BrowserMissing(f"{plan.browser} does not start: {reason}; {how}") from error
        try:
            yield browser
        except Error as error:
            reason = str(error).strip().partition("\n")[0]
            raise BrowserMissing(f"{plan.browser} ended while it was needed: {reason}") from error
        finally:
            await browser.close()


def _agent(browser: Browser) -> str:
    """The name by which a Chromium with a window goes; ``""`` for another browser's own."""
    if browser.browser_type.name != "chromium":
        return ""
    system = {"darwin": "Macintosh; Intel Mac OS X 10_15_7", "win32": "Windows NT 10.0; Win64; x64"}
    of = system.get(sys.platform, "X11; Linux x86_64")
    major = browser.version.partition(".")[0]
    return f"Mozilla/5.0 ({of}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"


def _mapped(hosts: Mapping[str, str]) -> list[str]:
    rules = ",".join(f"MAP {name} {place}" for name, place in hosts.items())
    return [f"--host-resolver-rules={rules}"] if rules else []


def _chromium() -> str | None:
    """The system's Chromium; None for Playwright's own."""
    return next(filter(None, map(shutil.which, _CHROMIUMS)), None)
