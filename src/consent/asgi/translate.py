"""Scopes and messages (ASGI 3.0) as facts and header lists, and back."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import quote

from werkzeug.local import LocalProxy
from werkzeug.sansio.utils import get_host

from ..exchange import Facts, Pass
from ..gate.response import Headers

__all__ = ["Application", "Message", "Receive", "Scope", "Send", "changed", "facts_of", "read_headers", "write_headers"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


def facts_of(scope: Scope, language: Callable[[Scope], str | None]) -> Facts:
    """An HTTP request as facts, or the one that asks for a websocket."""
    headers: dict[str, str] = {}
    for name, value in read_headers(scope["headers"]):
        if name in headers:  # HTTP/2 splits cookies too (RFC 9113, 8.2.3)
            headers[name] += ("; " if name == "cookie" else ", ") + value
        else:
            headers[name] = value
    scheme = scope.get("scheme", "http").replace("ws", "http")
    root, path = scope.get("root_path", "").rstrip("/"), scope["path"]
    client = scope.get("client")
    return Facts(
        method=scope.get("method", "GET"),
        # Servers give the path with the mount point in front; some did not.
        path=_sent(path[len(root) :] if f"{path}/".startswith(f"{root}/") else path),
        query=scope.get("query_string", b"").decode("latin-1"),
        root=_sent(root),
        header=headers.get,
        scheme=scheme,
        host=get_host(scheme, headers.get("host"), scope.get("server")),
        now=time.time(),
        entropy=os.urandom,
        language=lambda: language(scope),
        address=client[0] if client else None,
    )


def _sent(path: str) -> str:
    """A path as it was sent: ASGI gives it decoded."""
    return quote(path, safe="/:@!$&'()*+,;=~-._")


def changed(scope: Scope, answer: Pass) -> Scope:
    """The request for the application: a copy, because nothing says that the scope is not shared."""
    changes = answer.request
    headers = [(name, value) for name, value in scope["headers"] if name.decode("latin-1") not in changes]
    headers += write_headers([(name, value) for name, value in changes.items() if value is not None])
    extensions = {**(scope.get("extensions") or {})}
    extensions.pop("http.response.zerocopysend", None)  # an open file, which may be a page
    state = {**(scope.get("state") or {}), "consent": LocalProxy(lambda: answer.page)}
    return {**scope, "headers": headers, "extensions": extensions, "state": state}


def read_headers(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Headers as texts."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw]


def write_headers(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI sends them, their names in lower case."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
