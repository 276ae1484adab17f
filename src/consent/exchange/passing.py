"""A request that the application answers, and what may leave of its answer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from ..banner.page import Page
from ..banner.panel import Row
from ..gate.coding import accept_encoding, coded, readable
from ..gate.cookies import FORGET, expire
from ..gate.csp import Permits, closed, read_permits
from ..gate.html import Footer, Gate, Held, Unreadable
from ..gate.response import (
    PAGES,
    Headers,
    charset,
    content_coding,
    header,
    is_disputed,
    is_download,
    marked_etag,
    media_type,
    private,
    unmarked_etags,
    vary,
    without,
)
from ..visitor.account import Account, lessened
from ..visitor.decision import Visitor
from .beside import GATED, REDIRECTS, depends, hold, leads, nothing
from .facts import DOCUMENTS, Facts, RequestChanges
from .shaped import Reported, Shaped, refused
from .wall import guard_of, walled

if TYPE_CHECKING:
    from . import Consent

__all__ = ["Pass", "Shaped"]

#: Statuses without content, or whose content is not the resource's (RFC 9110, 15).
_NO_CONTENT = frozenset({204, 205, 304})
#: Request headers that ask for less than the whole page.
_PARTIAL = ("if-modified-since", "range", "if-range")
#: Response headers that have the server in front send a file, or ask somebody else, in place of our body.
_ELSEWHERE = (
    *("x-accel-redirect", "x-litespeed-location", "x-sendfile", "x-sendfile2", "x-sendfile-temporary"),
    *("x-lighttpd-send-file", "x-lighttpd-send-tempfile", "x-reproxy-url"),
)
#: Those with which few of our headers are kept, a policy not among them.
_UNSEALED = frozenset({"x-accel-redirect", "x-litespeed-location"})
#: How the name of a file begins that the server in front will not call HTML.
_NO_PAGE = re.compile(r"[^?#]*\.(?!x?html?\b|xht\b|shtml?\b)\w+(?:[?#].*)?\Z", re.IGNORECASE | re.DOTALL)


_Text: TypeAlias = str | bytes


def _decoded(text: _Text) -> str:
    return text.decode("latin-1") if isinstance(text, bytes) else text


class Pass:
    """The application answers; its answer is shaped before it leaves.

    Where caches may share pages, what is asked for with ``GET`` is made for anyone, and whose it is, its script learns.
    What a script asks for, to put it into a page, stays the visitor's.

    Everything is worked out when asked for: a response that is no page costs next to nothing.
    """

    def __init__(self, consent: Consent, facts: Facts, account: Account | None = None) -> None:
        self._consent = consent
        self._facts = facts
        self._account = account
        #: Whether the answer is everybody's.
        self.shared = consent.settings.cache == "shared" and facts.method in {"GET", "HEAD"} and not facts.for_script
        #: The names of cookies that did not leave.
        self._cookies: tuple[str, ...] = ()
        # As the browser sent it: the application is given another.
        self._tags = facts.header("if-none-match")

    @cached_property
    def visitor(self) -> Visitor:
        """Who is asking; or anyone."""
        return self._consent.anyone if self.shared else self._consent.visitor(self._facts, self._account)

    @cached_property
    def page(self) -> Page:
        """What a view or a template may ask and place: ``g.consent``, ``request.consent``."""
        return self._consent.page(self._facts, self.visitor)

    @cached_property
    def _state(self) -> str:
        """12 hex digits that differ whenever the page would: the mark on its validators.

        Asked for before the application answers, so without the language that its framework will have found; that is
        the page's own, and the application's validators differ by it.
        """
        consent = self._consent
        told = (
            consent.version,
            consent.mark,
            self.visitor.regime.name,
            sorted(self.visitor.granted),
            self.visitor.asked,
            self.visitor.honours_gpc,
            consent.language(self._facts, self.visitor),
            self._for_top_page,
            consent.debug,
            consent.told and self._facts.for_script,
            self._for_document,
            consent.settings.gpp and self.visitor.signals.gpc,
        )
        return hashlib.sha256(repr(told).encode()).hexdigest()[:12]

    @property
    def _for_top_page(self) -> bool:
        return self.shared or self._facts.for_top_page

    @property
    def _for_document(self) -> bool:
        return self.shared or self._facts.for_document

    @property
    def request(self) -> RequestChanges:
        """What to change in the request, so that the application's answer can be gated."""
        header = self._facts.header
        destination = header("sec-fetch-dest")
        if destination is not None and destination not in DOCUMENTS:
            return {}
        changes: dict[str, str | None] = {}
        accepted = header("accept-encoding")
        readable_codings = accept_encoding(accepted)
        if readable_codings != accepted:
            changes["accept-encoding"] = readable_codings
        # A script's own request may be for data, and one that names no destination for anything. What becomes a page
        # is asked for whole, and its date says nothing of the visitor's state: only a marked tag may be answered with
        # "not modified".
        page = destination != "empty" or self._facts.for_top_page
        if destination is None:
            page = "html" in (header("accept") or "html")
        if self._tags is not None:
            changes["if-none-match"] = unmarked_etags(self._tags, self._state, keep_foreign=not page) or None
        if page:
            for name in _PARTIAL:
                if header(name) is not None:
                    changes[name] = None
        return changes

    def shape(self, status: int, headers: Headers) -> Shaped:
        """The response's status, headers and body as they may leave. Call it when the headers are final."""
        found = {key.lower(): value for key, value in headers}
        if len(found) != len(headers) and "content-type" in found:  # perhaps twice
            found["content-type"] = ", ".join(value for key, value in headers if key.lower() == "content-type")
        if not found.keys().isdisjoint(GATED):
            headers = self._held_back(status, headers)
        if status in REDIRECTS and self._leads(nothing(self._consent.rules), headers):
            held = self._leads(self.visitor.granted, headers) if self._facts.for_part else []
            if held:
                self._report(held)
                return self._unled(headers)
            headers = vary(private(headers), *(["Sec-Fetch-Dest"] if self.shared else self._consent.varies))
        if status >= 200 and "page" in self.__dict__ and self.page.consulted:
            headers = self._personal(headers)  # whatever it is: the view has asked what this visitor allows
        kind = media_type(found.get("content-type"))
        if status == 304:
            return Shaped(status, self._not_modified(headers))
        if kind not in PAGES or status in _NO_CONTENT or status < 200:
            return Shaped(status, headers)
        if is_download(headers) and not self._facts.for_script:  # a script is given it all the same
            return Shaped(status, headers)
        elsewhere = next((name for name in _ELSEWHERE if name in found), None)
        if elsewhere is not None:
            return self._elsewhere(status, headers, elsewhere, named=None if kind else found[elsewhere])
        if kind == "" and found.get("content-length") == "0":
            return Shaped(status, headers)  # a redirect or an empty answer names no type
        return self._html(status, headers, found)

    def hinting(self, send: Callable[[Headers], object]) -> Callable[[Iterable[tuple[_Text, _Text]]], None]:
        """A server's way to send links before the response (103 Early Hints), through the gate.

        Of what is given, texts or bytes, it is handed what may leave, if that is anything.
        """

        def gated(hints: Iterable[tuple[_Text, _Text]]) -> None:
            headers = self.shape(103, [(_decoded(name), _decoded(value)) for name, value in hints]).headers
            if headers:
                send(headers)

        return gated

    def _held_back(self, status: int, headers: Headers) -> Headers:
        """The headers less cookies, preloads, refreshes and the like of services that are held.

        Where another visitor would be sent others, caches are told, of whatever the body is.
        """
        rules, granted = self._consent.rules, self.visitor.granted
        kept, self._cookies = hold(rules, granted, headers, self._facts)
        if status < 200 or self.shared or not depends(rules, granted, headers, kept, self._facts):
            return kept
        return self._personal(kept)  # its validators may stay: of no page is a visit told "not modified"

    def _leads(self, allowed: frozenset[str], headers: Headers) -> list[Held]:
        return leads(self._consent.rules, allowed, headers, self._facts)

    def _unled(self, headers: Headers) -> Shaped:
        """What a part of a page is given that would be led to a held service: nothing but the site's own cookies."""
        cookies = [(name, value) for name, value in headers if name.lower() == "set-cookie"]
        return refused(403, "This waits for your consent.\n", [*cookies, ("Vary", "Sec-Fetch-Dest")])

    def _not_modified(self, headers: Headers) -> Headers:
        """A 304's tag as the browser knows it: marked, if it was a marked one that let the application say 304."""
        asked = self._tags or ""
        tag = header(headers, "etag")
        if tag is None or marked_etag(tag, self._state) not in asked:
            return headers
        return self._personal([*without(headers, "etag"), ("ETag", marked_etag(tag, self._state))])

    def _taken_back(self) -> Headers:
        """The browser's cookie anew, where its account has taken back on another device what it grants."""
        if self._account is None:
            return []
        left = lessened(self._consent.said(self._facts), self._account)
        return [*self._consent.written(self._facts, left, self.visitor.regime), *FORGET] if left is not None else []

    def _renewed(self) -> Headers:
        """The browser's cookie for longer, where it refuses what would run without it.

        Only with pages that one goes to: what a page fetches could arrive after a choice made in it, and undo that.
        """
        alone = self._facts.for_top_page and not self.shared
        return self._consent.renewed(self._facts, self.visitor.regime) if alone else []

    def _expired(self) -> Headers:
        """The end of refused cookies that are there all the same: a script may have written them as it was stopped."""
        if self.visitor.status == "undecided":
            return []
        facts, rules = self._facts, self._consent.rules
        cookies = facts.header("cookie") or ""
        if ";" not in cookies and self.visitor.current:
            return []  # ours is the only one
        ended = expire(rules, self.visitor.granted, cookies, facts.hostname, secure=facts.secure)
        return [("Set-Cookie", value) for value in ended]

    def _personal(self, headers: Headers) -> Headers:
        """The headers of an answer that is one visitor's: kept from shared caches, told apart by what it depends on.

        One that is everybody's is left as it is, unless it sets a cookie.
        """
        if self.shared:
            return private(headers) if header(headers, "set-cookie") is not None else headers
        return vary(private(headers), *self._consent.varies)

    def _html(self, status: int, headers: Headers, found: Mapping[str, str]) -> Shaped:
        headers = self._personal(without(headers, "content-length", "last-modified", "accept-ranges"))
        headers += self._taken_back() or self._renewed()
        headers += self._expired()
        if "etag" in found:
            headers = [*without(headers, "etag"), ("ETag", marked_etag(found["etag"], self._state))]
        coding = content_coding(headers) if "content-encoding" in found else ""
        if status == 206 or not readable(coding):
            return self._closed(status, headers, f"coded as {coding}" if coding else "part of a page")
        try:
            gate = self._gate(headers, found.get("content-type"))
        except Unreadable as error:
            return self._closed(status, headers, str(error))
        gated = Reported(gate, self._report)
        return Shaped(
            status,
            walled(self._consent, self._facts, self.visitor.granted, headers),
            coded(gated, coding) if coding else gated,
            closed=lambda why: self._closed(status, headers, why),
        )

    def _gate(self, headers: Headers, content_type: str | None) -> Gate:
        if is_disputed(content_type):
            raise Unreadable(f"sent as {content_type}")
        page, kind = self.page, media_type(content_type)
        head = b""
        rules = self._consent.rules
        permits = read_permits(headers)
        if kind == "text/html" and self._for_document:
            rules = self._consent.told_rules
            head = page.head(nonce=permits.script_nonce, inline=permits.inline_script)
        banner, footer, script = self._inserted(kind, permits)

        def spoken(lang: str) -> tuple[bytes, Footer, bytes]:
            page.speak(lang)
            return self._inserted(kind, permits)

        return Gate(
            rules,
            self.visitor.granted,
            # The guard first: it must find the browser's own functions.
            head=guard_of(self._consent, self._facts, page, headers, html=kind == "text/html") + head,
            banner=banner,
            footer=footer,
            script=script,
            spoken=spoken if self._consent.settings.language == "auto" else None,
            charset=charset(content_type),
            placeholder=page.placeholder,
            site=self._facts.host,
            xml=kind == "application/xhtml+xml",
        )

    def _inserted(self, kind: str | None, permits: Permits) -> tuple[bytes, Footer, bytes]:
        # Our markup is HTML, not XML; a frame or a piece of a page has the banner around it already.
        if kind != "text/html" or not self._for_top_page:
            return b"", b"", b""
        banner, footer, script = self.page.inserted(
            style_nonce=permits.style_nonce,
            script_nonce=permits.script_nonce,
            inline_style=permits.inline_style,
            strict_dynamic=permits.strict_dynamic,
        )
        return banner, self._with_panel(footer, permits) if self._consent.debug else footer, script

    def _with_panel(self, footer: bytes, permits: Permits) -> Callable[[Sequence[Held]], bytes]:
        """A page's footer, and what its developer is shown: what was held in it."""

        def made(held: Sequence[Held]) -> bytes:
            rows = [Row(each.service, each.tag, each.excerpt, each.offset, each.reason, each.purposes) for each in held]
            return footer + self.page.panel(
                rows, self._cookies, style_nonce=permits.style_nonce, inline_style=permits.inline_style
            )

        return made

    def _elsewhere(self, status: int, headers: Headers, name: str, *, named: str | None) -> Shaped:
        """A response whose body is sent by the server in front. ``named``: the file, where only its name tells."""
        if named is not None and _NO_PAGE.match(named):
            return Shaped(status, headers)
        why = f"sent by the server in front ({name}): send pages through the application"
        return self._closed(status, headers, why, sealed=name not in _UNSEALED)

    def _closed(self, status: int, headers: Headers, why: str, *, sealed: bool = True) -> Shaped:
        """A page that cannot be gated: an error to the developer; to visitors, a page that can reach nobody else.

        Where no policy would seal it, to visitors an error as well: ``sealed`` says so of the way that the page takes,
        and a piece of a page comes under the policy of the page around it.
        """
        self._consent.unreadable(self._facts.path, why)
        if self._consent.debug:
            return refused(500, f"consent: this page cannot be gated: {why}\n")
        if not sealed or self._facts.for_script:
            return refused(500, "This page cannot be shown.\n")
        return Shaped(status, [*headers, ("Content-Security-Policy", closed(self._consent.policy, self._facts.host))])

    def _report(self, held: Iterable[Held]) -> None:
        self._consent.held(self._facts.path, held)
