"""``window.__gpp`` in a browser: what advertisers' scripts in the United States hear, before any choice and after each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from html import escape
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from servers import Outside, Place, Quiet, serving
from visitors import Visitor
from werkzeug.serving import make_server

from consent.wsgi import ConsentMiddleware

pytestmark = pytest.mark.browser

Publish = Callable[..., Visitor]

NOT_OPTED_OUT, OPTED_OUT, BY_GPC = "DBABLA~CVQqAAAAAACA.QA", "DBABLA~CVQVAAAAAACA.QA", "DBABLA~CVQVAAAAAACA.YA"
SETTINGS: dict[str, Any] = {
    "services": {"ads": {"purposes": ["marketing"], "hosts": ["ads.example"]}},
    "privacy_url": "/privacy",
    "regime": "us-ca",
    "gpp": True,
}
#: The first of the page's own scripts: it listens, as an advertiser's does, and writes down what it hears.
LISTENER = """<script nonce="n0nce">window.heard = [];
__gpp("addEventListener", (event, ok) => heard.push(
  [event.eventName, event.data, ok, event.pingData.signalStatus, event.pingData.gppString]));</script>"""
STRICT = (
    "default-src 'none'; script-src 'nonce-n0nce' 'strict-dynamic'; style-src 'nonce-n0nce' 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types consent"
)


@pytest.fixture
def publish(visit: Callable[..., Visitor], outside: Outside, tmp_path: Path) -> Iterator[Publish]:
    """Publish a site with this in its pages' heads, and visit it."""
    with ExitStack() as stack:

        def published(
            head: str = LISTENER,
            body: str = "",
            *,
            policy: str = "",
            gpc: bool = False,
            where: str = "",
            script: bool = True,
            **settings: Any,
        ) -> Visitor:
            text = (
                "<!doctype html><html lang=en><head><meta charset=utf-8><title>Page</title><link rel=icon "
                f'href="data:,">{head}</head><body><h1>Page</h1>{body}'
            )

            def site(_environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
                headers = [("Content-Type", "text/html; charset=utf-8")]
                headers += [("Content-Security-Policy", policy)] if policy else []
                start_response("200 OK", headers)
                return [text.encode()]

            log = f"sqlite:///{tmp_path / 'consent.db'}"
            app = ConsentMiddleware(
                site, {**SETTINGS, "log": log, **settings}, secret_key="a key for the pages of this test"
            )
            stack.callback(app.site.close)
            server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
            url = stack.enter_context(serving(server))
            place = Place("page", url, log, "/", frozenset(), frozenset(), frozenset(), outside.heard)
            visitor = visit(place, gpc=gpc, region=where, script=script)
            visitor.go("/")
            return visitor

        yield published


#: A frame whose origin is nobody's, which asks by messages, as an advertiser's does.
FRAME = """<!doctype html><title>Ad</title><script>
  let place = window;
  while (true) {
    try { if (place.frames["__gppLocator"]) break; } catch { /* of another origin */ }
    if (place === top) { place = null; break; }
    place = place.parent;
  }
  const answers = [];
  addEventListener("message", ({ data }) => {
    const { __gppReturn } = typeof data === "string" ? JSON.parse(data) : data;
    answers.push(__gppReturn);
    document.title = JSON.stringify([typeof data, answers]);
  });
  window.ask = (command, parameter, callId, text) => {
    const call = { __gppCall: { command, parameter, version: "1.1", callId } };
    place.postMessage(text ? JSON.stringify(call) : call, "*");
  };
  window.found = place !== null;
</script>"""


def ask(visitor: Visitor, command: str, parameter: Any = None) -> Any:
    """What a command's callback is called with, which is at once."""
    code = "([command, parameter]) => { let got = null; __gpp(command, (...args) => { got = args }, parameter); return got }"
    return visitor.page.evaluate(code, [command, parameter])


def ping(visitor: Visitor) -> dict[str, Any]:
    data, success = ask(visitor, "ping")
    assert success is True
    return data  # type: ignore[no-any-return]


def heard(visitor: Visitor) -> list[tuple[Any, ...]]:
    return [tuple(each) for each in visitor.page.evaluate("heard")]


def until_heard(visitor: Visitor, name: str, value: Any, times: int = 1) -> None:
    visitor.wait_until(
        lambda: [each[:2] for each in heard(visitor)].count((name, value)) >= times, f"{name} {value} to be heard"
    )


# The commands


@pytest.mark.parametrize("policy", ["", STRICT, "script-src 'self' 'sha256-unused'"], ids=["none", "nonce", "files"])
def test_the_api_is_there_before_any_tag_and_ready_under_every_policy(publish: Publish, policy: str) -> None:
    visitor = publish(LISTENER if "self' 'sha" not in policy else "", policy=policy)
    found = ping(visitor)
    parts = found.pop("parsedSections")["usnat"]
    assert found == {
        "gppVersion": "1.1", "cmpStatus": "loaded", "cmpDisplayStatus": "visible", "signalStatus": "ready",
        "supportedAPIs": ["7:usnat"], "cmpId": 1, "sectionList": [7], "applicableSections": [7],
        "gppString": NOT_OPTED_OUT,
    }  # fmt: skip
    assert [parts[0]["SaleOptOut"], parts[0]["Version"], parts[1]] == [2, 2, {"SubsectionType": 1, "Gpc": False}]
    if "self' 'sha" not in policy:
        assert heard(visitor)[:2] == [
            ("listenerRegistered", True, True, "ready", NOT_OPTED_OUT),
            ("signalStatus", "ready", True, "ready", NOT_OPTED_OUT),
        ]
    assert visitor.complaints == []


def test_generic_commands_answer_at_once(publish: Publish) -> None:
    visitor = publish()
    assert ask(visitor, "hasSection", "usnat") == [True, True]
    assert ask(visitor, "hasSection", "tcfeuv2") == [False, True]
    sections, success = ask(visitor, "getSection", "usnat")
    assert (success, sections) == (True, ping(visitor)["parsedSections"]["usnat"])
    assert ask(visitor, "getSection", "usca") == [None, True]
    assert ask(visitor, "getField", "usnat.SaleOptOut") == [2, True]
    assert ask(visitor, "getField", "usnat.Gpc") == [False, True]
    assert ask(visitor, "getField", "usnat.Nonsense") == [None, True]
    assert ask(visitor, "getField", "usca.SaleOptOut") == [None, True]
    assert ask(visitor, "getField") == [None, True]
    for unknown in ("getGPPData", "told", "constructor", "toString", None):
        assert ask(visitor, unknown) == [None, False]  # type: ignore[arg-type]
    assert visitor.page.evaluate("[__gpp('ping'), __gpp(), __gpp('ping', 'no function')]") == [None, None, None]
    assert visitor.complaints == []


def test_what_is_handed_out_cannot_be_changed_for_others(publish: Publish) -> None:
    visitor = publish()
    visitor.page.evaluate(
        "__gpp('ping', (data) => { data.gppString = ''; data.parsedSections.usnat[0].SaleOptOut = 0 })"
    )
    visitor.page.evaluate("__gpp('getSection', (data) => { data[0].SaleOptOut = 0 }, 'usnat')")
    assert ping(visitor)["gppString"] == NOT_OPTED_OUT
    assert ask(visitor, "getField", "usnat.SaleOptOut") == [2, True]


# Choices


def test_a_choice_without_a_reload_is_heard_and_that_it_can_be_read_comes_last(publish: Publish) -> None:
    visitor = publish(regime={"name": "us-own", "model": "opt-in"})
    until_heard(visitor, "cmpDisplayStatus", "visible")
    before = len(heard(visitor))
    assert ping(visitor)["gppString"] == OPTED_OUT, "nobody has agreed yet"
    visitor.accept()
    until_heard(visitor, "signalStatus", "ready", 2)
    assert heard(visitor)[before:] == [
        ("signalStatus", "not ready", True, "not ready", OPTED_OUT),
        ("cmpDisplayStatus", "hidden", True, "not ready", NOT_OPTED_OUT),
        ("sectionChange", "usnat", True, "not ready", NOT_OPTED_OUT),
        ("signalStatus", "ready", True, "ready", NOT_OPTED_OUT),
    ]
    assert (ping(visitor)["cmpDisplayStatus"], ping(visitor)["gppString"]) == ("hidden", NOT_OPTED_OUT)
    assert visitor.loads == ["/"]


def test_who_opts_out_is_heard_of_before_the_page_is_left_and_on_the_next(publish: Publish) -> None:
    keeps = 'addEventListener("pagehide", () => { sessionStorage.left = JSON.stringify(heard) });'
    visitor = publish(LISTENER.replace("</script>", f"{keeps}</script>"))
    with visitor.page.expect_navigation():
        visitor.refuse()
    visitor.settle()
    assert json.loads(visitor.page.evaluate("sessionStorage.left"))[-1] == [
        "signalStatus", "ready", True, "ready", OPTED_OUT,
    ]  # fmt: skip
    assert heard(visitor)[1] == ("signalStatus", "ready", True, "ready", OPTED_OUT)
    assert ping(visitor)["cmpDisplayStatus"] == "hidden"
    visitor.page.evaluate("import('/_consent/consent.js').then(({ consent }) => consent.set({ marketing: true }))")
    until_heard(visitor, "sectionChange", "usnat")
    assert ask(visitor, "getField", "usnat.TargetedAdvertisingOptOut") == [2, True]


def test_the_open_settings_count_as_shown(publish: Publish) -> None:
    visitor = publish()
    visitor.accept()
    until_heard(visitor, "cmpDisplayStatus", "hidden")
    assert ping(visitor)["cmpDisplayStatus"] == "hidden"
    visitor.page.locator("#yc-l a").click()
    expect(visitor.dialog).to_be_visible()
    assert ping(visitor)["cmpDisplayStatus"] == "visible"


def test_the_browsers_signal_opts_out_and_is_passed_on(publish: Publish) -> None:
    visitor = publish(gpc=True)
    found = ping(visitor)
    assert found["gppString"] == BY_GPC
    core, gpc = found["parsedSections"]["usnat"]
    assert [core[name] for name in ("SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut")] == [1, 1, 1]
    assert gpc["Gpc"] is True


# Listeners


def test_what_the_documentation_shows_asks_for_ads_at_once_and_again_after_a_choice(publish: Publish) -> None:
    text = (Path(__file__).parents[2] / "docs" / "gpp.md").read_text("utf-8")
    [shown] = re.findall(r"^```js\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    asks = f"<script>window.asked = []; const requestAds = (...args) => asked.push(args);{shown}</script>"
    visitor = publish(asks, regime={"name": "us-own", "model": "opt-in"})
    assert visitor.page.evaluate("asked") == [[OPTED_OUT, [7]]]
    visitor.accept()
    visitor.wait_until(lambda: visitor.page.evaluate("asked.length") == 2, "ads to be asked for again")
    assert visitor.page.evaluate("asked[1]") == [NOT_OPTED_OUT, [7]]


def test_a_listener_that_was_taken_away_hears_nothing_and_one_that_fails_keeps_nobody_from_it(publish: Publish) -> None:
    more = """<script>window.gone = []; window.ids = [];
      __gpp("addEventListener", (event) => { ids.push(event.listenerId); gone.push(event.eventName) });
      __gpp("addEventListener", (event) => { ids.push(event.listenerId); if (event.eventName === "sectionChange") throw new Error("broken") });
      __gpp("addEventListener", (event) => { ids.push(event.listenerId); heard.push([event.eventName, "last"]) });
    </script>"""
    visitor = publish(LISTENER + more, regime={"name": "us-own", "model": "opt-in"})
    assert visitor.page.evaluate("[...new Set(ids)]") == [2, 3, 4], "a number of its own for each"
    assert ask(visitor, "removeEventListener", 2) == [True, True]
    assert ask(visitor, "removeEventListener", 2) == [False, True]
    assert ask(visitor, "removeEventListener", "x") == [False, True]
    visitor.wait_until(lambda: ["cmpDisplayStatus", "last"] in visitor.page.evaluate("heard"), "what is on the screen")
    visitor.accept()
    visitor.wait_until(lambda: ["sectionChange", "last"] in visitor.page.evaluate("heard"), "the last to hear")
    assert "sectionChange" not in visitor.page.evaluate("gone")
    assert any("broken" in each for each in visitor.complaints)


def test_who_leaves_at_its_first_word_is_not_called_again(publish: Publish) -> None:
    once = """<script>window.once = [];
      __gpp("addEventListener", (event) => { once.push(event.eventName); __gpp("removeEventListener", () => {}, event.listenerId) });
    </script>"""
    visitor = publish(LISTENER + once)
    assert visitor.page.evaluate("once") == ["listenerRegistered"]


# Frames


@pytest.mark.parametrize("text", [False, True], ids=["object", "text"])
def test_a_frame_of_another_origin_asks_by_messages(publish: Publish, text: bool) -> None:
    frame = f'<iframe srcdoc="{escape(FRAME)}" sandbox="allow-scripts" title="Ad"></iframe>'
    visitor = publish(body=frame, regime={"name": "us-own", "model": "opt-in"})
    visitor.settle()
    inner = next(each for each in visitor.page.frames if each.url == "about:srcdoc")
    assert inner.evaluate("found"), "the locator is there before any frame"

    def answers() -> list[Any]:
        return json.loads(inner.title())[1] if inner.title() != "Ad" else []

    def asked(command: str, parameter: Any, call_id: Any) -> Any:
        inner.evaluate("(args) => ask(...args)", [command, parameter, call_id, text])
        visitor.wait_until(lambda: any(each["callId"] == call_id for each in answers()), "an answer")
        assert json.loads(inner.title())[0] == ("string" if text else "object")
        return next(each for each in answers() if each["callId"] == call_id)

    assert asked("ping", None, 1)["returnValue"]["gppString"] == OPTED_OUT
    assert asked("getField", "usnat.SaleOptOut", "b") == {"returnValue": 1, "success": True, "callId": "b"}
    assert asked("told", {}, "c") == {"returnValue": None, "success": False, "callId": "c"}
    assert asked("addEventListener", None, "d")["returnValue"]["eventName"] == "listenerRegistered"
    visitor.accept()
    visitor.wait_until(
        lambda: (
            [each["returnValue"]["data"] for each in answers() if each["callId"] == "d"][-1] == "ready"
            and answers()[-1]["returnValue"]["pingData"]["gppString"] == NOT_OPTED_OUT
        ),
        "the change to be heard in the frame",
    )
    assert visitor.complaints == []


def test_a_library_that_runs_the_pages_scripts_again_changes_nothing(publish: Publish) -> None:
    visitor = publish(regime={"name": "us-own", "model": "opt-in"})
    visitor.page.evaluate("""() => { for (const script of document.head.querySelectorAll("script")) {
      if (script.text.includes("heard")) continue;
      const again = document.createElement("script");
      for (const { name, value } of script.attributes) again.setAttribute(name, value);
      again.text = script.text;
      script.replaceWith(again);
    } }""")
    expect(visitor.page.locator("iframe[name=__gppLocator]")).to_have_count(1)
    visitor.accept()
    until_heard(visitor, "sectionChange", "usnat")
    assert [each[:2] for each in heard(visitor)].count(("sectionChange", "usnat")) == 1


def test_other_messages_are_nobodys(publish: Publish) -> None:
    visitor = publish()
    for message in (
        "null",
        "7",
        "'text'",
        "'{'",
        "{}",
        "{ __gppCall: 1 }",
        "{ __gppCall: null }",
        "'{\"__gppCall\":[]}'",
        "[]",
    ):
        visitor.page.evaluate(f"postMessage({message}, '*')")
    visitor.settle()
    assert visitor.complaints == []
    assert ping(visitor)["signalStatus"] == "ready"


def test_the_frame_by_which_it_is_found_is_seen_by_nobody(publish: Publish) -> None:
    visitor = publish(policy=STRICT)
    locator = visitor.page.locator("iframe[name=__gppLocator]")
    expect(locator).to_have_count(1)
    expect(locator).to_be_hidden()
    assert visitor.page.evaluate(
        "frames.__gppLocator !== undefined && document.body.parentNode.lastChild === document.body"
    )


# Pages that caches share


def test_a_page_that_is_everybodys_is_ready_when_it_knows_whose_it_is(publish: Publish) -> None:
    region: dict[str, Any] = {"regime": "auto", "region": "header:X-Region", "cache": "shared"}
    visitor = publish(where="US-CA", **region)
    until_heard(visitor, "signalStatus", "ready")
    assert heard(visitor)[0] == ("listenerRegistered", True, True, "not ready", "")
    assert [each[:2] for each in heard(visitor)[1:]] == [
        ("cmpStatus", "loaded"), ("cmpDisplayStatus", "visible"), ("sectionChange", "usnat"), ("signalStatus", "ready"),
    ]  # fmt: skip
    assert ping(visitor)["gppString"] == NOT_OPTED_OUT
    signalling = publish(where="US-CO", gpc=True, **region)
    until_heard(signalling, "signalStatus", "ready")
    assert ping(signalling)["gppString"] == BY_GPC
    elsewhere = publish(where="FR", **region)
    until_heard(elsewhere, "signalStatus", "ready")
    assert (ping(elsewhere)["gppString"], ping(elsewhere)["applicableSections"]) == ("DBAA", [-1])
    assert ask(elsewhere, "hasSection", "usnat") == [False, True]
    assert elsewhere.complaints == signalling.complaints == visitor.complaints == []


# Others


@pytest.mark.parametrize("wall", ["guard", "csp"])
def test_it_works_behind_the_second_wall(publish: Publish, wall: str) -> None:
    visitor = publish(wall=wall, gpc=True)
    assert ping(visitor)["gppString"] == BY_GPC
    assert heard(visitor)[1][:2] == ("signalStatus", "ready")
    assert visitor.complaints == []


@pytest.mark.parametrize("settings", [{"gpp": False}, {"regime": "auto", "region": "header:X-Region"}])
def test_elsewhere_and_where_it_is_off_there_is_no_api(publish: Publish, settings: dict[str, Any]) -> None:
    visitor = publish("", where="FR", **settings)
    assert visitor.page.evaluate("[typeof __gpp, frames.length]") == ["undefined", 0]
