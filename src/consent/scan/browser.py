"""Starts the browser that a scan drives: the system's, or Playwright's own."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..errors import ConsentError
from .seen import Phase

if TYPE_CHECKING:
    from playwright.async_api import Browser, Playwright

__all__ = ["BrowserMissing", "BrowserName", "agent", "first_line", "opened", "possible"]

BrowserName: TypeAlias = Literal["chromium", "firefox"]
#: The programs of each, by what systems call them.
_PROGRAMS: Mapping[BrowserName, Sequence[str]] = {
    "chromium": (
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ),
    "firefox": ("firefox", "firefox-esr", "/Applications/Firefox.app/Contents/MacOS/firefox"),
}

#: Third parties' cookies are taken, as many visitors' browsers take them. A Chromium that keeps nothing ("incognito")
#: refuses them otherwise.
_PREFERENCES = {"profile": {"cookie_controls_mode": 0}}


class BrowserMissing(ConsentError):
    """There is no browser to scan with, or it does not start, or ends. The message says how to get one."""


@asynccontextmanager
async def opened(
    name: BrowserName, program: str = "", *, hosts: Mapping[str, str], insecure: bool
) -> AsyncIterator[Browser]:
    """A browser, as long as it is needed.

    :param program: its path, where it is not to be looked for.
    :param hosts: names that are looked up otherwise, and where. :param insecure: whether all certificates are taken.
    :raises BrowserMissing: if there is none, or it does not start, or ends while it is needed.
    """
    try:
        from playwright.async_api import Error, async_playwright
    except ImportError as error:
        raise BrowserMissing("to scan, install the extra: pip install 'cookie-consent[scan]'") from error
    async with AsyncExitStack() as stack:
        playwright = await stack.enter_async_context(async_playwright())
        try:
            if name == "firefox":
                browser = await _firefox(playwright, program)
            else:
                folder = tempfile.TemporaryDirectory(prefix="consent-scan-", ignore_cleanup_errors=True)
                profile = Path(stack.enter_context(folder))
                browser = await _chromium(playwright, program, profile, hosts, insecure=insecure)
        except Error as error:
            how = f"install one (apt install {name}), or run playwright install {name}, or name one with --program"
            raise BrowserMissing(f"{name} does not start: {first_line(error)}; {how}") from error
        try:
            yield browser
        except Error as error:
            raise BrowserMissing(f"{name} ended while it was needed: {first_line(error)}") from error
        finally:
            await browser.close()


async def _chromium(
    playwright: Playwright, program: str, profile: Path, hosts: Mapping[str, str], *, insecure: bool
) -> Browser:
    """The system's Chromium, else Playwright's.

    :param profile: an empty folder. What is written there holds for all profiles that the browser makes of it.
    """
    mapped = ",".join(f"MAP {name} {place}" for name, place in hosts.items())
    (profile / "Default").mkdir()
    (profile / "Default" / "Preferences").write_text(json.dumps(_PREFERENCES), "utf-8")
    context = await playwright.chromium.launch_persistent_context(
        profile,
        executable_path=program or _system("chromium"),
        args=[
            # All frames of a page in one process, so that what led to a request is told for all of them.
            "--disable-features=IsolateOrigins,site-per-process",
            "--disable-site-isolation-trials",
            # Banners and trackers hide from what says that a program drives it.
            "--disable-blink-features=AutomationControlled",
            # A profile's own way to take all certificates leaves out service workers.
            *(["--ignore-certificate-errors"] if insecure else []),
            *([f"--host-resolver-rules={mapped}"] if mapped else []),
        ],
    )
    if context.browser is None:
        raise BrowserMissing("this Playwright is too old: pip install --upgrade playwright")
    return context.browser


async def _firefox(playwright: Playwright, program: str) -> Browser:
    """Playwright's Firefox, which can do more, else the system's, which is driven by WebDriver BiDi.

    :raises BrowserMissing: for one that is too old.
    """
    own = Path(playwright.firefox.executable_path).exists()
    program = program or ("" if own else _system("firefox") or "")
    if not program:
        return await playwright.firefox.launch()
    browser = await playwright.firefox.launch(executable_path=program, channel="moz-firefox")
    try:
        await (await browser.new_context()).close()
    except Exception as error:
        if "unknown command" not in str(error):
            raise
        old = f"firefox {browser.version} is too old for Playwright {version('playwright')}"
        how = "take a newer one, or an older Playwright, or run playwright install firefox"
        raise BrowserMissing(f"{old}: {how}") from error
    return browser


async def possible(browser: Browser, phases: Sequence[Phase]) -> Sequence[Phase]:
    """The phases that a browser can be in. A Firefox that WebDriver BiDi drives runs JavaScript, whatever it is told.

    :raises BrowserMissing: if it can be in none of these.
    """
    if "noscript" not in phases or browser.browser_type.name == "chromium":
        return phases
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto("data:text/html,<title>off</title><script>document.title = 'on'</script>")
    silent = await page.title() != "on"
    await context.close()
    left: list[Phase] = [phase for phase in phases if phase != "noscript" or silent]
    if not left:
        raise BrowserMissing("this firefox runs JavaScript, whatever it is told; take chromium for that phase")
    return left


def agent(browser: Browser) -> str:
    """The name by which a Chromium with a window goes; ``""`` for another browser's own."""
    if browser.browser_type.name != "chromium":
        return ""
    system = {"darwin": "Macintosh; Intel Mac OS X 10_15_7", "win32": "Windows NT 10.0; Win64; x64"}
    of = system.get(sys.platform, "X11; Linux x86_64")
    major = browser.version.partition(".")[0]
    return f"Mozilla/5.0 ({of}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"


def _system(name: BrowserName) -> str | None:
    """The system's; None if there is none."""
    return next(filter(None, map(shutil.which, _PROGRAMS[name])), None)


#: What to do about what a browser says.
_ADVICE = {
    "ERR_INVALID_AUTH_CREDENTIALS": "it asks for a password: --user",
    "ERR_CERT_": "--insecure takes the certificate all the same",
    "ERR_ABORTED": "it sends no page",
}


def first_line(error: Exception) -> str:
    """What a browser says went wrong, without Playwright's call log, and what to do about it."""
    # Without "Page.goto: ", which is of no page.
    line = re.sub(r"\A[A-Z]\w+\.\w+: ", "", str(error).strip().partition("\n")[0]) or type(error).__name__
    return "; ".join((line, *(advice for said, advice in _ADVICE.items() if said in line)))
