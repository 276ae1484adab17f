"""Pages whose body is put in the place of another: Turbo, htmx, and routers of a site's own. The banner stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import expect
from servers import ROOT, Place
from visitors import Visitor

pytestmark = pytest.mark.browser

_SETTINGS = {
    "services": {
        "stats": {"title": "Stats", "purposes": ["analytics"], "hosts": ["stats.example"]},
        "film": {"title": "Film", "purposes": ["marketing"], "hosts": ["film.example"]},
    }
}
_PAGE = """<!doctype html><html lang=en><head><meta charset=utf-8><link rel=icon href="data:,"><title>{0}</title>{1}</head>
<body {2}><h1>{0}</h1><nav><a href="/one">one</a> <a href="/two">two</a></nav>
<iframe src="https://film.example/embed/{0}" title="Film" width=400 height=300></iframe>
<script src="https://stats.example/run/{0}.js"></script></body></html>"""
_ROUTER = """<script type="module">
document.addEventListener("click", async (event) => {
  const link = event.target.closest("nav a");
  if (!link) return;
  event.preventDefault();
  const answer = await (await fetch(link.href)).text();
  const page = new DOMParser().parseFromString(answer, "text/html");
  history.pushState(null, "", link.href);
  SWAP;
});
</script>"""
_TURBO = '<script type="module">import "/turbo.js"; window.ready = 1</script>'
#: What stands in the head, and on the body.
LIBRARIES = {
    "turbo": (_TURBO, ""),
    "htmx": ('<script src="/htmx.js"></script>', "hx-boost=true"),
    "a router that replaces the body": (_ROUTER.replace("SWAP", "document.body.replaceWith(page.body)"), ""),
    "a router that fills the body": (_ROUTER.replace("SWAP", "document.body.innerHTML = page.body.innerHTML"), ""),
}
_COUNT = """async () => {
  const { consent } = await import("/_consent/consent.js");
  window.consent = consent;
  window.changes = window.shown = 0;
  consent.addEventListener("change", () => { window.changes += 1; });
  document.addEventListener("consent:shown", () => { window.shown += 1; });
}"""


def _forgetful(app: Any) -> Any:
    """As browsers ask that do not say where an answer goes: each page comes with its banner and its state."""

    def asked(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        told = {key: value for key, value in environ.items() if not key.startswith("HTTP_SEC_FETCH_")}
        answer: Iterable[bytes] = app(told, start_response)
        return answer

    return asked


@pytest.fixture
def start(serve: Callable[..., Place], visit: Callable[..., Visitor]) -> Callable[..., Visitor]:
    """A visitor of the page ``one`` of a site that uses a library."""

    def started(library: str, **options: Any) -> Visitor:
        head, body = LIBRARIES[library]
        pages = {f"/{name}": _PAGE.format(name, head, body) for name in ("one", "two")}
        pages["/turbo.js"] = (ROOT / "node_modules/@hotwired/turbo/dist/turbo.es2017-esm.js").read_text("utf-8")
        pages["/htmx.js"] = files("django_htmx").joinpath("static/django_htmx/htmx-2.js").read_text("utf-8")
        visitor = visit(serve(pages, **{**_SETTINGS, **options}))
        visitor.go("/one")
        visitor.page.evaluate(_COUNT)
        return visitor

    return started


def _follow(visitor: Visitor, name: str) -> None:
    visitor.page.locator("nav").get_by_role("link", name=name).click()
    _is_at(visitor, name)


def _is_at(visitor: Visitor, name: str) -> None:
    expect(visitor.page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    visitor.wait_until(lambda: visitor.page.url.endswith(f"/{name}"), f"the address of {name}")


def _asks(visitor: Visitor) -> None:
    expect(visitor.card).to_have_count(1)
    expect(visitor.card).to_be_visible()
    expect(visitor.card).to_have_css("position", "fixed")
    expect(visitor.page.locator("#yc-l")).to_have_count(1)
    frame = visitor.page.frame_locator("iframe")
    expect(frame.get_by_role("button", name="Always allow")).to_be_visible()


def _plays(visitor: Visitor, name: str) -> None:
    expect(visitor.page.frame_locator("iframe").get_by_role("heading", name="Film")).to_be_visible()
    visitor.wait_until(lambda: f"https://film.example/embed/{name}" in visitor.elsewhere, "the film")


@pytest.mark.parametrize("told", [True, False], ids=["a piece", "a page"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_the_banner_stays_in_a_new_body_and_its_answer_counts_there(
    start: Callable[..., Visitor], library: str, told: bool
) -> None:
    """Whether the new body comes without our banner, or with one of its own."""
    visitor = start(library, around=(lambda app: app) if told else _forgetful)
    posts: list[str] = []
    visitor.page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    _asks(visitor)
    _follow(visitor, "two")
    _asks(visitor)
    _follow(visitor, "one")
    _follow(visitor, "two")
    _asks(visitor)
    assert visitor.elsewhere == []
    assert visitor.page.evaluate("window.shown") >= 3  # a preview of Turbo's is a body too

    visitor.accept()
    _plays(visitor, "two")
    if "fills" not in library:  # no browser runs scripts that come by innerHTML
        visitor.wait_until(lambda: visitor.page.evaluate("window.ran?.includes('two')"), "the script")
    expect(visitor.card).to_have_count(0)
    expect(visitor.page.get_by_role("status")).to_have_text("Your choice is saved.")
    assert (len(posts), visitor.page.evaluate("window.changes")) == (1, 1)

    _follow(visitor, "one")
    _plays(visitor, "one")
    expect(visitor.card).to_have_count(0)
    expect(visitor.page.locator("#yc-l")).to_have_count(1)
    assert visitor.loads == ["/one"], "one page all along"
    assert visitor.complaints == []


@pytest.mark.parametrize("library", ["turbo", "htmx"])
def test_a_body_from_before_the_choice_asks_nothing_and_wakes(start: Callable[..., Visitor], library: str) -> None:
    visitor = start(library)
    _follow(visitor, "two")
    visitor.accept()
    _plays(visitor, "two")
    visitor.page.go_back()
    _is_at(visitor, "one")
    _plays(visitor, "one")
    expect(visitor.card).to_have_count(0)
    expect(visitor.page.locator("#yc-l")).to_have_count(1)
    assert visitor.page.evaluate("consent.status") == "accepted"
    assert visitor.loads == ["/one"]
    assert visitor.complaints == []


def test_what_stands_in_each_head_runs_once(start: Callable[..., Visitor]) -> None:
    """The guard, and what vendors are told first: a later body's are others, since another state holds."""
    visitor = start(
        "turbo", around=_forgetful, wall="guard", services={**_SETTINGS["services"], "google-analytics": {}}
    )
    visitor.accept()
    _plays(visitor, "one")
    _follow(visitor, "two")
    _plays(visitor, "two")
    assert visitor.page.evaluate("dataLayer.map((call) => call[1])") == ["default", "update"]
    assert visitor.complaints == []


def test_a_new_body_knows_what_was_chosen_elsewhere(start: Callable[..., Visitor]) -> None:
    visitor = start("turbo", around=_forgetful)
    _asks(visitor)
    answer = visitor.page.request.post(f"{visitor.place.url}/_consent/decision", data={"action": "accept"})
    assert answer.ok
    _follow(visitor, "two")
    _plays(visitor, "two")
    expect(visitor.card).to_have_count(0)
    visitor.wait_until(lambda: visitor.page.evaluate("consent.status") == "accepted", "the page to know")
    assert visitor.page.evaluate("window.changes") == 1
    assert visitor.loads == ["/one"]


def test_a_new_body_knows_what_was_taken_back_elsewhere(start: Callable[..., Visitor]) -> None:
    visitor = start("turbo", around=_forgetful)
    visitor.accept()
    _plays(visitor, "one")
    loads = len(visitor.loads)
    answer = visitor.page.request.post(f"{visitor.place.url}/_consent/decision", data={"action": "withdraw"})
    assert answer.ok
    visitor.page.locator("nav").get_by_role("link", name="two").click()
    visitor.wait_until(lambda: len(visitor.loads) > loads, "the page to be left for what ran")
    _is_at(visitor, "two")
    visitor.forget()
    visitor.expect_silence()
    assert visitor.page.evaluate("window.ran") is None


def test_the_settings_work_in_a_new_body(start: Callable[..., Visitor]) -> None:
    visitor = start("turbo")
    _follow(visitor, "two")
    panel = visitor.open_settings()
    panel.get_by_role("checkbox", name="Marketing").check()
    visitor.press("Save my choice", panel)
    _plays(visitor, "two")
    assert not visitor.page.evaluate("window.ran")
    assert visitor.page.evaluate("consent.granted") == ["marketing"]


def test_a_body_that_is_replaced_under_a_dialog_leaves_no_dialog_that_nobody_closes(
    start: Callable[..., Visitor],
) -> None:
    visitor = start("turbo")
    visitor.open_settings()
    visitor.page.evaluate("import('/turbo.js').then((turbo) => turbo.visit('/two'))")
    _is_at(visitor, "two")
    visitor.page.go_back()
    _is_at(visitor, "one")
    expect(visitor.page.locator("#yc-d")).to_have_count(0)
    _asks(visitor)
    visitor.open_settings()
    expect(visitor.dialog).to_have_attribute("id", re.compile("yc-d"))
