"""Take the pictures in docs/gallery, of the demo's own gallery, in a real browser.

    python tools/gallery.py

They are WebP, which Chromium makes itself.
"""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser, sync_playwright

import find

_FOLDER = Path(__file__).parents[1] / "docs" / "gallery"
_ADDRESS = re.compile(r"http://127\.0\.0\.1:[1-9]\d*")


class Picture(NamedTuple):
    """One picture: its file, the frame of the gallery, its size in pixels, and what the browser asks for."""

    name: str
    frame: str
    width: int
    height: int
    scheme: str = "light"
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed


_DESKTOP, _PHONE = (1120, 480), (390, 600)
PICTURES = (
    *(
        Picture(f"{layout}-{theme}-{scheme}", f"{layout}/{theme}/{scheme}/en/eu/", *_DESKTOP, scheme)
        for layout in ("box", "bar", "modal")
        for theme in ("quiet", "bold")
        for scheme in ("light", "dark")
    ),
    *(
        Picture(f"phone-{layout}-{theme}", f"{layout}/{theme}/light/en/eu/", *_PHONE)
        for layout in ("box", "modal")
        for theme in ("quiet", "bold")
    ),
    Picture("phone-arabic", "box/bold/dark/ar/eu/", *_PHONE, "dark"),
    Picture("phone-german", "box/quiet/light/de/eu/", *_PHONE),
    Picture("smallest", "box/quiet/light/de/eu/", 320, 256),
    Picture("opt-out", "bar/bold/light/en/us-ca/", *_DESKTOP),
    Picture("signal", "box/quiet/light/en/us-ca-gpc/", *_DESKTOP),
    Picture("settings-quiet-light", "box/quiet/light/en/eu/dialog", 900, 720),
    Picture("settings-quiet-dark", "box/quiet/dark/en/eu/dialog", 900, 720, "dark"),
    Picture("settings-bold-light", "box/bold/light/en/us-ca/dialog", 900, 720),
    Picture("settings-bold-dark", "box/bold/dark/ar/eu/dialog", 900, 720, "dark"),
    Picture("settings-signal", "box/bold/light/en/us-ca-gpc/_consent/settings", 900, 720),
    Picture("frames-quiet", "box/quiet/light/en/eu/frames", 1120, 1400),
    Picture("frames-bold", "box/bold/dark/de/eu/frames", 1120, 1400, "dark"),
    Picture("saved", "box/bold/light/en/eu/saved", *_DESKTOP),
    Picture("forced-colours", "modal/quiet/light/en/eu/", *_DESKTOP, options={"forced_colors": "active"}),
)


@contextmanager
def _demo() -> Iterator[str]:
    """The demo, from its first word to its end. Yields its address."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-u", "-m", "consent.cli", "demo", "--port", "0"]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            found = next(filter(None, map(_ADDRESS.search, process.stdout)), None)
            if found is None:
                raise SystemExit("the demo did not start")
            yield found[0]
        finally:
            process.terminate()
            process.wait()


def _take(browser: Browser, url: str, picture: Picture) -> bytes:
    size: Any = {"width": picture.width, "height": picture.height}
    with browser.new_context(viewport=size, color_scheme=picture.scheme, **picture.options) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(f"{url}/gallery/{picture.frame}", wait_until="networkidle")
        if picture.frame.endswith("/dialog"):
            page.wait_for_selector("#yc-d")
        page.wait_for_timeout(300)  # for the confirmation to come to rest
        answer = context.new_cdp_session(page).send("Page.captureScreenshot", {"format": "webp", "quality": 82})
        return base64.b64decode(answer["data"])


def main() -> None:
    _FOLDER.mkdir(exist_ok=True)
    total = 0
    with _demo() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find.browser(), args=["--no-sandbox", "--disable-gpu"])
        for picture in PICTURES:
            content = _take(browser, url, picture)
            (_FOLDER / f"{picture.name}.webp").write_bytes(content)
            total += len(content)
        browser.close()
    print(f"{len(PICTURES)} pictures, {total / 1024:.0f} KB, in docs/gallery")


if __name__ == "__main__":
    main()
