"""The first layer: a card that asks, or says what it assumes. Everything that is not ours is escaped.

Ids and classes begin with ``yc`` ("your choice"): filter lists hide elements that are named after cookies or consent,
and a hidden banner is one that nobody can refuse. Forms come first; the script only makes them pleasanter.
"""

from __future__ import annotations

from markupsafe import Markup

from ..policy.regime import Regime
from .link import settings_address
from .look import Look
from .text import Words

__all__ = ["card", "exempt_text", "first_text", "refusal", "shown_fields"]


def card(look: Look, words: Words, regime: Regime, *, base: str, target: str, hidden: bool = False) -> Markup:
    """The first layer. ``base``: origin and prefix of our addresses; ``target``: the page to come back to.

    ``hidden``: whether it waits for the script to show it.
    """
    own = Markup('<a href="{}">{}</a>').format(look.privacy_url, words("read_more")) if look.privacy_url else ""
    exempt = exempt_text(look, words, regime.exempt(look.policy))
    form = Markup(
        '<form method="post" action="{base}decision">'
        '<input type="hidden" name="surface" value="banner"><input type="hidden" name="next" value="{target}">{shown}'
        '{close}<h2 id="yc-t"{focus}>{title}</h2><p>{text}</p>{exempt}'
        '<p id="yc-e" role="alert" hidden>{failed}</p>'
        '<div class="yc-b"><button name="action" value="accept">{accept}</button>'
        '<button name="action" value="refuse">{refuse}</button></div>'
        '<p class="yc-l"><a href="{address}" data-consent-open="">{settings}</a> {own}</p>'
        '</form><i class="yc-z"></i>'
    ).format(
        base=base,
        target=target,
        address=settings_address(words, base, target),
        # A dialog that is made modal puts the focus somewhere: on no button.
        focus=Markup(' tabindex="-1" autofocus') if look.layout == "modal" else "",
        title=words("title"),
        text=first_text(look, words, regime),
        # Where the script may have something to say there, it has a place to say it.
        exempt=Markup('<p class="yc-n">{}</p>').format(exempt) if exempt or hidden else "",
        close=_close(words) if look.close_button else "",
        failed=words("not_saved"),
        accept=words("accept"),
        refuse=words(refusal(regime)),
        settings=words("settings"),
        own=own,
        shown=shown_fields(look, words),
    )
    said = Markup('aria-labelledby="yc-t" lang="{}" dir="{}"{}').format(
        words.language, words.direction, Markup(" hidden") if hidden else ""
    )
    if look.layout == "modal":
        return Markup('<dialog id="yc" open {}><div data-nosnippet="">{}</div></dialog>').format(said, form)
    return Markup('<section id="yc" role="region" data-nosnippet="" {}>{}</section>').format(said, form)


def _close(words: Words) -> Markup:
    """The button in the corner, which refuses, and says so."""
    return Markup('<button class="yc-x" name="action" value="refuse" aria-label="{0}" title="{0}">×</button>').format(
        words("continue_without")
    )


def refusal(regime: Regime) -> str:
    """The name of the text on the button that refuses: where things run until then, one opts out."""
    return "refuse" if regime.model == "opt-in" else "opt_out"


def shown_fields(look: Look, words: Words) -> Markup:
    """What a form shows, for the record: a site may change while its pages are open."""
    return Markup('<input type="hidden" name="policy" value="{}"><input type="hidden" name="lang" value="{}">').format(
        look.policy.version, words.language
    )


def first_text(look: Look, words: Words, regime: Regime) -> str:
    """How the first layer asks, or says what it assumes."""
    policy = look.policy
    asked = regime.asked(policy)
    purposes = words.join(words.title(purpose) for purpose in policy.purposes if purpose.name in asked)
    if look.assumes(regime.model):
        return words("assume", purposes=purposes)
    if regime.model != "opt-in":
        return words("ask_opt_out", purposes=purposes)
    services = [service for service in policy.services if not asked.isdisjoint(service.purposes)]
    if not services:
        return words("ask_few", purposes=purposes)
    named = words.join(service.title or service.name for service in services) if len(services) <= 2 else ""
    return words("ask", purposes=purposes, services=named or words.count("services", len(services)))


def exempt_text(look: Look, words: Words, running: frozenset[str]) -> str:
    """Which purposes run already because the law here asks for no agreement; empty where none does."""
    titles = [words.title(purpose) for purpose in look.policy.purposes if purpose.name in running]
    return words("exempt", purposes=words.join(titles)) if titles else ""
