"""Django requests as facts, shaped answers as Django responses; sync and async alike."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.encoding import escape_uri_path
from django.utils.functional import SimpleLazyObject

from ..exchange import Facts, Pass, Reply
from ..site import Site
from .translate import gate_body, gate_body_async, key_of, read_headers, write_headers

__all__ = ["ConsentMiddleware"]

_GetResponse = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]


class ConsentMiddleware:
    """Puts a Django site behind the gate. First in ``MIDDLEWARE``, so that every answer passes it.

    Reads ``settings.CONSENT``, ``SECRET_KEY`` and ``SECRET_KEY_FALLBACKS``.

    :raises ConfigurationError: for a wrong setting, when Django loads its middleware.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: _GetResponse) -> None:
        self._get_response = get_response
        self.site = Site.open(
            getattr(settings, "CONSENT", {}),
            keys=[settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS],
            debug=settings.DEBUG,
        )
        self._async = iscoroutinefunction(get_response)
        if self._async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._async:
            return self._answer_async(request)
        answer = self._answer(request)
        if isinstance(answer, Reply):
            return _response(answer)
        asked = _ask(request, answer.request)
        response = cast("HttpResponseBase", self._get_response(request))
        _ask(request, asked)
        gate_body(response, answer.shape(response.status_code, read_headers(response)))
        return response

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        # The log's append may wait for a disk: never on the event loop.
        own = request.path_info.startswith(self.site.settings.prefix)
        answer = await sync_to_async(self._answer, thread_sensitive=False)(request) if own else self._answer(request)
        if isinstance(answer, Reply):
            return _response(answer)
        asked = _ask(request, answer.request)
        response = await cast("Awaitable[HttpResponseBase]", self._get_response(request))
        _ask(request, asked)
        await gate_body_async(response, answer.shape(response.status_code, read_headers(response)))
        return response

    def _answer(self, request: HttpRequest) -> Reply | Pass:
        answer = self.site.answer(_facts(request), lambda limit: request.read(limit + 1))
        if isinstance(answer, Pass):
            request.consent = SimpleLazyObject(lambda: answer.page)  # type: ignore[attr-defined]
            if _HINTS in request.META:
                request.META[_HINTS] = answer.hinting(request.META[_HINTS])
        return answer


#: Where WSGI servers put their way to send a 103 before the response.
_HINTS = "wsgi.early_hints"


def _facts(request: HttpRequest) -> Facts:
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
        # Set by LocaleMiddleware, which runs further in.
        language=lambda: getattr(request, "LANGUAGE_CODE", None),
        address=meta.get("REMOTE_ADDR"),
    )


def _host(request: HttpRequest) -> str:
    """The site's host. Under a name that is not the site's, nothing is its own; Django will say so in its place."""
    try:
        return request.get_host()
    except DisallowedHost:
        return ""


def _response(reply: Reply) -> HttpResponse:
    response = HttpResponse(reply.body, status=reply.status)
    write_headers(response, reply.headers)
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
