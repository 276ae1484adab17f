"""What only a WSGI application can do (PEP 3333): write, start late or twice, break off, be closed."""

from __future__ import annotations

import gzip
import io
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults

import pytest
from doors import SECRET, SETTINGS

from consent.site import Site
from consent.wsgi import ConsentMiddleware

TRACKER = b'<script src="https://www.google-analytics.com/analytics.js"></script>'
PAGE = b"<!doctype html><html><body>" + TRACKER + b"<p>News</p></body></html>"
HTML = [("Content-Type", "text/html; charset=utf-8")]
JSON = [("Content-Type", "application/json")]


class Server:
    """A server as PEP 3333 has it: headers leave with the first byte of the body, and not before."""

    def __init__(self, app: Callable[..., Iterable[bytes]], method: str = "GET", **headers: str) -> None:
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.sent = b""
        self.events: list[str] = []
        self._site = Site.open(SETTINGS, keys=[SECRET])
        self._app = ConsentMiddleware(app, self._site)
        self.environ: dict[str, Any] = {}
        setup_testing_defaults(self.environ)
        self.environ |= {"REQUEST_METHOD": method, **headers}

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if exc_info is not None:
            if self.sent:
                raise exc_info[1].with_traceback(exc_info[2])
        elif self.status:
            raise AssertionError("a second start")
        self.status, self.headers = status, headers
        return self._send

    def _send(self, data: bytes) -> None:
        assert self.status, "a body before its headers"
        self.sent += data

    def ask(self) -> Iterable[bytes]:
        return self._app(self.environ, self.start_response)

    def run(self) -> Server:
        body = self.ask()
        try:
            for chunk in body:
                self._send(chunk)
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
        return self

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


class Body:
    """An iterable that counts how often it is closed, and how far it was read."""

    def __init__(self, chunks: Iterable[bytes | Exception], begin: Callable[[], object] = lambda: None) -> None:
        self._chunks = iter(chunks)
        self._begin: Callable[[], object] | None = begin
        self.read = 0
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._begin is not None:
            self._begin, begin = None, self._begin
            begin()
        chunk = next(self._chunks)
        self.read += 1
        if isinstance(chunk, Exception):
            raise chunk
        return chunk

    def close(self) -> None:
        self.closed += 1


def serving(body: Iterable[bytes], headers: list[tuple[str, str]] | None = None) -> Callable[..., Iterable[bytes]]:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", list(headers or HTML))
        return body

    return app


# Closing


@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("headers", [HTML, JSON], ids=["page", "data"])
@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [PAGE],
        [PAGE[:40], PAGE[40:]],
        [RuntimeError("broken")],
        [PAGE, RuntimeError("broken")],
        [b"\xff\xfe<\0p\0>\0"],
        [b"<p>first</p>", b"\x1b$B"],
    ],
    ids=["empty", "one", "two", "raises at once", "raises later", "unreadable", "unreadable later"],
)
def test_the_applications_body_is_closed_once(
    chunks: list[bytes | Exception], headers: list[tuple[str, str]], method: str, late: bool
) -> None:
    bodies: list[Body] = []
    untyped = [("Content-Type", value.partition(";")[0]) for _, value in headers]

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def begin() -> None:
            start_response("200 OK", untyped)

        if not late:
            begin()
        bodies.append(Body(chunks, begin if late else lambda: None))
        return bodies[0]

    with suppress(RuntimeError, ValueError):
        Server(app, method).run()
    assert [body.closed for body in bodies] == [1]


def test_a_visitor_who_leaves_closes_the_applications_body() -> None:
    body = Body([PAGE] * 10)
    leaving: Any = Server(serving(body)).ask()
    next(iter(leaving))
    leaving.close()
    assert (body.closed, body.read) == (1, 1)


# Order and time


def test_the_first_byte_leaves_before_the_second_chunk_is_asked_for() -> None:
    body = Body([b"<!doctype html><html><body><p>first</p>", b"<p>second</p>"])
    server = Server(serving(body))
    first = next(iter(server.ask()))
    assert body.read == 1
    assert b"<p>first</p>" in first
    assert server.status == "200 OK"


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_of_a_coded_page_too_and_the_browser_can_read_it(coding: str) -> None:
    wbits = 31 if coding == "gzip" else 15
    encoder = zlib.compressobj(wbits=wbits)
    first = encoder.compress(b"<!doctype html><html><body><p>first</p>") + encoder.flush(zlib.Z_SYNC_FLUSH)
    body = Body([first, encoder.compress(b"<p>second</p>") + encoder.flush()])
    out = next(iter(Server(serving(body, [*HTML, ("Content-Encoding", coding)])).ask()))
    assert body.read == 1
    assert b"<p>first</p>" in zlib.decompressobj(wbits).decompress(out)


def test_head_reads_no_body() -> None:
    body = Body([PAGE])
    server = Server(serving(body), "HEAD").run()
    assert (server.sent, body.read, body.closed) == (b"", 0, 1)
    assert (server.status, server.header("content-type")) == ("200 OK", "text/html; charset=utf-8")


def test_no_more_of_a_long_stream_is_held_than_a_piece() -> None:
    """Bytes in less bytes out, at every moment; and what the process holds."""
    piece = (b"<p>" + b"word " * 800 + b"</p>") * 16
    given = taken = most = 0

    def chunks() -> Iterator[bytes]:
        nonlocal given
        yield b"<!doctype html><html><body>"
        for _ in range(100):
            given += len(piece)
            yield piece

    tracemalloc.start()
    try:
        for out in Server(serving(chunks())).ask():
            taken += len(out)
            most = max(most, given - taken)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert given > 6_000_000
    assert most < len(piece)
    assert peak < 3_000_000


def test_a_small_body_that_decodes_to_a_huge_one_is_gated_piece_by_piece() -> None:
    bomb = gzip.compress(b"<!doctype html><html><body>" + TRACKER + b"a" * 32_000_000)
    assert len(bomb) < 50_000
    tracemalloc.start()
    try:
        server = Server(serving([bomb], [*HTML, ("Content-Encoding", "gzip")])).run()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000
    assert TRACKER not in zlib.decompressobj(31).decompress(server.sent, 100_000)


# Early hints


@pytest.mark.parametrize("kind", [str, str.encode])
def test_hints_that_leave_before_the_response_are_gated(kind: Callable[[str], Any]) -> None:
    sent: list[list[tuple[str, str]]] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        held = "<https://www.google-analytics.com/a.js>; rel=preload; as=script"
        hint = environ["wsgi.early_hints"]
        for link in (held, "</own.css>; rel=preload; as=style", f"</own.css>; rel=preload, {held}"):
            hint([(kind("Link"), kind(link))])
        assert sent == [
            [("Link", "</own.css>; rel=preload; as=style")],
            [("Link", "</own.css>; rel=preload")],
        ], "before the response starts"
        start_response("200 OK", list(HTML))
        return [PAGE]

    server = Server(app, **{"wsgi.early_hints": sent.append}).run()  # type: ignore[arg-type]
    assert server.status == "200 OK"
    assert len(sent) == 2


# Starting


def test_write_sends_what_is_gated() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        write = start_response("200 OK", list(HTML))
        write(PAGE[:40])
        write(PAGE[40:70])
        return [PAGE[70:]]

    server = Server(app).run()
    assert b"data-consent-src" in server.sent
    assert TRACKER not in server.sent
    assert b"<p>News</p>" in server.sent


def test_a_page_that_is_written_and_cannot_be_read_is_closed() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        write = start_response("200 OK", [("Content-Type", "text/html")])
        write(b"\xff")
        write(b"\xfe<\0")
        write(b"p\0")
        return [b">\0"]

    server = Server(app).run()
    assert server.sent == b"\xff\xfe<\0p\0>\0"
    assert str(server.header("content-security-policy")).startswith("default-src 'none'")


@pytest.mark.parametrize("first", [HTML, JSON], ids=["page", "data"])
@pytest.mark.parametrize("when", ["before it returns", "in its iterator"])
def test_an_error_before_the_first_byte_starts_again_as_an_error(first: list[tuple[str, str]], when: str) -> None:
    def fail(start_response: Any) -> None:
        try:
            raise RuntimeError("broken")  # noqa: TRY301
        except RuntimeError:
            start_response("500 Broken", [*HTML, ("Set-Cookie", "_ga=1")], sys.exc_info())

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", list(first))
        if when == "before it returns":
            fail(start_response)
            return [PAGE]

        def later() -> Iterator[bytes]:
            fail(start_response)
            yield PAGE

        return later()

    server = Server(app).run()
    assert server.status == "500 Broken"
    assert server.header("set-cookie") is None
    closed = str(server.header("content-security-policy")).startswith("default-src 'none'")
    assert TRACKER not in server.sent or closed
    assert closed == (first is JSON and when == "in its iterator")


def test_an_error_after_the_first_byte_is_raised_again() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", list(HTML))
        yield PAGE
        try:
            raise RuntimeError("broken")  # noqa: TRY301
        except RuntimeError:
            start_response("500 Broken", list(HTML), sys.exc_info())
        yield b"never"

    server = Server(app)
    with pytest.raises(RuntimeError, match="broken"):
        server.run()
    assert server.status == "200 OK"
    assert b"never" not in server.sent
    assert TRACKER not in server.sent


def test_a_second_start_without_an_error_is_refused() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", list(HTML))
        start_response("200 OK", list(HTML))
        return []

    with pytest.raises(AssertionError, match="second time"):
        Server(app).run()


@pytest.mark.parametrize("body", [[PAGE], []], ids=["a body", "none"])
def test_a_body_that_was_never_started_is_refused(body: list[bytes]) -> None:
    with pytest.raises(AssertionError, match="before it called start_response"):
        Server(lambda environ, start_response: iter(body)).run()


# Errors in mid-stream


@pytest.mark.parametrize("error", [RuntimeError("broken"), b"<p>\x1b$B" + TRACKER], ids=["raised", "unreadable"])
def test_what_has_left_when_a_stream_breaks_off_is_gated(error: bytes | Exception) -> None:
    first = b"<!doctype html><html><body><p>first</p>" + TRACKER
    server = Server(serving(Body([first, error]), [("Content-Type", "text/html")]))
    with pytest.raises((RuntimeError, ValueError)):
        server.run()
    assert b"<p>first</p>" in server.sent
    assert TRACKER not in server.sent
    assert b"</html>" not in server.sent


def test_nothing_has_left_when_a_stream_breaks_off_at_once() -> None:
    server = Server(serving(Body([RuntimeError("broken")])))
    with pytest.raises(RuntimeError):
        server.run()
    assert (server.status, server.sent) == ("", b"")


# Lengths and files


def test_a_stream_of_one_piece_has_its_length() -> None:
    server = Server(serving(Body([PAGE]), [*HTML, ("Content-Length", str(len(PAGE)))])).run()
    assert server.header("content-length") == str(len(server.sent))
    longer = Server(serving(Body([PAGE, b"more"]))).run()
    assert longer.header("content-length") is None
    assert longer.sent.index(b"more")


def test_a_file_that_is_no_page_is_left_to_the_server() -> None:
    wrapper = FileWrapper(io.BytesIO(b"{}"))
    assert Server(serving(wrapper, JSON)).ask() is wrapper  # type: ignore[arg-type]


def test_a_file_that_is_a_page_is_gated_and_closed() -> None:
    file = io.BytesIO(PAGE)
    server = Server(serving(FileWrapper(file))).run()  # type: ignore[arg-type]
    assert TRACKER not in server.sent
    assert file.closed
