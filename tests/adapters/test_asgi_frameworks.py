"""Starlette, FastAPI and Quart with what sites put around and below the middleware: nothing of it opens the gate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import fastapi
import pytest
import quart
from doors import SECRET, SETTINGS
from jinja2 import DictLoader, Environment
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from consent.asgi import ConsentMiddleware, template_context, visitor
from consent.fastapi import Visitor
from consent.testing import (
    ConsentClient,
    ConsentLog,
    assert_banner,
    assert_held,
    assert_no_trackers,
    assert_not_held,
)

TRACKER = '<script src="https://www.google-analytics.com/analytics.js"></script>'
PAGE = f"<!doctype html><html><head><title>News</title></head><body>{TRACKER}<p>{'News. ' * 200}</p></body></html>"
CONSENT = Middleware(ConsentMiddleware, settings=SETTINGS, secret_key=SECRET)
GZIP = Middleware(GZipMiddleware, minimum_size=1)


class Wrapping(BaseHTTPMiddleware):
    """As sites write them: it reads the request and touches the response."""

    async def dispatch(self, request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["X-Seen"] = (
            getattr(request.state, "consent", None) and request.state.consent.status
        ) or "outside"
        return response


WRAPPING = Middleware(Wrapping)
SESSION = Middleware(SessionMiddleware, secret_key=SECRET)


async def streamed() -> AsyncIterator[bytes]:
    for at in range(0, len(PAGE), 50):
        yield PAGE[at : at + 50].encode()


async def whole(request: Request) -> Response:
    request.session["seen"] = request.session.get("seen", 0) + 1 if "session" in request.scope else 0
    return HTMLResponse(PAGE, background=BackgroundTask(visitor(request).allows, "analytics"))


async def missing(request: Request) -> Response:
    raise HTTPException(404)


async def not_found(request: Request, error: Exception) -> Response:
    return HTMLResponse(PAGE, status_code=404)


def starlette(folder: Path, *middleware: Middleware) -> Starlette:
    (folder / "index.html").write_text(PAGE)
    (folder / "data.json").write_text(f'{{"page": "{TRACKER}"}}'.replace('="', "='").replace('.js"', ".js'"))
    templates = Jinja2Templates(
        env=Environment(
            autoescape=True, loader=DictLoader({"page.html": PAGE.replace("</p>", "{{ consent.status }}</p>")})
        ),
        context_processors=[template_context],
    )
    routes = [
        Route("/whole", whole if SESSION in middleware else lambda _request: HTMLResponse(PAGE)),
        Route("/streamed", lambda _request: StreamingResponse(streamed(), media_type="text/html")),
        Route("/template", lambda request: templates.TemplateResponse(request, "page.html")),
        Route("/file", lambda _request: FileResponse(folder / "index.html")),
        Route("/data", lambda _request: JSONResponse({"page": TRACKER})),
        Route("/missing", missing),
        Mount("/below", Starlette(routes=[Route("/page", lambda _request: HTMLResponse(PAGE))])),
        Mount("/static", StaticFiles(directory=folder, html=True)),
    ]
    return Starlette(routes=routes, middleware=[*middleware], exception_handlers={404: not_found})


STACKS = {
    "alone": (CONSENT,),
    "compressed outside": (GZIP, CONSENT),
    "compressed inside": (CONSENT, GZIP),
    "wrapped outside": (WRAPPING, CONSENT),
    "wrapped inside": (CONSENT, WRAPPING),
    "with a session": (CONSENT, SESSION),
    "all": (WRAPPING, GZIP, CONSENT, GZIP, WRAPPING, SESSION),
}
PATHS = ("/whole", "/streamed", "/template", "/file", "/missing", "/below/page", "/static/", "/static/index.html")


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_whatever_stands_around_it_pages_are_gated(
    stack: tuple[Middleware, ...], tmp_path: Path, consent_log: ConsentLog
) -> None:
    reader = ConsentClient(starlette(tmp_path, *stack))
    for path in PATHS:
        page = reader.get(path)
        assert page.status_code == (404 if path == "/missing" else 200)
        assert_held(page, "google-analytics")
        assert_no_trackers(page)
        assert_banner(page)
    assert reader.get("/data").json() == {"page": TRACKER}
    assert TRACKER.replace('"', "'") in reader.get("/static/data.json").text

    reader.grant("analytics")
    for path in PATHS:
        assert_not_held(reader.get(path), "google-analytics")
    assert "custom</p>" in reader.get("/template").text
    assert [record.granted for record in consent_log.records] == [("analytics",)]


def test_middleware_further_in_may_ask_for_the_visitor(tmp_path: Path, consent_log: ConsentLog) -> None:
    inside, outside = (
        ConsentClient(starlette(tmp_path, CONSENT, WRAPPING)),
        ConsentClient(starlette(tmp_path, WRAPPING, CONSENT)),
    )
    assert inside.get("/whole").headers["X-Seen"] == "undecided"
    assert inside.grant().get("/whole").headers["X-Seen"] == "accepted"
    assert outside.get("/whole").headers["X-Seen"] == "outside"


def test_a_file_that_starlette_leaves_to_the_server_is_gated(tmp_path: Path) -> None:
    app = starlette(tmp_path, CONSENT)
    sent: list[dict[str, Any]] = []

    async def offering(scope: Any, receive: Any, send: Any) -> None:
        async def heard(message: dict[str, Any]) -> None:
            sent.append(message)
            if message["type"] == "http.response.pathsend":
                content = await asyncio.to_thread(Path(message["path"]).read_bytes)
                message = {"type": "http.response.body", "body": content}
            await send(message)

        await app({**scope, "extensions": {"http.response.pathsend": {}}}, receive, heard)

    with TestClient(offering) as client:
        page = ConsentClient(client, site=ConsentClient(app).site).get("/file")
        assert_held(page, "google-analytics")
        assert "http.response.pathsend" not in [message["type"] for message in sent]
        sent.clear()
        assert client.get("/static/data.json").status_code == 200
        assert "http.response.pathsend" in [message["type"] for message in sent], "no page: the server's own affair"


def test_websockets_pass_beside_pages(tmp_path: Path) -> None:
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(await socket.receive_text())

    app = Starlette(routes=[WebSocketRoute("/socket", echo)], middleware=[CONSENT])
    with TestClient(app).websocket_connect("/socket") as socket:
        socket.send_text(TRACKER)
        assert socket.receive_text() == TRACKER


def test_a_lifespans_state_reaches_views_and_stays_as_it_was() -> None:
    from contextlib import asynccontextmanager

    ended: list[bool] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, Any]]:
        yield {"pool": "a pool"}
        ended.append(True)

    async def view(request: Request) -> Response:
        return JSONResponse([request.state.pool, request.state.consent.status])

    with TestClient(Starlette(routes=[Route("/", view)], middleware=[CONSENT], lifespan=lifespan)) as client:
        assert client.get("/").json() == ["a pool", "undecided"]
        assert client.get("/").json() == ["a pool", "undecided"]
        assert "consent" not in client.app_state
    assert ended == [True]


def test_an_error_in_a_view_is_starlettes_to_answer(tmp_path: Path) -> None:
    async def broken(request: Request) -> Response:
        raise RuntimeError("broken")

    async def sorry(request: Request, error: Exception) -> Response:
        return HTMLResponse(PAGE, status_code=500)

    route = Route("/", broken)
    plain = TestClient(Starlette(routes=[route], middleware=[CONSENT]), raise_server_exceptions=False).get("/")
    assert (plain.status_code, plain.text) == (500, "Internal Server Error")
    handled = Starlette(routes=[route], middleware=[CONSENT], exception_handlers={RuntimeError: sorry})
    page = ConsentClient(handled).get("/")
    assert page.status_code == 500
    assert_held(page, "google-analytics")


def test_a_page_for_whatever_goes_wrong_is_gated_by_a_middleware_that_stands_around_all() -> None:
    async def broken(request: Request) -> Response:
        raise RuntimeError("broken")

    async def sorry(request: Request, error: Exception) -> Response:
        return HTMLResponse(PAGE, status_code=500)

    app = Starlette(routes=[Route("/", broken)], exception_handlers={500: sorry})
    around = ConsentMiddleware(app, SETTINGS, secret_key=SECRET)
    with TestClient(around, raise_server_exceptions=False) as client:
        page = ConsentClient(client).get("/")
    assert page.status_code == 500
    assert_held(page, "google-analytics")


# Quart


def quarts() -> quart.Quart:
    app = quart.Quart("site")
    app.asgi_app = ConsentMiddleware(app.asgi_app, SETTINGS, secret_key=SECRET)  # type: ignore[arg-type, assignment]

    @app.context_processor
    def with_consent() -> dict[str, Any]:
        return {"consent": visitor(quart.request)}

    @app.get("/whole")
    async def page() -> str:
        return PAGE

    @app.get("/streamed")
    async def stream() -> Any:
        return streamed(), {"Content-Type": "text/html"}

    @app.get("/template")
    async def template() -> str:
        return await quart.render_template_string(PAGE.replace("</p>", "{{ consent.status }}</p>"))

    @app.post("/echo")
    async def echo() -> Any:
        return b"".join([piece async for piece in quart.request.body]), {"Content-Type": "application/json"}

    @app.websocket("/socket")
    async def socket() -> None:
        await quart.websocket.send(await quart.websocket.receive())

    return app


def test_quarts_pages_streams_and_templates_are_gated(consent_log: ConsentLog) -> None:
    async def visit() -> None:
        reader = ConsentClient(quarts())
        for path in ("/whole", "/streamed", "/template"):
            page = await reader.get(path)
            assert_held(page, "google-analytics")
            assert_banner(page)
        await reader.grant("analytics")
        for path in ("/whole", "/streamed", "/template"):
            assert_not_held(await reader.get(path), "google-analytics")
        assert b"custom</p>" in await page_data(reader, "/template")
        sent = await reader.post("/echo", data=TRACKER)
        assert await sent.get_data() == TRACKER.encode()

    asyncio.run(visit())
    assert [record.granted for record in consent_log.records] == [("analytics",)]


async def page_data(reader: ConsentClient, path: str) -> bytes:
    data: bytes = await (await reader.get(path)).get_data()
    return data


def test_quarts_websockets_pass() -> None:
    async def talk() -> None:
        async with quarts().test_client().websocket("/socket") as socket:
            await socket.send(TRACKER)
            assert await socket.receive() == TRACKER

    asyncio.run(talk())


# Several applications behind one door


def test_one_door_serves_what_is_mounted_behind_it(consent_log: ConsentLog) -> None:
    inner = fastapi.FastAPI()

    @inner.get("/visitor")
    async def asked(visitor: Visitor) -> str:
        return visitor.status

    @inner.get("/page", response_class=HTMLResponse)
    async def page() -> str:
        return PAGE

    app = Starlette(
        routes=[Mount("/api", inner), Route("/", lambda _request: HTMLResponse(PAGE))], middleware=[CONSENT]
    )
    reader = ConsentClient(app)
    assert_held(reader.get("/api/page"), "google-analytics")
    assert '//testserver/_consent/decision"' in reader.get("/api/page").text, "one address for all"
    reader.grant()
    assert reader.get("/api/visitor").json() == "accepted"
    assert_not_held(reader.get("/api/page"), "google-analytics")
    assert_not_held(reader.get("/"), "google-analytics")


@pytest.mark.parametrize(
    "build", [lambda app: app, lambda app: Starlette(routes=[Mount("/shop", app)])], ids=["own", "mounted"]
)
def test_a_door_of_a_mounted_application_has_its_addresses_there(
    build: Callable[[Any], Any], consent_log: ConsentLog
) -> None:
    shop = Starlette(routes=[Route("/", lambda _request: HTMLResponse(PAGE))], middleware=[CONSENT])
    app = build(shop)
    root = "" if app is shop else "/shop"
    client = TestClient(app)
    page = ConsentClient(client, site=ConsentClient(shop).site).get(f"{root}/")
    assert f'action="//testserver{root}/_consent/decision"' in page.text
    decided = client.post(f"{root}/_consent/decision", data={"action": "accept"}, follow_redirects=False)
    assert decided.status_code == 303
    assert TRACKER in client.get(f"{root}/").text
