"""The middleware: who answers a request, the centre or the application."""

from __future__ import annotations

import os
from asyncio import to_thread
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..banner.page import Page
from ..errors import ConsentError
from ..exchange import Facts, NeedBody, Pass, Reply
from ..site import Site
from .response import Response
from .translate import Application, Message, Receive, Scope, Send, changed, facts_of, read_headers, write_headers

__all__ = ["ConsentMiddleware", "template_context", "visitor"]

#: A websocket's messages that have headers of a response.
_OPENING = frozenset({"websocket.accept", "websocket.http.response.start"})


class ConsentMiddleware:
    """Puts an ASGI application behind the gate and answers its visitors' decisions. Needs asyncio's event loop.

    :param app: the application.
    :param settings: a mapping, the path of a TOML file, or a :class:`~consent.site.Site` that is open already.
    :param secret_key: the key that signs, or several, the one that signs first; else ``CONSENT_SECRET_KEY``.
    :raises ConfigurationError: for a wrong setting.
    """

    def __init__(
        self,
        app: Application,
        settings: Mapping[str, Any] | str | os.PathLike[str] | Site,
        *,
        secret_key: str | bytes | Iterable[str | bytes] | None = None,
        language: Callable[[Scope], str | None] = lambda _scope: None,
        debug: bool = False,
    ) -> None:
        self.site = Site.of(settings, secret_key=secret_key, debug=debug)
        self._app = app
        self._language = language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._app(scope, receive, self._opening(scope, receive, send))
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        facts = facts_of(scope, self._language)
        answer = await self._answer(facts, receive)
        head = facts.method == "HEAD"
        if isinstance(answer, Reply):
            await _send(answer, send, head=head)
        else:
            await self._app(changed(scope, answer), receive, Response(answer, send, head=head).send)

    def _opening(self, scope: Scope, receive: Receive, send: Send) -> Send:
        """A websocket's ``send``: the headers that open or refuse it are gated, what is sent through it is not."""

        async def gated(message: Message) -> None:
            if message["type"] in _OPENING and message.get("headers"):
                answer = await self._answer(facts_of(scope, self._language), receive)
                shaped = answer.shape(101, read_headers(message["headers"])).headers if isinstance(answer, Pass) else []
                message = {**message, "headers": write_headers(shaped)}
            await send(message)

        return gated

    async def _answer(self, facts: Facts, receive: Receive) -> Reply | Pass:
        step = self.site.consent.handle(facts)
        if isinstance(step, (Pass, Reply)):
            return step
        body = await _read(receive, step.limit + 1) if isinstance(step, NeedBody) else b""
        # The log's append may wait for a disk: never on the event loop.
        return await to_thread(self.site.follow, step, lambda _limit: body)


def visitor(request: Any) -> Page:
    """What the visitor of a request may be asked and shown. ``request`` is a framework's own, with a ``scope``."""
    page: Page | None = request.scope.get("state", {}).get("consent")
    if page is None:
        if request.scope["type"] == "websocket":
            raise ConsentError("a websocket passes consent.asgi.ConsentMiddleware as it is: it has no visitor to ask")
        raise ConsentError("this request did not come through consent.asgi.ConsentMiddleware")
    return page


def template_context(request: Any) -> dict[str, Any]:
    """``consent`` for templates: ``Jinja2Templates("templates", context_processors=[template_context])``."""
    return {"consent": visitor(request)}


async def _read(receive: Receive, limit: int) -> bytes:
    """The request's body, or its beginning once ``limit`` bytes are there; nothing, if its sender leaves before."""
    body, more = b"", True
    while more and len(body) < limit:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _send(reply: Reply, send: Send, *, head: bool) -> None:
    length = [] if reply.status == 304 else [("Content-Length", str(len(reply.body)))]
    headers = write_headers([*reply.headers, *length])
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else reply.body})
