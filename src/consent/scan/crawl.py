"""Which pages of a site are looked at: the given ones, those of its sitemap, those that they link to."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urldefrag, urljoin, urlsplit
from urllib.robotparser import RobotFileParser

from .domain import host_of

if TYPE_CHECKING:
    from playwright.async_api import APIRequestContext

__all__ = ["AGENT", "Frontier", "robots_of", "sitemap_of"]

#: By what name ``robots.txt`` may speak of us.
AGENT = "cookie-consent"
#: Bytes of a sitemap that are read, and sitemaps of sitemaps.
_MOST_BYTES = 10_000_000
_MOST_SITEMAPS = 10
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
            self._sites.add(host_of(url))
            self._add(urldefrag(url).url, 0)

    def add(self, links: Iterable[str], *, page: str = "") -> None:
        """Add what a page, or a sitemap, leads to."""
        depth = self._depths.get(page, 0) + 1
        if page and depth > self.depth:
            return
        for link in links:
            url = urldefrag(link).url
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or host_of(url) not in self._sites or _FILES.search(parts.path):
                continue
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


async def robots_of(requests: APIRequestContext, site: str) -> RobotFileParser:
    """What a site asks of robots. One that cannot be read asks for nothing."""
    rules = RobotFileParser()
    text = await _read(requests, urljoin(site, "/robots.txt"))
    rules.parse(text.splitlines())
    return rules


async def sitemap_of(requests: APIRequestContext, site: str, rules: RobotFileParser | None) -> list[str]:
    """The pages in a site's sitemaps, in their order; none if there is no sitemap."""
    waiting = [*((rules.site_maps() if rules is not None else None) or [urljoin(site, "/sitemap.xml")])]
    pages: list[str] = []
    for _ in range(_MOST_SITEMAPS):
        if not waiting:
            break
        text = await _read(requests, waiting.pop(0))
        locations = list(_locations(text))
        if "<sitemapindex" in text[:2000]:
            waiting += locations
        else:
            pages += locations
    return pages


def _locations(text: str) -> Iterator[str]:
    for found in _LOCATION.findall(text):
        yield found.replace("&amp;", "&")


async def _read(requests: APIRequestContext, url: str) -> str:
    try:
        response = await requests.get(url, timeout=10_000)
        body = await response.body() if response.ok else b""
    except Exception:
        return ""
    if body.startswith(b"\x1f\x8b"):
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError):
            return ""
    return body[:_MOST_BYTES].decode("utf-8", "replace")
