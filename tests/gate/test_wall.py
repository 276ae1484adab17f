"""What the head guard is told, where it stands in a page, and that a page with nothing held has none."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from consent.exchange import Consent, Facts, Pass
from consent.gate.wall import told
from consent.policy.policy import Policy, Purpose, Service
from consent.policy.settings import read_settings

STATS = Service("stats", purposes=("analytics", "marketing"), hosts=("stats.example", "*.stats.example/a"))
OWN = Service("own", purposes=("necessary",), hosts=("stats.example/free",))
QUIET = Service("quiet", purposes=("analytics",), cookies=())
PURPOSES = [Purpose("necessary"), Purpose("analytics"), Purpose("marketing")]
_SERVICES = {"stats": {"purposes": ["analytics"], "hosts": ["stats.example"]}}


def test_the_list_has_who_is_declared_and_what_no_choice_lets_go() -> None:
    trackers = [Service("x", hosts=("x.example", "y.example")), Service("z", hosts=("y.example", "z.example"))]
    policy = Policy.of(PURPOSES, [STATS, OWN, QUIET], undeclared=trackers)
    assert told(policy).split("\n") == [
        "stats analytics,marketing stats.example *.stats.example/a",
        "own necessary stats.example/free",
        "  x.example y.example z.example",
    ]
    assert told(Policy.of(PURPOSES)) == ""


def shaped(
    *headers: tuple[str, str],
    settings: dict[str, Any] | None = None,
    asks: dict[str, str] | None = None,
    kind: str = "text/html",
) -> tuple[str, list[tuple[str, str]], list[str]]:
    """A page through a site: what leaves of it, its headers, and the pages that were left unguarded."""
    unguarded: list[str] = []
    given = {"services": _SERVICES, "undeclared": "allow", "wall": "guard", **(settings or {})}
    consent = Consent(read_settings(given, keys="a key for the pages of this test"), unguarded=unguarded.append)
    sent = {"sec-fetch-dest": "document", "host": "shop.example", **(asks or {})}
    facts = Facts(
        method="GET", path="/page", header=sent.get, scheme="https", host="shop.example", now=1.7e9, entropy=bytes
    )
    step = consent.handle(facts)
    assert isinstance(step, Pass)
    _, found, stream = step.shape(200, [("Content-Type", f"{kind}; charset=utf-8"), *headers])[:3]
    assert stream is not None
    page = stream.feed(b"<!doctype html><html><head><title>T</title></head><body>x</body></html>") + stream.finish()
    return page.decode(), found, unguarded


GUARD = re.compile(r'<head><script data-granted="([^"]*)" data-held="([^"]*)"([^>]*)>(.*?)</script>', re.DOTALL)


def test_the_guard_is_first_in_the_head_and_says_who_is_held() -> None:
    page, _, _ = shaped()
    found = GUARD.search(page)
    assert found is not None
    assert (found[1], html.unescape(found[2]), found[3]) == ("necessary", "stats analytics stats.example", "")
    assert "sendBeacon" in found[4]


@pytest.mark.parametrize(
    ("policy", "attributes"),
    [
        ("script-src 'nonce-abc'", r' nonce="abc"'),
        ("script-src 'unsafe-inline'", ""),
        ("default-src 'self'", r' src="//shop\.example/_consent/guard\.js\?v=[0-9a-f]{12}"'),
        (
            "script-src 'unsafe-inline' 'sha256-AAAA' shop.example",
            r' src="//shop\.example/_consent/guard\.js\?v=[0-9a-f]{12}"',
        ),
        ("script-src https://other.example", None),
        ("script-src 'none'", None),
        ("script-src 'self' 'strict-dynamic' 'sha256-AAAA'", None),
    ],
)
def test_the_guard_goes_the_way_that_the_pages_policy_leaves_it(policy: str, attributes: str | None) -> None:
    page, _, unguarded = shaped(("Content-Security-Policy", policy))
    found = GUARD.search(page)
    assert unguarded == ([] if attributes is not None else ["/page"])
    if attributes is None:
        assert "data-held" not in page
    else:
        assert found is not None
        assert re.fullmatch(attributes, found[3])
        assert bool(found[4]) == ("src=" not in attributes)


@pytest.mark.parametrize("wall", ["off", "csp", "csp-report"])
def test_another_wall_has_no_guard(wall: str) -> None:
    page, _, unguarded = shaped(settings={"wall": wall})
    assert ("data-held" in page, unguarded) == (False, [])


def test_a_page_on_which_nothing_is_held_has_neither_guard_nor_policy() -> None:
    for wall in ("guard", "csp"):
        page, headers, _ = shaped(settings={"wall": wall, "regime": "us-ca"})
        assert "data-held" not in page
        assert "Content-Security-Policy" not in dict(headers)


@pytest.mark.parametrize(("destination", "guarded"), [("iframe", True), ("frame", True), ("empty", False)])
def test_frames_are_guarded_and_pieces_of_a_page_are_not(destination: str, guarded: bool) -> None:
    page, _, _ = shaped(asks={"sec-fetch-dest": destination})
    assert ("data-held" in page) == guarded


def test_xhtml_has_no_guard_and_that_is_said() -> None:
    page, _, unguarded = shaped(kind="application/xhtml+xml")
    assert ("data-held" in page, unguarded) == (False, ["/page"])


@pytest.mark.parametrize(
    ("wall", "name"), [("csp", "Content-Security-Policy"), ("csp-report", "Content-Security-Policy-Report-Only")]
)
def test_the_policy_stands_beside_the_sites_own(wall: str, name: str) -> None:
    own = ("Content-Security-Policy", "default-src 'self' stats.example")
    _, headers, _ = shaped(own, settings={"wall": wall})
    assert [header for header in headers if "Security" in header[0]] == [own, (name, "default-src 'self'")]


def test_the_mark_on_a_page_tells_walls_apart() -> None:
    tags = {dict(shaped(("ETag", '"a"'), settings={"wall": wall})[1])["ETag"] for wall in ("off", "guard", "csp")}
    assert len(tags) == 3
