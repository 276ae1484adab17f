"""What hostile pages ask for in a real Chromium, whose preload scanner looks at them before its parser does."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import pytest
from hostile import Town, gated, hostile, staged, tracked
from playwright.sync_api import Browser, Playwright

U = "//tracker.example/a"
#: What a browser asks for although its tree has no place for it.
ODD = [
    f"<script type=text/plain type=module src={U}></script>",
    f"<script type=text/plain type=text/javascript src={U}></script>",
    f"<script language=vb language=javascript src={U}></script>",
    f"<link rel=x rel=stylesheet href={U}>",
    f"<link rel=x rel=preload as=script href={U}>",
    f"<link rel=x rel=modulepreload href={U}>",
    f"<svg><script type=x href={U}></script></svg>",
    f"<svg><script type=application/json xlink:href={U}></script></svg>",
    f"<style type=text/plain>@import '{U}';</style>",
    f"<style type=text/plain type=text/css>@import '{U}';</style>",
    f"<input type=text type=image src={U}>",
    # What references, escapes, comments and base64 are to a browser.
    "<img src=data:, onerror='1&&track(1)'>",
    "<iframe srcdoc='<script>1&&track(1)</script>'></iframe>",
    f"<iframe src='data:text/html;base64&nbsp;,<img src=https:{U}>'></iframe>",
    f"<iframe src='data:text/html;base64&#1;,<img src=https:{U}>'></iframe>",
    f"<script type=module>import /********************/ 'https:{U}'</script>",
    f"<script type=module>'import//'; import 'https:{U}'\n'x'</script>",
    f"<script>import(<!-- x\n'https:{U}')</script>",
    "<script>import('\\57\\57tracker.example/a')</script>",
    f"<script type=module>import '\\fdata:text/javascript,import%20\"https:{U}\"'</script>",
    "<script type=module>import 'https://a,b@tracker.example/a'</script>",
    '<script type=importmap>{"imports":{"a":"https:/\\u0009/tracker.example/a"}}</script><script type=module>import "a"</script>',
]


@pytest.fixture
def start(playwright: Playwright, chromium: str) -> Callable[[Town], Browser]:
    return lambda town: playwright.chromium.launch(executable_path=chromium, args=town.switches())


def test_no_hostile_page_asks_a_held_host(start: Callable[[Town], Browser], script: bool) -> None:
    pages = [*islice(hostile(20_261_126), 200)]
    with staged(start, script=script) as stage:
        assert len(stage.asking(pages[:50], tracked)) > 15, "a browser that asks nobody shows nothing"
        failures = stage.asking([*map(gated, pages)], tracked)
        assert failures == {}, [pages[at] for at in failures]


def test_what_a_browser_asks_for_ahead_of_its_parser_is_held(start: Callable[[Town], Browser]) -> None:
    pages = [page.encode() for page in ODD]
    with staged(start, script=True) as stage:
        for page in pages:  # one by one: who asks from within an address does not say where that is
            assert stage.asking([page], tracked), page
            assert not stage.asking([gated(page)], tracked), page
