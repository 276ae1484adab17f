"""A visitor of a site under test: the framework's own client, and what a browser says and sends of consent.

What is chosen is posted to the site as its banner would post it. The site's own code signs the cookie, writes the log
and answers; the client keeps the cookie as it keeps others.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import cached_property
from inspect import isawaitable, iscoroutinefunction
from typing import Any
from urllib.parse import urlencode

from ..errors import ConsentError
from ..site import Site
from .frameworks import client_of, posting, site_in
from .response import mark

__all__ = ["ConsentClient", "NotSaved"]

_VERBS = frozenset(["get", "post", "put", "patch", "delete", "head", "options", "trace", "request", "open", "generic"])


class NotSaved(AssertionError):
    """The site did not save the visitor's choice. ``response``: what it answered."""

    def __init__(self, message: str, response: Any) -> None:
        self.response = response
        super().__init__(message)


class ConsentClient:
    """A visitor who asks a site, and who may agree to something.

    Everything else is the framework's client's: ``get``, ``post``, ``cookies``. Of an async client, what asks the site
    is awaited: ``await visitor.grant()``.

    :param app_or_client: a client of Flask, Django, Quart, Starlette or httpx; or an application, and one is made.
    :param site: the site behind it, where it is not to be found in the application.
    """

    def __init__(self, app_or_client: Any, *, site: Site | None = None) -> None:
        self._find: Callable[[], Any] = lambda: app_or_client
        self._site = site
        self._headers: dict[str, str] = {}

    @classmethod
    def later(cls, find: Callable[[], Any]) -> ConsentClient:
        """One whose application or client is looked for when it is first needed."""
        made = cls(None)
        made._find = find
        return made

    def __call__(self, app_or_client: Any, *, site: Site | None = None) -> ConsentClient:
        """Another visitor, of this application or with this client."""
        return ConsentClient(app_or_client, site=site)

    @cached_property
    def client(self) -> Any:
        """The framework's client."""
        try:
            return client_of(self._find())
        except AttributeError as error:  # Python would look for the client in the client
            raise ConsentError("no client: the application, or the fixture that makes it, failed") from error

    @cached_property
    def site(self) -> Site:
        """The site: its settings, its policy.

        :raises ConsentError: if it is not to be found.
        """
        found = self._site or site_in(self.client)
        if found is None:
            raise ConsentError(
                f"no consent middleware was found behind {self.client!r}: is it installed? "
                "If it is, name it: consent_client(client, site=middleware.site)"
            )
        return found

    def grant(self, *purposes: str, **options: Any) -> Any:
        """Agree to these purposes and refuse all others; without any, agree to all. Gives this visitor back.

        ``options`` are the client's own for a post: ``secure=True`` in Django, ``base_url=…`` in Flask.

        :raises UnknownPurpose: for a purpose that the site does not have.
        :raises NotSaved: if the site did not take it.
        """
        policy = self.site.settings.policy
        chosen = [policy.purpose(name).name for name in purposes]
        return self._decide("save" if chosen else "accept", chosen, options)

    def refuse(self, **options: Any) -> Any:
        """Refuse everything. Otherwise like :meth:`grant`."""
        return self._decide("refuse", (), options)

    def withdraw(self, **options: Any) -> Any:
        """Take back what was agreed to. Otherwise like :meth:`grant`."""
        return self._decide("withdraw", (), options)

    def signal(self, *, gpc: bool) -> ConsentClient:
        """Send Global Privacy Control with each request from now on, or send it no more."""
        return self._send("Sec-GPC", "1" if gpc else None)

    def region(self, code: str | None) -> ConsentClient:
        """Come from somewhere else from now on: an ISO 3166 code such as ``DE`` or ``US-CA``; None to say nothing.

        :raises ConsentError: if the site does not read the region from a header.
        """
        settings = self.site.settings
        if settings.regime is not None:
            raise ConsentError(f"this site has the regime {settings.regime.name!r} for everybody, from wherever")
        source = settings.region
        if source is None or source.header is None:
            raise ConsentError(
                'this site does not read a visitor\'s region from a header (region = "header:NAME"): '
                "send what it reads, or give it other settings in its tests"
            )
        return self._send(source.header, code)

    def _send(self, header: str, value: str | None) -> ConsentClient:
        if value is None:
            self._headers.pop(header, None)
        else:
            self._headers[header] = value
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.client, name)
        if name not in _VERBS:
            return found
        return lambda *arguments, **options: self._ask(found, *arguments, **options)

    def _ask(self, verb: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        if self._headers:
            options["headers"] = {**self._headers, **dict(options.get("headers") or {})}
        return _then(verb(*arguments, **options), self._marked)

    def _marked(self, response: Any) -> Any:
        get_data = getattr(response, "get_data", None)
        if not iscoroutinefunction(get_data):
            mark(response, self.site)
            return response

        def read(body: bytes) -> Any:
            mark(response, self.site, body)
            return response

        return _then(get_data(), read)

    def _decide(self, action: str, purposes: Iterable[str], options: dict[str, Any]) -> Any:
        settings = self.site.settings
        fields = [("action", action), ("surface", "settings" if action in {"save", "withdraw"} else "banner")]
        body = urlencode([*fields, *(("purpose", name) for name in purposes)])
        given = posting(
            self.client, body, {"Sec-Fetch-Site": "same-origin", **dict(options.pop("headers", None) or {})}
        )

        def decided(response: Any) -> ConsentClient:
            if response.status_code != 303:
                raise NotSaved(_why(f"{settings.prefix}decision", action, response.status_code), response)
            return self

        return _then(self._ask(self.client.post, f"{settings.prefix}decision", **given, **options), decided)


def _why(path: str, action: str, status: int) -> str:
    reason = _REASONS.get(status, "the request did not reach the consent middleware")
    return f"the choice ({action}) was not saved: POST {path} answered {status}: {reason}"


_REASONS = {
    403: "it was taken for a request that another site forged",
    429: "too many decisions came from this network (decisions_per_minute)",
    503: "the log could not keep it",
}


def _then(result: Any, step: Callable[[Any], Any]) -> Any:
    """``step`` of a result; of one that must be waited for, something to wait for."""
    if not isawaitable(result):
        return step(result)

    async def later(waiting: Awaitable[Any]) -> Any:
        done = step(await waiting)
        return await done if isawaitable(done) else done

    return later(result)
