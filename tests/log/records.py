"""Records to put into logs."""

from __future__ import annotations

import hashlib
from typing import Any

from consent.log.record import Record, mac_key, uuid7

SECRET = "a-secret-for-tests-that-is-long-enough"
KEY = mac_key(SECRET.encode())
NOTICE = '{"title":"Your choice – Ihre Wahl"}'.encode()
START = 1_795_000_000_000


def make_record(number: int = 0, *, notice: bytes = NOTICE, **changes: Any) -> Record:
    """A record of its own for each number, a second later than the one before."""
    ts = changes.pop("ts", START + number * 1000)
    values: dict[str, Any] = {
        "id": uuid7(ts, hashlib.sha256(str(number).encode()).digest()[:10]),
        "ts": ts,
        "kind": "custom",
        "site": "www.example.org",
        "surface": "banner",
        "method": "form",
        "granted": ("analytics",),
        "refused": ("marketing",),
        "notice": "sha256:" + hashlib.sha256(notice).hexdigest(),
        "policy": "2026-11",
        "lang": "en",
        "regime": "eu",
        "gpc": False,
        "expires": ts // 1000 + 15_552_000,
        "ua": "firefox",
        "app": "0.1.0",
    }
    return Record(**{**values, **changes})
