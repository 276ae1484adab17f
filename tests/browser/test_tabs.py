"""Several tabs of one site: a choice in one of them is the choice in all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from servers import Place, wait_until
from visitors import Visitor
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from consent.wsgi import ConsentMiddleware

pytestmark = pytest.mark.browser

_SETTINGS = {
    "services": {
        "stats": {"title": "Stats", "purposes": ["analytics"], "hosts": ["stats.example"]},
        "film": {"title": "Film", "purposes": ["marketing"], "hosts": ["film.example"]},
        "google-analytics": {},
    }
}
_PAGE = """<!doctype html><html lang=en><head><meta charset=utf-8><link rel=icon href="data:,"><title>Page</title></head>
<body><h1>Page</h1><iframe src="https://film.example/embed/x" title="Film" width=400 height=300></iframe></body></html>"""


@pytest.fixture
def visitor(serve: Callable[..., Place], visit: Callable[..., Visitor]) -> Visitor:
    visitor = visit(serve({"/": _PAGE}, **_SETTINGS))
    visitor.go("/")
    return visitor


def _tab(visitor: Visitor, path: str = "/") -> Page:
    """Another tab of the visitor's, with what it asks our server for in ``asked``."""
    page = visitor.context.new_page()
    page.goto(visitor.place.url + path)
    page.evaluate("window.marker = 1")
    return page


def _asked(page: Page) -> list[str]:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.partition("/_consent/")[2]))
    return asked


def _plays(page: Page) -> None:
    expect(page.frame_locator("iframe").get_by_role("heading", name="Film")).to_be_visible()


def _answered(*pages: Page) -> None:
    """Each page has got an answer to what it asked after all that is to happen."""
    for page in pages:
        assert page.evaluate(
            "async () => { await new Promise((go) => setTimeout(go, 200)); return (await fetch('/x')).ok }"
        )


def test_an_agreement_counts_in_all_tabs_at_the_cost_of_one_question_each(visitor: Visitor) -> None:
    others = [_tab(visitor), _tab(visitor)]
    asked = [_asked(page) for page in (visitor.page, *others)]
    visitor.accept()
    _plays(visitor.page)
    for page in others:
        _plays(page)
        expect(page.locator("#yc")).to_have_count(0)
        expect(page.get_by_role("status")).to_have_text("Your choice is saved.")
        assert page.evaluate("marker") == 1
        assert page.evaluate("import('/_consent/consent.js').then(({ consent }) => consent.status)") == "accepted"
        assert page.evaluate("dataLayer.map((call) => call[1])") == ["default", "update"], "vendors are told too"
    _answered(visitor.page, *others)
    ours = [[each.partition("?")[0] for each in urls] for urls in asked]
    assert [(urls.count("state"), urls.count("decision")) for urls in ours] == [(0, 1), (1, 0), (1, 0)]


def test_a_part_that_is_added_wakes_in_the_other_tab(visitor: Visitor) -> None:
    other = _tab(visitor)
    visitor.page.evaluate("import('/_consent/consent.js').then(({ consent }) => consent.set({ analytics: true }))")
    expect(other.locator("#yc")).to_have_count(0)
    expect(other.frame_locator("iframe").get_by_role("button", name="Always allow")).to_be_visible()
    visitor.page.evaluate("import('/_consent/consent.js').then(({ consent }) => consent.set({ marketing: true }))")
    _plays(other)
    assert other.evaluate("marker") == 1


@pytest.mark.parametrize("where", ["dialog", "settings page"])
def test_a_withdrawal_stops_what_runs_in_the_other_tab(visitor: Visitor, where: str) -> None:
    visitor.accept()
    other = _tab(visitor)
    _plays(other)
    if where == "dialog":
        visitor.open_settings()
    else:
        visitor.go("/_consent/settings?next=/")
    with other.expect_navigation(), visitor.page.expect_navigation():
        visitor.page.get_by_role("button", name="Refuse all").click()
    expect(other.frame_locator("iframe").get_by_role("button", name="Always allow")).to_be_visible()
    assert other.evaluate("window.marker") is None
    assert visitor.loads[-1] == "/"


def test_a_refusal_takes_the_question_away_in_the_other_tab_and_leaves_its_page_alone(visitor: Visitor) -> None:
    other = _tab(visitor)
    other.locator("#yc").get_by_role("button", name="Accept").focus()
    visitor.press("Refuse", visitor.card)
    expect(other.locator("#yc")).to_have_count(0)
    expect(other.locator("#yc-ok")).to_be_focused()
    assert other.evaluate("marker") == 1


def test_without_channels_between_tabs_each_one_learns_when_it_loads(visitor: Visitor) -> None:
    visitor.context.add_init_script("delete window.BroadcastChannel")
    visitor.go("/")
    other = _tab(visitor)
    visitor.accept()
    _plays(visitor.page)
    expect(other.locator("#yc")).to_be_visible()
    other.reload()
    _plays(other)
    assert visitor.complaints == []


def test_another_site_on_the_same_host_is_left_alone(
    serve: Callable[..., Place], visit: Callable[..., Visitor]
) -> None:
    def with_shop(app: ConsentMiddleware) -> Any:
        return DispatcherMiddleware(app, {"/shop": app})  # type: ignore[arg-type]

    visitor = visit(serve({"/": _PAGE}, **_SETTINGS, around=with_shop))
    visitor.go("/")
    other = _tab(visitor, "/shop/")
    asked = _asked(other)
    visitor.accept()
    _plays(visitor.page)
    _answered(visitor.page, other)
    expect(other.locator("#yc")).to_be_visible()
    assert "state" not in asked


def test_what_cannot_be_learned_stops_what_runs(visitor: Visitor) -> None:
    visitor.accept()
    other = _tab(visitor)
    _plays(other)
    other.route("**/_consent/state*", lambda route: route.abort())
    panel = visitor.open_settings()
    with other.expect_navigation():
        panel.get_by_role("button", name="Refuse all").click()
    expect(other.frame_locator("iframe").get_by_role("button", name="Always allow")).to_be_visible()


def test_a_message_of_anybodys_grants_nothing(visitor: Visitor) -> None:
    """It is a reason to ask the server, and nothing else."""
    asked = _asked(visitor.page)
    visitor.page.evaluate(
        "() => { const one = new BroadcastChannel(location.origin + '/_consent/decision');"
        " one.postMessage({ granted: ['analytics', 'marketing'], status: 'accepted' }); }"
    )
    wait_until(lambda: visitor.page.evaluate("1") and any(each.startswith("state") for each in asked), "the question")
    visitor.expect_silence()
    expect(visitor.card).to_be_visible()
