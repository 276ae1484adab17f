"""Which pages are looked at: in order, once, on the site alone, no further and no more than asked."""

from __future__ import annotations

import re
from urllib.robotparser import RobotFileParser

import pytest

from consent.scan.crawl import Frontier, _locations
from consent.scan.domain import is_third, registrable


def taken(frontier: Frontier) -> list[str]:
    return list(iter(frontier.take, None))


def frontier(**options: object) -> Frontier:
    begun = Frontier(**options)  # type: ignore[arg-type]
    begun.begin(["https://shop.example"])
    return begun


def test_pages_are_taken_once_and_in_order() -> None:
    pages = frontier()
    pages.add(
        ["https://shop.example/b#top", "https://shop.example/", "https://shop.example/b", "https://shop.example/a"]
    )
    assert taken(pages) == ["https://shop.example/", "https://shop.example/b", "https://shop.example/a"]


@pytest.mark.parametrize(
    "link",
    ["https://other.example/", "mailto:a@shop.example", "javascript:void(0)", "https://shop.example/price.PDF", "https://www.shop.example/"],
)  # fmt: skip
def test_what_is_no_page_of_the_site_is_left_out(link: str) -> None:
    pages = frontier()
    pages.add([link])
    assert taken(pages) == ["https://shop.example/"]


def test_no_more_pages_than_the_limit_and_no_further_than_the_depth() -> None:
    pages = frontier(limit=3, depth=1)
    pages.add(["https://shop.example/1"], page="https://shop.example/")
    pages.add(["https://shop.example/2"], page="https://shop.example/1")
    assert taken(pages) == ["https://shop.example/", "https://shop.example/1"]
    pages = frontier(limit=2)
    pages.add([f"https://shop.example/{number}" for number in range(5)])
    assert len(taken(pages)) == 2


def test_robots_and_the_owner_may_leave_pages_out() -> None:
    rules = RobotFileParser()
    rules.parse(["User-agent: *", "Disallow: /private"])
    pages = frontier(robots=rules, skipped=re.compile("logout"))
    pages.add(["https://shop.example/private/1", "https://shop.example/logout", "https://shop.example/lamps"])
    assert taken(pages) == ["https://shop.example/", "https://shop.example/lamps"]


def test_sitemaps_are_read_as_they_are_written() -> None:
    text = "<urlset><url><loc> https://a.example/?a=1&amp;b=2 </loc></url><url><loc><![CDATA[https://a.example/c]]></loc></url></urlset>"
    assert [*_locations(text)] == ["https://a.example/?a=1&b=2", "https://a.example/c"]


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("shop.example.co.uk", "example.co.uk"),
        ("WWW.Example.com.", "example.com"),
        ("someone.github.io", "someone.github.io"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("localhost", "localhost"),
    ],
)
def test_the_registrable_domain(host: str, domain: str) -> None:
    assert registrable(host) == domain


def test_subdomains_of_one_domain_are_no_third_parties() -> None:
    assert not is_third("cdn.shop.example", "www.shop.example")
    assert is_third("shop.other", "shop.example")
    assert not is_third("", "shop.example")
