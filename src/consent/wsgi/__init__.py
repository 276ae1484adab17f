"""The door for any WSGI application.

::

    from consent.wsgi import ConsentMiddleware

    app = ConsentMiddleware(app, "consent.toml")

Views find what they may ask in ``environ["consent.page"]``, a :class:`consent.banner.page.Page`.
``@requires("analytics")`` answers 403 where a visitor has not agreed.
"""

from .middleware import ConsentMiddleware
from .translate import facts_of
from .view import requires

__all__ = ["ConsentMiddleware", "facts_of", "requires"]
