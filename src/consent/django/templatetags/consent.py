"""``{% load consent %}``: the banner, the declaration and the settings link by hand, and ``allows``.

All of them read ``request.consent``, so the template needs the request: Django's ``request`` context processor.
"""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe

from consent.banner.page import Page
from consent.errors import ConsentError

register = template.Library()

_NO_PAGE = (
    "a consent tag needs request.consent: render with a request, and have "
    "'consent.django.ConsentMiddleware' in MIDDLEWARE"
)


@register.simple_tag(takes_context=True)
def consent_banner(context: dict[str, Any]) -> SafeString:
    """The banner here, and not where the gate would place it. Empty for a visitor who has answered."""
    return mark_safe(_page(context).banner())  # noqa: S308 - our markup, escaped where it was made


@register.simple_tag(takes_context=True)
def consent_declaration(context: dict[str, Any]) -> SafeString:
    """The table of services, cookies, purposes and durations for the privacy page."""
    return mark_safe(_page(context).declaration())  # noqa: S308


@register.simple_tag(takes_context=True)
def consent_settings_link(context: dict[str, Any], text: str | None = None) -> SafeString:
    """A link to the settings, for the footer of every page."""
    return mark_safe(_page(context).settings_link(text))  # noqa: S308


@register.filter
def allows(page: Page | None, purpose: str) -> bool:
    """``{% if request.consent|allows:"analytics" %}``. Raises for a purpose that the policy does not have."""
    if page is None:
        raise ConsentError(_NO_PAGE)
    return page.allows(purpose)


def _page(context: dict[str, Any]) -> Page:
    page = getattr(context.get("request"), "consent", None)
    if page is None:
        raise ConsentError(_NO_PAGE)
    return page  # type: ignore[no-any-return]
