"""What is told at a glance is what a closer look would tell."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import ada_url
import pytest
from differential import POLICY, document
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from consent.gate import Gate, Rules, address, judge, look, scanning, searching, tokens
from consent.gate.address import addresses_in
from consent.gate.glance import Glance
from consent.gate.walk import TAG_CAP
from consent.policy import catalogue
from consent.policy.policy import Policy, Purpose, Service
from consent.policy.settings import read_settings

CATALOGUE = Policy.of(
    [Purpose(name) for name in ("necessary", "preferences", "analytics", "marketing")],
    undeclared=catalogue.load().values(),
)

hostile = st.text("<>=\"'/ \t\nabcsrctile-&;:.%@\\", max_size=60).map(str.encode)


@pytest.fixture(params=["all at once", "one after the other"])
def rules(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Policy], Rules]:
    """Makes rules that are looked for in this way."""

    if request.param != "all at once":
        monkeypatch.setattr(look, "sound_hyperscan", lambda: None)

    def make(policy: Policy) -> Rules:
        way = scanning.Scanning if request.param == "all at once" else searching.Searching
        assert isinstance(look.look_of(policy), way)
        return Rules(policy)

    return make


def gated(rules: Rules, page: bytes, size: int = 1 << 20) -> bytes:
    gate = Gate(rules, site="www.example.org", head=b"<!--head-->", banner=b"<!--banner-->")
    return b"".join(gate.feed(page[at : at + size]) for at in range(0, len(page), size)) + gate.finish()


@pytest.mark.parametrize("policy", [POLICY, CATALOGUE], ids=["one service", "catalogue"])
def test_a_glance_lets_nothing_pass_that_a_look_would_hold(
    policy: Policy, rules: Callable[[Policy], Rules], monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(20_261_125)
    pages = [document(chance) for _ in range(250)]
    glancing = rules(policy)
    glanced = [gated(glancing, page) for page in pages]
    assert glanced == [gated(glancing, page, 7) for page in pages]
    monkeypatch.setattr(Glance, "passes", lambda *_, **__: False)
    monkeypatch.setattr(judge, "harmless_end", lambda *_: None)
    monkeypatch.setattr(judge.Judge, "sight", lambda *_: None)
    looking = Rules(policy)
    assert glanced == [gated(looking, page) for page in pages]


@pytest.mark.parametrize(
    "tag",
    [
        "<a href='javascript:track(1)'>", "<a href=javascript:track(1)>", "<a href='&#106;avascript:track(1)'>",
        "<a href='java\nscript:track(1)'>", "<a HREF = 'javascript:track(1)'>", "<form action='javascript:track(1)'>",
        "<p style='background:url(//tracker.example/a)'>", "<p onclick='track(1)'>", "<p data-purpose=analytics>",
        "<p ping='//tracker.example/a'>", "<body background=//tracker.example/a>", "<button formaction=javascript:track(1)>",
        "<p a='1'b='2' onclick='track(1)'>",
    ],
)  # fmt: skip
def test_a_plain_tag_with_something_to_hold_is_not_passed_over(tag: str, rules: Callable[[Policy], Rules]) -> None:
    page = f"<body><p>a</p>{tag}b".encode()
    for padding in (b"", b" " * 5000):
        assert b"data-consent-for" in gated(rules(POLICY), page + padding), tag


@pytest.mark.parametrize("before", ["", "<p onclick='x()'>", "<a href='javascript:x()'>"])
@pytest.mark.parametrize(
    "tag",
    [
        "<p onclick=_gaq>", "<p onclick='_gaq'>", "<p onclick='x(_gaq)'>", "<p onclick='gt&#97;g()'>", "<p title='%' onclick=_paq>",
        "<a href=javascript:_paq>", "<a href='java\nscript:_p\naq'>", "<a href='javascript:%5fpaq.push()'>", "<script>_gaq</script>", "<script>_gaq.push()</script>",
        "<script>import '//cdn.mxpnl.com/a'</script>", "<style>a { b: url(//cdn.mxpnl.com/a) }</style>",
        "<style>a { b: url(//cdn.mx\\70nl.com/a) }</style>", "<script type=importmap>{'a': '//cdn.mxpnl.com/a'}</script>",
        "<img src=/js/matomo.php?a>", "<img src=/js/mat%6Fmo.php?a>", "<img srcset='/a 1x, //cdn.mxpnl.com/a 2x'>",
        "<link rel=stylesheet href='data:text/css,a{b:url(https://cdn.mxpnl.com/a)}'>", "<link rel=stylesheet href='data:text/css;base64,YXtiOnVybChodHRwczovL2Nkbi5teHBubC5jb20vYSl9'>",
        "<style>a { b: url(/js/matomo.php?a) }</style>", "<style>@import 'matomo.php'</style>", "<p style='a: url(/matomo.php)'>", "<style>a { b: url( '/js/mat\\6fmo.php') }</style>",
        "<svg><use href='//cdn.mxpnl.com/a'/></svg>", "<select><option style='a: url(//cdn.mxpnl.com/a)'></select>",
    ],
)  # fmt: skip
def test_nor_is_one_with_what_the_catalogue_knows(tag: str, before: str, rules: Callable[[Policy], Rules]) -> None:
    made = rules(CATALOGUE)
    for page in (f"<body><p>a</p>{before}{tag}b<p title='c'>d", f"<head>{before}{tag}", f"<svg><p>{before}{tag}"):
        assert b"data-consent-for" in gated(made, page.encode()), page


DECLARED = Policy.of(
    [Purpose("necessary"), Purpose("a")],
    [
        Service(
            "paths", purposes=("a",), hosts=("*/js/matomo.php", "www.example.org/pixel.js", "*.example.org/p/*.gif")
        ),
        Service("hosts", purposes=("a",), hosts=("cdn.mxpnl.com", "*.mxpnl.com")),
    ],
)


@pytest.mark.parametrize(
    "tag",
    [
        "<script>f('//a&b@cdn.mxpnl.com/a')</script>", "<script>f('//a&b.mxpnl.com/a')</script>",
        "<script>f('http:cdn.mxpn%6C.com/a')</script>", "<script>f('http:a@cdn.mxpnl.com/a')</script>",
        "<script>f('https:/ｃdn.mxpnl.com/a')</script>", "<script>import\xa0'//cdn.mxpnl.com/a'</script>",
        "<script>f('//x.example/js/matomo.php')</script>", "<script>f('//x.example/js/m%61tomo.php')</script>",
        r"<script>f('http:\/\/x.example\/js\/matomo.php')</script>",
        r"<script>f('http:\/\/x.example\/js\/a\/..\/matomo.php')</script>",
        r"<style>a { b: url(http\3a cdn.mxpnl.com/a) }</style>", r"<style>a { b: url(http\:c\64n.mxpnl.com/a) }</style>",
        r"<style>a { b: url(\68 ttp:cdn.mxpnl.com/a) }</style>", r"<style>a { b: url(htt\p:cdn.mxpnl.com/a) }</style>",
        r"<style>a { b: url(http:c\64n.mxpnl.com/a) }</style>", r"<style>a { b: url(http:/cdn\.mxpnl.com/a) }</style>",
        r"<style>a { b: url(/\5c cdn.mxpnl.com/a) }</style>", r"<style>a { b: url(\5c\5c cdn.mxpnl.com/a) }</style>",
        "<style>a { b: url('/\\\n/cdn.mxpnl.com/a') }</style>", "<style>a { b: url('ht\\\ntp:c\\64n.mxpnl.com/a') }</style>",
        r"<style>a { b: url(//x.example/js/mat\6fmo.php) }</style>", r"<style>a { b: url(//x.example/js\/matomo.php) }</style>",
        "<img src='//x\".m&#x78;pnl.com/a'>", "<img src='//x\".ｍxpnl.com/a'>", "<script data-purpose>x</script>", "<p data-purpose>",
        "<script src=/pixel.js></script>", "<img src=pixel.js>", "<img src='/a/../pi%78el.js'>", "<img src=/p/1.gif>",
    ],
)  # fmt: skip
def test_nor_is_one_with_what_a_site_declared(tag: str, rules: Callable[[Policy], Rules]) -> None:
    made = rules(DECLARED)
    for page in (f"<body><p>a</p>{tag}b<p title='c'>d", f"<head>{tag}", f"<svg><p>{tag}"):
        assert b"data-consent-for" in gated(made, page.encode()), page


@pytest.mark.parametrize(
    "css",
    [
        "'/\\\f/cdn.mxpnl.com/a'", "'//cdn\\\f.mxpnl.com/a'", "'//cdn\\\r.mxpnl.com/a'", "'//cdn\\\r\n.mxpnl.com/a'",
        "'/\\2f\r\ncdn.mxpnl.com/a'", "'//cdn\\2e\r\nmxpnl.com/a'", "'/\\9 /cdn.mxpnl.com/a'", "/\\a /cdn.mxpnl.com/a",
        "//cdn\\d .mxpnl.com/a", "'//cdn\t.mxpnl.com/a'", "'/\t/cdn.mxpnl.com/a'", "'//\tcdn.mxpnl.com/a'", "'ht\tTps:cdn.mxpnl.com/a'",
        "'https\t:cdn.mxpnl.com/a'", "'https:\tcdn.mxpnl.com/a'", "'https:/\tcdn.mxpnl.com/a'", "'w\tss:cdn.mxpnl.com/a'",
        "'ht\\9 tps:cdn.mxpnl.com/a'", "'/\t\\2f cdn.mxpnl.com/a'", "'//x.example/js/mat\tomo.php'",
    ],
)  # fmt: skip
def test_nor_is_a_style_whose_address_has_tabs_and_line_ends_in_it(css: str, rules: Callable[[Policy], Rules]) -> None:
    made = rules(DECLARED)
    referring = css.replace("\t", "&Tab;").replace("\f", "&#12;").replace("\r", "&#13;")
    for tag in (f"<style>a {{ b: url({css}) }}</style>", *(f'<p style="b: url({each})">' for each in (css, referring))):
        for page in (f"<body><p>a</p>{tag}b<p title='c'>d", f"<head>{tag}", f"<svg>{tag}"):
            assert b"data-consent-for" in gated(made, page.encode()), page


@pytest.mark.parametrize(
    "address",
    [
        'url("url(/pi\\78 el.gif")',
        'url(url("/pi\\78 el.gif")',
        "url(aurl(/pi\\78 el.gif)",
        "url( url(\x1curl( /pi\\78 el.gif)",
    ],
)
def test_nor_is_one_whose_address_begins_within_another(address: str, rules: Callable[[Policy], Rules]) -> None:
    policy = Policy.of([Purpose("necessary"), Purpose("a")], [Service("own", purposes=("a",), hosts=("*/pixel.gif",))])
    page = f"<body><style>p{{background:{address}}}</style>"
    assert b"data-consent-for" in gated(rules(policy), page.encode())


@pytest.mark.parametrize(
    "script",
    [
        "import(/* @vite-ignore */ '//cdn.mxpnl.com/a')", "import(/** a * b **/ '//cdn.mxpnl.com/a')", "import/**/'//cdn.mxpnl.com/a'",
        "import{a}from// b\n'//cdn.mxpnl.com/a'", "import//a\n/*b*/ (//c\n'//cdn.mxpnl.com/a')", "export * from '//cdn.mxpnl.com/a'",
        "export {a} from /* b */ `//cdn.mxpnl.com/a`", "import\ufeff'//cdn.mxpnl.com/a'", "import \u2028('//cdn.mxpnl.com/a')",
    ],
)  # fmt: skip
def test_what_a_script_loads_by_itself_is_found_wherever_it_says_so(
    script: str, rules: Callable[[Policy], Rules]
) -> None:
    made = rules(CATALOGUE)
    address = script.replace("\n", "%0a")
    for tag in (
        f"<script type=module>{script}</script>",
        f'<p onclick="{script}">',
        f'<a href="javascript:{address}">',
    ):
        for page in (f"<body><p>a</p>{tag}b<p title='c'>d", f"<head>{tag}", f"<svg><p>{tag}"):
            assert b"data-consent-for" in gated(made, page.encode()), page


def test_a_site_may_be_a_service_s_own(rules: Callable[[Policy], Rules]) -> None:
    policy = Policy.of(
        [Purpose("necessary"), Purpose("a")], [Service("own", purposes=("a",), hosts=("www.example.org",))]
    )
    assert b"data-consent-for" in gated(rules(policy), b"<body><p>a</p><img alt=a src=/b>")


def test_nothing_is_compiled_for_a_name_that_a_visitor_sends() -> None:
    for host in ("www.google-analytics.com", "www.facebook.com", "x.doubleclick.net"):
        assert isinstance(look.look_of(CATALOGUE, Rules(CATALOGUE).own_marks(host)), searching.Searching)
    assert Rules(CATALOGUE).own_marks("www.example.org") == ()


@pytest.mark.parametrize("slash", ["/", "\\", "/\\", "\\/"])
def test_many_slashes_are_read_once(slash: str, rules: Callable[[Policy], Rules]) -> None:
    made = rules(POLICY)
    for name in ("script", "style"):
        page = f'<body><{name}>{slash * 300_000} "{slash * 2}tracker.example/a"</{name}>'
        assert b"data-consent-for" in gated(made, page.encode())


def test_a_head_may_have_many_scripts(rules: Callable[[Policy], Rules]) -> None:
    page = b"<head>" + b"<script>a()</script>\n<style>a {}</style>" * 3000
    assert gated(rules(POLICY), page).endswith(page.removeprefix(b"<head>") + b"<!--banner-->")


@settings(deadline=None, max_examples=500)
@given(hostile)
def test_a_tag_ends_where_its_attributes_say(text: bytes) -> None:
    data = b"<a" + text + b"\" '>"
    whole = tokens.read_tag(data, 1)
    name = tokens._NAME.match(data, 1)
    assert name is not None
    each = tokens._read_tag(data, name, len(data))
    assert (whole is None) == (each is None)
    if whole is not None and each is not None:
        assert (whole.name, whole.name_end, whole.end) == (each.name, each.name_end, each.end)
        assert (whole.self_closing, whole.attributes) == (each.self_closing, each.attributes)


SLOW = re.compile(r"(?:(?:https?|wss?):[\\/]*|[\\/]{2,})([^\s\"'`()<>,;\\/:]+)", re.IGNORECASE)


@settings(deadline=None, max_examples=500)
@given(st.text("htpswHTPS:/\\ab.\"' ;İé", max_size=60))
def test_addresses_are_found_wherever_they_stand(text: str) -> None:
    hosts = {found.group(1) for address in addresses_in(text) if (found := SLOW.match(address))}
    assert {found.group(1) for found in SLOW.finditer(text)} <= hosts


@pytest.mark.parametrize(
    "tag",
    [
        "<script src='//us;er@www.google-analytics.com/a.js'>",
        "<script src=https:www.google-analytics.com/a.js>",
        "<script src='ht\ntps:www.google-analytics.com/a.js'>",
        "<script src='/\t/www.google-analytics.com/a.js'>",
        "<script src='//www.google-\nanalytics.com/a.js'>",
        "<script src='\\\\www.google-analytics.com/a.js'>",
        "<script src='&sol;/www.google-analytics.com/a.js'>",
        "<script src='//www&period;google-analytics.com/a.js'>",
        "<script src='//www.google%2Danalytics.com/a.js'>",
        "<script src='//www.google-analytics.com.:443/a.js'>",
        "<script src='///www.google-analytics.com/a.js'>",
        "<script src='//ｗｗｗ.google-analytics.com/a.js'>",
        "<script src='//www.google\u2064-analytics.com/a.js'>",
        "<script src='matomo.js'>",
        "<script src='m%61tomo.js'>",
        "<script src='/a/../matomo.js'>",
        "<p onclick='ga(\"create\")&#x67;tag(1)'>", "<p/onclick='gtag(1)'>", "<a href='javascript:gtag(1)'>", "<a href='javascript:gt%61g(1)'>", "<iframe srcdoc=x>", "<p DATA-purpose=x>", "<p data-consent-for=x>",
        "<img src='data:text/html,x'>",
        '<p style="background:ur\\l(/m)">', "<p style='background:ur\\l(/m)' class=x>", "<p style=a:ur\\l(/m)>",
        '<p STYLE = "background:ur\\l(/m)">', "<svg class=\"x\"fill='ur\\l(/m)'>", '<animate values="ur\\l(/m)">',
    ],
)  # fmt: skip
def test_an_odd_spelling_gets_a_closer_look(tag: str, rules: Callable[[Policy], Rules]) -> None:
    assert not Glance(look.look_of(rules(CATALOGUE).policy)).passes(b"", tag.encode())


@pytest.mark.parametrize(
    "tag",
    [
        '<link rel="stylesheet" href="https://cdn.example.org/site.css?a=1&amp;b=2">',
        '<img src="/media/1@2x.jpg" srcset="/media/1.jpg 1x,\n /media/2.jpg 2x" alt="Tea, at five, for 20 % less">',
        '<script src="//cdn.example.org/app.js" async>',
        '<img src="/a.svg" style="height:1ex" fill=\'red\' alt="{\\displaystyle x}">',
    ],
)
def test_what_sites_write_passes_at_a_glance(tag: str, rules: Callable[[Policy], Rules]) -> None:
    assert Glance(look.look_of(rules(CATALOGUE).policy)).passes(b"", tag.encode())


def test_of_several_scripts_with_references_those_are_held_that_are_somebodys(
    rules: Callable[[Policy], Rules],
) -> None:
    mine = '<p onclick="a(&quot;b&quot;)" onblur="c()">'
    theirs = '<p onclick="clarity(&quot;set&quot;)" onblur="&quot;d&quot;">'
    for tags in ([mine] * 3, [mine, theirs, mine], [theirs, theirs], [mine, "a text onclick=x ", theirs]):
        page = gated(rules(CATALOGUE), f"<body>{''.join(tags)}".encode())
        assert page.count(b" data-consent-onclick=") == tags.count(theirs)


def test_many_threads_look_at_once(rules: Callable[[Policy], Rules]) -> None:
    chance = random.Random(7)
    pages = [document(chance) for _ in range(40)]
    glancing = rules(POLICY)
    alone = [gated(glancing, page) for page in pages]
    again = Rules(POLICY)
    with ThreadPoolExecutor(8) as threads:
        for _ in range(3):
            assert list(threads.map(lambda page: gated(again, page), pages)) == alone


def test_whether_there_is_a_native_search_or_not_a_tag_may_be_as_long(rules: Callable[[Policy], Rules]) -> None:
    for filling in (b"x" * (TAG_CAP - 100), b"x" * (TAG_CAP + 100)):
        for page in (
            b"<body><p>a<p title='" + filling + b"'>b<script>track(1)</script>",
            b"<body><p>a<script>" + filling + b"</script>b<script>track(1)</script>",
            b"<body><p>a<!--" + filling + b"-->b<script>track(1)</script>",
        ):
            whole = gated(rules(POLICY), page, len(page))
            assert whole == gated(rules(POLICY), page, 1 << 20)
            assert whole.endswith(b"data-consent-service=tracker>track(1)</script>")


def test_what_hyperscan_cannot_compile_is_searched_for_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy.of(
        [Purpose("necessary"), Purpose("a")], [Service("long", purposes=("a",), snippets=("x" * 70_000,))]
    )
    made = Rules(policy)
    assert isinstance(look.look_of(policy), searching.Searching)
    assert b"data-consent-for=a" in gated(made, b"<script>" + b"x" * 70_000 + b"</script>")


#: Where characters are that browsers leave out of a host, or take for others.
_MAPPED = (
    range(0x80, 0x3400), range(0xA7F0, 0xA800), range(0xF900, 0x10000), range(0x1BCA0, 0x1BCB0), range(0x1CCD0, 0x1CD00),
    range(0x1D400, 0x1D800), range(0x1F100, 0x1F200), range(0x1FBF0, 0x1FC00), range(0xE0000, 0xE0200),
)  # fmt: skip


def test_a_host_is_the_one_that_a_browser_asks() -> None:
    rules = Rules(POLICY)
    held = rules.services_for_url("//tracker.example", "")
    for character in map(chr, chain.from_iterable(_MAPPED)):
        for host in (f"tra{character}ker.example", f"trac{character}ker.example", f"tracker{character}example"):
            try:
                asked = ada_url.URL(f"https://{host}").hostname
            except ValueError:
                continue
            if asked == "tracker.example":
                assert rules.services_for_url(f"//{host}", "") == held, ascii(host)


_ADDRESSES = st.sampled_from(
    [
        "//", "/", "\\", ".", "..", "--", "%2e", "%2E", "%61", "%2f", "%", "?", "#", "@", ":", ":80", ":8443", "a", "b.c", "TR",
        "\t", "\n", "\x0b", "\0", "\x7f", " ", "é", "。", "&", "=", ";", "'", "[", "{",
    ]
)  # fmt: skip


@settings(deadline=None, max_examples=500)
@given(st.sampled_from(["//", "https://a", "http://b.c", "wss://b.c/", "//b.c/"]), st.lists(_ADDRESSES, max_size=4))
def test_a_plain_address_is_read_as_any_other(start: str, parts: list[str]) -> None:
    url = start + "".join(parts)
    read = address.readings(url, "b.c")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(address, "_PLAIN", re.compile(r"(?!)"))
        assert address.readings(url, "b.c") == read


_SCRIPTS = st.sampled_from(
    [
        "track(", "rack", "_gaq", ".push", "_", "$", "(", ")", "\\", "/", "\\/", "//", "/\\", "http:", "wss:", ":", "@", "%63", "..",
        "/../", ".", '"', "`", ",", ";", "#", "\n", "\f", "\x1c", "\x85", "\u2028", "\0", "é", " ", "cdn.mxpnl.com", ".mxpnl.com",
        "www.example.org", "/js/matomo.php", "/pixel.js", "/p/1.gif",
    ]
)  # fmt: skip
SCRIPTED = Policy.of(
    DECLARED.purposes,
    [
        *DECLARED.services,
        Service("snippets", purposes=("a",), snippets=("track(", "_gaq", "_gaq.push", "rack", ".push", "é_", "k(")),
    ],
)
READ = [
    (made, (look.look_of(made.policy), searching.Searching(made, ()))) for made in (Rules(DECLARED), Rules(SCRIPTED))
]


@settings(deadline=None, max_examples=500, derandomize=True)
@given(st.lists(_SCRIPTS, max_size=12))
def test_the_clues_in_a_script_tell_all_that_the_script_does(parts: list[str]) -> None:
    script = "".join(parts)
    assume(script.count(":") < 2)  # two in an address make it none to a browser, whoever is in it
    for rules, ways in READ:
        whole = rules.services_for_script(script, "site.example")
        for way in ways:
            told = rules.services_for_script(script, "site.example", clues=way.clues(script.encode()))
            assert dict.fromkeys(told) == dict.fromkeys(whole)


_STYLES = st.sampled_from(
    ["url(", ")", '"', "'", "@import ", "image-set(", " ", "\t", "\n", "\\", "/", "//", "\\2f", "https:", "http:/", "HTTPS://", ":", ",", ";", "{", "}",
     "//cdn.mxpnl.com/a", "cdn.mxpnl.com", "CDN.mxpnl.com/", "cdn%2emxpnl.com", "user@", "data:text/css,", "js/", "matomo.js", "/../", "%6datomo.js",
     "www.google-analytics.com", ".google-analytics.com/collect", "ｃdn.mxpnl.com", "a", "/*", "*/", "é"]
)  # fmt: skip


@settings(deadline=None, max_examples=500, derandomize=True)
@given(st.lists(_STYLES, max_size=14).map("".join))
def test_the_clues_in_a_style_tell_all_that_the_style_does(style: str) -> None:
    def served(rules: Rules, text: str) -> set[str]:
        addresses = addresses_in(address.opened(text), css=True)
        return {each.name for url in addresses for each in rules.services_for_url(url, "site.example")}

    for rules, ways in READ:
        for way in ways:
            assert served(rules, style) <= served(rules, way.style_clues(style.encode()).decode())


_AROUND = ("svg", "math", "select", "noscript", "iframe", "title", "desc", "mi", "mtext", "style", "script", "template")
_AMONG = (
    "text", "<path d='M1 2'>", "<option>", "<mrow>", "</mrow>", "<!-- a -->", "<!--</title>-->", "<!-- </noscript -->",
    "<mi>a</mi>", "<title>a</title>", "<title><!--a--></title>", "<title><!--</title>--></title>", "<mi/>", "<desc>b</desc>",
    "<img src='//tracker.example/a'>", "<a title='</noscript>'>", "<p title='</svg>'>", "<script src=//tracker.example/a></script>",
    "<script>track(1)</script>", "<style>", "</style>", "</br>", "</p>", "<b>", "<annotation>", "<iframe></iframe>", "<iframe src=/a>b</iframe>",
    "<iframe srcdoc='<img src=//tracker.example/a>'></iframe>", "<SVG>", "</Svg>", "<noscript><img src=/a></noscript>", "<use href=/a />",
    "<use href='//tracker.example/a'/>", "<link rel=preload href=//tracker.example/a>", "<meta name=a>", "<mi>", "</mi>", "</mo>",
)  # fmt: skip


def test_an_element_that_is_passed_over_whole_hides_nothing(
    rules: Callable[[Policy], Rules], monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(20_261_126)

    def element(depth: int) -> str:
        name = chance.choice(_AROUND)
        parts = [
            element(depth + 1) if depth < 3 and chance.random() < 0.2 else chance.choice(_AMONG)
            for _ in range(chance.randrange(5))
        ]
        end = name if chance.random() < 0.9 else chance.choice(_AROUND)
        return f"<{name}{chance.choice(('', '', ' a=b', '/'))}>{''.join(parts)}</{end}{chance.choice(('', '', ' '))}>"

    start = ("<head><meta charset=utf-8>", "<body><p>", "<p><template>")
    pages = [
        (chance.choice(start) + "".join(element(0) for _ in range(chance.randint(1, 3)))).encode() for _ in range(400)
    ]
    passing = rules(POLICY)
    passed = [gated(passing, page) for page in pages]
    assert passed == [gated(passing, page, 7) for page in pages]
    monkeypatch.setattr(judge.Judge, "sight", lambda *_: None)
    looking = Rules(POLICY)
    for page, out in zip(pages, passed, strict=True):
        assert gated(looking, page) == out, page


@pytest.mark.parametrize(
    "tag",
    [
        "<style>@import 'data:text/css,a{b:url(%2f%2fcdn.mxpnl.com/a)}';</style>",
        "<style>@import url(DATA:text/css;base64,YXtiOnVybCgvL2Nkbi5teHBubC5jb20vYSl9);</style>",
        "<style>@import 'data:text/css,@import%20%22data:text/css,a%257bb:url(%252f%252fcdn.mxpnl.com/a)%257d%22';</style>",
        '<script type=importmap>{"imports":{"a":"https:\\u002f\\u002fcdn.mxpnl.com/a"}}</script>',
        '<script type=importmap>{"imports":{"a":"https://cdn.mx\\tpnl.com/a"}}</script>',
        "<script type=module>import 'https:\\x2f/cdn.mxpnl.com/a'</script>",
        "<script type=module>import '//cdn\\u{2e}mxpnl.com/a'</script>",
        "<script type=module>import '//cdn.mx\\\npnl.com/a'</script>",
        "<script type=module>import 'data:text/javascript,import%20%22https:%2f%2fcdn.mxpnl.com/a%22'</script>",
        "<script type=module>export * from 'DATA:text/javascript;base64,aW1wb3J0ICIvL2Nkbi5teHBubC5jb20vYSI='</script>",
        "<script>import(`data:text/javascript,mixpanel%2einit(1)`)</script>",
        "<script type=module>import 'data:text/javascript,import%22data:text/javascript,import%2522%252f%252fcdn.mxpnl.com/a%2522%22'</script>",
        "<script>import(`ht\ntps:/\n/cdn.mx\npnl.com/a`)</script>",
        "<script>import('//cdn.mx\tpnl.com/a')</script>",
        '<script type=importmap>{"imports":{"a":"data:text/javascript,import%20%22%2f%2fcdn.mxpnl.com/a%22"}}</script>',
        '<script type=importmap>{"imports":{"a":"data:text/javascript;base64,bWl4cGFuZWwuaW5pdCgp"}}</script>',
        # Comments between the word and what it names, of any length, and what only looks like one.
        "<script type=module>import /********************/ 'https://cdn.mxpnl.com/a'</script>",
        f"<script type=module>import /*{'x' * 6000}*/ 'https://cdn.mxpnl.com/a'</script>",
        f"<script type=module>import //{'x' * 501}\n 'https://cdn.mxpnl.com/a'</script>",
        f"<script type=module>import {'/**/' * 9} 'https://cdn.mxpnl.com/a'</script>",
        "<script type=module>import //x\u2028'https://cdn.mxpnl.com/a'</script>",
        "<script>import(<!-- x\n'https://cdn.mxpnl.com/a')</script>",
        "<script>import(\n--> x\n'https://cdn.mxpnl.com/a')</script>",
        '<script type=module>"import//"; import \'https://cdn.mxpnl.com/a\'\n"x"</script>',
        "<script type=module>\"import/*\"; import 'https://cdn.mxpnl.com/a'; '*/\"\"'</script>",
        "<script>import . defer('https://cdn.mxpnl.com/a')</script>",
        # Escapes of all kinds.
        "<script type=module>import '//cdn.mx\\pnl.com/a'</script>",
        "<script type=module>import '//cdn.mx\\\rpnl.com/a'</script>",
        "<script type=module>import '//cdn.mx\\\r\npnl.com/a'</script>",
        "<script type=module>import '//cdn.mx\\\u2028pnl.com/a'</script>",
        "<script type=module>import/**/'https:/\t/cdn.mxpnl.com/a'</script>",
        "<script>import('\\57\\57cdn.mxpnl.com/a')</script>",
        "<script type=module>import '\\u{000000002f}/cdn.mxpnl.com/a'</script>",
        "<script type=module>import 'https://cdn.\\ud835\\udc26xpnl.com/a'</script>",
        "<script type=module>import '\\fdata:text/javascript,import%20\"%2f%2fcdn.mxpnl.com/a\"'</script>",
        "<script type=module>import 'd\\ata:text/javascript,import%20\"%2f%2fcdn.mxpnl.com/a\"'</script>",
        "<script type=module>import 'data:text/javascript,import%22https:%5Cx2f%5Cx2fcdn.mxpnl.com/a%22'</script>",
        "<script type=module>import \"data:text/javascript,import'data:text/javascript,import(%2560ht%250Atps:/%250A/cdn.mxpnl.com/a%2560)'\"</script>",
        "<script type=module>import s from \"data:text/css,a{b:url(%2f%2fcdn.mxpnl.com/a)}\" with {type:'css'}</script>",
        # An address as a whole.
        "<script type=module>import 'https://a,b@cdn.mxpnl.com/a'</script>",
        '<script type=module>import "https://\'@cdn.mxpnl.com/a"</script>',
        "<script type=module>import './js/matomo.js'</script>",
        '<script type=importmap>{"imports":{"a":"https:/\\u0009/cdn.mxpnl.com/a"}}</script>',
        '<script type=importmap>{"imports":{"a":"https://cdn.mx\\u000apnl.com/a"}}</script>',
        '<script type=importmap>{"imports":{"a":"https://a,b@cdn.mxpnl.com/a"}}</script>',
        '<script type=importmap>{"imports":{"a":"./js/matomo.js"}}</script>',
        # No reference, and no base64.
        "<p onclick=\"window.x&&gtag('event','x')\">",
        "<p onclick=\"void&#11;gtag('event')\">",
        "<iframe srcdoc=\"<script>a&&gtag('event')</script>\"></iframe>",
        "<a href=\"javascript:a&&gtag('event')\">x</a>",
        "<script src=\"data:text/javascript,a&&gtag('event')\"></script>",
        "<iframe src='data:text/html;base64&nbsp;,<img src=https://cdn.mxpnl.com/a>'></iframe>",
        "<iframe src='data:text/html;base64&#1;,<img src=https://cdn.mxpnl.com/a>'></iframe>",
        "<script src=\"data:text/javascript;ba\u017fe64,import('https:%2f%2fcdn.mxpnl.com/a')\"></script>",
        "<iframe src='data:text/html,<img src=//cdn.mx%0Apnl.com/a>'></iframe>",
        "<script type=text/partytown src=//cdn.mxpnl.com/a></script>",
    ],
)
def test_what_an_escape_or_an_address_hides_is_found(tag: str, rules: Callable[[Policy], Rules]) -> None:
    made = rules(CATALOGUE)
    for page in (f"<body><p>a</p>{tag}b<p title='c'>d", f"<head>{tag}", f"<svg><p>{tag}"):
        assert b"data-consent-for" in gated(made, page.encode()), page


@pytest.mark.parametrize(
    "script",
    [
        "s.src='https://www.google\\u002Danalytics.com/a.js'",  # as Django's escapejs writes it
        "s.src='https:\\u002F\\u002Fwww.google-analytics.com\\u002Fa.js'",  # as serializers of JavaScript do
        "s.src='https:\\x2f\\x2fwww\\x2egoogle-analytics.com/a.js'",
        "s.src='https\\x3a//www.google-analytics.com/a.js'",
        "s.src='https\\u003A\\x2F/eu.google-analytics.com/a.js'",
    ],
)
def test_an_escaped_address_of_a_declared_service_is_one(script: str, rules: Callable[[Policy], Rules]) -> None:
    declared = read_settings({"services": ["google-analytics"], "privacy_url": "/"}, keys="a key for this test").policy
    made = rules(declared)
    for page in (f"<script>{script}</script>", f"<svg><script>{script}</script></svg>", f'<p onclick="{script}">'):
        assert b"data-consent-for" in gated(made, page.encode()), page


@pytest.mark.parametrize(
    "tag",
    [
        # A word in front of the end of a string.
        "<script>import('./a.js');f(`${x} imported from `+u);\nlet links={a:'https://cdn.mxpnl.com/a'};\ng(`x`)</script>",
        "<script>import('./a.js');throw Error(\"cannot load from \"+u),open('https://cdn.mxpnl.com/w')</script>",
        "<script type=module>import 'data:text/javascript,export%20default%201//see%20https://cdn.mxpnl.com/a'</script>",
        '<script type=importmap>{"imports":{"a":"/own.js","b":"./b.js"}}</script>',
        "<a href='/?a=1&copy=2&gtag(=3'>x</a>",
    ],
)
def test_what_is_no_import_is_let_pass(tag: str, rules: Callable[[Policy], Rules]) -> None:
    assert b"data-consent-for" not in gated(rules(CATALOGUE), tag.encode())
