"""A response on its way out, message by message."""

from __future__ import annotations

from asyncio import to_thread
from pathlib import Path

from ..errors import ConsentError
from ..exchange import Pass, Shaped
from .translate import Message, Send, read_headers, write_headers

__all__ = ["Response"]

#: Bytes of a file that are read at a time.
_PIECE = 65_536


class Response:
    """What the application sends, as it may leave. ``head``: whether only headers were asked for."""

    def __init__(self, answer: Pass, send: Send, *, head: bool) -> None:
        self._answer = answer
        self._send = send
        self._head = head
        self._shaped: Shaped | None = None
        #: What starts a page. Before something of its body may leave, it is not sure what the headers are.
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        """``send`` for the application. It waits as long as the server's does."""
        kind, gated = message["type"], self._shaped is not None and self._shaped.stream is not None
        if kind == "http.response.start":
            await self._begin(message)
        elif kind == "http.response.early_hint":
            await self._hint(message)
        elif gated and kind == "http.response.body":
            await self._gate(message.get("body", b""), final=not message.get("more_body", False))
        elif gated and kind == "http.response.pathsend":
            await self._gate_file(message["path"])
        elif gated and kind == "http.response.zerocopysend":
            raise ConsentError("a page was sent as an open file, which the scope did not offer")
        else:
            await self._send(message)

    async def _begin(self, message: Message) -> None:
        self._start = message
        self._shaped = self._answer.shape(message["status"], read_headers(message.get("headers", ())))
        if self._shaped.stream is None or self._head:
            await self._leave(self._shaped)

    async def _leave(self, shaped: Shaped, *length: tuple[str, str]) -> None:
        headers = write_headers([*shaped.headers, *length])
        message, self._start = {**(self._start or {}), "status": shaped.status, "headers": headers}, None
        await self._send(message)

    async def _hint(self, message: Message) -> None:
        hinted = [("Link", link.decode("latin-1")) for link in message["links"]]
        if links := self._answer.shape(103, hinted).headers:
            await self._send({**message, "links": [link.encode("latin-1") for _, link in links]})

    async def _gate(self, data: bytes, *, final: bool) -> None:
        try:
            out = b"" if self._head else await self._gated(data, final=final)
        except Exception:
            self._send = _refuse  # whatever the application makes of the error, no more of the page leaves
            raise
        if out or final:
            await self._send({"type": "http.response.body", "body": out, "more_body": not final})

    async def _gated(self, data: bytes, *, final: bool) -> bytes:
        """What may leave of the next bytes of a page. Its start leaves with the first of them."""
        assert self._shaped is not None
        if self._start is not None:
            self._shaped, out = self._shaped.begin(data, final=final)
            if out or final:
                whole = final and not self._start.get("trailers", False)
                await self._leave(self._shaped, *([("Content-Length", str(len(out)))] if whole else ()))
            return out
        assert self._shaped.stream is not None
        out = self._shaped.stream.feed(data)
        return out + self._shaped.stream.finish() if final else out

    async def _gate_file(self, path: str) -> None:
        """A page that the server was to send itself (``http.response.pathsend``)."""
        with await to_thread(Path(path).open, "rb") as file:
            while piece := await to_thread(file.read, _PIECE):
                await self._gate(piece, final=False)
        await self._gate(b"", final=True)


async def _refuse(message: Message) -> None:  # noqa: ARG001 - that is the point
    raise ConsentError("this page broke off")
