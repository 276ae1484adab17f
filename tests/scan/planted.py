"""A site on which everything is planted that a scanner should find, and what it calls; and a clean one.

All names lead to one server here: :data:`HOSTS` says under which names it is called.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import Any

import trustme
from werkzeug.serving import WSGIRequestHandler, make_server

__all__ = ["HOSTS", "PLANTED", "SITE", "clean", "planted", "serving", "unrefusable"]

SITE = "shop.example"
#: Under these names, and no others, pages call somebody.
HOSTS = (
    SITE,
    f"www.{SITE}",
    "www.google-analytics.com",
    "www.facebook.com",
    "connect.facebook.net",
    "www.youtube.com",
    "script.hotjar.com",
    "ws.hotjar.com",
    "fonts.googleapis.com",
    "bat.bing.com",
    "ads.stranger.example",
    "cdn.other.example",
    "api.worker.example",
    "api.shared-worker.example",
    "api.service-worker.example",
)
#: What is planted: how it is named in a finding's subject, and the phases in which it happens where nothing is asked.
PLANTED: Mapping[str, str] = {
    "google-analytics": "a script from its host, which sends a beacon",
    "meta-pixel": "a pixel, in an image and in noscript",
    "youtube": "a frame",
    "hotjar": "a web socket that a script opens",
    "google-fonts": "a style from within a style",
    "bing-uet": "a script that another script brings in",
    "stranger.example": "a fetch from an inline script",
    "other.example": "an image from within a frame's own document",
    "worker.example": "a fetch from a worker",
    "shared-worker.example": "a fetch from a shared worker",
    "service-worker.example": "a fetch from a service worker, as it is installed",
    "_ga": "a cookie that a script writes",
    "_pk_id.1.1fff": "a cookie in a header, of a known service",
    "YSC": "a partitioned cookie in a header of a frame",
    "visitor_number": "a cookie in a header, of nobody's",
    "_uetsid": "a key in local storage, of a known service",
    "shop_visitor": "a key in local storage, of nobody's",
    "seen_today": "a key in session storage, by assignment",
    "profiles": "a database of the browser's",
    "lamps-1": "a cache of the browser's",
}

_STYLE = '@import url("https://fonts.googleapis.com/css?family=Inter"); body { font: 16px Inter, sans-serif; }'
_INLINE = """
fetch("https://ads.stranger.example/hello", { mode: "no-cors" }).catch(() => {});
localStorage.setItem("shop_visitor", "17");
sessionStorage.seen_today = "1";
indexedDB.open("profiles");
caches.open("lamps-1");
new Worker("/worker.js");
new SharedWorker("/shared-worker.js");
navigator.serviceWorker.register("/service-worker.js");
const canvas = document.createElement("canvas");
canvas.getContext("2d").fillText("who are you", 2, 10);
canvas.toDataURL();
"""
_BODY = f"""
<h1>Lamps</h1><p>Everything for <a href="/about">bright evenings</a>.
<a href="https://www.facebook.com/sharer.php?u=x">Share</a></p>
<script src="https://www.google-analytics.com/analytics.js"></script>
<script src="https://script.hotjar.com/modules.js"></script>
<script>{_INLINE}</script>
<img src="https://www.facebook.com/tr?id=1&ev=PageView" width="1" height="1" alt="">
<noscript><img src="https://www.facebook.com/tr?id=1&noscript=1" width="1" height="1" alt=""></noscript>
<iframe src="https://www.youtube.com/embed/abc" title="A lamp" width="320" height="180"></iframe>
<iframe src="/inner" title="An offer" width="320" height="90"></iframe>
"""
_SCRIPTS: Mapping[str, str] = {
    "www.google-analytics.com": 'document.cookie = "_ga=GA1.1.1; max-age=63072000; path=/"; '
    'navigator.sendBeacon("https://www.google-analytics.com/collect", "v=1");',
    "script.hotjar.com": 'new WebSocket("wss://ws.hotjar.com/api"); const other = document.createElement("script"); '
    'other.src = "https://bat.bing.com/bat.js"; document.head.append(other);',
    "cdn.other.example": 'localStorage.by_property = "1"; indexedDB.open("by_another"); caches.open("a_cache"); document.cookie = "session=1";',
    "bat.bing.com": 'localStorage.setItem("_uetsid", "1");',
}

_WORKERS: Mapping[str, str] = {
    "/worker.js": 'fetch("https://api.worker.example/", { mode: "no-cors" });',
    "/shared-worker.js": '"use strict"; fetch("https://api.shared-worker.example/", { mode: "no-cors" });',
    "/service-worker.js": 'oninstall = () => { fetch("https://api.service-worker.example/", { mode: "no-cors" }); };',
}

App = Callable[[dict[str, Any], Any], Iterable[bytes]]


def page(body: str, *, head: str = "") -> bytes:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Lamps</title><link rel="icon" href="data:,">'
        f"{head}</head><body>{body}</body></html>"
    ).encode()


def planted(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """The site with everything on it."""
    if environ["PATH_INFO"] == "/inner":
        return _html(start_response, page('<img src="https://cdn.other.example/offer.gif" alt="An offer">'))
    if script := _WORKERS.get(environ["PATH_INFO"]):
        start_response("200 OK", [("Content-Type", "text/javascript")])
        return [script.encode()]
    if environ["PATH_INFO"] == "/about":
        return _html(start_response, page('<h1>About</h1><p><a href="/">Lamps</a></p>'))
    cookies = [
        ("Set-Cookie", "_pk_id.1.1fff=1; Max-Age=33955200; Path=/"),
        ("Set-Cookie", "visitor_number=17; Max-Age=864000; Path=/"),
        ("Set-Cookie", "sessionid=secret; Path=/; HttpOnly"),
    ]
    return _html(start_response, page(_BODY, head=f"<style>{_STYLE}</style>"), *cookies)


def clean(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """A site that needs nobody's consent: its session's cookie, its own image, a link to another site."""
    body = '<h1>Lamps</h1><p><a href="https://elsewhere.example/">Elsewhere</a></p><img src="/lamp.gif" alt="A lamp">'
    return _html(start_response, page(body), ("Set-Cookie", "sessionid=secret; Path=/; HttpOnly"))


def unrefusable(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """A site with a banner that can only be accepted."""
    body = (
        '<script src="https://www.google-analytics.com/analytics.js"></script>'
        '<div id="cookie-bar" style="position: fixed; bottom: 0"><p>We use cookies.</p><button>Accept all</button></div>'
    )
    return _html(start_response, page(body))


def _html(start_response: Any, body: bytes, *headers: tuple[str, str]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), *headers])
    return [body]


def _third(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """What everybody else answers."""
    host = environ["HTTP_HOST"].partition(":")[0]
    if environ["PATH_INFO"].endswith(".js"):
        start_response("200 OK", [("Content-Type", "text/javascript")])
        return [_SCRIPTS[host].encode()]
    if environ["PATH_INFO"] == "/cookie":
        start_response("204 No Content", [("Set-Cookie", "other_id=1; Max-Age=864000; Secure; SameSite=None")])
        return []
    if host == "fonts.googleapis.com":
        start_response("200 OK", [("Content-Type", "text/css")])
        return [b"/* no font */"]
    if host == "www.youtube.com":
        cookie = "YSC=1; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"
        return _html(start_response, page("<p>A film</p>"), ("Set-Cookie", cookie))
    start_response("204 No Content", [])
    return []


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def serving(site: App, *, plainly: bool = False, alone: bool = False) -> Iterator[int]:
    """A server that is the site and everybody else, by the name it is called. Yields its port.

    :param plainly: without TLS. :param alone: the site answers by whatever name, and there is nobody else.
    """

    def each(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        host = environ["HTTP_HOST"].partition(":")[0]
        return (site if alone or host in {SITE, f"www.{SITE}"} else _third)(environ, start_response)

    context = None if plainly else ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if context is not None:
        trustme.CA().issue_cert(*HOSTS).configure_cert(context)
    server = make_server("127.0.0.1", 0, each, threaded=True, request_handler=_Quiet, ssl_context=context)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
