"""The visitor's page, where views and templates ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import abort, current_app, g, request

from ..errors import ConsentError
from ..exchange import Pass
from ..view import FORBIDDEN, requires_of
from ..wsgi import facts_of
from .language import language_of

if TYPE_CHECKING:
    from ..banner.page import Page

__all__ = ["page", "place_page", "requires"]


def place_page(*_endpoint: object) -> None:
    """Runs before all else in a request: ``g.consent``."""
    found = request.environ.get("consent.page")
    if found is None:
        raise ConsentError(
            "this request came through no gate: app.wsgi_app was replaced after Consent(app); wrap what is there"
        )
    g.consent = found


def page() -> Page:
    """What the visitor may be asked and shown. A request that was made by hand came through no gate."""
    found: Page | None = request.environ.get("consent.page")
    return found or Pass(current_app.extensions["consent"].consent, facts_of(request.environ, language_of)).page


#: Answer with the view, below whose route it stands, only if the visitor allows all these purposes; else with 403, or
#: with ``otherwise``.
requires = requires_of(lambda *_: page(), lambda *_, **__: abort(403, FORBIDDEN.strip()))
