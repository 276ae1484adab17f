"""FastAPI: the visitor as a dependency, wherever dependencies go, and nowhere in the API's documentation."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from doors import SECRET, SETTINGS
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Request, Response, WebSocket
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates
from jinja2 import DictLoader, Environment
from starlette.testclient import TestClient

from consent.banner.page import Page
from consent.errors import ConsentError, UnknownPurpose
from consent.fastapi import ConsentMiddleware, Visitor, template_context, visitor
from consent.testing import ConsentClient, ConsentLog

TRACKER = '<script src="https://www.google-analytics.com/analytics.js"></script>'


class Reader:
    """A dependency of a site's own that asks for the visitor itself."""

    def __init__(self, visitor: Visitor) -> None:
        self.counted = visitor.allows("analytics")


def site(app: FastAPI | None = None) -> FastAPI:
    app = app or FastAPI()
    app.add_middleware(ConsentMiddleware, settings=SETTINGS, secret_key=SECRET)
    return app


def answers(app: FastAPI, path: str = "/") -> list[Any]:
    """What a path answers before an agreement and after it."""
    reader = ConsentClient(app)
    before = reader.get(path).json()
    return [before, reader.grant("analytics").get(path).json()]


def test_an_operation_asks_for_its_visitor(consent_log: ConsentLog) -> None:
    app = site()

    @app.get("/")
    async def front(visitor: Visitor) -> bool:
        return visitor.allows("analytics")

    @app.get("/sync")
    def sync(visitor: Visitor, number: int = 1) -> list[Any]:
        return [number, visitor.allows("analytics"), visitor.status]

    assert answers(app) == [False, True]
    assert answers(app, "/sync?number=2") == [[2, False, "undecided"], [2, True, "custom"]]


def test_it_is_a_dependency_like_others(consent_log: ConsentLog) -> None:
    app, asked = site(), []

    def remember(visitor: Visitor) -> None:
        asked.append(visitor.status)

    router = APIRouter(prefix="/routed", dependencies=[Depends(remember)])

    @router.get("/")
    async def routed(reader: Annotated[Reader, Depends()], page: Page = Depends(visitor)) -> list[bool]:  # noqa: B008
        return [reader.counted, page.allows("analytics")]

    app.include_router(router)
    assert answers(app, "/routed/") == [[False, False], [True, True]]
    assert asked == ["undecided", "custom"]


def test_the_apis_documentation_shows_no_parameter() -> None:
    app = site()

    @app.get("/{name}")
    async def front(
        name: str, asked: Visitor, page: Annotated[Page, Depends(visitor)], reader: Annotated[Reader, Depends()]
    ) -> bool:
        return True

    @app.post("/")
    async def send(visitor: Visitor, body: dict[str, int]) -> bool:
        return True

    described = app.openapi()
    assert [each["name"] for each in described["paths"]["/{name}"]["get"]["parameters"]] == ["name"]
    assert "requestBody" not in described["paths"]["/{name}"]["get"]
    assert "parameters" not in described["paths"]["/"]["post"]
    body = described["paths"]["/"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["type"] == "object"
    assert "Page" not in described["components"]["schemas"]


def test_a_misspelt_purpose_is_an_error_not_a_no(consent_log: ConsentLog) -> None:
    app = site()

    @app.get("/")
    async def front(visitor: Visitor) -> bool:
        return visitor.allows("analitics")

    with pytest.raises(UnknownPurpose, match="analytics"):
        TestClient(app).get("/")


def test_a_task_that_runs_after_the_answer_may_ask_too(consent_log: ConsentLog) -> None:
    app, asked = site(), []

    @app.get("/")
    async def front(visitor: Visitor, tasks: BackgroundTasks) -> bool:
        tasks.add_task(lambda: asked.append(visitor.allows("analytics")))
        return True

    answers(app)
    assert asked == [False, True]


def test_in_tests_something_else_may_stand_in_for_it() -> None:
    app = site()

    @app.get("/")
    async def front(visitor: Visitor) -> str:
        return visitor.status

    class Accepting:
        status = "accepted"

    app.dependency_overrides[visitor] = Accepting
    assert TestClient(app).get("/").json() == "accepted"


def test_without_the_middleware_it_says_so() -> None:
    app = FastAPI()

    @app.get("/")
    async def front(visitor: Visitor) -> bool:
        return True

    with pytest.raises(ConsentError, match=r"did not come through consent\.asgi\.ConsentMiddleware"):
        TestClient(app).get("/")


def test_a_websocket_passes_untouched_and_has_no_visitor() -> None:
    app = site()

    @app.websocket("/echo")
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(await socket.receive_text())

    @app.websocket("/visitor")
    async def asking(socket: WebSocket, visitor: Visitor) -> None:
        await socket.accept()

    with TestClient(app).websocket_connect("/echo") as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "hello"
    with pytest.raises(ConsentError, match="a websocket passes"), TestClient(app).websocket_connect("/visitor"):
        pass


def test_templates_know_the_visitor(consent_log: ConsentLog) -> None:
    app = site()
    page = "<!doctype html><html><body>%s{% if consent.allows('analytics') %}counted{% endif %}{{ consent.settings_link('Choices') }}"
    environment = Environment(autoescape=True, loader=DictLoader({"page.html": page.replace("%s", TRACKER)}))
    templates = Jinja2Templates(env=environment, context_processors=[template_context])

    @app.get("/", response_class=HTMLResponse)
    async def front(request: Request) -> Response:
        return templates.TemplateResponse(request, "page.html")

    reader = ConsentClient(app)
    before, after = reader.get("/").text, reader.grant("analytics").get("/").text
    assert "counted" not in before
    assert TRACKER not in before
    assert f"<body>{TRACKER}counted<a " in after
    assert after.count(">Choices</a>") == 1
    assert after.count("data-consent-open") == 1, "none is put in beside the template's own"
