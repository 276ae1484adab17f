"""Asking a site over HTTP, as a stranger, and what it answers."""

from __future__ import annotations

import urllib.error
import urllib.request
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException, IncompleteRead
from http.cookiejar import CookieJar
from typing import Any

from ..gate.response import media_type

__all__ = ["Answer", "ask"]

#: Seconds, and bytes, that are waited for and read.
_TIMEOUT, _MOST = 15.0, 8_000_000
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Answer:
    """``status`` 0: nobody answered, and ``body`` says why. ``cookies``: the names that a browser would keep now."""

    status: int
    headers: Message
    body: bytes
    url: str
    cookies: Sequence[str] = ()

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def content_type(self) -> str:
        return ", ".join(self.headers.get_all("Content-Type") or ())

    @property
    def html(self) -> bool:
        return self.xhtml or media_type(self.content_type) == "text/html"

    @property
    def xhtml(self) -> bool:
        return media_type(self.content_type) == "application/xhtml+xml"


def ask(url: str, headers: Mapping[str, str] | None = None, data: bytes | None = None) -> Answer:
    """Ask as a stranger does: cookies last from one redirect to the next, and no longer."""
    told = {"User-Agent": "cookie-consent check", "Accept": "text/html,*/*;q=0.5", "Accept-Encoding": "identity"}
    told |= headers or {}
    jar = CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    try:
        request = urllib.request.Request(url, headers=told, data=data)  # noqa: S310 - http(s), which was asked for
        try:
            response: Any = opener.open(request, timeout=_TIMEOUT)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            return Answer(response.status, response.headers, _body(response), response.url, _names(jar))
    except (OSError, ValueError, HTTPException) as error:
        return Answer(0, Message(), str(getattr(error, "reason", error)).encode(), url)


def _body(response: Any) -> bytes:
    """The body as it was before somebody compressed it unasked; its coding is then taken from the headers.

    :raises IncompleteRead: where it breaks off.
    """
    data: bytes = response.read(_MOST)
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and len(data) < min(int(length), _MOST):
        raise IncompleteRead(data, int(length) - len(data))
    if response.headers.get("Content-Encoding", "").lower() in {"gzip", "x-gzip"}:
        try:
            data = zlib.decompressobj(_GZIP).decompress(data, _MOST)
            del response.headers["Content-Encoding"]
        except zlib.error:
            pass  # it stays what it says
    return data


def _names(jar: CookieJar) -> list[str]:
    return [cookie.name for cookie in jar]
