"""The body that a server is given in place of the application's, and closes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

__all__ = ["Body", "close"]


class Body:
    """An iterator that closes the application's body when the server closes it (PEP 3333)."""

    def __init__(self, source: Iterable[bytes], chunks: Iterator[bytes]) -> None:
        self._source = source
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def __next__(self) -> bytes:
        return next(self._chunks)

    def close(self) -> None:
        close(self._source)


def close(chunks: Iterable[bytes]) -> None:
    """Close a body that can be closed."""
    end = getattr(chunks, "close", None)
    if end is not None:
        end()
