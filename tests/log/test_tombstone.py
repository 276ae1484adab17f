"""A tombstone has one spelling, and a body that is none is refused."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, get_args

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from consent.log.tombstone import MOST_REMOVED, Removal, Tombstone, format_tombstone, parse_tombstone

ids = st.from_regex(r"[0-9a-f]{32}", fullmatch=True)
stones = st.builds(
    Tombstone,
    id=ids,
    ts=st.integers(0, 2**53 - 1),
    kind=st.sampled_from(get_args(Removal)),
    removed=st.lists(ids, min_size=1, max_size=5, unique=True).map(sorted).map(tuple),
    app=st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20),
)
STONE = Tombstone("1" * 32, 1_795_000_000_000, "erase", ("2" * 32, "3" * 32), "0.1.0")
BODY = format_tombstone(STONE)


@given(stones)
def test_a_tombstone_is_spelt_as_rfc_8785_says_and_comes_back(stone: Tombstone) -> None:
    assert format_tombstone(stone) == rfc8785.dumps({"v": 1, **asdict(stone)})
    assert parse_tombstone(format_tombstone(stone)) == stone


def test_the_largest_tombstone_comes_back() -> None:
    most = tuple(f"{number:032x}" for number in range(MOST_REMOVED))
    stone = Tombstone("1" * 32, 0, "purge", most, "x" * 255)
    assert parse_tombstone(format_tombstone(stone)) == stone


@pytest.mark.parametrize(
    "change",
    [
        {"removed": []}, {"removed": ["3" * 32, "2" * 32]}, {"removed": ["2" * 32, "2" * 32]}, {"removed": ["2"]},
        {"removed": "2" * 32}, {"removed": None}, {"removed": [f"{n:032x}" for n in range(MOST_REMOVED + 1)]},
        {"kind": "custom"}, {"kind": None}, {"id": "A" * 32}, {"id": None}, {"ts": -1}, {"ts": True}, {"ts": 2**53},
        {"ts": "1"}, {"app": "\n"}, {"app": 1}, {"app": "x" * 256}, {"v": 2}, {"more": 1},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_tombstone_is_refused(change: dict[str, Any]) -> None:
    content = {**json.loads(BODY), **change}
    with pytest.raises(ValueError, match="not a tombstone"):
        parse_tombstone(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"[" * 60_000, b" " * 70_000, BODY + b" ", BODY.replace(b",", b", "), b"\xff"],
    ids=lambda body: repr(body[:20]),
)
def test_any_other_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_tombstone(body)
