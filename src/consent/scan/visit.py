"""Visits a page in one phase: opens it in a new profile, answers its banner, and tells what was seen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from .banners import Known, Shown, find, first_visible, press, unless_left
from .browser import first_line
from .domain import host_of, is_third
from .seen import CHOSEN, Banner, Cookie, Phase, Visit
from .watch import Watch, named

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Page

__all__ = ["Manner", "profile", "tell", "unasked", "visit"]

_UNASKED = "nothing on this page asks for consent"

#: Seconds without a request after which a page has settled.
_QUIET = 0.6
#: Seconds for a button to come up, and for a browser to tell its cookies or to close a profile.
_PRESSING, _CLOSING = 3.0, 10.0
#: Seconds without a request after which a page that is left has sent what it sends then, and for how long at most.
_LEAVING, _LEFT = 0.3, 2.0
#: How often a page's title and links are asked for, where it goes to its next page meanwhile.
_ASKED = 5
#: What pages are sent as.
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
#: All links but that to our settings page, which differs from page to page: it says where to come back to.
_LINKS = """() => [...document.querySelectorAll("a[href]:not([data-consent-open]), area[href]")]
  .map((link) => link.href).slice(0, 2000)"""
#: Down the page and back, as a reader goes, so that what waits for being looked at is asked for.
_SCROLL = """async () => {
  const height = Math.min(document.documentElement.scrollHeight, 20000);
  for (let at = 0; at < height; at += innerHeight) {
    scrollTo(0, at);
    await new Promise((done) => setTimeout(done, 40));
  }
  scrollTo(0, 0);
}"""
#: Lets a page believe that it is left. It stays, because browsers do not tell what a page sends once it is gone.
_LEAVE = """() => {
  Object.defineProperty(document, "visibilityState", { get: () => "hidden", configurable: true });
  Object.defineProperty(document, "hidden", { get: () => true, configurable: true });
  document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  dispatchEvent(new PageTransitionEvent("pagehide"));
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
    #: What the browser calls itself; empty for its own name, which says that nobody sits in front of it.
    agent: str = ""
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
    seen = Visit(url, phase)
    try:
        context = await browser.new_context(**profile(url, phase, manner))
    except Exception as error:  # the browser is gone
        return replace(seen, done=False, problems=(first_line(error),))
    try:
        seen = await _visited(context, seen, manner)
    finally:
        await _closed(context)
    return replace(seen, seconds=round(time.monotonic() - began, 3))


def profile(url: str, phase: Phase, manner: Manner) -> dict[str, Any]:
    """A browser profile of its own for a page in a phase, as Playwright's ``new_context`` takes it."""
    options: dict[str, Any] = {
        "viewport": {"width": manner.width, "height": manner.height},
        "locale": manner.language,
        "java_script_enabled": phase != "noscript",
        "ignore_https_errors": manner.ignore_https_errors,
        "accept_downloads": False,
        "extra_http_headers": {"Sec-GPC": "1"} if phase == "gpc" else {},
    }
    if manner.agent:
        options["user_agent"] = manner.agent
    if manner.user:
        # No third party that asks for a password is given the site's.
        options["http_credentials"] = {
            "username": manner.user,
            "password": manner.password,
            "origin": "{0.scheme}://{0.netloc}".format(urlsplit(url)),
        }
    return options


async def _visited(context: BrowserContext, seen: Visit, manner: Manner) -> Visit:
    watch = Watch(host_of(seen.url))
    try:
        async with asyncio.timeout(3 * manner.timeout + 6 * manner.patience):
            context.set_default_timeout(manner.timeout * 1000)
            if seen.phase == "gpc":
                await context.add_init_script(_SIGNAL)
            page = await context.new_page()
            if manner.login is not None:
                await manner.login(context)
            if manner.headers:
                await tell(context, page, seen.url, manner.headers)
            await watch.attach(context, page)
            seen = await _opened(page, watch, seen, manner)
            shown = await _patiently(page, seen.phase, manner)
            if shown is not None:
                seen = replace(seen, banner=Banner(shown.known.name, refusable=shown.refuse is not None))
            if seen.phase in CHOSEN:
                problem = await _chosen(page, watch, shown, seen, manner)
                if problem:
                    seen = replace(seen, done=False, problems=(*seen.problems, problem))
            seen = await _described(page, seen, manner)
            if seen.phase != "noscript":
                await _leave(page, watch)
                stored, problem = await watch.stored(page)
                seen = replace(seen, stored=stored, problems=(*seen.problems, *filter(None, [problem])))
    except _NoPage as error:  # and what another site does is not this one's
        return replace(seen, done=False, status=error.status, problems=(str(error),))
    except TimeoutError:
        seen = replace(seen, done=False, problems=(*seen.problems, "the page keeps the browser busy"))
    except Exception as error:
        seen = replace(seen, done=False, problems=(*seen.problems, first_line(error)))
    return replace(seen, requests=watch.requests(), calls=watch.calls(), cookies=await _cookies(context, watch))


async def tell(context: BrowserContext, page: Page, url: str, headers: Mapping[str, str]) -> None:
    """Send these headers to the site of that address alone, since they may be secrets.

    Playwright's own ways send them to wherever the site redirects, too. Chromium's protocol asks at each redirect.
    """
    session = await context.new_cdp_session(page)
    site, names = host_of(url), {name.lower() for name in headers}

    async def more(event: dict[str, Any]) -> None:
        asked = event["request"]
        told: dict[str, Any] = {"requestId": event["requestId"]}
        if not is_third(host_of(asked["url"]), site):
            others = {name: value for name, value in asked["headers"].items() if name.lower() not in names}
            told["headers"] = [{"name": name, "value": value} for name, value in {**others, **headers}.items()]
        with suppress(Exception):  # the page is gone
            await session.send("Fetch.continueRequest", told)

    session.on("Fetch.requestPaused", more)
    await session.send("Fetch.enable", {"patterns": [{"urlPattern": "*"}]})


def unasked(before: Visit, phase: Phase) -> Visit:
    """A visit of a page that was seen to ask for nothing, to choose something there."""
    return Visit(before.url, phase, before.landed, done=False, status=before.status, problems=(_UNASKED,))


async def _opened(page: Page, watch: Watch, seen: Visit, manner: Manner) -> Visit:
    """Open the page, and wait until it has settled.

    :raises _NoPage: where there is none, or another site's.
    """
    try:
        response = await page.goto(seen.url, wait_until="commit")
    except Exception as error:
        if "Download is starting" in str(error):
            raise _NoPage("this is a file to keep", 200) from error
        raise
    if response is not None:
        seen = replace(seen, status=response.status)
        kind = (await response.header_value("content-type") or "").partition(";")[0].strip().lower()
        if kind and kind not in _PAGES:
            raise _NoPage(f"this is no page: {kind}", seen.status)
    try:
        await page.wait_for_load_state("domcontentloaded")
    except Exception as error:
        seen = replace(seen, problems=(*seen.problems, f"the page was not read to its end: {first_line(error)}"))
    # Without scripts nothing waits for being looked at.
    await _settle(page, watch, manner, scrolled=seen.phase in {"before", "gpc"})
    if is_third(host_of(page.url), host_of(seen.url)):
        raise _NoPage(f"this leads to another site: {page.url}", seen.status)
    if seen.status >= 400:
        seen = replace(seen, problems=(*seen.problems, f"the site answers {seen.status}"))
    return replace(seen, landed=page.url)


class _NoPage(Exception):
    """An address has no page of the site; the message says what it has."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


async def _described(page: Page, seen: Visit, manner: Manner) -> Visit:
    for _ in range(_ASKED):
        with unless_left():
            return await _told(page, seen, manner)
    return replace(seen, done=False, problems=(*seen.problems, "the page leads on and on"))


async def _told(page: Page, seen: Visit, manner: Manner) -> Visit:
    links: list[str] = await page.evaluate(_LINKS) if seen.phase != "noscript" else []
    return replace(
        seen,
        landed=page.url,
        title=named(await page.title()),
        links=tuple(dict.fromkeys(links)),
        screenshot=await page.screenshot(type="jpeg", quality=60) if manner.screenshots else b"",
    )


async def _leave(page: Page, watch: Watch) -> None:
    """Let a page believe that it is left, since many send then what they have counted."""
    with suppress(Exception):  # the page is busy, or is really being left
        await asyncio.wait_for(page.evaluate(_LEAVE), _PRESSING)
    await asyncio.sleep(_LEAVING)
    await _silence(watch, _LEAVING, time.monotonic() + _LEFT)


async def _cookies(context: BrowserContext, watch: Watch) -> tuple[Cookie, ...]:
    try:
        return await asyncio.wait_for(watch.cookies(context), _CLOSING)
    except Exception:  # the browser is gone
        return ()


async def _closed(context: BrowserContext) -> None:
    with suppress(Exception):  # it is gone, or hangs, and ends with the browser
        await asyncio.wait_for(context.close(), _CLOSING)


async def _patiently(page: Page, phase: Phase, manner: Manner) -> Shown | None:
    """The banner, which may come late. It is waited for longest where it is to be told of, or answered."""
    ends = time.monotonic() + manner.patience * (1.5 if phase in {"before", *CHOSEN} else 0.5)
    while (shown := await find(page, manner.banner)) is None and time.monotonic() < ends:
        await asyncio.sleep(0.2)
    return shown


async def _chosen(page: Page, watch: Watch, shown: Shown | None, seen: Visit, manner: Manner) -> str:
    """Answer the banner, and forget what came before it; what was in the way, or ``""``."""
    if shown is None:
        return _UNASKED
    accepting = seen.phase != "refused"
    button = shown.accept if accepting else shown.refuse
    # What ran before the choice is another phase's.
    watch.forget()
    if button is not None:
        await press(button)
    elif accepting:
        return f"the banner ({shown.known.name}) has no button to accept with"
    elif not shown.known.refusing or not await _press_all(page, shown.known.refusing):
        return f"the banner ({shown.known.name}) has no button to refuse with"
    if seen.phase == "withdrawn":
        await _settle(page, watch, manner)
        if not await _withdrawn(page, shown.known):
            return f"it is not known how to withdraw what was agreed to ({shown.known.name})"
        await _settle(page, watch, manner)
        # What was agreed to runs until its page is left.
        watch.forget()
    await _settle(page, watch, manner)
    await page.goto(seen.url, wait_until="domcontentloaded")
    await _settle(page, watch, manner, scrolled=True)
    return ""


async def _withdrawn(page: Page, known: Known) -> bool:
    """Take an agreement back, the way a visitor would."""
    if not known.reopen:
        return False
    try:
        if known.name == "consent":
            link = page.locator(known.reopen).first
            href = await link.get_attribute("href", timeout=_PRESSING * 1000)
            await page.goto(urljoin(page.url, href or ""), wait_until="domcontentloaded")
        elif "(" in known.reopen:
            await page.evaluate(f"() => {{ {known.reopen} }}")
        elif not await _press_all(page, (known.reopen,)):
            return False
    except Exception:
        return False
    pressed = known.withdrawing if known.withdrawing is not None else (known.refusing or (known.refuse,))[-1:]
    return await _press_all(page, pressed)


async def _press_all(page: Page, selectors: tuple[str, ...]) -> bool:
    """Press what these select, one after the other, each as soon as it is there; whether all were."""
    for selector in selectors:
        ends = time.monotonic() + _PRESSING
        while (button := await first_visible(page, selector)) is None:
            if not selector or time.monotonic() > ends:
                return False
            await asyncio.sleep(0.1)
        try:
            await press(button)
        except Exception:
            return False
    return True


async def _settle(page: Page, watch: Watch, manner: Manner, *, scrolled: bool = False) -> None:
    """Wait until a page asks for nothing more, or for as long as there is patience."""
    ends = time.monotonic() + manner.patience
    try:
        await page.wait_for_load_state("load", timeout=manner.patience * 1000)
        if scrolled:
            await asyncio.wait_for(page.evaluate(_SCROLL), manner.patience)
    except Exception:  # noqa: S110 - a page that never ends to load, or that is being left
        pass
    await _silence(watch, _QUIET, ends)


async def _silence(watch: Watch, seconds: float, ends: float) -> None:
    """Wait until nothing was on its way for so many seconds, but no longer than to that time."""
    while time.monotonic() < ends and not watch.quiet(seconds):
        await asyncio.sleep(0.1)
