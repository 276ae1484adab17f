"""What no gate can see: views that need an agreement, cookies, events of the server's own, decisions carried to tasks.

The same small site in every framework's own way of writing views.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Annotated, Any, ClassVar

import fastapi
import pytest
from doors import SECRET, SETTINGS, Answer, Request, _django_settings, call_asgi, call_wsgi

from consent import ConsentError, NotAllowed, UnknownPurpose, UnknownService, requires
from consent.asgi import visitor
from consent.banner.page import Page
from consent.carried import Carried
from consent.site import Site
from consent.testing import ListStore

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
Ask = Callable[[Request], Answer]

#: What ``/cookies`` tries: name, attributes, and what is said to be its purpose.
TRIED: list[tuple[str, dict[str, Any], str | None]] = [
    ("_ga", {}, None),  # Google Analytics'
    ("_fbp", {}, "necessary"),  # a service that the site did not declare, whatever is said
    ("_rs_7", {}, "analytics"),  # declared, for research
    ("basket", {}, None),  # nobody's
    ("layout", {}, "analytics"),
    ("_gid", {"max_age": 0}, None),  # ended
]


def set_cookies(page: Page, response: Any) -> dict[str, bool]:
    return {name: page.set_cookie(response, name, "1", purpose=purpose, **more) for name, more, purpose in TRIED}


def sites(settings: dict[str, Any] = SETTINGS) -> tuple[Site, ListStore]:
    log = ListStore()
    site = Site.open(settings, keys=[SECRET])
    site.store = log
    return site, log


def _wsgi() -> Ask:
    from consent.wsgi import ConsentMiddleware
    from consent.wsgi import requires as requires_wsgi

    class Cookies:
        """A plain application's headers, with the method that responses of frameworks have."""

        def __init__(self) -> None:
            self.headers = [("Content-Type", "application/json")]

        def set_cookie(self, name: str, value: str, max_age: int | None = None) -> None:
            age = "" if max_age is None else f"; Max-Age={max_age}"
            self.headers.append(("Set-Cookie", f"{name}={value}{age}; Path=/"))

    def text(body: str) -> Callable[..., Iterable[bytes]]:
        def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [body.encode()]

        return app

    def asks(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "application/json"), ("Cache-Control", "public, max-age=60")])
        return [json.dumps(environ["consent.page"].allows("analytics")).encode()]

    def cookies(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        response = Cookies()
        done = set_cookies(environ["consent.page"], response)
        start_response("200 OK", response.headers)
        return [json.dumps(done).encode()]

    views: dict[str, Any] = {
        "/stats": requires_wsgi("analytics")(text("THE STATS")),
        "/else": requires_wsgi("analytics", otherwise=text("nothing is counted"))(text("THE STATS")),
        "/typo": requires_wsgi("analitics")(text("THE STATS")),
        "/plain": text("plain"),
        "/asks": asks,
        "/cookies": cookies,
    }

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer: Iterable[bytes] = views[environ["PATH_INFO"]](environ, start_response)
        return answer

    gated = ConsentMiddleware(app, sites()[0])
    return lambda request: call_wsgi(gated, request)


def _flask() -> Ask:
    import flask

    from consent.flask import Consent
    from consent.flask import requires as requires_flask

    app = flask.Flask("site")
    app.config |= {"SECRET_KEY": SECRET, "CONSENT": SETTINGS}
    app.testing = True

    def text(body: str) -> flask.Response:
        return flask.Response(body, mimetype="text/plain")

    @app.get("/stats")
    @requires_flask("analytics")
    def stats() -> flask.Response:
        return text("THE STATS")

    @app.get("/else")
    @requires_flask("analytics", otherwise=flask.Response("nothing is counted", mimetype="text/plain"))
    def other() -> flask.Response:
        return text("THE STATS")

    @app.get("/typo")
    @requires_flask("analitics")
    def typo() -> str:
        return "THE STATS"

    @app.get("/plain")
    def plain() -> flask.Response:
        return text("plain")

    @app.get("/asks")
    def asks() -> flask.Response:
        answer = flask.jsonify(flask.g.consent.allows("analytics"))
        answer.headers["Cache-Control"] = "public, max-age=60"
        return answer

    @app.get("/cookies")
    def cookies() -> flask.Response:
        response = flask.Response(mimetype="application/json")
        response.set_data(json.dumps(set_cookies(flask.g.consent, response)))
        return response

    Consent(app)
    app.extensions["consent"].store = ListStore()
    return lambda request: call_wsgi(app, request)


def _django(*, is_async: bool) -> Ask:
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler
    from django.core.signals import got_request_exception
    from django.http import HttpResponse, JsonResponse
    from django.urls import path

    _django_settings(SETTINGS, "unset")
    from django.test.utils import override_settings

    from consent.django import requires as requires_django

    def maybe_async(view: Any) -> Any:
        if not is_async:
            return view

        async def later(request: Any) -> Any:
            return view(request)

        return later

    def text(body: str) -> Any:
        return maybe_async(lambda request: HttpResponse(body, content_type="text/plain"))

    def asks(request: Any) -> Any:
        answer = JsonResponse(request.consent.allows("analytics"), safe=False)
        answer.headers["Cache-Control"] = "public, max-age=60"
        return answer

    def cookies(request: Any) -> Any:
        response = HttpResponse(content_type="application/json")
        response.content = json.dumps(set_cookies(request.consent, response)).encode()
        return response

    urls: Any = ModuleType("urls")
    urls.urlpatterns = [
        path("stats", requires_django("analytics")(text("THE STATS"))),
        path(
            "else",
            requires_django("analytics", otherwise=HttpResponse("nothing is counted", content_type="text/plain"))(
                text("THE STATS")
            ),
        ),
        path("typo", requires_django("analitics")(text("THE STATS"))),
        path("plain", text("plain")),
        path("asks", maybe_async(asks)),
        path("cookies", maybe_async(cookies)),
    ]
    override_settings(ROOT_URLCONF=urls).enable()
    handler: Any = ASGIHandler() if is_async else WSGIHandler()
    errors: list[BaseException | None] = []
    got_request_exception.connect(lambda **_: errors.append(sys.exception()), weak=False)

    def ask(request: Request) -> Answer:
        answer = call_asgi(handler, request) if is_async else call_wsgi(handler, request)
        for error in errors:
            assert error is not None
            raise error
        return answer

    return ask


def _starlette() -> Ask:
    from starlette.applications import Starlette
    from starlette.requests import Request as StarletteRequest
    from starlette.responses import JSONResponse, PlainTextResponse, Response
    from starlette.routing import Route

    from consent.asgi import ConsentMiddleware
    from consent.asgi import requires as requires_asgi

    @requires_asgi("analytics")
    async def stats(request: StarletteRequest) -> Response:
        return PlainTextResponse("THE STATS")

    @requires_asgi("analytics", otherwise=PlainTextResponse("nothing is counted"))
    def other(request: StarletteRequest) -> Response:  # in a thread
        return PlainTextResponse("THE STATS")

    @requires_asgi("analitics")
    async def typo(request: StarletteRequest) -> Response:
        return PlainTextResponse("THE STATS")

    async def plain(request: StarletteRequest) -> Response:
        return PlainTextResponse("plain")

    async def asks(request: StarletteRequest) -> Response:
        answer = request.state.consent.allows("analytics")
        return JSONResponse(answer, headers={"Cache-Control": "public, max-age=60"})

    async def cookies(request: StarletteRequest) -> Response:
        response = JSONResponse(None)
        response.body = json.dumps(set_cookies(request.state.consent, response)).encode()
        response.headers["Content-Length"] = str(len(response.body))
        return response

    views = (("stats", stats), ("else", other), ("typo", typo), ("plain", plain), ("asks", asks), ("cookies", cookies))
    app = ConsentMiddleware(Starlette(routes=[Route(f"/{name}", view) for name, view in views]), sites()[0])
    return lambda request: call_asgi(app, request)


def asked(request: fastapi.Request) -> Page:
    return visitor(request)


Visitor = Annotated[Page, fastapi.Depends(asked)]


def _fastapi() -> Ask:
    from consent.asgi import ConsentMiddleware
    from consent.asgi import requires as requires_asgi

    app = fastapi.FastAPI()

    def stats(request: fastapi.Request) -> str:
        return "THE STATS"

    async def of_a_dependency(visitor: Visitor) -> str:
        return "THE STATS"

    async def asks(response: fastapi.Response, visitor: Visitor) -> bool:
        response.headers["Cache-Control"] = "public, max-age=60"
        answer: bool = visitor.allows("analytics")
        return answer

    async def cookies(response: fastapi.Response, visitor: Visitor) -> dict[str, bool]:
        return set_cookies(visitor, response)

    plain = fastapi.responses.PlainTextResponse
    app.get("/stats", response_class=plain)(requires_asgi("analytics")(stats))
    app.get("/else", response_class=plain)(
        requires_asgi("analytics", otherwise=lambda *_, **__: "nothing is counted")(of_a_dependency)
    )
    app.get("/typo")(requires_asgi("analitics")(of_a_dependency))
    app.get("/plain", response_class=plain)(lambda: "plain")
    app.get("/asks")(asks)
    app.get("/cookies")(cookies)
    gated = ConsentMiddleware(app, sites()[0])
    return lambda request: call_asgi(gated, request)


FRAMEWORKS: dict[str, Callable[[], Ask]] = {
    "wsgi": _wsgi,
    "flask": _flask,
    "django": lambda: _django(is_async=False),
    "django, async": lambda: _django(is_async=True),
    "starlette": _starlette,
    "fastapi": _fastapi,
}


@pytest.fixture(params=sorted(FRAMEWORKS))
def ask(request: pytest.FixtureRequest) -> Ask:
    made: Ask = FRAMEWORKS[request.param]()
    return made


def get(ask: Ask, path: str, cookie: str | None = None) -> Answer:
    return ask(Request(path, headers={"Cookie": cookie} if cookie else {}, valid=False))


def chosen(ask: Ask, body: str) -> str:
    cookie = ask(Request("/_consent/decision", "POST", dict(FORM), body.encode())).cookie()
    assert cookie is not None
    return cookie


def test_a_view_that_needs_an_agreement_is_forbidden_until_there_is_one(ask: Ask) -> None:
    refused = get(ask, "/stats")
    assert refused.status == 403
    assert "THE STATS" not in refused.text
    assert "This needs your consent." in refused.text
    allowed = get(ask, "/stats", chosen(ask, "action=save&purpose=analytics"))
    assert (allowed.status, allowed.text) == (200, "THE STATS")
    assert get(ask, "/stats", chosen(ask, "action=save&purpose=marketing")).status == 403


def test_what_is_answered_otherwise_is_the_view_s_author_s_choice_every_time(ask: Ask) -> None:
    for _ in range(2):
        answer = get(ask, "/else")
        assert (answer.status, answer.text) == (200, "nothing is counted")
    assert get(ask, "/else", chosen(ask, "action=accept")).text == "THE STATS"


def test_an_answer_that_depends_on_the_visitor_is_kept_from_shared_caches_whatever_it_is(ask: Ask) -> None:
    for path in ("/asks", "/stats", "/else", "/cookies"):
        answer = get(ask, path)
        assert "private" in answer.header("cache-control"), path
        assert "Cookie" in answer.header("vary"), path
        assert "Sec-GPC" in answer.header("vary"), path
    assert get(ask, "/plain").all("vary") == []


@pytest.mark.parametrize("name", ["asked", "granted", "status"])
def test_so_is_one_that_depends_on_all_that_is_allowed_or_on_whether_anybody_has_answered(name: str) -> None:
    from consent.wsgi import ConsentMiddleware

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [repr(getattr(environ["consent.page"], name)).encode()]

    answer = call_wsgi(ConsentMiddleware(app, SETTINGS, secret_key=SECRET), Request("/"))
    assert "private" in answer.header("cache-control")
    assert "Cookie" in answer.header("vary")


def test_a_misspelt_purpose_never_reads_as_no(ask: Ask) -> None:
    with pytest.raises(UnknownPurpose, match="did you mean 'analytics'"):
        get(ask, "/typo")


def test_a_cookie_is_set_only_where_it_is_allowed_and_the_view_is_told(ask: Ask) -> None:
    for action, expected in (
        ("", {"basket", "_gid"}),
        ("action=save&purpose=analytics", {"_ga", "basket", "layout", "_gid"}),
        ("action=accept", {"_ga", "_rs_7", "basket", "layout", "_gid"}),
    ):
        answer = get(ask, "/cookies", chosen(ask, action) if action else None)
        told = {name for name, done in json.loads(answer.text).items() if done}
        left = {value.partition("=")[0] for value in answer.all("set-cookie")}
        assert told == left == expected, action


# The same without a framework


def page_of(body: str = "", *, settings: dict[str, Any] | None = None, **headers: str) -> tuple[Page, Site, ListStore]:
    """The page of a visitor who has chosen so."""
    site, log = sites(settings or SETTINGS)
    from consent.wsgi import ConsentMiddleware

    seen: list[Page] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.append(environ["consent.page"])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    gated = ConsentMiddleware(app, site)
    if body:
        cookie = call_wsgi(gated, Request("/_consent/decision", "POST", dict(FORM), body.encode())).cookie()
        headers["Cookie"] = cookie or ""
    call_wsgi(gated, Request("/", headers=headers))
    return seen[0], site, log


class Jar:
    def __init__(self) -> None:
        self.names: list[str] = []

    def set_cookie(self, name: str, value: str, **_more: Any) -> None:
        self.names.append(name)


@pytest.mark.parametrize(
    ("attributes", "set_"),
    [
        ({"max_age": 0}, True),
        ({"max_age": -1}, True),
        ({"max_age": timedelta()}, True),
        ({"expires": datetime(2020, 1, 1, tzinfo=UTC)}, True),
        ({"expires": datetime(2020, 1, 1)}, True),  # noqa: DTZ001 - as frameworks take it
        ({"expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, True),
        ({"expires": datetime(2099, 1, 1, tzinfo=UTC)}, False),
        ({"max_age": 60, "expires": datetime(2020, 1, 1, tzinfo=UTC)}, False),
        ({"expires": "soon"}, False),
        ({}, False),
    ],
    ids=str,
)
def test_a_cookie_that_is_ended_passes_in_every_spelling(attributes: dict[str, Any], set_: bool) -> None:
    page, _, _ = page_of()
    jar = Jar()
    assert page.set_cookie(jar, "_ga", "", **attributes) is set_
    assert jar.names == (["_ga"] if set_ else [])


def test_the_purpose_of_a_cookie_is_known_or_an_error() -> None:
    page, _, _ = page_of("action=accept")
    with pytest.raises(UnknownPurpose):
        page.set_cookie(Jar(), "layout", "1", purpose="comfort")


def test_an_event_of_the_server_is_sent_only_where_its_service_may_be_served() -> None:
    for body, allowed in (("", False), ("action=save&purpose=marketing", False), ("action=accept", True)):
        page, _, _ = page_of(body)
        event = page.event("google-analytics")
        assert bool(event) is allowed
        assert page.serves("google-analytics") is allowed
        if allowed:
            event.check()
            continue
        for attempt in (event.check, lambda event=event: event.payload({"client_id": "1"})):
            with pytest.raises(NotAllowed, match="has not allowed analytics for google-analytics") as caught:
                attempt()
            assert (caught.value.purposes, caught.value.service) == (("analytics",), "google-analytics")
    with pytest.raises(UnknownService, match="google-analytics"):
        page_of()[0].event("google-analitics")


def test_an_event_says_what_the_vendor_documents_and_no_caller_can_say_more() -> None:
    sent = page_of("action=save&purpose=analytics")[0].event("google-analytics")
    denied = {"ad_user_data": "DENIED", "ad_personalization": "DENIED"}
    assert sent.payload({"client_id": "1", "consent": {"ad_user_data": "GRANTED"}}) == {
        "client_id": "1",
        "consent": denied,
    }
    both = page_of("action=accept")[0].event("google-analytics")
    assert both.consent == {"consent": {"ad_user_data": "GRANTED", "ad_personalization": "GRANTED"}}
    assert page_of("action=accept")[0].event("youtube").payload({"id": 1}) == {"id": 1}


def test_a_plain_asgi_application_can_need_an_agreement() -> None:
    from consent.asgi import ConsentMiddleware
    from consent.asgi import requires as requires_asgi

    @requires_asgi("analytics")
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"THE STATS"})

    gated = ConsentMiddleware(app, sites()[0])
    refused = get(lambda request: call_asgi(gated, request), "/")
    assert (refused.status, refused.text) == (403, "This needs your consent.\n")
    assert "private" in refused.header("cache-control")
    cookie = chosen(lambda request: call_asgi(gated, request), "action=accept")
    assert get(lambda request: call_asgi(gated, request), "/", cookie).text == "THE STATS"


def test_django_s_classes_can_need_an_agreement_sync_and_async() -> None:
    _django_settings(SETTINGS, "unset")
    from asgiref.sync import async_to_sync
    from django.http import HttpResponse
    from django.test import RequestFactory
    from django.utils.decorators import method_decorator
    from django.views import View

    from consent.django import requires as requires_django

    @method_decorator(requires_django("analytics"), name="get")
    class Stats(View):
        def get(self, request: Any) -> HttpResponse:
            return HttpResponse("THE STATS")

    class Later(View):
        async def get(self, request: Any) -> HttpResponse:
            return HttpResponse("THE STATS")

    later = requires_django("analytics")(Later.as_view())
    for view in (Stats.as_view(), async_to_sync(later)):
        for page, status in ((page_of()[0], 403), (page_of("action=accept")[0], 200)):
            request: Any = RequestFactory().get("/")
            request.consent = page
            assert view(request).status_code == status


def test_a_view_that_came_through_no_gate_is_an_error_that_says_so() -> None:
    from consent.asgi import requires as requires_asgi
    from consent.django import requires as requires_django
    from consent.wsgi import requires as requires_wsgi

    class Request:
        scope: ClassVar[dict[str, Any]] = {"type": "http"}

    for made, given in ((requires_wsgi, {}), (requires_asgi, Request()), (requires_django, object())):
        with pytest.raises(ConsentError, match="came through"):
            made("analytics")(lambda *_: "THE STATS")(given, None)
    with pytest.raises(ConsentError, match="was not given a visitor"):
        requires("analytics")(lambda *_: "THE STATS")("an article")


def test_the_conversions_api_is_told_nothing_without_consent() -> None:
    declared = {**SETTINGS, "services": {**SETTINGS["services"], "meta-pixel": {}}}
    refused, agreed = page_of(settings=declared)[0], page_of("action=accept", settings=declared)[0]
    with pytest.raises(NotAllowed, match="has not allowed marketing for meta-pixel"):
        refused.event("meta-pixel").payload({"event_name": "Purchase"})
    assert agreed.event("meta-pixel").payload({"event_name": "Purchase"}) == {
        "event_name": "Purchase",
        "data_processing_options": [],
    }


def test_a_function_that_is_given_the_visitor_needs_no_framework() -> None:
    @requires("analytics")
    def count(visitor: Any, article: str) -> str:
        return f"counted {article}"

    @requires("analytics", "research", otherwise=None)
    def study(article: str, *, visitor: Any) -> str:
        return f"studied {article}"

    class Desk:
        @requires("analytics", otherwise=lambda *_: "not counted")
        def count(self, visitor: Any) -> str:
            return "counted"

    nobody, reader = page_of()[0], page_of("action=save&purpose=analytics")[0]
    assert count(reader, "a") == "counted a"
    assert count(reader.visitor, "b") == "counted b"
    with pytest.raises(NotAllowed, match="analytics"):
        count(nobody, "a")
    assert study("a", visitor=reader) is None
    assert study("a", visitor=page_of("action=accept")[0]) == "studied a"
    assert (Desk().count(nobody), Desk().count(reader)) == ("not counted", "counted")
    with pytest.raises(TypeError, match="names of purposes"):
        requires()
    with pytest.raises(TypeError, match="names of purposes"):
        requires(count)  # type: ignore[arg-type]


# Tasks


@pytest.fixture(scope="module")
def counting() -> Any:
    """A Celery application whose worker is this process."""
    import celery

    app = celery.Celery("site", broker="memory://", set_as_current=False)
    app.conf.update(task_always_eager=True, task_eager_propagates=True, task_serializer="json")
    return app


def test_a_celery_task_does_what_the_visitor_allowed_when_it_was_sent(counting: Any) -> None:
    sent: list[dict[str, Any]] = []

    @counting.task
    def convert(order: int, value: str) -> str:
        carried = site.carried(value)
        event = carried.event("google-analytics")
        if not event:
            return f"dropped: {carried.why or 'not allowed'}"
        sent.append(event.payload({"client_id": str(order)}))
        return "sent"

    reader, site, _ = page_of("action=save&purpose=analytics")
    assert convert.delay(1, reader.carry()).get() == "sent"
    assert [each["client_id"] for each in sent] == ["1"]
    assert sent[0]["consent"]["ad_user_data"] == "DENIED"
    assert convert.delay(2, page_of()[0].carry()).get() == "dropped: not allowed"
    assert convert.delay(3, "A" + reader.carry()).get() == "dropped: unreadable"
    assert len(sent) == 1


def test_a_task_can_be_a_function_that_needs_an_agreement() -> None:
    @requires("analytics", otherwise="dropped")
    def convert(visitor: Carried) -> str:
        return "sent"

    reader, site, _ = page_of("action=save&purpose=analytics")
    assert convert(site.carried(reader.carry())) == "sent"
    assert site.carried(reader.carry()).serves("google-analytics")
    assert not site.carried(reader.carry()).serves("youtube")
    assert convert(site.carried("")) == "dropped"


def test_a_decision_is_carried_for_a_time() -> None:
    reader, site, _ = page_of("action=accept")
    value, now = reader.carry(seconds=60), reader.visitor.now
    for at, why in (
        (now, ""),
        (now + 59, ""),
        (now + 60, "expired"),
        (now + 10**9, "expired"),
        (now - 3600, "expired"),
    ):
        carried = Carried.read(value, site.settings, now=at)
        assert carried.why == why
        assert carried.allows("analytics") is (why == "")
        assert carried.allows("necessary")
    for seconds in (0, -1, 7 * 86_400 + 1):
        with pytest.raises(ValueError, match="is carried for"):
            reader.carry(seconds=seconds)
    with pytest.raises(UnknownPurpose):
        Carried.read(value, site.settings, now=now).allows("comfort")


def test_a_carried_decision_ends_with_the_policy_under_which_it_was_made() -> None:
    reader, _, _ = page_of("action=accept")
    other = Site.open({**SETTINGS, "policy": "2"}, keys=[SECRET]).settings
    carried = Carried.read(reader.carry(), other, now=reader.visitor.now)
    assert (carried.why, carried.granted) == ("another policy", {"necessary"})


def test_a_carried_decision_holds_what_the_browser_s_signal_refused() -> None:
    signalled, site, _ = page_of("", **{"Sec-GPC": "1", "X-Region": "US-CA"})
    assert Carried.read(signalled.carry(), site.settings).granted == {"necessary"}
    assumed, site, _ = page_of("", **{"X-Region": "US-CA"})
    assert "analytics" in Carried.read(assumed.carry(), site.settings).granted
