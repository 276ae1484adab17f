"""The signed cookie: what it holds comes back; whatever else comes in reads as undecided and never raises."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import Signer, URLSafeSerializer, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from consent.policy.regime import MODELS
from consent.visitor.cookie import MAX_AGE, MAX_SIZE, DecisionCookie
from consent.visitor.decision import MOST_CHOICES, Decision, Tie

KEY = b"a key for tests, of a decent length"
OLD = b"the key before that, also decent.."
COOKIE = DecisionCookie([KEY])
ACCEPTED = Decision(
    granted=frozenset({"analytics", "marketing"}),
    policy="2026-11",
    model="opt-in",
    at=1_795_000_000,
    record="0190163d8694739b9aab000000000001",
    leaf="ab" * 32,
)
TIED = replace(ACCEPTED, tie=Tie("0123456789abcdef", 3))
REFUSED_TIED = Decision(granted=frozenset(), policy="1", model="opt-in", at=1_794_960_000, tie=Tie("ab", MOST_CHOICES))
REFUSED = Decision(granted=frozenset(), policy="2026-11", model="opt-out", at=1_794_960_000, gpc=True)
EVERY = [ACCEPTED, REFUSED, TIED, REFUSED_TIED]

decisions = st.builds(
    Decision,
    granted=st.frozensets(st.from_regex(r"[a-z][a-z0-9-]{0,31}", fullmatch=True), max_size=6),
    policy=st.text(st.characters(codec="utf-8"), max_size=64),
    model=st.sampled_from(MODELS),
    at=st.integers(0, (1 << 40) - 1),
    gpc=st.booleans(),
    logged=st.booleans(),
    record=st.none() | st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
    leaf=st.none() | st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
)


@given(decisions, st.integers(1, MOST_CHOICES))
def test_a_tie_comes_back_as_it_was(decision: Decision, choices: int) -> None:
    tied = replace(decision, tie=Tie("ab" * 8 if decision.granted else "ab", choices))
    assert COOKIE.decode(COOKIE.encode(tied)) == tied


def signed(content: object, *, salt: str = "consent.decision.v1", key: bytes = KEY) -> str:
    """A value with a good signature, whatever it holds."""
    options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(key, salt=salt, signer_kwargs=options).dumps(content)


@given(decisions)
def test_a_decision_comes_back_as_it_was(decision: Decision) -> None:
    assert COOKIE.decode(COOKIE.encode(decision)) == decision


def test_the_cookie_of_an_accepter_stays_near_220_bytes() -> None:
    assert len(COOKIE.encode(ACCEPTED)) <= 260


@pytest.mark.parametrize("decision", EVERY, ids=["accepted", "refused", "tied", "refused and tied"])
def test_every_flipped_byte_reads_as_undecided(decision: Decision) -> None:
    value = COOKIE.encode(decision)
    for index, character in enumerate(value):
        for bit in range(7):
            other = chr(ord(character) ^ (1 << bit))
            assert COOKIE.decode(value[:index] + other + value[index + 1 :]) is None, (index, other)


@pytest.mark.parametrize("decision", EVERY, ids=["accepted", "refused", "tied", "refused and tied"])
def test_every_truncation_and_extension_reads_as_undecided(decision: Decision) -> None:
    value = COOKIE.encode(decision)
    for cut in range(len(value)):
        assert COOKIE.decode(value[:cut]) is None
        assert COOKIE.decode(value[cut + 1 :]) is None
    for extra in ("=", "A", ".", " ", "\0"):
        assert COOKIE.decode(value + extra) is None
        assert COOKIE.decode(extra + value) is None


@pytest.mark.parametrize(
    "value",
    [
        "", "true", "null", "[]", "{}", "1", "yes", "\0", "a\0b", ".", "..", "...", "x" * 8192, "é", "\ud800", "%00",
        "W10.", "dHJ1ZQ.AAAA", "=" * 50, "." * 2000, "-" * MAX_SIZE, "[" * 3000, "\r\nSet-Cookie: a=b",
    ],
)  # fmt: skip
def test_nonsense_reads_as_undecided(value: str) -> None:
    assert COOKIE.decode(value) is None


@given(st.text(max_size=300) | st.text("ABCDEFabcdef0123456789._-", max_size=400))
def test_no_text_at_all_raises_or_grants(value: str) -> None:
    assert COOKIE.decode(value) is None
    assert COOKIE.read(f"consent={value}", secure=False) is None


GOOD = ["2026-11", "opt-in", 1_795_000_000, 0, ["analytics"], "", ""]


def test_the_table_below_starts_from_a_good_value() -> None:
    assert COOKIE.decode(signed(GOOD)) is not None


@pytest.mark.parametrize(
    "content",
    [
        True, None, [], {}, "yes", 1, [GOOD], GOOD[:-1], [*GOOD, ""], {"granted": ["analytics"]},
        [None, *GOOD[1:]],
        [*GOOD[:1], "everything", *GOOD[2:]],
        [*GOOD[:2], True, *GOOD[3:]], [*GOOD[:2], -1, *GOOD[3:]], [*GOOD[:2], 1.5, *GOOD[3:]], [*GOOD[:2], 1 << 60, *GOOD[3:]], [*GOOD[:2], "1", *GOOD[3:]],
        [*GOOD[:3], False, *GOOD[4:]], [*GOOD[:3], 1.0, *GOOD[4:]], [*GOOD[:3], 4, *GOOD[4:]], [*GOOD[:3], -1, *GOOD[4:]],
        [*GOOD[:4], "analytics", *GOOD[5:]], [*GOOD[:4], ["b", "a"], *GOOD[5:]], [*GOOD[:4], ["a", "a"], *GOOD[5:]], [*GOOD[:4], [1], *GOOD[5:]], [*GOOD[:4], ["A b"], *GOOD[5:]],
        [*GOOD, []], [*GOOD, ["ab", 1]], [*GOOD, ["ab" * 8]], [*GOOD, ["ab" * 8, 0]], [*GOOD, ["ab" * 8, 65]], [*GOOD, ["ab" * 8, True]], [*GOOD, ["ab" * 8, 1.0]],
        [*GOOD, ["AB" * 8, 1]], [*GOOD, [1, 1]], [*GOOD, ["ab" * 8, 1, 1]], [*GOOD, ["ab" * 8, 1], ""], [*GOOD[:4], [], "", "", ["ab" * 8, 1]],
        [*GOOD[:5], "short", ""], [*GOOD[:5], "G" * 32, ""], [*GOOD[:5], "", "short"], [*GOOD[:5], "", "A" * 44], [*GOOD[:5], "", "*" * 43],
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_well_signed_but_not_our_spelling_reads_as_undecided(content: object) -> None:
    assert COOKIE.decode(signed(content)) is None


def test_another_host_may_compress_in_another_way() -> None:
    long = replace(ACCEPTED, granted=frozenset(f"purpose-number-{number}" for number in range(40)))
    payload = COOKIE.encode(long).rpartition(".")[0]
    assert payload.startswith(".")
    text = zlib.decompress(base64_decode(payload[1:]))
    signer = Signer(KEY, salt="consent.decision.v1", key_derivation="hmac", digest_method=hashlib.sha256)
    for other in (b"." + base64_encode(zlib.compress(text, 1)), base64_encode(text)):
        assert other != payload.encode()
        assert COOKIE.decode(signer.sign(other).decode()) == long


def test_another_salt_key_digest_or_format_reads_as_undecided() -> None:
    assert COOKIE.decode(signed(GOOD, salt="consent.decision.v2")) is None
    assert COOKIE.decode(signed(GOOD, salt="cookie-session")) is None
    assert COOKIE.decode(signed(GOOD, key=OLD)) is None
    assert COOKIE.decode(URLSafeSerializer(KEY, salt="consent.decision.v1").dumps(GOOD)) is None  # SHA-1
    assert COOKIE.decode(URLSafeTimedSerializer(KEY, salt="consent.decision.v1").dumps(GOOD)) is None


def test_the_first_key_signs_and_every_key_reads() -> None:
    before = DecisionCookie([OLD]).encode(ACCEPTED)
    rotated = DecisionCookie([KEY, OLD])
    assert rotated.decode(before) == ACCEPTED
    assert COOKIE.decode(rotated.encode(ACCEPTED)) == ACCEPTED
    assert DecisionCookie([OLD]).decode(rotated.encode(ACCEPTED)) is None


def test_the_cookie_is_kept_from_scripts_and_on_https_from_other_hosts() -> None:
    plain = COOKIE.write(ACCEPTED, secure=False, max_age=1000)
    assert plain.startswith("consent=")
    assert plain.endswith("; Max-Age=1000; Path=/; HttpOnly; SameSite=Lax")
    secure = COOKIE.write(ACCEPTED, secure=True, max_age=10**9)
    assert secure.startswith("__Host-consent=")
    assert secure.endswith(f"; Max-Age={MAX_AGE}; Path=/; HttpOnly; SameSite=Lax; Secure")
    assert "Domain" not in secure
    assert "Max-Age=0;" in COOKIE.write(ACCEPTED, secure=False, max_age=-5)


def test_on_https_only_the_host_bound_cookie_is_read() -> None:
    value = COOKIE.encode(ACCEPTED)
    assert COOKIE.read(f"consent={value}", secure=True) is None
    assert COOKIE.read(f"__Host-consent={value}", secure=True) == ACCEPTED
    assert COOKIE.read(f"__Host-consent={value}", secure=False) is None


SHARED = DecisionCookie([KEY], domain="example.org")


@pytest.mark.parametrize("host", ["example.org", "www.example.org", "a.b.example.org"])
def test_hosts_below_a_domain_share_one_cookie(host: str) -> None:
    written = SHARED.write(ACCEPTED, secure=True, max_age=1000, host=host)
    pair, *attributes = written.split("; ")
    assert pair.startswith("__Secure-consent=")
    assert attributes == ["Max-Age=1000", "Path=/", "Domain=example.org", "HttpOnly", "SameSite=Lax", "Secure"]
    for other in ("example.org", "shop.example.org"):
        assert SHARED.read(pair, secure=True, host=other) == ACCEPTED
    assert COOKIE.read(pair, secure=True, host=host) is None
    assert SHARED.write(ACCEPTED, secure=False, max_age=9, host=host).startswith("consent=")


@pytest.mark.parametrize("host", ["localhost", "example.com", "badexample.org", "example.org.evil.example", "org", ""])
def test_a_host_that_is_not_below_the_domain_has_a_cookie_of_its_own(host: str) -> None:
    written = SHARED.write(ACCEPTED, secure=True, max_age=1000, host=host)
    assert written.startswith("__Host-consent=")
    assert "Domain" not in written
    assert SHARED.end(secure=True, host=host) is None


def test_a_host_s_own_cookie_counts_until_a_shared_one_takes_its_place() -> None:
    own, shared = COOKIE.encode(ACCEPTED), SHARED.encode(REFUSED)
    assert SHARED.read(f"__Host-consent={own}", secure=True, host="www.example.org") == ACCEPTED
    both = f"__Host-consent={own}; __Secure-consent={shared}"
    assert SHARED.read(both, secure=True, host="www.example.org") == REFUSED
    assert SHARED.end(secure=True, host="www.example.org") == "__Host-consent=; Max-Age=0; Path=/; Secure"
    assert SHARED.end(secure=False, host="www.example.org") == "consent=; Max-Age=0; Path=/"


def test_a_planted_cookie_of_the_same_name_does_not_hide_the_real_one() -> None:
    value = COOKIE.encode(REFUSED)
    assert COOKIE.read(f"a=b; consent=true; consent={value}; c=d", secure=False) == REFUSED
    assert COOKIE.read(f"xconsent={value}; consent2={value}", secure=False) is None
    assert COOKIE.read(None, secure=False) is None


DAY = 86_400


@pytest.mark.parametrize(
    ("said", "later", "counts"),
    [
        (ACCEPTED, replace(REFUSED, at=REFUSED.at + DAY), "later"),
        (REFUSED, replace(ACCEPTED, at=REFUSED.at + DAY), "later"),
        (replace(REFUSED, at=REFUSED.at - DAY), ACCEPTED, "later"),
        (ACCEPTED, replace(ACCEPTED, at=ACCEPTED.at + 1, granted=frozenset({"analytics"})), "later"),
        (replace(ACCEPTED, granted=frozenset({"analytics"})), replace(ACCEPTED, at=ACCEPTED.at + 1), "later"),
        # Of the same day it is not known which was first.
        (ACCEPTED, REFUSED, "later"),
        (REFUSED, ACCEPTED, "said"),
        (replace(ACCEPTED, at=REFUSED.at + DAY - 1), REFUSED, "later"),
        # An account took something back; the moment stays.
        (ACCEPTED, replace(ACCEPTED, granted=frozenset({"analytics"}), logged=False), "later"),
    ],
)
def test_of_several_decisions_the_latest_counts_and_in_doubt_the_one_that_grants_least(
    said: Decision, later: Decision, counts: str
) -> None:
    expected = later if counts == "later" else said
    for cookie, host in ((COOKIE, ""), (SHARED, "www.example.org")):
        name = cookie.name(secure=True, host=host)
        values = [f"{name}={cookie.encode(each)}" for each in (said, later)]
        for pairs in (values, values[::-1], [*values, f"{name}=forged"], [values[0], *values]):
            assert cookie.read("; ".join(pairs), secure=True, host=host) == expected


def test_a_shared_cookie_that_is_planted_does_not_hide_a_later_refusal_of_the_hosts_own() -> None:
    planted, own = SHARED.encode(ACCEPTED), SHARED.encode(replace(REFUSED, at=REFUSED.at + DAY))
    both = f"__Secure-consent={planted}; __Host-consent={own}"
    read = SHARED.read(both, secure=True, host="www.example.org")
    assert read is not None
    assert not read.granted


@given(decisions, st.data())
def test_decode_is_the_inverse_of_encode_and_of_nothing_else(decision: Decision, data: st.DataObject) -> None:
    value = COOKIE.encode(decision)
    other = COOKIE.encode(replace(decision, at=data.draw(st.integers(0, 1 << 39))))
    spliced = other.rpartition(".")[0] + "." + value.rpartition(".")[2]
    assert COOKIE.decode(spliced) in {None, decision}
