"""What frameworks' test clients are like: how one is made, how it posts a form, and where in it the site is."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import iscoroutinefunction
from types import CellType
from typing import Any

from werkzeug.test import Client as WerkzeugClient

from ..errors import ConsentError
from ..site import Site

__all__ = ["client_of", "posting", "site_in"]

_FORM = "application/x-www-form-urlencoded"


def posting(client: Any, body: str, headers: dict[str, str]) -> dict[str, Any]:
    """A form as the arguments of this client's ``post``."""
    if hasattr(client, "build_request"):  # httpx, and Starlette's
        return {"content": body, "headers": {"Content-Type": _FORM, **headers}, "follow_redirects": False}
    if hasattr(client, "handler") or isinstance(client, WerkzeugClient):  # Django; Flask
        return {"data": body, "content_type": _FORM, "headers": headers}
    return {"data": body.encode(), "headers": {"Content-Type": _FORM, **headers}}  # Quart


def client_of(given: Any) -> Any:
    """A client, or one for an application."""
    if hasattr(given, "test_client"):  # Flask, Quart
        return given.test_client()
    if hasattr(given, "load_middleware"):  # Django's handlers
        from django.test import AsyncClient, Client

        return AsyncClient() if iscoroutinefunction(type(given).__call__) else Client()
    if any(hasattr(given, name) for name in ("cookies", "get_cookie", "cookie_jar")):
        return given
    if not callable(given):
        raise ConsentError(f"neither a client nor an application: {given!r}")
    application: Any = given
    if iscoroutinefunction(application) or iscoroutinefunction(type(application).__call__):
        from starlette.testclient import TestClient

        return TestClient(application)
    return WerkzeugClient(application)


#: Where clients, frameworks and middleware keep what is further in.
_INWARD = (
    "site", "application", "handler", "wsgi_app", "asgi_app", "app", "_app", "_transport", "_middleware_chain",
    "get_response", "_get_response", "middleware_stack", "__wrapped__", "__self__", "func",
)  # fmt: skip


def site_in(client: Any) -> Site | None:
    """The site of the middleware in an application, however far in it is."""
    seen: set[int] = set()
    waiting = [client]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, Site):
            return each
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            waiting += _inward(each)
    return None


def _inward(each: Any) -> Iterator[Any]:
    # Django and Starlette put their middleware together at the first request.
    if hasattr(each, "load_middleware") and each._middleware_chain is None:
        each.load_middleware(is_async=iscoroutinefunction(type(each).__call__))
    if hasattr(each, "build_middleware_stack") and each.middleware_stack is None:
        each.middleware_stack = each.build_middleware_stack()
    yield from (getattr(each, name, None) for name in _INWARD)
    for cell in getattr(each, "__closure__", None) or ():
        if cell != _EMPTY:
            yield cell.cell_contents


_EMPTY = CellType()
