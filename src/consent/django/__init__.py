"""The door for Django.

::

    INSTALLED_APPS += ["consent.django"]
    MIDDLEWARE = ["consent.django.ConsentMiddleware", *MIDDLEWARE]
    CONSENT = {"services": ["google-analytics", "youtube"], "privacy_url": "/privacy"}

Views ask ``request.consent.allows("analytics")``; templates ``{% load consent %}``. ``@requires("analytics")``
answers 403 where a visitor has not agreed.
"""

from .middleware import ConsentMiddleware, ConsentRequest
from .view import requires

__all__ = ["ConsentMiddleware", "ConsentRequest", "requires"]
