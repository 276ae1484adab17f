"""What templates of either engine can place: one function for Django's tag and for Jinja2's global."""

from __future__ import annotations

from django.http import HttpRequest
from markupsafe import Markup

from ..banner.page import Page
from ..errors import ConsentError
from .csp import made_nonce

__all__ = ["allows", "banner", "declaration", "settings_link"]


def banner(request: HttpRequest | None, nonce: str | None = None) -> Markup:
    """The banner here, and not where the gate would place it. Empty for a visitor who has answered.

    ``nonce``: for its stylesheet; by default the request's, if it was asked for.
    """
    return _page(request).banner(nonce=_nonce(request, nonce))


def declaration(request: HttpRequest | None, nonce: str | None = None) -> Markup:
    """The table of services, cookies, purposes and durations for the privacy page. ``nonce``: as for the banner."""
    return _page(request).declaration(nonce=_nonce(request, nonce))


def settings_link(request: HttpRequest | None, text: str | None = None) -> Markup:
    """A link to the settings, for the footer of every page."""
    return _page(request).settings_link(text)


def allows(page: Page | None, purpose: str) -> bool:
    """Whether the visitor allows a purpose. ``page``: ``request.consent``.

    :raises UnknownPurpose: if the policy has no such purpose.
    """
    return _there(page).allows(purpose)


def _page(request: HttpRequest | None) -> Page:
    return _there(getattr(request, "consent", None))


def _there(page: Page | None) -> Page:
    if not page:  # a template's name for what is not there is an empty text
        raise ConsentError(
            "a consent tag needs request.consent: render with a request, and have "
            "'consent.django.ConsentMiddleware' in MIDDLEWARE"
        )
    return page


def _nonce(request: HttpRequest | None, given: str | None) -> str | None:
    # One that nobody asked for before reads as no, and is made by being written.
    made = str(given) if given is not None else ""
    return made or (made_nonce(request) if request is not None else None)
