"""docs/cookie.md is enough to read a cookie with, and its vectors are what the library makes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from consent.visitor.cookie import DecisionCookie
from consent.visitor.decision import Decision, Tie

TEXT = (Path(__file__).parents[2] / "docs" / "cookie.md").read_text("utf-8")
SECRET = "a-secret-for-tests-that-is-long-enough"
REFUSED = Decision(granted=frozenset(), policy="2026-11", model="opt-in", at=1_794_960_000)
ACCEPTED = Decision(
    granted=frozenset({"analytics", "statistics"}),
    policy="2026-11",
    model="opt-in",
    at=1_795_000_000,
    gpc=True,
    record="01a1ee5661e87b86b273ff34fce19d6b",
    leaf="1264b662499e887fac915712e260d62951743d534496ab6a2653f138ba288c73",
    unasked=frozenset({"statistics"}),
)
DECISIONS = {"refused": REFUSED, "accepted": ACCEPTED, "signed in": replace(ACCEPTED, tie=Tie("0123456789abcdef", 3))}


def vectors() -> str:
    lines = [("secret key", SECRET), ("derived key", derived().hex())]
    for name, decision in DECISIONS.items():
        value = DecisionCookie([SECRET.encode()]).encode(decision)
        lines += [(f"{name}: content", json.dumps(content(value), separators=(",", ":"))), (f"{name}: value", value)]
    return "\n".join(f"{name:<20}{value}" for name, value in lines)


def derived() -> bytes:
    return hmac.digest(SECRET.encode(), b"consent.decision.v1", hashlib.sha256)


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def content(value: str) -> Any:
    """What a cookie says, read as the page says it is, with nothing but the standard library."""
    payload, _, signature = value.rpartition(".")
    if not hmac.compare_digest(hmac.digest(derived(), payload.encode(), hashlib.sha256), unpadded(signature)):
        raise ValueError("not signed with this key")
    raw = zlib.decompress(unpadded(payload[1:])) if payload.startswith(".") else unpadded(payload)
    return json.loads(raw)


def test_the_vectors_are_what_the_library_makes() -> None:
    [told] = re.findall(r"^```text vectors\n(.*?)\n```$", TEXT, re.MULTILINE | re.DOTALL)
    assert told == vectors()


@pytest.mark.parametrize("name", DECISIONS)
def test_a_value_is_what_the_page_says(name: str) -> None:
    value = re.search(rf"^{name}: value +(\S+)$", TEXT, re.MULTILINE)
    assert value is not None
    decision = DECISIONS[name]
    assert DecisionCookie([SECRET.encode()]).decode(value[1]) == decision
    policy, model, at, flags, granted, record, leaf, *tied = content(value[1])
    assert (policy, model, at, flags) == (decision.policy, decision.model, decision.at, decision.gpc + 0)
    assert {each.removesuffix("*") for each in granted} == decision.granted
    assert {each[:-1] for each in granted if each.endswith("*")} == decision.unasked
    assert (record, unpadded(leaf).hex()) == (decision.record or "", decision.leaf or "")
    assert tied == ([[*decision.tie]] if decision.tie else [])


def test_it_is_compressed_where_that_is_shorter() -> None:
    starts = re.findall(r": value +(\S)", TEXT)
    assert "." in starts
    assert set(starts) != {"."}
