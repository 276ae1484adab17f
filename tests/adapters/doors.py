"""The same small site behind every door, so that one table of exchanges can be run through all of them."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from consent.testing import ListStore

SETTINGS: dict[str, Any] = {
    "policy": "1",
    "services": {
        "google-analytics": {},
        "youtube": {},
        "own-study": {"purposes": ["research"], "hosts": ["study.example.org"], "cookies": ["_rs_*"]},
    },
    "purposes": {"research": {"title": "Research", "text": "Which articles are read to the end."}},
    "region": "header:X-Region",
    "privacy_url": "/privacy",
    "log": "sqlite://",
}
SECRET = "a secret for tests that is long enough"


@dataclass(frozen=True)
class Served:
    """What the application answers at a path. ``chunks`` as a list is sent whole, else as a stream."""

    body: bytes | tuple[bytes, ...]
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html; charset=utf-8"),)
    #: What is answered in its place to a request that names a header so.
    instead: tuple[str, str, Served] | None = None

    @property
    def chunks(self) -> list[bytes]:
        return [self.body] if isinstance(self.body, bytes) else list(self.body)

    @property
    def streamed(self) -> bool:
        return isinstance(self.body, tuple)


@dataclass(frozen=True)
class Request:
    path: str = "/"
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    #: Whether the exchange is by the book; a response without a Content-Type, for one, is not.
    valid: bool = True


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value.strip() for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    @property
    def text(self) -> str:
        return self.body.decode()

    def cookie(self, name: str = "consent") -> str | None:
        """The value that the answer sets, ready to be sent back."""
        for value in self.all("set-cookie"):
            pair = value.partition(";")[0]
            if pair.startswith(f"{name}=") and "Max-Age=0" not in value:
                return pair
        return None


@dataclass
class Door:
    """A site behind one door: ask it, and look into its log."""

    name: str
    ask: Callable[[Request], Answer]
    log: ListStore
    site: Any


Site = dict[str, Served]


def _site_of(serve: Site, path: str, header: Callable[[str], str | None]) -> Served:
    served = serve.get(path, Served(b"<!doctype html><body><p>404</p></body>", 404))
    if served.instead is not None:
        name, value, instead = served.instead
        if value in (header(name) or ""):
            return instead
    return served


def _environ(request: Request) -> dict[str, Any]:
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    path, _, query = request.path.partition("?")
    environ |= {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "HTTP_HOST": "www.example.org",
        "SERVER_NAME": "www.example.org",
        "wsgi.input": io.BytesIO(request.body),
        "CONTENT_LENGTH": str(len(request.body)),
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        if key == "X_SCHEME":
            environ["wsgi.url_scheme"] = value
        else:
            environ[key if key.startswith("CONTENT_") else f"HTTP_{key}"] = value
    return environ


def call_wsgi(app: Any, request: Request) -> Answer:
    """Call a WSGI application under the standard library's validator."""
    started: list[tuple[int, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started.append((int(status[:3]), headers))
        return written.append

    body = (validator(app) if request.valid else app)(_environ(request), start_response)
    try:
        content = b"".join(body)
    finally:
        if hasattr(body, "close"):
            body.close()
    status, headers = started[-1]
    return Answer(status, headers, b"".join(written) + content)


def _without_body(answer: Answer, request: Request) -> Answer:
    """What a server leaves of the answer to HEAD, where the framework leaves that to the server."""
    return replace(answer, body=b"") if request.method == "HEAD" else answer


def _wsgi_app(serve: Site, style: str) -> Callable[..., Iterable[bytes]]:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        served = _site_of(
            serve, environ["PATH_INFO"], lambda name: environ.get(f"HTTP_{name.upper().replace('-', '_')}")
        )
        line = f"{served.status} OK"
        headers = list(served.headers)
        if not served.streamed and served.status != 304:
            headers.append(("Content-Length", str(len(served.chunks[0]))))
        chunks = [] if environ["REQUEST_METHOD"] == "HEAD" or served.status == 304 else served.chunks
        if style == "late":

            def late() -> Iterator[bytes]:
                start_response(line, headers)
                yield from chunks or [b""]

            return late()
        write = start_response(line, headers)
        if style == "write":
            for chunk in chunks:
                write(chunk)
            return []
        return iter(chunks) if served.streamed else chunks

    return app


def _wsgi(serve: Site, settings: dict[str, Any], *, style: str = "plain") -> Door:
    from consent.site import Site as ConsentSite
    from consent.wsgi import ConsentMiddleware

    app = _wsgi_app(serve, style)
    site = ConsentSite.open(settings, keys=[SECRET])
    log = site.store = ListStore()
    doors: dict[bool, Any] = {}
    for valid in (True, False):
        # The validator's own wrapper does not allow for an application that starts late.
        doors[valid] = ConsentMiddleware(validator(app) if valid and style != "late" else app, site)
    return Door(f"wsgi, {style}", lambda request: call_wsgi(doors[request.valid], request), log, site)


def _flask(serve: Site, settings: dict[str, Any]) -> Door:
    import flask

    from consent.flask import Consent

    app = flask.Flask("site")
    app.config |= {"SECRET_KEY": SECRET, "CONSENT": settings}

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
    @app.route("/<path:path>", methods=["GET", "POST"])
    def page(path: str) -> flask.Response:
        served = _site_of(serve, f"/{path}", flask.request.headers.get)
        chunks = iter(served.chunks) if served.streamed else served.chunks[0]
        response = flask.Response(chunks, status=served.status)
        response.headers.clear()
        response.headers.extend(served.headers)
        if not served.streamed and served.status != 304:
            response.headers["Content-Length"] = str(len(served.chunks[0]))
        return response

    Consent(app)
    site = app.extensions["consent"]
    log = site.store = ListStore()
    return Door("flask", lambda request: call_wsgi(app, request), log, site)


def _django_response(serve: Site, request: Any, path: str, *, is_async: bool) -> Any:
    from django.http import HttpResponse, StreamingHttpResponse

    served = _site_of(serve, path, request.headers.get)
    response: Any
    if served.streamed:

        async def later() -> Any:
            for chunk in served.chunks:
                yield chunk

        response = StreamingHttpResponse(later() if is_async else iter(served.chunks), status=served.status)
    else:
        response = HttpResponse(served.chunks[0], status=served.status)
    del response["Content-Type"]
    for name, value in served.headers:
        if name.lower() == "set-cookie":
            pair, _, rest = value.partition(";")
            key, _, content = pair.partition("=")
            response.set_cookie(key, content, max_age=0 if "Max-Age=0" in rest else None)
        else:
            response[name] = value
    if not served.streamed and served.status != 304:
        response["Content-Length"] = str(len(served.chunks[0]))
    return response


def configure_django() -> None:
    """Django's settings, upon which each door and each site sets its own."""
    from django.conf import settings

    if not settings.configured:
        settings.configure(
            SECRET_KEY=SECRET,
            ALLOWED_HOSTS=["*"],
            USE_TZ=True,
            INSTALLED_APPS=["consent.django"],
            MIDDLEWARE=["consent.django.ConsentMiddleware"],
            TEMPLATES=[
                {
                    "BACKEND": "django.template.backends.django.DjangoTemplates",
                    "APP_DIRS": True,
                    "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
                }
            ],
        )
        import django

        django.setup()


def _django_settings(settings: dict[str, Any], urlconf: Any) -> None:
    from django.test.utils import override_settings

    configure_django()
    override_settings(CONSENT=settings, ROOT_URLCONF=urlconf).enable()


def _django_urls(view: Any) -> Any:
    from types import ModuleType

    from django.urls import re_path

    urls: Any = ModuleType("urls")
    urls.urlpatterns = [re_path(r"^(?P<path>.*)$", view)]
    return urls


def _middleware_of(handler: Any) -> Any:
    """The consent middleware inside a loaded handler: the outermost, behind Django's exception wrapper."""
    outer = handler._middleware_chain
    return outer if hasattr(outer, "site") else outer.__wrapped__


def _django(serve: Site, settings: dict[str, Any]) -> Door:
    def view(request: Any, path: str) -> Any:
        return _django_response(serve, request, f"/{path}", is_async=False)

    _django_settings(settings, "unset")
    from django.test.utils import override_settings

    override_settings(ROOT_URLCONF=_django_urls(view)).enable()
    from django.core.handlers.wsgi import WSGIHandler

    handler = WSGIHandler()
    site = _middleware_of(handler).site
    log = site.store = ListStore()
    return Door("django", lambda request: _without_body(call_wsgi(handler, request), request), log, site)


def _django_async(serve: Site, settings: dict[str, Any]) -> Door:
    async def view(request: Any, path: str) -> Any:
        return _django_response(serve, request, f"/{path}", is_async=True)

    _django_settings(settings, "unset")
    from django.test.utils import override_settings

    override_settings(ROOT_URLCONF=_django_urls(view)).enable()
    from django.core.handlers.asgi import ASGIHandler

    handler = ASGIHandler()
    site = _middleware_of(handler).site
    log = site.store = ListStore()
    return Door("django, async", lambda request: call_asgi(handler, request), log, site)


async def _asgi_app(serve: Site, scope: Any, receive: Any, send: Any) -> None:
    given = {name.decode(): value.decode() for name, value in scope["headers"]}
    served = _site_of(serve, scope["path"], lambda name: given.get(name.lower()))
    headers = [(name.lower().encode(), value.encode()) for name, value in served.headers]
    if not served.streamed and served.status != 304:
        headers.append((b"content-length", str(len(served.chunks[0])).encode()))
    await send({"type": "http.response.start", "status": served.status, "headers": headers})
    if served.streamed:
        for chunk in served.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"" if served.streamed else served.chunks[0]})


def _asgi(serve: Site, settings: dict[str, Any]) -> Door:
    from consent.asgi import ConsentMiddleware

    app = ConsentMiddleware(partial(_asgi_app, serve), settings, secret_key=SECRET)
    log = app.site.store = ListStore()
    return Door("asgi", lambda request: call_asgi(app, request), log, app.site)


def _starlette(serve: Site, settings: dict[str, Any]) -> Door:
    from starlette.applications import Starlette
    from starlette.requests import Request as StarletteRequest
    from starlette.responses import Response, StreamingResponse
    from starlette.routing import Route

    from consent.asgi import ConsentMiddleware
    from consent.site import Site as ConsentSite

    async def page(request: StarletteRequest) -> Response:
        served = _site_of(serve, request.url.path, request.headers.get)
        response = StreamingResponse(iter(served.chunks)) if served.streamed else Response(served.chunks[0])
        response.status_code = served.status
        response.raw_headers[:] = [(name.lower().encode(), value.encode()) for name, value in served.headers]
        return response

    site = ConsentSite.open(settings, keys=[SECRET])
    log = site.store = ListStore()
    app = Starlette(routes=[Route("/{path:path}", page, methods=["GET", "POST"])])
    app.add_middleware(ConsentMiddleware, settings=site)
    return Door("starlette", lambda request: call_asgi(app, request), log, site)


def _check_sent(sent: list[dict[str, Any]]) -> None:
    """What ASGI asks of a response: one start, then a body with one end."""
    start, *rest = sent
    assert start["type"] == "http.response.start"
    assert [message["type"] for message in rest] == ["http.response.body"] * len(rest)
    assert [message.get("more_body", False) for message in rest] == [True] * (len(rest) - 1) + [False]


def call_asgi(app: Any, request: Request) -> Answer:
    """Call an ASGI application, and check what it sends."""
    path, _, query = request.path.partition("?")
    headers = {"host": "www.example.org", "content-length": str(len(request.body)), **request.headers}
    scheme = headers.pop("X-Scheme", "http")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": scheme,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("www.example.org", 80),
    }
    sent: list[dict[str, Any]] = []

    async def run() -> None:
        incoming = [{"type": "http.request", "body": request.body, "more_body": False}]
        forever = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if incoming:
                return incoming.pop()
            await forever.wait()
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await app(scope, receive, send)

    asyncio.run(run())
    _check_sent(sent)
    start, *rest = sent
    body = b"".join(message.get("body", b"") for message in rest)
    decoded = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
    return Answer(start["status"], decoded, b"" if request.method == "HEAD" else body)


DOORS: dict[str, Callable[[Site, dict[str, Any]], Door]] = {
    "wsgi": _wsgi,
    "wsgi-write": lambda serve, settings: _wsgi(serve, settings, style="write"),
    "wsgi-late": lambda serve, settings: _wsgi(serve, settings, style="late"),
    "flask": _flask,
    "django": _django,
    "django-async": _django_async,
    "asgi": _asgi,
    "starlette": _starlette,
}
