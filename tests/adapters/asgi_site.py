"""A plain ASGI site for real servers: each path is something that only a server can show."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

from consent.asgi import ConsentMiddleware
from consent.site import Site
from consent.testing import ListStore

TRACKER = b'<script src="https://www.google-analytics.com/analytics.js"></script>'
HELD = b"<https://www.google-analytics.com/a.js>; rel=preload; as=script"
OWN = b"</own.css>; rel=preload; as=style"
HTML, JSON = (b"content-type", b"text/html; charset=utf-8"), (b"content-type", b"application/json")

#: What a test tells the site, and what it is told: how the site's other requests fare.
events: dict[str, asyncio.Event] = {}
passed: dict[str, int] = {"endless": 0, "left": 0, "waiting": 0}
keeping = threading.Event()


async def site(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(scope, receive, send)
    elif scope["type"] == "websocket":
        await _echo_socket(receive, send)
    else:
        await _PATHS[scope["path"]](scope, receive, send)


async def _lifespan(scope: Any, receive: Any, send: Any) -> None:
    assert (await receive())["type"] == "lifespan.startup"
    if "state" in scope:
        scope["state"]["pool"] = "a pool"
    events["go"] = asyncio.Event()
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    Path(os.environ["ENDED"]).write_text("ended")
    await send({"type": "lifespan.shutdown.complete"})


async def _echo_socket(receive: Any, send: Any) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def _say(send: Any, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*(headers or (JSON,)), length]})
    await send({"type": "http.response.body", "body": body})


async def _begin(send: Any, *headers: tuple[bytes, bytes], **more: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [*headers], **more})


async def _body(send: Any, data: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})


async def page(scope: Any, receive: Any, send: Any) -> None:
    """The second half is sent when another request has said so."""
    events["go"].clear()
    await _begin(send, HTML)
    await _body(send, b"<!doctype html><html><body><p>first</p>")
    await events["go"].wait()
    await _body(send, TRACKER + b"<p>last</p></body></html>", more=False)


async def go(scope: Any, receive: Any, send: Any) -> None:
    events["go"].set()
    await _say(send, 200, b"{}")


async def keep(scope: Any, receive: Any, send: Any) -> None:
    """The log may keep the record that it was given."""
    keeping.set()
    await _say(send, 200, b"{}")


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """What comes goes back, piece by piece, as a page or as data."""
    await _begin(send, HTML if scope["query_string"] == b"page" else JSON)
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        if message.get("body"):
            await _body(send, message["body"])
    await _body(send, b"", more=False)


async def endless(scope: Any, receive: Any, send: Any) -> None:
    """A page that goes on until its visitor leaves."""

    async def write() -> None:
        await _begin(send, HTML)
        while True:
            await _body(send, b"<p>" + b"news " * 13_000 + b"</p>")
            passed["endless"] += 1
            await asyncio.sleep(0)

    async def left() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = [asyncio.create_task(write()), asyncio.create_task(left())]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    passed["left"] += 1


async def counts(scope: Any, receive: Any, send: Any) -> None:
    await _say(send, 200, f"{passed['endless']} {passed['left']} {passed['waiting']}".encode())


async def told(scope: Any, receive: Any, send: Any) -> None:
    """What the request brought with it."""
    state = scope["state"].get("pool", "no state")
    extensions = " ".join(sorted(scope.get("extensions") or ()))
    await _say(send, 200, f"{state}; {extensions}; {scope['state']['consent'].status}".encode())


async def hints(scope: Any, receive: Any, send: Any) -> None:
    if "http.response.early_hint" in (scope.get("extensions") or {}):
        await send({"type": "http.response.early_hint", "links": [OWN, HELD]})
    await _say(send, 200, b"<p>hinted</p>", HTML)


async def trailers(scope: Any, receive: Any, send: Any) -> None:
    offered = "http.response.trailers" in (scope.get("extensions") or {})
    await _begin(send, HTML, trailers=offered)
    await _body(send, TRACKER, more=False)
    if offered:
        await send(
            {"type": "http.response.trailers", "headers": [(b"server-timing", b"db;dur=2")], "more_trailers": False}
        )


async def file(scope: Any, receive: Any, send: Any) -> None:
    """A file that the server sends by itself, where it says that it can."""
    path = Path(os.environ["FILE"])
    await _begin(send, HTML if path.suffix == ".html" and scope["query_string"] != b"data" else JSON)
    if "http.response.pathsend" in (scope.get("extensions") or {}):
        await send({"type": "http.response.pathsend", "path": str(path)})
    else:
        await _body(send, path.read_bytes(), more=False)


_PATHS = {f"/{each.__name__}": each for each in (page, go, keep, echo, endless, counts, told, hints, trailers, file)}


class WaitingStore(ListStore):
    """A log whose disk is slow: it waits until another request has said so."""

    def append(self, *arguments: Any, **more: Any) -> Any:
        passed["waiting"] += 1
        assert keeping.wait(30), "no other request was answered meanwhile"
        return super().append(*arguments, **more)


_site = Site.open(
    {"services": ["google-analytics"], "log": "sqlite://"}, keys=["a secret for tests that is long enough"]
)
_site.store = WaitingStore()
app = ConsentMiddleware(site, _site)
