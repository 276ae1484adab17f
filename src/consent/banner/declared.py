"""Whom the site declares, and what they leave on a device: the declaration, and the details of a service."""

from __future__ import annotations

from markupsafe import Markup

from ..policy.policy import NECESSARY, Cookie, Policy, Service
from ..policy.regime import Regime
from .look import Look
from .text import Words

__all__ = ["declaration", "held_days", "left_behind", "own_cookie", "remembers", "row", "service_details"]


def own_cookie(name: str, policy: Policy, regime: Regime) -> Cookie:
    """The cookie that remembers a choice: for as long as that holds; where something runs until it is refused, which
    does not run out, for as long as browsers keep one.
    """
    return Cookie(name, 400 if regime.unrefused(policy) else held_days(regime))


def held_days(regime: Regime) -> float:
    """Days for which a choice holds."""
    return min(regime.months * 30.4375, 400)


def remembers(words: Words, own: Cookie) -> str:
    return f"{words('own_cookie')}{words('comma')}{words.duration(own)}"


def service_details(words: Words, service: Service) -> Markup:
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
    left = [row(*item) for item in left_behind(words, service)]
    if not left:
        return Markup("<p>{}</p>").format(words("no_cookies"))
    return Markup("<ul>{}</ul>").format(Markup("").join(left))


def row(name: str, said: str) -> Markup:
    return Markup('<li><code dir="ltr">{}</code> <span>{}</span></li>').format(name, said)


def left_behind(words: Words, service: Service) -> list[tuple[str, str]]:
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
        words("own_cookie"), words.title(policy.purpose(NECESSARY)), row(own.name, words.duration(own))
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
