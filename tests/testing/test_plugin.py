"""The plugin, as a site's own test run has it: another pytest, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest_plugins = "pytester"

ROOT = Path(__file__).parents[2]
FLASK = """
import flask, pytest
from consent.flask import Consent
from consent.testing import *

@pytest.fixture
def app():
    app = flask.Flask("shop")
    app.config |= {
        "SECRET_KEY": "a secret for tests that is long enough",
        "CONSENT": {"services": ["google-analytics"], "log": "sqlite:///never-made.db"},
    }
    Consent(app)

    @app.get("/")
    def front():
        tag = '<script src="https://www.google-analytics.com/analytics.js"></script>'
        return f"<!doctype html><html><body>{tag}<p>News</p></body></html>"

    return app
"""


@pytest.fixture(autouse=True)
def quietly(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\naddopts = -p no:cacheprovider -p no:django -p no:xdist -p no:cov\n")


def test_it_is_there_once_the_library_is_installed() -> None:
    assert [point.value for point in entry_points(group="pytest11", name="consent")] == ["pytest_consent"]


def test_it_loads_nothing_of_the_library_until_a_fixture_is_used() -> None:
    code = "import pytest_consent, sys; print(sorted(name for name in sys.modules if name.startswith('consent')))"
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert run.stdout.strip() == "[]"


def test_it_shows_in_the_list_of_fixtures(pytester: pytest.Pytester) -> None:
    shown = pytester.runpytest_inprocess("--fixtures")
    shown.stdout.fnmatch_lines(["consent_log*", "consent_client*"])


def test_a_visitor_of_the_fixture_app_and_a_log_in_memory(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        FLASK
        + """
def test_one(consent_client, consent_log):
    assert_held(consent_client.get("/"), "google-analytics")
    consent_client.grant("analytics")
    assert_not_held(consent_client.get("/"), "google-analytics")
    assert [record.granted for record in consent_log.records] == [("analytics",)]

def test_another_is_another_visitor_with_another_log(consent_client, consent_log):
    assert_held(consent_client.get("/"), "google-analytics")
    assert consent_log.records == []

def test_two_visitors(consent_client, app):
    other = consent_client(app)
    other.grant()
    assert_held(consent_client.get("/"), "google-analytics")
    assert_not_held(other.get("/"), "google-analytics")
"""
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=3)
    assert not list(pytester.path.glob("*.db*"))


def test_the_fixture_client_comes_first(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        FLASK
        + """
@pytest.fixture
def client(app):
    return app.test_client()

def test_it(consent_client, client):
    assert consent_client.client is client
    consent_client.grant()
    assert client.get_cookie("consent")
"""
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


def test_a_client_that_skips_gives_way_to_an_app(pytester: pytest.Pytester) -> None:
    """pytest-django's does, in a project that has it installed and no Django."""
    skipping = """
@pytest.fixture
def client():
    pytest.skip("no Django settings")
"""
    pytester.makepyfile(FLASK + skipping + "def test_it(consent_client):\n    assert_banner(consent_client.get('/'))\n")
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
    pytester.makepyfile("import pytest\n" + skipping + "def test_it(consent_client):\n    consent_client.get('/')\n")
    pytester.runpytest_inprocess().assert_outcomes(skipped=1)


def test_an_async_client_is_awaited(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
import httpx2, pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from consent.fastapi import ConsentMiddleware
from consent.testing import *

pytestmark = pytest.mark.anyio

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.fixture
async def client():
    app = FastAPI()
    settings = {"services": ["google-analytics"], "log": "sqlite:///never-made.db"}
    app.add_middleware(ConsentMiddleware, settings=settings, secret_key="a secret for tests that is long enough")

    @app.get("/", response_class=HTMLResponse)
    async def front():
        return '<!doctype html><html><body><script src="https://www.google-analytics.com/a.js"></script></body></html>'

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://testserver") as client:
        yield client

async def test_it(client, consent_client, consent_log):
    assert_held(await consent_client.get("/"), "google-analytics")
    await consent_client.grant("analytics")
    assert_not_held(await consent_client.get("/"), "google-analytics")
    assert len(consent_log.records) == 1
"""
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


def test_a_failure_points_at_the_tests_own_line_and_says_what_was_found(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        FLASK
        + """
def test_it(consent_client):
    consent_client.grant("analytics")
    page = consent_client.get("/")
    assert_held(page, "google-analytics")
"""
    )
    failed = pytester.runpytest_inprocess()
    failed.assert_outcomes(failed=1)
    failed.stdout.fnmatch_lines(
        [
            '>       assert_held(page, "google-analytics")',
            "E       AssertionError: GET /: 200, text/html: google-analytics is not held",
            'E         google-analytics (analytics), line *: <script src="https://www.google-analytics.com/analytics.js">',
            "E       the page says that its visitor is accepted; allowed: analytics",
        ]
    )
    failed.stdout.no_fnmatch_line("*checks.py*")


def test_without_an_app_it_says_what_to_do(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(consent_client):\n    consent_client.get('/')\n")
    failed = pytester.runpytest_inprocess()
    failed.stdout.fnmatch_lines(
        ["*There is no fixture `client` or `app`: make one, or call consent_client(app_or_client)"]
    )


def test_with_pytest_django(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        settings="""
SECRET_KEY = "a secret for tests that is long enough"
ROOT_URLCONF = "urls"
INSTALLED_APPS = ["consent.django"]
MIDDLEWARE = [
    "consent.django.ConsentMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.common.CommonMiddleware",
]
CONSENT = {"services": ["google-analytics"], "log": "sqlite:///never-made.db", "region": "header:X-Region"}
""",
        urls="""
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.urls import path

PAGE = b'<!doctype html><html><body><script src="https://www.google-analytics.com/a.js"></script></body></html>'
urlpatterns = [
    path("", lambda request: HttpResponse(PAGE)),
    path("stream", lambda request: StreamingHttpResponse(iter([PAGE[:60], PAGE[60:]]))),
    path("data", lambda request: HttpResponse("{}", content_type="application/json")),
]
""",
        test_site="""
import asyncio
from consent.testing import *

def test_the_client(consent_client, consent_log):
    for path in ("/", "/stream"):
        page = consent_client.get(path)
        assert_held(page, "google-analytics")
        assert_no_trackers(page)
    assert b"".join(page.streaming_content).startswith(b"<!doctype"), "it is there for the test, too"
    assert_banner(consent_client.get("/"))
    consent_client.grant("analytics")
    for path in ("/", "/stream"):
        assert_not_held(consent_client.get(path), "google-analytics")
    assert_no_banner(consent_client.get("/"))
    consent_client.withdraw()
    assert_no_trackers(consent_client.get("/"))
    assert_no_trackers(consent_client.get("/data"))
    assert [record.kind for record in consent_log.records] == ["accept_all", "withdraw"]

def test_signals(consent_client):
    consent_client.region("US-CA")
    assert_not_held(consent_client.get("/"), "google-analytics")
    assert_held(consent_client.signal(gpc=True).get("/"), "google-analytics")

def test_over_https(consent_client):
    consent_client.grant(secure=True)
    assert_not_held(consent_client.get("/", secure=True), "google-analytics")

def test_the_async_client(consent_client, async_client):
    async def visit():
        visitor = consent_client(async_client)
        assert_held(await visitor.get("/"), "google-analytics")
        await visitor.grant()
        page = await visitor.get("/")
        assert_not_held(page, "google-analytics")
        assert_no_banner(page)
    asyncio.run(visit())

def test_a_handler(consent_client):
    from django.core.asgi import get_asgi_application
    from django.core.wsgi import get_wsgi_application
    assert_held(consent_client(get_wsgi_application()).get("/"), "google-analytics")
    assert asyncio.run(consent_client(get_asgi_application()).get("/")).status_code == 200
""",
    )
    pytester.makeini(
        "[pytest]\naddopts = -p no:cacheprovider -p no:xdist -p no:cov\nDJANGO_SETTINGS_MODULE = settings\n"
    )
    pytester.runpytest_subprocess("-W", "error").assert_outcomes(passed=5)
    assert not list(pytester.path.glob("*.db*"))
