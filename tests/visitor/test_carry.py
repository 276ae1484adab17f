"""The carried decision: what it holds comes back; whatever else comes in grants nothing and never raises."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from consent.policy.policy import Policy, Purpose
from consent.policy.regime import PRESETS
from consent.visitor.account import Account, pseudonyms
from consent.visitor.carry import MOST_SECONDS, Carrier, Load
from consent.visitor.cookie import DecisionCookie
from consent.visitor.decision import Decision, Visitor
from consent.visitor.signal import Signals

KEY = b"a key for tests, of a decent length"
OLD = b"the key before that, also decent.."
CARRIER = Carrier([KEY])
POLICY = Policy.of([Purpose("necessary"), Purpose("analytics"), Purpose("marketing")], version="1")
NOW = 1_795_000_000
LOAD = Load("1", NOW, NOW + 3600, frozenset({"analytics"}), "ab" * 16, 3)

loads = st.builds(
    lambda made, lasts, **more: Load(made=made, ends=made + lasts, **more),
    policy=st.text(st.characters(codec="utf-8"), max_size=64),
    made=st.integers(0, 1 << 39),
    lasts=st.integers(1, MOST_SECONDS),
    granted=st.frozensets(st.from_regex(r"[a-z][a-z0-9-]{0,31}", fullmatch=True), max_size=6),
    subject=st.just("") | st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
    choices=st.integers(0, 64),
)


@given(loads)
def test_a_load_comes_back_as_it_was(load: Load) -> None:
    assert CARRIER.decode(CARRIER.encode(load)) == load


def test_it_is_small() -> None:
    assert len(CARRIER.encode(LOAD)) <= 180


def test_every_flipped_byte_every_cut_and_every_addition_reads_as_nothing() -> None:
    value = CARRIER.encode(LOAD)
    for index, character in enumerate(value):
        for bit in range(7):
            other = chr(ord(character) ^ (1 << bit))
            assert CARRIER.decode(value[:index] + other + value[index + 1 :]) is None, (index, other)
        assert CARRIER.decode(value[:index]) is None
        assert CARRIER.decode(value[index + 1 :]) is None
    for extra in ("=", "A", ".", " ", "\0"):
        assert CARRIER.decode(value + extra) is None
        assert CARRIER.decode(extra + value) is None


@given(st.text(max_size=300) | st.text("ABCDEFabcdef0123456789._-", max_size=400))
def test_no_text_at_all_raises_or_grants(value: str) -> None:
    assert CARRIER.decode(value) is None


def signed(content: object, *, salt: str = "consent.carried.v1") -> str:
    options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(KEY, salt=salt, signer_kwargs=options).dumps(content)


GOOD = ["1", NOW, NOW + 3600, ["analytics"], "", 0]


def test_the_table_below_starts_from_a_good_value() -> None:
    assert CARRIER.decode(signed(GOOD)) is not None


@pytest.mark.parametrize(
    "content",
    [
        None, [], {}, "yes", GOOD[:-1], [*GOOD, 0], [1, *GOOD[1:]],
        [GOOD[0], True, *GOOD[2:]], [GOOD[0], -1, *GOOD[2:]], [GOOD[0], 1.0 * NOW, *GOOD[2:]], [GOOD[0], NOW + 3600, *GOOD[2:]],
        [*GOOD[:2], NOW + MOST_SECONDS + 1, *GOOD[3:]], [*GOOD[:2], 1 << 60, *GOOD[3:]], ["1", 1 << 60, (1 << 60) + 1, *GOOD[3:]],
        [*GOOD[:3], "analytics", *GOOD[4:]], [*GOOD[:3], ["b", "a"], *GOOD[4:]], [*GOOD[:3], ["a", "a"], *GOOD[4:]], [*GOOD[:3], [1], *GOOD[4:]],
        [*GOOD[:4], "AB" * 16, 0], [*GOOD[:4], "ab", 0], [*GOOD[:5], 65], [*GOOD[:5], -1], [*GOOD[:5], False],
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_well_signed_but_not_our_spelling_reads_as_nothing(content: object) -> None:
    assert CARRIER.decode(signed(content)) is None


def test_what_is_too_long_is_not_even_looked_at() -> None:
    assert CARRIER.decode(CARRIER.encode(LOAD) * 30) is None


def test_a_cookie_is_no_carried_decision_nor_the_other_way_round() -> None:
    cookie = DecisionCookie([KEY])
    decision = Decision(frozenset({"analytics"}), policy="1", model="opt-in", at=NOW)
    assert CARRIER.decode(cookie.encode(decision)) is None
    assert cookie.decode(CARRIER.encode(LOAD)) is None
    assert CARRIER.decode(signed(GOOD, salt="consent.decision.v1")) is None


def test_the_first_key_signs_and_every_key_reads() -> None:
    rotated = Carrier([KEY, OLD])
    assert rotated.decode(Carrier([OLD]).encode(LOAD)) == LOAD
    assert CARRIER.decode(rotated.encode(LOAD)) == LOAD
    assert CARRIER.decode(Carrier([OLD]).encode(LOAD)) is None


@given(
    st.frozensets(st.sampled_from(["analytics", "marketing", "gone"])), st.booleans(), st.sampled_from(sorted(PRESETS))
)
def test_what_is_carried_is_what_the_visitor_allows_and_nothing_more(
    granted: frozenset[str], gpc: bool, regime: str
) -> None:
    account = Account(pseudonyms([KEY], "ada"), choices=2)
    decision = Decision(granted, policy="1", model="opt-in", at=NOW)
    visitor = Visitor(POLICY, PRESETS[regime], Signals(gpc=gpc), decision, NOW, account)
    load = CARRIER.decode(CARRIER.load(visitor, 60))
    assert load is not None
    assert load.granted | {"necessary"} == visitor.granted
    assert (load.policy, load.made, load.ends) == ("1", NOW, NOW + 60)
    assert (load.subject, load.choices) == (account.subject, 2)
