"""The door for any WSGI application.

::

    from consent.wsgi import ConsentMiddleware

    app = ConsentMiddleware(app, "consent.toml")

Views find what they may ask in ``environ["consent.page"]``, a :class:`consent.banner.page.Page`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wsgi import get_host, get_input_stream

from .exchange import Facts, Pass, Reply
from .gate.response import Headers, Stream
from .site import Site

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["ConsentMiddleware", "facts_of"]


class ConsentMiddleware:
    """Puts a WSGI application behind the gate and answers its visitors' decisions.

    :param app: the application.
    :param settings: a mapping, the path of a TOML file, or a :class:`~consent.site.Site` that is open already.
    :param secret_key: the key that signs, or several, the one that signs first; else ``CONSENT_SECRET_KEY``.
    :raises ConfigurationError: for a wrong setting.
    """

    def __init__(
        self,
        app: WSGIApplication,
        settings: Mapping[str, Any] | str | os.PathLike[str] | Site,
        *,
        secret_key: str | bytes | Iterable[str | bytes] | None = None,
        language: Callable[[WSGIEnvironment], str | None] = lambda _environ: None,
        debug: bool = False,
    ) -> None:
        if not isinstance(settings, Site):
            keys = [secret_key] if isinstance(secret_key, (str, bytes)) else secret_key or ()
            settings = Site.open(settings, keys=keys, debug=debug)
        self.site = settings
        self._app = app
        self._language = language

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        facts = facts_of(environ, self._language)
        answer = self.site.answer(facts, lambda limit: get_input_stream(environ).read(limit + 1))
        if isinstance(answer, Reply):
            return _send(answer, facts, start_response)
        for name, value in answer.request.items():
            key = _key(name)
            if value is None:
                environ.pop(key, None)
            else:
                environ[key] = value
        environ["consent.page"] = _Later(answer)
        exchange = _Exchange(answer, start_response, head=facts.method == "HEAD")
        return exchange.body(self._app(environ, exchange.start))


def facts_of(environ: WSGIEnvironment, language: Callable[[WSGIEnvironment], str | None]) -> Facts:
    """A WSGI request (PEP 3333) as facts."""
    return Facts(
        method=environ["REQUEST_METHOD"],
        path=_sent(environ.get("PATH_INFO", "")),
        query=environ.get("QUERY_STRING", ""),
        root=_sent(environ.get("SCRIPT_NAME", "")),
        header=lambda name: environ.get(_key(name)),
        scheme=environ["wsgi.url_scheme"],
        host=_host(
            environ["wsgi.url_scheme"],
            environ.get("HTTP_HOST"),
            environ.get("SERVER_NAME", ""),
            environ.get("SERVER_PORT", ""),
        ),
        now=time.time(),
        entropy=os.urandom,
        language=lambda: language(environ),
    )


@lru_cache(maxsize=256)
def _host(scheme: str, host: str | None, server: str, port: str) -> str:
    """The site's host. A site is asked under a few names, again and again."""
    environ: WSGIEnvironment = {"wsgi.url_scheme": scheme, "SERVER_NAME": server, "SERVER_PORT": port}
    return get_host(environ if host is None else {**environ, "HTTP_HOST": host})


class _Later:
    """A page that is worked out when a view or a template asks it something. Most requests never do."""

    __slots__ = ("_answer",)

    def __init__(self, answer: Pass) -> None:
        self._answer = answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._answer.page, name)


def _sent(path: str) -> str:
    """A path as it was sent: WSGI gives it decoded, its bytes as latin-1."""
    return path if path.isascii() and path.isprintable() and "%" not in path else quote(path.encode("latin-1"))


@cache
def _key(name: str) -> str:
    """A header's name as the environ knows it."""
    folded = name.upper().replace("-", "_")
    return folded if folded in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{folded}"


def _send(reply: Reply, facts: Facts, start_response: StartResponse) -> list[bytes]:
    headers = [*reply.headers]
    if reply.status != 304:
        headers.append(("Content-Length", str(len(reply.body))))
    start_response(_status(reply.status), headers)
    return [] if facts.method == "HEAD" else [reply.body]


def _status(status: int) -> str:
    return f"{status} {HTTP_STATUS_CODES.get(status, 'Unknown')}"


class _Exchange:
    """One response on its way out: what the application starts, writes and yields."""

    def __init__(self, answer: Pass, start_response: StartResponse, *, head: bool) -> None:
        self._pass = answer
        self._start_response = start_response
        self._head = head
        self._pending: tuple[str, Headers, OptExcInfo | None] | None = None
        self._write: Callable[[bytes], object] | None = None
        self._stream: Stream | None = None

    def start(self, status: str, headers: Headers, exc_info: OptExcInfo | None = None) -> Callable[[bytes], object]:
        """``start_response`` for the application. The headers are final only when the first byte of the body comes."""
        if self._write is not None and exc_info is not None:
            return self._start_response(status, headers, exc_info)  # too late: the server raises it again
        if self._pending is not None and exc_info is None:
            raise AssertionError("start_response was called a second time without exc_info")
        self._pending = (status, headers, exc_info)
        return self.write

    def write(self, data: bytes) -> None:
        """The ``write`` callable of old applications."""
        self._begin()
        assert self._write is not None
        out = self._stream.feed(data) if self._stream is not None else data
        if out and not self._head:
            self._write(out)

    def body(self, chunks: Iterable[bytes]) -> Iterable[bytes]:
        """The body that leaves, given the one that the application returned."""
        if self._pending is None or self._write is not None:
            return _Body(chunks, self._late(chunks))
        whole = isinstance(chunks, (list, tuple))
        self._begin(chunks if whole and not self._head else None)
        if self._stream is None:
            return chunks
        if whole and not self._head:
            return self._whole
        return _Body(chunks, self._gated(iter(chunks)))

    def _begin(self, whole: Iterable[bytes] | None = None) -> None:
        """Shape the headers and send them, once. Of a body that is there whole, the length is known."""
        if self._write is not None:
            return
        if self._pending is None:
            raise AssertionError("the application sent a body before it called start_response")
        status, headers, exc_info = self._pending
        code, _, reason = status.partition(" ")
        shaped = self._pass.shape(int(code), headers)
        self._stream = shaped.stream
        sent = shaped.headers
        if shaped.stream is not None and whole is not None:
            body = b"".join([*map(shaped.stream.feed, whole), shaped.stream.finish()])
            self._whole = [body]
            sent = [*sent, ("Content-Length", str(len(body)))]
        line = f"{code} {reason}" if shaped.status == int(code) else _status(shaped.status)
        self._write = (
            self._start_response(line, sent) if exc_info is None else self._start_response(line, sent, exc_info)
        )

    def _late(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """A body whose application calls ``start_response`` with its first chunk, or has used ``write``."""
        iterator = iter(chunks)
        first = next(iterator, b"")
        self._begin()
        if self._stream is None:
            yield first
            yield from iterator
        else:
            yield self._gated_chunk(first)
            yield from self._gated(iterator)

    def _gated(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        assert self._stream is not None
        for chunk in chunks:
            yield self._gated_chunk(chunk)
        rest = self._stream.finish()
        if rest and not self._head:
            yield rest

    def _gated_chunk(self, chunk: bytes) -> bytes:
        assert self._stream is not None
        out = self._stream.feed(chunk)
        return b"" if self._head else out


class _Body:
    """An iterator that closes the application's body when the server closes it (PEP 3333)."""

    def __init__(self, source: Iterable[bytes], chunks: Iterator[bytes]) -> None:
        self._source = source
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def __next__(self) -> bytes:
        return next(self._chunks)

    def close(self) -> None:
        close = getattr(self._source, "close", None)
        if close is not None:
            close()
