"""Stand-ins for what a news site embeds: an analytics script, advertisements, a video, a map, a social button.

Each has a server of its own on a free port of ``localhost``, which to a browser is another site than ``127.0.0.1``.
They do what their models do, set cookies, keep ids, call home, and whatever reaches them is counted by the collector.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.resources import files
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Collector", "Neighbours", "Quiet"]

_PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")

#: What each neighbour serves from ``embeds``; every other path of theirs is a pixel.
_FILES = {
    ("footfall", "/footfall.js"): "footfall.js",
    ("lantern", "/ad"): "ad.html",
    ("kino", "/embed/first-crossing"): "first-crossing.html",
    ("kino", "/map/benches"): "benches.html",
    ("chirp", "/button.js"): "button.js",
}
_TYPES = {"js": "text/javascript; charset=utf-8", "html": "text/html; charset=utf-8"}


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


def _answer(name: str, path: str) -> tuple[str, bytes]:
    file = _FILES.get((name, path))
    if file is None:
        return "image/gif", _PIXEL
    return _TYPES[file.partition(".")[2]], files("consent.demo").joinpath("embeds", file).read_bytes()


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
