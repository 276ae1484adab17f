"""Stand-ins for vendors' tags, which find in their queues what a visitor chose, before they begin and when it changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from servers import Outside, Place, Quiet, serving, wait_until
from visitors import Visitor
from werkzeug.serving import make_server

from consent.wsgi import ConsentMiddleware

pytestmark = pytest.mark.browser

Publish = Callable[..., Visitor]

GTAG = (
    '<script nonce="n0nce" async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>'
    '<script nonce="n0nce">window.dataLayer = window.dataLayer || []; function gtag() { dataLayer.push(arguments) }'
    "gtag('js', new Date()); gtag('config', 'G-1')</script>"
)
#: As the vendors' own snippets are, up to names.
META = (
    '<script nonce="n0nce">!function(f,b,e,v,n,t,s){if(f.fbq)return;n=f.fbq=function(){n.callMethod?n.callMethod.apply(n,'
    "arguments):n.queue.push(arguments)};if(!f._fbq)f._fbq=n;n.push=n;n.loaded=!0;n.version='2.0';n.queue=[];"
    "t=b.createElement(e);t.async=!0;t.src=v;s=b.getElementsByTagName(e)[0];s.parentNode.insertBefore(t,s)}(window,"
    "document,'script','https://connect.facebook.net/en_US/fbevents.js');fbq('init','1');fbq('track','PageView')</script>"
)
CLARITY = (
    '<script nonce="n0nce">(function(c,l,a,r,i,t,y){c[a]=c[a]||function(){(c[a].q=c[a].q||[]).push(arguments)};'
    't=l.createElement(r);t.async=1;t.src="https://www.clarity.ms/tag/"+i;y=l.getElementsByTagName(r)[0];'
    'y.parentNode.insertBefore(t,y)})(window,document,"clarity","script","x");clarity("set","a","b")</script>'
)
UET = (
    '<script nonce="n0nce">(function(w,d,t,r,u){w[u]=w[u]||[];w[u].push("pageLoad");var n=d.createElement(t);n.src=r;'
    'n.async=1;var i=d.getElementsByTagName(t)[0];i.parentNode.insertBefore(n,i)})(window,document,"script",'
    '"https://bat.bing.com/bat.js","uetq")</script>'
)
MATOMO = (
    '<script nonce="n0nce">var _paq = window._paq = window._paq || []; _paq.push(["trackPageView"]);'
    'var d=document, g=d.createElement("script"), s=d.getElementsByTagName("script")[0]; g.async=true;'
    'g.src="https://stats.matomo.cloud/matomo.js"; s.parentNode.insertBefore(g,s)</script>'
)
#: Libraries of which only the methods matter; they write down what they are asked.
METHODS = """<script nonce="n0nce" data-purpose="analytics">
const note = (name) => (...args) => { said.push([name, ...args]) };
window.posthog = { opt_in_capturing: note("posthog in"), opt_out_capturing: note("posthog out") };
window.mixpanel = { opt_in_tracking: note("mixpanel in"), opt_out_tracking: note("mixpanel out") };
window.amplitude = { setOptOut: note("amplitude") };
said.push(["began"]);
</script>"""
#: In every page, before anything in it: what the queues held when it was left, for the page after it.
KEEPS = """window.said = []; addEventListener("pagehide", () => {
  const plain = (each) => Object.prototype.toString.call(each) === "[object Arguments]" ? [...each] : each;
  const found = { said, dataLayer: window.dataLayer, uetq: window.uetq, _paq: window._paq, fbq: window.fbq?.queue, clarity: window.clarity?.q };
  for (const [name, queue] of Object.entries(found)) found[name] = [...(queue ?? [])].map(plain);
  sessionStorage.left = JSON.stringify(found);
})"""

STRICT = (
    "default-src 'none'; script-src 'nonce-n0nce' 'strict-dynamic'; style-src 'nonce-n0nce' 'self'; connect-src 'self' "
    "https://www.google-analytics.com; img-src 'self' data:; base-uri 'none'; form-action 'self'"
)
TRUSTED = f"{STRICT}; require-trusted-types-for 'script'; trusted-types consent"
HOSTS = "script-src 'self' https://www.googletagmanager.com 'sha256-unused'"
TYPES = {
    "ad_storage", "ad_user_data", "ad_personalization", "analytics_storage", "functionality_storage",
    "personalization_storage", "security_storage",
}  # fmt: skip


@pytest.fixture
def publish(visit: Callable[..., Visitor], outside: Outside, tmp_path: Path) -> Iterator[Publish]:
    """Publish a page of a site with these services and visit it."""
    with ExitStack() as stack:

        def published(
            services: Any, head: str, body: str = "", *, policy: str | None = None, first: str = "", **settings: Any
        ) -> Visitor:
            text = (
                "<!doctype html><html lang=en><head><meta charset=utf-8><title>Page</title><link rel=icon "
                f'href="data:,">{head}</head><body><h1>Page</h1>{body}'
            )
            headers = [("Content-Type", "text/html; charset=utf-8")]
            headers += [("Content-Security-Policy", policy)] if policy else []

            def site(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
                start_response("200 OK", headers)
                return [text.encode()]

            log = f"sqlite:///{tmp_path / 'consent.db'}"
            app = ConsentMiddleware(
                site, {"services": services, "log": log, **settings}, secret_key="a key for the pages of this test"
            )
            stack.callback(app.site.close)
            server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
            url = stack.enter_context(serving(server))
            place = Place("page", url, log, "/", frozenset(), frozenset(), frozenset(), outside.heard)
            visitor = visit(place)
            visitor.context.add_init_script(KEEPS + first)
            visitor.go("/")
            return visitor

        yield published


def queue(visitor: Visitor, name: str) -> list[Any]:
    """What stands in a vendor's queue."""
    code = f"[...({name} ?? [])].map((each) => Object.prototype.toString.call(each) === '[object Arguments]' ? [...each] : each)"
    return json.loads(visitor.page.evaluate(f"JSON.stringify({code})"))  # type: ignore[no-any-return]


def told(visitor: Visitor) -> list[tuple[str, str]]:
    """What Google's tags would read: each command, and of a consent command what storage for ads and analytics is."""
    calls = queue(visitor, "window.dataLayer")
    for command, _, *values in calls:
        if command == "consent":
            assert values[0].keys() - {"wait_for_update"} == TYPES
    return [
        (call[1], f"{call[2]['ad_storage']} {call[2]['analytics_storage']}") if call[0] == "consent" else (call[0], "")
        for call in calls
    ]


def choose(visitor: Visitor, **choices: bool) -> None:
    visitor.page.evaluate(
        f"async () => {{ await (await import('/_consent/consent.js')).consent.set({json.dumps(choices)}) }}"
    )


def left(visitor: Visitor) -> dict[str, list[Any]]:
    """What the page that was left had told by then."""
    return json.loads(visitor.page.evaluate("sessionStorage.left"))  # type: ignore[no-any-return]


def withdraw(visitor: Visitor) -> None:
    panel = visitor.open_settings()
    with visitor.page.expect_navigation():
        visitor.press("Refuse all", panel)
    visitor.settle()


GOOGLE = ["google-analytics", "google-ads"]
BEGUN = [("js", ""), ("config", "")]

every_policy = pytest.mark.parametrize(
    "policy", [None, STRICT, TRUSTED, HOSTS], ids=["none", "nonce", "trusted", "hosts"]
)


# VS-01, VS-03: Google


@every_policy
def test_in_basic_mode_nobody_is_asked_until_agreed_and_then_tags_find_the_answer(
    publish: Publish, policy: str | None
) -> None:
    head = GTAG if policy != HOSTS else GTAG.replace("<script nonce", "<script data-n")
    if policy == HOSTS:
        # Such a policy runs no inline script; the page's own is a file elsewhere, and what it would push is left out.
        head = '<script async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>'
    visitor = publish(GOOGLE, head, policy=policy)
    visitor.expect_silence()
    assert told(visitor) == [("default", "denied denied")]
    visitor.accept()
    visitor.wait_until(lambda: visitor.page.locator("html[data-ga]").count(), "the library to run")
    begun = BEGUN if policy != HOSTS else []
    assert told(visitor) == [("default", "denied denied"), ("update", "granted granted"), *begun]
    visitor.page.reload()
    visitor.wait_until(lambda: visitor.page.locator("html[data-ga]").count(), "the library to run")
    assert told(visitor) == [("default", "denied denied"), ("update", "granted granted"), *begun]
    own = [each for each in visitor.complaints if "_consent" in each or ("inline" in each and policy != HOSTS)]
    assert own == []


def test_a_refusal_is_told_and_nobody_is_asked(publish: Publish) -> None:
    visitor = publish(GOOGLE, GTAG)
    visitor.refuse()
    visitor.wait_until(lambda: len(told(visitor)) > 1, "the update")
    assert told(visitor) == [("default", "denied denied"), ("update", "denied denied")]
    visitor.page.reload()
    visitor.expect_silence()
    assert told(visitor) == [("default", "denied denied")]


def test_a_vendor_whose_purpose_is_refused_is_asked_nothing_while_another_runs(publish: Publish) -> None:
    body = '<img src="https://www.google-analytics.com/collect?v=1" alt="">'
    visitor = publish(["google-analytics", "meta-pixel"], GTAG + META, body)
    choose(visitor, marketing=True)
    visitor.wait_until(lambda: any("connect.facebook.net" in url for url in visitor.elsewhere), "the pixel to load")
    for _ in range(2):
        visitor.settle()
        assert {urlsplit(url).hostname for url in visitor.elsewhere} == {"connect.facebook.net"}
        assert told(visitor)[0] == ("default", "denied denied")
        visitor.page.reload()


def test_each_change_of_choice_is_told(publish: Publish) -> None:
    visitor = publish(GOOGLE, GTAG)
    choose(visitor, analytics=True)
    visitor.wait_until(lambda: ("config", "") in told(visitor), "the tag to run")
    choose(visitor, marketing=True)
    assert told(visitor) == [
        ("default", "denied denied"), ("update", "denied granted"), *BEGUN, ("update", "granted granted"),
    ]  # fmt: skip
    withdraw(visitor)
    updates = [call[2]["analytics_storage"] for call in left(visitor)["dataLayer"] if call[1] == "update"]
    assert updates == ["granted", "granted", "denied"]
    assert told(visitor) == [("default", "denied denied")]


@every_policy
def test_in_advanced_mode_tags_run_at_once_and_find_the_default(publish: Publish, policy: str | None) -> None:
    if policy == HOSTS:
        head, begun = '<script src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>', []
    else:
        head, begun = GTAG, BEGUN
    pixel = '<img src="https://www.google-analytics.com/collect?v=1" alt="">'
    visitor = publish(GOOGLE, head, pixel, policy=policy, consent_mode={"mode": "advanced", "ads_data_redaction": True})
    visitor.wait_until(lambda: visitor.page.locator("html[data-ga]").count(), "the library to run")
    first = [("default", "denied denied"), ("set", "")]
    assert told(visitor) == [*first, *begun]
    assert queue(visitor, "dataLayer")[0][2]["wait_for_update"] == 500
    assert not any("/collect?v=1" in url for url in visitor.elsewhere), "an image hears nothing, and is held"
    assert visitor.page.locator("html").get_attribute("data-ga") in {f"{n} events, then the library" for n in (2, 4)}
    visitor.accept()
    visitor.wait_until(lambda: ("update", "granted granted") in told(visitor), "the update")
    assert told(visitor) == [*first, *begun, ("update", "granted granted")]
    own = [each for each in visitor.complaints if "_consent" in each or ("inline" in each and policy != HOSTS)]
    assert own == []


@pytest.mark.parametrize("wall", ["guard", "csp"])
@pytest.mark.parametrize("mode", ["basic", "advanced"])
def test_the_second_wall_lets_pass_what_is_told_first_and_nothing_else(publish: Publish, wall: str, mode: str) -> None:
    visitor = publish([*GOOGLE, "meta-pixel"], GTAG, wall=wall, consent_mode={"mode": mode})
    passed = visitor.page.evaluate("""() => Promise.all(["www.google-analytics.com", "connect.facebook.net"].map(
      async (host) => { try { return (await fetch(`https://${host}/x`)).ok } catch { return false } }))""")
    assert passed == [mode == "advanced", False]
    assert "connect.facebook.net" not in visitor.heard()
    assert told(visitor)[0] == ("default", "denied denied")


def test_where_all_runs_until_refused_tags_are_told_so(publish: Publish) -> None:
    visitor = publish(GOOGLE, GTAG, regime="us-ca")
    visitor.wait_until(lambda: visitor.page.locator("html[data-ga]").count(), "the library to run")
    assert told(visitor) == [("default", "granted granted"), *BEGUN]
    with visitor.page.expect_navigation():
        visitor.refuse()
    visitor.forget()
    assert [call[2]["ad_storage"] for call in left(visitor)["dataLayer"] if call[0] == "consent"] == [
        "granted",
        "denied",
    ]
    assert told(visitor) == [("default", "denied denied")]
    visitor.page.reload()
    visitor.expect_silence()


# VS-04 to VS-08: the others


OTHERS = ["bing-uet", "microsoft-clarity", "meta-pixel", "matomo", "posthog", "mixpanel", "amplitude"]


@pytest.mark.parametrize("policy", [None, STRICT], ids=["none", "nonce"])
def test_the_others_find_the_answer_before_they_begin_and_are_told_of_a_withdrawal(
    publish: Publish, policy: str | None
) -> None:
    visitor = publish(OTHERS, UET + CLARITY + META + MATOMO + METHODS, policy=policy)
    visitor.expect_silence()
    assert queue(visitor, "uetq") == ["consent", "default", {"ad_storage": "denied"}]
    assert queue(visitor, "_paq") == [["requireConsent"]]
    assert visitor.page.evaluate("typeof fbq + typeof clarity + said.length") == "undefinedundefined0"

    begun = [["began"], ["posthog in"], ["mixpanel in"], ["amplitude", False]]
    visitor.accept()
    visitor.wait_until(lambda: len(queue(visitor, "said")) >= len(begun), "the libraries to be told")
    expected = {
        "uetq": [
            "consent",
            "default",
            {"ad_storage": "denied"},
            "consent",
            "update",
            {"ad_storage": "granted"},
            "pageLoad",
        ],
        "_paq": [["requireConsent"], ["setConsentGiven"], ["trackPageView"]],
        "fbq.queue": [["consent", "revoke"], ["consent", "grant"], ["init", "1"], ["track", "PageView"]],
        "said": begun,
    }
    assert {name: queue(visitor, name) for name in expected} == expected
    granted = ["consentv2", {"ad_Storage": "granted", "analytics_Storage": "granted"}]
    assert [call for call in queue(visitor, "clarity.q") if call[0] != "set"][-1] == granted
    assert queue(visitor, "clarity.q")[-1] == ["set", "a", "b"]

    visitor.page.reload()
    visitor.settle()
    assert {name: queue(visitor, name) for name in expected} == {**expected, "said": [["began"]]}
    assert queue(visitor, "clarity.q") == [granted, ["set", "a", "b"]]

    url = visitor.place.url
    theirs = ["_uetsid", "_clck", "_fbp", "_pk_id.1.2", "ph_x_posthog", "mp_x_mixpanel", "AMP_0"]
    visitor.context.add_cookies([{"name": name, "value": "1", "url": url} for name in theirs])
    visitor.page.evaluate("localStorage.__ph_opt_in_out_x = 1")
    withdraw(visitor)
    was = left(visitor)
    assert was["uetq"][-3:] == ["consent", "update", {"ad_storage": "denied"}]
    assert was["_paq"][-1] == ["forgetConsentGiven"]
    assert was["fbq"][-1] == ["consent", "revoke"]
    assert was["clarity"][-1] == ["consentv2", {"ad_Storage": "denied", "analytics_Storage": "denied"}]
    assert was["said"] == [["began"], ["posthog out"], ["mixpanel out"], ["amplitude", True]]
    assert visitor.cookies().keys() == {"consent"}
    assert visitor.stored()["local"] == []
    visitor.forget()
    visitor.page.reload()
    visitor.expect_silence()
    own = [each for each in visitor.complaints if "_consent" in each or "inline" in each]
    assert own == []


def test_a_snippet_finds_its_function_as_if_nobody_had_been_there(publish: Publish) -> None:
    """It puts one in place only where there is none, in one way or another."""
    visitor = publish(["meta-pixel"], "")
    found = visitor.page.evaluate("""() => {
      const before = [window.fbq, typeof fbq];
      const late = function () { late.queue.push([...arguments]) };
      window.fbq = late;               // not ready: it has no queue yet
      const same = window.fbq === late;
      window.fbq.queue = [];
      fbq("init", "1");
      window.fbq("track");
      return [before, same, late.queue];
    }""")
    assert found == [[None, "undefined"], True, [["consent", "revoke"], ["init", "1"], ["track"]]]
    choose(visitor, marketing=True)
    assert queue(visitor, "fbq.queue")[-1] == ["consent", "grant"]
    assert visitor.complaints == []


def test_one_that_cannot_be_told_keeps_nobody_else_from_it(publish: Publish) -> None:
    broken = "; window.uetq = { push() { throw new Error('broken') } }"
    visitor = publish(["bing-uet", "matomo", "google-ads"], "", first=broken)
    visitor.accept()
    visitor.wait_until(lambda: ["setConsentGiven"] in queue(visitor, "_paq"), "Matomo to be told")
    assert told(visitor)[:2] == [("default", "denied denied"), ("update", "granted granted")]
    assert any("broken" in each for each in visitor.complaints)


def test_a_site_without_such_services_makes_no_queue(publish: Publish) -> None:
    visitor = publish({"stats": {"purposes": ["analytics"], "hosts": ["stats.example"]}}, "")
    visitor.accept()
    names = ["dataLayer", "uetq", "_paq", "fbq", "clarity"]
    assert visitor.page.evaluate(f"{json.dumps(names)}.filter((name) => name in window)") == []
    assert visitor.page.evaluate("document[Symbol.for('consent tell')] === undefined")


# Segment's wrapper asks by itself

WRAPPER = """<script type="module" nonce="n0nce">
const { consent } = await import("/_consent/consent.js");
const settings = {
  shouldLoadSegment: async (ctx) => {
    if (!consent.allows("analytics")) await new Promise((resolve) => consent.addEventListener("change", () => consent.allows("analytics") && resolve()));
    ctx.load({ consentModel: "opt-in" });
  },
  getCategories: () => Object.fromEntries(["analytics"].map((name) => [name, consent.allows(name)])),
  registerOnConsentChanged: (changed) => consent.addEventListener("change", () => changed(settings.getCategories())),
};
settings.registerOnConsentChanged((categories) => said.push(["changed", categories]));
settings.shouldLoadSegment({ load: (how) => said.push(["load", how, settings.getCategories()]) });
</script>"""


def test_what_the_documentation_shows_for_segment_loads_it_when_agreed(publish: Publish) -> None:
    shown = (Path(__file__).parents[2] / "docs" / "vendors.md").read_text("utf-8")
    for line in WRAPPER.splitlines()[1:9]:
        assert line in shown, line
    visitor = publish(["segment"], WRAPPER)
    visitor.settle()
    assert queue(visitor, "said") == []
    visitor.accept()
    wait_until(lambda: len(queue(visitor, "said")) == 2, "the wrapper to load")
    assert queue(visitor, "said") == [
        ["changed", {"analytics": True}], ["load", {"consentModel": "opt-in"}, {"analytics": True}],
    ]  # fmt: skip
