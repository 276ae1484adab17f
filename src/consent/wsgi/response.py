"""Responses on their way out through the gate (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from werkzeug.http import HTTP_STATUS_CODES

from ..exchange import Facts, Pass, Reply, Shaped
from ..gate.response import Headers, header
from .body import Body, close

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse

__all__ = ["Exchange", "send"]


def send(reply: Reply, facts: Facts, start_response: StartResponse) -> list[bytes]:
    """A response that is ours."""
    headers = [*reply.headers]
    if reply.status != 304:
        headers.append(("Content-Length", str(len(reply.body))))
    start_response(_status(reply.status), headers)
    return [] if facts.method == "HEAD" else [reply.body]


def _status(status: int) -> str:
    return f"{status} {HTTP_STATUS_CODES.get(status, 'Unknown')}"


class Exchange:
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
            return Body(chunks, self._rest(chunks))
        try:
            shaped = self._shape()
            if shaped.stream is None:
                self._untouched = True
                self._send()
                return chunks
            if self._head:
                self._send()
                return Body(chunks, iter(()))
            if isinstance(chunks, (list, tuple)):
                return Body(chunks, iter((self._feed(b"".join(chunks), final=True),)))
            # Not before something can leave is it sure what the headers are.
            rest = self._rest(chunks)
            return Body(chunks, chain((next(rest, b""),), rest))
        except BaseException:
            close(chunks)
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
