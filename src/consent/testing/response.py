"""A response of whatever framework, read into one shape."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from inspect import iscoroutinefunction
from typing import Any, NamedTuple

from ..errors import ConsentError
from ..gate.response import PAGES, Headers, charset, header, media_type
from ..site import Site
from .page import Element, elements_of

__all__ = ["Answer", "mark", "read"]

_MARK = "_consent_mark"


class _Mark(NamedTuple):
    site: Site | None = None
    body: bytes | None = None


def mark(response: Any, site: Site, body: bytes | None = None) -> None:
    """Note on a response whose it is, and its body where that must be waited for."""
    setattr(response, _MARK, _Mark(site, body))


def _marked(response: Any) -> _Mark:
    found: _Mark = getattr(response, _MARK, _Mark())
    return found


@dataclass(frozen=True)
class Answer:
    """A response of whatever framework. ``site``: whose it is, if that is known. ``asked``: for what, in words."""

    status: int
    headers: Headers
    body: bytes
    host: str
    asked: str
    site: Site | None

    def __str__(self) -> str:
        kind = header(self.headers, "content-type")
        return f"{self.asked}: {self.status}, {kind.partition(';')[0] if kind else 'of no type'}"

    @property
    def is_page(self) -> bool:
        """Whether a browser would show it as HTML."""
        return bool(self.body) and media_type(header(self.headers, "content-type")) in PAGES

    @cached_property
    def elements(self) -> list[Element]:
        """The page's elements, in the order of the page; none if it is no page."""
        if not self.is_page:
            return []
        coding = (header(self.headers, "content-encoding") or "identity").lower()
        if coding != "identity" and self.body.lstrip()[:1] != b"<":  # httpx has taken it off already
            raise ConsentError(f"this page is coded as {coding}: ask for it without Accept-Encoding")
        return [*elements_of(self.body, charset(header(self.headers, "content-type")))]

    @property
    def state(self) -> Mapping[str, Any] | None:
        """What the page says of its visitor, where it has our script."""
        for element in self.elements:
            if element.attributes.get("id") == "yc-s":
                state: dict[str, Any] = json.loads(element.text)
                return state
        return None


def read(response: Any) -> Answer:
    """A response of Flask, Django, Quart, Starlette or httpx.

    :raises ConsentError: if it is none of these, or a stream that cannot be read here.
    """
    for known, reader in _READERS:
        if known(response):
            return reader(response)
    raise ConsentError(f"not a response of Flask, Django, Quart, Starlette or httpx: {type(response).__name__}")


def _read_httpx(response: Any) -> Answer:
    request = response.request
    return Answer(
        status=response.status_code,
        headers=[*response.headers.multi_items()],
        body=response.content,
        host=request.headers.get("host", ""),
        asked=f"{request.method} {request.url.raw_path.decode('ascii', 'replace')}",
        site=_marked(response).site,
    )


def _read_django(response: Any) -> Answer:
    cookies = [("Set-Cookie", morsel.OutputString()) for morsel in response.cookies.values()]
    asked = response.request
    # As the test client was asked: a WSGI environ or an ASGI scope.
    method, path = asked.get("REQUEST_METHOD", asked.get("method")), asked.get("PATH_INFO", asked.get("path"))
    request = getattr(response, "wsgi_request", None) or response.asgi_request
    return Answer(
        status=response.status_code,
        headers=[*response.items(), *cookies],
        body=_django_body(response),
        host=request.get_host(),
        asked=f"{method} {path}",
        site=_marked(response).site,
    )


def _django_body(response: Any) -> bytes:
    if not response.streaming:
        content: bytes = response.content
        return content
    if response.is_async:
        raise ConsentError("an async stream cannot be read here: read it, and make a response of what it held")
    body = b"".join(response.streaming_content)
    response.streaming_content = [body]  # for the test, too
    return body


def _read_werkzeug(response: Any) -> Answer:
    request = getattr(response, "request", None)  # Quart's have none
    body = _marked(response).body if iscoroutinefunction(response.get_data) else response.get_data()
    if body is None:
        raise ConsentError("a response of Quart's is read where it was asked for: ask with consent_client")
    return Answer(
        status=response.status_code,
        headers=[*response.headers.items()],
        body=body,
        host=request.host if request is not None else "localhost",
        asked=f"{request.method} {request.path}" if request is not None else "the response",
        site=_marked(response).site,
    )


_READERS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Answer]], ...] = (
    (lambda response: hasattr(response, "headers") and hasattr(response.headers, "multi_items"), _read_httpx),
    (lambda response: hasattr(response, "streaming") and hasattr(response, "cookies"), _read_django),
    (lambda response: hasattr(response, "get_data"), _read_werkzeug),
)
