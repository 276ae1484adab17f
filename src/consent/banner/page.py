"""What a view or a template of one request may ask and place: ``g.consent``, ``request.consent``.

The only thing here that changes: it remembers what the template placed by hand, so that the gate does not place it
again, whether it was asked, and in which language the page says it is. What the gate inserts is made once per look,
language and state, and filled in per request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from markupsafe import Markup

from ..errors import ConsentError
from ..policy.policy import Cookie, Service
from ..visitor.carry import HOUR
from ..visitor.decision import Status, Visitor
from .card import card, exempt_text, first_text, refusal
from .declared import declaration, own_cookie
from .event import Event, event_of
from .link import link_texts, settings_link
from .look import Look, asset
from .panel import Row, panel
from .pieces import (
    SCRIPT_NONCE,
    STYLE_NONCE,
    Shown,
    escaped,
    head_of,
    nested_places,
    pieces_of,
    placeholder_of,
    places,
    state_of,
    stylesheet_link,
    words_of,
)
from .script import asset_url
from .text import Words, find
from .us import gpp_string, gpp_told
from .vendors import Told, after

__all__ = ["Inserted", "Page"]


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
    :param shared: whether the page is everybody's: what differs is hidden, and its script learns whose it is.
    :param cookie: the name of the cookie that remembers the visitor's choice.
    :param holds: whether a cookie of that name is held, given all that is allowed.
    :param load: what is carried along of a visitor's decision, for so many seconds.
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
        shared: bool = False,
        cookie: str = "consent",
        holds: Callable[[str, frozenset[str]], bool] = lambda _name, _granted: False,
        load: Callable[[Visitor, int], str] | None = None,
    ) -> None:
        self.visitor = visitor
        self.look = look
        self.lang = lang
        self.next = next
        self.shared = shared
        self.base = f"{origin}{root}{look.prefix}"
        #: Whether the template placed the banner, or a link to the settings, itself.
        self.placed = look.placement == "manual"
        self.linked = False
        self._cookie = cookie
        self._holds = holds
        self._load = load
        #: Whether a view or a template has asked what is allowed: its answer may then differ, page or not.
        self.consulted = False

    def allows(self, purpose: str) -> bool:
        """Whether this purpose may be served now.

        :raises UnknownPurpose: if the policy has no such purpose.
        """
        self.consulted = True
        return self.visitor.allows(purpose)

    def serves(self, service: str) -> bool:
        """Whether a declared service may be served now: all its purposes are allowed.

        :raises UnknownService: if the site has not declared such a service.
        """
        return bool(self.event(service))

    def event(self, service: str) -> Event:
        """The guard of an event that the server itself would send to a declared service: a conversion, for instance.

        :raises UnknownService: if the site has not declared such a service.
        """
        self.consulted = True
        return event_of(self.look.policy, service, self.visitor.granted)

    def set_cookie(
        self, response: Any, name: str, value: str = "", *, purpose: str | None = None, **attributes: Any
    ) -> bool:
        """Set a cookie by the response's own ``set_cookie``, if it is allowed; whether it was set.

        A cookie of a declared or known service is that service's, whatever it is said to be for. One of nobody's is
        judged by ``purpose``, and set where none is given. One that is ended always passes.

        :raises UnknownPurpose: if the policy has no such purpose.
        """
        allowed = (purpose is None or self.allows(purpose)) and not self._holds(name, self.visitor.granted)
        self.consulted = True
        if not allowed and not _ends(attributes, self.visitor.now):
            return False
        response.set_cookie(name, value, **attributes)
        return True

    def carry(self, *, seconds: int = HOUR) -> str:
        """What is allowed now, signed, for work that is done later: read it with :class:`consent.carried.Carried`.

        :raises ValueError: if ``seconds`` is no time, or more than a week.
        """
        if self._load is None:
            raise ConsentError("this page was made without the site's keys")
        self.consulted = True
        return self._load(self.visitor, seconds)

    @property
    def url(self) -> str:
        """Where a decision is posted to."""
        return f"{self.base}decision"

    @property
    def asked(self) -> bool:
        """Whether the banner is due."""
        self.consulted = True
        return self.visitor.asked

    @property
    def status(self) -> Status:
        """``undecided``, ``accepted``, ``refused`` or ``custom``."""
        self.consulted = True
        return self.visitor.status

    @property
    def granted(self) -> frozenset[str]:
        """All purposes that are allowed now."""
        self.consulted = True
        return self.visitor.granted

    @property
    def words(self) -> Words:
        """The words in the visitor's language."""
        return words_of(self.look, self.lang)

    def speak(self, language: str) -> None:
        """Go on in the language that the page says it is in, if we have it."""
        self.lang = find(language) or self.lang

    def banner(self, *, nonce: str | None = None) -> Markup:
        """The banner, placed here by hand; empty for a visitor who has answered.

        ``nonce``: for its stylesheet, where the page's policy wants one. The script is inserted at the page's end.
        """
        self.placed = True
        if not self.visitor.asked:
            return Markup("")
        return stylesheet_link(self.look, self.base, nonce) + card(
            self.look, self.words, self.visitor.regime, base=self.base, target=self.next, hidden=self.shared
        )

    def settings_link(self, text: str | None = None) -> Markup:
        """A link to the settings, for the foot of the page."""
        self.linked = True
        return settings_link(self.words, self.visitor.regime, base=self.base, target=self.next, text=text)

    def declaration(self, *, nonce: str | None = None) -> Markup:
        """The table of services, cookies, purposes and durations, for the privacy page, with its style.

        ``nonce``: as for :meth:`banner`.
        """
        return stylesheet_link(self.look, self.base, nonce) + declaration(self.look, self.words, self.own_cookie)

    @property
    def own_cookie(self) -> Cookie:
        """The cookie that remembers the visitor's choice."""
        return own_cookie(self._cookie, self.look.policy, self.visitor.regime)

    def placeholder(self, service: Service) -> bytes:
        """The document that stands in for a held frame, escaped for its ``srcdoc``."""
        template = placeholder_of(self.look, self.lang, service, self.visitor.granted, self.base, shared=self.shared)
        return template.fill(nested_places(self.next))

    def state(self) -> dict[str, Any]:
        """What the page's script is told, and the address ``state`` answers."""
        return _state(self.look, self.visitor, self.words, self.base)

    def head(self, *, nonce: str | None, inline: bool) -> bytes:
        """What the gate inserts first in the head: what declared vendors are told before any tag. Empty for none.

        ``nonce``, ``inline``: what the page's policy wants on a script, and whether one may stand in the page.
        """
        decided = self.visitor.status != "undecided"
        gpp = gpp_string(self.look.gpp, self.visitor)
        if self.shared and self.look.gpp:
            gpp = ""  # whose page it is, is not known yet
        template = head_of(
            self.look, self.visitor.granted, self.base, decided=decided, gpp=gpp, nonce=nonce is not None, inline=inline
        )
        return template.fill({SCRIPT_NONCE: escaped(nonce)})

    @property
    def gpp(self) -> str:
        """IAB's GPP string, for what the server itself sends to advertisers; empty where the site or the law has none.

        Its section is ``usnat``, number 7. In a page that caches share it is empty: that page is nobody's.
        """
        self.consulted = True
        return "" if self.shared else gpp_string(self.look.gpp, self.visitor) or ""

    def told(self, *, vendors: bool = True) -> dict[str, Any]:
        """What the page's script tells when the visitor has chosen, and what when all is awake.

        ``vendors``: whether those with switches of their own are to hear of it.
        """
        now, then = after(self.look.policy, self.visitor.granted) if vendors else Told((), ())
        if self.look.gpp:
            now = (gpp_told(gpp_string(self.look.gpp, self.visitor)), *now)
        return {name: calls for name, calls in (("now", now), ("then", then)) if calls}

    def late(self) -> dict[str, Any]:
        """What the script of a page that is the same for everybody is told beside :meth:`state`: the texts that differ
        here, by where they go, and what vendors have not been told in the head.
        """
        visitor, regime = self.visitor, self.visitor.regime
        texts = {
            "#yc h2 + p": first_text(self.look, self.words, regime),
            "#yc .yc-n": exempt_text(self.look, self.words, regime.exempt(self.look.policy)),
            "#yc .yc-b [value=refuse]": self.words(refusal(regime)),
            **link_texts(self.words, regime),
        }
        known = visitor.status != "undecided" or not visitor.granted.isdisjoint(visitor.policy.optional)
        return {"texts": texts, **self.told(vendors=known)}

    def panel(
        self, rows: Sequence[Row], cookies: Sequence[str], *, style_nonce: str | None, inline_style: bool
    ) -> bytes:
        """What a developer is shown at the page's end, under the page's Content Security Policy."""
        nonce = Markup(' nonce="{}"').format(style_nonce) if style_nonce else ""
        if inline_style:
            style = Markup("<style{}>{}</style>").format(nonce, Markup(asset("panel.css").body.decode()))  # noqa: S704
        else:
            style = Markup('<link rel="stylesheet" href="{}">').format(asset_url(self.base, "panel.css"))
        return panel(rows, cookies, style=style)

    def inserted(
        self, *, style_nonce: str | None, script_nonce: str | None, inline_style: bool, strict_dynamic: bool = False
    ) -> Inserted:
        """What the gate inserts, under the page's Content Security Policy. Call it when the template is done."""
        visitor = self.visitor
        asking = visitor.asked and not self.placed
        banner, script, footer = pieces_of(
            Shown(
                look=self.look,
                lang=self.lang,
                regime=visitor.regime,
                asking=asking,
                asked=visitor.asked,
                status=visitor.status,
                granted=visitor.granted,
                gpc=visitor.honours_gpc,
                base=self.base,
                link=not self.linked,
                inline_style=inline_style,
                style_nonce=style_nonce is not None,
                script_nonce=script_nonce is not None,
                strict_dynamic=strict_dynamic,
                shared=self.shared,
            )
        )
        given = {
            **places(self.next),
            STYLE_NONCE: escaped(style_nonce),
            SCRIPT_NONCE: escaped(script_nonce),
        }
        foot = footer.fill(given)
        later = b"" if asking else script.fill(given)
        if visitor.asked or visitor.granted & frozenset(visitor.policy.optional):
            # A banner placed by hand wants its script. And what runs here may be withdrawn elsewhere; a browser that
            # kept the page alive must then load it again.
            return Inserted(banner.fill(given), foot + later, b"")
        return Inserted(banner.fill(given), foot, later)


def _ends(attributes: Mapping[str, Any], now: int) -> bool:
    """Whether a cookie's attributes, as frameworks take them, end it."""
    age, expires = attributes.get("max_age"), attributes.get("expires")
    if isinstance(age, timedelta):
        age = age.total_seconds()
    if age is not None:
        return float(age) <= 0
    if isinstance(expires, datetime):
        return (expires if expires.tzinfo else expires.replace(tzinfo=UTC)).timestamp() <= now
    return isinstance(expires, str) and " 1970 " in expires  # what frameworks write


def _state(look: Look, visitor: Visitor, words: Words, base: str) -> dict[str, Any]:
    return state_of(
        look,
        visitor.regime,
        words,
        asked=visitor.asked,
        status=visitor.status,
        granted=visitor.granted,
        gpc=visitor.honours_gpc,
        base=base,
    )
