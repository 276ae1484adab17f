"""Watches one page of a browser: every request with what led to it, every cookie and key with who wrote it."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast

from .domain import host_of, is_third
from .seen import Call, Cookie, Request, Stored
from .workers import Workers

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page, Response, WebSocket
    from playwright.async_api import Request as BrowserRequest

__all__ = ["Watch", "named"]

#: What is kept of a page: nobody reads more, and a page may ask for ever.
_MOST_REQUESTS = 5000
_DAY = 86_400.0
#: Seconds for a frame to tell what it keeps.
_READING = 10.0
#: Letters of a name that a page chose.
_LONGEST_NAME, _LONGEST_ADDRESS = 200, 4000
#: What stays open for as long as it likes, or is sent while a page is left, and is not waited for.
_LASTING = frozenset({"eventsource", "media", "ping", "websocket"})
#: Addresses that led to one that are told; a longer chain is a loop.
_LONGEST_CHAIN = 12
#: Our own script, which wakes others: what they write is not its.
_WAKING = re.compile(r"/consent\.js(?:\?|\Z)")
_STORES = """async () => {
  const found = [];
  for (const [area, get] of [["local", () => localStorage], ["session", () => sessionStorage]]) {
    // A key may be called "length", or "key", of which Object.keys says nothing.
    try { found.push(...Array.from({ length: get().length }, (_, at) => [area, get().key(at)])); } catch {}
  }
  try { found.push(...(await indexedDB.databases()).map(({ name }) => ["indexeddb", name])); } catch {}
  try { found.push(...(await caches.keys()).map((name) => ["cache", name])); } catch {}
  try { for await (const name of (await navigator.storage.getDirectory()).keys()) found.push(["file", name]); } catch {}
  // Of a frame without an address of its own, it is that of the page it is in.
  return [self.origin, found];
}"""


class Watch:
    """What happens in a context and its page, from :meth:`attach` on. ``site``: the page's host."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._began = time.monotonic()
        self._requests: list[tuple[float, str, str]] = []
        self._from = 0  # the number of the first request that counts
        #: What asked for an address, by that address.
        self._initiators: dict[str, str] = {}
        self._redirects: dict[str, str] = {}
        #: In which document an address was asked for, where nothing else is known.
        self._documents: dict[str, str] = {}
        self._open: set[BrowserRequest] = set()
        #: Who set a cookie: by its name and host, or by its name.
        self._set: dict[tuple[str, str], tuple[str, str]] = {}
        self._wrote: dict[tuple[str, str, str], str] = {}
        self._calls: Counter[tuple[str, str]] = Counter()
        self._workers: set[str] = set()
        self._reading: set[asyncio.Task[None]] = set()
        self._last = self._began

    def quiet(self, seconds: float) -> bool:
        """Whether nothing is on its way, and nothing was for so long."""
        # Of a worker's script it is not told when it has come.
        awaited = any(request.url not in self._workers for request in self._open)
        return not awaited and time.monotonic() - self._last >= seconds

    async def attach(self, context: BrowserContext, page: Page) -> None:
        """Begin to watch, before the page is opened."""
        await context.expose_binding("__seen", self._told)
        await context.add_init_script(files("consent.scan").joinpath("probe.js").read_text("utf-8"))
        context.on("request", self._requested)
        context.on("response", self._responded)
        context.on("requestfinished", self._ended)
        context.on("requestfailed", self._ended)
        page.on("websocket", self._connected)
        if context.browser is not None and context.browser.browser_type.name == "chromium":
            session = await context.new_cdp_session(page)
            session.on("Network.requestWillBeSent", self._initiated)
            session.on("Network.webSocketCreated", self._initiated)
            session.on("Network.webTransportCreated", lambda each: self._asked({**each, "type": "webtransport"}, True))
            await session.send("Network.enable")
            await Workers(self._workers, self._asked).attach(context.browser, context, page)

    def forget(self) -> None:
        """Count only the requests and calls that come from now on."""
        self._from = len(self._requests)
        self._calls.clear()

    def requests(self) -> tuple[Request, ...]:
        """The requests that count, in their order."""
        return tuple(
            Request(url, host := host_of(url), kind, round(at, 3), is_third(host, self._site), self._chain(url))
            for at, url, kind in self._requests[self._from :]
        )

    def calls(self) -> tuple[Call, ...]:
        """The telling calls that count."""
        return tuple(Call(what, by, count) for (what, by), count in sorted(self._calls.items()))

    async def cookies(self, context: BrowserContext) -> tuple[Cookie, ...]:
        """All cookies that are in the browser now."""
        if self._reading:
            await asyncio.wait(self._reading, timeout=2)
        now = time.time()
        return tuple(self._cookie(cast("dict[str, Any]", each), now) for each in await context.cookies())

    async def stored(self, page: Page) -> tuple[tuple[Stored, ...], str]:
        """All that the page and its frames keep in the browser now, besides cookies; and what went wrong, or ``""``."""
        frames = page.frames
        asked = (asyncio.wait_for(frame.evaluate(_STORES), _READING) for frame in frames)
        found: dict[tuple[str, str, str], Stored] = {}
        problem = ""
        for frame, told in zip(frames, await asyncio.gather(*asked, return_exceptions=True), strict=True):
            if isinstance(told, BaseException):  # the frame is gone, or is busy
                if frame == page.main_frame:
                    problem = "what the page keeps in the browser could not be read"
                continue
            origin, keys = told
            for area, key in keys:
                name = named(key)
                by = self._wrote.get((area, origin, name), "")
                found[area, origin, name] = Stored(area, origin, name, is_third(host_of(origin), self._site), by)
        return tuple(found.values()), problem

    # What the browser says

    def _requested(self, request: BrowserRequest) -> None:
        self._last = time.monotonic()
        if request.redirected_from is not None:
            self._redirects.setdefault(request.url, request.redirected_from.url)
        if request.url.startswith(("http:", "https:")):
            self._add(request.url, request.resource_type)
            self._documents.setdefault(request.url, _document_of(request))
            if request.resource_type not in _LASTING:
                self._open.add(request)

    def _ended(self, request: BrowserRequest) -> None:
        if request in self._open:
            self._last = time.monotonic()
            self._open.discard(request)

    def _connected(self, socket: WebSocket) -> None:
        self._last = time.monotonic()
        self._add(socket.url, "websocket")

    def _add(self, url: str, kind: str) -> None:
        if len(self._requests) < _MOST_REQUESTS:
            self._requests.append((time.monotonic() - self._began, url, kind))

    def _responded(self, response: Response) -> None:
        task = asyncio.ensure_future(self._read(response))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _read(self, response: Response) -> None:
        try:
            values = await response.header_values("set-cookie")
        except Exception:
            return
        for line in "\n".join(values).splitlines():
            name = line.partition("=")[0].strip()
            self._set.setdefault((name, host_of(response.url)), ("header", response.url))

    def _initiated(self, event: dict[str, Any]) -> None:
        url = event["request"]["url"] if "request" in event else event["url"]
        initiator = event.get("initiator") or {}
        stack: dict[str, Any] | None = initiator.get("stack")
        while stack is not None:
            by = next((frame["url"] for frame in stack.get("callFrames", ()) if frame["url"].startswith("http")), "")
            if by:
                self._initiators.setdefault(url, by)
                return
            stack = stack.get("parent")
        if initiator.get("url", "").startswith("http"):
            self._initiators.setdefault(url, initiator["url"])

    def _asked(self, event: dict[str, Any], alone: bool) -> None:
        """Chromium tells of a request. ``alone``: Playwright does not, and it has to be counted here."""
        self._initiated(event)
        url = event["request"]["url"] if "request" in event else event["url"]
        if alone and url.startswith(("http:", "https:", "ws:", "wss:")):
            self._last = time.monotonic()
            self._add(url, event.get("type", "websocket").lower())

    def _told(self, _source: object, message: dict[str, Any]) -> None:
        if message["kind"] == "worker":
            self._workers.add(str(message["name"])[:_LONGEST_ADDRESS])
            return
        kind, name, scripts = message["kind"], named(message["name"]), message["by"]
        by = next((script for script in scripts if not _WAKING.search(script)), "")
        if kind == "cookie":
            self._set.setdefault((name, host_of(message["origin"])), ("script", by))
        elif kind == "call":
            self._calls[name, by] = max(self._calls[name, by], int(message["count"]))
        else:
            self._wrote.setdefault((kind, message["origin"], name), by)

    # What follows from it

    def _chain(self, url: str) -> tuple[str, ...]:
        chain: list[str] = []
        while len(chain) < _LONGEST_CHAIN:
            url = self._redirects.get(url) or self._initiators.get(url) or self._documents.get(url, "")
            if not url or url in chain:
                break
            chain.append(url)
        return tuple(chain)

    def _cookie(self, each: dict[str, Any], now: float) -> Cookie:
        name, domain = each["name"], each["domain"]
        host = domain.lstrip(".")
        setters = [
            said for (of, at), said in self._set.items() if of == name and (at == host or at.endswith(f".{host}"))
        ]
        how, by = setters[0] if setters else ("", "")
        expires = float(each.get("expires", -1))
        return Cookie(
            name=name,
            domain=domain,
            path=each["path"],
            # To four digits: some seconds have gone since it was set.
            days=0.0 if expires <= 0 else float(f"{max(0.0, expires - now) / _DAY:.4g}"),
            third=is_third(host, self._site),
            http_only=each.get("httpOnly", False),
            secure=each.get("secure", False),
            same_site=each.get("sameSite", ""),
            partitioned="partitionKey" in each,
            by=by,
            how=cast("Any", how),
        )


def named(name: object) -> str:
    """A name that a page chose, as text that can be kept: of bounded length, without halves of letters."""
    return str(name)[:_LONGEST_NAME].encode("utf-8", "replace").decode("utf-8")


def _document_of(request: BrowserRequest) -> str:
    """The address of the document, or of the service worker, that asked; ``""`` for either itself."""
    if request.is_navigation_request():
        return ""
    if request.service_worker is not None:
        return request.service_worker.url if request.service_worker.url != request.url else ""
    try:
        frame = request.frame
    except Exception:  # its frame is gone
        return ""
    # A frame that is written into the page has no address of its own.
    while not frame.url.startswith("http") and frame.parent_frame is not None:
        frame = frame.parent_frame
    return frame.url
