"""The extension: an app behind the gate, and what it tells the rest of the site."""

from __future__ import annotations

from functools import partial
from typing import Any

from blinker import Namespace
from flask import Flask
from werkzeug.local import LocalProxy
from werkzeug.middleware.proxy_fix import ProxyFix

from ..errors import ConfigurationError
from ..log.record import Record
from ..site import Site
from ..wsgi import ConsentMiddleware
from .command import command
from .language import keep_language, language_of
from .page import page, place_page

__all__ = ["Consent", "decision_recorded"]

#: Sent by an app, in a context of its own, with each ``record`` (:class:`consent.log.record.Record`) that its log has
#: promised to keep, before the visitor is answered. An error is logged, and takes nothing back.
decision_recorded = Namespace().signal("decision-recorded")


class Consent:
    """The Flask extension. Holds no state of an app: one instance may serve several.

    Reads ``app.config``: ``CONSENT`` (the settings mapping, or the path of a TOML file), ``SECRET_KEY`` and
    ``SECRET_KEY_FALLBACKS``, ``TRUSTED_HOSTS``; the cookie of ``SESSION_COOKIE_NAME`` is necessary.
    """

    def __init__(self, app: Flask | None = None) -> None:
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Put ``app`` behind the gate.

        :raises ConfigurationError: for a wrong setting, if the app has a gate, or has begun to answer.
        """
        if "consent" in app.extensions:
            raise ConfigurationError("this app has been given to Consent before")
        if "CONSENT" not in app.config:
            raise ConfigurationError('is missing: set app.config["CONSENT"] before Consent(app)', path=("CONSENT",))
        try:
            app.url_value_preprocessor(place_page)
        except AssertionError as error:
            raise ConfigurationError("this app has begun to answer: give it to Consent where it is made") from error
        # First, so that whatever the site does before a request finds it.
        before = app.url_value_preprocessors[None]
        before.insert(0, before.pop())
        app.after_request(keep_language)
        site = app.extensions["consent"] = _open(app)
        site.recorded.append(partial(_announce, app))
        _wrap(app, site)
        app.jinja_env.globals["consent"] = LocalProxy(page)
        app.cli.add_command(command)


def _open(app: Flask) -> Site:
    keys: list[Any] = [app.config.get("SECRET_KEY"), *(app.config.get("SECRET_KEY_FALLBACKS") or ())]
    return Site.open(
        app.config["CONSENT"], keys=keys, debug=app.debug, necessary_cookies=[app.config["SESSION_COOKIE_NAME"]]
    )


def _wrap(app: Flask, site: Site) -> None:
    """Put the gate around the app. Who asks, and where, is said by a proxy fix further out, whichever came first."""
    outer = app.wsgi_app
    hosts = app.config.get("TRUSTED_HOSTS") or ()
    gate = partial(ConsentMiddleware, settings=site, language=language_of, trusted_hosts=hosts)
    if isinstance(outer, ProxyFix):
        outer.app = gate(outer.app)
    else:
        app.wsgi_app = gate(outer)  # type: ignore[method-assign]


def _announce(app: Flask, record: Record) -> None:
    if decision_recorded.has_receivers_for(app):
        with app.app_context():
            decision_recorded.send(app, _async_wrapper=app.ensure_sync, record=record)
