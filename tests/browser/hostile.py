"""Pages in a real Chromium: as they are, they ask whom a visitor has not agreed to; through the gate they do not.

    python tests/browser/hostile.py --documents 10000 --seed 1
    python tests/browser/hostile.py --pages readability/test/test-pages

Hostile pages are those of ``tests/gate/differential.py``, which asks parsers; here a browser is asked, with scripts and
without. Real ones (HTML files, however deep in a folder) are gated with the whole catalogue, and are loaded without
scripts: what scripts ask for by themselves is not the gate's.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "gate"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from differential import HELD_HOST, document, gated
from servers import Outside

import find
from consent.gate import Gate, Rules
from consent.policy.settings import read_settings

_DOMAIN = "site.example"
_AT_ONCE = 25  # pages, each in a frame of its own
_AFTER_LOAD = 60  # milliseconds, in which what a page leads to is asked for
_MARKS = "window.track = () => { new Image().src = 'https://tracker.example/ran' }"


@dataclass(slots=True)
class Town(Outside):
    """All hosts there are: each page has one of its own, by which those that it asks know where the visitor is."""

    pages: dict[str, bytes] = field(default_factory=dict)
    heard_from: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        host, path = environ["HTTP_HOST"].partition(":")[0].rstrip("."), environ["PATH_INFO"]
        if host.endswith(_DOMAIN) and path == "/":
            start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
            return [self.pages.get(host, b"")]
        self.heard_from.append((environ.get("HTTP_REFERER", ""), f"//{host}{path}?{environ['QUERY_STRING']}"))
        return Outside.__call__(self, environ, start_response)


@dataclass(slots=True)
class Stage:
    """Where pages are shown."""

    town: Town
    page: Page
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def asking(self, documents: Sequence[bytes], held: Callable[[str], bool]) -> dict[int, str]:
        """Which of the documents ask somebody who is held, by their places, and for what."""
        asking: dict[int, str] = {}
        for first in range(0, len(documents), _AT_ONCE):
            hosts = [f"d{next(self._numbers)}.{_DOMAIN}" for _ in documents[first : first + _AT_ONCE]]
            self.town.pages = dict(zip(hosts, documents[first:], strict=False))
            around = f"all{next(self._numbers)}.{_DOMAIN}"
            self.town.pages[around] = "".join(f"<iframe src=//{host}/></iframe>" for host in hosts).encode()
            self.town.heard_from.clear()
            self.page.goto(f"http://{around}/")
            self.page.wait_for_timeout(_AFTER_LOAD)
            for referrer, address in [*self.town.heard_from]:
                if held(address):
                    # Who is told of no referrer is one of these all the same.
                    at = next((at for at, host in enumerate(hosts) if host in referrer), 0)
                    asking.setdefault(first + at, address)
        return asking


@contextmanager
def staged(start: Callable[[Town], Browser], *, script: bool) -> Iterator[Stage]:
    """A stage in a browser that ``start`` begins, to which all names lead to the town."""
    with Town().open() as town:
        browser = start(town)
        context = browser.new_context(ignore_https_errors=True, java_script_enabled=script)
        context.add_init_script(_MARKS)
        yield Stage(town, context.new_page())
        browser.close()


def tracked(address: str) -> bool:
    """Whether an address is the hostile pages' tracker's."""
    return address.removeprefix("//").partition("/")[0].endswith(HELD_HOST)


def hostile(seed: int) -> Iterator[bytes]:
    """Hostile pages without end."""
    chance = random.Random(seed)
    while True:
        yield document(chance)


def _of_the_catalogue(folder: Path) -> tuple[list[bytes], list[bytes], Callable[[str], bool]]:
    policy = read_settings({"services": ["google-analytics"], "privacy_url": "/"}, keys="a key for these pages").policy
    rules = Rules(policy)
    pages = [path.read_bytes() for path in sorted(folder.rglob("*.html")) if "expected" not in path.name]

    def through(page: bytes) -> bytes:
        gate = Gate(rules, charset="utf-8", site=_DOMAIN)
        return gate.feed(page) + gate.finish()

    def held(address: str) -> bool:
        return bool(rules.held(rules.services_for_url(address, _DOMAIN), frozenset({"necessary"})))

    return pages, [*map(through, pages)], held


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--documents", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--pages", type=Path, help="a folder of real pages, instead of hostile ones")
    given = options.parse_args()
    failures = 0
    with sync_playwright() as playwright:

        def start(town: Town) -> Browser:
            return playwright.chromium.launch(executable_path=find.headless(), args=town.switches())

        if given.pages:
            bare, through, held = _of_the_catalogue(given.pages)
        else:
            bare, held = [*islice(hostile(given.seed), given.documents)], tracked
            through = [*map(gated, bare)]
        for script in (False,) if given.pages else (True, False):
            with staged(start, script=script) as stage:
                before = stage.asking(bare, held)
                after = stage.asking(through, held)
                failures += len(after)
                print(
                    f"{'with' if script else 'without'} scripts: of {len(bare)} pages {len(before)} ask somebody who is"
                    f" held, and {len(after)} of them through the gate"
                )
                for at, address in after.items():
                    print(f"   {address}\n   {bare[at][:2000]!r}\n   {through[at][:2000]!r}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
