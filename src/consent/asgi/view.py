"""``@requires("analytics")`` for the views of Starlette and FastAPI, and for plain ASGI applications."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ConsentError
from ..view import FORBIDDEN, Asked, requires_of
from .translate import write_headers

__all__ = ["requires"]


def _visitor(args: tuple[Any, ...], named: Mapping[str, Any]) -> Asked:
    for value in (*args[:2], *named.values()):  # of a method, the second
        scope = value if isinstance(value, dict) else getattr(value, "scope", None)
        if isinstance(scope, dict) and "consent" in (scope.get("state") or {}):
            page: Asked = scope["state"]["consent"]
            return page
        if callable(getattr(value, "allows", None)):  # a dependency
            return value  # type: ignore[no-any-return]
    raise ConsentError("this view needs its request, of one that came through consent.asgi.ConsentMiddleware")


def _forbid(*args: Any, **_named: Any) -> Any:
    """An application answers; a view raises, as its framework's views do, so that the site's own page is shown."""
    if len(args) >= 3 and isinstance(args[-3], dict):
        return _forbidden(*args[-3:])
    from starlette.exceptions import HTTPException

    raise HTTPException(403, FORBIDDEN.strip())


async def _forbidden(_scope: Any, _receive: Any, send: Any) -> None:
    body = FORBIDDEN.encode()
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    await send({"type": "http.response.start", "status": 403, "headers": write_headers(headers)})
    await send({"type": "http.response.body", "body": body})


#: Answer with the view only if the visitor allows all these purposes; else with 403, or with ``otherwise``.
requires = requires_of(_visitor, _forbid)
