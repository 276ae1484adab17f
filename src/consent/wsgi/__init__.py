"""The door for any WSGI application.

::

    from consent.wsgi import ConsentMiddleware

    app = ConsentMiddleware(app, "consent.toml")

Views find what they may ask in ``environ["consent.page"]``, a :class:`consent.banner.page.Page`.
"""

from .middleware import ConsentMiddleware
from .translate import facts_of

__all__ = ["ConsentMiddleware", "facts_of"]
