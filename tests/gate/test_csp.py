"""What a site's own policy lets us insert."""

from __future__ import annotations

import pytest

from consent.gate.csp import Permits, read_permits


@pytest.mark.parametrize(
    ("policies", "permits"),
    [
        ([], Permits()),
        (["default-src 'self'"], Permits(None, None, inline_style=False)),
        (["script-src 'self'"], Permits()),
        (["default-src 'self' 'unsafe-inline'"], Permits()),
        (
            ["style-src 'nonce-abc'; script-src 'nonce-xyz' 'strict-dynamic'"],
            Permits("abc", "xyz", strict_dynamic=True),
        ),
        (["script-src 'nonce-xyz'", "default-src 'Strict-Dynamic'; style-src *"], Permits(None, "xyz", False, True)),
        (["default-src 'nonce-abc'"], Permits("abc", "abc")),
        (
            ["style-src-elem 'nonce-b'; style-src 'self'; script-src-elem 'nonce-s'; script-src 'none'"],
            Permits("b", "s"),
        ),
        (["style-src 'unsafe-inline' 'nonce-abc'"], Permits("abc", None)),
        (["style-src 'unsafe-inline' 'sha256-AAAA'"], Permits(None, None, inline_style=False)),
        (["style-src 'nonce-a'; style-src 'nonce-b'"], Permits("a", None)),
        (["style-src 'nonce-a'", "style-src 'self'"], Permits("a", None, inline_style=False)),
        (["style-src 'nonce-a', style-src 'nonce-a' 'self'"], Permits("a", None)),
        (["style-src 'nonce-a'", "style-src 'nonce-b'"], Permits(None, None, inline_style=False)),
        (["STYLE-SRC 'UNSAFE-INLINE'"], Permits()),
        (["style-src 'nonce-\"><script>'"], Permits(None, None, inline_style=False)),
        ([";;; ,, "], Permits()),
    ],
)
def test_permits_are_read_as_a_browser_would(policies: list[str], permits: Permits) -> None:
    headers = [("Content-Type", "text/html"), *(("content-security-policy", policy) for policy in policies)]
    assert read_permits(headers) == permits


def test_a_policy_that_only_reports_forbids_nothing() -> None:
    assert read_permits([("Content-Security-Policy-Report-Only", "default-src 'none'")]) == Permits()
