"""The page's script, on pages made for it: what is woken, in which order, and what a site's own scripts may ask."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from servers import Outside, Place, Quiet, script_of, serving, wait_until
from visitors import Visitor
from werkzeug.serving import make_server

from consent.wsgi import ConsentMiddleware

pytestmark = pytest.mark.browser

Publish = Callable[..., Visitor]

_SETTINGS = {
    "services": {
        "stats": {
            "title": "Stats",
            "purposes": ["analytics"],
            "hosts": ["stats.example"],
            "storage": ["st_*", "hits", "length"],
        },
        "ads": {"title": "Ads", "purposes": ["marketing"], "hosts": ["ads.example"]},
    }
}


@pytest.fixture
def publish(visit: Callable[..., Visitor], outside: Outside, tmp_path: Path) -> Iterator[Publish]:
    """Publish a page and visit it: ``publish(head, body, **headers)``."""
    pages: dict[str, tuple[str, list[tuple[str, str]]]] = {}

    def site(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        text, headers = pages.get(environ["PATH_INFO"], ("<!doctype html><title>Empty</title><body>", []))
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), *headers])
        return [text.encode()]

    log = f"sqlite:///{tmp_path / 'consent.db'}"
    app = ConsentMiddleware(site, {**_SETTINGS, "log": log}, secret_key="a key for the pages of this test")
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    with serving(server) as url:
        place = Place("page", url, log, "/", frozenset(), frozenset(), frozenset(), outside.heard)

        def published(head: str = "", body: str = "", *, policy: str | None = None, **options: Any) -> Visitor:
            text = f'<!doctype html><html lang=en><head><meta charset=utf-8><link rel=icon href="data:,">{head}</head><body><h1>Page</h1>{body}'
            pages["/"] = text, [("Content-Security-Policy", policy)] if policy else []
            visitor = visit(place, **options)
            visitor.go("/")
            return visitor

        yield published
    app.site.close()


def _ran(page: Page) -> list[str]:
    found: list[str] = page.evaluate("window.ran ?? []")
    return found


def _ends_with(page: Page, last: str) -> None:
    wait_until(lambda: last in _ran(page), f"{last} to run")


# Waking

_ORDER = """
<script>window.ran = []</script>
<script src="https://stats.example/slow/first.js"></script>
<script data-purpose="analytics">ran.push(`inline after ${ran.join()}`)</script>
<script defer src="https://stats.example/run/deferred.js"></script>
<script type="module" src="https://stats.example/slow/module.js"></script>
<script type="module" data-purpose="analytics">ran.push("inline module")</script>
<script src="https://stats.example/slow/second.js" data-say=", as itself"></script>
<script src="https://ads.example/run/ad.js"></script>
<script data-purpose="analytics">ran.push("last inline")</script>
<script data-purpose="analytics" nomodule src="https://stats.example/run/old.js"></script>
<script data-purpose="analytics" type="text/babel" src="https://stats.example/run/babel.js"></script>
<script src="https://stats.example/missing/" data-purpose="analytics"></script>
<script defer src="https://stats.example/run/end.js"></script>
"""


def test_scripts_run_in_the_order_in_which_the_page_would_have_run_them(publish: Publish) -> None:
    visitor = publish(_ORDER)
    assert _ran(visitor.page) == []
    visitor.accept()
    _ends_with(visitor.page, "end")
    woken = _ran(visitor.page)
    assert woken == [
        "first", "inline after first", "second, as itself", "ad", "last inline", "deferred", "module", "inline module", "end",
    ]  # fmt: skip

    visitor.page.reload()  # now they come from the server as the site wrote them: what the browser itself makes of it
    _ends_with(visitor.page, "end")
    assert _ran(visitor.page) == woken


def test_only_what_was_agreed_to_wakes_and_later_the_rest(publish: Publish) -> None:
    visitor = publish(_ORDER)
    visitor.page.evaluate("async () => (await import('/_consent/consent.js')).consent.set({ analytics: true })")
    _ends_with(visitor.page, "end")
    assert "ad" not in _ran(visitor.page)
    assert not any("ads.example" in url for url in visitor.elsewhere)
    visitor.page.evaluate("async () => (await import('/_consent/consent.js')).consent.set({ marketing: true })")
    _ends_with(visitor.page, "ad")
    assert _ran(visitor.page).count("first") == 1


def test_an_async_script_keeps_nobody_waiting(publish: Publish) -> None:
    visitor = publish(
        '<script async src="https://stats.example/slow/async.js"></script>'
        '<script src="https://stats.example/run/after.js"></script>'
    )
    visitor.accept()
    _ends_with(visitor.page, "async")
    assert _ran(visitor.page) == ["after", "async"]


def test_integrity_is_checked_still(publish: Publish) -> None:
    right = base64.b64encode(hashlib.sha384(script_of("right.js")).digest()).decode()
    visitor = publish(
        "".join(
            f'<script src="https://stats.example/run/{name}.js" integrity="sha384-{right}" crossorigin="anonymous"></script>'
            for name in ("right", "wrong")
        )
        + '<script data-purpose="analytics">(window.ran ??= []).push("end")</script>'
    )
    visitor.accept()
    _ends_with(visitor.page, "end")
    assert _ran(visitor.page) == ["right", "end"]


def test_a_script_that_writes_into_the_page_gets_a_page_to_write_into(publish: Publish) -> None:
    visitor = publish(
        body='<p id="before">before</p><script data-purpose="analytics">document.write("<p id=written>written</p>")'
        '</script><p id="after">after</p>'
    )
    visitor.accept()
    expect(visitor.page.locator("#before + script + #written + #after")).to_be_attached()
    expect(visitor.page.get_by_role("heading", name="Page")).to_be_visible()


def test_whatever_loads_is_woken(publish: Publish) -> None:
    visitor = publish(
        head='<link rel="stylesheet" href="https://stats.example/style.css">'
        "<style>@import url(https://stats.example/imported.css); h1 { margin: 7px }</style>",
        body="""
        <img src="https://stats.example/src.gif" srcset="https://stats.example/srcset.gif 1x" alt="">
        <picture><source srcset="https://stats.example/picture.gif"><img src="/local.gif" alt=""></picture>
        <p style="background: url(https://stats.example/background.gif)">styled</p>
        <svg><image xlink:href="https://stats.example/svg.gif" width="9" height="9"/></svg>
        <video><source src="https://stats.example/film.webm"></video>
        <video poster="https://stats.example/poster.gif"></video>
        <object data="https://stats.example/object.gif"></object>
        <embed src="https://stats.example/embed.gif">
        <input type="image" src="https://stats.example/input.gif" alt="go">
        <template><img src="https://stats.example/template.gif" alt=""></template>
        <noscript><img src="https://stats.example/noscript.gif" alt=""></noscript>
        <script>new Image(); document.querySelector("template").dataset.ready = ""</script>""",
    )
    visitor.expect_silence()
    visitor.accept()
    expected = {
        "style.css", "imported.css", "srcset.gif", "picture.gif", "background.gif", "svg.gif", "film.webm",
        "poster.gif", "object.gif", "embed.gif", "input.gif",
    }  # fmt: skip
    visitor.wait_until(
        lambda: expected <= {url.rpartition("/")[2] for url in visitor.elsewhere}, f"{expected} to be asked for"
    )
    expect(visitor.page.get_by_role("heading", name="Page")).to_have_css("color", "rgb(1, 2, 3)")
    expect(visitor.page.get_by_role("heading", name="Page")).to_have_css("margin-top", "7px")
    assert not any(url.endswith(("noscript.gif", "template.gif")) for url in visitor.elsewhere)
    visitor.page.evaluate("document.body.append(document.querySelector('template').content.cloneNode(true))")
    visitor.wait_until(lambda: any(url.endswith("template.gif") for url in visitor.elsewhere), "the template's image")
    assert visitor.page.locator("[data-consent-for]").count() == 0


def test_a_woken_frame_is_in_its_sandbox(publish: Publish) -> None:
    visitor = publish(
        body='<iframe src="/framed" data-purpose="analytics" width=300 height=200 title=f></iframe>'
        '<iframe src="https://stats.example/embed/a" width=300 height=200 title=f sandbox></iframe>'
    )
    visitor.expect_silence()
    steps = visitor.page.evaluate("history.length")
    visitor.accept()
    expect(visitor.page.frame_locator("iframe[sandbox]").get_by_role("heading")).to_have_text("Film")
    frame = next(frame for frame in visitor.page.frames if frame.url.endswith("/embed/a"))
    assert frame.evaluate("self.origin") == "null"
    assert visitor.page.evaluate("history.length") == steps
    assert visitor.page.frame_locator("iframe").first.locator("body").evaluate("document.URL").endswith("/framed")


def test_an_unwakeable_element_does_not_keep_the_others_asleep(publish: Publish) -> None:
    visitor = publish(
        "<script>const set = Element.prototype.setAttribute; Element.prototype.setAttribute = function (name, value) { "
        'if (this.id === "bad") throw new Error("bad"); set.call(this, name, value); }</script>'
        '<script id="bad" src="https://stats.example/run/bad.js"></script>'
        '<script src="https://stats.example/run/good.js"></script>'
    )
    visitor.accept()
    _ends_with(visitor.page, "good")
    assert visitor.complaints == ["bad"]


# Policies

_STRICT = (
    "default-src 'none'; script-src 'nonce-n0nce' 'strict-dynamic'; style-src 'nonce-n0nce' 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'self'"
)
_NONCED = (
    '<script nonce="n0nce" src="https://stats.example/run/external.js"></script>'
    '<script nonce="n0nce" data-purpose="analytics">ran.push("inline")</script>'
)


def test_woken_scripts_pass_a_policy_of_nonces(publish: Publish) -> None:
    visitor = publish(_NONCED, policy=_STRICT)
    visitor.accept()
    _ends_with(visitor.page, "inline")
    visitor.open_settings()
    assert visitor.complaints == []


def test_a_script_without_the_nonce_stays_asleep(publish: Publish) -> None:
    """Under ``strict-dynamic`` the browser would let it run, since a script that may run puts it in."""
    visitor = publish(
        f'<script data-purpose="analytics">(window.ran ??= []).push("smuggled")</script>{_NONCED}', policy=_STRICT
    )
    visitor.accept()
    _ends_with(visitor.page, "inline")
    assert _ran(visitor.page) == ["external", "inline"]


def test_text_that_is_named_as_our_state_does_not_lift_the_rule(publish: Publish) -> None:
    """Where the state stands at the page's end, what visitors wrote comes before it, and a script of the site's may follow."""
    visitor = publish(
        "", f'{_NONCED}<link id="yc-s" hidden><script nonce="n0nce">window.ran = []</script>', policy=_STRICT
    )
    visitor.page.request.post(f"{visitor.place.url}/_consent/decision", data={"action": "refuse"})
    visitor.go("/")
    visitor.page.evaluate(
        """async () => {
          const { consent } = await import("/_consent/consent.js");
          const script = Object.assign(document.createElement("script"), { type: "text/plain" });
          script.setAttribute("data-consent-for", "analytics");
          script.setAttribute("data-consent-src", "https://stats.example/run/smuggled.js");
          document.body.prepend(script);
          await consent.set({ analytics: true });
        }"""
    )
    _ends_with(visitor.page, "inline")
    assert _ran(visitor.page) == ["external", "inline"]


def test_what_a_site_puts_in_the_place_of_trusted_types_is_enough(publish: Publish) -> None:
    """As W3C's "tinyfill" does, for browsers that have none."""
    visitor = publish(_NONCED, policy=_STRICT)
    visitor.context.add_init_script(
        "Object.defineProperty(window, 'trustedTypes', { value: { createPolicy: (name, rules) => rules } })"
    )
    visitor.page.reload()
    visitor.accept()
    _ends_with(visitor.page, "inline")
    assert visitor.complaints == []


def test_woken_scripts_pass_trusted_types(publish: Publish) -> None:
    visitor = publish(_NONCED, policy=f"{_STRICT}; require-trusted-types-for 'script'; trusted-types consent")
    visitor.accept()
    _ends_with(visitor.page, "inline")
    assert visitor.complaints == []


# What a site's own scripts may ask

_IMPORT = "const { consent } = await import('/_consent/consent.js');"


def test_a_script_may_ask_and_set(publish: Publish) -> None:
    visitor = publish(_ORDER)

    def ask(code: str) -> Any:
        return visitor.page.evaluate(f"async () => {{ {_IMPORT} {code} }}")

    assert ask("return [consent.allows('necessary'), consent.allows('analytics'), consent.status]") == [
        True, False, "undecided",
    ]  # fmt: skip
    heard = ask(
        "const heard = []; consent.addEventListener('change', (event) => heard.push(event.detail.granted));"
        "const saved = await consent.set({ analytics: true }); return [saved, heard]"
    )
    assert heard == [True, [["analytics"]]]
    assert ask("return [consent.allows('analytics'), consent.allows('marketing'), consent.status, consent.granted]") == [
        True, False, "custom", ["analytics"],
    ]  # fmt: skip
    expect(visitor.card).to_have_count(0)


@pytest.mark.parametrize(
    "code", ["consent.allows('analytcs')", "await consent.set({ analytcs: true })", "consent.allows('')"]
)
def test_an_unknown_purpose_never_reads_as_no(publish: Publish, code: str) -> None:
    visitor = publish()
    caught = visitor.page.evaluate(
        f"async () => {{ {_IMPORT} try {{ {code}; return 'no' }} catch (error) {{ return [error.name, error.message] }} }}"
    )
    assert caught[0] == "RangeError"
    assert "unknown purpose" in caught[1]
    assert visitor.status() == "undecided"


def test_a_script_may_agree_refuse_and_take_back(publish: Publish) -> None:
    visitor = publish(_ORDER)
    assert visitor.page.evaluate(f"async () => {{ {_IMPORT} return [await consent.refuse(), consent.status] }}") == [
        True, "refused",
    ]  # fmt: skip
    expect(visitor.card).to_have_count(0)
    assert visitor.page.evaluate(f"async () => {{ {_IMPORT} return [await consent.accept(), consent.status] }}") == [
        True, "accepted",
    ]  # fmt: skip
    _ends_with(visitor.page, "end")
    with visitor.page.expect_navigation():
        visitor.page.evaluate(f"() => {{ (async () => {{ {_IMPORT} consent.withdraw() }})() }}")
    assert _ran(visitor.page) == []
    assert visitor.status() == "refused"


def test_a_script_may_wait_for_a_purpose(publish: Publish) -> None:
    visitor = publish(_ORDER)
    visitor.page.evaluate(
        f"async () => {{ {_IMPORT} window.met = [];"
        "for (const name of ['necessary', 'analytics', 'marketing']) consent.when(name).then(() => met.push(name));"
        "consent.when('analytcs').catch((error) => met.push(error.name)) }"
    )
    wait_until(lambda: len(visitor.page.evaluate("met")) == 2, "what can be told at once")
    assert sorted(visitor.page.evaluate("met")) == ["RangeError", "necessary"]
    visitor.page.evaluate(f"async () => {{ {_IMPORT} await consent.set({{ analytics: true }}) }}")
    assert visitor.page.evaluate("met[2]") == "analytics"
    visitor.page.evaluate(f"async () => {{ {_IMPORT} await consent.set({{ marketing: true }}) }}")
    assert visitor.page.evaluate("met.slice(3)") == ["marketing"]


def test_a_script_may_wait_until_all_is_awake(publish: Publish) -> None:
    visitor = publish(_ORDER)
    ran = visitor.page.evaluate(
        f"async () => {{ {_IMPORT} consent.accept();"
        "const ready = await new Promise((go) => consent.addEventListener('change', () => go(consent.ready)));"
        "return [ready === consent, ran.at(-1)] }"
    )
    assert ran == [True, "end"]


def test_a_page_without_modules_is_told_by_its_document(publish: Publish) -> None:
    visitor = publish(
        "<script>window.told = []; for (const name of ['change', 'shown'])"
        "document.addEventListener(`consent:${name}`, ({ type, detail }) => told.push([type, detail.status, detail.granted]))"
        "</script>"
    )
    wait_until(lambda: visitor.page.evaluate("told.length"), "the banner to be told of")
    visitor.accept()
    expected = [
        ["consent:shown", "undecided", []],
        ["consent:change", "accepted", ["analytics", "marketing"]],
    ]
    wait_until(lambda: visitor.page.evaluate("told") == expected, f"{expected}")


def test_what_a_page_does_to_what_it_is_told_changes_nothing(publish: Publish) -> None:
    visitor = publish()
    told = visitor.page.evaluate(
        f"async () => {{ {_IMPORT} consent.addEventListener('change', ({{ detail }}) => detail.granted.push('marketing'));"
        "await consent.set({ analytics: true }); consent.granted.push('marketing'); return consent.allows('marketing') }"
    )
    assert told is False


def test_a_page_that_imports_the_script_loads_it_once(publish: Publish) -> None:
    visitor = publish(
        "<script type=module>import { consent } from '/_consent/consent.js'; window.mine = consent</script>"
    )
    visitor.wait_until(lambda: visitor.page.evaluate("window.mine !== undefined"), "the import")
    sizes = visitor.page.evaluate(
        "performance.getEntriesByType('resource').filter(({ name }) => name.includes('consent.js'))"
        ".map(({ name, decodedBodySize }) => [new URL(name).search !== '', decodedBodySize > 100])"
    )
    assert sorted(map(tuple, sizes)) == [(False, False), (True, True)]


def test_a_script_may_open_the_settings(publish: Publish) -> None:
    visitor = publish()
    visitor.page.evaluate(f"async () => {{ {_IMPORT} consent.open() }}")
    expect(visitor.dialog.get_by_role("heading", name="Cookie settings")).to_be_visible()


def test_no_global_is_made(publish: Publish) -> None:
    visitor = publish()
    names = "Object.getOwnPropertyNames(window).sort()"
    visitor.page.evaluate(f"async () => {{ {_IMPORT} }}")
    with_script = visitor.page.evaluate(names)
    plain = visitor.context.new_page()
    plain.goto(visitor.place.url + "/_consent/declaration.json")
    assert with_script == plain.evaluate(names)


def test_a_page_that_imports_the_script_sends_each_choice_once(publish: Publish) -> None:
    visitor = publish(
        f'{_ORDER}<script type="module">import {{ consent }} from "/_consent/consent.js"; window.mine = consent;</script>'
    )
    posts: list[str] = []
    visitor.page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    visitor.page.evaluate("mine.addEventListener('change', () => { window.told = (window.told ?? 0) + 1; })")
    visitor.accept()
    _ends_with(visitor.page, "end")
    assert len(posts) == 1
    assert visitor.page.evaluate("[told, mine.status]") == [1, "accepted"]


def test_what_a_refused_service_stored_is_gone_even_if_it_came_late(publish: Publish) -> None:
    visitor = publish(
        '<script src="https://stats.example/run/a.js"></script>'
        "<script>addEventListener('pagehide', () => { localStorage.st_late = sessionStorage.st_late = localStorage.mine = 1 })</script>"
    )
    visitor.accept()
    _ends_with(visitor.page, "a")
    visitor.open_settings()
    with visitor.page.expect_navigation():
        visitor.press("Refuse all", visitor.dialog)
    visitor.settle()
    stored = visitor.stored()
    assert (stored["local"], stored["session"]) == (["mine"], [])


#: What a service and the site keep. The service's own connection stays open, as while it runs.
_KEEP = """async () => {
  for (const name of ["st_events", "hits", "mine", "best_events"]) {
    await new Promise((resolve) => { indexedDB.open(name).onsuccess = ({ target }) => resolve((window.open_ ??= []).push(target.result)) });
    await (await caches.open(name)).put("/", new Response());
  }
}"""


def _withdraw(visitor: Visitor) -> None:
    visitor.open_settings()
    with visitor.page.expect_navigation():
        visitor.press("Refuse all", visitor.dialog)
    visitor.settle()


def test_databases_and_caches_of_a_refused_service_are_gone_and_the_site_s_stay(publish: Publish) -> None:
    visitor = publish('<script src="https://stats.example/run/a.js"></script>')
    visitor.accept()
    visitor.page.evaluate(_KEEP)
    visitor.page.reload()  # with the agreement all stays
    visitor.page.evaluate(_KEEP)
    stored = visitor.stored()
    assert sorted(stored["databases"]) == sorted(stored["caches"]) == ["best_events", "hits", "mine", "st_events"]
    _withdraw(visitor)
    visitor.wait_until(lambda: len(visitor.stored()["databases"]) == 2, "databases to be deleted")
    stored = visitor.stored()
    assert sorted(stored["databases"]) == sorted(stored["caches"]) == ["best_events", "mine"]
    assert visitor.complaints == []


def test_withdrawing_on_a_page_without_anything_to_hold_deletes_databases_too(publish: Publish) -> None:
    visitor = publish()
    visitor.accept()
    visitor.page.evaluate(_KEEP)
    _withdraw(visitor)
    assert visitor.page.locator("script#yc-s").count() == 0  # nothing of ours runs that could have seen to it later
    visitor.wait_until(lambda: len(visitor.stored()["databases"]) == 2, "databases to be deleted")
    stored = visitor.stored()
    assert sorted(stored["databases"]) == sorted(stored["caches"]) == ["best_events", "mine"]


def test_what_is_written_until_the_page_is_left_does_not_stay(publish: Publish) -> None:
    visitor = publish()
    visitor.accept()
    visitor.page.evaluate(
        """() => {
          const write = () => { localStorage.st_beat = sessionStorage.st_beat = localStorage.mine = 1; };
          setInterval(write, 1);
          addEventListener("pagehide", write);
        }"""
    )
    _withdraw(visitor)
    assert visitor.page.locator("script#yc-s").count() == 0
    stored = visitor.stored()
    assert (stored["local"], stored["session"]) == (["mine"], [])


def test_a_page_is_left_when_databases_are_deleted(publish: Publish) -> None:
    visitor = publish()
    visitor.accept()
    visitor.page.evaluate(_KEEP)
    visitor.page.evaluate(
        """IDBFactory.prototype.deleteDatabase = () => {
          const request = new EventTarget();
          setTimeout(() => { localStorage.deleted = 1; request.dispatchEvent(new Event("success")); }, 700);
          return request;
        }"""
    )
    _withdraw(visitor)
    assert visitor.stored()["local"] == ["deleted"]


def test_what_cannot_be_deleted_keeps_nothing_else(publish: Publish) -> None:
    visitor = publish()
    visitor.accept()
    visitor.page.evaluate(_KEEP)
    visitor.page.evaluate(
        """() => {
          const remove = CacheStorage.prototype.delete;
          CacheStorage.prototype.delete = function (name) {
            return name === "st_events" ? Promise.reject(Error("busy")) : remove.call(this, name);
          };
        }"""
    )
    _withdraw(visitor)
    assert sorted(visitor.stored()["caches"]) == ["best_events", "mine", "st_events"]
    assert visitor.complaints == []


def test_a_key_that_is_called_as_what_storage_itself_has_is_deleted_too(publish: Publish) -> None:
    visitor = publish()
    visitor.accept()
    visitor.page.evaluate("for (const key of ['length', 'key']) localStorage.setItem(key, 1)")
    _withdraw(visitor)
    assert visitor.page.evaluate("['length', 'key'].map((key) => localStorage.getItem(key))") == [None, "1"]


def test_what_is_taken_back_is_taken_back_though_the_rest_could_not_be_saved(publish: Publish) -> None:
    visitor = publish(
        '<script src="https://stats.example/slow/first.js"></script>'
        '<script data-purpose="analytics">localStorage.second = 1</script>'
    )
    visitor.page.evaluate("localStorage.st_id = 1")
    visitor.page.evaluate(
        f"async () => {{ {_IMPORT} await Promise.race([consent.accept(), consent.when('analytics')]) }}"
    )
    visitor.page.route(
        "**/_consent/decision",
        lambda route: route.fulfill(status=503, json={"error": "not-saved", "withdrawn": ["analytics"]}),
    )
    with visitor.page.expect_navigation():
        visitor.page.evaluate(f"() => {{ (async () => {{ {_IMPORT} consent.set({{ analytics: false }}) }})() }}")
    expect(visitor.page.get_by_role("alert")).to_contain_text("could not be saved")
    assert visitor.stored()["local"] == []


def test_where_the_browser_does_not_list_databases_those_of_the_very_names_are_deleted(publish: Publish) -> None:
    visitor = publish('<script src="https://stats.example/run/a.js"></script>')
    visitor.accept()
    visitor.context.add_init_script(
        """const { databases } = IDBFactory.prototype;
        delete IDBFactory.prototype.databases;
        window.kept = async () => (await databases.call(indexedDB)).map(({ name }) => name).sort();"""
    )
    visitor.page.reload()
    visitor.page.evaluate(_KEEP)
    _withdraw(visitor)
    visitor.wait_until(lambda: "hits" not in visitor.page.evaluate("kept()"), "a database to be deleted")
    assert visitor.page.evaluate("kept()") == ["best_events", "mine", "st_events"]
    assert visitor.complaints == []


def test_storage_that_does_not_answer_does_not_keep_what_runs_running(publish: Publish) -> None:
    visitor = publish('<script src="https://stats.example/run/a.js"></script>')
    visitor.accept()
    visitor.page.evaluate("CacheStorage.prototype.keys = () => new Promise(() => {}); localStorage.hits = 1")
    _withdraw(visitor)
    assert visitor.stored()["local"] == []
    assert _ran(visitor.page) == []


def test_settings_that_are_asked_for_twice_are_one_dialog_and_give_the_focus_back(publish: Publish) -> None:
    visitor = publish()
    visitor.page.evaluate(
        """async () => {
          const { consent } = await import("/_consent/consent.js");
          document.querySelector("#yc-l a").focus();
          await Promise.all([consent.open(), consent.open()]);
        }"""
    )
    expect(visitor.dialog).to_have_count(1)
    visitor.page.keyboard.press("Escape")
    expect(visitor.page.locator("#yc-d")).to_have_count(0)
    expect(visitor.page.locator("#yc-l a")).to_be_focused()


def test_an_answer_leaves_the_page_where_it_is_and_the_focus_with_what_is_said_of_it(publish: Publish) -> None:
    visitor = publish(body="<p>A long page.</p>" * 500)
    visitor.page.evaluate("scrollTo(0, 300)")
    visitor.page.keyboard.press("Tab")
    visitor.card.get_by_role("button", name="Accept", exact=True).focus()
    before = visitor.page.evaluate("scrollY")
    visitor.page.keyboard.press("Enter")
    said = visitor.page.get_by_role("status").filter(has_text="Your choice is saved.")
    expect(said).to_be_focused()
    expect(said).to_have_css("position", "fixed")
    assert visitor.page.evaluate("scrollY") == before


def test_the_browser_gets_a_turn_between_an_answer_and_what_wakes(publish: Publish) -> None:
    """So that the page shows the answer at once, and neither of the two takes long."""
    visitor = publish(
        "<script>window.ran = []; document.addEventListener('consent:change', () => setTimeout(() => ran.push('turn')))</script>"
        '<script data-purpose="analytics">ran.push("woken")</script>'
    )
    visitor.accept()
    _ends_with(visitor.page, "woken")
    assert _ran(visitor.page) == ["turn", "woken"]


_SAVE = '<input type="hidden" name="action" value="save">'


@pytest.mark.parametrize(
    "fields",
    [
        f'{_SAVE}<input type="hidden" name="purpose" value="analytics"><button>Save</button>',
        f'{_SAVE}<input type="hidden" name="purpose" value="analytics"><button name="where" value="foot">Save</button>',
        f'{_SAVE}<button name="purpose" value="analytics">Save</button>',
        '<input type="hidden" name="purpose" value="analytics"><button name="action" value="save">Save</button>',
    ],
)
def test_a_form_says_what_it_would_say_without_the_script(publish: Publish, fields: str) -> None:
    visitor = publish(body=f'<form method="post" action="/_consent/decision" id="own">{fields}</form>')
    visitor.press("Save", visitor.page.locator("#own"))
    assert visitor.state()["granted"] == ["analytics"]
    assert visitor.loads == ["/"]


def test_what_is_said_of_an_answer_says_its_language(publish: Publish) -> None:
    visitor = publish()
    visitor.page.evaluate("document.documentElement.lang = 'he'; document.documentElement.dir = 'rtl'")
    visitor.accept()
    said = visitor.page.get_by_role("status")
    expect(said).to_have_attribute("lang", "en")
    expect(said).to_have_css("direction", "ltr")
