"""The second layer, as a document of its own that the script may show as a dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from ..policy.policy import NECESSARY, Cookie, Purpose
from .card import exempt_text, refusal, shown_fields
from .declared import held_days, remembers, row, service_details
from .script import asset_url, state_script, style_url

if TYPE_CHECKING:
    from .page import Page

__all__ = ["settings_page", "status"]


def settings_page(page: Page, *, next: str, not_saved: bool = False) -> Markup:  # noqa: A002 - the field's name
    """The second layer as a document of its own, which the script may show as a dialog."""
    look, words, regime = page.look, page.words, page.visitor.regime
    title = words("settings_title")
    exempt = exempt_text(look, words, page.visitor.exempt & page.visitor.granted)
    told = [*([status(page)] if _as_usual(page) else ()), *([exempt] if exempt else ())]
    told.append(words("valid", duration=words.duration(Cookie("", held_days(regime)))))
    return Markup(
        '<!doctype html><html lang="{lang}" dir="{dir}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        '<meta name="color-scheme" content="light dark"><title>{title}</title>'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="{css}"></head>'
        '<body class="yc-page"><main id="yc-m" class="yc-m">'
        '<form method="post" action="{base}decision">'
        '<input type="hidden" name="surface" value="settings"><input type="hidden" name="next" value="{next}">{shown}'
        '<h1 id="yc-h">{title}</h1>{alert}<p>{intro}</p>{gpc}<p class="yc-s">{told}</p>'
        "{purposes}"
        '<div class="yc-b"><button name="action" value="save">{save}</button>'
        '<button name="action" value="accept">{accept}</button>'
        '<button name="action" value="refuse">{refuse}</button></div>'
        '<p class="yc-l"><a class="yc-back" href="{next}">{back}</a> {privacy} {receipt}</p></form></main>'
        "{script}</body></html>"
    ).format(
        lang=words.language,
        dir=words.direction,
        title=title,
        css=style_url(look, page.base),
        base=page.base,
        next=next,
        shown=shown_fields(look, words),
        alert=Markup('<p id="yc-e" role="alert"{}>{}</p>').format(
            Markup("") if not_saved else Markup(" hidden"), words("not_saved")
        ),
        intro=words("settings_intro"),
        gpc=Markup('<p class="yc-g"><b>{}</b> {}</p>').format(words("gpc_title"), words("gpc"))
        if page.visitor.honours_gpc
        else "",
        told=Markup("<br>").join(told),
        purposes=Markup("").join(_purpose(page, purpose) for purpose in look.policy.purposes),
        save=words("save"),
        accept=words("accept_all"),
        refuse=words(f"{refusal(regime)}_all"),
        back=words("back"),
        privacy=Markup('<a href="{}">{}</a>').format(look.privacy_url, words("privacy_policy"))
        if look.privacy_url
        else "",
        receipt=Markup('<a href="{}receipt?lang={}">{}</a>').format(page.base, words.language, words("receipt"))
        if _recorded(page)
        else "",
        script=state_script(asset_url(page.base, "consent.js"), page.state(), nonce=None),
    )


def _recorded(page: Page) -> bool:
    """Whether the visitor holds a receipt."""
    decision = page.visitor.decision
    return decision is not None and decision.record is not None


def _as_usual(page: Page) -> bool:
    """Whether what is said of those who have not chosen is true of this one: where all runs until it is refused, an
    older refusal, or what is sensitive, may be left out, and elsewhere something may run that needs no agreement.
    """
    visitor = page.visitor
    usual = frozenset(visitor.policy.optional) if visitor.regime.model != "opt-in" else frozenset[str]()
    return visitor.status != "undecided" or visitor.granted & frozenset(visitor.policy.optional) == usual


def status(page: Page) -> str:
    status = page.visitor.status
    if status == "undecided" and page.visitor.regime.model == "opt-in":
        status_key = "status_undecided_opt_in"
    else:
        status_key = f"status_{status}"
    return page.words(status_key)


def _purpose(page: Page, purpose: Purpose) -> Markup:
    """One purpose with its box. Nothing is ticked that the visitor did not agree to, or that does not run already."""
    words = page.words
    services = page.look.policy.services_for(purpose.name)
    if purpose.necessary:
        box = Markup('<span class="yc-on">{}</span>').format(words("always_on"))
    else:
        box = Markup(
            '<input type="checkbox" id="yc-{name}" name="purpose" value="{name}" autocomplete="off"{checked}>'
        ).format(name=purpose.name, checked=Markup(" checked") if purpose.name in page.visitor.granted else "")
    label = (
        words.title(purpose)
        if purpose.necessary
        else Markup('<label for="yc-{}">{}</label>').format(purpose.name, words.title(purpose))
    )
    details = Markup("")
    if services:
        details = Markup("<details><summary>{}</summary>{}</details>").format(
            words.count("services", len(services)),
            Markup("").join(service_details(words, service) for service in services),
        )
    own = page.own_cookie
    return Markup('<section class="yc-p"><h2>{}</h2>{}<p>{}</p>{}{}</section>').format(
        label,
        box,
        words.text(purpose),
        Markup("<ul>{}</ul>").format(row(own.name, remembers(words, own)))
        if purpose.name == NECESSARY and page.look.policy.optional
        else "",
        details,
    )
