"""The door for Flask: ``consent = Consent(app)``, and every page is behind the gate.

::

    app.config["CONSENT"] = {"services": ["google-analytics", "youtube"], "privacy_url": "/privacy"}
    consent = Consent(app)  # or consent.init_app(app)

Views ask ``g.consent.allows("analytics")``; templates know the same as ``consent``. ``flask consent`` is the command
line, with the app's settings.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import click
from blinker import Namespace
from flask import Flask, Response, abort, current_app, g, has_request_context, request
from flask.cli import with_appcontext
from werkzeug.local import LocalProxy
from werkzeug.middleware.proxy_fix import ProxyFix

from .cli import main
from .errors import ConfigurationError, ConsentError
from .exchange import Pass
from .gate.response import PAGES, media_type
from .log.record import Record
from .site import Site
from .view import FORBIDDEN, requires_of
from .wsgi import ConsentMiddleware, facts_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from .banner.page import Page

__all__ = ["Consent", "decision_recorded", "requires"]

#: Sent by an app, in a context of its own, with each ``record`` (:class:`consent.log.record.Record`) that its log has
#: promised to keep, before the visitor is answered. An error is logged, and takes nothing back.
decision_recorded = Namespace().signal("decision-recorded")

#: Where the language of a page is kept that leaves when the request's context is gone.
_LANGUAGE = "consent.language"


class Consent:
    """The Flask extension. Holds no state of an app: one instance may serve several.

    Reads ``app.config``: ``CONSENT`` (the settings mapping, or the path of a TOML file), ``SECRET_KEY`` and
    ``SECRET_KEY_FALLBACKS``; the cookie of ``SESSION_COOKIE_NAME`` is necessary.
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
            app.url_value_preprocessor(_place_page)
        except AssertionError as error:
            raise ConfigurationError("this app has begun to answer: give it to Consent where it is made") from error
        # First, so that whatever the site does before a request finds it.
        before = app.url_value_preprocessors[None]
        before.insert(0, before.pop())
        app.after_request(_keep_language)
        site = app.extensions["consent"] = _open(app)
        site.recorded.append(partial(_announce, app))
        _wrap(app, site)
        app.jinja_env.globals["consent"] = LocalProxy(_page)
        app.cli.add_command(_command)


def _open(app: Flask) -> Site:
    keys: list[Any] = [app.config.get("SECRET_KEY"), *(app.config.get("SECRET_KEY_FALLBACKS") or ())]
    return Site.open(
        app.config["CONSENT"], keys=keys, debug=app.debug, necessary_cookies=[app.config["SESSION_COOKIE_NAME"]]
    )


def _wrap(app: Flask, site: Site) -> None:
    """Put the gate around the app. Who asks, and where, is said by a proxy fix further out, whichever came first."""
    outer = app.wsgi_app
    if isinstance(outer, ProxyFix):
        outer.app = ConsentMiddleware(outer.app, site, language=_language)
    else:
        app.wsgi_app = ConsentMiddleware(outer, site, language=_language)  # type: ignore[method-assign]


def _place_page(*_endpoint: object) -> None:
    page = request.environ.get("consent.page")
    if page is None:
        raise ConsentError(
            "this request came through no gate: app.wsgi_app was replaced after Consent(app); wrap what is there"
        )
    g.consent = page


def _page() -> Page:
    """What the visitor may be asked and shown. A request that was made by hand came through no gate."""
    page: Page | None = request.environ.get("consent.page")
    return page or Pass(current_app.extensions["consent"].consent, facts_of(request.environ, _language)).page


def _language(environ: WSGIEnvironment) -> str | None:
    kept: str | None = environ.get(_LANGUAGE)
    return kept or (_babels() if has_request_context() and request.environ is environ else None)


def _keep_language(response: Response) -> Response:
    if media_type(response.headers.get("Content-Type")) in PAGES:
        request.environ[_LANGUAGE] = _babels()
    return response


def _babels() -> str | None:
    """The language that Flask-Babel found, where this app has it."""
    babel = sys.modules.get("flask_babel") if "babel" in current_app.extensions else None
    locale = babel.get_locale() if babel is not None else None
    return None if locale is None else str(locale)


#: Answer with the view, below whose route it stands, only if the visitor allows all these purposes; else with 403, or
#: with ``otherwise``.
requires = requires_of(lambda *_: _page(), lambda *_, **__: abort(403, FORBIDDEN.strip()))


def _announce(app: Flask, record: Record) -> None:
    if decision_recorded.has_receivers_for(app):
        with app.app_context():
            decision_recorded.send(app, _async_wrapper=app.ensure_sync, record=record)


@click.command("consent", add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@with_appcontext
def _command(arguments: tuple[str, ...]) -> None:
    """Read and prove the log of decisions; list known services."""
    settings = current_app.extensions["consent"].settings
    sys.exit(main(arguments, prog="flask consent", settings=settings))
