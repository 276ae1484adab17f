"""Behind and around us what WSGI sites are made of: WhiteNoise, Bottle and Pyramid, under whatever path."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import bottle
import pytest
from doors import SECRET, SETTINGS, Request, call_wsgi
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client, EnvironBuilder, TestResponse
from whitenoise import WhiteNoise

from consent.testing import ListStore
from consent.wsgi import ConsentMiddleware

#: WebOb, of which Pyramid is made, imports it.
pytestmark = pytest.mark.filterwarnings(
    # With setuptools around, Pyramid's loader goes through pkg_resources.
    "ignore:'cgi' is deprecated:DeprecationWarning",
    "ignore:.*pkg_resources:DeprecationWarning",
    "ignore:.*pkg_resources:UserWarning",
)

TRACKER = '<script src="https://www.google-analytics.com/analytics.js"></script>'
PAGE = f"<!doctype html><html><head>{TRACKER}</head><body><h1>News</h1></body></html>"
CSS = b"body { background: url(https://www.google-analytics.com/a.gif) } /* not ours to touch */\n" * 40
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}
#: What a browser says when it asks for a style sheet.
STYLE = {"Accept": "text/css,*/*;q=0.1", "Sec-Fetch-Dest": "style"}


class Visitor(Client):
    """Reads an answer to its end, and closes it, as servers do."""

    def open(self, *arguments: Any, **options: Any) -> TestResponse:
        return super().open(*arguments, **{"buffered": True, **options})


def behind(app: Any) -> ConsentMiddleware:
    gate = ConsentMiddleware(app, SETTINGS, secret_key=SECRET)
    gate.site.store = ListStore()
    return gate


def accept(client: Visitor, base: str = "") -> TestResponse:
    answer = client.post(f"{base}/_consent/decision", data={"action": "accept"}, headers=SAME_SITE)
    assert answer.status_code == 303
    return answer


def held(page: str) -> bool:
    assert TRACKER in page or "data-consent-src=" in page
    return TRACKER not in page


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "site.css").write_bytes(CSS)
    (tmp_path / "site.css.gz").write_bytes(gzip.compress(CSS))
    (tmp_path / "about.html").write_text(PAGE)
    return tmp_path


# WhiteNoise


def plain(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [PAGE.encode()]


@pytest.mark.parametrize("order", ["whitenoise inside", "whitenoise outside"])
def test_whitenoise_s_files_pass_untouched_and_pages_are_gated(order: str, files: Path) -> None:
    inside = order == "whitenoise inside"
    app = behind(WhiteNoise(plain, root=str(files))) if inside else WhiteNoise(behind(plain), root=str(files))
    bare = Visitor(WhiteNoise(plain, root=str(files)))
    client = Visitor(app)
    first = client.get("/site.css", headers=STYLE)
    conditional = [
        {},
        {"If-None-Match": first.headers["ETag"]},
        {"If-Modified-Since": first.headers["Last-Modified"]},
        {"Range": "bytes=5-20"},
        {"Accept-Encoding": "gzip"},
        {"Accept-Encoding": "gzip", "Range": "bytes=0-3"},
    ]
    for more in conditional:
        for method in ("GET", "HEAD"):
            ours, theirs = (each.open("/site.css", method=method, headers={**STYLE, **more}) for each in (client, bare))
            assert (ours.status_code, ours.data) == (theirs.status_code, theirs.data), more
            assert dict(ours.headers) == dict(theirs.headers), more
    assert [client.get("/site.css", headers={**STYLE, **more}).status_code for more in conditional[1:4]] == [
        304,
        304,
        206,
    ]
    assert held(client.get("/").text)
    assert held(client.get("/about.html").text) == inside, "a page among the files is gated if the gate is outside"
    accept(client)
    assert not held(client.get("/").text)


def test_a_file_is_handed_to_the_server_as_the_file_that_it_is(files: Path) -> None:
    class FileWrapper:
        def __init__(self, file: Any, size: int = 8192) -> None:
            self.file = file

        def close(self) -> None:
            self.file.close()

    builder = EnvironBuilder("/site.css", headers=STYLE)
    environ = {**builder.get_environ(), "wsgi.file_wrapper": FileWrapper}
    body = behind(WhiteNoise(plain, root=str(files)))(environ, lambda status, headers, exc_info=None: lambda data: None)
    assert isinstance(body, FileWrapper), "for sendfile"
    body.close()


def test_a_page_among_whitenoise_s_files_is_gated_and_revalidated_by_the_visitor_s_state(files: Path) -> None:
    client = Visitor(behind(WhiteNoise(plain, root=str(files))))
    first = client.get("/about.html")
    assert held(first.text)
    assert "Last-Modified" not in first.headers, "its date says nothing of the visitor"
    again = {"If-None-Match": first.headers["ETag"], "If-Modified-Since": "Mon, 01 Jan 2035 00:00:00 GMT"}
    assert client.get("/about.html", headers=again).status_code == 304
    accept(client)
    agreed = client.get("/about.html", headers=again)
    assert (agreed.status_code, held(agreed.text)) == (200, False)


# Bottle


def bottled(files: Path) -> bottle.Bottle:
    app = bottle.Bottle()

    @app.get("/")  # type: ignore[untyped-decorator]
    def front() -> str:
        bottle.response.set_cookie("_ga", "1")
        bottle.response.set_cookie("basket", "2")
        return str(bottle.template("{{!page}}<p>{{allowed}}</p>", page=PAGE, allowed=asked()))

    @app.get("/stream")  # type: ignore[untyped-decorator]
    def stream() -> Iterator[str]:
        yield "<!doctype html><body><h1>"
        yield f"News</h1>{TRACKER}"

    @app.get("/files/<name>")  # type: ignore[untyped-decorator]
    def file(name: str) -> Any:
        return bottle.static_file(name, root=str(files))

    @app.get("/broken")  # type: ignore[untyped-decorator]
    def broken() -> str:
        raise ZeroDivisionError

    app.get("/moved", callback=lambda: bottle.redirect("/"))
    app.get("/gone", callback=lambda: bottle.abort(410, "Gone."))
    app.error(410)(lambda error: f"{PAGE}{asked()}")
    return app


def asked() -> bool:
    return bool(bottle.request.environ["consent.page"].allows("analytics"))


def test_a_bottle_site_is_gated_with_its_errors_its_streams_and_its_cookies(files: Path) -> None:
    client = Visitor(behind(bottled(files)))
    front = client.get("/")
    assert (held(front.text), "<p>False</p>" in front.text, front.text.count('id="yc"')) == (True, True, 1)
    assert [each.partition("=")[0] for each in front.headers.getlist("Set-Cookie")] == ["basket"]
    assert held(client.get("/stream").text)
    gone = client.get("/gone")
    assert (gone.status_code, held(gone.text), "False" in gone.text) == (410, True, True)
    assert client.get("/moved").status_code in {302, 303}
    for path, status in {"/broken": 500, "/missing": 404}.items():
        answer = call_wsgi(client.application, Request(path))
        assert (answer.status, answer.text.count('id="yc"')) == (status, 1), "Bottle's own page, with the banner"
    accept(client)
    front = client.get("/")
    assert (held(front.text), "<p>True</p>" in front.text) == (False, True)
    assert len(front.headers.getlist("Set-Cookie")) == 2


def test_bottle_s_files_pass_untouched(files: Path) -> None:
    client, bare = Visitor(behind(bottled(files))), Visitor(bottled(files))
    first = client.get("/files/site.css", headers=STYLE)
    for more in ({}, {"If-None-Match": first.headers["ETag"]}, {"Range": "bytes=5-20"}):
        ours, theirs = (each.get("/files/site.css", headers={**STYLE, **more}) for each in (client, bare))
        assert (ours.status_code, ours.data) == (theirs.status_code, theirs.data)
        assert ours.headers.get("ETag") == theirs.headers.get("ETag")
    assert held(client.get("/files/about.html").text)


def test_a_gate_within_a_bottle_is_under_the_path_where_it_is_mounted(files: Path) -> None:
    root = bottle.Bottle()
    root.get("/", callback=lambda: PAGE)
    root.mount("/shop/", behind(bottled(files)))
    client = Visitor(root)
    assert not held(client.get("/").text), "not behind the gate"
    page = client.get("/shop/").text
    assert held(page)
    assert 'action="//localhost/shop/_consent/decision"' in page
    assert client.get("/shop/_consent/consent.js").status_code == 200
    assert accept(client, "/shop").headers["Location"] == "/shop/"
    assert not held(client.get("/shop/").text)


# Pyramid


def tween(handler: Any, registry: Any) -> Any:
    """Ours to ask, and to change what comes back: around the view, inside the gate."""

    def handle(request: Any) -> Any:
        before = request.consent.allows("analytics")
        response = handler(request)
        response.headers["X-Allowed"] = str(before)
        response.set_cookie("_ga", "1")
        return response

    return handle


def pyramid(files: Path) -> Any:
    from pyramid.config import Configurator
    from pyramid.httpexceptions import HTTPForbidden, HTTPNotFound
    from pyramid.response import Response

    def front(request: Any) -> Response:
        response = Response(PAGE + str(request.consent.allows("analytics")), conditional_response=True)
        response.md5_etag()
        return response

    def stream(request: Any) -> Response:
        return Response(app_iter=iter([b"<!doctype html><body><h1>", f"News</h1>{TRACKER}".encode()]))

    def wrong(error: Exception, request: Any) -> Response:
        return Response(f"{PAGE}{request.consent.allows('analytics')}", status=getattr(error, "status", 500))

    def refused(request: Any) -> Response:
        raise HTTPForbidden

    def broken(request: Any) -> Response:
        raise ZeroDivisionError

    with Configurator() as config:
        config.add_request_method(lambda request: request.environ["consent.page"], "consent", reify=True)
        config.add_tween(f"{__name__}.tween")
        for name, view in {"": front, "stream": stream, "refused": refused, "broken": broken}.items():
            config.add_route(name or "front", f"/{name}")
            config.add_view(view, route_name=name or "front")
        for context in (HTTPNotFound, HTTPForbidden, ZeroDivisionError):
            config.add_view(wrong, context=context)
        config.add_static_view("files", str(files))
        return config.make_wsgi_app()


def test_a_pyramid_site_is_gated_with_its_errors_its_streams_and_what_its_tweens_add(files: Path) -> None:
    client = Visitor(behind(pyramid(files)))
    for path, status in {"/": 200, "/stream": 200, "/refused": 403, "/broken": 500, "/missing": 404}.items():
        answer = client.get(path)
        assert (answer.status_code, held(answer.text), answer.text.count('id="yc"')) == (status, True, 1)
        assert answer.headers["X-Allowed"] == "False"
        assert answer.headers.getlist("Set-Cookie") == []
    accept(client)
    for path in ("/", "/stream", "/refused", "/broken", "/missing"):
        answer = client.get(path)
        assert (held(answer.text), answer.headers["X-Allowed"]) == (False, "True")
        assert answer.headers["Set-Cookie"].startswith("_ga=1")


def test_a_conditional_page_of_pyramid_s_is_the_visitor_s(files: Path) -> None:
    client = Visitor(behind(pyramid(files)))
    first = client.get("/")
    again = {"If-None-Match": first.headers["ETag"]}
    assert client.get("/", headers=again).status_code == 304
    accept(client)
    agreed = client.get("/", headers=again)
    assert (agreed.status_code, held(agreed.text), "True" in agreed.text) == (200, False, True)
    assert client.get("/", headers={"If-None-Match": agreed.headers["ETag"]}).status_code == 304


def test_pyramid_s_files_pass_untouched(files: Path) -> None:
    client, bare = Visitor(behind(pyramid(files))), Visitor(unasked(pyramid(files)))
    first = client.get("/files/site.css", headers=STYLE)
    for more in ({}, {"If-Modified-Since": first.headers["Last-Modified"]}, {"Range": "bytes=5-20"}):
        ours, theirs = (each.get("/files/site.css", headers={**STYLE, **more}) for each in (client, bare))
        assert (ours.status_code, ours.data) == (theirs.status_code, theirs.data)
        assert ours.headers.get("Last-Modified") == theirs.headers.get("Last-Modified")
    assert held(client.get("/files/about.html").text)


def unasked(app: Any) -> Any:
    """The application without a gate: there is somebody who agreed to nothing."""

    class Nobody:
        def allows(self, purpose: str) -> bool:
            return False

    return lambda environ, start_response: app({**environ, "consent.page": Nobody()}, start_response)


# Paths


@pytest.mark.parametrize(
    ("mount", "path", "base", "target"),
    [
        ("/shop", "/shop/cart", "/shop/_consent/", "/shop/cart"),
        ("/shop", "/shop", "/shop/_consent/", "/shop"),
        ("/a/b", "/a/b/c?d=1&e", "/a/b/_consent/", "/a/b/c?d=1&amp;e"),
        ("/büro", "/büro/ä", "/b%C3%BCro/_consent/", "/b%C3%BCro/%C3%A4"),
    ],
)
def test_below_a_path_everything_of_ours_is_below_it_too(mount: str, path: str, base: str, target: str) -> None:
    client = Visitor(DispatcherMiddleware(behind(plain), {mount.encode().decode("latin-1"): behind(plain)}))
    page = client.get(path).text
    assert f'action="//localhost{base}decision"' in page
    assert f'name="next" value="{target}"' in page
    assert client.get(f"{mount}/_consent/consent.js").status_code == 200
    answer = client.post(f"{mount}/_consent/decision", data={"action": "accept", "next": path}, headers=SAME_SITE)
    assert answer.status_code == 303
    assert "Path=/;" in answer.headers["Set-Cookie"] + ";"
    assert client.get("/_consent/state").json is not None, "the one beside it has its own"


def test_two_gates_around_one_page_are_one_if_they_hold_the_same() -> None:
    client = Visitor(behind(behind(plain)))
    assert client.get("/").text.count('id="yc"') == 1
    accept(client)
    assert not held(client.get("/").text)
