"""Django's caches around the gate and behind it: no visitor gets a page that was another's."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from djangos import CONSENT, FETCH, TRACKER, UPDATE, Ask, decide, get, serve, template

ORDERS = {
    "cache behind": (CONSENT, UPDATE, FETCH),
    "cache in front": (UPDATE, FETCH, CONSENT),
    "cache on either side": (UPDATE, CONSENT, FETCH),
}
ASKING = (
    "{% load consent %}<!doctype html><body>" + TRACKER + "<p>"
    '{% if request.consent|allows:"analytics" %}counted{% else %}not counted{% endif %}</p></body>'
)
PLAIN = f"<!doctype html><body>{TRACKER}<p>News</p></body>"
_places = itertools.count()


def cached(view: Any, order: tuple[str, ...] = (CONSENT,), **settings: Any) -> Ask:
    memory = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": f"test {next(_places)}"}
    return serve(view, middleware=order, CACHES={"default": memory}, CACHE_MIDDLEWARE_SECONDS=600, **settings)


class Asking:
    """A view whose template asks for the visitor."""

    made = 0

    def __call__(self, request: Any) -> Any:
        from django.http import HttpResponse

        self.made += 1
        return HttpResponse(template(ASKING, request))


def plain(request: Any) -> Any:
    from django.http import HttpResponse

    return HttpResponse(PLAIN)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("first", ["accept", "refuse", ""])
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_each_visitor_gets_their_own_page_whoever_came_first(
    order: tuple[str, ...], first: str, is_async: bool
) -> None:
    ask = cached(Asking(), order, is_async=is_async)
    visitors = {"accept": decide(ask), "refuse": decide(ask, "refuse"), "": "other=1"}
    for action in (first, *visitors, *visitors):
        page = get(ask, Cookie=visitors[action]).text
        agreed = action == "accept"
        assert ("<p>counted" in page, TRACKER in page) == (agreed, agreed)
        assert ('value="accept"' in page) == (action == "")


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_a_visitors_state_and_settings_are_kept_for_nobody(order: tuple[str, ...]) -> None:
    ask = cached(plain, order)
    accepted = decide(ask)
    for path in ("/_consent/state", "/_consent/settings"):
        for _ in range(2):
            agreed, undecided = get(ask, path, Cookie=accepted).text, get(ask, path).text
            assert agreed != undecided


def test_a_page_that_asks_nothing_is_made_once_and_gated_for_each() -> None:
    made: list[Any] = []

    def view(request: Any) -> Any:
        made.append(request)
        return plain(request)

    ask = cached(view, ORDERS["cache behind"])
    accepted = decide(ask)
    pages = [get(ask, Cookie=cookie).text for cookie in (accepted, "", accepted)]
    assert len(made) == 1
    assert [TRACKER in page for page in pages] == [True, False, True]


@pytest.mark.parametrize("rendered", ["at once", "later"])
def test_a_cached_view_that_asks_for_the_visitor_is_made_for_each(rendered: str) -> None:
    from django.http import HttpResponse
    from django.template import engines
    from django.template.response import TemplateResponse
    from django.views.decorators.cache import cache_page

    @cache_page(600)
    def view(request: Any) -> Any:
        if rendered == "at once":
            return HttpResponse(template(ASKING, request))
        return TemplateResponse(request, engines["django"].from_string(ASKING))

    ask = cached(view)
    accepted = decide(ask)
    for cookie, agreed in ((accepted, True), ("", False), (accepted, True)):
        page = get(ask, Cookie=cookie)
        assert ("<p>counted" in page.text, TRACKER in page.text) == (agreed, agreed)
        assert page.header("cache-control").startswith("private")


def test_what_middleware_asked_before_the_view_does_not_open_the_cache_again() -> None:
    from django.views.decorators.cache import cache_page

    ask = cached(cache_page(600)(Asking()), (CONSENT, f"{__name__}.early"))
    for cookie, agreed in ((decide(ask), True), ("", False)):
        assert ("<p>counted" in get(ask, Cookie=cookie).text) == agreed


def early(get_response: Any) -> Any:
    def middleware(request: Any) -> Any:
        request.counted = request.consent.allows("analytics")
        return get_response(request)

    return middleware


def test_a_cookie_that_one_visitor_agreed_to_is_in_no_cached_answer() -> None:
    from django.http import JsonResponse

    def view(request: Any) -> Any:
        response = JsonResponse({})
        response.set_cookie("_ga", "GA1.1")
        return response

    ask = cached(view, ORDERS["cache in front"])
    assert get(ask, Cookie=decide(ask)).all("set-cookie") != []
    assert get(ask, Cookie=decide(ask, "refuse")).all("set-cookie") == []


@pytest.mark.parametrize("order", ["cache behind", "cache in front"])
def test_shared_pages_are_made_once_and_are_the_same_for_everybody(order: str) -> None:
    asking = Asking()
    ask = cached(asking, ORDERS[order], consent={"cache": "shared"})
    pages = {get(ask, Cookie=cookie).text for cookie in (decide(ask), decide(ask, "refuse"), "")}
    assert len(pages) == 1
    assert asking.made == 1
    page = pages.pop()
    assert page.count('id="yc"') == 1
    assert TRACKER not in page
    assert "not counted" in page
