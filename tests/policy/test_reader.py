"""How a host, a snippet and a storage key are written."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.policy.reader import host_pattern, snippet, storage_key


@pytest.mark.parametrize(
    ("given_text", "canonical"),
    [
        ("www.example.com", "www.example.com"),
        ("WWW.Example.COM.", "www.example.com"),
        ("*.Example.com", "*.example.com"),
        ("js-*.example.com", "js-*.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("*.BÜCHER.example/a", "*.xn--bcher-kva.example/a"),
        ("www.example.com/Embed/", "www.example.com/Embed/"),
        ("www.example.com/*/sdk.js?id=AW-", "www.example.com/*/sdk.js?id=AW-"),
        ("example.com:8443/a", "example.com:8443/a"),
        ("example.com:08443", "example.com:8443"),
        ("localhost:5000", "localhost:5000"),
        ("127.0.0.1", "127.0.0.1"),
        ("*/matomo.js", "*/matomo.js"),
        ("*:8080/matomo.js", "*:8080/matomo.js"),
        ("/proxy/ga.js", "/proxy/ga.js"),
        ("my_cdn.example.com", "my_cdn.example.com"),
    ],
)
def test_a_host_has_one_spelling(given_text: str, canonical: str) -> None:
    assert host_pattern(given_text) == canonical
    assert host_pattern(canonical) == canonical


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("https://www.example.com/embed/", "write 'www.example.com/embed'"),
        ("//www.example.com", "write 'www.example.com'"),
        ("https://", "a host has no scheme$"),
        ("https://[::1", "write"),
        ("", "more than a slash"),
        ("/", "more than a slash"),
        ("/*", "more than a slash"),
        ("*", "must say more"),
        ("*/", "must say more"),
        ("*/a*", "must say more"),
        ("*/****", "must say more"),
        ("*.", "a star stands once"),
        ("*.com", "a star stands once"),
        ("*com", "a star stands once"),
        ("*e.com", "a star stands once"),
        ("shop.*.com", "a star stands once"),
        ("shop.*", "a star stands once"),
        ("*.*.example.com", "a star stands once"),
        ("a*.b*.example.com", "a star stands once"),
        ("-a.example", "not the name"),
        ("a..example", "not the name"),
        ("a.example:", "a port is a number"),
        ("a.example:http", "a port is a number"),
        ("a.example:0", "a port is a number"),
        ("a.example:65536", "a port is a number"),
        ("a.example:443", "leave it out"),
        ("a.example:80", "leave it out"),
        ("user@a.example", "not the name"),
        ("a.example?x", "not the name"),
        ("a.example/#x", "no spaces"),
        ("a.example\\b", "no spaces"),
        ("a .example", "no spaces"),
        ("a.example\n", "no spaces"),
        ("<a.example>", "no spaces"),
        ("ü*.example.com", "not the name"),
        ("ü" * 70 + ".example", "not the name"),
        ("\u3002.example", "not the name"),
    ],
)
def test_what_is_no_host_is_told_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        host_pattern(text)


@settings(deadline=None)
@given(st.text(alphabet="aB.*-/:8_ü?xn \\", max_size=14) | st.text(max_size=8))
def test_a_host_that_is_taken_is_taken_again_as_it_stands(text: str) -> None:
    with contextlib.suppress(ValueError):
        canonical = host_pattern(text)
        assert host_pattern(canonical) == canonical
        assert canonical.strip("*/")
        assert canonical.partition("/")[0].isascii()


def test_a_snippet_and_a_storage_key_say_something() -> None:
    assert snippet("fbq(") == "fbq("
    assert storage_key("mp_*") == "mp_*"
    assert storage_key("taboola global:*") == "taboola global:*"
    for text in ("", "ab", " a(  "):
        with pytest.raises(ValueError, match="found everywhere"):
            snippet(text)
    for text in ("", " ", "*", "**", "* *", "a\n", "k" * 257):
        with pytest.raises(ValueError, match="a storage key is printable"):
            storage_key(text)
