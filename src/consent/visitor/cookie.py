"""A decision as a signed cookie, and back.

The value is :class:`~consent.visitor.signed.Signed`: base64url JSON, a dot, an HMAC.
The JSON is a list, so that the cookie stays near 220 bytes::

    ["2026-11", "opt-in", 1798761600, 0, ["analytics"], "<record id>", "<leaf hash>"]
     policy     model     at        flags granted       32 hex or ""   base64url, 43 characters or ""

A name with a star was granted without a question: ``"statistics*"``, exempt where the answer was given.
Flags: 1 if the browser sent GPC, and 2 if the log has it not as it stands here. A decision that was made while signed
in has an eighth member, its :class:`~consent.visitor.decision.Tie`::

    ["<mark>", 3]
      16 hex   how many choices the account had made; a refusal's mark has 2 digits

The salt names the format: a change of format is a change of salt, and an old cookie reads as undecided.
There is one spelling for each decision; every other value, whoever signed it, is no decision.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ..policy.regime import MODELS
from .decision import MOST_CHOICES, Decision, Tie
from .signed import MAX_SIZE, Signed

__all__ = ["MAX_AGE", "MAX_SIZE", "DecisionCookie"]

#: Seconds; browsers keep no cookie longer than 400 days (RFC 6265bis, 5.5).
MAX_AGE = 400 * 86_400

_SALT = "consent.decision.v1"
_RECORD = re.compile(r"[0-9a-f]{32}\Z")
_UNASKED = "*"
_GRANTED = re.compile(r"[a-z][a-z0-9-]{0,31}\*?\Z")
_MARK = re.compile(r"[0-9a-f]{16}\Z")
_COARSE_MARK = re.compile(r"[0-9a-f]{2}\Z")


class DecisionCookie:
    """Writes and reads the cookie that holds a visitor's decision.

    ``keys``: the first signs, all verify. ``name``: on HTTPS the prefix ``__Host-`` is added, which makes the
    browser refuse a cookie that another host or a subdomain planted (RFC 6265bis, 4.1.3.2).
    ``domain``: the hosts that share the cookie, this one and those below it; the prefix is then ``__Secure-``.
    """

    def __init__(self, keys: Sequence[bytes], *, name: str = "consent", domain: str = "") -> None:
        self._name = name
        self._domain = domain
        self._signed = Signed(keys, salt=_SALT)
        # The same visitor comes with the same cookie; a verified value need not be verified again.
        self._decode_once = lru_cache(maxsize=2048)(self._decode)

    def name(self, *, secure: bool, host: str = "") -> str:
        """The cookie's name on this scheme and host."""
        if not secure:
            return self._name
        return f"__Secure-{self._name}" if self._shares(host) else f"__Host-{self._name}"

    def _shares(self, host: str) -> bool:
        """Whether a host is one of those that share the cookie: another's browser would not keep it."""
        return bool(self._domain) and f".{host}".endswith(f".{self._domain}")

    def encode(self, decision: Decision) -> str:
        """The signed value of a decision."""
        return self._signed.dumps(_content(decision))

    def decode(self, value: str) -> Decision | None:
        """The decision in a value, or None for whatever is not exactly one of ours. Never raises."""
        if len(value) > MAX_SIZE:
            return None
        return self._decode_once(value)

    def _decode(self, value: str) -> Decision | None:
        content = self._signed.loads(value)
        try:
            decision = _decision(content)
            return decision if decision is not None and self._signed.spells(value, _content(decision)) else None
        except ValueError:
            return None

    def read(self, cookie_header: str | None, *, secure: bool, host: str = "") -> Decision | None:
        """The decision in a request's ``Cookie`` header.

        Of several, which only other hosts can have planted or earlier settings left, the latest counts, as if it had
        taken the others' place. Which that is, a refusal's day may leave open: then the one that grants least.
        """
        if not cookie_header or self._name not in cookie_header:
            return None
        # The second is from before the hosts shared one.
        names = {self.name(secure=secure, host=host), self.name(secure=secure)}
        pairs = (pair.partition("=") for pair in cookie_header.split(";"))
        values = [value.strip(" \t") for key, _, value in pairs if key.strip(" \t") in names]
        found = [decision for decision in map(self.decode, values) if decision is not None]
        if len(found) < 2:
            return found[0] if found else None
        latest = max(decision.at for decision in found)
        return min((each for each in found if _until(each) >= latest), key=lambda each: len(each.granted))

    def write(self, decision: Decision, *, secure: bool, max_age: int, host: str = "") -> str:
        """A ``Set-Cookie`` value. ``max_age`` in seconds, cut to what browsers keep."""
        scheme = _scheme(secure=secure)
        domain = f"; Domain={self._domain}" if self._shares(host) else ""
        age = max(0, min(max_age, MAX_AGE))
        name = self.name(secure=secure, host=host)
        return f"{name}={self.encode(decision)}; Max-Age={age}; Path=/{domain}; HttpOnly; SameSite=Lax{scheme}"

    def end(self, *, secure: bool, host: str) -> str | None:
        """The ``Set-Cookie`` value that ends the host's own cookie, where hosts share one: two would contradict."""
        if not self._shares(host):
            return None
        return f"{self.name(secure=secure)}=; Max-Age=0; Path=/{_scheme(secure=secure)}"


def _until(decision: Decision) -> int:
    """The latest moment at which a decision can have been made: of a refusal only the day is known."""
    return decision.at if decision.agreed else decision.at + 86_399


def _scheme(*, secure: bool) -> str:
    return "; Secure" if secure else ""


def _content(decision: Decision) -> list[Any]:
    leaf = base64.urlsafe_b64encode(bytes.fromhex(decision.leaf)).rstrip(b"=").decode() if decision.leaf else ""
    content: list[Any] = [
        decision.policy,
        decision.model,
        decision.at,
        decision.gpc + 2 * (not decision.logged),
        [name + _UNASKED * (name in decision.unasked) for name in sorted(decision.granted)],
        decision.record or "",
        leaf,
    ]
    if decision.tie is not None:
        content.append([*decision.tie])
    return content


def _decision(content: Any) -> Decision | None:
    match content:
        case [str(policy), str(model), int(at), 0 | 1 | 2 | 3 as flags, [*granted], str(record), str(leaf), *tied]:
            pass
        case _:
            return None
    # In JSON's Python, true is an int and 1.0 equals 1: neither is our spelling.
    if isinstance(at, bool) or type(flags) is not int or model not in MODELS or not 0 <= at < 1 << 40:
        return None
    if not all(isinstance(name, str) and _GRANTED.match(name) for name in granted):
        return None
    names = [name.removesuffix(_UNASKED) for name in granted]
    if names != sorted(set(names)):
        return None
    if record and not _RECORD.match(record):
        return None
    unasked = frozenset(name.removesuffix(_UNASKED) for name in granted if name.endswith(_UNASKED))
    tie = _tie(tied, coarse=len(unasked) == len(names))
    if tied and tie is None:
        return None
    return Decision(
        granted=frozenset(names),
        policy=policy,
        model=model,
        at=at,
        gpc=bool(flags & 1),
        logged=flags < 2,
        record=record or None,
        leaf=_leaf(leaf) if leaf else None,
        tie=tie,
        unasked=unasked,
    )


def _tie(tied: list[Any], *, coarse: bool) -> Tie | None:
    match tied:
        case [[str(mark), int(choices)]] if type(choices) is int and 1 <= choices <= MOST_CHOICES:
            return Tie(mark, choices) if (_COARSE_MARK if coarse else _MARK).match(mark) else None
    return None


def _leaf(text: str) -> str:
    try:
        raw = base64.b64decode(text + "=", altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not a leaf hash") from error
    if len(raw) != 32:
        raise ValueError("not a leaf hash")
    return raw.hex()
