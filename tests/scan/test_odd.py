"""Pages that no scanner likes: that lead elsewhere, are none, fail, hang, ask, or store under odd names."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from consent.scan.judge import judge
from consent.scan.run import Plan, scan
from consent.scan.seen import Phase, Scan, Visit
from consent.scan.visit import Manner
from consent.scan.who import Owners
from find import browser

from . import planted as sites

pytestmark = pytest.mark.browser
ODD = """
<script src="https://cdn.other.example/keys.js"></script>
<script>
localStorage.setItem("\\ud800\\x1b[31m", "1");
new Worker("/worker.js");
alert("hello");
confirm("sure?");
</script>
<a href="/moved">1</a> <a href="/pdf">2</a> <a href="/download">3</a> <a href="/broken">4</a> <a href="https://shop.example:99999/">5</a>
"""
#: What is kept and sent where few look for it, by a page that spoils what tells who did it.
OUT_OF_SIGHT = """
<iframe srcdoc="<script>fetch('https://ads.stranger.example/written', { mode: 'no-cors' })</script>"></iframe>
<img name="querySelector">
<iframe srcdoc="<script>Object.freeze(Error); document.cookie = 'frozen=1'</script>"></iframe>
<script>
window.Proxy = window.Reflect = null;
Error.stackTraceLimit = 0;
Error.prepareStackTrace = () => { throw new Error("nobody is told"); };
document.cookie = "by_whom=1";
localStorage.setItem("length", "1");
localStorage.setItem("", "1");
navigator.storage.getDirectory().then((folder) => folder.getFileHandle("notes", { create: true }));
fetch("https://cdn.other.example/cookie", { mode: "no-cors", credentials: "include" });
new WebTransport("https://api.worker.example/");
new OffscreenCanvas(9, 9).convertToBlob().catch(() => {});
addEventListener("pagehide", () => navigator.sendBeacon("https://ads.stranger.example/left", "a minute"));
</script>
"""
#: A banner that comes late, in a closed shadow root, under something that covers the page.
OUT_OF_REACH = """
<script>
if (document.cookie.includes("choice=accept")) fetch("https://ads.stranger.example/agreed", { mode: "no-cors" });
else if (!document.cookie.includes("choice=")) setTimeout(() => {
  const host = document.createElement("div");
  host.style = "position: fixed; bottom: 0";
  document.body.append(host);
  const banner = host.attachShadow({ mode: "closed" });
  for (const [choice, text] of [["accept", "Accept all"], ["refuse", "Reject all"]]) {
    const button = document.createElement("button");
    button.append(text);
    button.onclick = () => { document.cookie = `choice=${choice}`; host.remove(); };
    banner.append(button);
  }
  const cover = document.createElement("div");
  cover.style = "position: fixed; inset: 0; background: #0008";
  document.body.append(cover);
}, 4000);
</script>
"""
WORKER = b'fetch("https://ads.stranger.example/from-a-worker", { mode: "no-cors" }).catch(() => {});'


class Odd:
    """A site, and the secret headers that it was sent."""

    def __init__(self) -> None:
        self.heard: set[str | None] = set()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.heard.add(environ.get("HTTP_X_SECRET"))
        path = environ["PATH_INFO"]
        port = environ["SERVER_PORT"]
        status, headers, body = {
            "/": ("200 OK", [("Content-Type", "text/html")], sites.page(ODD)),
            "/worker.js": ("200 OK", [("Content-Type", "text/javascript")], WORKER),
            "/moved": ("302 Found", [("Location", f"https://www.youtube.com/embed/{port}")], b""),
            "/pdf": ("200 OK", [("Content-Type", "application/pdf")], b"%PDF-1.4"),
            "/download": ("200 OK", [("Content-Type", "text/html"), ("Content-Disposition", "attachment")], b"a file"),
            "/hangs": ("200 OK", [("Content-Type", "text/html")], sites.page('<img src="https://www.facebook.com/tr"><script>onload = () => { while (true); }</script>')),
            "/broken": ("500 Oh", [("Content-Type", "text/html")], sites.page("<h1>Sorry</h1>")),
        }.get(path, ("404 Not Found", [("Content-Type", "text/plain")], b""))  # fmt: skip
        start_response(status, headers)
        return [body]


def scanned(
    site: sites.App, path: str = "/", *, phases: tuple[Phase, ...] = ("before",), limit: int = 9, **manner: Any
) -> Scan:
    with sites.serving(site) as port:
        plan = Plan(
            [f"https://{sites.SITE}{path}"],
            limit=limit,
            phases=phases,
            program=browser(),
            manner=Manner(**{"ignore_https_errors": True, "screenshots": False, "patience": 4.0, **manner}),
            hosts=dict.fromkeys(sites.HOSTS, f"127.0.0.1:{port}"),
        )
        return asyncio.run(scan(plan))


def test_odd_pages_are_told_of_and_end_no_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    others: set[str | None] = set()
    third = sites._third

    def hearing(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        others.add(environ.get("HTTP_X_SECRET"))
        return third(environ, start_response)

    monkeypatch.setattr(sites, "_third", hearing)
    site = Odd()
    seen = scanned(site, phases=("before", "gpc"), headers={"X-Secret": "told to nobody else"})
    owners = Owners(seen.site)
    pages: dict[str, Visit] = {visit.url.rpartition("/")[2]: visit for visit in seen.of("before")}

    home = pages[""]
    assert home.done, home.problems
    assert any(request.url.endswith("/from-a-worker") and request.by for request in home.requests)
    stored = {each.key: each for each in home.stored}
    assert owners.of_stored(stored["by_property"]).name == "other.example"
    assert owners.of_stored(stored["by_another"]).name == "other.example"
    assert owners.of_stored(stored["a_cache"]).name == "other.example"
    assert any(key.startswith(("?", "\ufffd")) for key in stored)
    (session,) = home.cookies
    assert not owners.of_cookie(session).necessary

    assert "leads to another site" in pages["moved"].problems[0]
    assert pages["moved"].requests == ()
    assert "no page" in pages["pdf"].problems[0] or "a file" in pages["pdf"].problems[0]
    assert "a file" in pages["download"].problems[0]
    assert pages["broken"].problems == ("the site answers 500",)
    assert {visit.url.rpartition("/")[2] for visit in seen.of("gpc")} == {"", "broken"}
    assert "unfinished" not in {each.rule.id for each in judge(seen, owners)}

    assert "told to nobody else" in site.heard
    assert others == {None}


def only(body: str) -> sites.App:
    """A site of one page."""

    def app(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [sites.page(body)]

    return app


def test_what_is_kept_and_sent_out_of_sight_is_seen() -> None:
    seen = scanned(only(OUT_OF_SIGHT), limit=1, patience=2.0)
    (visit,) = seen.visits
    assert visit.done, visit.problems
    page = f"https://{sites.SITE}/"
    assert {("local", "length"), ("file", "notes")} <= {(each.area, each.key) for each in visit.stored}
    cookies = {each.name: each for each in visit.cookies}
    assert (cookies["by_whom"].how, cookies["by_whom"].by) == ("script", page)
    assert cookies["frozen"].how == "script"
    assert cookies["other_id"].third
    assert cookies["other_id"].by == "https://cdn.other.example/cookie"
    asked = {(each.host, each.kind): each for each in visit.requests}
    assert asked["api.worker.example", "webtransport"].by == (page,)
    assert asked["ads.stranger.example", "fetch"].by == (page,)
    assert ("ads.stranger.example", "ping") in asked, "what is sent when the page is left"
    assert "canvas.convertToBlob" in {each.what for each in visit.calls}
    told = {each.text for each in judge(seen, Owners(seen.site))}
    assert "(without a name) is kept in the browser before any choice" in told


def test_a_banner_that_is_late_hidden_and_covered_is_answered() -> None:
    seen = scanned(only(OUT_OF_REACH), limit=1, phases=("before", "refused", "accepted"))
    assert all(visit.done for visit in seen.visits), [visit.problems for visit in seen.visits]
    agreed = {visit.phase: "ads.stranger.example" in {each.host for each in visit.requests} for visit in seen.visits}
    assert agreed == {"before": False, "refused": False, "accepted": True}


def test_a_page_that_hangs_is_left_with_what_was_seen() -> None:
    seen = scanned(Odd(), "/hangs", limit=1, timeout=3.0, patience=1.0)
    (visit,) = seen.visits
    assert not visit.done
    assert visit.problems, visit
    assert "www.facebook.com" in {request.host for request in visit.requests}
    assert "unfinished" in {each.rule.id for each in judge(seen, Owners(seen.site))}
