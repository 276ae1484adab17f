"""The door for any WSGI application.

::

    from consent.wsgi import ConsentMiddleware

    app = ConsentMiddleware(app, "consent.toml")

Views find what they may ask in ``environ["consent.page"]``, a :class:`consent.banner.page.Page`.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wsgi import get_host, get_input_stream

from .exchange import Facts, Pass, Reply, Shaped
from .gate.response import Headers, header
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
        self.site = Site.of(settings, secret_key=secret_key, debug=debug)
        self._app = app
        self._language = language

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        facts = facts_of(environ, self._language)
        answer = self.site.answer(facts, lambda limit: _read(environ, limit + 1))
        if isinstance(answer, Reply):
            return _send(answer, facts, start_response)
        for name, value in answer.request.items():
            key = _KEYS[name]
            if value is None:
                environ.pop(key, None)
            else:
                environ[key] = value
        environ["consent.page"] = _Later(answer)
        if _HINTS in environ:
            environ[_HINTS] = answer.hinting(environ[_HINTS])
        exchange = _Exchange(answer, start_response, head=facts.method == "HEAD")
        return exchange.body(self._app(environ, exchange.start))


def facts_of(environ: WSGIEnvironment, language: Callable[[WSGIEnvironment], str | None]) -> Facts:
    """A WSGI request (PEP 3333) as facts."""
    return Facts(
        method=environ["REQUEST_METHOD"],
        path=_sent(environ.get("PATH_INFO", "")),
        query=environ.get("QUERY_STRING", ""),
        root=_sent(environ.get("SCRIPT_NAME", "")),
        header=lambda name: environ.get(_KEYS[name]),
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
        address=environ.get("REMOTE_ADDR"),
    )


@lru_cache(maxsize=256)
def _host(scheme: str, host: str | None, server: str, port: str) -> str:
    """The site's host. A site is asked under a few names, again and again."""
    environ: WSGIEnvironment = {"wsgi.url_scheme": scheme, "SERVER_NAME": server, "SERVER_PORT": port}
    return get_host(environ if host is None else {**environ, "HTTP_HOST": host})


#: Where servers put their way to send a 103 before the response.
_HINTS = "wsgi.early_hints"


class _Later:
    """A page that is worked out when a view or a template asks it something. Most requests never do."""

    __slots__ = ("_answer",)

    def __init__(self, answer: Pass) -> None:
        self._answer = answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._answer.page, name)


def _sent(path: str) -> str:
    """A path as it was sent: WSGI gives it decoded, its bytes as latin-1."""
    return path if _PLAIN_PATH.match(path) else quote(path.encode("latin-1"), safe="/:@!$&'()*+,;=~-._")


_PLAIN_PATH = re.compile(r"[A-Za-z0-9/:@!$&'()*+,;=~\-._]*\Z")


def _read(environ: WSGIEnvironment, limit: int) -> bytes:
    """The request's body, or its first ``limit`` bytes. A stream may give less than it is asked for at a time."""
    stream = get_input_stream(environ)
    body = bytearray()
    while len(body) < limit and (piece := stream.read(limit - len(body))):
        body += piece
    return bytes(body)


class _Keys(dict[str, str]):
    """Headers' names as the environ knows them, each worked out once."""

    def __missing__(self, name: str) -> str:
        folded = name.upper().replace("-", "_")
        self[name] = key = folded if folded in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{folded}"
        return key


_KEYS = _Keys()


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

    __slots__ = ("_code", "_head", "_pass", "_pending", "_shaped", "_start_response", "_untouched", "_write")

    def __init__(self, answer: Pass, start_response: StartResponse, *, head: bool) -> None:
        self._pass = answer
        self._start_response = start_response
        self._head = head
        self._pending: tuple[str, Headers, OptExcInfo | None] | None = None
        self._shaped: Shaped | None = None
        #: The server's ``write``, from when the headers are with the server.
        self._write: Callable[[bytes], object] | None = None
        self._untouched = False
        self._code = 0

    def start(self, status: str, headers: Headers, exc_info: OptExcInfo | None = None) -> Callable[[bytes], object]:
        """``start_response`` for the application. The headers are final only when the first byte of the body comes."""
        if self._pending is not None and exc_info is None:
            raise AssertionError("start_response was called a second time without exc_info")
        if self._write is not None:
            self._start_response(status, headers, exc_info)  # raises it again, if anything has left
        self._pending = (status, headers, exc_info)
        self._shaped = self._write = None
        if self._untouched:  # the application's body is with the server: it cannot be gated any more
            shaped = self._shape()
            if shaped.closed is not None:
                self._shaped = shaped.closed("begun as something else")
            self._send()
        return self.write

    def write(self, data: bytes) -> None:
        """The ``write`` callable of old applications."""
        out = self._feed(data)
        if out and self._write is not None:
            self._write(out)

    def body(self, chunks: Iterable[bytes]) -> Iterable[bytes]:
        """The body that leaves, given the one that the application returned."""
        if self._pending is None or self._shaped is not None:  # it starts later, or has used ``write``
            return _Body(chunks, self._rest(chunks))
        try:
            shaped = self._shape()
            if shaped.stream is None:
                self._untouched = True
                self._send()
                return chunks
            if self._head:
                self._send()
                return _Body(chunks, iter(()))
            if isinstance(chunks, (list, tuple)):
                return _Body(chunks, iter((self._feed(b"".join(chunks), final=True),)))
            # Not before something can leave is it sure what the headers are.
            rest = self._rest(chunks)
            return _Body(chunks, chain((next(rest, b""),), rest))
        except BaseException:
            _close(chunks)
            raise

    def _shape(self) -> Shaped:
        if self._pending is None:
            raise AssertionError("the application sent a body before it called start_response")
        status, headers, _ = self._pending
        self._code = int(status[:3])
        self._shaped = self._pass.shape(self._code, headers)
        return self._shaped

    def _send(self, length: int | None = None) -> None:
        """Give the headers to the server. Of a body that is there whole, the length is known."""
        assert self._pending is not None
        assert self._shaped is not None
        status, _, exc_info = self._pending
        line = status if self._shaped.status == self._code else _status(self._shaped.status)
        headers = self._shaped.headers if length is None else [*self._shaped.headers, ("Content-Length", str(length))]
        self._write = (
            self._start_response(line, headers) if exc_info is None else self._start_response(line, headers, exc_info)
        )

    def _rest(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The body, chunk by chunk, from when the first may leave."""
        whole = False
        for chunk in chunks:
            if whole:
                continue  # more than the application said that there is
            whole = self._write is None and self._is_whole(chunk)
            out = self._feed(chunk, final=whole)
            if self._write is not None:
                yield out
        out = b"" if whole else self._feed(b"", final=True)
        if out:
            yield out

    def _is_whole(self, first: bytes) -> bool:
        """Whether a first chunk is all of the body, by the length that the application gave."""
        if self._shaped is None or self._shaped.stream is None or self._shaped.waiting or self._pending is None:
            return False
        return bool(first) and header(self._pending[1], "content-length") == str(len(first))

    def _feed(self, data: bytes, *, final: bool = False) -> bytes:
        """What may leave of the next bytes of the body. The headers go to the server with the first of them."""
        shaped = self._shaped or self._shape()
        if self._head:
            if self._write is None:
                self._send()
            return b""
        if self._write is None:
            page = shaped.stream is not None
            self._shaped, out = shaped.begin(data, final=final)
            if out or final or not page:
                self._send(len(out) if final and page else None)
            return out
        if shaped.stream is None:
            return data
        out = shaped.stream.feed(data)
        return out + shaped.stream.finish() if final else out


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
        _close(self._source)


def _close(chunks: Iterable[bytes]) -> None:
    close = getattr(chunks, "close", None)
    if close is not None:
        close()
