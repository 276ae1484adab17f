"""Stand-ins for what a news site embeds: an analytics script, advertisements, a video, a map, a social button.

Each has a server of its own on a free port of ``localhost``, which to a browser is another site than ``127.0.0.1``. They do
what their models do, set cookies, keep ids, call home, and whatever reaches them is counted by the collector.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Collector", "Neighbours", "Quiet"]

_PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")

_FOOTFALL = """(() => {
  const id = localStorage.ff_visitor ??= crypto.randomUUID();
  const keep = (name, value) => { document.cookie = `${name}=${value}; path=/; max-age=63072000; samesite=lax`; };
  keep("_ff_id", id);
  keep("_ga", `GA1.1.${Date.now()}`);
  keep("_ga_HARBOUR", `GS1.1.${Date.now()}`);
  const home = new URL("/hit", document.currentScript.src);
  for (const event of window.ffq ?? []) navigator.sendBeacon(home, JSON.stringify({ id, event }));
  window.ffq = { push: (event) => navigator.sendBeacon(home, JSON.stringify({ id, event })) };
  document.documentElement.dataset.footfall = "running";
})();
"""

_CHIRP = """(() => {
  const home = new URL(document.currentScript.src).origin;
  for (const place of document.querySelectorAll(".chirp-button")) {
    const link = document.createElement("a");
    link.href = home + "/share";
    link.textContent = "Chirp this (128)";
    link.className = "chirp";
    place.replaceChildren(link);
  }
  new Image().src = home + "/seen?page=" + encodeURIComponent(location.pathname);
})();
"""

_FRAME = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>{title}</title>
<style>html,body{{height:100%;margin:0}}body{{font:15px/1.4 system-ui,sans-serif}}svg{{display:block;width:100%;height:100%}}</style>
{body}</html>"""

_VIDEO = """<svg viewBox="0 0 640 360" preserveAspectRatio="xMidYMid slice" role="img" aria-label="A ferry at night">
<rect width="640" height="360" fill="#0b1a2b"/><circle cx="520" cy="80" r="34" fill="#f3e9c6"/>
<g fill="#fff">{stars}</g>
<path d="M0 250 Q80 240 160 250 T320 250 T480 250 T640 250 V360 H0Z" fill="#16324d"/>
<g><path d="M180 235 H420 L400 270 H205Z" fill="#e8eef3"/><path d="M230 205 H360 V235 H230Z" fill="#c3d3e0"/>
<g fill="#ffcf70"><rect x="242" y="214" width="14" height="10"/><rect x="268" y="214" width="14" height="10"/><rect x="294" y="214" width="14" height="10"/><rect x="320" y="214" width="14" height="10"/></g>
<animateTransform attributeName="transform" type="translate" values="-40 0;60 3;-40 0" dur="14s" repeatCount="indefinite"/></g>
<circle cx="320" cy="180" r="34" fill="#fffc"/><path d="M310 162 L340 180 L310 198Z" fill="#0b1a2b"/>
<text x="20" y="340" fill="#cfe0ee" font-size="14" font-family="system-ui">Kino · The first crossing · 2:14</text></svg>"""

_MAP = """<svg viewBox="0 0 640 360" preserveAspectRatio="xMidYMid slice" role="img" aria-label="Map of the harbour">
<rect width="640" height="360" fill="#e9e4d4"/><path d="M0 230 Q150 180 300 240 T640 200 V360 H0Z" fill="#a9cfe0"/>
<g stroke="#fff" stroke-width="9" fill="none"><path d="M0 90 H640"/><path d="M0 160 Q200 130 640 150"/><path d="M120 0 V210"/><path d="M330 0 V230"/><path d="M520 0 V200"/></g>
<g fill="#cfe0b8"><rect x="140" y="105" width="90" height="40" rx="4"/><rect x="360" y="20" width="120" height="55" rx="4"/></g>
<path d="M90 200 Q200 150 330 190 T560 175" fill="none" stroke="#c0392b" stroke-width="4" stroke-dasharray="2 8" stroke-linecap="round"/>
<g fill="#1f3a5f"><circle cx="90" cy="200" r="7"/><circle cx="210" cy="168" r="7"/><circle cx="330" cy="190" r="7"/><circle cx="450" cy="190" r="7"/><circle cx="560" cy="175" r="7"/></g>
<text x="14" y="346" fill="#30475c" font-size="13" font-family="system-ui">Chart Maps · 11 benches, one wall</text></svg>"""

_AD = """<body style="display:grid;place-content:center;text-align:center;background:linear-gradient(120deg,#ffe3b3,#ffc2a1);color:#4b1d05">
<p style="margin:0;font-size:12px;letter-spacing:.1em">ADVERTISEMENT · LANTERN</p><p style="margin:4px 0 0;font-size:20px"><b>Wool socks.</b> Two pairs for the price of three.</p>"""


@dataclass(slots=True)
class Collector:
    """Counts what reaches the neighbours, for each visitor: for a demo, a browser at an address."""

    _heard: dict[str, Counter[str]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    @staticmethod
    def visitor(environ: WSGIEnvironment) -> str:
        return f"{environ.get('REMOTE_ADDR', '')} {environ.get('HTTP_USER_AGENT', '')}"

    def hear(self, environ: WSGIEnvironment, who: str) -> None:
        """Count one request to ``who``."""
        with self._lock:
            self._heard.setdefault(self.visitor(environ), Counter())[who] += 1

    def heard(self, environ: WSGIEnvironment) -> dict[str, int]:
        """What was heard from the visitor of this request, by neighbour."""
        with self._lock:
            return dict(self._heard.get(self.visitor(environ), {}))


class Quiet(WSGIRequestHandler):
    """Says nothing of requests that went well."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


class Neighbours:
    """The third parties' servers, each in a thread. ``host`` gives each one's ``localhost:PORT``."""

    names = ("footfall", "lantern", "kino", "chirp")

    def __init__(self, collector: Collector) -> None:
        self._servers = {
            name: make_server("127.0.0.1", 0, _neighbour(name, collector), threaded=True, request_handler=Quiet)
            for name in self.names
        }
        self.host = {name: f"localhost:{server.server_port}" for name, server in self._servers.items()}

    def start(self) -> None:
        for server in self._servers.values():
            Thread(target=server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()


def _frame(title: str, body: str) -> tuple[str, bytes]:
    return "text/html; charset=utf-8", _FRAME.format(title=title, body=body).encode()


def _answer(name: str, path: str) -> tuple[str, bytes]:
    stars = "".join(f'<circle cx="{(n * 97) % 640}" cy="{(n * 53) % 190}" r="{1 + n % 2}"/>' for n in range(40))
    match name, path:
        case "footfall", "/footfall.js":
            return "text/javascript; charset=utf-8", _FOOTFALL.encode()
        case "lantern", "/ad":
            return _frame("Advertisement", _AD)
        case "kino", "/embed/first-crossing":
            return _frame("The first crossing", f"<body>{_VIDEO.format(stars=stars)}")
        case "kino", "/map/benches":
            return _frame("Benches", f"<body>{_MAP}")
        case "chirp", "/button.js":
            return "text/javascript; charset=utf-8", _CHIRP.encode()
        case _:
            return "image/gif", _PIXEL


def _neighbour(name: str, collector: Collector) -> Callable[..., Iterable[bytes]]:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path != "/favicon.ico":
            collector.hear(environ, name)
        media_type, body = _answer(name, path)
        headers: list[tuple[str, Any]] = [
            ("Content-Type", media_type),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Set-Cookie", f"{name}_uid=1; Path=/; Max-Age=31536000; SameSite=Lax"),
            ("Access-Control-Allow-Origin", environ.get("HTTP_ORIGIN", "*")),
            ("Access-Control-Allow-Credentials", "true"),
        ]
        start_response("200 OK", headers)
        return [body]

    return app
