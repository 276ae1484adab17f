"""What stands in for a held frame."""

from __future__ import annotations

from markupsafe import Markup

from ..policy.policy import Service
from .card import shown_fields
from .look import Look
from .script import style_url
from .text import Words

__all__ = ["PLACEHOLDERS", "placeholder"]


#: The name of the text that says what a held frame would show.
PLACEHOLDERS = {
    "video": "placeholder_video",
    "map": "placeholder_map",
    "social": "placeholder_social",
    "other": "placeholder",
}


def placeholder(
    look: Look,
    words: Words,
    service: Service,
    granted: frozenset[str],
    *,
    base: str,
    target: str,
    scripted: bool = False,
) -> Markup:
    """A document that stands in for a held frame, at the frame's own size: who, why, and what can be done.

    ``granted``: what is allowed already, and stays so if this service is allowed too. ``scripted``: whether its buttons
    wait for the script, without which they would be of no use.
    """
    policy = look.policy
    title = words(PLACEHOLDERS[service.kind], service=service.title or service.name)
    body = Markup("<p>{}</p>").format(words("placeholder_undeclared"))
    if service.declared:
        granted = (granted | frozenset(service.purposes)) & frozenset(policy.optional)
        boxes = Markup("").join(
            Markup('<input type="hidden" name="purpose" value="{}">').format(name) for name in sorted(granted)
        )
        purposes = words.join(words.title(policy.purpose(name)) for name in service.purposes)
        body = Markup(
            '<p>{}</p><form method="post" action="{}decision" target="_top">{}'
            '<input type="hidden" name="surface" value="placeholder"><input type="hidden" name="next" value="{}">{}'
            '<button type="button" value="once" hidden>{}</button>'
            '<button name="action" value="save"{}>{}</button></form>'
        ).format(
            words("placeholder_text", provider=service.provider or service.title or service.name, purposes=purposes),
            base,
            boxes,
            target,
            shown_fields(look, words),
            words("once"),
            Markup(" hidden") if scripted else "",
            words("always"),
        )
    return Markup(
        '<!doctype html><html lang="{}" dir="{}"><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
        '<title>{}</title><link rel="stylesheet" href="{}"><body class="yc-f yc-{}"><main><h1>{}</h1>{}</main>'
    ).format(words.language, words.direction, title, style_url(look, base), service.kind, title, body)
