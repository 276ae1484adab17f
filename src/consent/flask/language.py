"""The language that Flask-Babel found, for a page that leaves when the request's context is gone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from flask import Response, current_app, has_request_context, request

from ..gate.response import PAGES, media_type

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["keep_language", "language_of"]

_LANGUAGE = "consent.language"


def language_of(environ: WSGIEnvironment) -> str | None:
    """The language of a request's page: as it was kept, or as it is found now."""
    kept: str | None = environ.get(_LANGUAGE)
    return kept or (_babels() if has_request_context() and request.environ is environ else None)


def keep_language(response: Response) -> Response:
    """Runs after a request. What is no page has no language: nobody is asked for it."""
    if media_type(response.headers.get("Content-Type")) in PAGES:
        request.environ[_LANGUAGE] = _babels()
    return response


def _babels() -> str | None:
    babel = sys.modules.get("flask_babel") if "babel" in current_app.extensions else None
    locale = babel.get_locale() if babel is not None else None
    return None if locale is None else str(locale)
