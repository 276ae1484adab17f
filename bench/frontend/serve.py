"""Serves every banner's page at the root of a host of its own: ``http://klaro.localhost:8000/``.

Ours goes through the real middleware; the others' files come from their packages, or from bundles made of them. All is
compressed by the same gzip on its way out, pages each time, as a server in front does with what is dynamic. ``Server-Timing``
says how long a page took, compression included. ``/plain`` is the same page without tags that wait for consent.

    python bench/frontend/serve.py --port 8000         to look at them
"""

from __future__ import annotations

import argparse
import gzip
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from page import PICTURE, SCRIPT, STYLE, article
from peers import HERE, NONE, OTHERS, OURS, PEERS, Peer
from waitress.server import create_server

from consent.wsgi import ConsentMiddleware

Start = Callable[..., Any]
App = Callable[[dict[str, Any], Start], Iterable[bytes]]

SETTINGS = {
    "services": {
        "stats": {"title": "Stats", "purposes": ["analytics"], "hosts": ["stats.example.org"]},
        "ads": {"title": "Ads", "purposes": ["marketing"], "hosts": ["ads.example.org"]},
    },
    "privacy_url": "/privacy",
    "language": "en",
}
SECRET = "a secret for the benchmark, long enough"
_FOREVER = "public, max-age=31536000, immutable"
_TYPES = {
    ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".json": "application/json",
    ".svg": "image/svg+xml",
}  # fmt: skip
_OWN = {"/own/site.css": STYLE, "/own/site.js": SCRIPT}
_FOLDERS = ("/node_modules/", "/peers/", "/built/")


def peer_app(peer: Peer, built: Path) -> App:
    """The newspaper's site, with this banner on its pages."""
    head, end = peer.fragments
    plain_head, plain_end = ("", "") if peer is OURS else (head, end)
    pages = {"/": article(head, end), "/plain": article(plain_head, plain_end)}

    def app(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path in pages:
            start("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-cache")])
            return [pages[path].replace(b"{origin}", f"http://{environ['HTTP_HOST']}".encode())]
        if path.startswith("/api/"):  # Probo's instance
            known = path.endswith("/config")
            body = _file(PEERS / "probo.config.json") if known else b"{}"
            start("200 OK" if known or environ["REQUEST_METHOD"] == "POST" else "404 Not Found", _json())
            return [body]
        found = _asset(path, built)
        if found is None:
            start("404 Not Found", [("Content-Type", "text/plain")])
            return [b"There is nothing.\n"]
        body, media_type = found
        start("200 OK", [("Content-Type", media_type), ("Cache-Control", _FOREVER)])
        return [body]

    return app


def _json() -> list[tuple[str, str]]:
    return [("Content-Type", "application/json"), ("Cache-Control", "no-store")]


def _asset(path: str, built: Path) -> tuple[bytes, str] | None:
    if path.startswith("/own/"):
        return _OWN.get(path, PICTURE).encode(), _TYPES[Path(path).suffix]
    if not path.startswith(_FOLDERS) or ".." in path:
        return None
    file = built / path.removeprefix("/built/") if path.startswith("/built/") else HERE / path[1:]
    return (_file(file), _TYPES[file.suffix]) if file.is_file() and file.suffix in _TYPES else None


@cache
def _file(path: Path) -> bytes:
    return path.read_bytes()


@cache
def _zipped(body: bytes) -> bytes:
    """A file that does not change is compressed once."""
    return gzip.compress(body, 6)


def served(app: App) -> App:
    """As a server in front would send it: compressed, and with the time that it took."""

    def timed(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        began = time.perf_counter()
        said: list[Any] = []
        chunks = app(environ, lambda *what: said.append(what))
        body = b"".join(chunks)
        if hasattr(chunks, "close"):
            chunks.close()
        status, headers = said[-1][:2]
        headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        kind = dict(headers).get("Content-Type", "")
        coded = any(name.lower() == "content-encoding" for name, _ in headers)
        if body and not coded and "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
            body = gzip.compress(body, 6) if kind.startswith("text/html") else _zipped(body)
            headers.append(("Content-Encoding", "gzip"))
        took = (time.perf_counter() - began) * 1000
        start(status, [*headers, ("Content-Length", str(len(body))), ("Server-Timing", f"app;dur={took:.3f}")])
        return [body]

    return timed


def door(built: Path, log: str) -> ConsentMiddleware:
    """Ours, around the newspaper's site."""
    return ConsentMiddleware(peer_app(OURS, built), {**SETTINGS, "log": log}, secret_key=SECRET)


def sites(built: Path, ours: ConsentMiddleware) -> App:
    """All sites, told apart by their hosts."""
    apps = {peer.name: served(peer_app(peer, built)) for peer in (NONE, *OTHERS)}
    apps[OURS.name] = served(ours)

    def app(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        return apps[environ.get("HTTP_HOST", "").partition(".")[0]](environ, start)

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--built", type=Path, default=HERE / "node_modules" / ".built", help="where the bundles are")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="consent-bench-") as folder:
        log = f"sqlite:///{Path(folder) / 'consent.db'}"
        ours = door(given.built, log)
        server = create_server(sites(given.built, ours), host="127.0.0.1", port=given.port, threads=8)
        for peer in (NONE, OURS, *OTHERS):
            print(f"http://{peer.name}.localhost:{server.effective_port}/", flush=True)
        server.run()


if __name__ == "__main__":
    main()
