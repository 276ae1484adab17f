"""Jinja2's templates know what Django's do: ``consent_banner()``, ``request.consent|allows("research")``.

::

    TEMPLATES = [{"BACKEND": "django.template.backends.jinja2.Jinja2",
                  "OPTIONS": {"environment": "consent.django.jinja2.environment"}, ...}]

A site with an environment of its own adds :class:`ConsentExtension` to its extensions.
"""

from __future__ import annotations

from typing import Any

from django.templatetags.static import static
from django.urls import reverse
from jinja2 import Environment, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context
from markupsafe import Markup

from . import tags

__all__ = ["ConsentExtension", "environment"]


class ConsentExtension(Extension):
    """``consent_banner``, ``consent_declaration`` and ``consent_settings_link``, and the filter ``allows``."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals.update(
            consent_banner=_banner, consent_declaration=_declaration, consent_settings_link=_settings_link
        )
        environment.filters["allows"] = tags.allows


def environment(**options: Any) -> Environment:
    """An environment as Django's documentation has it, with ``static`` and ``url``, and :class:`ConsentExtension`."""
    made = Environment(**options)  # noqa: S701 - Django passes autoescape
    made.globals.update(static=static, url=reverse)
    made.add_extension(ConsentExtension)
    return made


@pass_context
def _banner(context: Context, nonce: str | None = None) -> Markup:
    return tags.banner(context.get("request"), nonce)


@pass_context
def _declaration(context: Context, nonce: str | None = None) -> Markup:
    return tags.declaration(context.get("request"), nonce)


@pass_context
def _settings_link(context: Context, text: str | None = None) -> Markup:
    return tags.settings_link(context.get("request"), text)
