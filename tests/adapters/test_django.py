"""What only Django does: its own middleware on either side of the gate, files, streams of both kinds."""

from __future__ import annotations

import gc
import gzip
import io
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import doors
import pytest
from doors import SETTINGS, Answer, Request, _django_settings, _django_urls, call_asgi, call_wsgi

TRACKER = b'<script src="https://www.google-analytics.com/analytics.js"></script>'
PAGE = b"<!doctype html><html><body>" + TRACKER + b"<p>" + b"News " * 100 + b"</p></body></html>"
CONSENT = "consent.django.ConsentMiddleware"
GZIP = "django.middleware.gzip.GZipMiddleware"
CONDITIONAL = "django.middleware.http.ConditionalGetMiddleware"
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}

Ask = Callable[[Request], Answer]


def site(view: Callable[[Any], Any], *middleware: str, is_async: bool = False) -> Ask:
    from django.test.utils import override_settings

    def sync_view(request: Any, path: str) -> Any:
        return view(request)

    async def async_view(request: Any, path: str) -> Any:
        return view(request)

    urls = _django_urls(async_view if is_async else sync_view)
    _django_settings(SETTINGS, urls)
    changed = override_settings(MIDDLEWARE=list(middleware or (CONSENT,)))
    changed.enable()
    try:
        if is_async:
            from django.core.handlers.asgi import ASGIHandler

            asgi = ASGIHandler()
            return lambda request: call_asgi(asgi, request)
        from django.core.handlers.wsgi import WSGIHandler

        wsgi = WSGIHandler()
        return lambda request: call_wsgi(wsgi, request)
    finally:
        changed.disable()


def whole(request: Any) -> Any:
    from django.http import HttpResponse

    return HttpResponse(PAGE)


def streamed(request: Any) -> Any:
    from django.http import StreamingHttpResponse

    return StreamingHttpResponse(iter([PAGE[:50], PAGE[50:]]))


def streamed_async(request: Any) -> Any:
    from django.http import StreamingHttpResponse

    async def chunks() -> AsyncIterator[bytes]:
        yield PAGE[:50]
        yield PAGE[50:]

    return StreamingHttpResponse(chunks())


def get(ask: Ask, **headers: str) -> Answer:
    return ask(Request(headers={key.replace("_", "-"): value for key, value in headers.items()}, valid=False))


def accept(ask: Ask) -> str:
    return str(ask(Request("/_consent/decision", "POST", FORM, b"action=accept")).cookie())


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("order", [(CONSENT, GZIP), (GZIP, CONSENT)], ids=["inside", "outside"])
@pytest.mark.parametrize("view", [whole, streamed])
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_compressed_on_either_side_of_the_gate(
    view: Callable[[Any], Any], order: tuple[str, ...], is_async: bool
) -> None:
    answer = get(site(view, *order, is_async=is_async), Accept_Encoding="gzip, br")
    assert answer.header("content-encoding") == "gzip"
    text = gzip.decompress(answer.body)
    assert b"data-consent-src" in text
    assert TRACKER not in text
    assert answer.all("content-length") in ([], [str(len(answer.body))])


@pytest.mark.parametrize("order", [(CONSENT, CONDITIONAL), (CONDITIONAL, CONSENT)], ids=["inside", "outside"])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_not_modified_on_either_side_of_the_gate_means_the_same_consent(order: tuple[str, ...], is_async: bool) -> None:
    ask = site(whole, *order, is_async=is_async)
    first = get(ask)
    tag = first.header("etag")
    assert tag
    assert get(ask, If_None_Match=tag).status == 304
    changed = get(ask, If_None_Match=tag, Cookie=accept(ask))
    assert (changed.status, TRACKER in changed.body) == (200, True)


@pytest.mark.parametrize("view", [streamed, streamed_async])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_a_stream_is_gated_whatever_kind_of_iterator_it_has(view: Callable[[Any], Any], is_async: bool) -> None:
    answer = get(site(view, is_async=is_async))
    assert b"data-consent-src" in answer.body
    assert TRACKER not in answer.body
    assert answer.body.index(b'value="accept"') < answer.body.index(b"News")


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", ["page.html", "data.json"])
def test_a_file_is_gated_if_it_is_a_page_and_closed_anyhow(name: str, is_async: bool) -> None:
    from django.http import FileResponse

    files: list[io.BytesIO] = []

    def view(request: Any) -> Any:
        files.append(io.BytesIO(PAGE))
        return FileResponse(files[0], filename=name)

    answer = get(site(view, is_async=is_async))
    assert (answer.body == PAGE) == (name == "data.json")
    assert (TRACKER in answer.body) == (name == "data.json")
    assert files[0].closed


def test_the_first_byte_leaves_before_the_second_chunk_is_asked_for() -> None:
    from django.http import StreamingHttpResponse

    asked: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number in range(3):
            asked.append(number)
            yield b"<p>%d</p>" % number

    from django.test.utils import override_settings

    from consent.django import ConsentMiddleware

    _django_settings(SETTINGS, _django_urls(lambda request, path: None))
    with override_settings(CONSENT=SETTINGS):
        middleware = ConsentMiddleware(lambda request: StreamingHttpResponse(chunks()))
    from django.test import RequestFactory

    response: Any = middleware(RequestFactory().get("/"))
    out = iter(response)
    assert b"<p>0" in next(out)
    assert asked == [0]
    response.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # Django's own: the request's body, where an answer breaks off
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_stream_that_raises_at_once_raises_where_it_would_have(is_async: bool) -> None:
    from django.http import StreamingHttpResponse

    def view(request: Any) -> Any:
        def chunks() -> Iterator[bytes]:
            raise RuntimeError("broken")
            yield b""

        async def later() -> AsyncIterator[bytes]:
            raise RuntimeError("broken")
            yield b""

        return StreamingHttpResponse(later() if is_async else chunks())

    ask = site(view, is_async=is_async)
    with pytest.raises(RuntimeError, match="broken"):
        get(ask)
    gc.collect()


def test_several_cookies_leave_as_they_were_set() -> None:
    from django.http import HttpResponse

    def view(request: Any) -> Any:
        response = HttpResponse(PAGE)
        response.set_cookie("one", "1", secure=True, samesite="Strict")
        response.set_cookie("two", "a b", max_age=60)
        response.set_signed_cookie("three", "3", salt="x")
        response.set_cookie("_ga", "GA1")
        return response

    sent = get(site(view)).all("set-cookie")
    assert [value.partition("=")[0] for value in sent] == ["one", "two", "three"]
    assert {"Secure", "SameSite=Strict"} <= {part.strip() for part in sent[0].split(";")}


def test_head_has_the_length_of_get_if_the_view_makes_the_page_and_none_if_it_does_not() -> None:
    from django.http import HttpResponse

    ask = site(whole)
    lengths = {ask(Request("/", method)).header("content-length") for method in ("GET", "HEAD")}
    assert len(lengths) == 1
    assert ask(Request("/", "HEAD")).status == 200
    bare = site(lambda request: HttpResponse(b"", headers={"Content-Length": str(len(PAGE))}))
    assert bare(Request("/", "HEAD", valid=False)).all("content-length") == []


def test_hints_that_leave_before_the_response_are_gated(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[list[tuple[str, str]]] = []
    environ = doors._environ
    monkeypatch.setattr(doors, "_environ", lambda request: {**environ(request), "wsgi.early_hints": sent.append})

    def view(request: Any) -> Any:
        hint = request.META["wsgi.early_hints"]
        hint([("Link", "<https://www.google-analytics.com/a.js>; rel=preload")])
        hint([("Link", "</own.css>; rel=preload")])
        return whole(request)

    assert site(view)(Request("/")).status == 200
    assert sent == [[("Link", "</own.css>; rel=preload")]]
