"""The site as it answers: gated, asking, and with its addresses in place. Asks as a stranger; nothing is decided."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urljoin, urlsplit

from ..gate.html import Gate, UnreadableEncoding
from ..gate.match import Rules
from ..policy.settings import Settings
from .point import Point

__all__ = ["check_live"]

_TIMEOUT = 15.0
_MOST = 8_000_000


@dataclass(frozen=True, slots=True)
class _Answer:
    """``status`` 0: nobody answered, and ``body`` says why."""

    status: int
    headers: Message
    body: bytes
    url: str

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def html(self) -> bool:
        return self.headers.get_content_type() in {"text/html", "application/xhtml+xml"}


class _Client:
    """Asks as a stranger each time: cookies last from one redirect to the next, and no longer."""

    def ask(self, url: str, headers: Mapping[str, str] | None = None, data: bytes | None = None) -> _Answer:
        told = {"User-Agent": "cookie-consent check", "Accept": "text/html,*/*;q=0.5", "Accept-Encoding": "identity"}
        told |= headers or {}
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        request = urllib.request.Request(url, headers=told, data=data)  # noqa: S310 - http(s), which was asked for
        try:
            with opener.open(request, timeout=_TIMEOUT) as response:
                return _Answer(response.status, response.headers, response.read(_MOST), response.url)
        except urllib.error.HTTPError as error:
            with error:
                return _Answer(error.code, error.headers, error.read(_MOST), url)
        except (OSError, ValueError, HTTPException) as error:
            return _Answer(0, Message(), str(getattr(error, "reason", error)).encode(), url)


def check_live(url: str, settings: Settings) -> Iterator[Point]:
    """Of a site that runs, at one of its pages. ``settings``: what it should be set up with."""
    client = _Client()
    page = client.ask(url)
    if page.status == 0:
        yield Point("site", "it answers", "bad", page.text, "start it, or check the address")
        return
    well = page.status < 400
    yield Point(
        "site", "it answers", "good" if well else "bad", f"{page.status} at {page.url}", "" if well else "name a page"
    )
    if not page.html:
        yield Point("site", "it is a page", "bad", page.headers.get_content_type(), "name an HTML page")
        return
    coding = page.headers.get("Content-Encoding", "identity")
    if coding != "identity":
        remedy = "what is in front of the site compresses it whatever is asked for; ask the application itself"
        yield Point("site", "the page can be read", "unsure", f"it comes in {coding}", remedy)
        return
    state = client.ask(urljoin(urljoin(page.url, settings.prefix), "state"), {"Accept": "application/json"})
    held = _held_first(settings, state)
    rules = Rules(settings.policy)
    yield from _gated(page, settings, rules, held=held)
    yield from _asking(page, settings, held=held)
    yield from _errors(client, page.url, rules, held=held)
    yield from _addresses(client, page.url, state, settings)


def _held_first(settings: Settings, state: _Answer) -> bool:
    """Whether a stranger from here is asked before anything runs: by the site's law, or, where that depends on the
    region, by what the site says of this one.
    """
    if settings.regime is not None:
        return settings.regime.model == "opt-in"
    return not _json(state).get("granted")


def _loose(page: _Answer, rules: Rules) -> list[str]:
    """What on a page would still be held: then it did not pass the gate.

    :raises UnreadableEncoding: for a page that the gate cannot read.
    """
    gate = Gate(rules, charset=page.headers.get_content_charset(), site=urlsplit(page.url).netloc)
    gate.feed(page.body)
    gate.finish()
    return sorted({each.service or each.tag for each in gate.held})


def _gated(page: _Answer, settings: Settings, rules: Rules, *, held: bool) -> Iterator[Point]:
    """Whether the page, its cookies and its place in caches are what a stranger's should be."""
    try:
        loose = _loose(page, rules)
    except UnreadableEncoding as error:
        yield Point("site", "the page can be read", "bad", str(error), "send pages in UTF-8, and declare it")
        return
    if held:
        remedy = "put the middleware outermost: in front of caches, compression and whatever adds tags"
        yield _none("a stranger's page calls nobody who needs consent", loose, remedy)
    names = [line.partition("=")[0].strip() for line in page.headers.get_all("Set-Cookie") or ()]
    loose = [name for name in names if rules.services_for_cookie(name)] if held else []
    loose += [settings.cookie_name] if settings.cookie_name in names else []
    yield _none("a stranger gets no cookie that needs consent", loose, "put the middleware outermost")
    if settings.cache == "private":
        cached = (page.headers.get("Cache-Control") or "").lower()
        public = "public" in cached or "s-maxage" in cached
        yield Point(
            "site",
            "no shared cache keeps a visitor's page",
            "bad" if public else "good",
            cached,
            'set cache = "shared", or let pages be private' if public else "",
        )


def _asking(page: _Answer, settings: Settings, *, held: bool) -> Iterator[Point]:
    shown = 'id="yc"' in page.text
    remedy = "" if shown else "the middleware does not see this page, or its law asks nothing; try another page"
    if settings.policy.optional:
        yield Point("site", "a stranger is asked", "good" if shown else "bad" if held else "unsure", "", remedy)
    linked = "data-consent-open" in page.text
    yield Point(
        "site",
        "there is a way to the settings on the page",
        "good" if linked else "bad",
        "",
        "" if linked else "the page lost what was put in: is its end cut off?",
    )


def _addresses(client: _Client, url: str, state: _Answer, settings: Settings) -> Iterator[Point]:
    base = urljoin(url, settings.prefix)
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
        answer = client.ask(urljoin(base, name))
        right = answer.status == 200 and answer.headers.get_content_type() == kind
        yield Point(
            "addresses",
            f"{settings.prefix}{name}",
            "good" if right else "bad",
            f"{answer.status} {answer.headers.get_content_type()}",
            "" if right else f"let {settings.prefix} reach the application",
        )
    signal = _json(client.ask(urljoin(url, "/.well-known/gpc.json")))
    right = isinstance(signal.get("gpc"), bool)
    yield Point(
        "addresses",
        "/.well-known/gpc.json",
        "good" if right else "unsure",
        "",
        "" if right else "let it reach the application",
    )
    foreign = client.ask(
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
        "" if refused else "a proxy takes Sec-Fetch-Site and Origin away",
    )


def _errors(client: _Client, url: str, rules: Rules, *, held: bool) -> Iterator[Point]:
    """Whether error pages pass the middleware too, where they are pages."""
    missing = client.ask(urljoin(url, "/no-such-page-of-this-site"))
    if not missing.html or not missing.body:
        return
    try:
        loose = _loose(missing, rules)
    except UnreadableEncoding:
        return
    yield _none("error pages are gated too", loose if held else [], "put the middleware outermost")


def _none(what: str, loose: Sequence[str], remedy: str) -> Point:
    """Good where nothing got loose."""
    return Point("site", what, "bad" if loose else "good", ", ".join(loose), remedy if loose else "")


def _json(answer: _Answer) -> dict[str, Any]:
    try:
        told = json.loads(answer.body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
