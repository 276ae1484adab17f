"""The site as it answers: gated, asking, and with its addresses in place. Asks as a stranger; nothing is decided."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

from ..gate.html import Gate, Held, Unreadable, UnreadableEncoding
from ..gate.judge import PREFIX
from ..gate.match import Rules
from ..gate.response import charset, is_disputed
from ..policy.settings import Settings
from .answer import Answer, ask
from .point import Point

__all__ = ["check_live"]

#: How a tag begins that the gate has held.
_HELD = re.compile(rb"<[^\s>]+(?: type=\"?text/plain\"?)? " + PREFIX + rb"for[\s=/>]")


def check_live(url: str, settings: Settings) -> Iterator[Point]:
    """Of a site that runs, at one of its pages. ``settings``: what it should be set up with."""
    page = ask(url)
    if page.status == 0:
        yield Point("site", "it answers", "bad", page.text, "start it, or check the address")
        return
    well = page.status < 400
    yield Point(
        "site",
        "it answers",
        "good" if well else "bad",
        f"{page.status} at {page.url}",
        "" if well else "name a page that a stranger may see",
    )
    if not page.html:
        yield Point("site", "it is a page", "bad", page.content_type or "of no type", "name an HTML page")
        return
    coding = page.headers.get("Content-Encoding", "identity")
    if coding != "identity":
        remedy = "what is in front of the site compresses it whatever is asked for; ask the application itself"
        yield Point("site", "the page can be read", "unsure", f"it comes in {coding}", remedy)
        return
    base = _base(page, settings)
    state = ask(urljoin(base, "state"), {"Accept": "application/json"})
    rules, allowed = Rules(settings.policy), _allowed(settings, state)
    yield from _gated(page, settings, rules, allowed)
    yield from _walled(page, settings, rules, allowed)
    yield from _asking(page, settings, first=_asks_first(settings, state))
    yield from _errors(base.removesuffix(settings.prefix), rules, allowed)
    yield from _addresses(page, base, state, settings)


def _said(page: Answer, settings: Settings) -> str | None:
    """Where the page says that our own addresses are."""
    found = re.search(rf'="([^"<>]*{re.escape(settings.prefix)})(?:decision|settings)', page.text)
    return urljoin(page.url, unescape(found[1])) if found is not None else None


def _base(page: Answer, settings: Settings) -> str:
    """Where our own addresses are on this host: within what the application is mounted at."""
    said = _said(page, settings)
    path = urlsplit(said).path if said is not None else settings.prefix
    return urljoin(page.url, path)


def _allowed(settings: Settings, state: Answer) -> frozenset[str]:
    """The optional purposes that a stranger from here need not be asked for: by the site's law, or, where that depends
    on the region, by what the site says of this one.
    """
    if settings.regime is not None:
        return settings.regime.unrefused(settings.policy)
    granted = _json(state).get("granted")
    return frozenset(settings.policy.optional).intersection(granted if isinstance(granted, list) else ())


def _asks_first(settings: Settings, state: Answer) -> bool:
    """Whether a stranger from here is asked before anything else runs."""
    if settings.regime is not None:
        return settings.regime.model == "opt-in" and bool(settings.regime.asked(settings.policy))
    told = _json(state)
    return told.get("model", "opt-in") == "opt-in" and told.get("asked", True) is True


def _loose(page: Answer, rules: Rules, allowed: frozenset[str]) -> list[str]:
    """What on a page would still be held: then it did not pass the gate.

    :raises Unreadable: for a page that cannot be gated.
    """
    if is_disputed(page.content_type):
        raise Unreadable(f"sent as {page.content_type}")
    site = urlsplit(page.url).netloc
    gate = Gate(rules, allowed, charset=charset(page.content_type), site=site, xml=page.xhtml)
    gate.feed(page.body)
    gate.finish()
    return sorted({each.service or _place(page, each) for each in gate.held if not _inert(page, each)})


def _inert(page: Answer, held: Held) -> bool:
    """Whether the tag was held already: a mark of the site's own, and a style's text, are in it as they were."""
    return _HELD.match(page.body, held.offset) is not None


def _place(page: Answer, held: Held) -> str:
    line = page.body.count(b"\n", 0, held.offset) + 1
    return f"<{held.tag}> in line {line}"


def _gated(page: Answer, settings: Settings, rules: Rules, allowed: frozenset[str]) -> Iterator[Point]:
    """Whether the page, its cookies and its place in caches are what a stranger's should be."""
    try:
        loose = _loose(page, rules, allowed)
    except Unreadable as error:
        yield _unreadable("the page can be read", error)
        return
    remedy = "put the middleware outermost: in front of caches, compression and whatever adds tags"
    yield _none("a stranger's page calls nobody who needs consent", loose, remedy)
    ours = {f"{prefix}{settings.cookie_name}" for prefix in ("", "__Host-", "__Secure-")}
    loose = [name for name in page.cookies if name in ours or rules.held(rules.services_for_cookie(name), allowed)]
    yield _none("a stranger gets no cookie that needs consent", loose, "put the middleware outermost")
    if settings.cache == "private":
        cached = ", ".join(page.headers.get_all("Cache-Control") or ()).lower()
        kept = not {"private", "no-store"}.intersection(re.split(r"[\s,]+", cached))
        yield Point(
            "site",
            "no shared cache keeps a visitor's page",
            "bad" if kept else "good",
            cached or ("no Cache-Control" if kept else ""),
            'let Cache-Control through as the middleware sends it, or set cache = "shared"' if kept else "",
        )


def _walled(page: Answer, settings: Settings, rules: Rules, allowed: frozenset[str]) -> Iterator[Point]:
    """Whether the second wall arrives, where the site has one and something is held."""
    if settings.wall == "off" or not rules.holds_any(allowed):
        return
    if settings.wall == "guard":
        if page.xhtml:
            return  # has none
        there = "<script data-granted=" in page.text
        remedy = "let the site's own Content-Security-Policy allow scripts of the site, or one with a nonce"
    else:
        policies = {"Content-Security-Policy"}
        policies |= {"Content-Security-Policy-Report-Only"} if settings.wall == "csp-report" else set()
        there = any(name in page.headers for name in policies)
        remedy = "let what is in front of the application hand on Content-Security-Policy"
    yield Point("site", "the second wall arrives", "good" if there else "bad", settings.wall, "" if there else remedy)


def _asking(page: Answer, settings: Settings, *, first: bool) -> Iterator[Point]:
    if page.xhtml:
        remedy = "name a page that is text/html; from this one, link to the settings"
        yield Point("site", "a stranger is asked", "unsure", "no banner is put into XHTML", remedy)
        return
    if not settings.policy.optional:
        return
    shown = 'id="yc"' in page.text
    remedy = "" if shown else "the middleware does not see this page, or its law asks nothing; try another page"
    yield Point("site", "a stranger is asked", "good" if shown else "bad" if first else "unsure", "", remedy)
    linked = "data-consent-open" in page.text
    yield Point(
        "site",
        "there is a way to the settings on the page",
        "good" if linked else "bad",
        "",
        "" if linked else "the page lost what was put in: is its end cut off?",
    )


def _addresses(page: Answer, base: str, state: Answer, settings: Settings) -> Iterator[Point]:
    said = _said(page, settings)
    if said is not None and urlsplit(said).netloc != urlsplit(page.url).netloc:
        remedy = "let what is in front of the application hand on the Host, and tell the application to believe it"
        yield Point("addresses", "the page names them on its own host", "bad", urlsplit(said).netloc, remedy)
    told = _json(state)
    if told.get("policy") == settings.policy.version:
        yield Point("addresses", f"{settings.prefix}state", "good", f"policy {settings.policy.version}")
    elif "policy" in told:
        yield Point(
            "addresses",
            f"{settings.prefix}state",
            "unsure",
            f"the site runs policy {told['policy']}, the settings are {settings.policy.version}",
            "deploy, or check the file",
        )
    else:
        yield Point(
            "addresses",
            f"{settings.prefix}state",
            "bad",
            f"{state.status} {state.headers.get_content_type()}",
            f"let {settings.prefix} reach the application: a proxy or a route is in front of it",
        )
    for name, kind in (
        ("settings", "text/html"),
        ("consent.js", "text/javascript"),
        ("consent.css", "text/css"),
        ("declaration.json", "application/json"),
    ):
        answer = ask(urljoin(base, name))
        right = answer.status == 200 and answer.headers.get_content_type() == kind
        yield Point(
            "addresses",
            f"{settings.prefix}{name}",
            "good" if right else "bad",
            f"{answer.status} {answer.headers.get_content_type()}",
            "" if right else f"let {settings.prefix} reach the application",
        )
    signal = _json(ask(urljoin(page.url, "/.well-known/gpc.json")))
    right = isinstance(signal.get("gpc"), bool)
    yield Point(
        "addresses",
        "/.well-known/gpc.json",
        "good" if right else "unsure",
        "",
        "" if right else "let it reach the application",
    )
    foreign = ask(
        urljoin(base, "decision"),
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"},
        b"action=accept",
    )
    refused = foreign.status == 403
    yield Point(
        "addresses",
        "a choice that another site posts is refused",
        "good" if refused else "bad",
        str(foreign.status),
        ""
        if refused
        else "a proxy takes Sec-Fetch-Site and Origin away"
        if foreign.status in {200, 303}
        else f"let {settings.prefix} reach the application",
    )


def _errors(url: str, rules: Rules, allowed: frozenset[str]) -> Iterator[Point]:
    """Whether error pages pass the middleware too, where they are pages."""
    missing = ask(f"{url}/no-such-page-of-this-site")
    if not missing.html or not missing.body:
        return
    try:
        loose = _loose(missing, rules, allowed)
    except Unreadable as error:
        yield _unreadable("error pages can be read", error)
        return
    yield _none("error pages call nobody who needs consent", loose, "put the middleware outermost")


def _unreadable(what: str, error: Unreadable) -> Point:
    """What cannot be gated, visitors get closed."""
    of_text = isinstance(error, UnreadableEncoding)
    remedy = "send pages in UTF-8, and declare it" if of_text else "send the page as text/html alone"
    return Point("site", what, "bad", str(error), remedy)


def _none(what: str, loose: Sequence[str], remedy: str) -> Point:
    """Good where nothing got loose."""
    return Point("site", what, "bad" if loose else "good", ", ".join(loose), remedy if loose else "")


def _json(answer: Answer) -> dict[str, Any]:
    try:
        told = json.loads(answer.body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
