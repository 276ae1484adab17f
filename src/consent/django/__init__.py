"""The door for Django.

::

    INSTALLED_APPS += ["consent.django"]
    MIDDLEWARE = ["consent.django.ConsentMiddleware", *MIDDLEWARE]
    CONSENT = {"services": ["google-analytics", "youtube"], "privacy_url": "/privacy"}

Views ask ``request.consent.allows("analytics")``; templates ``{% load consent %}``.
"""

from .middleware import ConsentMiddleware, ConsentRequest

__all__ = ["ConsentMiddleware", "ConsentRequest"]
