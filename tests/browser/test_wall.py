"""The second wall: what scripts build or call themselves, with and without it, as ``docs/wall.md`` tells it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, expect
from servers import ROOT, Outside, Place, Quiet, serving, wait_until
from visitors import Visitor
from werkzeug.serving import make_server

from consent.gate.match import Rules
from consent.policy.settings import read_settings
from consent.wsgi import ConsentMiddleware

pytestmark = pytest.mark.browser

_SERVICES = {
    "stats": {"title": "Stats", "purposes": ["analytics"], "hosts": ["*.held.example", "/proxy/"]},
    "maps": {"title": "Maps", "purposes": ["marketing"], "hosts": ["maps.example/held/"]},
    "fonts": {"title": "Fonts", "purposes": ["necessary"], "hosts": ["free.example"]},
}
_BUILD = "const make = (name, more) => Object.assign(document.createElement(name), more);"

#: What a page's script does; ``HELD`` is a host of its own below that of the held service. In the table's words.
ATTEMPTS = {
    "adds a script": "document.head.append(make('script', { src: HELD + '/a.js' }))",
    "sets an address with `setAttribute`": "const s = make('script'); s.setAttribute('SRC', HELD + '/a.js'); document.head.appendChild(s)",
    "loads a picture that is nowhere in the page": "new Image().src = HELD + '/p.gif'",
    "sets `srcset`": "document.body.prepend(make('img', { srcset: HELD + '/p.gif 1x, /own.gif 2x' }))",
    "adds a frame": "document.body.append(make('iframe', { src: HELD + '/embed/' }))",
    "adds a frame with a document in it": "document.body.append(make('iframe', { srcdoc: `<img src='${HELD}/p.gif'>` }))",
    "adds a stylesheet": "document.head.append(make('link', { rel: 'stylesheet', href: HELD + '/s.css' }))",
    "asks to load ahead": "document.head.append(make('link', { rel: 'preload', as: 'image', href: HELD + '/p.gif' }))",
    "makes a link a stylesheet later": "const l = make('link', { href: HELD + '/s.css' }); document.head.append(l); l.rel = 'stylesheet'",
    "adds to a link's `relList`": "const l = make('link', { href: HELD + '/s.css' }); document.head.append(l); l.relList.add('stylesheet')",
    "adds rules for pages to load ahead": "document.head.append(make('script', { type: 'speculationrules', textContent: JSON.stringify({ prefetch: [{ urls: [HELD + '/embed/'] }] }) }))",
    "plays a video or a sound": "document.body.append(make('video', { src: HELD + '/v', preload: 'auto' }))",
    "makes an `Audio`": "new Audio(HELD + '/v').load()",
    "adds an object": "document.body.append(make('object', { data: HELD + '/embed/' }))",
    "adds an embed": "document.body.append(make('embed', { src: HELD + '/embed/', type: 'text/html' }))",
    "sets `innerHTML`": "document.body.append(make('div', { innerHTML: `<p><img src=${HELD}/p.gif>` }))",
    "calls `insertAdjacentHTML`": "document.head.insertAdjacentHTML('beforeend', `<link rel=stylesheet href='${HELD}/s.css'>`)",
    "sets `outerHTML`": "const e = make('p'); document.body.append(e); e.outerHTML = `<iframe src='${HELD}/embed/'></iframe>`",
    "calls `document.write`": "document.write(`<p>kept</p><script src=\"${HELD}/a.js?a=1&amp;b=2\"></script>`)",
    "writes a tag in pieces": "document.write('<scr'); document.write(`ipt src='${HELD}`); document.write(`/a.js'></scr`, 'ipt>')",
    "clones a template": "const t = make('template'); t.innerHTML = `<img src=${HELD}/p.gif>`; document.body.append(t.content.cloneNode(true))",
    "makes a fragment": "document.body.append(document.createRange().createContextualFragment(`<script src=${HELD}/a.js></script>`))",
    "calls `fetch`": "fetch(HELD).catch(() => {})",
    "fetches a `Request`": "fetch(new Request(HELD)).catch(() => {})",
    "fetches what says an address when it is asked": "fetch({ toString: () => HELD, url: '/' }).catch(() => {})",
    "uses `XMLHttpRequest`": "const x = new XMLHttpRequest(); x.open('GET', HELD); x.send()",
    "sends a beacon": "navigator.sendBeacon(HELD, 'x')",
    "opens a `WebSocket`": "new WebSocket(HELD.replace('https', 'wss'))",
    "opens an `EventSource`": "new EventSource(HELD)",
    "loads from a path of your own site": "document.head.append(make('script', { src: '/proxy/NAME.js' }))",
    "starts a worker from a path of your own site": "new Worker('/proxy/NAME.js')",
    "imports a module": "import(HELD + '/a.js').catch(() => {})",
    "styles with an address": "document.body.style.backgroundImage = `url(${HELD}/p.gif)`",
    "loads a font": "new FontFace('held', `url(${HELD}/font)`).load().catch(() => {})",
    "calls from a worker": "new Worker(URL.createObjectURL(new Blob([`fetch('${HELD}').catch(() => {})`])))",
    "borrows `fetch` from an empty frame": "const f = make('iframe'); document.body.append(f); f.contentWindow.fetch(HELD).catch(() => {})",
    "writes into an empty frame": "const f = make('iframe'); document.body.append(f); f.contentDocument.write(`<img src='${HELD}/p.gif'>`); f.contentDocument.close()",
    "adds a frame with a `data:` or `blob:` address": "document.body.append(make('iframe', { src: `data:text/html,<img src='${HELD}/p.gif'>` }))",
    "changes an attribute that stands": "const i = make('img', { src: 'data:,' }); document.body.append(i); i.getAttributeNode('src').value = HELD + '/p.gif'",
    "sets the `background` of an old attribute": "document.body.setAttribute('background', HELD + '/p.gif')",
    "has a link ping": "const a = make('a', { href: '#', ping: HELD }); document.body.append(a); a.click()",
    "leaves for another page": "setTimeout(() => { location = HELD + '/embed/' })",
    "opens a window": "open(HELD + '/embed/')",
    "sends a form": "const f = make('form', { action: HELD + '/embed/' }); document.body.append(f); f.submit()",
}  # fmt: skip
#: What stands in the page as the server sends it.
WRITTEN = {
    "a script": "<script src='HELD/a.js'></script>",
    "a picture": "<img src='HELD/p.gif' alt=''>",
    "a frame": "<iframe src='HELD/embed/'></iframe>",
    "a style with an address": "<style>h1 { background: url(HELD/p.gif) }</style>",
}
_POLICY = "default-src 'none'; script-src 'nonce-abc'; style-src 'self' 'nonce-abc'; connect-src 'self'; img-src 'self' data:; form-action 'self'"

Sites = Callable[..., "Site"]


class Site:
    """A site of one wall: a page for each attempt, and any other that a test publishes."""

    def __init__(self, place: Place, pages: dict[str, tuple[str, str]], hits: list[str]) -> None:
        self.place, self.pages, self.hits = place, pages, hits

    def publish(self, head: str = "", *, script: str = "", body: str = "", policy: str = "") -> None:
        """``script`` is a file of the site's own, which runs in the middle of the body."""
        nonce = "nonce=abc" if "nonce-abc" in policy else ""
        after = f"<script {nonce} src=/own.js></script>" if script else ""
        self.pages["/"] = _page(head, f"{body}{after}"), policy
        self.pages["/own.js"] = f"{_BUILD} {script}", ""


def _page(head: str, body: str) -> str:
    icon = '<link rel=icon href="data:,">'
    return f"<!doctype html><html lang=en><head><meta charset=utf-8>{icon}{head}</head><body><h1>Page</h1>{body}"


def _pages() -> dict[str, tuple[str, str]]:
    pages: dict[str, tuple[str, str]] = {}
    for number, code in enumerate(ATTEMPTS.values()):
        pages[f"/try/{number}"] = _page("", f"<script src=/try/{number}.js></script>"), ""
        held = f"const HELD = 'https://try{number}.held.example';"
        pages[f"/try/{number}.js"] = f"{{ {_BUILD} {held} {code.replace('NAME', f'try{number}')} }}", ""
    for number, html in enumerate(WRITTEN.values()):
        pages[f"/written/{number}"] = _page("", html.replace("HELD", f"https://written{number}.held.example")), ""
    return pages


@pytest.fixture
def site(outside: Outside, tmp_path: Path) -> Iterator[Sites]:
    with ExitStack() as stack:

        def start(wall: str, **settings: Any) -> Site:
            pages, hits = _pages(), []

            def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
                path = environ["PATH_INFO"]
                text, policy = pages.get(path, ("<!doctype html><title>Empty</title>", ""))
                if path.startswith("/proxy/"):
                    hits.append(path)
                kind = "text/javascript" if path.endswith(".js") else "text/html; charset=utf-8"
                start_response(
                    "200 OK", [("Content-Type", kind), *([("Content-Security-Policy", policy)] * bool(policy))]
                )
                return [text.encode()]

            log = f"sqlite:///{tmp_path / f'{wall}.db'}"
            settings = {"services": _SERVICES, "log": log, "wall": wall, "undeclared": "allow", **settings}
            middleware = ConsentMiddleware(app, settings, secret_key="a key for the pages of this test")
            server = make_server("127.0.0.1", 0, middleware, threaded=True, request_handler=Quiet)
            url = stack.enter_context(serving(server))
            stack.callback(middleware.site.close)
            return Site(Place(wall, url, log, "/", frozenset(), frozenset(), frozenset(), outside.heard), pages, hits)

        yield start


def _table() -> dict[str, list[bool]]:
    """What ``docs/wall.md`` says: for each row, whether it is stopped by the gate alone, with the guard, with a csp."""
    text = (ROOT / "docs" / "wall.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+) \| (yes|no) \| (yes|no) \| (yes|no) \|$", text, re.MULTILINE)
    return {name: [cell == "yes" for cell in cells] for name, *cells in rows}


def _stopped(site: Site, visitor: Visitor, due: Collection[str]) -> dict[str, bool]:
    """What was stopped, of everything that is tried; ``due`` is what should come through."""
    names = [*(f"try{number}" for number in range(len(ATTEMPTS))), *(f"written{n}" for n in range(len(WRITTEN)))]
    titles = dict(zip(names, (*ATTEMPTS, *WRITTEN), strict=True))

    def through(name: str) -> bool:
        return visitor.heard().get(f"{name}.held.example", 0) > 0 or f"/proxy/{name}.js" in site.hits

    # A busy machine needs longer for what is due.
    for patience, tried in ((60, names), (1500, [name for name in names if titles[name] in due])):
        for name in tried:
            if not through(name):
                path = re.sub(r"([a-z]+)(\d+)", r"/\1/\2", name)
                try:
                    visitor.go(path)
                except Error:  # the page before it was still being led elsewhere
                    visitor.go(path)
                visitor.page.wait_for_timeout(patience)
        visitor.page.wait_for_timeout(700)
    return {title: not through(name) for name, title in titles.items()}


def _said(column: int, *, strangers: bool = False) -> dict[str, bool]:
    """What a wall stops, as the table says it. ``strangers``: whether the host that is tried was never declared; then
    paths of this site are nobody's."""
    return {name: row[column] and not (strangers and "of your own site" in name) for name, row in _table().items()}


def _due(said: dict[str, bool]) -> set[str]:
    return {name for name, stopped in said.items() if not stopped}


def test_the_table_has_a_row_for_each_attempt() -> None:
    assert set(_table()) == {*ATTEMPTS, *WRITTEN}


@pytest.mark.parametrize(("column", "wall"), list(enumerate(("off", "guard", "csp"))))
def test_what_each_wall_stops_is_what_the_table_says(
    site: Sites, visit: Callable[..., Visitor], column: int, wall: str
) -> None:
    there = site(wall)
    said = _said(column)
    assert _stopped(there, visit(there.place), _due(said)) == said


@pytest.mark.parametrize(("column", "wall"), list(enumerate(("off", "guard", "csp"))))
def test_on_a_strict_site_each_wall_stops_strangers_as_the_table_says(
    site: Sites, visit: Callable[..., Visitor], column: int, wall: str
) -> None:
    there = site(wall, services={"fonts": _SERVICES["fonts"]}, strict=True, undeclared="hold")
    said = _said(column, strangers=True)
    assert _stopped(there, visit(there.place), _due(said)) == said


@pytest.mark.parametrize("wall", ["guard", "csp"])
def test_nothing_is_stopped_once_it_is_agreed_to(site: Sites, visit: Callable[..., Visitor], wall: str) -> None:
    there = site(wall)
    visitor = visit(there.place)
    visitor.go("/")
    visitor.accept()
    found = _stopped(there, visitor, _table())
    assert not any(found.values()), found
    assert not [each for each in visitor.complaints if each.startswith("violates")]


# How it is refused, and what happens then


@pytest.mark.parametrize("wall", ["off", "guard"])
def test_a_refused_call_fails_as_a_blocked_one_does(site: Sites, visit: Callable[..., Visitor], wall: str) -> None:
    there = site(wall)
    visitor = visit(there.place)
    visitor.go("/")
    said = visitor.page.evaluate("""async () => {
      const HELD = "https://calls.held.example", told = {};
      const thrown = (act) => { try { act(); return ""; } catch (error) { return error.name; } };
      told.fetch = await fetch(HELD).then(() => "", (error) => error.name);
      told.beacon = navigator.sendBeacon(HELD);
      told.request = await new Promise((say) => {
        const request = new XMLHttpRequest();
        request.open("GET", HELD);
        request.onload = () => say(""), request.onerror = () => say(`error ${request.status}`);
        request.send();
      });
      told.waiting = thrown(() => { const request = new XMLHttpRequest(); request.open("GET", HELD, false); request.send(); });
      told.socket = thrown(() => new WebSocket(HELD.replace("https", "wss")).close());
      told.source = thrown(() => new EventSource(HELD).close());
      told.peer = thrown(() => new RTCPeerConnection({ iceServers: [{ urls: ["stun:calls.held.example:3478"] }] }).close());
      told.other = thrown(() => new RTCPeerConnection({ iceServers: [{ urls: "stun:free.example" }] }).close());
      return told;
    }""")
    error = {
        "fetch": "TypeError", "beacon": False, "request": "error 0", "waiting": "NetworkError", "socket": "SecurityError",
        "source": "SecurityError", "peer": "SecurityError", "other": "",
    }  # fmt: skip
    passed = dict.fromkeys(error, "") | {"beacon": True}
    assert said == (error if wall == "guard" else passed)
    assert (visitor.heard().get("calls.held.example", 0) == 0) == (wall == "guard")


_LATER = """
const told = window.told = [];
const script = make("script", { src: "https://later.held.example/late.js", onload: () => told.push("loaded") });
told.push(script.src);
document.head.append(script);
document.body.append(make("img", { src: "https://later.held.example/p.gif", id: "picture" }));
document.body.append(make("iframe", { src: "https://later.held.example/embed/", title: "Film" }));
document.body.append(make("div", { id: "html", innerHTML: "<p onclick='told.push(`clicked`)'>Text <img src='https://later.held.example/q.gif' alt=''></p>" }));
"""


@pytest.mark.parametrize("policy", ["", "script-src 'nonce-abc' 'strict-dynamic'"])
def test_what_scripts_built_wakes_where_it_is(site: Sites, visit: Callable[..., Visitor], policy: str) -> None:
    there = site("guard")
    there.publish(script=_LATER, policy=policy)
    visitor = visit(there.place)
    visitor.go("/")
    assert visitor.page.evaluate("told") == ["https://later.held.example/late.js"]
    assert visitor.page.locator("[data-consent-for=analytics][data-consent-service=stats]").count() == 4
    visitor.expect_silence()
    visitor.accept()
    wait_until(lambda: visitor.page.evaluate("told.includes('loaded') && window.ran?.includes('late')"), "the script")
    wait_until(lambda: visitor.heard()["later.held.example"] == 4, "four requests")
    expect(visitor.page.frame_locator("iframe").get_by_role("heading", name="Film")).to_be_visible()
    assert visitor.page.evaluate("picture.src") == "https://later.held.example/p.gif"
    assert visitor.page.evaluate("fetch('https://later.held.example').then((answer) => answer.ok)")
    if not policy:
        visitor.page.locator("#html p").click()
        assert visitor.page.evaluate("told.at(-1)") == "clicked"
        assert visitor.complaints == []


def test_the_most_specific_owner_counts_for_scripts_too(site: Sites, visit: Callable[..., Visitor]) -> None:
    there = site("guard")
    visitor = visit(there.place)
    visitor.go("/")
    asked = "(url) => fetch(url).then(() => true, () => false)"
    for url, passes in {
        "https://free.example/x": True, "https://maps.example/other": True, "https://maps.example/held/x": False,
        "//MAPS.example./held/../held/%68": False, "https://notheld.example": True, "https://held.example": True,
        "https://a.b.held.example": False, "/proxy/x": False, "/privacy": True, "https://a.held.example:443/": False,
    }.items():  # fmt: skip
        assert visitor.page.evaluate(asked, url) is passes, url


@pytest.mark.parametrize("wall", ["guard", "csp"])
def test_a_strict_sites_scripts_reach_this_site_and_who_is_declared(
    site: Sites, visit: Callable[..., Visitor], wall: str
) -> None:
    there = site(wall, undeclared="hold", strict=True)
    there.publish(
        script="for (const host of ['free', 'new']) document.body.append(make('img', { src: `https://${host}.example/p.gif` }))"
    )
    visitor = visit(there.place)
    visitor.go("/")
    asked = "(url) => fetch(url).then(() => true, () => false)"
    for url, passes in {
        "https://free.example/x": True, "/own": True, there.place.url: True, "https://new.example/x": False,
        "https://maps.example/other": False, "https://127.0.0.1:1/x": False,
    }.items():  # fmt: skip
        assert visitor.page.evaluate(asked, url) is passes, url
    visitor.accept()
    if wall == "guard":
        wait_until(lambda: visitor.page.evaluate(asked, "https://maps.example/held/x"), "what was agreed to")
    else:  # the page's policy stands
        expect(visitor.card).to_be_hidden()
        assert not visitor.page.evaluate(asked, "https://maps.example/held/x")
    assert visitor.page.evaluate(asked, "https://new.example/x") is False
    assert (visitor.heard().get("free.example", 0), visitor.heard().get("new.example", 0)) == (2, 0)


_FIRST_PARTY = """
const box = make("div");
document.body.append(box, "text");
box.innerHTML = "<table><tr><td>1<template><b>t</b></template></table><code>&lt;img src='https://x.held.example'&gt;</code>";
box.insertAdjacentHTML("beforeend", "<a href='https://x.held.example/privacy'>x</a>");
const link = make("a", { href: "https://x.held.example/privacy" });
const rel = make("link", { rel: "canonical", href: "https://x.held.example/" });
document.head.append(rel);
const picture = make("img", { src: "https://x.held.example/p.gif" });
picture.src = "/own.gif";
const data = make("x-player");
data.setAttribute("src", "https://x.held.example/v");
window.told = [box.innerHTML, link.href, rel.href, picture.outerHTML, data.outerHTML, new WebSocket("ws://127.0.0.1:1") instanceof WebSocket,
  fetch.name, fetch.length, document.createElement("img").src, Object.keys(window).some((key) => /consent|guard/.test(key)),
  Node.prototype.appendChild.toString()];
"""


def test_what_is_the_sites_own_is_as_it_was(site: Sites, visit: Callable[..., Visitor]) -> None:
    told: list[list[Any]] = []
    for wall in ("off", "guard"):
        there = site(wall)
        there.publish(script=_FIRST_PARTY)
        visitor = visit(there.place)
        visitor.go("/")
        told.append(visitor.page.evaluate("told"))
    without, guarded = told
    assert len(without) == 11
    assert without[:3] == guarded[:3]
    assert without[4:10] == guarded[4:10]
    assert 'src="/own.gif"' in guarded[3]
    assert "data-consent-src" not in guarded[3]
    assert "[native code]" in guarded[10]


_PIECES = """<main><script>
document.write("<p title='a>b' id=a cla"); document.write("ss=x>one</p>", "1 < 2 <");
document.writeln("b>two</b><i"); document.write("hidden>three</i><!-- <u", "> -->");
document.write("<script>document.write('<em'); document.write('>four</em>')</" + "script><s");
document.write("mall>five</small>"); document.write(null, 6, undefined, "<q");
</script> lang=en>seven</q></main>"""


def test_what_is_written_in_pieces_is_what_was_to_be_written(site: Sites, visit: Callable[..., Visitor]) -> None:
    told: list[str] = []
    for wall in ("off", "guard"):
        there = site(wall)
        there.publish(body=_PIECES)
        visitor = visit(there.place)
        visitor.go("/")
        told.append(visitor.page.evaluate("document.querySelector('main').innerHTML"))
    assert told[0] == told[1]
    assert all(f">{word}</" in told[0] for word in ("one", "two", "four", "five", "seven"))


def test_rules_for_pages_to_load_ahead_may_name_who_is_free_and_choose_among_the_sites_own(
    site: Sites, visit: Callable[..., Visitor]
) -> None:
    there = site("guard", undeclared="allow")
    visitor = visit(there.place)
    visitor.go("/")
    own, beside = {"href_matches": "/*"}, {"selector_matches": ".next"}
    for rules, passes in (
        ({"prefetch": [{"urls": ["/next", "https://free.example/"]}]}, True),
        ({"prefetch": [{"urls": ["/next"]}], "prerender": [{"urls": ["//a.held.example/x"]}]}, False),
        ({"prefetch": [{"urls": ["x"], "relative_to": "document"}]}, True),
        ({"prefetch": [{"where": own, "eagerness": "moderate"}]}, True),
        ({"prefetch": [{"source": "document", "where": {"href_matches": ["./a", "/b"]}}]}, True),
        ({"prefetch": [{"where": {"and": [own, {"not": {"href_matches": "/leave"}}, beside]}}]}, True),
        ({"prefetch": [{"where": {"not": {"href_matches": "/leave"}}}]}, False),
        ({"prefetch": [{"where": beside}, {"where": own}]}, False),
        ({"prefetch": [{"where": own}, {"where": beside}]}, False),
        ({"prefetch": [{"where": {"href_matches": "//*/x"}}]}, False),
        ({"prefetch": [{"source": "document"}]}, False),
        ({"prefetch": [{"where": {"href_matches": "https://b.held.example/*"}}]}, False),
    ):  # fmt: skip
        script = """(rules) => {
          const script = document.createElement("script");
          script.type = "speculationrules";
          script.textContent = JSON.stringify(rules);
          document.head.append(script);
          return script.type === "speculationrules";
        }"""
        assert visitor.page.evaluate(script, rules) is passes, rules
    rules = visitor.page.locator("head script[type=speculationrules]")
    expect(rules).to_have_count(5)
    visitor.accept()
    expect(rules).to_have_count(12)


@pytest.mark.parametrize(
    ("policy", "way"),
    [
        (_POLICY, "inline"),
        (
            "script-src 'nonce-abc' 'strict-dynamic'; require-trusted-types-for 'script'; trusted-types consent",
            "inline",
        ),
        ("default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:", "file"),
        ("script-src 'self'", "file"),
    ],
)
@pytest.mark.parametrize("wall", ["guard", "csp", "csp-report"])
def test_a_strict_policy_is_kept(site: Sites, visit: Callable[..., Visitor], policy: str, way: str, wall: str) -> None:
    there = site(wall)
    there.publish(script="document.body.append(make('p', { textContent: 'ran' }))", policy=policy)
    visitor = visit(there.place)
    visitor.go("/")
    expect(visitor.page.get_by_text("ran", exact=True)).to_be_visible()
    guards = visitor.page.locator("head > script:first-child[data-held]")
    assert guards.count() == (wall == "guard")
    if wall == "guard":
        assert (guards.get_attribute("src") is not None) == (way == "file")
        assert visitor.page.evaluate("navigator.sendBeacon('https://x.held.example')") is False
    visitor.accept()
    visitor.settle()
    assert visitor.complaints == []


def test_a_policy_that_only_reports_stops_nothing(site: Sites, visit: Callable[..., Visitor]) -> None:
    there = site("csp-report")
    there.publish(
        script="new Image().src = 'https://seen.held.example/p.gif'; new Image().src = 'https://free.example/p.gif'"
    )
    visitor = visit(there.place)
    reports: list[str] = []
    visitor.context.on("console", lambda message: reports.append(message.text))
    visitor.go("/")
    wait_until(lambda: visitor.heard()["seen.held.example"], "the picture")
    visitor.settle()
    assert any("seen.held.example" in text for text in reports)
    assert not any("free.example" in text and "seen" not in text.partition("violates")[0] for text in reports)


def test_a_page_that_froze_the_browsers_own_functions_is_guarded(site: Sites, visit: Callable[..., Visitor]) -> None:
    there = site("guard")
    there.publish(
        "<script>for (const each of [Element, Node, Array, Map, String, Document, HTMLScriptElement]) Object.freeze(each.prototype)</script>",
        script="document.body.append(make('img', { src: 'https://x.held.example/p.gif' }), 'still here')",
    )
    visitor = visit(there.place)
    visitor.go("/")
    expect(visitor.page.get_by_text("still here")).to_be_visible()
    visitor.expect_silence()
    assert visitor.complaints == []


def _spellings(pattern: str) -> list[str]:
    host, slash, path = pattern.partition("/")
    if not host:
        return [pattern, f"{pattern}?x=1", f"https://else.example{pattern}"]
    host, path = ("deep.example/in/a" if host == "*" else host.replace("*", "x")), path.replace("*", "y")
    return [
        f"https://{host}{slash}{path}", f"//{host.upper()}{slash}{path}?v=1", f"https://{host.partition('/')[0]}/other",
        f"https://not{host}{slash}{path}", f"https://{host.partition('/')[0]}.{slash}{path}/x", f"https://x.{host}{slash}{path}",
    ]  # fmt: skip


def test_the_guard_judges_addresses_as_the_gate_does(site: Sites, visit: Callable[..., Visitor]) -> None:
    """Every host of the catalogue, some allowed, some refused, some not declared."""
    free = {"free": {"purposes": ["necessary"], "hosts": ["maps.example/held/free/"]}}
    services = {"google-analytics": True, "google-ads": True, "youtube": True, "google-maps": True, **free, **_SERVICES}
    there = site("guard", services=services, undeclared="hold")
    visitor = visit(there.place)
    visitor.go("/")
    visitor.page.evaluate("async () => (await import('/_consent/consent.js')).consent.set({ analytics: true })")
    policy = read_settings({"services": services}, keys="a key for the pages of this test").policy
    rules, granted = Rules(policy), frozenset({"necessary", "analytics"})
    hosts = sorted({host for service in (*policy.services, *policy.undeclared) for host in service.hosts})
    urls = sorted({url for host in hosts for url in _spellings(host)})
    local = there.place.url.removeprefix("http://")
    expected = [bool(rules.held(rules.services_for_url(url, local), granted)) for url in urls]
    assert len(urls) > 1000
    assert 100 < sum(expected) < len(urls) - 100
    found = visitor.page.evaluate(
        """(urls) => urls.map((url) => {
          const element = document.createElement("embed");
          element.setAttribute("src", url);
          return element.hasAttribute("data-consent-src");
        })""",
        urls,
    )
    differ = [(url, wants) for url, has, wants in zip(urls, found, expected, strict=True) if has != wants]
    assert differ == []
