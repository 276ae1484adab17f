"""What is inserted into pages: made once for each look, language and state, and filled in for each request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote

from markupsafe import Markup, escape

from ..policy.policy import Service
from ..policy.regime import Regime
from ..visitor.decision import Status
from .card import card
from .link import settings_link, shared_link
from .look import Look, foot_style, inline_style
from .placeholder import placeholder
from .script import asset_url, state_script, style_url, vendor_script
from .text import Words
from .us import LOADING, gpp_script, gpp_told
from .vendors import before_tags

__all__ = [
    "SCRIPT_NONCE",
    "STYLE_NONCE",
    "Shown",
    "Template",
    "escaped",
    "head_of",
    "nested_places",
    "pieces_of",
    "placeholder_of",
    "places",
    "state_of",
    "stylesheet_link",
    "words_of",
]

#: Stand for what differs from request to request, in texts that are otherwise the same.
TARGET, STYLE_NONCE, SCRIPT_NONCE = "/\ue000target".encode(), "\ue000style".encode(), "\ue000script".encode()
_TARGET_QUOTED = quote(TARGET, safe="/").encode()
_PLACES = re.compile(b"(" + b"|".join((TARGET, _TARGET_QUOTED, STYLE_NONCE, SCRIPT_NONCE)) + b")")


class Shown(NamedTuple):
    """All that decides what is inserted, but for what differs from request to request."""

    look: Look
    lang: str
    regime: Regime
    asking: bool
    asked: bool
    status: Status
    granted: frozenset[str]
    gpc: bool
    base: str
    link: bool
    inline_style: bool
    style_nonce: bool
    script_nonce: bool
    strict_dynamic: bool
    shared: bool


def escaped(nonce: str | None) -> bytes:
    """A nonce as it stands in an attribute."""
    return str(escape(nonce)).encode() if nonce else b""


@lru_cache(maxsize=64)
def words_of(look: Look, lang: str) -> Words:
    """The words of a language on a site, read once."""
    return Words(look, lang)


class Template:
    """A text that is the same for many requests, but for a few places."""

    __slots__ = ("_parts",)

    def __init__(self, text: str) -> None:
        self._parts = _PLACES.split(text.encode())  # every second one is a marker

    def fill(self, places: Mapping[bytes, bytes]) -> bytes:
        """The text with its places filled in."""
        if len(self._parts) == 1:
            return self._parts[0]
        parts = [*self._parts]
        for number in range(1, len(parts), 2):
            parts[number] = places[parts[number]]
        return b"".join(parts)


@lru_cache(maxsize=256)
def placeholder_of(
    look: Look, lang: str, service: Service, granted: frozenset[str], base: str, *, shared: bool
) -> Template:
    """What stands in for a held frame, escaped for its ``srcdoc``."""
    words = words_of(look, lang)
    document = placeholder(look, words, service, granted, base=base, target=TARGET.decode(), scripted=shared)
    return Template(str(escape(str(document))))


@lru_cache(maxsize=256)
def head_of(
    look: Look, granted: frozenset[str], base: str, *, decided: bool, gpp: str | None, nonce: bool, inline: bool
) -> Template:
    """What is inserted first in the head. ``gpp``: what is said in the United States; empty where it is not known yet,
    None where nothing is.
    """
    mark = SCRIPT_NONCE.decode() if nonce else None
    calls = before_tags(look.policy, look.consent_mode, granted, decided=decided)
    api = ""
    if gpp is not None:
        api = gpp_script(None if inline else asset_url(base, "gpp.js"), nonce=mark)
        calls = (gpp_told(gpp) if gpp else LOADING, *calls)
    if not calls:
        return Template("")
    return Template(api + vendor_script(calls, source=None if inline else asset_url(base, "vendors.js"), nonce=mark))


@lru_cache(maxsize=256)
def pieces_of(shown: Shown) -> tuple[Template, Template, Template]:
    """Banner, script and footer of a page."""
    look, regime, base = shown.look, shown.regime, shown.base
    words, target = words_of(look, shown.lang), TARGET.decode()
    state = state_of(
        look, regime, words, asked=shown.asked, status=shown.status, granted=shown.granted, gpc=shown.gpc, base=base
    )
    if shown.shared:
        state["shared"] = True
    nonce = SCRIPT_NONCE.decode() if shown.script_nonce else None
    source = asset_url(base, "consent.js")
    script = f"{state_script(source, state, nonce=nonce, strict_dynamic=shown.strict_dynamic)}\n"
    if shown.inline_style:
        style_nonce = Markup(' nonce="{}"').format(STYLE_NONCE.decode()) if shown.style_nonce else ""
        marked = Markup("<style{}>{{}}</style>").format(style_nonce)
        style = marked.format(Markup(inline_style(look.layout, look.theme)))  # noqa: S704 - our own file
        below = marked.format(Markup(foot_style()))  # noqa: S704
    else:
        style = Markup('<link rel="stylesheet" href="{}">').format(style_url(look, base))
        below = Markup("")  # then it looks like the site's other text
    asks = card(look, words, regime, base=base, target=target, hidden=shown.shared)
    banner = f"{style}{asks}{script}" if shown.asking else ""
    said = Markup('lang="{}" dir="{}"').format(words.language, words.direction)
    foot = ""
    if shown.gpc or shown.shared:
        foot += Markup('<p id="yc-g" role="status" {}{}><b>{}.</b> {}</p>').format(
            said, Markup("") if shown.gpc else Markup(" hidden"), words("gpc_title"), words("gpc")
        )
    if shown.link and look.policy.optional:
        link = shared_link if shown.shared else settings_link
        # A region of its own: it stands outside whatever landmarks the page has.
        foot += Markup('<p id="yc-l" role="region" aria-label="{}" {}>{}</p>').format(
            words("settings_title"), said, link(words, regime, base=base, target=target)
        )
    return Template(banner), Template(script), Template(f"{below}{foot}\n" if foot else "")


@lru_cache(maxsize=256)
def places(target: str) -> Mapping[bytes, bytes]:
    """The page's path, in an attribute and in a query in an attribute, by their markers."""
    return {TARGET: str(escape(target)).encode(), _TARGET_QUOTED: str(escape(quote(target, safe="/"))).encode()}


@lru_cache(maxsize=256)
def nested_places(target: str) -> Mapping[bytes, bytes]:
    """The same in a document within an attribute."""
    return {marker: str(escape(value.decode())).encode() for marker, value in places(target).items()}


def stylesheet_link(look: Look, base: str, nonce: str | None) -> Markup:
    """The link to our stylesheet, where it is placed by hand."""
    marked = Markup(' nonce="{}"').format(nonce) if nonce else ""
    return Markup('<link rel="stylesheet" href="{}"{}>').format(style_url(look, base), marked)


def state_of(
    look: Look,
    regime: Regime,
    words: Words,
    *,
    asked: bool,
    status: Status,
    granted: frozenset[str],
    gpc: bool,
    base: str,
) -> dict[str, Any]:
    """What the page's script is told of a visitor."""
    policy = look.policy
    optional = set(policy.optional)
    return {
        "policy": policy.version,
        "lang": words.language,
        "model": regime.model,
        "status": status,
        "granted": sorted(granted & optional),
        "optional": list(policy.optional),
        "asked": asked,
        "gpc": gpc,
        "url": f"{base}decision",
        "settings": f"{base}settings",
        "style": style_url(look, base),
        "storage": {
            name: sorted({key for service in policy.services_for(name) for key in service.storage})
            for name in policy.optional
            if any(service.storage for service in policy.services_for(name))
        },
        "words": {"saved": words("saved"), "failed": words("not_saved"), "close": words("close")},
    }
