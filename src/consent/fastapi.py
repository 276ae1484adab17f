"""The door for FastAPI: the ASGI middleware, and the visitor as a dependency.

::

    app = FastAPI()
    app.add_middleware(ConsentMiddleware, settings="consent.toml")

    @app.get("/")
    async def front(visitor: Visitor):
        visitor.allows("analytics")

The API's documentation does not show it: it is no parameter. In tests, ``app.dependency_overrides[visitor]`` stands in
for it.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import Depends
from fastapi.requests import HTTPConnection

from . import asgi
from .asgi import ConsentMiddleware, requires, template_context
from .banner.page import Page

__all__ = ["ConsentMiddleware", "Visitor", "requires", "template_context", "visitor"]


async def visitor(request: HTTPConnection) -> Page:
    """What the visitor of a request may be asked and shown: ``Depends(visitor)``."""
    return asgi.visitor(request)


#: The same as a parameter's type.
Visitor: TypeAlias = Annotated[Page, Depends(visitor)]
