"""Header lists and gated bodies, to and from Django's response classes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import cache
from http.cookies import Morsel
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase, StreamingHttpResponse

from ..gate.response import Headers, Stream

__all__ = ["gate_body", "key_of", "read_headers", "write_headers"]


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
    for name in [name for name, _ in response.items()]:
        del response.headers[name]
    for name, value in headers:
        if name.lower() != "set-cookie":
            # Repeated fields are one list (RFC 9110, 5.3); Django keeps one value a name.
            response.headers[name] = f"{response.headers[name]}, {value}" if name in response.headers else value


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


def gate_body(response: HttpResponseBase, stream: Stream) -> None:
    """Pass the response's body through a stream."""
    if isinstance(response, HttpResponse):
        response.content = stream.feed(response.content) + stream.finish()
        response.headers["Content-Length"] = str(len(response.content))
    elif isinstance(response, StreamingHttpResponse):
        response.file_to_stream = None  # type: ignore[attr-defined]  # else the server sends the file itself
        if response.is_async:
            response.streaming_content = _gated_async(response.streaming_content, stream)  # type: ignore[arg-type]
        else:
            response.streaming_content = _gated(response.streaming_content, stream)  # type: ignore[arg-type]


def _gated(chunks: Iterator[bytes], stream: Stream) -> Iterator[bytes]:
    for chunk in chunks:
        yield stream.feed(chunk)
    yield stream.finish()


async def _gated_async(chunks: AsyncIterator[bytes], stream: Stream) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield stream.feed(chunk)
    yield stream.finish()
