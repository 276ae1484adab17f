"""What an HTTP response means for the gate: is it HTML, can it be read, how do caches tell it apart.

Pure functions over header lists, in the order in which a response passes through them. Sources: RFC 9110
(semantics), RFC 9111 (caching), the MIME Sniffing Standard (no type: the browser guesses, so we gate).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Protocol

__all__ = [
    "Coded",
    "Headers",
    "Stream",
    "accept_encoding",
    "charset",
    "content_coding",
    "header",
    "marked_etag",
    "media_type",
    "private",
    "readable",
    "unmarked_etags",
    "vary",
    "without",
]

Headers = list[tuple[str, str]]

#: The content codings that we can take off and put on again, streaming.
_CODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class Stream(Protocol):
    """Bytes in, bytes out: a gate, or something around one."""

    def feed(self, data: bytes) -> bytes: ...
    def finish(self) -> bytes: ...


def header(headers: Iterable[tuple[str, str]], name: str) -> str | None:
    """The first value of a header, by its lower-case name."""
    return next((value for key, value in headers if key.lower() == name), None)


def without(headers: Iterable[tuple[str, str]], *names: str) -> Headers:
    """The headers less those of the given lower-case names."""
    return [(key, value) for key, value in headers if key.lower() not in names]


@lru_cache(maxsize=256)
def media_type(content_type: str | None) -> str:
    """``text/html`` and the like, lower case and without parameters; ``""`` if there is none."""
    return content_type.partition(";")[0].strip().lower() if content_type else ""


_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([^\s\"';]+)", re.IGNORECASE)


@lru_cache(maxsize=256)
def charset(content_type: str | None) -> str | None:
    """The charset that a ``Content-Type`` declares, lower case, or None."""
    found = _CHARSET.search(content_type or "")
    return found.group(1).lower() if found else None


def content_coding(headers: Iterable[tuple[str, str]]) -> str:
    """The content codings that a response names, in the order in which they were put on; ``""`` for none."""
    values = [value.strip().lower() for key, value in headers if key.lower() == "content-encoding"]
    return ", ".join(value for value in values if value not in {"", "identity"})


def readable(coding: str) -> bool:
    """Whether we can take a content coding off and put it on again."""
    return coding in _CODINGS or coding == ""


@lru_cache(maxsize=256)
def accept_encoding(value: str | None) -> str | None:
    """An ``Accept-Encoding`` less what could not be gated. None stays None."""
    if value is None:
        return None
    kept = [item.strip() for item in value.split(",") if _coding(item) in {"gzip", "x-gzip", "deflate", "identity"}]
    return ", ".join(kept) or "identity"


def _coding(item: str) -> str:
    return item.partition(";")[0].strip().lower()


class Coded:
    """A stream within a content coding: decoded, passed through, encoded again."""

    def __init__(self, stream: Stream, coding: str) -> None:
        self._stream = stream
        self._wbits = _CODINGS[coding]
        self._decoder = zlib.decompressobj(self._wbits)
        # Level 6 is zlib's own balance; the application's choice cannot be read off its output.
        self._encoder = zlib.compressobj(6, zlib.DEFLATED, self._wbits)
        self._probed = coding != "deflate"

    def feed(self, data: bytes) -> bytes:
        return self._encoder.compress(self._stream.feed(self._decode(data)))

    def finish(self) -> bytes:
        rest = self._stream.feed(self._decoder.flush()) + self._stream.finish()
        return self._encoder.compress(rest) + self._encoder.flush()

    def _decode(self, data: bytes) -> bytes:
        if not self._probed and data:
            # "deflate" is zlib's format by the book and raw deflate by some servers.
            self._probed = True
            if data[0] & 0x0F != 8:
                self._decoder = zlib.decompressobj(-15)
        out = self._decoder.decompress(data)
        while self._decoder.eof and self._decoder.unused_data and self._wbits == 31:  # gzip may have several members
            rest = self._decoder.unused_data
            self._decoder = zlib.decompressobj(self._wbits)
            out += self._decoder.decompress(rest)
        return out


def vary(headers: Headers, *names: str) -> Headers:
    """The headers with one ``Vary`` that also names these."""
    value = _vary(tuple(value for key, value in headers if key.lower() == "vary"), names)
    return headers if value is None else [*without(headers, "vary"), ("Vary", value)]


@lru_cache(maxsize=256)
def _vary(values: tuple[str, ...], names: tuple[str, ...]) -> str | None:
    listed = [item.strip() for value in values for item in value.split(",")]
    if "*" in listed:
        return None
    known = {item.lower() for item in listed}
    listed += [name for name in names if name.lower() not in known]
    return ", ".join(item for item in listed if item)


_SHARED_CACHE = re.compile(r"(?:public|private|s-maxage\s*=.*|stale-while-revalidate\s*=.*)\Z", re.IGNORECASE)


def private(headers: Headers) -> Headers:
    """The headers with a ``Cache-Control`` that keeps a visitor's page out of shared caches."""
    value = _private(tuple(value for key, value in headers if key.lower() == "cache-control"))
    return headers if value is None else [*without(headers, "cache-control", "expires"), ("Cache-Control", value)]


@lru_cache(maxsize=256)
def _private(values: tuple[str, ...]) -> str | None:
    items = [item.strip() for value in values for item in value.split(",")]
    if any(item.lower() == "no-store" for item in items):
        return None
    return ", ".join(["private", *(item for item in items if item and not _SHARED_CACHE.match(item))])


# A validator of ours is the application's and the visitor's state: "abc" -> "abc;c=1f2e3d4c5b6a".
_ETAG = re.compile(r'(W/)?"([^"]*)"')
_MARK = re.compile(r";c=[0-9a-f]{12}\Z")


def marked_etag(value: str, state: str) -> str:
    """An entity tag that differs per state of consent; ``state`` is 12 hex digits."""
    found = _ETAG.fullmatch(value.strip())
    return f'{found.group(1) or ""}"{found.group(2)};c={state}"' if found else value


def unmarked_etags(value: str, state: str, *, keep_foreign: bool) -> str:
    """An ``If-None-Match`` as the application knows it: our tags of this state, unmarked; of another state, gone.

    ``keep_foreign``: whether tags that were never ours stay. For pages they must not: one may be from before
    the gate was set up, and a 304 would revive that page ungated.
    """
    if value.strip() == "*":
        return value if keep_foreign else ""
    kept: list[str] = []
    for weak, tag in _ETAG.findall(value):
        if tag.endswith(f";c={state}"):
            kept.append(f'{weak}"{tag[: -len(state) - 3]}"')
        elif keep_foreign and not _MARK.search(tag):
            kept.append(f'{weak}"{tag}"')
    return ", ".join(kept)
