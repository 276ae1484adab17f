"""What the library answers itself: decisions, the settings page, the assets, and what machines may read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from ..banner.look import Asset, asset, stylesheet
from ..banner.notice import shown
from ..banner.receipt import receipt_page
from ..banner.settings_page import settings_page
from ..banner.text import LANGUAGES, Words, negotiate
from ..errors import InvalidRequest
from ..gate.cookies import FORGET, expire
from ..gate.response import Headers, vary
from ..log.record import Kind, Receipt, Record, browser_family, uuid7
from ..policy.regime import add_months
from ..visitor.account import Account, lessened
from ..visitor.cookie import MAX_AGE
from ..visitor.decision import Decision, Visitor
from ..visitor.network import network_of
from ..visitor.signal import read_gpc
from .choice import LIMIT, Choice, check_origin, local_path, read_choice
from .facts import Append, Facts, Limited, NeedBody, Prove, Reply, Step

if TYPE_CHECKING:
    from . import Consent

__all__ = ["GPC_PATH", "answer", "signalled"]

GPC_PATH = "/.well-known/gpc.json"
#: The day on which this library's treatment of the signal last changed (W3C GPC, 4: "lastUpdate").
_GPC_SINCE = "2026-11-23"
_DAY = 86_400

_NO_STORE = ("Cache-Control", "no-store")
_JSON = ("Content-Type", "application/json; charset=utf-8")
_TEXT = ("Content-Type", "text/plain; charset=utf-8")
#: No sniffing, no framing by others, nothing loaded but our own files.
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)


def answer(consent: Consent, facts: Facts) -> Step:
    """Answer a request below the library's own prefix."""
    name = facts.path if facts.path == GPC_PATH else facts.path.removeprefix(consent.settings.prefix)
    if name == "decision":
        return _only(("POST",), facts) or _decision(consent, facts)
    read = _READS.get(name)
    if read is None:
        return _text(404, "There is nothing here.")
    return _only(("GET", "HEAD"), facts) or read(consent, facts)


def _decision(consent: Consent, facts: Facts) -> Step:
    try:
        check_origin(facts)
    except InvalidRequest as error:
        return _text(error.status, str(error))

    def decide(body: bytes) -> Step:
        try:
            choice = read_choice(facts, body, consent.policy)
        except InvalidRequest as error:
            return _text(error.status, str(error))
        return consent.recalled(facts, lambda account: _decide(consent, facts, choice, account), fresh=True)

    return NeedBody(LIMIT, decide)


def _decide(consent: Consent, facts: Facts, choice: Choice, account: Account | None) -> Step:
    visitor = consent.visitor(facts, account)
    before = visitor.decision
    if choice.everything and choice.surface != "settings" and visitor.regime.model != "opt-in":
        # Where the banner says what runs already, it does not ask for what does not.
        choice = replace(choice, granted=choice.granted - consent.policy.sensitive)
    if (
        visitor.current
        and before is not None
        and before.logged
        and before.gpc == visitor.signals.gpc
        and before.granted == choice.granted
        and _last_said(before, account)
    ):
        return _decided(consent, facts, visitor, choice, before)  # said again: the log has it already
    if choice.granted and choice.policy not in {None, consent.policy.version}:
        return _overtaken(consent, facts, choice)

    def recorded(receipt: Receipt | Limited | None) -> Reply:
        if not isinstance(receipt, Receipt):
            return _unrecorded(consent, facts, visitor, choice, receipt)
        decision = _made(consent, facts, visitor, choice.granted)
        if decision.agreed:
            decision = replace(decision, record=receipt.id, leaf=receipt.leaf)
        return _decided(consent, facts, visitor, choice, decision)

    return _append(consent, facts, visitor, choice, recorded)


def _last_said(said: Decision, account: Account | None) -> bool:
    """Whether the log has it as what was chosen last by whoever is there now: this account, or nobody that is known."""
    if account is None:
        return said.tie is None
    latest = account.latest
    return latest is not None and latest.granted == said.granted and account.owns(said)


def signalled(consent: Consent, facts: Facts, account: Account | None, then: Callable[[Account | None], Step]) -> Step:
    """Go on, and before that record a browser's signal as the refusal of the account that it is known to be of.

    Where the signal binds it counts for whoever is known to send it, on their other devices too (11 CCR 7025(c)(1)).
    Once: what they choose later is theirs. Only a log that keeps it makes it count there; here it counts anyway.
    """
    if account is None or not account.known or account.signalled or not read_gpc(facts.header("sec-gpc")):
        return then(account)
    if not facts.host:
        return then(account)  # under a name that is not the site's, nothing is decided
    latest, visitor = account.latest, consent.visitor(facts, account)
    if not visitor.honours_gpc or (latest is not None and not latest.granted):
        return then(account)
    refusal = Choice(frozenset(), "signal", scripted=False, next="")
    return _append(consent, facts, visitor, refusal, lambda _receipt: then(account))


def _append(
    consent: Consent,
    facts: Facts,
    visitor: Visitor,
    choice: Choice,
    then: Callable[[Receipt | Limited | None], Step],
) -> Append:
    page = consent.page(facts, visitor, lang=choice.lang)
    notice = shown(consent.look, page.words, visitor.regime)
    record = _record(consent, facts, visitor, choice, lang=page.lang, notice=notice)
    address = consent.settings.address.find(facts.address, facts.header)
    return Append(record, notice, then, network=network_of(address) or "")


def _made(consent: Consent, facts: Facts, visitor: Visitor, granted: frozenset[str]) -> Decision:
    """A decision made now. A refusal's knows only the day, so that it tracks nobody."""
    now, account = int(facts.now), visitor.account
    agreed = granted - visitor.exempt
    return Decision(
        granted=granted,
        policy=visitor.policy.version,
        model=visitor.regime.model,
        at=now if agreed else now - now % _DAY,
        gpc=visitor.signals.gpc,
        tie=account.tie(agreed, consent.said(facts)) if account is not None else None,
        unasked=granted & visitor.exempt,
    )


def _unrecorded(consent: Consent, facts: Facts, visitor: Visitor, choice: Choice, why: Limited | None) -> Reply:
    """Without a durable record grants never grow, not even in time; refusals always bite."""
    held = visitor.granted & frozenset(consent.policy.optional)
    kept = held & choice.granted
    if choice.granted - visitor.exempt and kept == held:
        return _not_saved(consent, facts, visitor, choice, None, why=why)
    made = _made(consent, facts, visitor, kept)
    before = visitor.decision if visitor.current else None
    if before is not None and made.agreed - before.unasked:
        made = replace(before, granted=kept, unasked=made.unasked | (before.unasked & kept), tie=made.tie)
    decision = replace(made, logged=False)
    if kept != choice.granted:
        return _not_saved(consent, facts, visitor, choice, decision, why=why)
    return _decided(consent, facts, visitor, choice, decision)


def _overtaken(consent: Consent, facts: Facts, choice: Choice) -> Reply:
    """An agreement from a page that showed another policy: the visitor has not been told what it would be to."""
    if choice.scripted:
        return _json(409, {"error": "another-policy"})
    query = {"next": choice.next} | ({"lang": choice.lang} if choice.lang else {})
    place = f"{facts.root}{consent.settings.prefix}settings?{urlencode(query)}"
    return Reply(303, [("Location", place), _TEXT, _NO_STORE])


def _record(consent: Consent, facts: Facts, visitor: Visitor, choice: Choice, *, lang: str, notice: bytes) -> Record:
    optional = frozenset(consent.policy.optional)
    now = int(facts.now)
    ms = int(facts.now * 1000)
    # What is exempt and left alone was neither agreed to nor refused.
    agreed = choice.granted - visitor.exempt
    taken_back = visitor.current and visitor.decision is not None and bool(visitor.decision.agreed)
    if not agreed:
        kind: Kind = "withdraw" if taken_back else "refuse_all"
    else:
        kind = "accept_all" if choice.granted == optional else "custom"
    return Record(
        id=uuid7(ms, facts.entropy(10)),
        ts=ms,
        kind=kind,
        site=facts.host[:255],
        surface=choice.surface,
        method="header" if choice.surface == "signal" else "script" if choice.scripted else "form",
        granted=tuple(sorted(agreed)),
        refused=tuple(sorted(optional - choice.granted)),
        notice="sha256:" + hashlib.sha256(notice).hexdigest(),
        policy=consent.policy.version,
        lang=lang,
        regime=visitor.regime.name,
        gpc=visitor.signals.gpc,
        expires=min(add_months(now, visitor.regime.months), now + MAX_AGE),
        ua=browser_family(facts.header("user-agent")),
        app=consent.version,
        prev=visitor.decision.record if visitor.decision else None,
        subject=visitor.account.subject if visitor.account else None,
    )


def _after(visitor: Visitor, decision: Decision | None) -> Visitor:
    return replace(visitor, decision=decision or visitor.decision)


def _kept(consent: Consent, facts: Facts, before: Visitor, after: Visitor, decision: Decision) -> Headers:
    """The decision's cookie, and the end of all that a browser keeps which is no longer allowed."""
    forget = FORGET if before.granted - after.granted else []
    return [*consent.written(facts, decision, after.regime), *_expired(consent, facts, after), *forget]


def _expired(consent: Consent, facts: Facts, visitor: Visitor) -> Headers:
    cookies = facts.header("cookie") or ""
    ended = expire(consent.rules, visitor.granted, cookies, facts.hostname, secure=facts.secure)
    return [("Set-Cookie", value) for value in ended]


def _decided(consent: Consent, facts: Facts, visitor: Visitor, choice: Choice, decision: Decision) -> Reply:
    after = _after(visitor, decision)
    kept = _kept(consent, facts, visitor, after, decision)
    if not choice.scripted:
        return Reply(303, [("Location", choice.next), _TEXT, _NO_STORE, *kept])
    page = consent.page(facts, after, lang=choice.lang)
    state = page.state() | page.told()
    state["withdrawn"] = sorted(visitor.granted - after.granted)
    return _json(200, state, *kept)


def _not_saved(
    consent: Consent, facts: Facts, visitor: Visitor, choice: Choice, decision: Decision | None, *, why: Limited | None
) -> Reply:
    """The log could not keep an agreement: nothing is granted, and the visitor is told so."""
    status = 503 if why is None else 429
    headers = [] if why is None else [("Retry-After", str(why.seconds))]
    after = _after(visitor, decision)
    page = consent.page(facts, after, lang=choice.lang)
    kept = _kept(consent, facts, visitor, after, decision) if decision else []
    if choice.scripted:
        withdrawn = sorted(visitor.granted - after.granted)
        told = page.told() if withdrawn else {}
        return _json(status, {"error": "not-saved", "withdrawn": withdrawn, **told}, *headers, *kept)
    text = settings_page(page, next=choice.next, not_saved=True)
    return Reply(status, [*_page_headers(), *headers, *kept], text.encode())


def _settings(consent: Consent, facts: Facts, account: Account | None) -> Reply:
    asked = _query(facts)
    page = consent.page(facts, consent.visitor(facts, account), lang=_lang(asked))
    back = local_path(asked.get("next", [""])[0]) or f"{facts.root}/"
    text = settings_page(page, next=back, not_saved="failed" in asked)
    return Reply(200, vary(_page_headers(), *consent.varies), text.encode())


def _query(facts: Facts) -> Mapping[str, list[str]]:
    try:
        return parse_qs(facts.query, keep_blank_values=True, max_num_fields=16)
    except ValueError:
        return {}


def _lang(query: Mapping[str, list[str]]) -> str | None:
    """The language of the page that leads here, if it is one of ours."""
    lang = query.get("lang", [""])[0]
    return lang if lang in LANGUAGES else None


def _page_headers() -> Headers:
    return [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", _PAGE_POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("X-Robots-Tag", "noindex"),
        _NO_STORE,
    ]


def _state(consent: Consent, facts: Facts, account: Account | None) -> Reply:
    """The visitor's state. A page that is the same for everybody asks for it, in the page's language."""
    visitor = consent.visitor(facts, account)
    page = consent.page(facts, visitor, lang=_lang(_query(facts)))
    if consent.settings.cache == "private":
        return _json(200, page.state() | page.told())
    left = lessened(consent.said(facts), account)
    law = visitor.regime
    kept = [*consent.written(facts, left, law), *FORGET] if left is not None else consent.renewed(facts, law)
    if visitor.status != "undecided":
        kept += _expired(consent, facts, visitor)
    return _json(200, page.state() | page.late(), *kept)


def _receipt(consent: Consent, facts: Facts, account: Account | None) -> Step:
    """What a visitor's own cookie says, and the log's proof of it: nobody else can ask for it."""
    visitor = consent.visitor(facts, account)
    html = "text/html" in (facts.header("accept") or "")
    page = consent.page(facts, visitor, lang=_lang(_query(facts))) if html else None
    decision = visitor.decision
    if decision is None or decision.record is None:
        # A refusal's cookie names no record, so that a refusal tracks nobody.
        if page is None:
            return _json(404, {"error": "no-receipt"})
        return Reply(404, _page_headers(), receipt_page(page, None).encode())
    receipt = {
        "id": decision.record,
        "leaf": decision.leaf,
        "granted": sorted(decision.agreed),
        "policy": decision.policy,
        "model": decision.model,
        "at": decision.at,
        "gpc": decision.gpc,
    }

    def proven(proof: str | None) -> Reply:
        whole = {**receipt, "proof": proof}
        return Reply(200, _page_headers(), receipt_page(page, whole).encode()) if page else _json(200, whole)

    return Prove(decision.record, proven)


def _declaration(consent: Consent, facts: Facts) -> Reply:  # noqa: ARG001 - the same for everybody
    policy = consent.policy
    fixed = consent.settings.language
    words = Words(consent.look, "en" if fixed == "auto" else negotiate(fixed))
    declared = {
        "version": policy.version,
        "purposes": [{"name": p.name, "title": words.title(p), "text": words.text(p)} for p in policy.purposes],
        "services": [
            {
                "name": s.name,
                "title": s.title,
                "provider": s.provider,
                "purposes": list(s.purposes),
                "hosts": list(s.hosts),
                "cookies": [{"name": c.name, "days": c.days, "third_party": c.third_party} for c in s.cookies],
                "storage": list(s.storage),
                "privacy_url": s.privacy_url,
            }
            for s in policy.services
        ],
    }
    return Reply(200, [_JSON, ("Cache-Control", "public, max-age=300")], _dump(declared))


def _gpc(consent: Consent, facts: Facts) -> Reply:  # noqa: ARG001 - the same for everybody
    honoured = any("gpc" in regime.signals for regime in consent.regimes)
    body = _dump({"gpc": honoured, "lastUpdate": _GPC_SINCE})
    return Reply(200, [("Content-Type", "application/json"), ("Cache-Control", "public, max-age=86400")], body)


def _asset(name: str) -> Callable[[Consent, Facts], Reply]:
    """A style, or a script, which in debug mode is the readable one."""
    return lambda consent, facts: _file(asset(name, readable=consent.debug and name.endswith(".js")), facts)


def _style(consent: Consent, facts: Facts) -> Reply:
    """The site's own, by its layout and its theme."""
    return _file(stylesheet(consent.look.layout, consent.look.theme), facts)


def _script(consent: Consent, facts: Facts) -> Reply:
    """The page's script. Other addresses lead to the banner's, so that a page which imports it has it once."""
    found = asset("consent.js")
    if _query(facts).get("v") == [found.digest]:
        return _asset("consent.js")(consent, facts)
    body = f'export*from"./consent.js?v={found.digest}"'.encode()
    return _file(Asset(body, found.type, hashlib.sha256(body).hexdigest()[:12]), facts)


def _file(found: Asset, facts: Facts) -> Reply:
    current = _query(facts).get("v") == [found.digest]
    caching = "public, max-age=31536000, immutable" if current else "public, no-cache"
    headers = [("Cache-Control", caching), ("ETag", f'"{found.digest}"'), ("X-Content-Type-Options", "nosniff")]
    if f'"{found.digest}"' in (facts.header("if-none-match") or ""):
        return Reply(304, headers)
    return Reply(200, [("Content-Type", found.type), *headers], found.body)


def _panel_style(consent: Consent, facts: Facts) -> Reply:
    """What the developer's panel looks like; visitors have neither."""
    return _asset("panel.css")(consent, facts) if consent.debug else _text(404, "There is nothing here.")


def _gpp(consent: Consent, facts: Facts) -> Reply:
    """The script of a site that speaks IAB's Global Privacy Platform."""
    return _asset("gpp.js")(consent, facts) if consent.settings.gpp else _text(404, "There is nothing here.")


def _personal(read: Callable[[Consent, Facts, Account | None], Step]) -> Callable[[Consent, Facts], Step]:
    """What differs by who is signed in."""
    return lambda consent, facts: consent.recalled(
        facts,
        lambda account: signalled(consent, facts, account, lambda known: read(consent, facts, known)),
    )


_READS: Mapping[str, Callable[[Consent, Facts], Step]] = {
    "settings": _personal(_settings),
    "state": _personal(_state),
    "receipt": _personal(_receipt),
    "declaration.json": _declaration,
    "consent.js": _script,
    "consent.css": _style,
    "vendors.js": _asset("vendors.js"),
    "guard.js": _asset("guard.js"),
    "gpp.js": _gpp,
    "panel.css": _panel_style,
    GPC_PATH: _gpc,
}


def _only(methods: tuple[str, ...], facts: Facts) -> Reply | None:
    if facts.method in methods:
        return None
    reply = _text(405, "That method is not for this address.")
    return Reply(reply.status, [*reply.headers, ("Allow", ", ".join(methods))], reply.body)


def _text(status: int, text: str) -> Reply:
    return Reply(status, [_TEXT, _NO_STORE], f"{text}\n".encode())


def _json(status: int, value: Mapping[str, Any], *headers: tuple[str, str]) -> Reply:
    return Reply(status, [_JSON, _NO_STORE, *headers], _dump(value))


def _dump(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
