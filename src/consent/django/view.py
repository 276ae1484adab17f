"""``@requires("analytics")`` for Django's views, sync and async, and for their methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpResponseForbidden

from ..errors import ConsentError
from ..view import FORBIDDEN, Asked, requires_of

__all__ = ["requires"]


def _visitor(args: tuple[Any, ...], named: Mapping[str, Any]) -> Asked:
    for value in (*args[:2], named.get("request")):  # of a method, the second
        page: Asked | None = getattr(value, "consent", None)
        if page is not None:
            return page
    raise ConsentError("this request came through no ConsentMiddleware, or the view was given none")


def _forbid(*_args: Any, **_named: Any) -> HttpResponseForbidden:
    return HttpResponseForbidden(FORBIDDEN, content_type="text/plain; charset=utf-8")


#: Answer with the view only if the visitor allows all these purposes; else with 403, or with ``otherwise``. Of a class,
#: decorate what ``as_view()`` gives, or a handler: ``@method_decorator(requires("analytics"), name="get")``.
requires = requires_of(_visitor, _forbid, is_async=iscoroutinefunction)
