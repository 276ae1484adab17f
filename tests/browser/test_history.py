"""Pages that the browser keeps alive to go back to must not be alive with what was withdrawn meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from servers import Place
from visitors import Visitor, visiting

pytestmark = pytest.mark.browser


@pytest.fixture(scope="package")
def remembering(launch: Callable[..., Browser]) -> Iterator[Browser]:
    """A browser with its back/forward cache, which playwright would switch off, and the headless shell has not."""
    browser = launch(whole=True, ignore_default_args=["--disable-back-forward-cache"])
    yield browser
    browser.close()


def _note_return(visitor: Visitor) -> None:
    visitor.page.evaluate("addEventListener('pageshow', (event) => { window.kept = event.persisted; })")


def test_pages_do_come_back_from_the_cache(remembering: Browser, bakery: Callable[[str], Place]) -> None:
    """Else the tests below could not fail."""
    with visiting(remembering, bakery("flask")) as visitor:
        visitor.go("/film")
        _note_return(visitor)
        visitor.go("/privacy")
        visitor.page.go_back(wait_until="commit")
        expect(visitor.page.get_by_role("heading", name="The oven")).to_be_visible()
        assert visitor.page.evaluate("window.kept") is True


@pytest.mark.parametrize("agreed_on", ["this page", "an earlier page"])
@pytest.mark.parametrize("withdrawn_in", ["dialog", "settings page"])
def test_going_back_after_withdrawing_shows_nothing_that_runs(
    remembering: Browser, bakery: Callable[[str], Place], agreed_on: str, withdrawn_in: str
) -> None:
    with visiting(remembering, bakery("flask")) as visitor:
        visitor.go("/film")
        visitor.accept()
        visitor.expect_heard()
        if agreed_on == "an earlier page":
            visitor.go("/film")
            visitor.settle()
        visitor.page.evaluate("window.marker = 1")
        if withdrawn_in == "dialog":
            visitor.go("/privacy")
            visitor.page.evaluate("async () => (await import('/_consent/consent.js')).consent.open()")
        else:
            visitor.page.goto(f"{visitor.place.url}/_consent/settings?next=/privacy")
        refuse = visitor.page.get_by_role("button", name="Refuse all")
        with visitor.page.expect_navigation():
            refuse.click()
        visitor.settle()
        visitor.elsewhere.clear()
        visitor.page.evaluate("history.go(-1)" if withdrawn_in == "dialog" else "history.go(-2)")
        placeholder = visitor.page.frame_locator("main iframe").get_by_role("button", name="Always allow")
        expect(placeholder).to_be_visible()
        visitor.expect_silence()
        assert visitor.page.evaluate("window.marker") is None


def test_going_back_after_agreeing_asks_no_more_and_shows_the_page_as_it_was_left(
    remembering: Browser, bakery: Callable[[str], Place]
) -> None:
    with visiting(remembering, bakery("flask")) as visitor:
        visitor.go("/film")
        _note_return(visitor)
        visitor.go("/privacy")
        visitor.accept()
        visitor.page.go_back(wait_until="commit")
        expect(visitor.page.frame_locator("main iframe").get_by_role("heading", name="Film")).to_be_visible()
        expect(visitor.card).to_have_count(0)
        assert visitor.page.evaluate("window.kept") is True


@pytest.fixture
def ahead(serve: Callable[..., Place]) -> tuple[Place, list[str]]:
    """A site whose pages are fetched ahead, and for what purpose its second page was asked for, each time."""
    asked: list[str] = []

    def noting(app: Any) -> Any:
        def noted(environ: dict[str, Any], start_response: Any) -> Any:
            if environ["PATH_INFO"] == "/next":
                asked.append(environ.get("HTTP_SEC_PURPOSE", ""))
            return app(environ, start_response)

        return noted

    rules = '{"%s": [{"where": {"href_matches": "/*"}, "eagerness": "immediate"}]}'
    link = "<a href=/next>Next</a>"
    pages = {
        f"/{kind}": f"<!doctype html><script type=speculationrules>{rules % kind}</script><body>{link}"
        for kind in ("prefetch", "prerender")
    }
    pages["/next"] = "<!doctype html><body><h1>Next</h1><script src=https://stats.example/ahead.js></script>"
    stats = {"purposes": ["analytics"], "hosts": ["stats.example"]}
    return serve(pages, services={"stats": stats}, around=noting), asked


@pytest.mark.parametrize("kind", ["prefetch", "prerender"])
@pytest.mark.parametrize("refused", [False, True])
def test_a_page_that_was_fetched_ahead_is_shown_only_if_nothing_was_refused_meanwhile(
    ahead: tuple[Place, list[str]], browser: Browser, kind: str, refused: bool
) -> None:
    place, asked = ahead
    with visiting(browser, place) as visitor:
        decide = """(action) => fetch("/_consent/decision", {
          method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ action }),
        }).then((answer) => answer.status)"""
        visitor.go("/elsewhere")
        assert visitor.page.evaluate(decide, "accept") == 200
        visitor.go(f"/{kind}")
        visitor.wait_until(lambda: asked, "the page to be fetched ahead")
        assert "prefetch" in asked[0]
        visitor.settle()
        if refused:
            other = visitor.context.new_page()
            other.goto(f"{place.url}/elsewhere")
            assert other.evaluate(decide, "refuse") == 200
        visitor.forget()
        visitor.page.get_by_role("link", name="Next").click()
        expect(visitor.page.get_by_role("heading", name="Next")).to_be_visible()
        visitor.settle()
        assert len(asked) == 1 + refused
        assert visitor.page.locator("script[data-consent-src]").count() == refused
        if refused:
            visitor.expect_silence()
            assert visitor.page.evaluate("window.ran") is None
