"""``{% load consent %}``: the banner, the declaration and the settings link by hand, and ``allows``.

All of them read ``request.consent``, so the template needs the request: Django's ``request`` context processor.
"""

from __future__ import annotations

from typing import Any

from django import template
from markupsafe import Markup

from consent.django import tags

register = template.Library()
register.filter("allows", tags.allows)  # {% if request.consent|allows:"research" %}


@register.simple_tag(takes_context=True)
def consent_banner(context: dict[str, Any], nonce: str | None = None) -> Markup:
    """The banner here, and not where the gate would place it. Empty for a visitor who has answered."""
    return tags.banner(context.get("request"), nonce)


@register.simple_tag(takes_context=True)
def consent_declaration(context: dict[str, Any], nonce: str | None = None) -> Markup:
    """The table of services, cookies, purposes and durations for the privacy page."""
    return tags.declaration(context.get("request"), nonce)


@register.simple_tag(takes_context=True)
def consent_settings_link(context: dict[str, Any], text: str | None = None) -> Markup:
    """A link to the settings, for the footer of every page."""
    return tags.settings_link(context.get("request"), text)
