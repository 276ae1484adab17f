"""The door for any ASGI application: Starlette, FastAPI, Quart, Django's handler.

::

    from consent.asgi import ConsentMiddleware

    app = ConsentMiddleware(app, "consent.toml")  # or app.add_middleware(ConsentMiddleware, settings="consent.toml")

Views find what they may ask in ``scope["state"]["consent"]``, a :class:`consent.banner.page.Page`; Starlette calls it
``request.state.consent``, and :func:`visitor` finds it in any framework's request. ``@requires("analytics")`` answers
403 where a visitor has not agreed. Templates know the visitor as ``consent``, with :func:`template_context`.
"""

from .middleware import ConsentMiddleware, template_context, visitor
from .view import requires

__all__ = ["ConsentMiddleware", "requires", "template_context", "visitor"]
