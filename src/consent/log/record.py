"""What is kept of a decision, and what is given for it.

The body of a record is JSON in the one spelling of RFC 8785, restricted to a profile in which Python's own output
equals it: texts, integers below 2**53, true, false, null and lists; keys in ASCII. What goes into the log's tree is
the *leaf data*, which commits to the body without showing it::

    commitment = SHA-256(salt || body)                     salt: 32 random bytes
    leaf data  = "consent-leaf/v1\\n" id "\\n" ts "\\n" commitment "\\n"     id, commitment in hex; ts in decimal
    leaf hash  = SHA-256(0x00 || leaf data)                RFC 9162, 2.1.1
    mac        = HMAC-SHA-256(key, leaf data)              closes the time until the leaf is sealed

Removing a body and its salt leaves a leaf that still verifies and says nothing.

>>> record = Record(
...     id="019316e06f0070008000000000000001", ts=1731283200768, kind="refuse_all", site="example.org",
...     surface="banner", method="form", granted=(), refused=("analytics",), notice="sha256:" + "00" * 32,
...     policy="1", lang="en", regime="eu", gpc=False, expires=1746835200, ua="firefox", app="0.1.0")
>>> body = format_body(record)
>>> print(body.decode()[:78])
{"app":"0.1.0","expires":1746835200,"gpc":false,"granted":[],"id":"019316e06f0
>>> parse_body(body) == record
True
>>> print(leaf_data(record.id, record.ts, commitment(b"s" * 32, body)).decode(), end="")
consent-leaf/v1
019316e06f0070008000000000000001
1731283200768
b56293ac3510691af7aa061f25e1103fa0461774c3b6879d7da9f16cfc450cd6
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Any, Literal, get_args

__all__ = [
    "Kind",
    "Receipt",
    "Record",
    "Surface",
    "browser_family",
    "commitment",
    "format_body",
    "leaf_data",
    "leaf_hash",
    "mac",
    "mac_key",
    "parse_body",
    "uuid7",
    "void",
]

Kind = Literal["accept_all", "refuse_all", "custom", "withdraw", "void"]
Surface = Literal["banner", "settings", "placeholder", "api", "signal"]
Method = Literal["form", "script", "header"]

_VERSION = 1
_KNOWN = (("kind", get_args(Kind)), ("surface", get_args(Surface)), ("method", get_args(Method)))
_INT_MAX = 2**53 - 1
_ID = re.compile(r"[0-9a-f]{32}\Z")
_HASH = re.compile(r"sha256:[0-9a-f]{64}\Z")
#: Characters; every text in a record is bounded.
_TEXT_MAX = 255
_NAME_MAX, _NAMES_MAX = 64, 100
#: Bytes; more than any record that fits the bounds above can have.
_BODY_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Record:
    """One decision, as the log keeps it. No address, no user agent beyond its family, no page content.

    ``id``        UUIDv7, 32 hex digits, made before the append, so that a retry is the same record.
    ``ts``        Unix milliseconds.
    ``subject``   a pseudonym, only where a site ties decisions to accounts; see :mod:`consent.visitor.account`.
    ``site``      the host that asked.
    ``kind``      what was done; ``void`` says that the record ``prev`` does not count: see :func:`void`.
    ``surface``   where the visitor chose. ``method``: by a form, by the script, or by a header, the browser's signal.
    ``granted``, ``refused``  optional purposes, sorted.
    ``notice``    ``sha256:`` and 64 hex digits over the words that were shown.
    ``lang``      BCP 47. ``regime``: its name. ``gpc``: whether the signal was on.
    ``prev``      the record that this one replaces, where the visitor's cookie named one.
    ``expires``   Unix seconds at which the answer stops to hold.
    ``ua``        the browser's family and nothing else: ``firefox``, ``chromium``, ``safari``, ``other``.
    ``app``       the library's version.

    :raises ValueError: if a value does not fit.
    """

    id: str
    ts: int
    kind: Kind
    site: str
    surface: Surface
    method: Method
    granted: tuple[str, ...]
    refused: tuple[str, ...]
    notice: str
    policy: str
    lang: str
    regime: str
    gpc: bool
    expires: int
    ua: str
    app: str
    prev: str | None = None
    subject: str | None = None

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise ValueError(f"not a record: {problem}")


#: In the order of their spelling.
_NAMES = sorted(field.name for field in fields(Record))
_values = attrgetter(*_NAMES)
#: Made once; ``json.dumps`` would make one for each record.
_spell = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Receipt:
    """The log's word that a record is durable. ``leaf`` is the full RFC 9162 leaf hash, 64 hex digits."""

    id: str
    ts: int
    leaf: str


def _problems(record: Record) -> list[str]:
    # The types are what callers promise; the values may come out of a database.
    problems: list[str] = []
    for name, known in _KNOWN:
        if getattr(record, name) not in known:
            problems.append(f"{name} is one of {', '.join(known)}")
    for name in ("id", "prev", "subject"):
        value = getattr(record, name)
        if not (value is None and name != "id") and not (isinstance(value, str) and _ID.match(value)):
            problems.append(f"{name} is 32 hex digits")
    if not (isinstance(record.notice, str) and _HASH.match(record.notice)):
        problems.append("notice is a hash")
    for name in ("site", "policy", "lang", "regime", "ua", "app"):
        value = getattr(record, name)
        if not isinstance(value, str) or len(value) > _TEXT_MAX or not value.isprintable():
            problems.append(f"{name} is a printable text of at most {_TEXT_MAX} characters")
    for name in ("ts", "expires"):
        value = getattr(record, name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _INT_MAX:
            problems.append(f"{name} is an integer from 0 to 2**53 - 1")
    for name in ("granted", "refused"):
        value = getattr(record, name)
        if (
            not isinstance(value, tuple)
            or not all(isinstance(item, str) and 0 < len(item) <= _NAME_MAX and item.isprintable() for item in value)
            or len(value) > _NAMES_MAX
            or [*value] != sorted({*value})
        ):
            problems.append(f"{name} is a sorted tuple of at most {_NAMES_MAX} names")
    gpc: Any = record.gpc
    if gpc is not True and gpc is not False:
        problems.append("gpc is true or false")
    return problems


def format_body(record: Record) -> bytes:
    """The canonical bytes of a record."""
    content = dict(zip(_NAMES, _values(record), strict=True))
    content["v"] = _VERSION
    return _spell(content).encode()


def parse_body(body: bytes) -> Record:
    """The record in canonical bytes.

    :raises ValueError: for anything but the exact bytes that :func:`format_body` gives.
    """
    if len(body) > _BODY_MAX:
        raise ValueError("not a record: too long")
    try:
        content = json.loads(body)
    except RecursionError as error:
        raise ValueError("not a record: nested") from error
    if not isinstance(content, dict) or content.keys() != {*_NAMES, "v"} or content.pop("v") != _VERSION:
        raise ValueError("not a record of this version")
    for name in ("granted", "refused"):
        if not isinstance(content[name], list):
            raise ValueError(f"not a record: {name} is a list")  # noqa: TRY004 - the bytes are at fault
        content[name] = tuple(content[name])
    record = Record(**content)
    if format_body(record) != body:
        raise ValueError("not a record: another spelling of one")
    return record


def void(record: Record, *, id: str, ts: int) -> Record:  # noqa: A002 - the field's name
    """The record that says that another, which grants something, does not count.

    A database may keep an agreement and fail to say so in time. The visitor was told that it could not be saved, and
    nothing was granted; the log must not claim otherwise.
    """
    return replace(record, id=id, ts=ts, kind="void", granted=(), refused=(), prev=record.id)


def commitment(salt: bytes, body: bytes) -> bytes:
    """32 bytes that bind a body without showing it. ``salt`` is 32 random bytes."""
    return hashlib.sha256(salt + body).digest()


def leaf_data(record_id: str, ts: int, committed: bytes) -> bytes:
    """What goes into the log's tree."""
    return f"consent-leaf/v1\n{record_id}\n{ts}\n{committed.hex()}\n".encode()


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf (RFC 9162, 2.1.1)."""
    return hashlib.sha256(b"\0" + data).digest()


def mac_key(secret: bytes) -> bytes:
    """The key that authenticates the log's records, from one of the site's secret keys."""
    return hmac.digest(secret, b"consent.log.mac.v1", "sha256")


def mac(key: bytes, data: bytes) -> bytes:
    """The authentication code of leaf data."""
    return hmac.new(key, data, "sha256").digest()  # hmac.digest would let other threads in, for microseconds of work


def uuid7(ms: int, entropy: bytes) -> str:
    """A UUIDv7 (RFC 9562, 5.7) of a Unix time in milliseconds and at least 10 random bytes, as 32 hex digits.

    >>> uuid7(0x017F22E279B0, bytes.fromhex("cc318c4dc0c0c07398f0"))
    '017f22e279b07c318c4dc0c0c07398f0'
    """
    if len(entropy) < 10 or not 0 <= ms < 1 << 48:
        raise ValueError("a UUIDv7 needs 48 bits of time and 10 random bytes")
    value = ms << 80 | int.from_bytes(entropy[:10])
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return f"{value:032x}"


def browser_family(user_agent: str | None) -> str:
    """The browser's family, and nothing finer: what an auditor may ask and what singles nobody out.

    >>> browser_family("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
    'firefox'
    """
    text = user_agent or ""
    if "Firefox/" in text:
        return "firefox"
    if "Chrome/" in text or "Chromium/" in text:
        return "chromium"
    return "safari" if "Safari/" in text else "other"
