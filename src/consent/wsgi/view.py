"""``@requires("analytics")`` for plain WSGI applications, and for parts of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ConsentError
from ..view import FORBIDDEN, Asked, requires_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

__all__ = ["requires"]


def _visitor(args: tuple[Any, ...], _named: Mapping[str, Any]) -> Asked:
    for value in args[:2]:  # of a method, the second
        if isinstance(value, dict) and "consent.page" in value:
            page: Asked = value["consent.page"]
            return page
    raise ConsentError("this request came through no consent.wsgi.ConsentMiddleware, or no environ was given")


def _forbid(*args: Any) -> list[bytes]:
    start_response: StartResponse = args[-1]
    body = FORBIDDEN.encode()
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response("403 Forbidden", headers)
    return [body]


#: Answer with the application only if the visitor allows all these purposes; else with 403, or with ``otherwise``, an
#: application.
requires = requires_of(_visitor, _forbid)
