"""In a browser: the page's own language is the banner's and the settings', and every language fits on a small screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from servers import Place
from visitors import Visitor

from consent.banner.text import LANGUAGES

pytestmark = pytest.mark.browser

Serve = Callable[..., Place]
Visit = Callable[..., Visitor]
_SERVICES = ["google-analytics", "youtube", "hotjar"]


def _page(language: str) -> str:
    return (
        f"<!doctype html><html lang={language}><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width"><link rel=icon href="data:,"><title>Page</title></head>'
        "<body><h1>Page</h1></body></html>"
    )


@pytest.mark.parametrize("cache", ["private", "shared"])
def test_a_visitor_with_another_language_is_asked_in_the_pages(serve: Serve, visit: Visit, cache: str) -> None:
    visitor = visit(serve({"/": _page("fr-CA")}, services=_SERVICES, cache=cache), locale="de-DE")
    visitor.go()
    expect(visitor.card).to_have_attribute("lang", "fr")
    visitor.card.get_by_role("link", name="Paramètres", exact=True).click()
    expect(visitor.dialog.get_by_role("heading", name="Paramètres des cookies")).to_be_visible()
    expect(visitor.dialog).to_have_attribute("lang", "fr")
    visitor.press("Tout refuser", visitor.dialog)
    expect(visitor.page.get_by_role("status")).to_have_text("Votre choix est enregistré.")
    assert visitor.complaints == []


def test_without_a_script_the_settings_are_in_the_language_of_the_page_that_leads_there(
    serve: Serve, visit: Visit
) -> None:
    visitor = visit(serve({"/": _page("zh-HK")}, services=_SERVICES), locale="de-DE", script=False)
    visitor.go()
    expect(visitor.card).to_have_attribute("lang", "zh-Hant")
    visitor.card.locator("a[data-consent-open]").click()
    expect(visitor.page.locator("html")).to_have_attribute("lang", "zh-Hant")


def test_every_language_fits_on_the_smallest_screen(serve: Serve, visit: Visit) -> None:
    place = serve({f"/{language}": _page(language) for language in LANGUAGES}, services=_SERVICES)
    visitor = visit(place, viewport={"width": 320, "height": 568})
    wide = "[...document.querySelectorAll('button, h1, h2, a')].filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth).map((e) => e.textContent)"
    for language in LANGUAGES:
        visitor.go(f"/{language}")
        expect(visitor.card).to_have_attribute("lang", language)
        height = visitor.card.bounding_box()["height"]  # type: ignore[index]
        assert height <= 568, f"{language}: {height}"
        for path in ("", f"/_consent/settings?lang={language}"):
            if path:
                visitor.go(path)
            assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 320, language + path
            assert visitor.page.evaluate(wide) == [], language + path
