"""Content codings: taken off in front of the gate, put on again behind it.

In bounded memory: a body that decodes to a thousand times its size is decoded, gated and coded again piece by piece.
What arrives leaves: the encoder holds nothing back from one piece of the application's to the next. A body that is
cut short leaves cut short, so that the browser and every cache see what they would have seen.

Sources: RFC 9110, 8.4 (content codings); RFC 1950 to 1952 (deflate, gzip); RFC 7932 (br); RFC 8878 and 9659 (zstd).
``br`` and ``zstd`` need optional libraries (the extra ``codings``), which are loaded at the first request for them.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from importlib import import_module
from typing import Any, NamedTuple, Protocol

__all__ = ["PIECE", "CorruptCoding", "Stream", "accept_encoding", "coded", "readable"]

#: Bytes; no more than about so many are decoded at once.
PIECE = 65_536
#: RFC 9659: a window of 8 MB is all that a browser need have.
_ZSTD_WINDOW_LOG = 23


class Stream(Protocol):
    """Bytes in, bytes out: a gate, or something around one."""

    def feed(self, data: bytes) -> bytes: ...
    def finish(self) -> bytes: ...


class CorruptCoding(ValueError):
    """A body is not in the content coding that its header names."""


class _Decoder(Protocol):
    @property
    def ended(self) -> bool: ...
    def decode(self, data: bytes) -> Iterator[bytes]: ...


class _Encoder(NamedTuple):
    """``flush`` makes all that was compressed so far readable; ``finish`` ends the body."""

    compress: Callable[[bytes], bytes]
    flush: Callable[[], bytes]
    finish: Callable[[], bytes]


class _Codec(NamedTuple):
    decoder: Callable[[], _Decoder]
    encoder: Callable[[], _Encoder]
    errors: tuple[type[Exception], ...]


class _Members:
    """Decodes one or several compressed pieces in a row, each beginning with ``magic``; ignores what else follows.

    ``make`` gives a decompressor with the interface that the standard library's have in common.
    """

    def __init__(self, make: Callable[[], Any], magic: bytes) -> None:
        self._make = make
        self._magic = magic
        self._decoder = make()
        self._rest = b""
        self._over = False

    @property
    def ended(self) -> bool:
        return bool(self._decoder.eof)

    def decode(self, data: bytes) -> Iterator[bytes]:
        while not self._over:
            if self._decoder.eof:
                data = self._rest + data
                if len(data) < len(self._magic) and self._magic.startswith(data):
                    self._rest = data
                    return
                if not self._magic or not data.startswith(self._magic):
                    self._over = True  # padding, or rubbish: no browser shows it
                    return
                self._rest, self._decoder = b"", self._make()
            out = self._decoder.decompress(data, PIECE)
            if out:
                yield out
            if self._decoder.eof:
                data = self._decoder.unused_data
            else:
                data = getattr(self._decoder, "unconsumed_tail", b"")
                if not data and len(out) < PIECE:
                    return


class _Deflate:
    """``deflate`` is zlib's format by the book, and raw deflate by some servers."""

    def __init__(self) -> None:
        self._members: _Members | None = None

    @property
    def ended(self) -> bool:
        return self._members is not None and self._members.ended

    def decode(self, data: bytes) -> Iterator[bytes]:
        if not data:
            return
        if self._members is None:
            wbits = 15 if data[0] & 0x0F == 8 else -15
            self._members = _Members(partial(zlib.decompressobj, wbits), b"")
        yield from self._members.decode(data)


class _Brotli:
    def __init__(self, module: Any) -> None:
        self._decoder = module.Decompressor()
        # Before 1.2 it cannot be asked for less than everything.
        limited = hasattr(self._decoder, "can_accept_more_data")
        self._process = partial(self._decoder.process, output_buffer_limit=PIECE) if limited else self._decoder.process

    @property
    def ended(self) -> bool:
        return bool(self._decoder.is_finished())

    def decode(self, data: bytes) -> Iterator[bytes]:
        while not self.ended:
            out = self._process(data)
            if not out:
                return
            yield out
            data = b""


def _zlib_encoder(wbits: int) -> _Encoder:
    # Level 6 is zlib's own balance; the application's choice cannot be read off its output.
    encoder = zlib.compressobj(6, zlib.DEFLATED, wbits)
    return _Encoder(encoder.compress, partial(encoder.flush, zlib.Z_SYNC_FLUSH), encoder.flush)


def _gzip() -> _Codec:
    decoder = partial(_Members, partial(zlib.decompressobj, 31), b"\x1f\x8b")
    return _Codec(decoder, partial(_zlib_encoder, 31), (zlib.error,))


def _deflate() -> _Codec:
    return _Codec(_Deflate, partial(_zlib_encoder, 15), (zlib.error,))


def _brotli() -> _Codec:
    brotli: Any = import_module("brotli")

    def encoder() -> _Encoder:
        made = brotli.Compressor(mode=brotli.MODE_TEXT, quality=4)  # about gzip's time
        return _Encoder(made.process, made.flush, made.finish)

    return _Codec(partial(_Brotli, brotli), encoder, (brotli.error,))


def _zstd() -> _Codec:
    zstd: Any = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    options = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}

    def encoder() -> _Encoder:
        made = zstd.ZstdCompressor()
        return _Encoder(made.compress, partial(made.flush, made.FLUSH_BLOCK), made.flush)

    decoder = partial(_Members, partial(zstd.ZstdDecompressor, options=options), b"\x28\xb5\x2f\xfd")
    return _Codec(decoder, encoder, (zstd.ZstdError,))


_CODECS = {"gzip": _gzip, "x-gzip": _gzip, "deflate": _deflate, "br": _brotli, "zstd": _zstd}


@lru_cache(maxsize=64)
def _codec(coding: str) -> _Codec | None:
    """How to take a coding off and put it on again, or None: it is unknown, or its library is not there."""
    make = _CODECS.get(coding)
    try:
        return make() if make is not None else None
    except ImportError:
        return None


def readable(coding: str) -> bool:
    """Whether content codings, in the order in which they were put on, can be taken off and put on again."""
    return coding == "" or all(_codec(each) is not None for each in coding.split(", "))


@lru_cache(maxsize=256)
def accept_encoding(value: str | None) -> str | None:
    """An ``Accept-Encoding`` less what could not be gated. None stays None."""
    if value is None:
        return None
    kept = [item.strip() for item in value.split(",") if _accepted(item.partition(";")[0].strip().lower())]
    return ", ".join(kept) or "identity"


def _accepted(coding: str) -> bool:
    return coding == "identity" or _codec(coding) is not None


def coded(stream: Stream, coding: str) -> Stream:
    """A stream within content codings: decoded, passed through, encoded again.

    :raises CorruptCoding: from ``feed``.
    """
    for each in filter(None, coding.split(", ")):  # the first was put on first, so it is the innermost
        codec = _codec(each)
        if codec is None:
            raise LookupError(f"no library for the content coding {each}")
        stream = _Coded(stream, each, codec)
    return stream


class _Coded:
    def __init__(self, stream: Stream, coding: str, codec: _Codec) -> None:
        self._stream = stream
        self._coding = coding
        self._decoder = codec.decoder()
        self._encoder = codec.encoder()
        self._errors = codec.errors
        self._begun = False

    def feed(self, data: bytes) -> bytes:
        out: list[bytes] = []
        try:
            for piece in self._decoder.decode(data):
                gated = self._stream.feed(piece)
                if gated:  # nothing of a coding leaves before something of the page does
                    self._begun = True
                    out.append(self._encoder.compress(gated))
        except self._errors as error:
            raise CorruptCoding(f"not {self._coding}, although it says so") from error
        if out:
            out.append(self._encoder.flush())
        return b"".join(out)

    def finish(self) -> bytes:
        rest = self._stream.finish()
        out = self._encoder.compress(rest) if rest else b""
        if self._decoder.ended:
            return out + self._encoder.finish()
        return out + self._encoder.flush() if rest or self._begun else b""
