"""A decision as a signed cookie, and back.

The value is made by :class:`itsdangerous.URLSafeSerializer` with SHA-256: base64url JSON, a dot, an HMAC.
The JSON is a list, so that the cookie stays near 220 bytes::

    ["2026-11", "opt-in", 1798761600, 0, ["analytics"], "<record id>", "<leaf hash>"]
     policy     model     at        flags granted       32 hex or ""   base64url, 43 characters or ""

Flags: 1 if the browser sent GPC, and 2 if the log could not be reached.

The salt names the format: a change of format is a change of salt, and an old cookie reads as undecided.
There is one spelling for each decision; every other value, whoever signed it, is no decision.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from itsdangerous import BadData, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from ..policy.regime import MODELS
from .decision import Decision

__all__ = ["MAX_AGE", "MAX_SIZE", "DecisionCookie"]

#: Bytes of the value; browsers keep no cookie whose name and value are longer together (RFC 6265bis, 5.7).
MAX_SIZE = 4000
#: Seconds; browsers keep no cookie longer than 400 days (RFC 6265bis, 5.5).
MAX_AGE = 400 * 86_400

_SALT = "consent.decision.v1"
_RECORD = re.compile(r"[0-9a-f]{32}\Z")
_PURPOSE = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")


class DecisionCookie:
    """Writes and reads the cookie that holds a visitor's decision.

    ``keys``: the first signs, all verify. ``name``: on HTTPS the prefix ``__Host-`` is added, which makes the
    browser refuse a cookie that another host or a subdomain planted (RFC 6265bis, 4.1.3.2).
    """

    def __init__(self, keys: Sequence[bytes], *, name: str = "consent") -> None:
        self._name = name
        self._serializer = URLSafeSerializer(
            list(reversed(keys)),  # itsdangerous signs with the last
            salt=_SALT,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )
        # The same visitor comes with the same cookie; a verified value need not be verified again.
        self._decode_once = lru_cache(maxsize=2048)(self._decode)

    def name(self, *, secure: bool) -> str:
        """The cookie's name on this scheme."""
        return f"__Host-{self._name}" if secure else self._name

    def encode(self, decision: Decision) -> str:
        """The signed value of a decision."""
        leaf = base64.urlsafe_b64encode(bytes.fromhex(decision.leaf)).rstrip(b"=").decode() if decision.leaf else ""
        content = [
            decision.policy,
            decision.model,
            decision.at,
            decision.gpc + 2 * (not decision.logged),
            sorted(decision.granted),
            decision.record or "",
            leaf,
        ]
        value: str | bytes = self._serializer.dumps(content)
        return value if isinstance(value, str) else value.decode()

    def decode(self, value: str) -> Decision | None:
        """The decision in a value, or None for whatever is not exactly one of ours. Never raises."""
        if len(value) > MAX_SIZE:
            return None
        return self._decode_once(value)

    def _decode(self, value: str) -> Decision | None:
        try:
            content: Any = self._serializer.loads(value)
            decision = _decision(content)
            return decision if decision is not None and self._spells(value, decision) else None
        except (BadData, ValueError, RecursionError):
            return None

    def _spells(self, value: str, decision: Decision) -> bool:
        """Whether the value is how we write that decision: JSON and base64 know several spellings of the same."""
        payload, _, signature = value.rpartition(".")
        canonical = base64_encode(base64_decode(signature)).decode()
        return payload == self.encode(decision).rpartition(".")[0] and signature == canonical

    def read(self, cookie_header: str | None, *, secure: bool) -> Decision | None:
        """The decision in a request's ``Cookie`` header. Of several cookies of the name, the first valid one counts."""
        name = self.name(secure=secure)
        if not cookie_header or name not in cookie_header:
            return None
        for pair in cookie_header.split(";"):
            key, _, value = pair.partition("=")
            if key.strip(" \t") == name:
                decision = self.decode(value.strip(" \t"))
                if decision is not None:
                    return decision
        return None

    def write(self, decision: Decision, *, secure: bool, max_age: int) -> str:
        """A ``Set-Cookie`` value. ``max_age`` in seconds, cut to what browsers keep."""
        scheme = "; Secure" if secure else ""
        age = max(0, min(max_age, MAX_AGE))
        return (
            f"{self.name(secure=secure)}={self.encode(decision)}; Max-Age={age}; Path=/; HttpOnly; SameSite=Lax{scheme}"
        )


def _decision(content: Any) -> Decision | None:
    match content:
        case [str(policy), str(model), int(at), 0 | 1 | 2 | 3 as flags, [*granted], str(record), str(leaf)]:
            pass
        case _:
            return None
    # In JSON's Python, true is an int and 1.0 equals 1: neither is our spelling.
    if isinstance(at, bool) or type(flags) is not int or model not in MODELS or not 0 <= at < 1 << 40:
        return None
    if not all(isinstance(name, str) and _PURPOSE.match(name) for name in granted) or granted != sorted(set(granted)):
        return None
    if record and not _RECORD.match(record):
        return None
    return Decision(
        granted=frozenset(granted),
        policy=policy,
        model=model,
        at=at,
        gpc=bool(flags & 1),
        logged=flags < 2,
        record=record or None,
        leaf=_leaf(leaf) if leaf else None,
    )


def _leaf(text: str) -> str:
    try:
        raw = base64.b64decode(text + "=", altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not a leaf hash") from error
    if len(raw) != 32:
        raise ValueError("not a leaf hash")
    return raw.hex()
