"""The response that may leave, and where its body goes: through a gate that reports, or nowhere, for a text of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ..gate.coding import CorruptCoding, Stream
from ..gate.html import Gate, Held, Unreadable
from ..gate.response import Headers

__all__ = ["Reported", "Shaped", "refused"]


class Shaped(NamedTuple):
    """The response that may leave. With a ``stream``, the body goes through it and has no length yet.

    Whether a page can be read may show in its first bytes only, so with a ``stream`` the status and the headers are
    final when :meth:`begin` has let something out.
    """

    status: int
    headers: Headers
    stream: Stream | None = None
    closed: Callable[[str], Shaped] | None = None
    waiting: bytes = b""

    def begin(self, data: bytes, *, final: bool = False) -> tuple[Shaped, bytes]:
        """Feed the body's first bytes, again and again until some may leave: the response as it is then, and those.

        After that, ``stream`` is fed as long as there is one; an error from it ends the body in the middle.
        ``final``: whether these are the body's last bytes too.
        """
        if self.stream is None:
            return self, data
        try:
            out = self.stream.feed(data)
            if final:
                out += self.stream.finish()
        except (Unreadable, CorruptCoding) as error:
            if self.closed is None:
                raise
            return self.closed(str(error)).begin(self.waiting + data, final=final)
        return (self if out else self._replace(waiting=self.waiting + data)), out


def refused(status: int, text: str, more: Iterable[tuple[str, str]] = ()) -> Shaped:
    """An error in place of the application's response, which nobody keeps. ``more``: further headers."""
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store"), *more]
    return Shaped(status, headers, _Instead(text.encode()))


@dataclass(slots=True)
class Reported:
    """A gate that says what it held once it has seen the whole page."""

    gate: Gate
    report: Callable[[Iterable[Held]], None]
    empty: bool = True

    def feed(self, data: bytes) -> bytes:
        if data:
            self.empty = False
        return self.gate.feed(data)

    def finish(self) -> bytes:
        if self.empty:
            return b""  # no page: nothing is put into it
        rest = self.gate.finish()
        if self.gate.held:
            self.report(self.gate.held)
        return rest


@dataclass(slots=True)
class _Instead:
    """A body in place of the application's."""

    text: bytes

    def feed(self, data: bytes) -> bytes:  # noqa: ARG002 - that is the point
        text, self.text = self.text, b""
        return text

    def finish(self) -> bytes:
        return self.feed(b"")
