"""What the gate costs a page, beside other ways through the same pages, in one run.

    python bench/gate.py [FOLDER] [--rounds 3] [--svg FILE]

FOLDER holds HTML pages, however deep; without it, pages are generated. Real ones tell more: the test pages of
Mozilla's Readability are 130 articles as they were served (``git clone https://github.com/mozilla/readability``, then
``readability/test/test-pages``). Each way goes through all pages in turn, and does so again each round; figures are
medians of thread CPU time. ``of gzip 6`` is what it costs of what compressing the same page costs, which a server does
to each anyway: below 100 % it is the cheaper of the two.

The gate knows the catalogue, has three services declared, and nothing is allowed. ``never seen`` forgets all pages,
tags and scripts before each round; ``not compiled`` is what there is without a C compiler, ``pure Python`` without
hyperscan as well. The native tokenizer beside it is given the same rules: it asks the gate's judge for each start tag
and script. Others get a part of them: the native rewriters ask whose address each loading element has, one of them
whose each script is, too; the parsers mark what leads to a declared host. As in ``timeit``, nobody pays for garbage
that was there before.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import html5lib
import lolhtml
import turbohtml
from bs4 import BeautifulSoup
from chart import bars
from request import WORDS, page
from selectolax.lexbor import LexborHTMLParser
from turbohtml import rewrite

from consent.gate import Gate, Rules, html, look, native, scanning
from consent.gate.judge import judge_of
from consent.gate.tokens import read_tag
from consent.policy.settings import read_settings

POLICY = read_settings(
    {"services": ["google-analytics", "youtube", "google-maps"], "privacy_url": "/privacy"},
    keys="a secret for the benchmark, long enough",
).policy
HOSTS = re.compile(
    "|".join(
        re.escape(host.lstrip("*.").split("/")[0] or host) for service in POLICY.services for host in service.hosts
    )
)
CANDIDATES = re.compile(rb"<(?:script|iframe|img|link|video|audio|source|embed|object)[^<>]*>", re.IGNORECASE)
Way = Callable[[bytes], object]


def generated(count: int = 60) -> list[bytes]:
    """Pages of several sizes, no two of the same words."""
    chance = random.Random(1)
    pages = []
    for _ in range(count):
        words = chance.sample(WORDS, len(WORDS))
        text = page(chance.choice((20_000, 50_000, 120_000, 250_000)))
        for old, new in zip(WORDS[:12], words, strict=False):
            text = text.replace(b" %b " % old.encode(), b" %b%d " % (new.encode(), chance.randrange(99)))
        pages.append(text)
    return pages


def gate(rules: Rules) -> Way:
    """The gate, with what these rules remember."""

    def through(data: bytes) -> bytes:
        passing = Gate(rules, charset="utf-8")
        return passing.feed(data) + passing.finish()

    return through


def lesser(*, fast: bool, scanning: bool) -> Way:
    """The same without what is compiled, without hyperscan, or without both."""
    rules, there = Rules(POLICY), native.fast
    without = nullcontext() if scanning else mock.patch.object(look, "sound_hyperscan", return_value=None)
    native.fast = there if fast else None
    with without:
        way = gate(rules)
        way(b"<p>")
    native.fast = there

    def through(data: bytes) -> object:
        native.fast = there if fast else None
        out = way(data)
        native.fast = there
        return out

    return through


def compiled() -> Rules:
    """Rules that are looked for with hyperscan, compiled as they are when a site starts."""
    if native.fast is None:
        sys.exit("the gate is not compiled: tools/system compiler, then install it again")
    if not isinstance(look.look_of(POLICY), scanning.Scanning):
        sys.exit("hyperscan is missing: pip install 'cookie-consent[speed]'")
    return Rules(POLICY)


def turbohtml_tokenizer(rules: Rules) -> Way:
    """A native tokenizer, and the gate's judge asked for each start tag and script."""
    judge = judge_of(rules, frozenset({"necessary"}), "", False, html._holds, encoding="utf-8")

    def through(data: bytes) -> bytes:
        out: list[bytes] = []
        script: bytes | None = None
        for token in turbohtml.tokenize(data.decode("utf-8", "replace"), capture_source=True):
            raw = (token.source if token.source is not None else token.data or "").encode()
            if token.type is turbohtml.TokenType.START_TAG:
                script = raw if token.tag in {"script", "style"} else None
                if script is not None:
                    continue
                out.append(judged(raw, b""))
            elif script is not None:
                text = raw if token.type is turbohtml.TokenType.TEXT else b""
                out += (judged(script, text), b"" if text else raw)
                script = None
            else:
                out.append(raw)
        return b"".join(out)

    def judged(raw: bytes, text: bytes) -> bytes:
        tag = read_tag(raw, 1)
        verdict = judge.verdict(raw, 0, tag, text) if tag is not None else None
        if verdict is None:
            return raw + text
        return html._spliced(raw + text, verdict.edits, len(raw) + len(text))

    return through


LOADING = "script, iframe, img, link, video, audio, source, embed, object, track, input, frame"


def hold(
    rules: Rules,
    get: Callable[[str], str | None],
    put: Callable[[str, str], object],
    remove: Callable[[str], object],
) -> None:
    """Put an element's addresses aside that the gate's rules hold, by what reads and writes its attributes."""
    for name in ("src", "href", "srcset", "data", "poster"):
        address = get(name)
        if address and rules.held(rules.services_for_url(address, ""), frozenset({"necessary"})):
            put(f"data-consent-{name}", address)
            remove(name)


def turbohtml_rewriter(rules: Rules) -> Way:
    """A native rewriter, and the gate's rules for the addresses of what loads; scripts' texts it leaves."""

    def held(element: rewrite.Element) -> None:
        hold(rules, element.get, element.set_attribute, element.remove_attribute)

    def through(data: bytes) -> str:
        return rewrite.rewrite(data.decode("utf-8", "replace"), elements=[(LOADING, held)])

    return through


class LolHtmlLoading:
    """Holds what loads by its address."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def element(self, element: lolhtml.Element) -> None:
        hold(self._rules, element.get_attribute, element.set_attribute, element.remove_attribute)


class LolHtmlScripts:
    """Asks whose each inline script is. Its tag has left by then: to hold it, a page would have to be read twice."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._parts: list[str] = []

    def text(self, text: lolhtml.TextChunk) -> None:
        self._parts.append(text.text)
        if text.last_in_text_node:
            self._rules.services_for_script("".join(self._parts), "")
            self._parts.clear()


def lolhtml_rewriter(rules: Rules, *, scripts: bool) -> Way:
    """The same by the native rewriter that is the fastest of those known. ``scripts``: and ask about their texts."""

    def through(data: bytes) -> bytes:
        out: list[Any] = []
        rewriter = lolhtml.HTMLRewriter(out.append)
        rewriter.on(LOADING, LolHtmlLoading(rules))
        if scripts:
            rewriter.on("script", LolHtmlScripts(rules))
        rewriter.write(data)
        rewriter.end()
        return b"".join(out)

    return through


def soup(data: bytes) -> bytes:
    tree = BeautifulSoup(data, "html.parser")
    for element in tree.find_all(["script", "iframe", "img", "link"]):
        address = element.get("src") or element.get("href")
        if address and HOSTS.search(str(address)):
            element["data-consent-src"] = address
    return str(tree).encode()


def reference(data: bytes) -> str:
    tree = html5lib.parse(data, treebuilder="etree", namespaceHTMLElements=False)
    for element in tree.iter():
        if HOSTS.search(element.attrib.get("src", "")):
            element.set("data-consent-src", element.attrib.pop("src"))
    return html5lib.serialize(tree, tree="etree")


def ways() -> list[tuple[str, Callable[[], Way], bool]]:
    """Each way: its name, what makes it anew for a round, and whether it is too slow for more than one."""
    warm = gate(compiled())
    return [
        ("copy", lambda: lambda data: data + b" ", False),
        ("one bytes.find", lambda: lambda data: data.find(b"\0tracker"), False),
        ("one regular expression", lambda: CANDIDATES.findall, False),
        ("gate, page seen before", lambda: warm, False),
        ("gate, never seen", lambda: gate(compiled()), False),
        ("gate, never seen, not compiled", lambda: lesser(fast=False, scanning=True), False),
        ("gate, never seen, without hyperscan", lambda: lesser(fast=True, scanning=False), False),
        ("gate, never seen, pure Python", lambda: lesser(fast=False, scanning=False), False),
        ("gzip 6", lambda: lambda data: gzip.compress(data, 6), False),
        ("lexbor, parse and serialize", lambda: lambda data: LexborHTMLParser(data).html, False),
        ("turbohtml's tokenizer, the same rules", lambda: turbohtml_tokenizer(compiled()), False),
        ("turbohtml's rewriter, addresses only", lambda: turbohtml_rewriter(Rules(POLICY)), False),
        ("lol-html, addresses only", lambda: lolhtml_rewriter(Rules(POLICY), scripts=False), False),
        ("lol-html, addresses and scripts", lambda: lolhtml_rewriter(Rules(POLICY), scripts=True), False),
        ("BeautifulSoup, some rules", lambda: soup, True),
        ("html5lib, some rules", lambda: reference, True),
    ]


def seconds(way: Way, pages: Sequence[bytes]) -> float:
    started = time.thread_time()
    for data in pages:
        way(data)
    return time.thread_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="HTML pages")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--svg", type=Path, help="where to draw the figures")
    given = parser.parse_args()
    pages = generated()
    if given.folder is not None:
        pages = [path.read_bytes() for path in sorted(given.folder.rglob("*.html")) if "expected" not in path.name]
    size = sum(map(len, pages))
    print(f"Python {sys.version.split()[0]}, {len(pages)} pages, {size / 1e6:.1f} MB, medians of {given.rounds} rounds")
    taken: dict[str, list[float]] = {}
    known = ways()
    for number in range(given.rounds):
        for name, make, slow in known:
            if slow and number:
                continue
            way = make()
            if name.endswith("before"):
                seconds(way, pages)  # at a glimpse
                seconds(way, pages)  # remembered
            gc.collect()
            gc.freeze()
            taken.setdefault(name, []).append(seconds(way, pages))
    medians = {name: statistics.median(each) for name, each in taken.items()}
    zipped = medians["gzip 6"]
    print(f"{'':38}{'MB/s':>8}{'of gzip 6':>12}{'pages/s':>10}")
    for name, spent in medians.items():
        print(f"{name:38}{size / 1e6 / spent:8,.0f}{100 * spent / zipped:10.1f} %{len(pages) / spent:10,.0f}")
    if given.svg is not None:
        figures = {
            name: size / 1e6 / spent for name, spent in medians.items() if name not in {"copy", "one bytes.find"}
        }
        given.svg.write_text(bars("MB of pages per second, one core", figures, marked="gate"))


if __name__ == "__main__":
    main()
