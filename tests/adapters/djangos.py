"""A Django site of one view under settings of a test's own, sync or async, asked as a server would ask it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from doors import SETTINGS, Answer, Request, _django_settings, _django_urls, call_asgi, call_wsgi

CONSENT = "consent.django.ConsentMiddleware"
UPDATE = "django.middleware.cache.UpdateCacheMiddleware"
FETCH = "django.middleware.cache.FetchFromCacheMiddleware"
LOCALE = "django.middleware.locale.LocaleMiddleware"
TRACKER = '<script src="https://www.google-analytics.com/analytics.js"></script>'
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}

Ask = Callable[[Request], Answer]
View = Callable[[Any], Any]


def serve(
    view: View,
    *,
    middleware: Sequence[str] = (CONSENT,),
    consent: dict[str, Any] | None = None,
    is_async: bool = False,
    **settings: Any,
) -> Ask:
    """A site whose every path is answered by a view. Its settings are Django's until the test ends."""
    from django.test.utils import override_settings

    def sync_view(request: Any, path: str) -> Any:
        return view(request)

    async def async_view(request: Any, path: str) -> Any:
        return view(request)

    _django_settings({**SETTINGS, **(consent or {})}, _django_urls(async_view if is_async else sync_view))
    override_settings(MIDDLEWARE=list(middleware), **settings).enable()
    if is_async:
        from django.core.handlers.asgi import ASGIHandler

        asgi = ASGIHandler()
        return lambda request: call_asgi(asgi, request)
    from django.core.handlers.wsgi import WSGIHandler

    wsgi = WSGIHandler()
    return lambda request: call_wsgi(wsgi, request)


def get(ask: Ask, path: str = "/", **headers: str) -> Answer:
    return ask(Request(path, headers={key.replace("_", "-"): value for key, value in headers.items()}, valid=False))


def decide(ask: Ask, action: str = "accept") -> str:
    """The cookie of a visitor who has answered."""
    answer = ask(Request("/_consent/decision", "POST", FORM, f"action={action}".encode()))
    assert answer.status == 303, answer.text
    return str(answer.cookie())


def template(text: str, request: Any, engine: str = "django") -> str:
    """A template's text, rendered with the engine that a site has."""
    from django.template import engines

    return str(engines[engine].from_string(text).render({}, request))
