"""Header lists and gated bodies, to and from Django's response classes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import cache
from http.cookies import Morsel
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpResponse
from django.http.response import HttpResponseBase, StreamingHttpResponse

from ..exchange import Shaped
from ..gate.coding import Stream
from ..gate.response import Headers

__all__ = ["gate_body", "gate_body_async", "key_of", "read_headers", "write_headers"]


@cache
def key_of(name: str) -> str:
    """A header's name as ``request.META`` knows it."""
    folded = name.upper().replace("-", "_")
    return folded if folded in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{folded}"


def read_headers(response: HttpResponseBase) -> Headers:
    """All headers of a response, its cookies among them."""
    cookies = [("Set-Cookie", morsel.OutputString()) for morsel in response.cookies.values()]
    return [*response.items(), *cookies]


def write_headers(response: HttpResponseBase, headers: Headers) -> None:
    """Make these the response's headers. Cookies that it has already are kept as the objects they are."""
    before = {morsel.OutputString(): key for key, morsel in response.cookies.items()}
    wanted = [value for name, value in headers if name.lower() == "set-cookie"]
    for text, key in before.items():
        if text not in wanted:
            del response.cookies[key]
    for text in wanted:
        if text not in before:
            _add_cookie(response, text)
    fields: dict[str, tuple[str, str]] = {}
    for name, value in headers:
        folded = name.lower()
        if folded != "set-cookie":
            # Repeated fields are one list (RFC 9110, 5.3); Django keeps one value a name.
            fields[folded] = name, f"{fields[folded][1]}, {value}" if folded in fields else value
    # What stays as it is, is left alone: Django checks each value anew.
    has = {name.lower(): value for name, value in response.items()}
    for folded in has.keys() - fields.keys():
        del response.headers[folded]
    for folded, (name, value) in fields.items():
        if has.get(folded) != value:
            response.headers[name] = value


class _WrittenCookie(Morsel[str]):
    """A cookie whose header is written already, attributes and all."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        name, _, rest = text.partition("=")
        value = rest.partition(";")[0]
        self.__setstate__({"key": name, "value": value, "coded_value": value})  # type: ignore[attr-defined]

    def OutputString(self, attrs: Any = None) -> str:  # noqa: ARG002, N802 - the standard library's name
        return self.text


def _add_cookie(response: HttpResponseBase, text: str) -> None:
    cookie = _WrittenCookie(text)
    key = cookie.key
    while key in response.cookies:  # one name may be expired on several domains; Django has one slot a name
        key += ";"
    dict.__setitem__(response.cookies, key, cookie)


def gate_body(response: HttpResponseBase, shaped: Shaped) -> None:
    """Make the response what may leave of it; of a stream, as much is read as shows whether it can be gated."""
    if isinstance(response, HttpResponse):
        _gate_content(response, shaped)
    elif isinstance(response, StreamingHttpResponse) and shaped.stream is not None:
        _keep_from_server(response)
        if response.is_async:  # in a chain of middleware that is not: the server alone can read it
            _write(response, shaped)
            response.streaming_content = _gated_async(response.streaming_content, shaped.stream, b"")  # type: ignore[arg-type]
            return
        chunks: Iterator[bytes] = iter(response.streaming_content)  # type: ignore[arg-type]
        first = b""
        try:
            while not first and shaped.stream is not None:
                shaped, first = _begun(shaped, next(chunks, None))
        except Exception as error:
            chunks = _raising(error)
        _write(response, shaped)
        response.streaming_content = _gated(chunks, shaped.stream, first)
    else:
        _write(response, shaped)


async def gate_body_async(response: HttpResponseBase, shaped: Shaped) -> None:
    """The same where an event loop runs."""
    if not isinstance(response, StreamingHttpResponse) or shaped.stream is None:
        gate_body(response, shaped)
    elif not response.is_async:
        await sync_to_async(gate_body)(response, shaped)
    else:
        _keep_from_server(response)
        chunks: AsyncIterator[bytes] = aiter(response.streaming_content)  # type: ignore[arg-type]
        first = b""
        try:
            while not first and shaped.stream is not None:
                shaped, first = _begun(shaped, await anext(chunks, None))
        except Exception as error:
            chunks = _raising_async(error)
        _write(response, shaped)
        response.streaming_content = _gated_async(chunks, shaped.stream, first)


def _write(response: HttpResponseBase, shaped: Shaped) -> None:
    response.status_code = shaped.status
    write_headers(response, shaped.headers)


def _gate_content(response: HttpResponse, shaped: Shaped) -> None:
    if shaped.stream is None:
        _write(response, shaped)
        return
    shaped, content = shaped.begin(response.content, final=True)
    _write(response, shaped)
    response.content = content
    if content:  # to HEAD, a view may answer with a length and nothing else
        response.headers["Content-Length"] = str(len(content))


def _keep_from_server(response: StreamingHttpResponse) -> None:
    response.file_to_stream = None  # type: ignore[attr-defined]  # else the server sends the file itself


def _begun(shaped: Shaped, chunk: bytes | None) -> tuple[Shaped, bytes]:
    """The response and what leaves after one more chunk, or after the last."""
    shaped, first = shaped.begin(chunk or b"", final=chunk is None)
    return (shaped._replace(stream=None) if chunk is None else shaped), first


def _raising(error: Exception) -> Iterator[bytes]:
    yield from ()
    raise error


async def _raising_async(error: Exception) -> AsyncIterator[bytes]:
    for nothing in list[bytes]():
        yield nothing
    raise error


def _gated(chunks: Iterator[bytes], stream: Stream | None, first: bytes) -> Iterator[bytes]:
    if first:
        yield first
    for chunk in chunks:
        yield stream.feed(chunk) if stream is not None else chunk
    if stream is not None:
        yield stream.finish()


async def _gated_async(chunks: AsyncIterator[bytes], stream: Stream | None, first: bytes) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in chunks:
        yield stream.feed(chunk) if stream is not None else chunk
    if stream is not None:
        yield stream.finish()
