"""What only an ASGI application can do: wait, be left, hint, send files and trailers, be several frameworks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import fastapi
import pytest
from doors import SECRET, SETTINGS, Answer, Request, _django_settings, _django_urls, call_asgi

from consent.asgi import ConsentMiddleware, visitor
from consent.banner.page import Page
from consent.errors import ConsentError
from consent.testing import ListStore

Message = dict[str, Any]
App = Callable[[Any, Any, Any], Awaitable[None]]

TRACKER = b'<script src="https://www.google-analytics.com/analytics.js"></script>'
PAGE = b"<!doctype html><html><body>" + TRACKER + b"<p>News</p></body></html>"
HTML = [(b"content-type", b"text/html; charset=utf-8")]
JSON = [(b"content-type", b"application/json")]
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
POSTED = [(name.lower().encode(), value.encode()) for name, value in {"Host": "www.example.org", **FORM}.items()]
POST = {"method": "POST", "path": "/_consent/decision"}


def door(app: App, **changes: Any) -> ConsentMiddleware:
    made = ConsentMiddleware(app, {**SETTINGS, **changes}, secret_key=SECRET)
    made.site.store = ListStore()
    return made


def scope_of(**changes: Any) -> Message:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", b"www.example.org")],
        **changes,
    }


def start(headers: Iterable[tuple[bytes, bytes]] = HTML, **more: Any) -> Message:
    return {"type": "http.response.start", "status": 200, "headers": [*headers], **more}


def body(data: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


def sending(*messages: Message) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


class Server:
    """A server that keeps what it is given. ``incoming``: what it has received from the visitor."""

    def __init__(self, *incoming: Message) -> None:
        self.sent: list[Message] = []
        self.asked = 0
        self._incoming = [*incoming]

    async def receive(self) -> Message:
        self.asked += 1
        return self._incoming.pop(0)

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    def run(self, app: App, **scope: Any) -> Server:
        async def call() -> None:
            await app(scope_of(**scope), self.receive, self.send)

        asyncio.run(call())
        return self

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def kinds(self) -> list[str]:
        return [message["type"].rpartition(".")[2] for message in self.sent]


# Order and time


def test_the_first_byte_leaves_before_the_second_chunk_is_asked_for() -> None:
    events: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        for number, chunk in enumerate((b"<!doctype html><html><body><p>News</p>", TRACKER, b"<p>End</p>")):
            events.append(f"in {number}")
            await send(body(chunk, more=True))
        await send(body(b""))

    class Telling(Server):
        async def send(self, message: Message) -> None:
            await super().send(message)
            if message.get("body"):
                events.append("out")

    server = Telling().run(door(app))
    assert events[:4] == ["in 0", "out", "in 1", "out"]
    assert server.kinds == ["start", "body", "body", "body", "body"]
    assert TRACKER not in server.body
    assert b"<p>End</p>" in server.body


@pytest.mark.parametrize("headers", [HTML, JSON], ids=["page", "data"])
def test_an_application_waits_for_a_server_that_waits(headers: list[tuple[bytes, bytes]]) -> None:
    passed: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(headers))
        for number in range(3):
            await send(body(b"<p>piece</p>", more=True))
            passed.append(number)

    async def run() -> None:
        free = asyncio.Semaphore(2)  # room for the start and for one piece

        async def send(message: Message) -> None:
            await free.acquire()

        task = asyncio.create_task(door(app)(scope_of(), Server().receive, send))
        for _ in range(20):
            await asyncio.sleep(0)
        assert passed == [0]
        free.release()
        for _ in range(20):
            await asyncio.sleep(0)
        assert passed == [0, 1]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_the_log_appends_in_a_thread_while_the_event_loop_runs() -> None:
    made = door(sending())
    going = threading.Event()
    where: list[int] = []

    class Slow(ListStore):
        def append(self, *arguments: Any, **more: Any) -> Any:
            where.append(threading.get_ident())
            assert going.wait(30), "the event loop stood still"
            return super().append(*arguments, **more)

    log = made.site.store = Slow()
    server = Server({"type": "http.request", "body": b"action=accept"})

    async def run() -> None:
        asked = asyncio.create_task(made(scope_of(**POST, headers=POSTED), server.receive, server.send))
        while not where and not asked.done():
            await asyncio.sleep(0.001)
        going.set()
        await asked

    asyncio.run(run())
    assert where != [threading.get_ident()]
    assert len(log.kept) == 1
    assert server.sent[0]["status"] == 303


# The visitor's side


def decide(*incoming: Message) -> tuple[Server, ListStore]:
    made = door(sending())
    server = Server(*incoming)
    server.run(made, **POST, headers=POSTED)
    log = made.site.store
    assert isinstance(log, ListStore)
    return server, log


def test_a_decision_may_come_in_pieces() -> None:
    pieces = [
        {"type": "http.request", "body": b"action=acc", "more_body": True},
        {"type": "http.request", "body": b"ept"},
    ]
    server, log = decide(*pieces)
    assert (server.sent[0]["status"], len(log.kept)) == (303, 1)


def test_a_visitor_who_leaves_in_the_middle_of_a_decision_made_none() -> None:
    first = {"type": "http.request", "body": b"action=save&purpose=analytics", "more_body": True}
    _, log = decide(first, {"type": "http.disconnect"})
    assert log.kept == []


def test_of_a_decision_that_is_too_long_no_more_is_read_than_shows_it() -> None:
    server, log = decide(*[{"type": "http.request", "body": b"a" * 1024, "more_body": True}] * 100)
    assert (server.sent[0]["status"], log.kept) == (413, [])
    assert server.asked == 5


def test_the_applications_own_requests_reach_it_as_they_come() -> None:
    incoming = [{"type": "http.request", "body": b"1", "more_body": True}, {"type": "http.disconnect"}]
    seen: list[Message] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend([await receive(), await receive()])

    Server(*incoming).run(door(app), method="POST")
    assert seen == incoming


def test_an_application_hears_that_its_visitor_left() -> None:
    heard: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        try:
            await send(body(PAGE, more=True))
        except OSError as error:
            heard.append(str(error))

    class Left(Server):
        async def send(self, message: Message) -> None:
            raise OSError("left")

    Left().run(door(app))
    assert heard == ["left"]


# Messages


def test_what_is_no_request_passes_untouched() -> None:
    given: list[Any] = []

    async def app(*arguments: Any) -> None:
        given.extend(arguments)

    scope, server = {"type": "lifespan", "state": {}}, Server()
    asyncio.run(door(app)(scope, server.receive, server.send))  # type: ignore[arg-type]
    assert given == [scope, server.receive, server.send]
    assert given[0] is scope
    assert scope == {"type": "lifespan", "state": {}}


@pytest.mark.parametrize("opening", ["websocket.accept", "websocket.http.response.start"])
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_a_websocket_is_opened_or_refused_without_cookies_of_held_services(opening: str, scheme: str) -> None:
    cookies = [(b"set-cookie", b"_ga=1; Path=/"), (b"set-cookie", b"session=2"), (b"x-own", b"_ga")]
    said = {"type": "websocket.send", "text": "_ga"}
    app = door(sending({"type": opening, "subprotocol": "chat", "headers": cookies}, said))
    scope = {"type": "websocket", "path": "/live", "scheme": scheme, "headers": [(b"host", b"www.example.org")]}

    def opened(**changes: Any) -> list[Message]:
        server = Server()
        asyncio.run(app({**scope, **changes}, server.receive, server.send))
        return server.sent

    assert opened() == [{"type": opening, "subprotocol": "chat", "headers": cookies[1:]}, said]
    agreed = Server({"type": "http.request", "body": b"action=accept"})
    agreed.run(app, **POST, headers=POSTED, scheme=scheme.replace("ws", "http"))
    [cookie] = [value.partition(b";")[0] for name, value in agreed.sent[0]["headers"] if name == b"set-cookie"]
    assert opened(headers=[*scope["headers"], (b"cookie", cookie)])[0]["headers"] == cookies
    assert opened(path="/_consent/live")[0]["headers"] == [], "what is ours is no application's"


def test_what_is_said_through_a_websocket_and_without_headers_passes_untouched() -> None:
    messages = [{"type": "websocket.accept"}, {"type": "websocket.send", "bytes": PAGE}, {"type": "websocket.close"}]
    scope, server = {"type": "websocket", "headers": []}, Server()
    asyncio.run(door(sending(*messages))(scope, server.receive, server.send))
    assert server.sent == messages
    assert scope == {"type": "websocket", "headers": []}


def test_the_servers_scope_and_state_stay_as_they_were() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    headers = [(b"host", b"www.example.org"), (b"accept-encoding", b"snappy"), (b"range", b"bytes=0-9")]
    shared = {"pool": object()}
    scope = scope_of(state=shared, headers=[*headers], extensions={"http.response.zerocopysend": {}, "tls": {}})
    before = {**scope}
    server = Server()
    asyncio.run(door(app)(scope, server.receive, server.send))
    assert scope == before
    assert scope["headers"] == headers
    assert [*shared] == ["pool"]
    assert [*scope["extensions"]] == ["http.response.zerocopysend", "tls"]
    [inner] = seen
    assert inner["state"]["pool"] is shared["pool"]
    assert not inner["state"]["consent"].allows("analytics")
    assert inner["extensions"] == {"tls": {}}
    assert b"range" not in dict(inner["headers"])
    assert dict(inner["headers"])[b"accept-encoding"] != b"snappy"


def test_hints_that_leave_before_the_response_are_gated() -> None:
    held = b"<https://www.google-analytics.com/a.js>; rel=preload; as=script"
    own = b"</own.css>; rel=preload; as=style"
    hints = [{"type": "http.response.early_hint", "links": links} for links in ([held], [own, held])]
    server = Server().run(door(sending(*hints, start(), body(PAGE))))
    assert server.kinds == ["early_hint", "start", "body"]
    assert server.sent[0]["links"] == [own]


@pytest.mark.parametrize("headers", [HTML, JSON], ids=["page", "data"])
def test_trailers_follow_the_body(headers: list[tuple[bytes, bytes]]) -> None:
    trailers = {"type": "http.response.trailers", "headers": [(b"server-timing", b"db;dur=2")], "more_trailers": False}
    server = Server().run(door(sending(start(headers, trailers=True), body(PAGE), trailers)))
    assert server.kinds == ["start", "body", "trailers"]
    assert server.sent[0]["trailers"] is True
    assert server.sent[2] == trailers
    assert b"content-length" not in dict(server.sent[0]["headers"]), "they go in chunks"


def test_a_file_that_is_a_page_is_gated(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_bytes(PAGE + b"<p>" + b"long " * 40_000)
    message = {"type": "http.response.pathsend", "path": str(file)}
    length = (b"content-length", str(file.stat().st_size).encode())
    server = Server().run(door(sending(start([*HTML, length]), message)))
    assert set(server.kinds) == {"start", "body"}
    assert b"data-consent-src" in server.body
    assert TRACKER not in server.body
    assert b"long " * 40_000 in server.body
    assert b"content-length" not in dict(server.sent[0]["headers"])
    assert [message["more_body"] for message in server.sent[1:]] == [True] * (len(server.sent) - 2) + [False]


def test_a_file_that_is_no_page_is_left_to_the_server() -> None:
    message = {"type": "http.response.pathsend", "path": "/nowhere/data.json"}
    assert Server().run(door(sending(start(JSON), message))).sent[1] is message


def test_an_open_file_that_is_a_page_does_not_leave() -> None:
    message = {"type": "http.response.zerocopysend", "file": object()}
    server = Server()
    with pytest.raises(ConsentError, match="open file"):
        server.run(door(sending(start(), body(b"<p>first</p>", more=True), message)))
    assert server.kinds == ["start", "body"]
    assert Server().run(door(sending(start(JSON), message))).sent[1] is message


def test_head_has_headers_and_no_body(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_bytes(PAGE)
    for message in (body(PAGE), {"type": "http.response.pathsend", "path": str(file)}):
        server = Server().run(door(sending(start(), message)), method="HEAD")
        assert server.kinds == ["start", "body"]
        assert server.body == b""
        assert server.sent[-1]["more_body"] is False


def test_names_of_headers_leave_in_lower_case() -> None:
    own, _ = decide({"type": "http.request", "body": b"action=accept"})
    page = Server().run(door(sending(start([(b"Content-Type", b"text/html"), (b"ETag", b'"v1"')]), body(PAGE))))
    names = [name for server in (own, page) for name, _ in server.sent[0]["headers"]]
    assert {b"set-cookie", b"content-type", b"etag", b"content-length"} <= {*names}
    assert [name.lower() for name in names] == names


# Errors


@pytest.mark.parametrize("headers", [HTML, JSON], ids=["page", "data"])
def test_an_error_is_the_servers_to_answer(headers: list[tuple[bytes, bytes]]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(headers))
        await send(body(b"<p>first</p>", more=True))
        raise RuntimeError("broken")

    server = Server()
    with pytest.raises(RuntimeError, match="broken"):
        server.run(door(app))
    assert server.body.endswith(b"<p>first</p>")
    assert server.sent[-1]["more_body"] is True


def test_a_page_that_cannot_be_read_any_more_breaks_off_even_if_its_application_goes_on() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start([(b"content-type", b"text/html")]))
        await send(body(b"<!doctype html><html><body><p>first</p>", more=True))
        for rest in (b"<p>\x1b$B" + TRACKER, b"<p>more</p>", b""):
            with pytest.raises((ConsentError, ValueError)):
                await send(body(rest, more=bool(rest)))

    server = Server().run(door(app))
    assert server.body.endswith(b"<p>first</p>")
    assert server.sent[-1]["more_body"] is True


def test_a_page_that_cannot_be_read_from_its_first_byte_is_closed() -> None:
    messages = [start([(b"content-type", b"text/html")]), body(b"\xff", more=True), body(b"\xfe<\0p\0>\0")]
    server = Server().run(door(sending(*messages)))
    assert server.body == b"\xff\xfe<\0p\0>\0"
    assert dict(server.sent[0]["headers"])[b"content-security-policy"].startswith(b"default-src 'none'")


# Addresses


@pytest.mark.parametrize("path", ["/shop/a b", "/a b"], ids=["with the mount point", "without"])
def test_below_a_mount_point_everything_has_its_place(path: str) -> None:
    server = Server().run(door(sending(start(), body(PAGE))), path=path, root_path="/shop")
    assert b'action="//www.example.org/shop/_consent/decision"' in server.body
    assert b'value="/shop/a%20b"' in server.body


def test_a_path_that_only_begins_like_the_mount_point_is_not_below_it() -> None:
    server = Server().run(door(sending(start(), body(PAGE))), path="/shopping", root_path="/shop")
    assert b'value="/shop/shopping"' in server.body


def test_cookies_are_read_where_http_2_has_split_them() -> None:
    accepted, _ = decide({"type": "http.request", "body": b"action=accept"})
    cookie = dict(accepted.sent[0]["headers"])[b"set-cookie"].partition(b";")[0]
    headers = [(b"host", b"www.example.org"), (b"cookie", b"theme=dark"), (b"cookie", cookie)]
    assert TRACKER in Server().run(door(sending(start(), body(PAGE))), headers=headers).body


# Frameworks


def _starlette() -> Any:
    from starlette.applications import Starlette
    from starlette.requests import Request as StarletteRequest
    from starlette.responses import HTMLResponse, Response
    from starlette.routing import Route

    async def page(request: StarletteRequest) -> Response:
        assert request.state.consent.allows("analytics") == visitor(request).allows("analytics")
        return HTMLResponse(PAGE + f"{visitor(request).allows('analytics')}".encode())

    app = Starlette(routes=[Route("/", page)])
    app.add_middleware(ConsentMiddleware, settings=SETTINGS, secret_key=SECRET)
    return app


def _asked(request: fastapi.Request) -> Page:
    return visitor(request)


Visitor = Annotated[Page, fastapi.Depends(_asked)]


def _fastapi() -> Any:
    app = fastapi.FastAPI()

    @app.get("/")
    async def page(consent: Visitor) -> fastapi.Response:
        return fastapi.Response(PAGE + f"{consent.allows('analytics')}".encode(), media_type="text/html")

    app.add_middleware(ConsentMiddleware, settings=SETTINGS, secret_key=SECRET)
    return app


def _quart() -> Any:
    import quart

    app = quart.Quart("site")

    @app.get("/")
    async def page() -> str:
        return PAGE.decode() + f"{visitor(quart.request).allows('analytics')}"

    app.asgi_app = ConsentMiddleware(app.asgi_app, SETTINGS, secret_key=SECRET)  # type: ignore[arg-type, assignment]
    return app


def _django() -> Any:
    from django.core.handlers.asgi import ASGIHandler
    from django.http import HttpResponse
    from django.test.utils import override_settings

    async def page(request: Any, path: str) -> Any:
        return HttpResponse(PAGE + f"{visitor(request).allows('analytics')}".encode())

    _django_settings(SETTINGS, _django_urls(page))
    with override_settings(MIDDLEWARE=[]):
        return ConsentMiddleware(ASGIHandler(), SETTINGS, secret_key=SECRET)


@pytest.mark.parametrize("build", [_starlette, _fastapi, _quart, _django])
def test_a_frameworks_pages_are_gated_and_its_views_may_ask(build: Callable[[], Any]) -> None:
    app = build()

    def get(cookie: str) -> Answer:
        return call_asgi(app, Request("/", headers={"Cookie": cookie}))

    undecided = get("")
    assert TRACKER not in undecided.body
    assert b"</html>False" in undecided.body
    cookie = call_asgi(app, Request("/_consent/decision", "POST", FORM, b"action=accept")).cookie()
    accepted = get(str(cookie))
    assert TRACKER in accepted.body
    assert b"</html>True" in accepted.body


def test_a_request_that_did_not_pass_the_door_says_so() -> None:
    with pytest.raises(ConsentError, match="ConsentMiddleware"):
        visitor(SimpleNamespace(scope={"type": "http"}))
