"""Which pages of a site are looked at: the given ones, those of its sitemap, those that they link to."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urldefrag, urljoin, urlsplit
from urllib.robotparser import RobotFileParser

from .domain import host_of

if TYPE_CHECKING:
    from playwright.async_api import Page

__all__ = ["AGENT", "Frontier", "led", "robots_of", "sitemap_of", "unpacked"]

#: By what name ``robots.txt`` may speak of us.
AGENT = "cookie-consent"
#: Bytes of a sitemap that are read, and sitemaps of sitemaps.
_MOST_BYTES = 10_000_000
_MOST_SITEMAPS = 10
#: Milliseconds for each of these to answer.
_PATIENCE = 10_000
_LOCATION = re.compile(r"<loc>\s*(?:<!\[CDATA\[)?\s*(.*?)\s*(?:\]\]>)?\s*</loc>", re.DOTALL)
#: Links to files, which are no pages.
_FILES = re.compile(
    r"\.(?:pdf|zip|gz|7z|exe|dmg|png|jpe?g|gif|webp|avif|svg|ico|mp[34]|webm|mov|docx?|xlsx?|pptx?|csv|json|xml|rss|atom|css|js|woff2?)\Z",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Frontier:
    """Pages that wait, in the order in which they were found, each once.

    :param limit: how many pages at most. :param depth: how many links away from the given ones.
    :param robots: what the site asks robots not to visit; None to visit all.
    :param skipped: addresses that are left out, as an expression.
    """

    limit: int = 10
    depth: int = 2
    robots: RobotFileParser | None = None
    skipped: re.Pattern[str] | None = None
    _depths: dict[str, int] = field(default_factory=dict)
    _waiting: list[str] = field(default_factory=list)
    _sites: set[str] = field(default_factory=set)

    def begin(self, urls: Iterable[str]) -> None:
        """Add the given pages, which are looked at whatever robots are asked."""
        for url in urls:
            self.know(url)
            self._add(urldefrag(url).url, 0)

    def know(self, url: str) -> None:
        """Take the host of this address for the site's, too: one to which a page of the site led."""
        self._sites.add(host_of(url))

    def add(self, links: Iterable[str], *, page: str = "") -> None:
        """Add what a page, or a sitemap, leads to."""
        depth = self._depths.get(page, 0) + 1
        if page and depth > self.depth:
            return
        for link in links:
            parts = _parts(link)
            if parts is None or parts.hostname not in self._sites or _FILES.search(parts.path):
                continue
            url = parts.geturl()
            if self.robots is not None and not self.robots.can_fetch(AGENT, url):
                continue
            if self.skipped is None or not self.skipped.search(url):
                self._add(url, depth)

    def take(self) -> str | None:
        """The next page, or None if none waits."""
        return self._waiting.pop(0) if self._waiting else None

    def __len__(self) -> int:
        return len(self._waiting)

    def _add(self, url: str, depth: int) -> None:
        # "/" and "" are the same page.
        url = url if urlsplit(url).path else f"{url}/"
        if url not in self._depths and len(self._depths) < self.limit:
            self._depths[url] = depth
            self._waiting.append(url)


def _parts(link: str) -> SplitResult | None:
    """A link's address without its fragment; None if it is none that a page can have, whatever a site wrote."""
    try:
        parts = urlsplit(link)._replace(fragment="")
        parts.port  # noqa: B018 - raises for what is none
    except ValueError:
        return None
    return parts if parts.scheme in {"http", "https"} else None


async def led(page: Page, url: str) -> str:
    """Where an address leads: ``https://www.example.com/`` of ``http://example.com``. Itself, if nobody answers."""
    try:
        await page.goto(url, wait_until="commit", timeout=_PATIENCE)
    except Exception:
        return url
    return page.url


async def robots_of(page: Page, site: str) -> RobotFileParser:
    """What a site asks of robots. One that cannot be read asks for nothing."""
    rules = RobotFileParser()
    text = await _read(page, urljoin(site, "/robots.txt"))
    rules.parse(text.splitlines())
    return rules


async def sitemap_of(page: Page, site: str, rules: RobotFileParser | None) -> list[str]:
    """The pages in a site's sitemaps, in their order; none if there is no sitemap."""
    waiting = [*((rules.site_maps() if rules is not None else None) or [urljoin(site, "/sitemap.xml")])]
    pages: list[str] = []
    for _ in range(_MOST_SITEMAPS):
        if not waiting:
            break
        text = await _read(page, waiting.pop(0))
        locations = list(_locations(text))
        if "<sitemapindex" in text[:2000]:
            waiting += locations
        else:
            pages += locations
    return pages


def _locations(text: str) -> Iterator[str]:
    for found in _LOCATION.findall(text):
        yield found.replace("&amp;", "&")


async def _read(page: Page, url: str) -> str:
    """What an address answers, asked for as pages are: by the same names, with the same credentials."""
    try:
        response = await page.goto(url, timeout=_PATIENCE)
        body = await response.body() if response is not None and response.ok else b""
    except Exception as error:
        body = await _downloaded(page, url) if "Download is starting" in str(error) else b""
    return unpacked(body).decode("utf-8", "replace")


async def _downloaded(page: Page, url: str) -> bytes:
    """The same for what a browser would keep as a file, such as a compressed sitemap."""
    try:
        async with page.expect_download(timeout=_PATIENCE) as coming:
            with suppress(Exception):  # no page came of it
                await page.goto(url, timeout=_PATIENCE)
        with (await (await coming.value).path()).open("rb") as file:
            return file.read(_MOST_BYTES)
    except Exception:
        return b""


def unpacked(body: bytes) -> bytes:
    """A file without its compression, cut where nobody needs more; empty if it is broken."""
    if not body.startswith(b"\x1f\x8b"):
        return body[:_MOST_BYTES]
    try:
        return zlib.decompressobj(wbits=31).decompress(body, _MOST_BYTES)
    except zlib.error:
        return b""
