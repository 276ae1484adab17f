"""A strict policy: whatever is on another host than the site's own, and declared by nobody, is held."""

from __future__ import annotations

import random

import differential
import pytest

from consent.gate import Gate, Held, Rules
from consent.gate.csp import wall
from consent.gate.glance import Glance
from consent.gate.judge import Judge
from consent.gate.wall import told
from consent.policy.policy import NECESSARY, Policy, Purpose, Service
from consent.policy.settings import read_settings

POLICY = Policy.of(
    [Purpose("necessary"), Purpose("analytics")],
    [
        Service(
            "own-files", purposes=(NECESSARY,), hosts=("static.site.example", "*.cdn.example", "shared.example/us/")
        ),
        Service("stats", purposes=("analytics",), hosts=("stats.example",)),
    ],
    undeclared=[Service("heat", purposes=("analytics",), hosts=("heat.example",))],
    strict=True,
)
RULES = Rules(POLICY)
ALL = frozenset(POLICY.names)


def gated(page: str, *, site: str = "site.example") -> tuple[str, list[Held]]:
    gate = Gate(RULES, ALL, site=site, charset="utf-8")
    out = gate.feed(page.encode()) + gate.finish()
    return out.decode(), gate.held


def held(page: str, *, site: str = "site.example") -> list[str | None]:
    out, found = gated(page, site=site)
    assert (out == page) == (not found)
    return [each.service for each in found]


SVG = "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink'></svg>"


@pytest.mark.parametrize(
    "tag",
    [
        "<script src=https://other.example/a.js></script>",
        "<script src=//other.example/a.js></script>",
        "<script src=HTTPS://OTHER.EXAMPLE./a.js></script>",
        r"<script src=\\other.example/a.js></script>",
        "<img src=https://other.example/a.gif>",
        "<img srcset='/a.png 1x, https://other.example/a.png 2x'>",
        "<iframe src=https://other.example/></iframe>",
        "<link rel=stylesheet href=https://other.example/a.css>",
        "<link rel=preconnect href=https://other.example>",
        "<style>@import url(//other.example/a.css)</style>",
        "<style>p { background: url(https://other.example/a.png) }</style>",
        "<p style='background: url(//other.example/a.png)'>",
        "<base href=https://other.example/>",
        "<video poster=https://other.example/a.jpg></video>",
        "<a href=/x ping=https://other.example/>x</a>",
        "<iframe srcdoc='<img src=//other.example/a>'></iframe>",
        "<script>import 'https://other.example/a.js'</script>",
        '<script type=importmap>{"imports":{"a":"https://other.example/a.js"}}</script>',
        "<script>s.src = 'https://other.example/a.js'</script>",
        r"<script>s.src = 'https:\/\/other.example\/a.js'</script>",
        "<script>s.src = location.protocol + '//other.example/a.js'</script>",
        "<script>s.src = `${location.protocol}//other.example/a.js`</script>",
        "<script>e.innerHTML = '<img src=https://other.example/a>'</script>",
        "<script>fetch('https://other.example')</script>",
        "<script>new WebSocket('wss://other.example')</script>",
        "<p onclick=\"fetch('https://other.example')\">",
    ],
)  # fmt: skip
def test_whoever_is_not_declared_is_held_by_name(tag: str) -> None:
    out, found = gated(tag)
    assert [(each.service, each.reason, each.purposes) for each in found] == [("other.example", "undeclared", ())]
    assert "data-consent-service=other.example" in out


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://other.example:8443/a", "other.example:8443"),
        ("https://other.example:443/a", "other.example"),
        ("https://bücher.example/a", "xn--bcher-kva.example"),
        ("http://intranet/a", "intranet"),
        ("//1249763844/a", "1249763844"),
        ("//0x4a7d9f64/a", "0x4a7d9f64"),
        ("http://[::1]:8080/a", "[::1]:8080"),
        ("http://o'ther.example/a", "o-ther.example"),
        ("https://shared.example/them/a", "shared.example"),
        ("https://heat.example/a", "heat"),
        ("https://cdn.example/a", "cdn.example"),
        ("https://site.example:8443/a", "site.example:8443"),
        ("https://www.site.example/a", "www.site.example"),
        ("https://www.w3.org/a.js", "www.w3.org"),
        ("https://www.w3.org/2000/svg-tracker.js", "www.w3.org"),
        ("https://www.w3.org/2000/svg/tracker.js", "www.w3.org"),
        ("https://a&b{c}.tracker.example/a.js", "a-b-c-.tracker.example"),
    ],
)
def test_whatever_the_host_its_name_is_safe_in_a_page(address: str, name: str) -> None:
    assert held(f'<img src="{address}">') == [name]


@pytest.mark.parametrize(
    "page",
    [
        # The site's own, and what leads nowhere else.
        "<script src=/a.js></script><img src=a.png><img src='../a.png?u=https://other.example'><img src=''>",
        "<script src=https://site.example/a.js></script><img src=//SITE.example:443/a>",
        "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='><iframe src=about:blank></iframe><img src=blob:x>",
        # Declared as necessary.
        "<script src=https://static.site.example/a.js></script><img src=//a.b.cdn.example/><img src=//shared.example/us/a>",
        "<script src=https://stats.example/a.js></script>",
        "<script>s.src = 'https://static.site.example/a.js'</script>",
        # What only leads there when it is followed, and what says something.
        "<a href=https://other.example/>x</a><form action=https://other.example/></form><area href=//other.example/>",
        "<link rel=canonical href=https://other.example/><link rel=alternate hreflang=fr href=https://other.example/fr>",
        "<meta property=og:image content=https://other.example/a.png><p itemtype=https://schema.org/Person cite=//other.example/>",
        '<script type="application/ld+json">{"@context": "https://schema.org", "url": "https://other.example"}</script>',
        '<script type="application/json">{"src": "https://other.example/a.js"}</script>',
        "<p data-src=https://other.example/a>https://other.example/a",
        # What is no address.
        "<script>// see https://other.example/why\n//other\nlet a = 1//other.example\n</script>",
        "<script>document.createElementNS('http://www.w3.org/2000/svg', 'path')</script>",
        "<script>fetch('https://' + location.host); fetch(`https://${location.host}/a`)</script>",
        f'<img src="data:image/svg+xml,{SVG}"><p style="background: url(&quot;data:image/svg+xml,{SVG}&quot;)">',
        "<style>@font-face { src: url(data:font/woff2;base64,d09GMgAB//8AAA+B/7//9x==) }</style>",
        "<audio src='data:audio/mp3;base64,//uQxAAA//8='></audio><img srcset='data:image/png;base64,//8AAA 1x'>",
        "<template><img src='https://{{ host }}/a'></template>",
        '<script type=speculationrules>{"prefetch":[{"where":{"href_matches":"\\/*"}},{"urls":["\\/a.b"]}]}</script>',
        '<script type=importmap>{"imports":{"a":"\\/a.js"}}</script>',
    ],
)  # fmt: skip
def test_what_stays_here_is_declared_or_only_leads_away_stays_as_it_is(page: str) -> None:
    assert held(page) == []


def test_own_is_the_host_that_the_page_was_asked_under() -> None:
    page = "<img src=//www.site.example:8000/a>"
    assert held(page, site="www.site.example:8000") == []
    assert held(page, site="site.example") == ["www.site.example:8000"]
    assert held("<img src=//other.example/><img src=/a>", site="") == ["other.example"]


def test_a_glance_lets_nothing_pass_that_strictness_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(20_261_126)
    pages = [differential.document(chance).decode("utf-8", "replace") for _ in range(250)]
    glanced = [gated(page)[0] for page in pages]
    assert sum(one != page for one, page in zip(glanced, pages, strict=True)) > 100
    monkeypatch.setattr(Glance, "passes", lambda *_, **__: False)
    monkeypatch.setattr(Judge, "sight", lambda *_: None)
    assert glanced == [gated(page)[0] for page in pages]
    assert RULES.knows_host("whoever.example")


# The settings


def test_a_service_of_the_sites_own_that_is_necessary_lets_its_hosts_pass() -> None:
    settings = read_settings(
        {"strict": True, "services": {"files": {"purposes": ["necessary"], "hosts": ["cdn.example"]}, "stripe": True}},
        keys="a key for the pages of this test",
    )
    gate = Gate(settings.policy, site="site.example", charset="utf-8")
    page = b"<script src=https://cdn.example/a.js></script><script src=https://js.stripe.com/v3/></script>"
    assert gate.feed(page) + gate.finish() == page
    assert settings.policy.optional == ()


# The second wall


def test_the_guard_is_told_that_every_other_host_is_held() -> None:
    assert told(POLICY).split("\n")[-1] == "  heat.example *"


@pytest.mark.parametrize(
    ("policy", "ours"),
    [
        ("default-src 'self' data:; img-src static.site.example https://a.cdn.example/x/ 'nonce-a'", ""),
        ("default-src 'self' site.example wss://site.example a.shared.example/us/",
         "default-src 'self' site.example wss://site.example static.site.example *.cdn.example shared.example/us/ stats.example"),
        ("default-src 'self'; script-src other.example 'nonce-a' 'strict-dynamic'",
         "default-src 'self'; script-src 'nonce-a' 'strict-dynamic' static.site.example *.cdn.example shared.example/us/ stats.example"),
        ("default-src 'self'; img-src *.example", "default-src 'self'; img-src static.site.example *.cdn.example shared.example/us/ stats.example"),
        ("default-src 'self'; img-src cdn.example shared.example static.site.example:8443",
         "default-src 'self'; img-src static.site.example *.cdn.example shared.example/us/ stats.example"),
    ],
)  # fmt: skip
def test_the_policy_beside_the_sites_lets_in_who_is_declared_and_nobody_else(policy: str, ours: str) -> None:
    headers = [("Content-Security-Policy", policy)]
    assert wall(headers, POLICY, ALL, site="site.example", secure=True) == ours


def test_a_strict_site_without_a_policy_has_one_whatever_is_allowed() -> None:
    ours = wall([], POLICY, ALL, site="site.example", secure=True)
    assert ours.endswith("static.site.example *.cdn.example shared.example/us/ stats.example")
    assert "*" not in ours.split()
