"""Django requests as facts, shaped answers as Django responses; sync and async alike."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.encoding import escape_uri_path

from ..banner.page import Page
from ..errors import ConfigurationError
from ..exchange import Facts, Pass, Reply, Step
from .apps import the_site
from .csp import make_nonce, needs_nonce
from .language import language_of
from .stack import places
from .translate import gate_body, gate_body_async, key_of, read_headers, write_headers

__all__ = ["ConsentMiddleware", "ConsentRequest"]

_GetResponse = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]


class ConsentRequest(HttpRequest):
    """What a view may call its request, so that type checkers know ``request.consent``."""

    consent: Page


class ConsentMiddleware:
    """Puts a Django site behind the gate. First in ``MIDDLEWARE``, so that every answer passes it.

    All of a process's share one site, that of the app: see :class:`consent.django.apps.ConsentConfig`.

    :raises ConfigurationError: for a wrong setting, when Django loads its middleware.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: _GetResponse) -> None:
        self._get_response = get_response
        self.site = the_site()
        self._localised = bool(places("django.middleware.locale.LocaleMiddleware"))
        self._async = iscoroutinefunction(get_response)
        if self._async:
            markcoroutinefunction(self)
        if needs_nonce():  # Django runs what a middleware has: in an async chain, a method that is not costs a thread
            self.process_view = _process_view_async if self._async else _process_view

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._async:
            return self._answer_async(request)
        answer = self._follow(request, self._begin(request))
        if isinstance(answer, Reply):
            return _response(request, answer)
        asked = _open(request, answer)
        response = cast("HttpResponseBase", self._get_response(request))
        _ask(request, asked)
        gate_body(response, answer.shape(response.status_code, read_headers(response)))
        return _sent(request, response)

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        step = self._begin(request)
        # The log may wait for a disk: never on the event loop.
        answer = step if isinstance(step, (Pass, Reply)) else await sync_to_async(self._follow)(request, step)
        if isinstance(answer, Reply):
            return _response(request, answer)
        asked = _open(request, answer)
        response = await cast("Awaitable[HttpResponseBase]", self._get_response(request))
        _ask(request, asked)
        await gate_body_async(response, answer.shape(response.status_code, read_headers(response)))
        return _sent(request, response)

    def _begin(self, request: HttpRequest) -> Step:
        if "consent.page" in request.META or "consent" in getattr(request, "scope", {}).get("state", ()):
            raise ConfigurationError(
                "this site is behind two gates: leave out consent.wsgi's or consent.asgi's ConsentMiddleware, "
                "or Django's in MIDDLEWARE"
            )
        return self.site.consent.handle(self._facts(request))

    def _follow(self, request: HttpRequest, step: Step) -> Reply | Pass:
        return self.site.follow(step, lambda limit: request.read(limit + 1))

    def _facts(self, request: HttpRequest) -> Facts:
        meta = request.META
        return Facts(
            method=request.method or "GET",
            path=escape_uri_path(request.path_info) or "/",
            query=meta.get("QUERY_STRING", ""),
            root=escape_uri_path(meta.get("SCRIPT_NAME", "").rstrip("/")),
            header=lambda name: meta.get(key_of(name)),
            scheme=request.scheme or "http",
            host=_host(request),
            now=time.time(),
            entropy=os.urandom,
            language=lambda: language_of(request, localised=self._localised),
            address=meta.get("REMOTE_ADDR"),
        )


class _Asked:
    """A request's page. What was made of its answers is the visitor's own, and not what Django's cache may keep."""

    __slots__ = ("_answer", "_request")

    def __init__(self, request: HttpRequest, answer: Pass) -> None:
        self._request, self._answer = request, answer

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # of Python's own, which asks the half-made copies of objects too
            raise AttributeError(name)
        page = self._answer.page
        if not page.shared:
            _keep_from_cache(self._request)
        return getattr(page, name)


#: Where WSGI servers put their way to send a 103 before the response.
_HINTS = "wsgi.early_hints"


def _open(request: HttpRequest, answer: Pass) -> dict[str, str | None]:
    """Make the request what the application gets; the headers that it had before, for :func:`_ask`."""
    request.consent = _Asked(request, answer)  # type: ignore[attr-defined]
    if _HINTS in request.META:
        request.META[_HINTS] = answer.hinting(request.META[_HINTS])
    return _ask(request, answer.request)


def _process_view(request: HttpRequest, *_: object) -> None:
    make_nonce(request)


async def _process_view_async(request: HttpRequest, *_: object) -> None:
    make_nonce(request)


def _keep_from_cache(request: HttpRequest) -> None:
    """Have Django's cache middleware and ``cache_page`` not keep the answer; this is how they tell each other."""
    request._cache_update_cache = False  # type: ignore[attr-defined]


def _host(request: HttpRequest) -> str:
    """The site's host. Under a name that is not the site's, nothing is its own; Django will say so in its place."""
    try:
        return request.get_host()
    except DisallowedHost:
        return ""


def _response(request: HttpRequest, reply: Reply) -> HttpResponse:
    response = HttpResponse(reply.body, status=reply.status)
    write_headers(response, reply.headers)
    _keep_from_cache(request)  # one further out; older ones do not read "no-store"
    return response


def _sent(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if response.cookies:  # another visitor may not have agreed to them
        _keep_from_cache(request)
    return response


def _ask(request: HttpRequest, changes: Mapping[str, str | None]) -> dict[str, str | None]:
    """Change headers of the request, and say what they were: middleware around this one sees what the browser sent."""
    before: dict[str, str | None] = {}
    for name, value in changes.items():
        key = key_of(name)
        before[name] = request.META.get(key)
        if value is None:
            request.META.pop(key, None)
        else:
            request.META[key] = value
    request.__dict__.pop("headers", None)  # cached from META
    return before
