"""What is compiled does what the Python beside it does."""

from __future__ import annotations

import random
from collections.abc import Iterator

import differential
import pytest

from consent.gate import Gate, Rules, look, native, tokens
from consent.gate.sight import FastSight

HELP = "the gate is not compiled: get a C compiler and Python's headers (tools/system compiler), then make setup"
#: What tags are made of, and what could be taken for it.
PIECES = (
    b"a", b"IMG", b"script", b"style", b"svg", b"path", b"title", b"iframe", b"noscript", b"select", b"option", b"math", b"mi",
    b"link", b"meta", b"textarea", b"template", b"<", b"</", b">", b"/>", b"/", b"=", b'"', b"'", b" ", b"\t", b"\n",
    b"\0", b"`", b"\\", b"<!--", b"-->", b"--!>", b"-", b"!", b"?", b"<!", b"src=x", b"href='y'", b'alt="z"', b"srcdoc",
    b"text/css", b"<script>", b"</script>", b"<style>", b"<style>@import 'data:,x'", b"</style>", b"</title>", b"</svg>",
    b"</noscript>", b"</iframe>", b"\xc3\xa4", b"on=", b"@import ", b"data:",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _compiled() -> None:
    assert native.fast is not None, HELP


def pages(seed: int, count: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    for _ in range(count):
        yield b"<" * chance.randrange(2) + b"".join(chance.choices(PIECES, k=chance.randrange(1, 12)))


def read(data: bytes, at: int, limit: int) -> tuple[object, ...] | None:
    tag = tokens.read_tag(data, at, limit)
    # Before 3.11.5, Python itself does not tell what is simply written.
    simple = tag is not None and tokens._SIMPLE_TAG is not None and tag.simple
    return tag and (tag.name, tag.name_end, tag.end, tag.self_closing, simple, tag.attributes)


def test_a_tag_is_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [
        (data, at, limit)
        for data in pages(1, 20_000)
        for at in (1, 2)
        for limit in (len(data), len(data) - 1, len(data) + 9)
    ]
    compiled = [read(*each) for each in asked]
    monkeypatch.setattr(native, "fast", None)
    assert sum(each is not None for each in compiled) > 10_000
    for each, known in zip(asked, compiled, strict=True):
        assert read(*each) == known, each


def test_a_tag_is_read_alike_an_attribute_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # As where possessive expressions are not reliable.
    asked = [(data, 1, len(data)) for data in pages(2, 5000)]
    compiled = [read(*each) for each in asked]
    monkeypatch.setattr(native, "fast", None)
    monkeypatch.setattr(tokens, "_REST", None)
    for each, known in zip(asked, compiled, strict=True):
        assert read(*each) == known, each


def through(page: bytes, size: int) -> tuple[bytes, list[object]]:
    gate = Gate(Rules(differential.POLICY), site="site.example", banner=b"<aside>", head=b"<meta>")
    pieces = [page[at : at + size] for at in range(0, len(page), size)]
    return b"".join(map(gate.feed, pieces)) + gate.finish(), list(gate.held)


@pytest.mark.parametrize("scanning", [True, False])
def test_a_hostile_page_leaves_alike(monkeypatch: pytest.MonkeyPatch, scanning: bool) -> None:
    source = random.Random(3 + scanning)
    if not scanning:
        monkeypatch.setattr(look, "sound_hyperscan", lambda: None)
    around = (b"<body>", b"<head><title>x</title>", b"<body><p>", b"")
    asked = [
        (source.choice(around) + (page or differential.document(source)), source.choice((7, 64, 1 << 20)))
        for page in (*pages(4, 600), *[b""] * 600)
    ]
    compiled = [through(*each) for each in asked]
    assert sum(bool(held) for _, held in compiled) > 100
    monkeypatch.setattr(native, "fast", None)
    for each, known in zip(asked, compiled, strict=True):
        assert through(*each) == known, each


@pytest.mark.parametrize(
    "passed",
    [
        b"<p>a < b <i class=x>c</i></p  ><br/>",
        b"<!-- a --><!--><!---><!-- --!>",
        b"<script>a</script ><style>b{c:d}</style>",
        b"<SVG viewBox='0 0 1 1'><title>x<!-- y --></title><path d=M0/><g></g></SVG>",
        b"<iframe title=x></iframe><noscript><p>a</p></noscript>",
        b"<select><option>a</option></select>",
    ],
)
def test_what_is_nobodys_is_passed_in_the_body(passed: bytes) -> None:
    assert native.fast.plain_end(passed, 0, False, [], [], []) == len(passed)


@pytest.mark.parametrize(
    "stop",
    [
        b"<a b=c\nd=\"e>f\">",
        b"<textarea>",
        b"<title>",
        b"<?php",
        b"<!doctype html>",
        b"</>",
        b"</p class=x>",
        b"<script><!--</script>",
        b"<script>a<script>b</script>",
        b"<style>a{b:c\\d}</style>",
        b"<style>@import 'data:text/css,x'</style>",
        b"<style>@IMPORT url(data:;base64,eA)</style>",
        b"<svg><p></svg>",
        b"<svg/><title>",
        b"<iframe srcdoc=x></iframe>",
        b"<noscript><style></noscript>",
        b"<p",
        b"<!-- a",
        b"<",
    ],
)  # fmt: skip
def test_what_has_to_be_walked_over_stops_it(stop: bytes) -> None:
    for end in range(1, len(stop) + 1):
        assert native.fast.plain_end(b"<p>x " + stop[:end], 0, False, [], [], []) == 5, stop[:end]


def test_it_stops_at_what_may_be_somebodys() -> None:
    page = b"<p>a</p><img src=b><script>c</script><style>d</style>"
    image, script, style = page.index(b"<img"), page.index(b"<script"), page.index(b"<style")
    assert native.fast.plain_end(page, 0, False, [2, image + 5], [], []) == 0
    assert native.fast.plain_end(page, 1, False, [image + 5], [], []) == image
    assert native.fast.plain_end(page, 0, False, [4], [], []) == len(page)  # in a text
    assert native.fast.plain_end(page, 0, False, [], [script + 9], []) == script
    assert native.fast.plain_end(page, 0, False, [], [page.index(b"</script") + 1], []) == script
    assert native.fast.plain_end(page, 0, False, [], [], [style + 8]) == style


def test_without_marks_it_stops_at_each_script_and_style() -> None:
    page = b"<p>a</p><script>b</script><style>c</style>"
    script, style = page.index(b"<script"), page.index(b"<style")
    assert native.fast.plain_end(page, 0, False, [], None, []) == script
    assert native.fast.plain_end(page, 0, False, [], [], None) == style
    assert native.fast.plain_end(page, script, True, [], None, None) == script


def test_before_the_body_there_is_less_that_it_passes() -> None:
    head = b"\n<meta charset=utf-8><link href=x> <title>a</title><script>b</script>\n<!-- c --><style>d</style>"
    for stop in (b"", b"<base>", b"x", b"<p>", b"</head>", b"<title><b></title>"):
        assert native.fast.plain_end(head + stop, 0, True, [], [], []) == len(head)


def test_what_is_no_data_is_refused() -> None:
    for given in (("text", 0), (b"x", 2), (b"x", -1)):
        with pytest.raises((TypeError, ValueError)):
            native.fast.plain_end(*given, False, [], [], [])
        with pytest.raises((TypeError, ValueError)):
            native.fast.attributes(*given, 9)
    with pytest.raises(TypeError):
        native.fast.plain_end(b"<p>", 0, False, (), [], [])
    with pytest.raises(TypeError):
        native.fast.plain_end(b"<p>", 0, False, ["x"], [], [])
    with pytest.raises(TypeError):
        native.fast.plain_end(b"<p>", 0, False, [], [], 0)
    assert native.fast.read_tag(b"a>", 3, 9) is None
    assert native.fast.read_tag(b"a>", -1, 9) is None


@pytest.mark.parametrize("scanning", [True, False])
def test_a_page_is_looked_over_by_what_is_compiled(monkeypatch: pytest.MonkeyPatch, scanning: bool) -> None:
    if not scanning:
        monkeypatch.setattr(look, "sound_hyperscan", lambda: None)
    assert isinstance(look.look_of(differential.POLICY).over(b"<p>"), FastSight)
