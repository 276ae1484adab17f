"""At home in Django: one site per process, its language, its cookies, its signal, both template engines."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from djangos import CONSENT, LOCALE, TRACKER, Ask, decide, get, serve, template
from doors import SECRET, SETTINGS, Request, call_asgi, call_wsgi

JINJA = {
    "BACKEND": "django.template.backends.jinja2.Jinja2",
    "NAME": "jinja",
    "OPTIONS": {"environment": "consent.django.jinja2.environment"},
}


def plain(request: Any) -> Any:
    from django.http import HttpResponse

    return HttpResponse(f"<!doctype html><body>{TRACKER}<p>News</p></body>")


def saying(text: str, engine: str = "django") -> Any:
    """A view of one template."""

    def view(request: Any) -> Any:
        from django.http import HttpResponse

        return HttpResponse(template(text, request, engine))

    return view


# One site


def test_a_process_has_one_site_however_often_its_middleware_is_loaded() -> None:
    from django.apps import apps
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler
    from doors import _middleware_of

    serve(plain)
    sites = {id(_middleware_of(handler()).site) for handler in (WSGIHandler, ASGIHandler, WSGIHandler)}
    app: Any = apps.get_app_config("consent")
    assert sites == {id(app.site)}


def test_settings_that_a_test_overrides_make_another_site() -> None:
    from django.test.utils import override_settings

    serve(plain, consent={"services": ["youtube"]})
    assert TRACKER not in get(serve(plain, consent={"services": ["youtube"]})).text
    with override_settings(CONSENT={"undeclared": "allow", "log": "sqlite://"}):
        from django.core.handlers.wsgi import WSGIHandler

        assert TRACKER in call_wsgi(WSGIHandler(), Request()).text


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_pages_ask_no_database(is_async: bool) -> None:
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.db import connection

    ask = serve(saying("{% load consent %}<body>{% consent_banner %}{% consent_declaration %}"), is_async=is_async)
    assert settings.DATABASES.keys() <= {"default"}
    with pytest.raises(ImproperlyConfigured, match="DATABASES"):
        connection.cursor()  # so would a page that asks
    assert get(ask).status == get(ask, Cookie=decide(ask)).status == 200


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_site_behind_two_gates_says_so_at_its_first_page(is_async: bool, caplog: pytest.LogCaptureFixture) -> None:
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler

    from consent.asgi import ConsentMiddleware as Asgi
    from consent.wsgi import ConsentMiddleware as Wsgi

    serve(plain, is_async=is_async)
    if is_async:
        answer = call_asgi(Asgi(ASGIHandler(), SETTINGS, secret_key=SECRET), Request())
    else:
        answer = call_wsgi(Wsgi(WSGIHandler(), SETTINGS, secret_key=SECRET), Request())
    assert answer.status == 500
    assert "this site is behind two gates" in caplog.text


# Cookies


def test_djangos_own_cookies_leave_whoever_has_a_pattern_that_they_match() -> None:
    from django.http import HttpResponse

    names = ("our_session", "our_token", "our_language")

    def view(request: Any) -> Any:
        response = HttpResponse("<body>")
        for name in (*names, "our_ad"):
            response.set_cookie(name, "1")
        return response

    greedy = {"services": {"ads": {"purposes": ["marketing"], "cookies": ["our_*"]}}}
    ask = serve(
        view,
        consent=greedy,
        SESSION_COOKIE_NAME=names[0],
        CSRF_COOKIE_NAME=names[1],
        LANGUAGE_COOKIE_NAME=names[2],
    )
    assert [value.partition("=")[0] for value in get(ask).all("set-cookie")] == [*names]
    had = "; ".join(f"{name}=1" for name in (*names, "our_ad"))
    ended = get(ask, Cookie=f"{decide(ask, 'refuse')}; {had}").all("set-cookie")
    assert {value.partition("=")[0] for value in ended if "Max-Age=0" in value} == {"our_ad"}


def test_the_messages_cookie_is_djangos_where_messages_are_installed() -> None:
    from django.test.utils import override_settings

    from consent.django.apps import own_cookies

    serve(plain)
    assert "messages" not in set(own_cookies())
    with override_settings(INSTALLED_APPS=["consent.django", "django.contrib.messages"]):
        assert "messages" in set(own_cookies())


# Language


def _language(page: str) -> str:
    """Which the banner speaks."""
    (spoken,) = {"en", "fr", "de"} & set(re.findall(r'<(?:section id="yc"|html)[^>]* lang="(\w+)"', page))
    return spoken


LANGUAGES = [("en", "English"), ("fr", "French"), ("de", "German")]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_the_banner_speaks_what_the_page_does(is_async: bool) -> None:
    ask = serve(plain, middleware=[CONSENT, LOCALE], is_async=is_async, LANGUAGES=LANGUAGES)
    for accepted, language in (("de", "de"), ("fr-CA", "fr"), ("tlh", "en")):
        answer = get(ask, Accept_Language=accepted)
        assert _language(answer.text) == language
        assert answer.header("content-language").startswith(language)
        assert _language(get(ask, "/_consent/settings", Accept_Language=accepted).text) == language
    assert _language(get(ask, Accept_Language="de", Cookie="django_language=fr").text) == "fr"
    assert _language(get(ask, "/_consent/settings", Accept_Language="de", Cookie="django_language=fr").text) == "fr"


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_language_that_a_view_activates_is_the_banners(is_async: bool) -> None:
    from django.utils import translation

    def view(request: Any) -> Any:
        translation.activate("fr")
        return plain(request)

    ask = serve(view, middleware=[CONSENT, LOCALE], is_async=is_async, LANGUAGES=LANGUAGES)
    try:
        assert _language(get(ask, Accept_Language="de").text) == "fr"
        assert _language(get(ask, "/_consent/settings", Accept_Language="de").text) == "de", "no view has spoken"
    finally:
        translation.deactivate()


@pytest.mark.parametrize("prefixed", [True, False])
def test_our_own_pages_speak_what_the_page_does_that_they_lead_back_to(prefixed: bool) -> None:
    from types import ModuleType

    from django.conf.urls.i18n import i18n_patterns
    from django.urls import path

    urls: Any = ModuleType("urls")
    urls.urlpatterns = i18n_patterns(path("page", plain), prefix_default_language=prefixed)
    ask = serve(plain, middleware=[CONSENT, LOCALE], LANGUAGES=LANGUAGES, ROOT_URLCONF=urls)
    for language, page in (("fr", "/fr/page"), ("en", "/en/page" if prefixed else "/page")):
        answer = get(ask, page, Accept_Language="de")
        assert _language(answer.text) == language
        assert f"/_consent/settings?next={page}" in answer.text
        assert _language(get(ask, f"/_consent/settings?next={page}", Accept_Language="de").text) == language
    without = _language(get(ask, "/_consent/settings", Accept_Language="de").text)
    assert without == ("de" if prefixed else "en")


def test_a_site_of_one_language_has_its_banner_in_it() -> None:
    assert _language(get(serve(plain, LANGUAGE_CODE="fr"), Accept_Language="de").text) == "fr"


def test_where_nobody_has_said_the_sites_language_the_visitors_is_the_banners() -> None:
    assert _language(get(serve(plain), Accept_Language="de").text) == "de"
    assert _language(get(serve(plain, USE_I18N=False, LANGUAGE_CODE="fr"), Accept_Language="de").text) == "de"


# The signal


@contextmanager
def listening(*receivers: Any) -> Iterator[list[dict[str, Any]]]:
    """What the signal says meanwhile; ``receivers`` listen first."""
    from consent.django.signals import decision_recorded

    heard: list[dict[str, Any]] = []

    def hear(sender: Any, signal: Any, **said: Any) -> None:
        heard.append({"sender": sender, **said})

    every = (*receivers, hear)
    for receiver in every:
        decision_recorded.connect(receiver, weak=False)
    try:
        yield heard
    finally:
        for receiver in every:
            decision_recorded.disconnect(receiver)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_decision_is_told_when_it_is_recorded(is_async: bool) -> None:
    from consent.log.record import Record

    ask = serve(plain, is_async=is_async)
    with listening() as heard:
        get(ask)
        assert heard == []
        decide(ask)
        decide(ask, "refuse")
    accepted, refused = heard
    record = accepted["record"]
    assert isinstance(record, Record)
    assert (accepted["sender"], accepted["record_id"], accepted["kind"]) == (Record, record.id, "accept_all")
    assert accepted["language"] == "en"
    assert accepted["choices"] == {"analytics": True, "marketing": True, "research": True}
    assert (refused["kind"], set(refused["choices"].values())) == ("refuse_all", {False})


def test_a_receiver_that_fails_takes_nothing_from_the_visitor_nor_from_others(caplog: pytest.LogCaptureFixture) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("the newsletter is down")

    ask = serve(plain)
    with listening(broken) as heard, caplog.at_level(logging.ERROR):
        assert TRACKER in get(ask, Cookie=decide(ask)).text
    assert len(heard) == 1
    assert "the newsletter is down" in caplog.text


def test_what_the_log_did_not_keep_is_not_told() -> None:
    from django.apps import apps

    from consent.testing import ListStore

    ask = serve(plain)
    app: Any = apps.get_app_config("consent")
    app.site.store = ListStore(available=False)
    with listening() as heard:
        ask(Request("/_consent/decision", "POST", {"Sec-Fetch-Site": "same-origin"}, b"action=refuse"))
    assert heard == []


# Templates


PAGES = {
    "django": '{% load consent %}<body>{% consent_banner %}{% consent_declaration %}{% consent_settings_link "Cookies" %}'
    '{% if request.consent|allows:"analytics" %}counted{% endif %}',
    "jinja": '<body>{{ consent_banner() }}{{ consent_declaration() }}{{ consent_settings_link("Cookies") }}'
    '{% if request.consent|allows("analytics") %}counted{% endif %}',
}


def _both(text: str, engine: str, **settings: Any) -> Ask:
    context = {"context_processors": ["django.template.context_processors.request"]}
    django = {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": context}
    return serve(saying(text, engine), TEMPLATES=[django, JINJA], **settings)


def test_both_template_engines_place_the_same() -> None:
    pages = {}
    for engine, text in PAGES.items():
        ask = _both(text, engine)
        asked = get(ask).text
        assert asked.count('id="yc"') == 1
        assert "_ga" in asked
        assert ">Cookies</a>" in asked
        agreed = get(ask, Cookie=decide(ask)).text
        assert ("counted" in asked, "counted" in agreed) == (False, True)
        assert 'id="yc"' not in agreed
        pages[engine] = (asked, agreed)
    assert pages["django"] == pages["jinja"]


def test_jinja2_has_what_djangos_documentation_gives_it(caplog: pytest.LogCaptureFixture) -> None:
    page = get(_both("<body>{{ static('a.css') }} {{ '<b>' }}", "jinja", STATIC_URL="/static/")).text
    assert "/static/a.css &lt;b&gt;" in page
    assert get(_both("{{ url('nowhere') }}", "jinja")).status == 500
    assert "NoReverseMatch" in caplog.text


@pytest.mark.parametrize("engine", PAGES)
def test_a_misspelt_purpose_is_an_error_and_so_is_a_request_that_came_another_way(
    engine: str, caplog: pytest.LogCaptureFixture
) -> None:
    from django.test import RequestFactory

    from consent.errors import ConsentError

    assert get(_both(PAGES[engine].replace("analytics", "analytic"), engine)).status == 500
    assert "did you mean 'analytics'?" in caplog.text
    for request in (RequestFactory().get("/"), None):
        with pytest.raises(ConsentError, match="MIDDLEWARE"):
            template(PAGES[engine], request, engine)


def test_what_views_ask_is_what_they_may_annotate() -> None:
    from django.http import HttpResponse

    from consent.django import ConsentRequest

    def view(request: ConsentRequest) -> HttpResponse:
        page = request.consent
        return HttpResponse(
            f"{page.status} {page.allows('analytics')} {sorted(page.granted)}", content_type="text/plain"
        )

    assert get(serve(view)).text == "undecided False ['necessary']"
