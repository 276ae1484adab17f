"""What a hostile page costs the gate: time for a page, for one twice and one four times as long.

    python bench/traps.py [--megabytes 1] [--only NAME]

A growth near 2 is linear, near 4 quadratic. Each page is fed whole and in pieces of 16 KiB; nothing is remembered
from one to the next. Times are thread CPU seconds.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time

from consent.gate import Gate, Rules
from consent.policy.policy import Policy, Purpose, Service

_SERVICE = Service(
    "tracker", purposes=("analytics",), hosts=("tracker.example", "*.tracker.example"), snippets=("track(",)
)
POLICY = Policy.of(purposes=[Purpose("necessary"), Purpose("analytics")], services=[_SERVICE])

#: What goes before, what is repeated.
TRAPS: dict[str, tuple[str, str]] = {
    "text": ("", "words and words "),
    "<": ("", "<"),
    "<!--": ("", "<!--"),
    "<!-- -->": ("", "<!-- -->"),
    "one attribute": ('<p title="', "x"),
    "addresses in one tag": ('<link title="', '" href="//tracker.example/a'),
    "one script": ("<script>", "x=1;"),
    "one script of escapes": ("<script>", "<!-- <script> </script> -->"),
    "quotes": ('<p a="', "'\"<b c='\">"),
    "quotes, lost": ('<svg><p><p a="', "'\"<b c='\""),
    "<a b": ("", "<a b"),
    "<a b, lost": ("<svg><p>", "<a b"),
    "<a b='', lost": ("<svg><p>", "<a b='' "),
    "<a b=, spaces": ("<a b=", " "),
    "<script": ("", "<script"),
    "<script>, lost": ("<svg><p>", "<script>"),
    "<script src>, lost": ("<svg><p>", "<script src=//tracker.example>"),
    "<script><!--": ("", "<script><!--</script>"),
    "</script in a script": ("<script>", "</script"),
    "<style> lost": ("<svg><p>", "<style>"),
    "<script><!-- in svg, lost": ("<svg><p>", "<script><!--</script>"),
    "<script><a> in svg, lost": ("<svg><p>", "<script><a></script>"),
    "<svg>": ("", "<svg>"),
    "<svg></svg>": ("", "<svg></svg>"),
    "<math><svg>": ("", "<math><svg></svg>"),
    "<select>": ("", "<select>"),
    "<template>": ("", "<template>"),
    "<noscript>": ("", "<noscript>"),
    "<noscript><title>": ("", "<noscript><title></noscript></title>"),
    "<title>": ("", "<title>"),
    "<title> in svg": ("<svg>", "<title>"),
    "<![CDATA[": ("", "<![CDATA["),
    "<![CDATA[ in svg": ("<svg>", "<![CDATA["),
    "<!": ("", "<!"),
    "</": ("", "</"),
    "srcdoc": ('<iframe srcdoc="', "&lt;iframe srcdoc=&quot;"),
    "held images": ("", "<img src=//tracker.example/a>"),
    "held frames": ("", "<iframe src=//tracker.example/a></iframe>"),
    "references in handlers": ("", "<p onclick='a(&quot;track&#40;&quot;)'>"),
    "slashes in css": ('<p style="', "/"),
    "backslashes in css": ('<p style="', "\\"),
    "backslashes in a script": ("<script>", "\\"),
    "http: in a script": ("<script>", "http:"),
    "tabs in an address": ('<img src="', "\t"),
    "import in a script": ("<script>", "import("),
    "import in quotes": ("<script>", "import'import\"import`"),
    "imports of data:": ("<script type=module>", "import'data:text/javascript,1';"),
    "import of data: in data:": ("<script type=module>import'", "data:,%2525"),
    "map of escapes": ("<script type=importmap>", '"\\'),
    "comments behind import": ("<script>import 'a';", "//from"),
    "comments, one behind the other": ("<script>import", "/**/"),
    "escapes in a script": ("<script>", "\\u002f"),
    "references": ('<p onclick="', "a&&gtag&lt"),
    "many contents": ("<meta http-equiv=refresh ", "content=1 "),
    "many relations": ("<link ", "rel=x href=//tracker.example/a "),
    "map of data:": ("<script type=importmap>", '"data:text/javascript,1",'),
    "</html>": ("", "</html>"),
    "spaces": ("", " "),
}
#: The same, of pages that are XML.
XML_TRAPS: dict[str, tuple[str, str]] = {
    "XML: <a b=''>": ("", "<a b=''>"),
    "XML: <a b='": ("", "<a b='"),
    "XML: <x:script>": ("", "<x:script>"),
    "XML: <script><b>": ("", "<script><b>x</b></script>"),
    "XML: one script in parts": ("<script>", "tr<!-- -->"),
    "XML: <![CDATA[": ("", "<![CDATA["),
    "XML: <?": ("", "<?x"),
    "XML: &": ("<p>", "&amp;"),
}
#: The same under a strict policy, to which each host is another service. ``%d`` is another number each time.
STRICT_TRAPS: dict[str, tuple[str, str]] = {
    "strict: hosts in a list": ('<img srcset="', "//h%d.example/a,"),
    "strict: hosts in a style": ("<style>", "a{b:url(//h%d.example/a)}"),
    "strict: hosts in a script": ("<script>", "'//h%d.example/a';"),
}
STRICT = dataclasses.replace(POLICY, strict=True)
PIECE = 16_384


def seconds(page: bytes, piece: int, *, policy: Policy, xml: bool) -> float:
    """Thread CPU time of one page through a fresh gate."""
    gate = Gate(Rules(policy), footer=b"<!-- footer -->", site="site.example", charset="utf-8", xml=xml)
    before = time.thread_time()
    for at in range(0, len(page), piece):
        gate.feed(page[at : at + piece])
    gate.finish()
    return time.thread_time() - before


def page(name: str, size: int) -> bytes:
    """A page of that trap, about that long; closed, so that what was opened is looked at."""
    start, repeated = (TRAPS | XML_TRAPS | STRICT_TRAPS)[name]
    count = size // len(repeated)
    body = "".join(repeated % number for number in range(count)) if name in STRICT_TRAPS else repeated * count
    closed = {'"': '">', "'": "'>"}.get(start[-1:], "")
    if start.startswith(("<meta", "<link")) and not closed:
        closed = ">"
    elif start == "<style>":
        closed = "</style>"
    elif start.startswith("<script"):
        closed = "'</script>" if start.endswith("'") else "</script>"
    return (start + body + closed).encode()


def main() -> int:
    """Print one line for each trap and each way of feeding."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--megabytes", type=float, default=1.0, help="the size to begin with")
    options.add_argument("--only", help="one trap, by its name")
    given = options.parse_args()
    size = int(given.megabytes * 1_000_000)
    worst = 0.0
    print(f"{'trap':26} {'fed':6} {'n':>8} {'2n':>8} {'4n':>8}  growth")
    for name in [given.only] if given.only else (*TRAPS, *XML_TRAPS, *STRICT_TRAPS):
        policy = STRICT if name in STRICT_TRAPS else POLICY
        for fed in ("whole", "pieces"):
            times = [
                seconds(content, len(content) if fed == "whole" else PIECE, policy=policy, xml=name in XML_TRAPS)
                for content in (page(name, size * factor) for factor in (1, 2, 4))
            ]
            growth = times[2] / max(times[1], 1e-3)
            worst = max(worst, growth if times[2] > 0.2 else 0.0)
            print(f"{name:26} {fed:6} {times[0]:8.3f} {times[1]:8.3f} {times[2]:8.3f}  {growth:4.1f}", flush=True)
    print(f"largest growth where it can be told: {worst:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
