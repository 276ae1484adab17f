"""What a view or a template of one request may ask and place: ``g.consent``, ``request.consent``.

The only thing here that changes: it remembers what the template placed by hand, so that the gate does not place it
again. What the gate inserts is made once per look, language and state, and filled in per request.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote

from markupsafe import Markup, escape

from ..policy.policy import Service
from ..policy.regime import Regime
from ..visitor.decision import Status, Visitor
from .look import Look, inline_style
from .markup import asset_url, card, declaration, placeholder, settings_link, state_script
from .text import Words

__all__ = ["Inserted", "Page"]

#: Stand for what differs from request to request, in texts that are otherwise the same.
_TARGET, _NONCE = "/\ue000target", "\ue000nonce"
_TARGET_QUOTED = quote(_TARGET, safe="/")


class Inserted(NamedTuple):
    """What the gate inserts into a page; see :class:`consent.gate.html.Gate`."""

    banner: bytes
    footer: bytes
    script: bytes


class Page:
    """One visitor's page.

    :param lang: the language to show, one that we have.
    :param origin: the site's scheme and host, so that a page's ``<base>`` cannot lead our addresses astray.
    :param root: where the application is mounted.
    :param next: the path to come back to after a choice.
    """

    def __init__(
        self,
        visitor: Visitor,
        look: Look,
        *,
        lang: str,
        origin: str = "",
        root: str = "",
        next: str = "/",  # noqa: A002
    ) -> None:
        self.visitor = visitor
        self.look = look
        self.lang = lang
        self.next = next
        self.base = f"{origin}{root}{look.prefix}"
        #: Whether the template placed the banner, or a link to the settings, itself.
        self.placed = look.placement == "manual"
        self.linked = False

    def allows(self, purpose: str) -> bool:
        """Whether this purpose may be served now.

        :raises UnknownPurpose: if the policy has no such purpose.
        """
        return self.visitor.allows(purpose)

    @property
    def url(self) -> str:
        """Where a decision is posted to."""
        return f"{self.base}decision"

    @property
    def asked(self) -> bool:
        """Whether the banner is due."""
        return self.visitor.asked

    @property
    def status(self) -> Status:
        """``undecided``, ``accepted``, ``refused`` or ``custom``."""
        return self.visitor.status

    @property
    def granted(self) -> frozenset[str]:
        """All purposes that are allowed now."""
        return self.visitor.granted

    @cached_property
    def words(self) -> Words:
        """The words in the visitor's language."""
        return _words(self.look, self.lang)

    def banner(self) -> Markup:
        """The banner, placed here by hand; empty for a visitor who has answered."""
        self.placed = True
        if not self.visitor.asked:
            return Markup("")
        return Markup('<link rel="stylesheet" href="{}">{}{}').format(
            asset_url(self.base, "consent.css"),
            card(self.look, self.words, self.visitor.regime, base=self.base, target=self.next),
            state_script(asset_url(self.base, "consent.js"), self.state(), nonce=None),
        )

    def settings_link(self, text: str | None = None) -> Markup:
        """A link to the settings, for the foot of the page."""
        self.linked = True
        return settings_link(self.words, self.visitor.regime, base=self.base, target=self.next, text=text)

    def declaration(self) -> Markup:
        """The table of services, cookies, purposes and durations, for the privacy page."""
        return declaration(self.look, self.words)

    def placeholder(self, service: Service) -> str:
        """The document that stands in for a held frame."""
        granted = self.visitor.granted
        return _targeted(_placeholder(self.look, self.lang, service, granted, self.base), self.next)

    def state(self) -> dict[str, Any]:
        """What the page's script is told, and the address ``state`` answers."""
        return _state(self.look, self.visitor, self.words, self.base)

    def inserted(self, *, style_nonce: str | None, script_nonce: str | None, inline_style: bool) -> Inserted:
        """What the gate inserts. Call it when the template is done."""
        visitor = self.visitor
        banner, script = _pieces(
            self.look, self.lang, visitor.regime, visitor.asked, visitor.status, visitor.granted,
            visitor.honours_gpc, self.base, inline_style, style_nonce is not None, script_nonce is not None,
        )  # fmt: skip
        filled = _filled(banner if visitor.asked and not self.placed else "", self.next, style_nonce, script_nonce)
        later = "" if filled else _filled(script, self.next, None, script_nonce)
        return Inserted(filled.encode(), self._footer(), later.encode())

    def _footer(self) -> bytes:
        visitor = self.visitor
        if self.linked or not visitor.policy.optional:
            link = ""
        else:
            link = _targeted(_link(self.look, self.lang, visitor.regime, self.base), self.next)
        notice = f"{escape(self.words('gpc'))} " if visitor.honours_gpc else ""
        if not link and not notice:
            return b""
        words = self.words
        return f'<p id="yc-l" lang="{words.language}" dir="{words.direction}">{notice}{link}</p>\n'.encode()


@lru_cache(maxsize=64)
def _words(look: Look, lang: str) -> Words:
    return Words(look, lang)


@lru_cache(maxsize=256)
def _placeholder(look: Look, lang: str, service: Service, granted: frozenset[str], base: str) -> str:
    return str(placeholder(look, _words(look, lang), service, granted, base=base, target=_TARGET))


@lru_cache(maxsize=256)
def _link(look: Look, lang: str, regime: Regime, base: str) -> str:
    return str(settings_link(_words(look, lang), regime, base=base, target=_TARGET))


@lru_cache(maxsize=256)
def _pieces(
    look: Look, lang: str, regime: Regime, asked: bool, status: Status, granted: frozenset[str], gpc: bool, base: str,
    inline: bool, style_nonce: bool, script_nonce: bool,
) -> tuple[str, str]:  # fmt: skip
    """Banner and script of a page, but for what differs from request to request."""
    words = _words(look, lang)
    state = _state_of(look, regime, words, asked=asked, status=status, granted=granted, gpc=gpc, base=base)
    source = asset_url(base, "consent.js")
    script = str(state_script(source, state, nonce=_NONCE if script_nonce else None)) + "\n"
    if not asked:
        return "", script
    nonce = f' nonce="{_NONCE}"' if style_nonce else ""
    style = (
        f"<style{nonce}>{inline_style()}</style>"
        if inline
        else f'<link rel="stylesheet" href="{escape(asset_url(base, "consent.css"))}">'
    )
    return f"{style}{card(look, words, regime, base=base, target=_TARGET)}{script}", script


def _filled(text: str, target: str, style_nonce: str | None, script_nonce: str | None) -> str:
    if not text:
        return ""
    # The style's nonce stands first.
    if style_nonce is not None:
        text = text.replace(_NONCE, str(escape(style_nonce)), 1)
    if script_nonce is not None:
        text = text.replace(_NONCE, str(escape(script_nonce)))
    return _targeted(text, target)


def _targeted(text: str, target: str) -> str:
    quoted, escaped = _spellings(target)
    return text.replace(_TARGET_QUOTED, quoted).replace(_TARGET, escaped)


@lru_cache(maxsize=256)
def _spellings(target: str) -> tuple[str, str]:
    """A path as a query's value and as an attribute's."""
    return str(escape(quote(target, safe="/"))), str(escape(target))


def _state(look: Look, visitor: Visitor, words: Words, base: str) -> dict[str, Any]:
    return _state_of(
        look,
        visitor.regime,
        words,
        asked=visitor.asked,
        status=visitor.status,
        granted=visitor.granted,
        gpc=visitor.honours_gpc,
        base=base,
    )


def _state_of(
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
    policy = look.policy
    optional = set(policy.optional)
    return {
        "policy": policy.version,
        "model": regime.model,
        "status": status,
        "granted": sorted(granted & optional),
        "optional": list(policy.optional),
        "asked": asked,
        "gpc": gpc,
        "url": f"{base}decision",
        "settings": f"{base}settings",
        "style": asset_url(base, "consent.css"),
        "storage": {
            name: sorted({key for service in policy.services_for(name) for key in service.storage})
            for name in policy.optional
            if any(service.storage for service in policy.services_for(name))
        },
        "words": {"saved": words("saved"), "failed": words("not_saved"), "close": words("close")},
    }
