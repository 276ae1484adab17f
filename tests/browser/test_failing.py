"""What the banner does when something else does not work: it never stands in the page's way, and grants nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect
from servers import Place
from visitors import Visitor

pytestmark = pytest.mark.browser

_SETTINGS = {
    "services": {
        "stats": {"title": "Stats", "purposes": ["analytics"], "hosts": ["stats.example"], "storage": ["st_*"]},
        "film": {"title": "Film", "purposes": ["marketing"], "hosts": ["film.example"]},
    }
}
_PAGE = """<!doctype html><html lang=en><head><meta charset=utf-8><link rel=icon href="data:,"><title>Page</title></head>
<body><h1>Page</h1><button id=own>Count</button>
<script>document.getElementById("own").onclick = ({ target }) => { target.value = Number(target.value || 0) + 1; };</script>
<iframe src="https://film.example/embed/x" title="Film" width=400 height=300></iframe></body></html>"""

Publish = Callable[..., Visitor]


@pytest.fixture
def publish(serve: Callable[..., Place], visit: Callable[..., Visitor]) -> Publish:
    def published(page: str = _PAGE, *, init: str = "", policy: str = "", **settings: Any) -> Visitor:
        visitor = visit(serve({"/": page}, policy=policy, **_SETTINGS, **settings))
        if init:
            visitor.context.add_init_script(init)
        return visitor

    return published


def _works(visitor: Visitor) -> None:
    """The page itself can be used."""
    own = visitor.page.locator("#own")
    before = visitor.page.evaluate("own.value")
    own.click()
    assert visitor.page.evaluate("own.value") != before


def _hold(visitor: Visitor, address: str) -> list[Route]:
    """Requests that get no answer until their time has come."""
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    visitor.page.route(address, hold)
    return waiting


def _plays(visitor: Visitor) -> None:
    expect(visitor.page.frame_locator("iframe").get_by_role("heading", name="Film")).to_be_visible()


# A slow network, or none


def test_while_an_answer_is_on_its_way_the_buttons_say_so_and_the_page_goes_on(publish: Publish) -> None:
    visitor = publish()
    visitor.go("/")
    waiting = _hold(visitor, "**/_consent/decision")
    accept = visitor.card.get_by_role("button", name="Accept", exact=True)
    accept.click()
    expect(visitor.card.locator("form")).to_have_attribute("aria-busy", "true")
    expect(accept).to_have_attribute("aria-disabled", "true")
    accept.click(force=True)
    visitor.card.get_by_role("button", name="Refuse").click(force=True)
    _works(visitor)
    assert len(waiting) == 1
    assert visitor.elsewhere == []
    waiting[0].continue_()
    _plays(visitor)
    expect(visitor.card).to_have_count(0)
    assert visitor.status() == "accepted"


@pytest.mark.parametrize("how", ["no answer", "no network", "no JSON"])
def test_what_was_not_answered_is_not_granted_and_can_be_said_again(publish: Publish, how: str) -> None:
    quick = "const wait = AbortSignal.timeout.bind(AbortSignal); AbortSignal.timeout = () => wait(200);"
    visitor = publish(init=quick if how == "no answer" else "")
    visitor.go("/")
    if how == "no network":
        visitor.context.set_offline(True)
    else:
        answers: dict[str, Callable[[Route], object]] = {
            "no answer": lambda route: None,
            "no JSON": lambda route: route.fulfill(status=200, body="<!doctype html><h1>Log in to this network</h1>"),
        }
        visitor.page.route("**/_consent/decision", answers[how])
    visitor.card.get_by_role("button", name="Accept", exact=True).click()
    expect(visitor.card.get_by_role("alert")).to_contain_text("could not be saved")
    expect(visitor.card.locator("[aria-disabled], [aria-busy]")).to_have_count(0)
    assert visitor.elsewhere == []
    _works(visitor)

    visitor.context.set_offline(False)
    visitor.page.unroute("**/_consent/decision")
    if how == "no answer":
        visitor.page.evaluate("AbortSignal.timeout = () => new AbortController().signal")
    visitor.accept()
    _plays(visitor)


def test_a_choice_is_not_lost_to_who_leaves_at_once(publish: Publish) -> None:
    visitor = publish()
    visitor.go("/")
    visitor.page.evaluate(
        "() => { document.querySelector('#yc button[value=refuse]').click(); location.assign('/elsewhere'); }"
    )
    visitor.page.wait_for_url("**/elsewhere")
    visitor.wait_until(lambda: visitor.status() == "refused", "the refusal")


# The script does not come, or late


@pytest.mark.parametrize("why", ["network", "policy"])
def test_without_the_script_the_forms_work(publish: Publish, why: str) -> None:
    visitor = publish(policy="script-src 'unsafe-inline' 'sha256-AAAA'" if why == "policy" else "")
    if why == "network":
        visitor.page.route("**/_consent/consent.js*", lambda route: route.abort())
    visitor.go("/")
    if why == "network":
        _works(visitor)
    with visitor.page.expect_navigation():
        visitor.card.get_by_role("button", name="Accept", exact=True).click()
    _plays(visitor)
    expect(visitor.card).to_have_count(0)
    with visitor.page.expect_navigation():
        visitor.page.get_by_role("link", name="Cookie settings").click()
    with visitor.page.expect_navigation():
        visitor.page.get_by_role("button", name="Refuse all").click()
    assert visitor.status() == "refused"
    expect(visitor.page.frame_locator("iframe").get_by_role("button", name="Always allow")).to_be_visible()


def test_before_the_script_has_come_the_page_and_the_form_work(publish: Publish) -> None:
    visitor = publish()
    waiting = _hold(visitor, "**/_consent/consent.js*")
    visitor.page.goto(visitor.place.url, wait_until="commit")
    expect(visitor.card).to_be_visible()
    _works(visitor)
    visitor.wait_until(lambda: waiting, "the script to be asked for")
    waiting[0].continue_()
    visitor.page.wait_for_load_state()
    visitor.accept()
    _plays(visitor)
    assert visitor.loads == ["/"]


# What the browser does not let us have


def test_where_storage_is_blocked_all_works(publish: Publish) -> None:
    visitor = publish(
        init="""for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches"])
          Object.defineProperty(window, name, { get() { throw new DOMException("blocked", "SecurityError"); } });"""
    )
    visitor.go("/")
    visitor.accept()
    _plays(visitor)
    panel = visitor.open_settings()
    with visitor.page.expect_navigation():
        visitor.press("Refuse all", panel)
    expect(visitor.page.frame_locator("iframe").get_by_role("button", name="Always allow")).to_be_visible()
    assert visitor.complaints == []


def test_the_style_passes_a_policy_that_wants_nonces_of_all(publish: Publish) -> None:
    page = "<!doctype html><html lang=en><head><title>Page</title><link rel=icon href=data:,></head><body><h1>Page</h1>"
    visitor = publish(
        page, policy="default-src 'self'; script-src 'nonce-n0nce'; style-src 'nonce-n0nce'; img-src data:"
    )
    visitor.go("/")
    panel = visitor.open_settings()
    expect(panel).to_have_css("position", "fixed")
    assert visitor.page.evaluate("document.head.querySelector('link[rel=stylesheet]').sheet !== null")
    visitor.press("Accept all", panel)
    expect(visitor.page.get_by_role("status")).to_have_css("position", "fixed")
    assert visitor.complaints == []


# One that waits for an answer


@pytest.fixture
def asked(publish: Publish) -> Visitor:
    visitor = publish(layout="modal")
    visitor.go("/")
    return visitor


def _is_modal(visitor: Visitor) -> bool:
    return bool(visitor.page.evaluate("document.querySelector('#yc')?.matches(':modal')"))


def test_a_dialog_is_shown_as_one_and_no_button_has_the_focus(asked: Visitor) -> None:
    asked.wait_until(lambda: _is_modal(asked), "the dialog")
    expect(asked.card.get_by_role("heading")).to_be_focused()
    asked.accept()
    expect(asked.card).to_have_count(0)
    _plays(asked)
    _works(asked)


def test_escape_is_no_choice_and_the_next_page_asks_again(asked: Visitor) -> None:
    asked.wait_until(lambda: _is_modal(asked), "the dialog")
    posts: list[str] = []
    asked.page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    asked.page.keyboard.press("Escape")
    expect(asked.card).to_be_hidden()
    _works(asked)
    asked.expect_silence()
    assert (asked.status(), posts) == ("undecided", [])
    asked.go("/")
    asked.wait_until(lambda: _is_modal(asked), "the dialog")


def test_a_failure_is_said_in_the_dialog_on_top(asked: Visitor) -> None:
    asked.wait_until(lambda: _is_modal(asked), "the dialog")
    asked.page.route("**/_consent/decision", lambda route: route.abort())
    asked.card.get_by_role("link", name="Settings").click()
    panel = asked.page.locator("#yc-d")
    panel.get_by_role("button", name="Accept all").click()
    expect(panel.locator("#yc-e")).to_be_visible()
    expect(asked.card.locator("#yc-e")).to_be_hidden()
    asked.page.unroute("**/_consent/decision")
    asked.press("Accept all", panel)
    expect(asked.page.locator("dialog")).to_have_count(0)
    _plays(asked)
