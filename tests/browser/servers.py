"""The sites under test as processes of their own, and the third parties that they embed as one server that counts."""

from __future__ import annotations

import os
import re
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Self

import pytest
import trustme
from werkzeug.serving import WSGIRequestHandler, make_server

import find

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds, for whatever should happen; nothing is ever expected to take as long

_ADDRESS = re.compile(r"http://127\.0\.0\.1:[1-9]\d*")


def wait_until(true: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + patience
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience:g} s in vain for {what}")
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def answers(url: str) -> bool:
    """Whether a server answers there at all."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except OSError:
        return False


@contextmanager
def running(
    command: Sequence[str], folder: Path, *, url: str | None = None, environ: Mapping[str, str] | None = None
) -> Iterator[str]:
    """A server's process, from its first answer to its end. Yields its address: ``url``, or what it says itself."""
    folder.mkdir(parents=True, exist_ok=True)
    said = folder / "output.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **(environ or {})}, stdout=output, stderr=subprocess.STDOUT
        )
    try:

        def address() -> str | None:
            assert process.poll() is None, f"{' '.join(command)} ended:\n{said.read_text()}"
            found = url or next(iter(_ADDRESS.findall(said.read_text())), None)
            return found if found and answers(found) else None

        wait_until(address, " ".join(command))
        yield address() or ""
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def found(program: Callable[[], str]) -> str:
    """Where this machine keeps a program, by one of the functions of ``tools/find.py``."""
    try:
        return program()
    except find.Missing as missing:
        pytest.fail(str(missing), pytrace=False)


def python(*arguments: str) -> list[str]:
    return [sys.executable, "-u", *arguments]


#: The sites under test: the demo, and the examples as they are served in production.
PLACES = ("demo", "flask", "flask-factory", "django", "wsgi", "starlette", "fastapi")


def each_place_with(name: str, values: Sequence[object]) -> pytest.MarkDecorator:
    """Each site once and each value at least once, for what is decided by the same code behind every door."""
    return pytest.mark.parametrize(("place", name), [*zip(PLACES, cycle(values), strict=False)], indirect=["place"])


@dataclass(frozen=True, slots=True)
class Place:
    """A site under test.

    ``film`` is a page with a video, which calls all third parties once they are allowed: ``frames`` those that need no
    script, ``scripts`` the others. ``cookies``: what these set on the site itself; ``storage``: what they keep in
    ``localStorage``. ``heard(agent)``: their hits, by name, from a visitor.
    """

    name: str
    url: str
    log: str
    film: str
    cookies: frozenset[str]
    frames: frozenset[str]
    scripts: frozenset[str]
    heard: Callable[[str], Mapping[str, int]]
    storage: str = ""


class Quiet(WSGIRequestHandler):
    """Says nothing: browsers open connections that they do not use."""

    def log(self, *_what: Any) -> None:
        pass


_GTAG = b"""(() => {
  const keep = (name) => { document.cookie = `${name}=GA1.1.${Date.now()}; path=/; max-age=63072000; samesite=lax`; };
  keep("_ga"); keep("_ga_RYE1962");
  document.documentElement.dataset.ga = `${window.dataLayer.length} events, then the library`;
  navigator.sendBeacon("https://www.google-analytics.com/g/collect?v=2");
})();"""
_FRAME = b"<!doctype html><html lang=en><title>Film</title><body><h1>Film</h1>"
_PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")


def script_of(path: str) -> bytes:
    """A third party's script: it says in ``window.ran`` that it ran, and as which element."""
    name = path.rpartition("/")[2].removesuffix(".js")
    return f'(window.ran ??= []).push("{name}" + (document.currentScript?.dataset.say ?? ""));'.encode()


_SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Certificates that nobody else knows.
    "--ignore-certificate-errors",
)


class _WithOrWithoutTLS(Quiet):
    """Speaks HTTPS to who begins so, and HTTP to others, on the same port. The handshake is this thread's."""

    context: ssl.SSLContext

    def setup(self) -> None:
        plain: socket.socket = self.request
        if plain.recv(1, socket.MSG_PEEK) == b"\x16":  # a TLS record with a handshake (RFC 8446, 5.1)
            self.request = self.context.wrap_socket(plain, server_side=True)
        super().setup()

    def finish(self) -> None:
        super().finish()
        self.request.close()


@dataclass(slots=True)
class Outside:
    """Every host but our own: a server to which the browser is told that all names lead, whatever their port.

    It sets a cookie with each answer, as third parties do, and counts who asked which host for what.
    """

    port: int = 0
    _heard: list[tuple[str, str, str]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        host = environ["HTTP_HOST"].partition(":")[0]
        path = environ["PATH_INFO"]
        with self._lock:
            self._heard.append((environ.get("HTTP_USER_AGENT", ""), host, path))
        media_type, body = "image/gif", _PIXEL
        if path == "/gtag/js":
            media_type, body = "text/javascript", _GTAG
        elif path.startswith("/embed/"):
            media_type, body = "text/html", _FRAME
        elif path.endswith(".js"):
            if path.startswith("/slow/"):
                time.sleep(0.3)
            media_type, body = "text/javascript", script_of(path)
        elif path.endswith(".css"):
            media_type, body = "text/css", b"h1 { color: rgb(1, 2, 3) }"
        elif path.endswith(".svg"):
            media_type, body = "image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"/>'
        elif path.endswith(".json"):
            media_type, body = "application/json", b"{}"
        headers = [
            ("Content-Type", media_type),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Access-Control-Allow-Origin", "*"),
            ("Set-Cookie", "uid=1; Path=/; SameSite=None; Secure; Max-Age=9999"),
        ]
        start_response("200 OK", headers)
        return [body]

    def heard(self, agent: str) -> Counter[str]:
        """What one visitor's browser asked for, by host."""
        with self._lock:
            return Counter(host for who, host, _path in self._heard if who == agent)

    def asked(self) -> list[str]:
        """What was asked for by whomever, in order: host and path."""
        with self._lock:
            return [host + path for _who, host, path in self._heard]

    def switches(self) -> list[str]:
        """Those of a Chromium to which every name but ours leads here."""
        rules = f"MAP * 127.0.0.1:{self.port}, EXCLUDE 127.0.0.1, EXCLUDE localhost"
        return [*_SWITCHES, f"--host-resolver-rules={rules}"]

    @contextmanager
    def open(self) -> Iterator[Self]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("*.example").configure_cert(context)
        handler = type("Handler", (_WithOrWithoutTLS,), {"context": context})
        server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=handler)
        self.port = server.server_port
        with serving(server):
            yield self


@contextmanager
def serving(server: Any) -> Iterator[str]:
    """A werkzeug server in a thread. Yields its address."""
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
