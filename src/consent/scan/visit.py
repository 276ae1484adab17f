"""Visits a page in one phase: opens it in a new profile, answers its banner, and tells what was seen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from .banners import Known, Shown, find
from .domain import host_of
from .seen import Banner, Phase, Visit
from .watch import Watch

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Page

__all__ = ["Manner", "visit"]

#: Seconds without a request after which a page has settled.
_QUIET = 0.6
_LINKS = """() => [...document.querySelectorAll("a[href], area[href]")].map((link) => link.href).slice(0, 2000)"""
#: Down the page and back, as a reader goes, so that what waits for being looked at is asked for.
_SCROLL = """async () => {
  const height = Math.min(document.documentElement.scrollHeight, 20000);
  for (let at = 0; at < height; at += innerHeight) {
    scrollTo(0, at);
    await new Promise((done) => setTimeout(done, 40));
  }
  scrollTo(0, 0);
}"""
_SIGNAL = (
    """Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => true, configurable: true })"""
)


@dataclass(frozen=True, slots=True)
class Manner:
    """How pages are visited. Seconds: ``timeout`` for a page to load, ``patience`` for it to settle."""

    timeout: float = 20.0
    patience: float = 4.0
    width: int = 1280
    height: int = 800
    language: str = "en"
    headers: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    password: str = field(default="", repr=False)
    ignore_https_errors: bool = False
    banner: Known | None = None
    #: Signs in, in a new profile, before the page is opened.
    login: Callable[[BrowserContext], Awaitable[None]] | None = None
    screenshots: bool = True


async def visit(browser: Browser, url: str, phase: Phase, manner: Manner) -> Visit:
    """Visit a page once. Never raises for what a site does: problems are told in what is returned."""
    began = time.monotonic()
    context = await browser.new_context(**_profile(phase, manner))
    try:
        if phase == "gpc":
            await context.add_init_script(_SIGNAL)
        context.set_default_timeout(manner.timeout * 1000)
        page = await context.new_page()
        seen = Visit(url, phase)
        try:
            if manner.login is not None:
                await manner.login(context)
            watch = Watch(host_of(url))
            await watch.attach(context, page)
            seen = await _visited(context, page, watch, seen, manner)
        except Exception as error:
            seen = replace(seen, done=False, problems=(*seen.problems, _first_line(error)))
        return replace(seen, seconds=round(time.monotonic() - began, 3))
    finally:
        await context.close()


def _profile(phase: Phase, manner: Manner) -> dict[str, Any]:
    profile: dict[str, Any] = {
        "viewport": {"width": manner.width, "height": manner.height},
        "locale": manner.language,
        "java_script_enabled": phase != "noscript",
        "ignore_https_errors": manner.ignore_https_errors,
        "extra_http_headers": {**manner.headers, **({"Sec-GPC": "1"} if phase == "gpc" else {})},
    }
    if manner.user:
        profile["http_credentials"] = {"username": manner.user, "password": manner.password}
    return profile


async def _visited(context: BrowserContext, page: Page, watch: Watch, seen: Visit, manner: Manner) -> Visit:
    response = await page.goto(seen.url, wait_until="domcontentloaded")
    await _settle(page, watch, manner, scrolled=seen.phase in {"before", "gpc", "noscript"})
    problems: list[str] = []
    done = True
    shown = await _patiently(page, manner)
    if seen.phase in {"refused", "accepted", "withdrawn"}:
        problem = await _chosen(page, watch, shown, seen, manner)
        problems += [problem] if problem else []
        done = not problem
    scripted = seen.phase != "noscript"
    return replace(
        seen,
        done=done,
        status=response.status if response is not None else 0,
        title=await page.title(),
        banner=Banner(shown.known.name, refusable=shown.refuse is not None) if shown is not None else None,
        requests=watch.requests(),
        cookies=await watch.cookies(context),
        stored=await watch.stored(page) if scripted else (),
        calls=watch.calls(),
        links=tuple(dict.fromkeys(await page.evaluate(_LINKS))) if seen.phase == "before" else (),
        problems=tuple(problems),
        screenshot=await page.screenshot(type="jpeg", quality=60) if manner.screenshots else b"",
    )


async def _patiently(page: Page, manner: Manner) -> Shown | None:
    """The banner; some come late."""
    ends = time.monotonic() + min(2.0, manner.patience)
    while True:
        shown = await find(page, manner.banner)
        if shown is not None or time.monotonic() > ends:
            return shown
        await asyncio.sleep(0.3)


async def _chosen(page: Page, watch: Watch, shown: Shown | None, seen: Visit, manner: Manner) -> str:
    """Answer the banner, and forget what came before it; what was in the way, or ``""``."""
    if shown is None:
        return "nothing on this page asks for consent"
    accepting = seen.phase != "refused"
    button = shown.accept if accepting else shown.refuse
    if button is not None:
        await button.click()
    elif accepting:
        return f"the banner ({shown.known.name}) has no button to accept with"
    elif not await _press_all(page, shown.known.refusing):
        return f"the banner ({shown.known.name}) has no button to refuse with"
    if seen.phase == "withdrawn":
        await _settle(page, watch, manner)
        if not await _withdrawn(page, shown.known):
            return f"it is not known how to withdraw what was agreed to ({shown.known.name})"
    await _settle(page, watch, manner)
    # What a page may do after the choice shows when it is opened again; what ran before it is another phase's.
    watch.forget()
    await page.goto(seen.url, wait_until="domcontentloaded")
    await _settle(page, watch, manner, scrolled=True)
    return ""


async def _withdrawn(page: Page, known: Known) -> bool:
    """Take an agreement back, the way a visitor would."""
    if not known.reopen:
        return False
    if known.name == "consent":
        link = page.locator(known.reopen).first
        await page.goto(urljoin(page.url, await link.get_attribute("href") or ""), wait_until="domcontentloaded")
    elif "(" in known.reopen:
        await page.evaluate(f"() => {{ {known.reopen} }}")
    else:
        await page.locator(known.reopen).first.click()
    await asyncio.sleep(0.3)
    if known.reopen.endswith(("withdraw()", "DisagreeToAll()")):
        return True
    return await _press_all(page, known.refusing or ((known.refuse,) if known.refuse else ()))


async def _press_all(page: Page, selectors: tuple[str, ...]) -> bool:
    for selector in selectors:
        button = page.locator(selector).first
        try:
            await button.click(timeout=3000)
        except Exception:
            return False
    return bool(selectors)


async def _settle(page: Page, watch: Watch, manner: Manner, *, scrolled: bool = False) -> None:
    """Wait until a page asks for nothing more, or for as long as there is patience."""
    ends = time.monotonic() + manner.patience
    try:
        await page.wait_for_load_state("load", timeout=manner.patience * 1000)
        if scrolled:
            await asyncio.wait_for(page.evaluate(_SCROLL), manner.patience)
    except Exception:  # noqa: S110 - a page that never ends to load, or that is being left
        pass
    while (now := time.monotonic()) < ends and now - watch.last < _QUIET:
        await asyncio.sleep(0.1)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
