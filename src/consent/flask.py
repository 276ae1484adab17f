"""The door for Flask: ``consent = Consent(app)``, and every page is behind the gate.

::

    app.config["CONSENT"] = {"services": ["google-analytics", "youtube"], "privacy_url": "/privacy"}
    consent = Consent(app)  # or consent.init_app(app)

Views ask ``g.consent.allows("analytics")``; templates know the same as ``consent``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask, g, request
from werkzeug.local import LocalProxy

from .errors import ConfigurationError, ConsentError
from .site import Site
from .wsgi import ConsentMiddleware

if TYPE_CHECKING:
    from .banner.page import Page

__all__ = ["Consent"]


class Consent:
    """The Flask extension. Holds no state of an app: one instance may serve several.

    Reads ``app.config["CONSENT"]`` (the settings mapping), ``SECRET_KEY`` and ``SECRET_KEY_FALLBACKS``.
    """

    def __init__(self, app: Flask | None = None) -> None:
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Put ``app`` behind the gate.

        :raises ConfigurationError: for a wrong setting, or if the app has been given a gate before.
        """
        if "consent" in app.extensions:
            raise ConfigurationError("this app has been given to Consent before")
        keys: list[Any] = [app.config.get("SECRET_KEY"), *(app.config.get("SECRET_KEY_FALLBACKS") or ())]
        site = Site.open(app.config.get("CONSENT", {}), keys=keys, debug=app.debug)
        app.extensions["consent"] = site
        app.wsgi_app = ConsentMiddleware(app.wsgi_app, site)  # type: ignore[method-assign]
        app.before_request(_place_page)
        app.jinja_env.globals["consent"] = LocalProxy(_page)


def _place_page() -> None:
    g.consent = _page()


def _page() -> Page:
    """What the visitor of this request may be asked and shown; worked out on first use."""
    page: Page | None = request.environ.get("consent.page")
    if page is None:
        raise ConsentError("this request did not come through the app's wsgi_app, where Consent(app) stands")
    return page
