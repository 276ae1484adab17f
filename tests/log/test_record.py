"""A record has one spelling, holds nothing that singles a visitor out, and cannot be changed unseen."""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
from contextlib import suppress
from dataclasses import FrozenInstanceError, asdict, fields, replace
from typing import Any, get_args

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st
from records import NOTICE, make_record

from consent.log.record import (
    Kind,
    Method,
    Receipt,
    Record,
    Surface,
    browser_family,
    commitment,
    format_body,
    leaf_data,
    leaf_hash,
    mac,
    mac_key,
    parse_body,
    uuid7,
)

ids = st.from_regex(r"[0-9a-f]{32}", fullmatch=True)
printable = st.characters(exclude_categories=["C", "Z"], include_characters=" ")
texts = st.text(printable, max_size=20)
names = st.lists(st.text(printable, min_size=1, max_size=12), unique=True, max_size=5).map(sorted).map(tuple)
numbers = st.integers(0, 2**53 - 1)
records = st.builds(
    Record,
    id=ids,
    ts=numbers,
    kind=st.sampled_from(get_args(Kind)),
    site=texts,
    surface=st.sampled_from(get_args(Surface)),
    method=st.sampled_from(get_args(Method)),
    granted=names,
    refused=names,
    notice=st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True),
    policy=texts,
    lang=texts,
    regime=texts,
    gpc=st.booleans(),
    expires=numbers,
    ua=texts,
    app=texts,
    prev=st.none() | ids,
    subject=st.none() | ids,
)
RECORD = make_record(7, policy='é "2026" \\ 政策 😀', granted=("analytics", "forschung"))
BODY = format_body(RECORD)


@given(records)
@example(RECORD)
def test_the_bytes_of_a_record_are_those_of_rfc_8785(record: Record) -> None:
    assert format_body(record) == rfc8785.dumps({"v": 1, **asdict(record)})


@given(records)
@example(RECORD)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    assert parse_body(format_body(record)) == record


def test_the_largest_record_there_can_be_comes_back() -> None:
    most = tuple(f"{number:03}{'😀' * 61}" for number in range(100))
    record = replace(
        RECORD,
        granted=most,
        refused=most,
        **dict.fromkeys(("site", "policy", "lang", "regime", "ua", "app"), "😀" * 255),
    )
    assert parse_body(format_body(record)) == record
    assert len(format_body(record)) < 65_536


def refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_body(body)


def test_every_flipped_bit_gives_another_record_or_none() -> None:
    # A body is not signed by itself: a flipped bit in a text is another text. What it never is, is the same record.
    for index in range(len(BODY)):
        for bit in range(8):
            changed = BODY[:index] + bytes([BODY[index] ^ (1 << bit)]) + BODY[index + 1 :]
            try:
                record = parse_body(changed)
            except ValueError:
                continue
            assert record != RECORD
            assert format_body(record) == changed
            assert commitment(b"s" * 32, changed) != commitment(b"s" * 32, BODY)


def test_every_truncation_and_extension_is_refused() -> None:
    for cut in range(len(BODY)):
        refused(BODY[:cut])
        refused(BODY[cut + 1 :])
    for extra in (b" ", b"\n", b"\0", b"}", b"{}", b"\xef\xbb\xbf"):
        refused(BODY + extra)
        refused(extra + BODY)


CONTENT: dict[str, Any] = json.loads(BODY)


def dumped(content: Any, **options: Any) -> bytes:
    settings = {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False}
    return json.dumps(content, **{**settings, **options}).encode()


@pytest.mark.parametrize(
    "body",
    {
        "spaces": dumped(CONTENT, separators=(", ", ": ")),
        "indented": dumped(CONTENT, indent=1),
        "escaped": dumped(CONTENT, ensure_ascii=True),
        "unsorted": dumped({"v": 1, **asdict(RECORD)}, sort_keys=False),
        "UTF-16": BODY.decode().encode("utf-16"),
        "UTF-32": BODY.decode().encode("utf-32-le"),
        "a key twice": BODY.replace(b'"gpc":false', b'"gpc":false,"gpc":false'),
        "an escaped slash": BODY.replace(b"www.example.org", b"www\\u002eexample.org"),
        "a float": BODY.replace(b'"v":1', b'"v":1.0'),
        "an exponent": BODY.replace(b'"v":1', b'"v":1e0'),
        "a truth for a number": BODY.replace(b'"v":1', b'"v":true'),
    }.items(),
    ids=lambda pair: pair[0],
)
def test_any_other_spelling_of_a_record_is_refused(body: tuple[str, bytes]) -> None:
    assert body[1] != BODY
    refused(body[1])


def test_the_table_below_starts_from_a_good_body() -> None:
    assert parse_body(dumped(CONTENT)) == RECORD


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("v", 0), ("v", 2), ("v", "1"), ("v", None),
        ("id", ""), ("id", None), ("id", "G" * 32), ("id", "A" * 32), ("id", "0" * 31), ("id", "0" * 33), ("id", "0" * 32 + "\n"), ("id", 1),
        ("ts", -1), ("ts", 2**53), ("ts", 1.5), ("ts", True), ("ts", "1"), ("ts", None),
        ("kind", "accept"), ("kind", []), ("kind", {}), ("kind", None),
        ("surface", "popup"), ("method", "GET"),
        ("site", "a\nb"), ("site", "\x1b[31m"), ("site", "\u202e"), ("site", "\ud800"), ("site", "x" * 256), ("site", None), ("site", 1), ("site", ["x"]),
        ("policy", "a\0"), ("lang", "\t"), ("regime", "\x7f"), ("ua", "\u2028"), ("app", "\xa0"),
        ("granted", "analytics"), ("granted", None), ("granted", {}), ("granted", [1]), ("granted", [["a"]]), ("granted", ["b", "a"]), ("granted", ["a", "a"]),
        ("granted", [""]), ("granted", ["\ud800"]), ("granted", ["a\nb"]), ("granted", ["x" * 65]), ("refused", [f"{number:03}" for number in range(101)]),
        ("notice", ""), ("notice", "sha256:"), ("notice", "sha256:" + "G" * 64), ("notice", "md5:" + "0" * 64), ("notice", "0" * 64), ("notice", None),
        ("gpc", 1), ("gpc", 0), ("gpc", None), ("gpc", "false"),
        ("expires", -1), ("expires", 2**53), ("expires", None),
        ("prev", ""), ("prev", 1), ("prev", "x" * 32), ("subject", ""), ("subject", "user@example.org"),
        ("extra", 1),
    ],
    ids=repr,
)  # fmt: skip
def test_a_value_that_does_not_fit_is_refused_from_callers_and_from_bytes(name: str, value: Any) -> None:
    refused(
        dumped(
            {**CONTENT, name: value},
            ensure_ascii="\ud800" in "".join(map(str, value)) if isinstance(value, (str, list)) else False,
        )
    )
    if name not in {"v", "extra"}:
        with pytest.raises(ValueError, match="not a record"):
            replace(
                RECORD, **{name: tuple(value) if isinstance(value, list) and name in {"granted", "refused"} else value}
            )


@pytest.mark.parametrize("name", [*CONTENT])
def test_a_value_that_is_missing_is_refused(name: str) -> None:
    refused(dumped({key: value for key, value in CONTENT.items() if key != name}))


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b"1", b"NaN", b'"x"', b"[" * 60_000, b'{"a":' * 10_000, b"9" * 5000, b"\xff\xfe", b'"\\ud800"', BODY * 40, b" " * 70_000],
    ids=lambda body: repr(body[:12]),
)  # fmt: skip
def test_nonsense_raises_valueerror(body: bytes) -> None:
    refused(body)


@given(st.binary(max_size=200) | st.text('{}[]",:truefalsn0123456789.eE- \\u', max_size=60).map(str.encode))
def test_no_bytes_at_all_raise_anything_but_valueerror(body: bytes) -> None:
    refused(body)


@given(st.integers(0, len(BODY)), st.integers(0, len(BODY)), st.binary(max_size=12))
def test_no_splice_of_a_body_raises_anything_but_valueerror(start: int, end: int, put: bytes) -> None:
    body = BODY[: min(start, end)] + put + BODY[max(start, end) :]
    with suppress(ValueError):
        assert format_body(parse_body(body)) == body


# What a record holds


def test_a_record_holds_these_fields_and_no_others() -> None:
    """No address, no user agent, no page, no referrer. Whoever adds a field has to think about it here."""
    assert [field.name for field in fields(Record)] == [
        "id", "ts", "kind", "site", "surface", "method", "granted", "refused", "notice", "policy", "lang", "regime",
        "gpc", "expires", "ua", "app", "prev", "subject",
    ]  # fmt: skip
    assert [field.name for field in fields(Receipt)] == ["id", "ts", "leaf"]
    assert sorted(CONTENT) == sorted([*(field.name for field in fields(Record)), "v"])


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        RECORD.kind = "accept_all"  # type: ignore[misc]


USER_AGENTS = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "firefox",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36": "chromium",
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0": "chromium",
    "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15": "safari",
    "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/140.0 Mobile/15E148 Safari/605.1.15": "safari",
    "curl/8.0": "other",
    "": "other",
}


@pytest.mark.parametrize(("user_agent", "family"), USER_AGENTS.items())
def test_of_a_browser_only_its_family_is_kept(user_agent: str, family: str) -> None:
    assert browser_family(user_agent) == family


@given(st.none() | st.text() | st.sampled_from([*USER_AGENTS]))
def test_a_browsers_family_is_one_of_four_words(user_agent: str | None) -> None:
    assert browser_family(user_agent) in {"firefox", "chromium", "safari", "other"}


# What commits to it


def test_the_commitment_is_sha_256_of_salt_and_body() -> None:
    salt = bytes(range(32))
    assert commitment(salt, b"{}") == hashlib.sha256(salt + b"{}").digest()
    assert commitment(salt, b"{}").hex() == "3beb4649fb0f3ba0e4d1db3befc0f9e6982d28cf69bc263851e1b7635a0c9f38"
    assert commitment(salt, BODY) != commitment(bytes(32), BODY)


def test_the_leaf_names_id_time_and_commitment_a_line_each() -> None:
    committed = hashlib.sha256(b"anything").digest()
    data = leaf_data("01" * 16, 1_795_000_000_000, committed)
    assert data == b"consent-leaf/v1\n" + b"01" * 16 + b"\n1795000000000\n" + committed.hex().encode() + b"\n"
    assert leaf_hash(data) == hashlib.sha256(b"\x00" + data).digest()


def test_an_empty_leaf_hashes_as_in_rfc_9162() -> None:
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


def test_the_code_is_an_hmac_under_a_key_of_its_own() -> None:
    key = hmac.new(b"the site's secret", b"consent.log.mac.v1", hashlib.sha256).digest()
    assert mac_key(b"the site's secret") == key
    assert mac(key, b"leaf data") == hmac.new(key, b"leaf data", hashlib.sha256).digest()
    # RFC 4231, test case 2
    assert mac(b"Jefe", b"what do ya want for nothing?").hex().startswith("5bdcc146bf60754e6a042426089575c7")


def test_the_notice_is_the_hash_of_the_words_that_were_shown() -> None:
    assert make_record().notice == "sha256:" + hashlib.sha256(NOTICE).hexdigest()
    assert make_record(notice=NOTICE + b" ").notice != make_record().notice


# Its id


def test_the_example_in_the_rfc_is_made() -> None:
    # RFC 9562, appendix A.6
    assert uuid7(0x017F22E279B0, bytes.fromhex("0cc318c4dc0c0c07398f")) == "017f22e279b07cc398c4dc0c0c07398f"


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=16))
def test_an_id_is_a_version_7_uuid_of_its_time(ms: int, entropy: bytes) -> None:
    made = uuid7(ms, entropy)
    value = bytes.fromhex(made)
    assert struct.unpack(">Q", b"\0\0" + value[:6])[0] == ms
    assert value[6] >> 4 == 7
    assert value[8] >> 6 == 0b10
    # All other bits are chance.
    assert (value[6] & 0xF, value[7], value[8] & 0x3F, value[9:]) == (
        entropy[0] & 0xF, entropy[1], entropy[2] & 0x3F, entropy[3:10],
    )  # fmt: skip


@given(st.integers(0, 2**48 - 2), st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_ids_sort_by_their_time(ms: int, one: bytes, other: bytes) -> None:
    assert uuid7(ms, one) < uuid7(ms + 1, other)


@pytest.mark.parametrize(("ms", "entropy"), [(0, b"short"), (-1, bytes(10)), (2**48, bytes(10))])
def test_an_id_needs_a_time_and_enough_chance(ms: int, entropy: bytes) -> None:
    with pytest.raises(ValueError, match="UUIDv7"):
        uuid7(ms, entropy)
