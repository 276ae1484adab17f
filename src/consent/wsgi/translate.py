"""A WSGI request (PEP 3333) as facts."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from werkzeug.exceptions import SecurityError
from werkzeug.wsgi import get_host, get_input_stream

from ..exchange import Facts

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["KEYS", "facts_of", "read_body"]


def facts_of(
    environ: WSGIEnvironment, language: Callable[[WSGIEnvironment], str | None], trusted_hosts: tuple[str, ...] = ()
) -> Facts:
    """A WSGI request (PEP 3333) as facts. ``trusted_hosts``: the site's names, as werkzeug has them; none is any."""
    return Facts(
        method=environ["REQUEST_METHOD"],
        path=_sent(environ.get("PATH_INFO", "")),
        query=environ.get("QUERY_STRING", ""),
        root=_sent(environ.get("SCRIPT_NAME", "")),
        header=lambda name: environ.get(KEYS[name]),
        scheme=environ["wsgi.url_scheme"],
        host=_host(
            environ["wsgi.url_scheme"],
            environ.get("HTTP_HOST"),
            environ.get("SERVER_NAME", ""),
            environ.get("SERVER_PORT", ""),
            trusted_hosts,
        ),
        now=time.time(),
        entropy=os.urandom,
        language=lambda: language(environ),
        address=environ.get("REMOTE_ADDR"),
    )


@lru_cache(maxsize=256)
def _host(scheme: str, host: str | None, server: str, port: str, trusted: tuple[str, ...]) -> str:
    """The site's host; none under a name that is not the site's. A site is asked under a few, again and again."""
    environ: WSGIEnvironment = {"wsgi.url_scheme": scheme, "SERVER_NAME": server, "SERVER_PORT": port}
    try:
        return get_host(environ if host is None else {**environ, "HTTP_HOST": host}, trusted or None)
    except SecurityError:
        return ""


def _sent(path: str) -> str:
    """A path as it was sent: WSGI gives it decoded, its bytes as latin-1."""
    return path if _PLAIN_PATH.match(path) else quote(path.encode("latin-1"), safe="/:@!$&'()*+,;=~-._")


_PLAIN_PATH = re.compile(r"[A-Za-z0-9/:@!$&'()*+,;=~\-._]*\Z")


def read_body(environ: WSGIEnvironment, limit: int) -> bytes:
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


KEYS = _Keys()
