"""The link to the settings, for the foot of every page."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from markupsafe import Markup

from ..policy.regime import Regime
from .text import Words

__all__ = ["link_texts", "settings_address", "settings_link", "shared_link"]


def settings_link(words: Words, regime: Regime, *, base: str, target: str, text: str | None = None) -> Markup:
    """A link to the settings, for the foot of every page."""
    named = Markup("{}").format(text or words("link"))
    if regime.privacy_choices and text is None:
        named = _ICON.format("") + Markup("<span>{}</span>").format(words("privacy_choices"))
    return _settings_link(named, words, base, target)


def shared_link(words: Words, regime: Regime, *, base: str, target: str) -> Markup:
    """The same for everybody: the script fills in which of the two texts is the visitor's, :func:`link_texts`."""
    choices, settings = link_texts(words, regime).values()
    named = _ICON.format(Markup(' display="none"')) + Markup('<b>{}</b><span id="yc-k">{}</span>').format(
        choices, settings
    )
    return _settings_link(named, words, base, target)


def link_texts(words: Words, regime: Regime) -> Mapping[str, str]:
    """The texts in a :func:`shared_link`, by where they go. The style shows the icon where the first is not empty."""
    named = (words("privacy_choices"), "") if regime.privacy_choices else ("", words("link"))
    return dict(zip(("#yc-l b", "#yc-k"), named, strict=True))


def _settings_link(named: Markup, words: Words, base: str, target: str) -> Markup:
    return Markup('<a href="{}" data-consent-open="" rel="nofollow">{}</a>').format(
        settings_address(words, base, target), named
    )


def settings_address(words: Words, base: str, target: str) -> str:
    """Of the settings, in the language of the page that leads there and to which they lead back."""
    return f"{base}settings?next={quote(target, safe='/')}&lang={words.language}"


#: The icon that goes with "Your Privacy Choices": a pill, half a tick and half a cross (11 CCR 7015(b)).
_ICON = Markup(
    '<svg width="30" height="14" viewBox="0 0 30 14" aria-hidden="true"{}><rect x=".5" y=".5" width="29" height="13" '
    'rx="6.5" fill="#fff" stroke="#06f"/><path d="M17.5.5H23a6.5 6.5 0 0 1 0 13h-8.5z" fill="#06f"/>'
    '<path d="m6 7.2 2.3 2.3L13 4" fill="none" stroke="#06f" stroke-width="1.7"/>'
    '<path d="m20.2 4.5 5 5m0-5-5 5" stroke="#fff" stroke-width="1.7"/></svg>'
)
