"""The gate against real HTML parsers: whatever tree they build from what it lets out, nothing in it reaches a held host.

    python tests/gate/differential.py --documents 100000 --seed 1

Documents are strung together from hostile fragments, in which live trackers are hidden. Each goes through the gate, and
what comes out through several independent parsers, with scripting on and off. Then every element of every tree is
asked what it would load, by rules of its own (none of the gate's code) and with another reader of URLs.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import ada_url
import html5lib
import justhtml
import turbohtml
from selectolax.lexbor import LexborHTMLParser

from consent.gate import Gate, Rules, look
from consent.policy.policy import Policy, Purpose, Service

HELD_HOST = "tracker.example"
SNIPPET = "track("
POLICY = Policy.of(
    purposes=[Purpose("necessary"), Purpose("analytics")],
    services=[
        Service("tracker", purposes=("analytics",), hosts=(HELD_HOST, f"*.{HELD_HOST}"), snippets=(SNIPPET,)),
    ],
)
RULES = Rules(POLICY)

# ---------------------------------------------------------------- documents

#: Ways to write the address of a held host, all of which browsers follow.
ADDRESSES = (
    "https://tracker.example/a",
    "//tracker.example/a",
    "HTTPS://TRACKER.EXAMPLE/a",
    "//eu.tracker.example/a",
    r"\\tracker.example/a",
    r"/\tracker.example/a",
    "https:tracker.example/a",
    "http:/tracker.example/a",
    "http:tracker.example/a",
    "https:////tracker.example/a",
    "//user:word@tracker.example:8443/a",
    "//site.example@tracker.example/a",
    "//tracker.example./a",
    "//track%65r.example/a",
    "//&#116;racker.example/a",
    "&#x2f;/tracker&period;example/a",
    "//tracker&#46example/a",
    "&Tab;//tracker.example/a",
    "//tr\tacker.exam\nple/a",
    " \x0b//tracker.example/a ",
    "//tracker。example/a",
    "//ｔracker.example/a",
    "//tra&shy;cker.example/a",
    "//tracker.example?a",
    "//tracker.example#a",
)
LOOK_ALIKES = (
    "https://nottracker.example/a",
    "https://tracker.example.site.example/a",
    "/tracker.example/a",
    "?u=https%3A%2F%2Ftracker.example/a",
    "tracker.example/a",
    "https://site.example/#//tracker.example",
    "mailto:me@tracker.example",
)
_QUOTES = ('"{}"', "'{}'", "{}", ' "{}"', '\n"{}"')
_PAYLOADS: tuple[str, ...] = (
    "<script src={u}></script>",
    "<script/src={u}></script>",
    "<SCRIPT async type=module SRC={u}></SCRIPT>",
    "<script src={u}",
    "<script type='' src={u}>track(1)</script >",
    "<script>track(1)</script>",
    "<script><!-- track(1) --></script\n>",
    "<script>a='<!--<script>'; track(1)</script>--></script>",
    "<script type=text/plain type=module src={u}></script><script type=module type=text/plain src={u}></script>",
    "<img src={u}>",
    "<img\x0csrc={u}>",
    "<img/alt='>'/src={u}>",
    '<img alt=">" src={u} src=/x>',
    "<img src={u} style=x",
    "<image src={u}>",
    "<img srcset={u}>",
    "<img srcset='/a 1x,\t//tracker.example/a 2x'>",
    "<img alt=\"a\" srcset=' //tracker.example/a'>",
    "<picture><source srcset={u}><img src=/a></picture>",
    "<iframe src={u}></iframe>",
    "<iframe srcdoc='<img src=//tracker.example/a>'></iframe>",
    "<iframe srcdoc='&lt;script>track(1)&lt;/script>'></iframe>",
    "<frame src={u}>",
    "<embed src={u}>",
    "<object data={u}></object>",
    "<input type=image src={u}>",
    "<link rel=stylesheet href={u}>",
    "<link href={u} rel='x PRELOAD' as=script>",
    "<link rel=preconnect href={u}>",
    "<base href={u}>",
    "<meta http-equiv=refresh content='0;url=//tracker.example/a'>",
    "<meta http-equiv=Refresh content=0;https://tracker.example/a>",
    "<video poster={u}><source src={u}><track src={u}></video>",
    "<audio src={u}></audio>",
    "<svg><script href={u}></script></svg>",
    "<svg><script xlink:href={u} /></svg>",
    "<svg><script>&#116;rack(1)</script></svg>",
    "<svg><image href={u} /></svg>",
    "<svg><image xlink:href={u}></image></svg>",
    "<svg><use href={u} /><feImage href={u} /></svg>",
    "<style>@import '//tracker.example/a';</style>",
    "<style>p{{background:url(//tracker.example/a)}}</style>",
    "<p style='background:url(//tracker.example/a)'>",
    "<body background={u}>",
    "<table background={u}><td background={u}>",
    "<a href=/ ping={u}>x</a>",
    "<body onload='track(1)'>",
    "<img src=x onerror=track(1)>",
)
#: What the trackers are hidden in and between.
_NOISE: tuple[str, ...] = (
    "<svg>", "</svg>", "<svg/>", "<math>", "</math>", "<foreignObject>", "</foreignObject>", "<desc>", "</desc>",
    "<mi>", "</mi>", "<mtext>", "</mtext>", "<annotation-xml encoding=text/html>", "</annotation-xml>", "<mglyph>",
    "<svg><title>", "<math><title>", "<svg><style>", "<svg><textarea>", "<svg></p>", "<svg></br>", "<svg><font color=x>",
    "<div><svg></div>", "<td><svg></td>", "<p><math></p>", "<svg><![CDATA[", "<![CDATA[", "]]>", "<![CDATA[>", "<![cdata[",
    "<select>", "</select>", "<option>", "<optgroup>", "<select><svg>", "<select><title>", "<select><noscript>",
    "<template>", "</template>", "<template><col>", "<template><tr>", "<template shadowrootmode=open>", "<col>", "<colgroup>",
    "<noscript>", "</noscript>", "</noscript", "<noscript><style>", "<noscript><!--", "<noscript><title>", "<noscript/>",
    "<a title='</noscript>'>", "<p title='</svg>'>", "<p title='</title>'>", "<a title=\"</select>\">",
    "<title>", "</title>", "</title/>", "</title", "<title/>", "<textarea>", "</textarea>", "<style>", "</style>", "<style/>",
    "<xmp>", "</xmp>", "<iframe>", "</iframe>", "<noembed>", "</noembed>", "<noframes>", "</noframes>", "<plaintext>",
    "<script>", "</script>", "<script/>", "</script", "<script><!--", "<script><!--<script>", "--></script>", "<script type=x>",
    "<script><!--><script>", "<script><!--<scriptx>", "<script><!--<script/", "</script/>", "<!--<script>",
    "<!--", "-->", "--!>", "<!-->", "<!--->", "<!---->", "<!--x--!>", "<!-- --", "<!--<!-- -->", "<!", "<!>", "<?", "<?x>", "</>", "</",
    "</ x>", "<!x", "<!DOCTYPE html>", "<!doctype \">\">", "<", "<<", "< ", ">", '"', "'", "=", "/", "&", "&lt;", "\x00", "\r\n",
    "<a href=\"", "<a href='", "<a b=", "<a =\"", "<a \"", "<a b=\"x\"c", "<a/", "<p", "<p x=\x00>", "<A HREF=x>", "<a b='\"'>",
    "<table>", "</table>", "<tr>", "<td>", "</td>", "<caption>", "<tbody>", "<th>", "</tr>", "<table><title>",
    "<frameset>", "</frameset>", "<html>", "</html>", "<head>", "</head>", "<body>", "</body>", "<form>", "</form>",
    "<p>", "</p>", "<br>", "</br>", "<div>", "</div>", "<b>", "</b>", "<button>", "<input>", "<pre>\n", "<listing>", "<hr>", "<nobr>",
    "<svg a=b><path d=M1><title>a</title></svg>", "<svg><title><!--a--></title></svg>", "<svg><desc><!--</title-->", "<mi>a<!--b--></mi>",
    "<math><mi>a</mi></math>", "<select><option>a</select>", "<noscript><img src=/a></noscript>", "<noscript><a title=a></noscript >",
    "<iframe></iframe>", "<iframe srcdoc>", "<title>a</title>", "<svg><title/>", "<math><mtext a=b>",
    "<object>", "</object>", "<applet>", "<marquee>", "<details>", "<image>", "<isindex>", "<keygen>", "<ruby><rt>", "text", " ", "\n",
)  # fmt: skip


def document(random: random.Random, addresses: tuple[str, ...] = ADDRESSES, *, length: int = 14) -> bytes:
    """A hostile page, most of which hold a live tracker."""
    parts: list[str] = []
    for _ in range(random.randint(1, length)):
        if random.random() < 0.28:
            parts.append(payload(random, addresses))
        elif random.random() < 0.06:
            parts.append(random.choice(_TRAPS).format(payload(random, addresses)))
        else:
            parts.append(random.choice(_NOISE))
    page = "".join(parts)
    if addresses is not ADDRESSES:
        page = page.replace("//tracker.example/a", "//nottracker.example/a").replace("rack(1)", "racks(1)")
    return page.encode()


def payload(random: random.Random, addresses: tuple[str, ...] = ADDRESSES) -> str:
    """One element that would reach a held host, if it is read as an element."""
    text = random.choice(_PAYLOADS)
    address = random.choice(addresses)
    quote = random.choice(_QUOTES)
    if re.search(r"[\s\x0b>]", address) and quote == "{}":
        quote = '"{}"'
    return text.replace("{u}", quote.format(address)).replace("{{", "{").replace("}}", "}")


#: What a reader must not believe: elements that were closed by another's end, raw texts that are none.
_TRAPS: tuple[str, ...] = (
    "<template><col><title></template>{}</title>",
    "<template><col></template><title>{}</title>",
    "<div><svg></div><math></svg><title>{}</title>",
    "<svg><foreignObject><div></svg><title>{}</title>",
    "<div><svg></div><noscript><!--</noscript>{}-->",
    "<noscript><title></noscript>{}</title>",
    "<noscript><a title='</noscript>{}'>",
    "<noscript><script></noscript>{}</script>",
    "<noscript><svg></noscript><title>{}</title></svg>",
    "<svg><title>{}</title></svg>",
    "<svg><style>{}</style></svg>",
    "<svg><![CDATA[>{}]]></svg>",
    "<math><mi></math><style>{}</style>",
    "<svg><a></svg><textarea>{}</textarea>",
    "<select><title>{}</title></select>",
    "<select><noscript></select><title></noscript>{}</title>",
    "<select><template></select><style>{}</style>",
    "<table><select><tr><title>{}</title>",
    "<frameset><title>{}</title></frameset>",
    "<plaintext></plaintext>{}",
    "<svg><script><a></a></script>{}",
    "<svg><script><script></script>track(1)</script>{}",
    "<svg><script><!--</script>-->track(1)</script>{}",
    "<svg><script><![CDATA[</script>]]>track(1)</script>{}",
    "<svg><script><a b='</script>'/>track(1)</script>{}",
    "<svg><style><!--</style>-->p{{background:url(//tracker.example/a)}}</style>{}",
    "<svg><script>a<desc><style></script></style></desc>track(1)</script>{}",
    "<svg><p><script src=/a <svg><script><script></script>track(1)</script>{}",
    "<svg><p><script src=/a <svg><script><!--<script></script>--><script/></script>track(1)</script>{}",
    "<math><p><svg><script><script></script>track(1)</script>{}",
    "<script><!--<script></script>{}</script>",
    "<script><!--<script>--></script>{}<!--</script>-->",
    "<script><!--<script </script>--></script>{}",
    "<svg><script/>{}</script></svg>",
    "<svg><p><math></svg><title>{}</title>",
    "<!--><!-- --!>{}-->",
    "<a b='<svg>'><title></title><a b=</svg>>{}",
)


# ---------------------------------------------------------------- trees


class Element(NamedTuple):
    """An element of any parser's tree; names lower case, attributes without their namespace's prefix.

    ``text`` is its own, without its children's: that is what runs, or styles.
    """

    name: str
    svg: bool
    attributes: dict[str, str]
    text: str


def _attributes(items: Iterable[tuple[str, object]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in items:
        local = name.rpartition("}")[2].lower().removeprefix("xlink:")
        text = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value or "")
        found[local] = f"{found[local]} {text}" if local in found else text
    return found


def _turbohtml(page: str, *, scripting: bool) -> Iterator[Element]:
    tree = turbohtml.parse(page, scripting=scripting, positions=False, allow_declarative_shadow_roots=False)
    for node in tree.iter_elements():
        text = "".join(child.data for child in node.children if isinstance(child, turbohtml.Text | turbohtml.CData))
        yield Element(node.tag.lower(), "SVG" in str(node.namespace), _attributes(node.attrs.items()), text)


def _lexbor(page: str, *, scripting: bool) -> Iterator[Element]:
    tree = LexborHTMLParser(page, scripting=scripting)
    if tree.root is None:
        return
    for node in tree.root.traverse(include_text=False):
        name = (node.tag or "").lower()
        text = node.text(deep=False) or "" if name in {"script", "style"} else ""
        yield Element(name, False, _attributes(node.attributes.items()), text)


def _html5lib(page: str, *, scripting: bool) -> Iterator[Element]:
    # It forgets that a comment has begun where a NUL comes first, and takes "<!--\0>" for a whole one. The standard
    # (13.2.5.43 and 45), the other parsers and browsers do not.
    page = re.sub("(<!---?)\0", "\\1\ufffd", page)
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"))
    try:
        tree = parser.parse(page, scripting=scripting)
    except (AssertionError, AttributeError, IndexError, KeyError):
        return  # a known weakness of this parser; the others read on
    for node in tree.iter():
        if not isinstance(node.tag, str):
            continue
        space, _, name = node.tag.rpartition("}")
        text = "".join([node.text or "", *(child.tail or "" for child in node)])
        yield Element(name.lower(), space.endswith("svg"), _attributes(node.attrib.items()), text)


def _justhtml(page: str, *, scripting: bool) -> Iterator[Element]:
    page = page.replace("<!--!>", "<!-- !>")  # it ends the comment there, against 13.2.5.43
    stack = [justhtml.JustHTML(page, sanitize=False, scripting_enabled=scripting).root]
    while stack:
        node = stack.pop()
        name = (node.name or "").lower()
        if not name.startswith(("#", "!")):
            text = "".join(str(child.data) for child in node.children or () if child.name == "#text")
            yield Element(name, node.namespace == "svg", _attributes((node.attrs or {}).items()), text)
        stack += node.children or ()
        content = getattr(node, "template_content", None)
        if content is not None:
            stack.append(content)


Parser = Callable[..., Iterator[Element]]
PARSERS: dict[str, Parser] = {
    "turbohtml": _turbohtml,
    "lexbor": _lexbor,
    "html5lib": _html5lib,
    "justhtml": _justhtml,
}

# ---------------------------------------------------------------- the oracle

_BASE = "https://site.example/folder/page"
_SCRIPT_TYPES = {"", "module", "text/javascript", "application/javascript", "importmap"}
_FETCHING = {"stylesheet", "preload", "preconnect", "prefetch", "modulepreload", "dns-prefetch", "icon", "manifest"}


def _held(address: str) -> bool:
    # Both over http and over https: "https:host" is a path where the page itself came over https.
    for base in (_BASE, _BASE.replace("https:", "http:")):
        try:
            host = ada_url.URL(address, base=base).hostname.rstrip(".")
        except ValueError:
            continue
        if host == HELD_HOST or host.endswith(f".{HELD_HOST}"):
            return True
    return False


def _css_held(text: str) -> bool:
    return any(map(_held, re.findall(r"""(?:url\(\s*|@import\s*)["']?([^"')\s;]+)""", text)))


def reaches(element: Element, *, scripting: bool, depth: int = 0) -> str | None:
    """What of this element would reach a held host, or None."""
    name, attributes = element.name, element.attributes
    if name == "script":
        if attributes.get("type", "").strip().lower() not in _SCRIPT_TYPES:
            return None
        if SNIPPET in element.text:
            return "text"
    if name == "style" and attributes.get("type", "").strip().lower() in {"", "text/css"} and _css_held(element.text):
        return "text"
    for key, value in attributes.items():
        if not value:
            continue
        if key in {"src", "poster", "background"} or (key == "data" and name == "object"):
            urls = [value]
        elif key in {"srcset", "imagesrcset"}:
            urls = [part.strip(",") for part in value.split()]
        elif key == "ping":
            urls = value.split()
        elif key == "href" and (
            name in {"base", "script", "image", "use", "feimage"}
            or (name == "link" and not _FETCHING.isdisjoint(attributes.get("rel", "").lower().split()))
        ):
            urls = [value]
        elif key == "content" and name == "meta" and attributes.get("http-equiv", "").lower() == "refresh":
            urls = [re.sub(r"\A[\s\d.]*[;,]?\s*(?:url\s*=\s*)?['\"]?", "", value, flags=re.IGNORECASE)]
        elif key == "style":
            if _css_held(value):
                return key
            continue
        elif key.startswith("on"):
            if SNIPPET in value:
                return key
            continue
        elif key == "srcdoc" and name == "iframe" and depth < 3:
            for nested in _turbohtml(value, scripting=scripting):
                if reaches(nested, scripting=scripting, depth=depth + 1):
                    return key
            continue
        else:
            continue
        if any(map(_held, urls)):
            return key
    return None


class Failure(NamedTuple):
    """A tree in which something reaches a held host."""

    parser: str
    scripting: bool
    element: Element
    attribute: str


def live(page: str, parsers: Iterable[str] = PARSERS) -> Iterator[Failure]:
    """What in any tree of this page reaches a held host."""
    for parser in parsers:
        for scripting in (False, True):
            for element in PARSERS[parser](page, scripting=scripting):
                attribute = reaches(element, scripting=scripting)
                if attribute is not None:
                    yield Failure(parser, scripting, element, attribute)


def gated(page: bytes, size: int = 0) -> bytes:
    """The page as it leaves, fed in pieces of that size."""
    gate = Gate(RULES, site="site.example")
    pieces = [page[at : at + size] for at in range(0, len(page), size)] if size else [page]
    return b"".join(map(gate.feed, pieces)) + gate.finish()


@dataclass
class Report:
    """What a run found."""

    documents: int = 0
    with_live_tracker: int = 0
    #: Pages that were changed though no parser saw a live tracker in them.
    needless: int = 0
    failures: list[tuple[bytes, bytes, Failure]] = field(default_factory=list)


def run(documents: int, seed: int, *, parsers: Iterable[str] = PARSERS, progress: int = 0) -> Report:
    """Generate, gate, parse, ask."""
    source = random.Random(seed)
    report = Report()
    for number in range(1, documents + 1):
        page = document(source)
        out = gated(page)
        report.documents = number
        tracked = next(live(page.decode(), ("turbohtml", "lexbor")), None) is not None
        report.with_live_tracker += tracked
        report.needless += not tracked and out != page
        # What did not change was asked already.
        failure = next(live(out.decode(), parsers), None)
        if failure is not None:
            report.failures.append((page, out, failure))
        if progress and number % progress == 0:
            print(f"{number:>8} documents, {len(report.failures)} failures", file=sys.stderr, flush=True)
    return report


def smallest(page: bytes) -> bytes:
    """The page with everything taken out that its failure does not need."""
    tokens = re.findall(rb"<[^<]*|[^<]+", page)
    at = 0
    while at < len(tokens):
        shorter = tokens[:at] + tokens[at + 1 :]
        if next(live(gated(b"".join(shorter)).decode("utf-8", "replace")), None) is not None:
            tokens, at = shorter, 0
        else:
            at += 1
    return b"".join(tokens)


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--documents", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--show", type=int, default=20, help="how many failures to print")
    options.add_argument("--without-hyperscan", action="store_true", help="search with the standard library alone")
    given = options.parse_args()
    if given.without_hyperscan:
        look.sound_hyperscan = lambda: None
    report = run(given.documents, given.seed, progress=5000)
    for page, _, failure in report.failures[: given.show]:
        small = smallest(page)
        print(f"{failure.parser} scripting={failure.scripting} {failure.element.name}.{failure.attribute}")
        print(f"   page {small!r}\n    out {gated(small)!r}")
    print(
        f"seed {given.seed}: {report.documents} documents, {report.with_live_tracker} with a live tracker, "
        f"{report.needless} changed needlessly, {len(report.failures)} failures"
    )
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
