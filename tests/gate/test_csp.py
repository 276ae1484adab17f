"""What a site's own policy lets us insert."""

from __future__ import annotations

import pytest

from consent.gate.csp import Permits, closed, read_permits, wall
from consent.policy.policy import Policy, Purpose, Service


@pytest.mark.parametrize(
    ("policies", "permits"),
    [
        ([], Permits()),
        (["default-src 'self'"], Permits(None, None, inline_style=False, inline_script=False)),
        (["script-src 'self'"], Permits(inline_script=False)),
        (["script-src 'self' 'unsafe-inline'"], Permits()),
        (["script-src 'unsafe-inline' 'strict-dynamic'"], Permits(strict_dynamic=True, inline_script=False)),
        (["default-src 'self' 'unsafe-inline'"], Permits()),
        (
            ["style-src 'nonce-abc'; script-src 'nonce-xyz' 'strict-dynamic'"],
            Permits("abc", "xyz", strict_dynamic=True),
        ),
        (
            ["script-src 'nonce-xyz'", "default-src 'Strict-Dynamic'; style-src *"],
            Permits(None, "xyz", inline_style=False, strict_dynamic=True, inline_script=False),
        ),
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


# The wall

POLICY = Policy.of(
    [Purpose("necessary"), Purpose("analytics"), Purpose("marketing")],
    [
        Service("stats", purposes=("analytics",), hosts=("stats.example", "*.stats.example", "/proxy/", "*/stats.js")),
        Service(
            "maps", purposes=("marketing",), hosts=("maps.example/embed/v;1", "maps.example:8443", "js-*.maps.example")
        ),
        Service("till", purposes=("necessary",), hosts=("till.example",)),
    ],
)
NONE, MARKETING, ALL = frozenset({"necessary"}), frozenset({"necessary", "marketing"}), frozenset(POLICY.names)
OPEN = "'self' 'unsafe-inline' 'unsafe-eval' data: blob: wss://shop.example"
MAPS = "maps.example/embed/ maps.example:8443 *.maps.example"


@pytest.mark.parametrize(
    ("site", "allowed", "ours"),
    [
        # No policy: this site, and who is allowed.
        (None, NONE, f"default-src {OPEN} till.example"),
        (None, MARKETING, f"default-src {OPEN} {MAPS} till.example"),
        (None, ALL, ""),
        # One that lets nobody in who is held needs nothing beside it.
        ("default-src 'self' cdn.example; img-src *.cdn.example", NONE, ""),
        # Held hosts go, whatever their spelling; nonces, hashes and keywords stay.
        ("default-src 'self'; script-src STATS.example 'nonce-x' 'strict-dynamic'", NONE,
         "default-src 'self'; script-src 'nonce-x' 'strict-dynamic' till.example"),
        ("default-src https://a.stats.example:443/x 'self'", NONE, "default-src 'self' till.example"),
        ("default-src 'self' *.example", NONE, "default-src 'self' till.example"),
        ("default-src stats.example", NONE, "default-src till.example"),
        ("default-src maps.example/other/ maps.example:9000", NONE, "default-src maps.example/other/ till.example"),
        ("default-src maps.example/", NONE, "default-src till.example"),
        ("default-src maps.example stats.example", MARKETING, f"default-src maps.example {MAPS} till.example"),
        # What lets everybody in lets in this site and who is allowed.
        ("default-src https: 'unsafe-inline'", NONE,
         "default-src 'unsafe-inline' 'self' data: blob: wss://shop.example till.example"),
        ("img-src *; report-uri /r; form-action *; frame-ancestors 'none'", NONE,
         f"default-src {OPEN} till.example; img-src 'self' data: blob: wss://shop.example till.example; report-uri /r"),
        *(
            (f"default-src 'self' {wide}", NONE, "default-src 'self' data: blob: wss://shop.example till.example")
            for wide in ("http://*:*", "*:*", "https://*", "*:443", "WSS://*", "http://*/x/", "ws:")
        ),
        ("default-src 'self' 'nonce-*' *.own.example", NONE, ""),
        # Each of several.
        ("default-src 'self', default-src stats.example, script-src 'self'", NONE,
         f"default-src till.example, default-src {OPEN} till.example; script-src 'self'"),
    ],
)  # fmt: skip
def test_the_wall_is_the_sites_policy_less_what_is_held(site: str | None, allowed: frozenset[str], ours: str) -> None:
    headers = [] if site is None else [("Content-Security-Policy", site)]
    assert wall(headers, POLICY, allowed, site="shop.example", secure=True) == ours


def test_the_wall_never_lets_held_hosts_through() -> None:
    for sources in (
        "*",
        "https:",
        "stats.example",
        "*.stats.example",
        "a.stats.example/x",
        "maps.example/embed/v",
        "*.maps.example",
    ):
        ours = wall([("content-security-policy", f"default-src {sources}")], POLICY, NONE, site="", secure=False)
        assert "stats" not in ours
        assert "maps" not in ours
        assert ours


def test_undeclared_services_are_held_by_it_too() -> None:
    policy = Policy.of([Purpose("necessary")], undeclared=[Service("x", hosts=("x.example",))])
    site = [("Content-Security-Policy", "default-src 'self' x.example")]
    assert wall(site, policy, NONE, site="shop.example", secure=False) == "default-src 'self'"


def test_a_nothing_that_is_left_is_said() -> None:
    policy = Policy.of(
        [Purpose("necessary"), Purpose("analytics")], [Service("x", purposes=("analytics",), hosts=("x.example",))]
    )
    assert (
        wall([("Content-Security-Policy", "default-src x.example")], policy, NONE, site="", secure=False)
        == "default-src 'none'"
    )


# A page that cannot be read


@pytest.mark.parametrize(
    ("hosts", "undeclared", "style", "image"),
    [
        (["stats.example"], [], True, True),
        (["/proxy/"], [], False, False),
        (["*/stats.js"], [], False, False),
        (["shop.example/proxy/"], [], False, False),
        (["*.example"], [], False, False),
        (["stats.example"], ["*/pixel.gif"], True, False),
    ],
)
def test_a_page_that_cannot_be_read_asks_this_site_unless_that_may_be_somebody_held(
    hosts: list[str],
    undeclared: list[str],
    style: bool,
    image: bool,
) -> None:
    policy = Policy.of(
        [Purpose("necessary"), Purpose("analytics")],
        [
            Service("stats", purposes=("analytics",), hosts=tuple(hosts)),
            Service("till", purposes=("necessary",), hosts=("/till/",)),
        ],
        undeclared=[Service("pixel", hosts=tuple(undeclared))],
    )
    sources = dict(each.split(" ", 1) for each in closed(policy, "shop.example").split("; "))
    assert sources["default-src"] == "'none'"
    assert "allow-scripts" not in sources["sandbox"]
    named = [name for name in ("style-src", "font-src", "img-src") if "'self'" in sources[name]]
    assert named == ["style-src", "font-src"] * style + ["img-src"] * image
