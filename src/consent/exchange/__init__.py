"""The centre: from a request's facts to what is answered, without a clock, a socket or a file.

A door makes :class:`Facts`, calls :meth:`Consent.handle` and follows the steps::

    step = consent.handle(facts)
    while True:
        match step:
            case NeedBody(): step = step.resume(read(step.limit))
            case Append():   step = step.resume(append(step.record, step.notice))
            case Prove():    step = step.resume(prove(step.record))
            case Recall():   step = step.resume(recall(step))
            case Reply() | Pass(): return step

The reply that sets the cookie lies behind the :class:`Append` step and nowhere else: no door can set the
cookie and forget the record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

from ..banner.look import Look
from ..banner.page import Page
from ..banner.text import negotiate
from ..banner.vendors import with_told
from ..gate.html import Held
from ..gate.look import look_of
from ..gate.match import Rules
from ..gate.response import Headers
from ..gate.wall import told as told_guard
from ..policy.regime import PRESETS, STRICT, Regime, add_months, regime_for_region
from ..policy.settings import Settings
from ..visitor.account import Account, settled
from ..visitor.carry import Carrier
from ..visitor.cookie import MAX_AGE, DecisionCookie
from ..visitor.decision import Decision, Visitor
from ..visitor.earlier import read_earlier
from ..visitor.signal import Signals, read_gpc
from .endpoints import GPC_PATH, answer, signalled
from .facts import Append, Facts, Limited, NeedBody, Prove, Recall, Reply, Step
from .passing import Pass, Shaped

__all__ = ["Append", "Consent", "Facts", "Limited", "NeedBody", "Pass", "Prove", "Recall", "Reply", "Shaped", "Step"]

#: Seconds after which a cookie that refuses is written again with each page: nobody knows when the last one was.
_RENEWED = 30 * 86_400

#: The settings by which pages differ.
_SEEN = (
    *("policy", "regime", "wording", "privacy_url", "prefix", "placement", "layout", "theme", "close_button", "wall"),
    *("cache", "language", "texts", "consent_mode", "gpp"),
)


class Consent:
    """One site's settings, ready to answer. Immutable but for caches; one per process serves all threads.

    ``held`` is told, page by page, what was held; ``unreadable`` which page could not be gated and why; ``unguarded``
    which page's policy lets no script of ours in to guard it; ``returned`` which record and leaf a cookie named.
    ``locate`` is asked for the region of an address.
    ``debug``: show the developer a page that cannot be gated as an error.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        held: Callable[[str, Iterable[Held]], None] = lambda _path, _held: None,
        unreadable: Callable[[str, str], None] = lambda _path, _why: None,
        unguarded: Callable[[str], None] = lambda _path: None,
        returned: Callable[[str, str], None] | None = None,
        locate: Callable[[str | None], str | None] = lambda _address: None,
        debug: bool = False,
        version: str = "0",
    ) -> None:
        self.settings = settings
        self.policy = settings.policy
        self.rules = Rules(settings.policy)
        self.cookie = DecisionCookie(settings.keys, name=settings.cookie_name, domain=settings.cookie_domain)
        self._carrier = Carrier(settings.keys)
        self.look = Look(
            policy=settings.policy,
            prefix=settings.prefix,
            privacy_url=settings.privacy_url,
            wording=settings.wording,
            placement=settings.placement,
            layout=settings.layout,
            theme=settings.theme,
            close_button=settings.close_button,
            language=settings.language,
            texts=settings.texts,
            consent_mode=settings.consent_mode,
            gpp=settings.gpp,
        )
        first = with_told(settings.policy, settings.consent_mode)
        #: For pages in whose head vendors are told first.
        self.told_rules = self.rules if first is settings.policy else Rules(first)
        for rules in (self.rules, self.told_rules):
            look_of(rules.policy)  # compiled now, so that no visitor waits for it
        self.held = held
        self.unreadable = unreadable
        self.unguarded = unguarded
        self._returned = returned
        self._locate = locate
        #: What the head guard is told, where the site has it.
        self.told = told_guard(first) if settings.wall == "guard" else ""
        self.debug = debug
        self.version = version
        #: Whom a page is made for that is everybody's: one whose answer ran out, and who agreed to nothing.
        law = settings.regime or STRICT
        self.anyone = Visitor(self.policy, law, decision=Decision(frozenset(), policy="", model=law.model, at=0))
        self.varies = _varies(settings)
        #: Differs whenever the owner's settings would make another page; the same in every process.
        self.mark = hashlib.sha256(
            json.dumps([getattr(settings, name) for name in _SEEN], sort_keys=True, default=_plain).encode()
        ).hexdigest()

    def handle(self, facts: Facts) -> Step:
        """The first step of answering a request."""
        if facts.path.startswith(self.settings.prefix) or facts.path == GPC_PATH:
            return answer(self, facts)
        passed = Pass(self, facts)
        if self.settings.account is None or passed.shared:
            return passed

        def known(account: Account | None) -> Pass:
            return passed if account is None else Pass(self, facts, account)

        if not facts.for_top_page:
            return self.recalled(facts, known)
        return self.recalled(facts, lambda account: signalled(self, facts, account, known))

    def recalled(self, facts: Facts, then: Callable[[Account | None], Step], *, fresh: bool = False) -> Step:
        """Go on when it is known who is signed in, where the site ties decisions to accounts."""
        if self.settings.account is None:
            return then(None)
        said = self.said(facts)
        return Recall(facts.header, said.tie.choices if said is not None and said.tie else 0, fresh, then)

    @property
    def regimes(self) -> tuple[Regime, ...]:
        """The regimes that a visitor of this site can come under."""
        fixed = self.settings.regime
        return (fixed,) if fixed is not None else tuple(PRESETS.values())

    def said(self, facts: Facts) -> Decision | None:
        """What the browser's cookie says."""
        return self.cookie.read(facts.header("cookie"), secure=facts.secure, host=facts.hostname)

    def visitor(self, facts: Facts, account: Account | None = None) -> Visitor:
        """Who is asking: the policy, the law, the browser's signals and the earlier decision."""
        source = self.settings.region
        region = source.find(facts.header, lambda: self._located(facts)) if source is not None else None
        gpc = read_gpc(facts.header("sec-gpc"))
        decision = self.said(facts)
        if self._returned is not None and decision is not None and decision.record and decision.leaf:
            self._returned(decision.record, decision.leaf)
        if account is not None:
            decision = settled(decision, account, gpc=gpc)
        if decision is None and self.settings.moved_from is not None:
            decision = read_earlier(self.settings.moved_from, facts.header("cookie"), self.policy)
        return Visitor(
            policy=self.policy,
            regime=self.settings.regime or regime_for_region(region),
            signals=Signals(gpc=gpc, region=region),
            decision=decision,
            now=int(facts.now),
            account=account,
        )

    def _located(self, facts: Facts) -> str | None:
        return self._locate(self.settings.address.find(facts.address, facts.header))

    def written(self, facts: Facts, decision: Decision, regime: Regime) -> Headers:
        """The headers that put a decision into the browser's cookie, until it has run out.

        What is refused of what would else run does not run out: that cookie stays as long as any.
        """
        secure, host = facts.secure, facts.hostname
        age = add_months(decision.at, regime.months) - int(facts.now)
        if self._opts_out(decision, regime):
            age = MAX_AGE
        ended = self.cookie.end(secure=secure, host=host)  # first: clients may take the two for one
        written = self.cookie.write(decision, secure=secure, max_age=age, host=host)
        return [("Set-Cookie", value) for value in (ended, written) if value is not None]

    def renewed(self, facts: Facts, regime: Regime) -> Headers:
        """The browser's cookie again, before it goes and what it refuses would run: no objection ends by itself.

        Its answer stays as old as it is.
        """
        said = self.said(facts)
        if said is None or not self._opts_out(said, regime) or facts.now < said.at + _RENEWED:
            return []
        return self.written(facts, said, regime)

    def _opts_out(self, decision: Decision, regime: Regime) -> bool:
        return not decision.granted.issuperset(regime.unrefused(self.policy))

    def page(self, facts: Facts, visitor: Visitor, *, lang: str | None = None) -> Page:
        """What the visitor's page may ask and place. ``lang``: in which language it was shown, where that is known."""
        return Page(
            visitor,
            self.look,
            lang=lang or self.language(facts, visitor, facts.language()),
            origin=facts.origin,
            root=facts.root,
            next=facts.target,
            shared=visitor is self.anyone,
            cookie=self.cookie.name(secure=facts.secure, host=facts.hostname),
            holds=self._holds,
            load=self._carrier.load,
        )

    def _holds(self, cookie: str, granted: frozenset[str]) -> bool:
        return bool(self.rules.held(self.rules.services_for_cookie(cookie), granted))

    def language(self, facts: Facts, visitor: Visitor, framework: str | None = None) -> str:
        """The language to show. ``framework``: what that found the page's to be."""
        fixed = self.settings.language
        return negotiate(
            None if fixed == "auto" else fixed,
            framework,
            accept_language=None if visitor is self.anyone else facts.header("accept-language"),
        )


def _varies(settings: Settings) -> tuple[str, ...]:
    names = ["Cookie", "Sec-GPC", "Sec-Fetch-Dest", "HX-Request", "Turbo-Frame"]
    if settings.language == "auto":
        names.append("Accept-Language")
    sources = (settings.region, settings.account)
    names += [source.header for source in sources if source is not None and source.header]
    return tuple(names)


def _plain(value: Any) -> Any:
    """What JSON knows in place of what it does not."""
    if isinstance(value, frozenset):
        return sorted(value)
    return (
        dict(value) if isinstance(value, Mapping) else {each.name: getattr(value, each.name) for each in fields(value)}
    )
