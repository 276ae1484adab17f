"""What the law where the visitor is changes, and what it cannot."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from servers import Place, python
from visitors import Visitor

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
Demo = Callable[..., Place]


def test_under_opt_out_things_run_and_the_banner_says_that_it_assumes(visit: Visit, demo: Demo, script: bool) -> None:
    visitor = visit(demo("--regime", "opt-out"), script=script)
    visitor.go(visitor.place.film)
    expect(visitor.card).to_contain_text("We'll assume you're ok with this, but you can opt out if you wish.")
    visitor.expect_heard()

    with visitor.page.expect_navigation():  # what runs already stops only when the page is left
        visitor.refuse()
    visitor.forget()
    for path in (visitor.place.film, "/"):
        visitor.go(path)
        expect(visitor.card).to_have_count(0)
        visitor.expect_silence()
    assert visitor.cookies().keys() == {"consent"}
    assert visitor.complaints == []


def test_under_opt_out_accepting_takes_the_banner_away_and_nothing_else(visit: Visit, demo: Demo, script: bool) -> None:
    visitor = visit(demo("--regime", "opt-out"), script=script)
    visitor.go(visitor.place.film)
    visitor.expect_heard()
    visitor.accept()
    expect(visitor.card).to_have_count(0)
    visitor.go(visitor.place.film)
    expect(visitor.card).to_have_count(0)
    assert visitor.status() == "accepted"


def test_read_more_leads_to_the_privacy_page(visit: Visit, demo: Demo, script: bool) -> None:
    visitor = visit(demo("--regime", "opt-out"), script=script)
    visitor.go()
    visitor.card.get_by_role("link", name="Read more").click()
    expect(visitor.page.get_by_role("heading", name="About our cookies")).to_be_visible()
    expect(visitor.card).to_be_visible()
    table = visitor.page.get_by_role("table", name="Cookies and services on this website")
    for service in ("Footfall Analytics", "Kino video", "Lantern Ads", "Chirp button"):
        expect(table.get_by_role("rowheader", name=service)).to_be_visible()


def test_a_browser_that_opts_out_is_heard_in_california(visit: Visit, demo: Demo, script: bool) -> None:
    place = demo("--regime", "us-ca")
    visitor = visit(place, script=script, gpc=True)
    for path in (place.film, "/"):
        visitor.go(path)
        expect(visitor.card).to_have_count(0)
        expect(visitor.page.get_by_text("opt-out signal (Global Privacy Control) is honoured")).to_be_visible()
        visitor.expect_silence()
    assert visitor.context.cookies() == []
    assert visitor.status() == "refused"

    without = visit(place, script=script)
    without.go(place.film)
    expect(without.card).to_contain_text("We'll assume")
    expect(without.page.get_by_text("Global Privacy Control")).to_have_count(0)
    expect(without.page.locator("footer").get_by_role("link", name="Your Privacy Choices")).to_be_visible()
    without.expect_heard()


def test_a_choice_made_in_the_face_of_the_signal_counts(visit: Visit, demo: Demo) -> None:
    visitor = visit(demo("--regime", "us-ca"), gpc=True)
    visitor.go(visitor.place.film)
    visitor.expect_silence()
    visitor.page.locator("footer").get_by_role("link", name="Your Privacy Choices").click()
    expect(visitor.dialog).to_contain_text("Global Privacy Control")
    visitor.press("Accept all", visitor.dialog)
    visitor.expect_heard()
    visitor.go(visitor.place.film)
    assert visitor.status() == "accepted"


def test_agreement_is_never_assumed_where_it_must_come_first() -> None:
    command = python("-m", "consent.cli", "demo", "--port", "0", "--regime", "eu", "--wording", "assume")
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert "consent cannot be assumed where the regime 'eu' asks for it first" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "options", [(), ("--regime", "eu"), ("--region", "FR"), ("--regime", "eu", "--wording", "ask")]
)
def test_where_agreement_must_come_first_the_banner_asks(visit: Visit, demo: Demo, options: tuple[str, ...]) -> None:
    visitor = visit(demo(*options))
    visitor.go()
    expect(visitor.card).to_contain_text("starts before you agree")
    expect(visitor.card).not_to_contain_text("assume")
    visitor.expect_silence()
