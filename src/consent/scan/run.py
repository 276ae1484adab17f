"""Runs a scan: a browser, the pages one after another, all phases of a page side by side."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .browser import BrowserName, agent, opened, possible
from .crawl import Frontier, led, robots_of, sitemap_of
from .domain import host_of, is_third
from .seen import CHOSEN, PHASES, Phase, Scan, Visit
from .visit import Manner, profile, tell, unasked, visit

if TYPE_CHECKING:
    from playwright.async_api import Browser

__all__ = ["Plan", "scan"]


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

    :raises BrowserMissing: if there is no browser, or none that can be in one of the plan's phases.
    """
    began = int(time.time())
    insecure = plan.manner.ignore_https_errors
    async with opened(plan.browser, plan.program, hosts=plan.hosts, insecure=insecure) as browser:
        plan = replace(plan, phases=await possible(browser, plan.phases))
        if not plan.manner.agent:
            plan = replace(plan, manner=replace(plan.manner, agent=agent(browser)))
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

    async def look(url: str, phase: Phase, more: int = 0) -> Visit:
        async with gate:
            seen = await visit(browser, url, phase, plan.manner)
        visits.append(seen)
        left = len(frontier) * len(plan.phases) + len(waiting - {asyncio.current_task()}) + more
        plan.told(seen, left)
        return seen

    async def look_again(url: str, phase: Phase) -> None:
        await look(url, phase)

    async def look_at_all(tasks: asyncio.TaskGroup) -> None:
        while (url := frontier.take()) is not None:
            first, *others = plan.phases
            # The first visit finds links; the others may go on beside the next page's first.
            seen = await look(url, first, len(others))
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
                task = tasks.create_task(look_again(url, phase))
                waiting.add(task)
                task.add_done_callback(waiting.discard)
            while len(waiting) > 2 * plan.at_once:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)

    try:
        async with asyncio.TaskGroup() as tasks:
            await look_at_all(tasks)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None  # as if there were no tasks
    return site, visits


async def _frontier(browser: Browser, plan: Plan) -> tuple[str, Frontier]:
    """The site's host, to which the first address leads, and the pages to look at."""
    frontier = Frontier(limit=plan.limit, depth=plan.depth, skipped=plan.skipped)
    options = profile(plan.urls[0], "noscript", plan.manner)
    options["accept_downloads"] = True  # a sitemap may be a file
    context = await browser.new_context(**options)
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
