"""What an HTTP response means for the gate."""

from __future__ import annotations

import gzip
import sys
import zlib

import pytest

from consent.gate import coding as coding_module
from consent.gate.coding import accept_encoding, coded, readable
from consent.gate.response import (
    charset,
    content_coding,
    is_disputed,
    marked_etag,
    media_type,
    private,
    unmarked_etags,
    vary,
)

STATE = "0123456789ab"
OTHER = "ba9876543210"


class Upper:
    """A stream that can be seen to have worked."""

    def feed(self, data: bytes) -> bytes:
        return data.upper()

    def finish(self) -> bytes:
        return b"!"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text/html; charset=utf-8", ("text/html", "utf-8")),
        (' TEXT/HTML ;Charset = "UTF-16"', ("text/html", "utf-16")),
        ("application/json", ("application/json", None)),
        ("", ("", None)),
        ("text/html; charset=utf-8, text/html; charset=utf-16", ("text/html", "utf-8 or utf-16")),
        ("text/html;charset=a;charset=a", ("text/html", "a")),
        ("application/json, text/html", ("text/html", None)),
        # With one of these a browser guesses, wherever it stands; it passes over */* that stands alone.
        ("text/plain, unknown/unknown", ("", None)),
        ("application/unknown, image/png", ("", None)),
        ("text/plain, */*;q=1", ("", None)),
        ("text/plain, */* ;a", ("", None)),
        ("text/plain, */*", ("text/plain", None)),
        ("text/plain, unknown/unknown;charset=utf-8", ("", "utf-8 or none")),
        ("text/plain;charset=utf-8, text/html", ("text/html", "utf-8 or none")),
        ("text/plain;charset=utf-8, text/html;charset=utf-8", ("text/html", "utf-8")),
        ("text/html;charset=utf-8, text/html", ("text/html", "utf-8")),
    ],
)
def test_a_content_type_is_read_in_its_odd_spellings(value: str, expected: tuple[str, str | None]) -> None:
    assert (media_type(value), charset(value)) == expected


def test_kinds_of_page_that_are_read_in_different_ways_are_disputed() -> None:
    xhtml = "application/xhtml+xml"
    disputed = [f"{xhtml}, text/html", f"{xhtml}, unknown/unknown", f"*/*;q=1, {xhtml}"]
    agreed = [
        xhtml,
        "text/html, unknown/unknown",
        f"{xhtml}, */*",
        f"{xhtml}, text/plain",
        "text/plain, unknown/unknown",
    ]
    assert list(map(is_disputed, disputed)) == [True] * len(disputed)
    assert list(map(is_disputed, agreed)) == [False] * len(agreed)


def test_an_encoding_that_cannot_be_taken_off_is_known_as_such() -> None:
    def coding(*values: str) -> str:
        return content_coding([("Content-Encoding", value) for value in values])

    assert [coding(), coding("identity"), coding("GZIP"), coding(" deflate ")] == ["", "", "gzip", "deflate"]
    assert all(map(readable, [coding(), coding("GZIP"), coding("deflate")]))
    assert readable(coding("gzip", "deflate, GZIP"))
    assert not any(map(readable, [coding("compress"), coding("gzip, dcb"), coding("exi", "gzip"), coding("aes128gcm")]))


def test_only_what_can_be_taken_off_is_accepted() -> None:
    assert accept_encoding("gzip, deflate, compress, dcb, dcz") == "gzip, deflate"
    assert accept_encoding("dcb;q=1.0, GZIP;q=0.5, *;q=0.1") == "GZIP;q=0.5"
    assert accept_encoding("dcb") == accept_encoding("*") == "identity"
    assert accept_encoding("identity;q=0, gzip") == "identity;q=0, gzip"
    assert accept_encoding(None) is None


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw deflate", "two gzip members"])
def test_a_coded_body_is_decoded_gated_and_coded_again(coding: str, size: int) -> None:
    text = b"<p>hello</p>" * 500
    body = {
        "gzip": gzip.compress(text),
        "deflate": zlib.compress(text),
        "raw deflate": zlib.compress(text, wbits=-15),
        "two gzip members": gzip.compress(text[:999]) + gzip.compress(text[999:]),
    }[coding]
    stream = coded(Upper(), "deflate" if "deflate" in coding else "gzip")
    out = b"".join(stream.feed(body[at : at + size]) for at in range(0, len(body), size)) + stream.finish()
    assert zlib.decompress(out, wbits=47) == text.upper() + b"!"


@pytest.mark.parametrize(
    ("coding", "library"),
    [("br", "brotli"), ("zstd", "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")],
)
def test_without_its_library_a_coding_is_not_asked_for_and_not_read(
    monkeypatch: pytest.MonkeyPatch, coding: str, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    for remembered in (accept_encoding, coding_module._codec):
        remembered.cache_clear()
    try:
        assert accept_encoding(f"gzip, {coding}") == "gzip"
        assert not readable(coding)
        assert not readable(f"gzip, {coding}")
    finally:
        for remembered in (accept_encoding, coding_module._codec):
            remembered.cache_clear()


def test_vary_is_one_field_and_keeps_what_it_had() -> None:
    assert vary([("Vary", "Accept"), ("vary", "cookie")], "Cookie", "Sec-GPC") == [("Vary", "Accept, cookie, Sec-GPC")]
    assert vary([("Vary", "*")], "Cookie") == [("Vary", "*")]
    assert vary([], "Cookie") == [("Vary", "Cookie")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], "private"),
        (["public, max-age=60, s-maxage=600"], "private, max-age=60"),
        (["no-store"], "no-store"),
        (["no-cache", "must-revalidate"], "private, no-cache, must-revalidate"),
        (["Private"], "private"),
    ],
)
def test_a_visitors_page_stays_out_of_shared_caches(before: list[str], after: str) -> None:
    assert private([("Cache-Control", value) for value in before]) == [("Cache-Control", after)]


def test_a_marked_tag_comes_back_as_the_applications_own_in_the_same_state_only() -> None:
    assert marked_etag('"abc"', STATE) == f'"abc;c={STATE}"'
    assert marked_etag('W/"abc"', STATE) == f'W/"abc;c={STATE}"'
    assert marked_etag("abc", STATE) == "abc"  # no valid tag: no cache would use it
    sent = f'W/"a;c={STATE}", "b;c={OTHER}", "c"'
    assert unmarked_etags(sent, STATE, keep_foreign=False) == 'W/"a"'
    assert unmarked_etags(sent, STATE, keep_foreign=True) == 'W/"a", "c"'
    assert unmarked_etags("*", STATE, keep_foreign=True) == "*"
    assert unmarked_etags("*", STATE, keep_foreign=False) == ""
