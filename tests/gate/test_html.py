"""The gate over whole pages: bytes, pieces, banner, footer, memory and encodings."""

from __future__ import annotations

import codecs
import random
import re
import time
import tracemalloc
from itertools import pairwise

import differential
import pytest
import turbohtml
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.gate import Gate, Rules, UnreadableEncoding, look
from consent.gate.walk import TAG_CAP, TEXT_CAP

RULES: Rules = differential.RULES
ALL = ("necessary", "analytics")
BANNER = b"<aside>banner</aside>"
FOOTER = b"<footer>footer</footer>"
IMAGE = b"<img src=//tracker.example/a>"
HELD_IMAGE = b"<img data-consent-for=analytics data-consent-service=tracker data-consent-src=//tracker.example/a>"


def gated(
    page: bytes, cuts: list[int] | int = 0, allowed: tuple[str, ...] = (), banner: bytes = b"", footer: bytes = b""
) -> bytes:
    """The page as it leaves, cut at these places or in pieces of that size."""
    gate = Gate(RULES, allowed, site="site.example", charset="utf-8", banner=banner, footer=footer)
    if isinstance(cuts, int):
        cuts = list(range(cuts, len(page), cuts)) if cuts else []
    edges = [0, *sorted(cuts), len(page)]
    return b"".join(gate.feed(page[a:b]) for a, b in pairwise(edges)) + gate.finish()


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    return differential.document(random.Random(draw(st.integers(0, 2**32))))


@given(documents(), st.data())
@settings(max_examples=300, deadline=None)
def test_any_chunking_gives_the_same_bytes(page: bytes, data: st.DataObject) -> None:
    page = (
        data.draw(st.sampled_from([b"", codecs.BOM_UTF8, b" \n"]))
        + page
        + data.draw(st.sampled_from([b"", b"</body></html>\n", b"</BODY>\n</ht"]))
    )
    banner, footer = data.draw(st.sampled_from([(b"", b""), (BANNER, FOOTER)]))
    whole = gated(page, banner=banner, footer=footer)
    assert gated(page, 1, banner=banner, footer=footer) == whole
    tags = [found.start() for found in re.finditer(rb"<", page)]
    assert gated(page, tags, banner=banner, footer=footer) == whole
    cuts = data.draw(st.lists(st.integers(0, len(page)), max_size=8))
    assert gated(page, cuts, banner=banner, footer=footer) == whole


@given(st.one_of(st.binary(max_size=200), documents()), st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_with_everything_allowed_and_no_banner_the_gate_is_the_identity(page: bytes, size: int) -> None:
    if page.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return
    assert gated(page, size, ALL) == page


def test_the_gate_is_the_identity_on_tags_longer_than_it_reads() -> None:
    page = b"<svg><p><img src='data:image/png;base64," + b"A" * TAG_CAP + b"'><script>" + b"x" * TEXT_CAP + b"</script>"
    assert gated(page, 1 << 20, ALL) == page


_INSERTED = re.compile(
    rb"(?: type=text/plain)? data-consent-for(?:=analytics)?(?: data-consent-service=(?:tracker|srcdoc))?(?: (?=/))?"
    rb"|data-consent-|x-consent-held-|@held\{\}"
)


@given(documents(), st.integers(0, 9))
@settings(max_examples=400, deadline=None)
def test_taking_the_insertions_out_gives_back_the_applications_bytes(page: bytes, size: int) -> None:
    assert _INSERTED.sub(b"", gated(page, size)) == page
    out = gated(page, size, banner=BANNER, footer=FOOTER)
    assert (out.count(BANNER), out.count(FOOTER)) == (1, 1)
    assert _INSERTED.sub(b"", out.replace(BANNER, b"").replace(FOOTER, b"")) == page


def test_a_tag_whose_inner_one_is_waited_for_is_sent_once() -> None:
    page = b"<svg><p><img title='<b c=\"' src=//tracker.example/a><p>"
    for size in (0, 1, 9):
        assert _INSERTED.sub(b"", gated(page, size)) == page


@given(st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_a_page_in_which_nothing_reaches_a_held_host_leaves_as_it_came(seed: int) -> None:
    page = differential.document(random.Random(seed), differential.LOOK_ALIKES)
    gate = Gate(RULES, site="site.example", charset="utf-8")
    out = gate.feed(page) + gate.finish()
    # But for scripts of svg in which HTML goes on: they are not read.
    assert out == page or {each.service for each in gate.held} == {"srcdoc"}


@pytest.mark.parametrize("encoding", ["windows-1252", "iso-8859-1", "utf-8", "utf-8-sig", "shift_jis", "gbk", "koi8-r"])
def test_pages_in_encodings_that_contain_ascii_keep_their_bytes(encoding: str) -> None:
    text = {"shift_jis": "表示ソ能", "gbk": "表示，", "koi8-r": "текст"}.get(encoding, "café ¥ ÿ")
    page = f"<!doctype html><title>{text}</title><body title='{text}'>{text}{IMAGE.decode()}{text}".encode(encoding)
    gate = Gate(RULES, charset=None, banner=BANNER)
    out = b"".join(gate.feed(page[at : at + 1]) for at in range(len(page))) + gate.finish()
    assert out.replace(BANNER, b"").replace(HELD_IMAGE, IMAGE) == page
    assert (out.count(BANNER), out.count(HELD_IMAGE)) == (1, 1)


HERE = "|"
PLACES = [
    "<!doctype html><html><head><title>x</title></head><body>|<p>x",
    "<body class='a>b' id=x>|<p>x",
    "<BODY\n>|",
    "<!doctype html><title>x</title><meta charset=utf-8><link rel=icon href=/x>\n|<p>x",
    "|<p>a piece of a page</p>",
    "|text <b>and</b> more",
    "\n  |text",
    "|<<p>",
    "| < b",
    "<!-- <body> --><body>|x",
    "<script>'<body>'</script><body>|x",
    "<style><body></style><body>|x",
    "<title><body></title><body>|x",
    "<noscript><body></noscript><body>|x",
    "<noscript><p>x</noscript><body>|x",
    "<template><body><p>x</template><body>|x",
    "<head><base href=/x/><script src=/a></script></head>\n<body>|",
    "<html>\n<!-- x -->\n<body>|<body>",
    "<body>|<p><body>",
    "\ufeff<body>|x",
    "\ufeff|text",
    "\ufeff\n|text",
    "<head><svg>".replace("<svg>", "|<svg>"),
    "|<svg></svg><body>x",
    "<title>x</title>|",
    "<title>x</title></body></html>".replace("</body>", "|</body>"),
    "<frameset><frame src=/a></frameset>|",
    "|",
]


@pytest.mark.parametrize("marked", PLACES)
@pytest.mark.parametrize("size", [0, 1, 7])
def test_the_banner_stands_where_the_body_begins_and_only_there(marked: str, size: int) -> None:
    if marked.startswith("| <"):
        marked = " |< b"
    page = marked.replace(HERE, "").encode()
    assert gated(page, size, banner=BANNER) == marked.encode().replace(b"|", BANNER)


@pytest.mark.parametrize("marked", [place for place in PLACES if "frameset" not in place])
def test_the_banner_is_a_child_of_the_body_in_a_parsers_tree(marked: str) -> None:
    tree = turbohtml.parse(gated(marked.replace(HERE, "").encode(), banner=BANNER).decode(), scripting=True)
    banner = tree.find("aside")
    assert banner is not None
    assert banner.parent is not None
    assert getattr(banner.parent, "tag", "") == "body"


@pytest.mark.parametrize(
    "closing",
    [
        b"",
        b"</body></html>",
        b"</BODY>\n</HTML>\n",
        b"</html>",
        b"</body >\t</html\n>\r\n",
        b"</body></html>" + b" " * 40,
    ],
)
@pytest.mark.parametrize("size", [0, 1, 5])
def test_the_footer_stands_in_front_of_the_pages_closing_tags(closing: bytes, size: int) -> None:
    page = b"<body><p>x</p>"
    assert gated(page + closing, size, footer=FOOTER) == page + FOOTER + closing


@pytest.mark.parametrize("size", [0, 1, 5])
@pytest.mark.parametrize(
    "end",
    [b"</body></html> more", b"</html><!-- x -->", b"</htm", b"</b> text </ht", b"</body>", b"</html>" + b" " * 99],
)
def test_a_page_that_ends_in_another_way_has_the_footer_at_its_very_end(end: bytes, size: int) -> None:
    page = b"<body><p>x" + end
    assert gated(page, size, footer=FOOTER) == page + FOOTER


def test_a_footer_may_be_made_of_what_was_held() -> None:
    gate = Gate(RULES, footer=lambda held: b"<p>%d" % len(held), charset="utf-8")
    page = IMAGE * 2 + b"</body></html>"
    out = b"".join(gate.feed(page[at : at + 7]) for at in range(0, len(page), 7)) + gate.finish()
    assert out == HELD_IMAGE * 2 + b"<p>2</body></html>"


def test_the_script_is_there_only_if_something_was_held_and_there_is_no_banner() -> None:
    for page, banner, expected in ((IMAGE, b"", 1), (b"<p>x", b"", 0), (IMAGE, BANNER, 0)):
        gate = Gate(RULES, banner=banner, script=b"<script src=/own></script>")
        out = gate.feed(page) + gate.finish()
        assert out.count(b"/own") == expected


@pytest.mark.parametrize(
    ("start", "lang"),
    [
        (b"<!doctype html><html lang=fr><head>", "fr"),
        (b" <!-- x --><HTML class=a LaNg = 'pt-BR' lang=de>", "pt-BR"),
        (b"\xef\xbb\xbf<html lang><body>", ""),
        (b"<html lang=\xff>", "\ufffd"),
        (b"<html><html lang=fr><title>x</title>", "fr"),
        (b"<html lang=fr><html lang=de><title>x</title>", "fr"),
        (b"<html><body>", None),
        (b"<head><html lang=fr>", None),
        (b"x<html lang=fr>", None),
        (b"<!-- <html lang=fr> --><p>", None),
        (b"<svg><html lang=fr>", None),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_what_is_inserted_is_made_again_for_a_page_that_says_its_language(
    start: bytes, lang: str | None, size: int
) -> None:
    asked: list[str] = []

    def spoken(lang: str) -> tuple[bytes, bytes, bytes]:
        asked.append(lang)
        return b"<aside>%b</aside>" % lang.encode(), b"<footer>%b</footer>" % lang.encode(), b""

    page = start + b"<p>text</p>" * 100 + b"</body></html>"
    for _ in range(2):  # the second time, what the page asks for is remembered
        gate = Gate(RULES, charset="utf-8", banner=BANNER, footer=FOOTER, spoken=spoken)
        out = b"".join(gate.feed(page[at : at + size]) for at in range(0, len(page), size)) + gate.finish()
        banner = BANNER if lang is None else b"<aside>%b</aside>" % lang.encode()
        footer = FOOTER if lang is None else b"<footer>%b</footer>" % lang.encode()
        assert (out.count(b"<aside>"), out.count(b"<footer>")) == (1, 1)
        assert banner in out
        assert out.endswith(footer + b"</body></html>")
        assert asked == ([] if lang is None else [lang])
        asked.clear()


def test_a_held_frame_is_given_a_placeholder_where_it_can_be_seen() -> None:
    page = b"<iframe src=//tracker.example></iframe><iframe src=//tracker.example hidden></iframe>"
    gate = Gate(RULES, placeholder=lambda service: service.name.encode())
    assert (gate.feed(page) + gate.finish()).count(b' srcdoc="tracker"') == 1


def test_what_was_held_is_told_with_its_place_in_the_applications_bytes() -> None:
    page = b"<p>" + IMAGE + b"<p>" * 500 + IMAGE
    for size in (0, 1, 64):
        gate = Gate(RULES, banner=BANNER)
        for at in range(0, len(page), size or len(page)):
            gate.feed(page[at : at + (size or len(page))])
        gate.finish()
        assert [page[each.offset : each.offset + len(IMAGE)] for each in gate.held] == [IMAGE, IMAGE]


LONG = {
    "text": (b"<p>", b"text "),
    "a title": (b"<title>", b"text "),
    "a textarea": (b"<textarea>", b"<p>"),
    "an attribute": (b"<p title='", b"x" * 64),
    "a held tag": (IMAGE[:-1] + b" alt='", b"x" * 64),
    "a script": (b"<script>", b"x=1;" * 16),
    "a style": (b"<style>", b"p{}" * 16),
    "a comment": (b"<!--", b"-" * 64),
    "a declaration": (b"<!x", b"x" * 64),
    "a cdata section": (b"<svg><![CDATA[", b"x" * 64),
    "a template": (b"<template>", b"<p>" + b"x" * 2000),
    "tags within a tag": (b"<svg><p>", b"<a b='x' " * 64 + b"\xff" * 60_000),
}


@pytest.mark.parametrize("name", LONG)
def test_memory_stays_below_the_cap_while_a_long_page_streams(name: str) -> None:
    start, repeated = LONG[name]
    piece = repeated * (262_144 // len(repeated))
    gate = Gate(RULES, footer=FOOTER, charset="utf-8")
    sent = received = most = 0
    for chunk in [start, *[piece] * (20_000_000 // len(piece))]:
        received += len(gate.feed(chunk))
        sent += len(chunk)
        most = max(most, sent - received)
    # Half as much again as the cap is waited for, before what has come is looked at.
    assert most <= 2 * max(TAG_CAP, TEXT_CAP) + len(piece)
    received += len(gate.finish())
    assert received >= sent


@pytest.mark.parametrize("before", [b"", b"<svg><p>"])
def test_what_is_longer_than_is_waited_for_is_held_as_it_cannot_be_read(before: bytes) -> None:
    page = before + b"<script>" + b"x=1;" * (TEXT_CAP // 4) + b"track(1)</script>" + IMAGE
    whole = gated(page)
    assert whole.startswith(before + b"<script type=text/plain data-consent-for>")
    assert whole.endswith(HELD_IMAGE)
    assert gated(page, 1 << 20) == whole
    page = before + b"<iframe src=//tracker.example title='" + b"x" * TAG_CAP + b"'></iframe>" + IMAGE
    whole = gated(page)
    assert whole.startswith(before + b"<x-consent-held-iframe src=")
    assert whole.endswith(HELD_IMAGE)
    assert gated(page, 1 << 20) == whole


def test_the_first_bytes_leave_before_the_last_arrive() -> None:
    gate = Gate(RULES, charset="utf-8")
    assert gate.feed(b"<p>hello <img") == b"<p>hello "
    assert gate.feed(b" src=//tracker.example/a") == b""
    assert gate.feed(b">") == HELD_IMAGE


@pytest.mark.parametrize(
    "charset",
    ["utf-16", "UTF-16LE", "utf-32", "utf-7", "iso-2022-jp", "ISO-2022-KR", "hz-gb-2312", "cp037", "no-such-charset"],
)
def test_an_encoding_that_hides_tags_is_refused(charset: str) -> None:
    with pytest.raises(UnreadableEncoding):
        Gate(RULES, charset=charset)


@pytest.mark.parametrize("space", [" ", "\n", " \t "])
@pytest.mark.parametrize("name", ["a", "frame", "script", "style"])
def test_what_is_inserted_parts_no_attribute_from_its_value(name: str, space: str) -> None:
    # Nothing closes the quotes, so that there is no script; behind "<a" and a space, "=" would have begun another name.
    page = f'<template><col><script src="//tracker.example/a"<{name}{space}="<frame src=//tracker.example/b>-->'
    out = gated(page.encode())
    for parser in differential.PARSERS:
        assert next(differential.live(out.decode(), (parser,)), None) is None
    # And if it is a tag it loads nothing.
    out = gated(
        f"<template><col><{name}{space}=x src=//tracker.example/a background=//tracker.example/b></{name}>".encode()
    )
    assert next(differential.live(out.decode()), None) is None


@pytest.mark.parametrize("declared", [None, "utf-8", "iso-8859-1", "windows-1252", "shift_jis", "koi8-r"])
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_utf_8_byte_order_mark_counts_whatever_the_response_declares(declared: str | None, size: int) -> None:
    page = codecs.BOM_UTF8 + '<body><script src="//tr\uff41cker.example/a.js"></script>'.encode()
    gate = Gate(RULES, charset=declared)
    out = b"".join(gate.feed(page[at : at + size]) for at in range(0, len(page), size)) + gate.finish()
    assert b"data-consent-src" in out


@pytest.mark.parametrize("size", [1, 5, 99])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_refused_where_browsers_know_it(encoding: str, size: int) -> None:
    page = "<?x?><p>x".encode(encoding)
    pieces = [page[at : at + size] for at in range(0, len(page), size)]
    with pytest.raises(UnreadableEncoding):
        list(map(Gate(RULES).feed, pieces))
    gate = Gate(RULES, charset="utf-8")
    assert b"".join(map(gate.feed, pieces)) + gate.finish() == page


def test_two_bytes_that_are_no_character_take_up_nothing_behind_them() -> None:
    page = b"<meta http-equiv=refresh content='0;url=https://u\x85\x83@tracker.example/'>"
    gate = Gate(RULES, charset="shift_jis")
    assert b"data-consent-content" in gate.feed(page) + gate.finish()


@pytest.mark.parametrize("bom", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_utf_16_byte_order_mark_is_refused_whatever_the_response_declares(bom: bytes, size: int) -> None:
    page = bom + "<p>x".encode("utf-16-le")
    gate = Gate(RULES, charset="utf-8")
    pieces = [page[at : at + size] for at in range(0, len(page), size)]
    with pytest.raises(UnreadableEncoding):
        list(map(gate.feed, pieces))


def test_a_page_that_declares_no_encoding_may_not_switch_it_in_its_midst() -> None:
    page = "<meta charset=iso-2022-jp>鹿".encode("iso-2022-jp")
    with pytest.raises(UnreadableEncoding):
        Gate(RULES).feed(page)
    gate = Gate(RULES, charset="utf-8")
    assert gate.feed(page) + gate.finish() == page


@pytest.mark.parametrize(
    "charset", ["utf-8", "UTF8", "windows-1252", "latin1", "shift_jis", "gb18030", "big5", "euc-jp", None]
)
def test_an_encoding_that_contains_ascii_is_accepted(charset: str | None) -> None:
    assert Gate(RULES, charset=charset).feed(IMAGE) == HELD_IMAGE


@pytest.mark.parametrize(
    "page",
    [
        b"<body><link" + b" href=//tracker.example/a" * 20_000 + b">",
        b"<body><meta" + b" content=0;//tracker.example/a" * 20_000 + b" http-equiv=refresh>",
        b"<body><meta http-equiv='" + b"a" * 200_000 + b"'" + b" content=1" * 20_000 + b" src=//tracker.example/a>",
        b"<body>" + b"<script><!--</script>" * 40_000,
        b'<script type=importmap>"' + b'\\"' * 100_000 + b"</script>",
        b"<script>import 'a';" + b"//from" * 20_000 + b"\n" + b" " * 100_000 + b"</script>",
    ],
    ids=[
        "a link of many addresses",
        "a refresh of many addresses",
        "a refresh with a long name",
        "many scripts with a comment begun",
        "a map of quotes",
        "many comments behind an import",
    ],
)
def test_a_page_made_to_be_slow_takes_a_time_in_proportion_to_its_length(page: bytes) -> None:
    # In proportion to the square of that, it was 20 seconds and more.
    before = time.thread_time()
    gated(page)
    assert time.thread_time() - before < 5


@pytest.mark.parametrize(
    "written",
    [
        "<input value='//{}'>",
        "<img src='//tracker.example/?page={}'>",
        "<script src=//tracker.example/>a('//{}/')</script>",
        "<img src='//tracker.example/' alt='//{}/' srcset='//{}/'>",
    ],
)
@pytest.mark.parametrize("hyperscan", [True, False])
def test_what_visitors_write_into_pages_is_not_kept(
    written: str, hyperscan: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hyperscan:
        monkeypatch.setattr(look, "sound_hyperscan", lambda: None)
    rules = Rules(differential.POLICY)
    tracemalloc.start()
    try:
        for number in range(100):
            gate = Gate(rules, site="site.example", charset="utf-8")
            gate.feed(b"<body>" + written.replace("{}", f"{number}{'x' * 100_000}").encode())
            gate.finish()
        assert tracemalloc.get_traced_memory()[0] < 2_000_000
    finally:
        tracemalloc.stop()
