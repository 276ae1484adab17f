"""A real Chromium, the sites that it visits, and the third parties that these embed.

Everything starts and stops by itself, on free ports of the loopback; no name leads out of this machine.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))

from servers import PLACES, ROOT, Outside, Place, Quiet, found, python, running, serving
from visitors import Visitor, visiting
from werkzeug.serving import make_server

import find
from consent.wsgi import ConsentMiddleware


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium on this machine: of its headless shell, which makes no window for each visitor."""
    return found(find.headless)


# Of this package, not of the session: while playwright runs, so does its event loop, and no other test can run its own.
@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running_playwright:
        yield running_playwright


@pytest.fixture(scope="package")
def launch(playwright: Playwright, chromium: str, outside: Outside) -> Callable[..., Browser]:
    """Start a browser to which every name but ours leads to the third parties' server.

    ``whole``: with all that is around the engine, as people have it.
    """

    def start(*, whole: bool = False, **options: Any) -> Browser:
        return playwright.chromium.launch(
            executable_path=found(find.browser) if whole else chromium, args=outside.switches(), **options
        )

    return start


@pytest.fixture(scope="package")
def browser(launch: Callable[..., Browser]) -> Iterator[Browser]:
    browser = launch()
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def outside() -> Iterator[Outside]:
    with Outside().open() as outside:
        yield outside


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Place]]:
    """``consent demo`` with these options; the same one each time."""
    with ExitStack() as stack:
        started: dict[tuple[str, ...], Place] = {}

        def start(*options: str) -> Place:
            if options not in started:
                folder = tmp_path_factory.mktemp("demo")
                log = f"sqlite:///{folder / 'consent.db'}"
                command = python("-m", "consent.cli", "demo", "--port", "0", "--log", log, *options)
                started[options] = _newspaper(stack.enter_context(running(command, folder)), log)
            return started[options]

        yield start


def _newspaper(url: str, log: str) -> Place:
    def heard(agent: str) -> Mapping[str, int]:
        request = urllib.request.Request(f"{url}/collector.json", headers={"User-Agent": agent})
        with urllib.request.urlopen(request) as answer:
            counted: dict[str, int] = json.load(answer)
            return counted

    return Place(
        "demo", url, log, "/night-ferry", frozenset({"_ff_id", "_ga", "_ga_HARBOUR"}),
        frozenset({"kino", "lantern"}), frozenset({"footfall", "chirp"}), heard, storage="ff_visitor",
    )  # fmt: skip


_PATH = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(ROOT / "examples")]))
_FACTORY = ROOT / "examples" / "flask_factory"
_WORKERS = ["--bind", "127.0.0.1:0", "--workers", "2", "--threads", "4"]
_COMMANDS = {
    "flask": python("-m", "gunicorn", *_WORKERS, "flask_site:app"),
    "flask-factory": python("-m", "gunicorn", *_WORKERS, f"--pythonpath={_FACTORY}", "bakery:create_app()"),
    "django": python("-m", "gunicorn", *_WORKERS, "django_site:application"),
    "wsgi": python("-m", "waitress", "--listen=127.0.0.1:0", "wsgi_site:app"),
    "starlette": python("-m", "uvicorn", "--port", "0", "starlette_site:app"),
    "fastapi": python("-m", "hypercorn", "--bind", "127.0.0.1:0", "fastapi_site:app"),
}


@pytest.fixture(scope="session")
def bakery(tmp_path_factory: pytest.TempPathFactory, outside: Outside) -> Iterator[Callable[[str], Place]]:
    """An example, by its framework, as it is served in production."""
    with ExitStack() as stack:
        started: dict[str, Place] = {}

        def start(name: str) -> Place:
            if name not in started:
                folder = tmp_path_factory.mktemp(name)
                url = stack.enter_context(running(_COMMANDS[name], folder, environ={"PYTHONPATH": _PATH}))
                started[name] = Place(
                    name, url, f"sqlite:///{folder / 'consent.db'}", "/film", frozenset({"_ga", "_ga_RYE1962"}),
                    frozenset({"www.youtube-nocookie.com"}),
                    frozenset({"www.googletagmanager.com", "www.google-analytics.com"}), outside.heard,
                )  # fmt: skip
            return started[name]

        yield start


@pytest.fixture
def serve(outside: Outside, tmp_path: Path) -> Iterator[Callable[..., Place]]:
    """A site of these pages, by path: ``serve({"/": "<!doctype html>…"}, policy="default-src 'self'", **settings)``.

    ``around``: what stands around the middleware. What ends in ``.js`` is a script.
    """
    with ExitStack() as stack:

        def start(
            pages: Mapping[str, str],
            *,
            policy: str = "",
            around: Callable[[Any], Any] = lambda app: app,
            **settings: Any,
        ) -> Place:
            def site(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
                path = environ["PATH_INFO"]
                kind = "javascript" if path.endswith(".js") else "html"
                headers = [("Content-Type", f"text/{kind}; charset=utf-8")]
                headers += [("Content-Security-Policy", policy)] * bool(policy)
                start_response("200 OK", headers)
                return [pages.get(path, "<!doctype html><title>Empty</title><body>").encode()]

            log = f"sqlite:///{tmp_path / 'consent.db'}"
            app = ConsentMiddleware(site, {"log": log, **settings}, secret_key="a key for the pages of this test")
            stack.callback(app.site.close)
            server = make_server("127.0.0.1", 0, around(app), threaded=True, request_handler=Quiet)
            url = stack.enter_context(serving(server))
            return Place("pages", url, log, "/", frozenset(), frozenset(), frozenset(), outside.heard)

        yield start


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, demo: Callable[..., Place], bakery: Callable[[str], Place]) -> Place:
    """Each site in turn."""
    return demo() if request.param == "demo" else bakery(request.param)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """A new visitor of a place: ``visit(place, script=False, gpc=True, …)``."""
    with ExitStack() as stack:
        yield lambda place, **options: stack.enter_context(visiting(browser, place, **options))


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def script(request: pytest.FixtureRequest) -> bool:
    """With JavaScript, and without."""
    return bool(request.param)


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    path = ROOT / "node_modules/axe-core/axe.min.js"
    if not path.exists():
        pytest.fail(f"{path} is missing: npm ci brings it", pytrace=False)
    return path.read_text("utf-8")
