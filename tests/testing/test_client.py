"""A visitor of any framework's site: what is chosen goes through the site's own code, and holds as in a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from inspect import isawaitable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client as WerkzeugClient

from consent.errors import ConsentError, UnknownPurpose
from consent.site import Site
from consent.testing import (
    ConsentClient,
    ConsentLog,
    ListStore,
    NotSaved,
    assert_banner,
    assert_held,
    assert_no_banner,
    assert_no_trackers,
    assert_not_held,
    memory_log,
)
from consent.visitor.cookie import DecisionCookie
from consent.wsgi import ConsentMiddleware

SECRET = "a secret for tests that is long enough"
SETTINGS: dict[str, Any] = {
    "services": ["google-analytics", "youtube"],
    "region": "header:X-Region",
    "prefix": "/-/choices/",
    "log": "sqlite:///never-made.db",
}
PAGE = """<!doctype html><html lang="en"><head><title>News</title>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script></head>
<body><h1>News</h1><iframe src="https://www.youtube.com/embed/x"></iframe></body></html>"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def log() -> Iterator[ConsentLog]:
    with memory_log() as log:
        yield log


def wsgi(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [PAGE.encode()]


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/html; charset=utf-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": PAGE.encode()})


def plain(**changes: Any) -> ConsentMiddleware:
    return ConsentMiddleware(wsgi, {**SETTINGS, **changes}, secret_key=SECRET)


def _flask() -> Any:
    import flask

    from consent.flask import Consent

    app = flask.Flask("site")
    app.config |= {"SECRET_KEY": SECRET, "CONSENT": SETTINGS}
    app.get("/")(lambda: PAGE)
    Consent(app)
    return app


def _quart() -> Any:
    import quart

    from consent.asgi import ConsentMiddleware as Door

    app = quart.Quart("site")

    @app.get("/")
    async def page() -> str:
        return PAGE

    app.asgi_app = Door(app.asgi_app, SETTINGS, secret_key=SECRET)  # type: ignore[arg-type, assignment]
    return app


def _starlette() -> Any:
    from starlette.applications import Starlette
    from starlette.middleware.gzip import GZipMiddleware
    from starlette.responses import HTMLResponse
    from starlette.routing import Route

    from consent.asgi import ConsentMiddleware as Door

    app = Starlette(routes=[Route("/", lambda _request: HTMLResponse(PAGE))])
    app.add_middleware(Door, settings=SETTINGS, secret_key=SECRET)
    app.add_middleware(GZipMiddleware, minimum_size=1)
    return app


def _fastapi() -> Any:
    import fastapi

    from consent.asgi import ConsentMiddleware as Door

    app = fastapi.FastAPI()
    app.get("/", response_class=fastapi.responses.HTMLResponse)(lambda: PAGE)
    app.add_middleware(Door, settings=SETTINGS, secret_key=SECRET)
    return app


def _asgi() -> Any:
    from consent.asgi import ConsentMiddleware as Door

    return Door(asgi, SETTINGS, secret_key=SECRET)


def _httpx() -> Any:
    import httpx

    return httpx.Client(transport=httpx.WSGITransport(_flask()), base_url="https://www.example.org")


def _httpx_async() -> Any:
    import httpx2

    return httpx2.AsyncClient(transport=httpx2.ASGITransport(_starlette()), base_url="https://www.example.org")


CLIENTS: dict[str, Callable[[], Any]] = {
    "flask": _flask,
    "flask, its client": lambda: _flask().test_client(),
    "wsgi": plain,
    "wsgi, its client": lambda: WerkzeugClient(plain()),
    "asgi": _asgi,
    "starlette": _starlette,
    "fastapi": _fastapi,
    "quart": _quart,
    "quart, its client": lambda: _quart().test_client(),
    "httpx": _httpx,
    "httpx, async": _httpx_async,
}


async def got(value: Any) -> Any:
    return await value if isawaitable(value) else value


@pytest.mark.parametrize("made", CLIENTS.values(), ids=CLIENTS)
def test_a_visitor_chooses_and_the_site_does_as_they_say(
    made: Callable[[], Any], log: ConsentLog, folder: Path
) -> None:
    async def visit() -> None:
        visitor = ConsentClient(made())

        page = await got(visitor.get("/"))
        assert_banner(page)
        assert_held(page, "google-analytics")
        assert_held(page, "youtube")
        assert_no_trackers(page)

        assert await got(visitor.grant("analytics")) is visitor
        page = await got(visitor.get("/"))
        assert_no_banner(page)
        assert_not_held(page, "google-analytics")
        assert_held(page, "youtube")
        with pytest.raises(AssertionError, match="is live: google-analytics\n"):
            assert_no_trackers(page)
        assert_no_trackers(page, allow=["google-analytics"])

        await got(visitor.grant())
        assert_not_held(await got(visitor.get("/")), "youtube")

        await got(visitor.withdraw())
        page = await got(visitor.get("/"))
        assert_no_banner(page)
        assert_no_trackers(page)

        other = visitor(made())
        await got(other.refuse())
        assert_no_banner(await got(other.get("/")))

    asyncio.run(visit())
    assert [(record.kind, record.granted) for record in log.records] == [
        ("custom", ("analytics",)),
        ("accept_all", ("analytics", "marketing")),
        ("withdraw", ()),
        ("refuse_all", ()),
    ]
    assert [*folder.iterdir()] == [], "nothing is written"


@pytest.mark.parametrize("made", CLIENTS.values(), ids=CLIENTS)
def test_a_visitor_comes_from_somewhere_and_its_browser_says_something(
    made: Callable[[], Any], log: ConsentLog
) -> None:
    async def visit() -> None:
        visitor = ConsentClient(made())
        assert visitor.region("US-CA") is visitor
        assert_not_held(await got(visitor.get("/")), "google-analytics")

        assert visitor.signal(gpc=True) is visitor
        page = await got(visitor.get("/", headers={"Accept-Language": "de"}))
        assert_no_trackers(page)
        assert_no_banner(page)
        await got(visitor.grant("analytics"))
        assert_not_held(await got(visitor.get("/")), "google-analytics")

        visitor.signal(gpc=False).region("DE")
        page = await got(visitor.get("/"))
        assert_banner(page)
        assert_no_trackers(page)
        visitor.region(None)
        assert_no_trackers(await got(visitor.get("/")))

    asyncio.run(visit())
    assert [(record.regime, record.gpc) for record in log.records] == [("us-ca", True)]


def test_the_cookie_is_the_sites_own(log: ConsentLog) -> None:
    client = WerkzeugClient(plain())
    ConsentClient(client).grant("analytics")
    cookie = client.get_cookie("consent")
    assert cookie is not None
    decision = DecisionCookie([SECRET.encode()]).decode(cookie.value)
    assert decision is not None
    assert decision.granted == {"analytics"}
    assert decision.record == log.records[0].id
    assert cookie.http_only
    assert DecisionCookie([b"another key that is long enough"]).decode(cookie.value) is None


def test_over_https_the_cookie_is_bound_to_the_host(log: ConsentLog) -> None:
    client = WerkzeugClient(plain())
    visitor = ConsentClient(client).grant(base_url="https://localhost")
    assert client.get_cookie("__Host-consent") is not None
    assert_not_held(visitor.get("/", base_url="https://localhost"), "youtube")
    assert_held(visitor.get("/"), "youtube")


def test_what_is_no_purpose_of_the_site_cannot_be_agreed_to(log: ConsentLog) -> None:
    with pytest.raises(UnknownPurpose, match="did you mean 'analytics'"):
        ConsentClient(plain()).grant("analitics")
    assert log.records == []


def test_a_choice_that_is_not_saved_says_why(log: ConsentLog) -> None:
    visitor = ConsentClient(plain())
    log.available = False
    with pytest.raises(
        NotSaved, match=r"accept.*POST /-/choices/decision answered 503: the log could not keep it"
    ) as not_saved:
        visitor.grant()
    assert not_saved.value.response.status_code == 503
    assert_no_trackers(visitor.get("/"))
    visitor.refuse()
    assert_no_banner(visitor.get("/"))


def test_a_choice_that_does_not_reach_the_site_says_so(log: ConsentLog) -> None:
    client = WerkzeugClient(wsgi)
    with pytest.raises(NotSaved, match="answered 200: the request did not reach the consent middleware"):
        ConsentClient(client, site=plain().site).grant()


def test_a_site_that_is_not_to_be_found_can_be_named(log: ConsentLog) -> None:
    door = plain()
    hidden = WerkzeugClient(partial(lambda stack, *request: stack[0](*request), [door]))
    with pytest.raises(ConsentError, match=r"no consent middleware was found behind .*site=middleware\.site"):
        ConsentClient(hidden).get("/")
    assert_held(ConsentClient(hidden, site=door.site).get("/"), "youtube")


def test_a_site_is_found_behind_others_middleware(log: ConsentLog) -> None:
    from functools import wraps

    door = plain()

    class Outer:
        def __init__(self, app: Any) -> None:
            self.app = app

        def __call__(self, *request: Any) -> Any:
            return self.app(*request)

    def closure(*request: Any) -> Any:
        return door(*request)

    @wraps(door)
    def inner(*request: Any) -> Any:
        return closure(*request)

    assert ConsentClient(Outer(Outer(inner))).site is door.site
    assert ConsentClient(Outer(closure)).site is door.site
    assert ConsentClient(Outer(partial(door.__call__))).site is door.site


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"regime": "fr"}, "the regime 'fr' for everybody"),
        ({"region": "fixed:FR"}, "does not read a visitor's region from a header"),
        ({"region": lambda _header: "FR"}, "does not read a visitor's region from a header"),
    ],
)
def test_where_the_region_does_not_come_from_a_header_that_is_said(changes: dict[str, Any], said: str) -> None:
    settings = {"region": None, **changes} if "regime" in changes else changes
    with pytest.raises(ConsentError, match=said):
        ConsentClient(plain(**settings)).region("DE")


@pytest.mark.parametrize("given", [None, 7, "app"])
def test_what_is_neither_a_client_nor_an_application_is_refused(given: object) -> None:
    with pytest.raises(ConsentError, match="neither a client nor an application"):
        ConsentClient(given).get("/")


def test_an_application_that_fails_is_not_taken_for_a_client_without_a_name() -> None:
    def broken() -> Any:
        return plain().no_such_thing  # type: ignore[attr-defined]

    with pytest.raises(ConsentError, match="no client: the application") as failed:
        ConsentClient.later(broken).get("/")
    assert "no_such_thing" in str(failed.value.__cause__)


def test_what_a_client_can_do_the_visitor_can_too(log: ConsentLog) -> None:
    client = WerkzeugClient(plain())
    visitor = ConsentClient(client)
    visitor.set_cookie("theme", "dark")
    assert visitor.client is client
    assert client.get_cookie("theme") is not None
    with pytest.raises(AttributeError, match="gett"):
        visitor.gett("/")


def test_every_log_is_in_memory_and_the_sites_own_are_there_again_afterwards() -> None:
    early = plain().site
    own = early.store = ListStore()
    with memory_log() as log:
        late = Site.open(SETTINGS, keys=[SECRET])
        assert early.store is late.store is log.store
        ConsentClient(ConsentMiddleware(wsgi, late)).grant()
        assert len(log.records) == 1
    assert early.store is own
    assert own.kept == []
    assert not isinstance(late.store, ListStore)
    late.close()
