"""Values to HTML: banner, settings page, placeholder, declaration, link. Everything that is not ours is escaped.

Ids and classes begin with ``yc`` ("your choice"): filter lists hide elements that are named after cookies or consent,
and a hidden banner is one that nobody can refuse. Forms come first; the script only makes them pleasanter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from markupsafe import Markup

from ..policy.policy import NECESSARY, Cookie, Purpose, Service
from ..policy.regime import Regime
from .look import Look, asset, stylesheet
from .text import Words
from .vendors import Call

if TYPE_CHECKING:
    from .page import Page

__all__ = [
    "asset_url",
    "card",
    "declaration",
    "exempt_text",
    "first_text",
    "link_texts",
    "own_cookie",
    "placeholder",
    "refusal",
    "settings_link",
    "settings_page",
    "shared_link",
    "shown",
    "state_script",
    "style_url",
    "vendor_script",
]


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
        address=_settings_address(words, base, target),
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
        shown=_shown(look, words),
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


def _shown(look: Look, words: Words) -> Markup:
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


def own_cookie(name: str, regime: Regime) -> Cookie:
    """The cookie that remembers a choice: for as long as that holds; where the law wants a refusal, which does not run
    out, for as long as browsers keep one.
    """
    return Cookie(name, _held(regime) if regime.model == "opt-in" else 400)


def _held(regime: Regime) -> float:
    """Days for which a choice holds."""
    return min(regime.months * 30.4375, 400)


def settings_page(page: Page, *, next: str, not_saved: bool = False) -> Markup:  # noqa: A002 - the field's name
    """The second layer as a document of its own, which the script may show as a dialog."""
    look, words, regime = page.look, page.words, page.visitor.regime
    title = words("settings_title")
    exempt = exempt_text(look, words, page.visitor.exempt & page.visitor.granted)
    # Of who has not chosen, "only what is necessary is active" would then be wrong.
    told = [exempt] if exempt and page.visitor.status == "undecided" else [status(page), *([exempt] if exempt else ())]
    told.append(words("valid", duration=words.duration(Cookie("", _held(regime)))))
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
        shown=_shown(look, words),
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
            words.count("services", len(services)), Markup("").join(_service(words, service) for service in services)
        )
    own = page.own_cookie
    return Markup('<section class="yc-p"><h2>{}</h2>{}<p>{}</p>{}{}</section>').format(
        label,
        box,
        words.text(purpose),
        Markup("<ul>{}</ul>").format(_row(own.name, _remembers(words, own)))
        if purpose.name == NECESSARY and page.look.policy.optional
        else "",
        details,
    )


def _remembers(words: Words, own: Cookie) -> str:
    return f"{words('own_cookie')}{words('comma')}{words.duration(own)}"


def _service(words: Words, service: Service) -> Markup:
    title = service.title or service.name
    hosts = _hosts(service)
    return Markup('<div class="yc-v"><h3><bdi>{}</bdi>{}</h3>{}{}{}</div>').format(
        title,
        Markup(" <small><bdi>{}</bdi></small>").format(service.provider) if service.provider else "",
        Markup("<p>{}</p>").format(words("connects", hosts=words("comma").join(hosts))) if hosts else "",
        _stored(words, service),
        Markup('<p><a href="{0}" aria-label="{1}: {2}">{1}</a></p>').format(
            service.privacy_url, words("privacy_policy"), title
        )
        if service.privacy_url
        else "",
    )


def _hosts(service: Service) -> tuple[str, ...]:
    """Whom a service connects to: without paths, and less this site itself. Isolated: they are read from the left."""
    hosts = (pattern.partition("/")[0] for pattern in service.hosts)
    return tuple(dict.fromkeys(f"\u2066{host}\u2069" for host in hosts if host.strip("*")))


def _stored(words: Words, service: Service) -> Markup:
    """What a service leaves on the device. Names are read from the left, whatever the language around them."""
    left = [_row(*item) for item in _left(words, service)]
    if not left:
        return Markup("<p>{}</p>").format(words("no_cookies"))
    return Markup("<ul>{}</ul>").format(Markup("").join(left))


def _row(name: str, said: str) -> Markup:
    return Markup('<li><code dir="ltr">{}</code> <span>{}</span></li>').format(name, said)


def _left(words: Words, service: Service) -> list[tuple[str, str]]:
    """The name of each cookie and storage key, and what there is to say of it."""
    comma = words("comma")
    cookies = [
        (cookie.name, words.duration(cookie) + (f"{comma}{words('third_party')}" if cookie.third_party else ""))
        for cookie in service.cookies
    ]
    return [*cookies, *((key, f"{words('storage')}{comma}{words('storage_note')}") for key in service.storage)]


def declaration(look: Look, words: Words, own: Cookie) -> Markup:
    """The table of services for a privacy page: who, for what, which cookies, how long. ``own`` is ours."""
    policy = look.policy
    columns = (
        words("service"),
        words("provider"),
        words("purpose"),
        f"{words('cookie')}{words('comma')}{words('duration')}",
    )
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(column) for column in columns)
    remembers = Markup('<tr><th scope="row">{}</th><td>–</td><td>{}</td><td><ul>{}</ul></td></tr>').format(
        words("own_cookie"), words.title(policy.purpose(NECESSARY)), _row(own.name, words.duration(own))
    )
    rows = (remembers if policy.optional else Markup("")) + Markup("").join(
        Markup('<tr><th scope="row"><bdi>{}</bdi></th><td><bdi>{}</bdi></td><td>{}</td><td>{}</td></tr>').format(
            Markup('<a href="{}">{}</a>').format(service.privacy_url, service.title or service.name)
            if service.privacy_url
            else service.title or service.name,
            service.provider or "–",
            words.join(words.title(policy.purpose(name)) for name in service.purposes),
            _stored(words, service),
        )
        for service in policy.services
    )
    if not policy.services:
        return Markup('<p lang="{}" dir="{}">{}</p>').format(words.language, words.direction, words("no_services"))
    return Markup(
        '<table class="yc-d" lang="{}" dir="{}"><caption>{}</caption><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table>"
    ).format(words.language, words.direction, words("declaration"), head, rows)


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
        _settings_address(words, base, target), named
    )


def _settings_address(words: Words, base: str, target: str) -> str:
    """Of the settings, in the language of the page that leads there and to which they lead back."""
    return f"{base}settings?next={_query(target)}&lang={words.language}"


#: The icon that goes with "Your Privacy Choices": a pill, half a tick and half a cross (11 CCR 7015(b)).
_ICON = Markup(
    '<svg width="30" height="14" viewBox="0 0 30 14" aria-hidden="true"{}><rect x=".5" y=".5" width="29" height="13" '
    'rx="6.5" fill="#fff" stroke="#06f"/><path d="M17.5.5H23a6.5 6.5 0 0 1 0 13h-8.5z" fill="#06f"/>'
    '<path d="m6 7.2 2.3 2.3L13 4" fill="none" stroke="#06f" stroke-width="1.7"/>'
    '<path d="m20.2 4.5 5 5m0-5-5 5" stroke="#fff" stroke-width="1.7"/></svg>'
)


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
    title = words(_PLACEHOLDERS[service.kind], service=service.title or service.name)
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
            _shown(look, words),
            words("once"),
            Markup(" hidden") if scripted else "",
            words("always"),
        )
    return Markup(
        '<!doctype html><html lang="{}" dir="{}"><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
        '<title>{}</title><link rel="stylesheet" href="{}"><body class="yc-f yc-{}"><main><h1>{}</h1>{}</main>'
    ).format(words.language, words.direction, title, style_url(look, base), service.kind, title, body)


#: The name of the text that says what a held frame would show.
_PLACEHOLDERS = {
    "video": "placeholder_video",
    "map": "placeholder_map",
    "social": "placeholder_social",
    "other": "placeholder",
}


def state_script(source: str, state: Mapping[str, Any], *, nonce: str | None, strict_dynamic: bool = False) -> Markup:
    """The page's state as JSON, and the module that reads it.

    ``strict_dynamic``: the page's policy lets a script bring in others, so that this one must not do it for anybody.
    """
    # "<" cannot end the element in JSON's own spelling of it.
    text = json.dumps(state, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    attributes = Markup(' nonce="{}"').format(nonce) if nonce else Markup("")
    if strict_dynamic:
        attributes += Markup(' data-strict=""')
    return Markup(
        '<script type="application/json" id="yc-s">{}</script><script type="module" src="{}"{}></script>'
    ).format(Markup(text), source, attributes)  # noqa: S704 - JSON, with the one dangerous character escaped


def vendor_script(calls: Iterable[Call], *, source: str | None, nonce: str | None) -> Markup:
    """What vendors are told first, as JSON, and the script that tells them: in place, or from ``source``.

    The script is the same for every page, so that a policy may name it by its hash.
    """
    told = json.dumps([*calls], ensure_ascii=False, separators=(",", ":"))
    address = Markup(' src="{}"').format(source) if source else ""
    content = Markup("") if source else Markup(asset("vendors.js").body.decode())  # noqa: S704 - our own file
    mark = Markup(' nonce="{}"').format(nonce) if nonce else ""
    return Markup('<script{}{} data-calls="{}">{}</script>').format(address, mark, told, content)


def shown(look: Look, words: Words, regime: Regime) -> bytes:
    """Exactly the words and facts that a visitor is shown, as canonical JSON. A record's ``notice`` is its hash."""
    policy = look.policy
    content = {
        "v": 1,
        "policy": policy.version,
        "lang": words.language,
        "model": regime.model,
        "months": regime.months,
        "layout": look.layout,
        "theme": look.theme,
        "style": stylesheet(look.layout, look.theme).digest,
        "title": words("title"),
        "text": first_text(look, words, regime),
        "exempt": exempt_text(look, words, regime.exempt(policy)),
        "buttons": [words("accept"), words(refusal(regime)), words("settings")],
        "close": words("continue_without") if look.close_button else "",
        "intro": words("settings_intro"),
        "valid": words("valid", duration=words.duration(Cookie("", _held(regime)))),
        "settings": [
            words(key) for key in ("settings_title", "save", "accept_all", f"{refusal(regime)}_all", "always_on")
        ],
        "own_cookie": words("own_cookie"),
        "connects": words("connects"),
        "placeholder": [words(key) for key in (*_PLACEHOLDERS.values(), "placeholder_text", "once", "always")],
        "privacy_url": look.privacy_url,
        "purposes": [
            {"name": purpose.name, "title": words.title(purpose), "text": words.text(purpose)}
            for purpose in policy.purposes
        ],
        "services": [
            {
                "name": service.name,
                "title": service.title,
                "provider": service.provider,
                "purposes": list(service.purposes),
                "hosts": list(service.hosts),
                "privacy_url": service.privacy_url,
                "stored": [f"{name} ({said})" for name, said in _left(words, service)],
            }
            for service in policy.services
        ],
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def asset_url(base: str, name: str) -> str:
    """The address of ``consent.js``, or of another file that is the same everywhere; it changes with its content."""
    return f"{base}{name}?v={asset(name).digest}"


def style_url(look: Look, base: str) -> str:
    """The address of the site's ``consent.css``."""
    return f"{base}consent.css?v={stylesheet(look.layout, look.theme).digest}"


def _query(text: str) -> str:
    return quote(text, safe="/")
