"""A site's own Content Security Policy, as Django 6 or django-csp writes it: the banner and the walls get its nonce."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import django
import pytest
from djangos import CONSENT, TRACKER, Answer, Ask, get, serve, template

DJANGO, DJANGO_CSP = "django.middleware.csp.ContentSecurityPolicyMiddleware", "csp.middleware.CSPMiddleware"
NONCE = "<nonce>"
PAGE = f"<!doctype html><html><head><title>News</title></head><body>{TRACKER}<p>News</p></body></html>"
#: Policies, the placeholder where the middleware puts its nonce.
ONLY_NONCES = {"default-src": ["'none'"], "script-src": [NONCE, "'strict-dynamic'"], "style-src": [NONCE]}
OWN_FILES = {"default-src": ["'self'"], "script-src": ["'self'", NONCE], "style-src": ["'self'", NONCE]}
OLD_BROWSERS = {"default-src": ["'self'", "'unsafe-inline'"], "style-src": ["'self'", "'unsafe-inline'", NONCE]}


# The tests run on the newest Django as well: see test_django_versions.py.
@pytest.fixture(params=[DJANGO_CSP, *([DJANGO] if django.VERSION >= (6,) else [])])
def middleware(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def settings_of(middleware: str, policy: Mapping[str, list[str]]) -> dict[str, Any]:
    """The settings in which a middleware finds a policy; django-csp's of before and after version 4."""
    if middleware == DJANGO:
        from django.utils.csp import CSP

        return {"SECURE_CSP": _with(policy, CSP.NONCE)}
    if version("django-csp") >= "4":
        from csp.constants import NONCE as SENTINEL

        return {"CONTENT_SECURITY_POLICY": {"DIRECTIVES": _with(policy, SENTINEL)}}
    own = {name: [source for source in sources if source != NONCE] for name, sources in policy.items()}
    wanting = [name for name, sources in policy.items() if NONCE in sources]
    return {
        **{f"CSP_{name.upper().replace('-', '_')}": sources for name, sources in own.items()},
        "CSP_INCLUDE_NONCE_IN": wanting,
    }


def _with(policy: Mapping[str, list[str]], sentinel: str) -> dict[str, list[str]]:
    return {name: [sentinel if source == NONCE else source for source in sources] for name, sources in policy.items()}


def site(middleware: str, policy: Mapping[str, list[str]], page: str = PAGE, **more: Any) -> Ask:
    from django.http import HttpResponse

    return serve(
        lambda request: HttpResponse(template(page, request)),
        middleware=(CONSENT, middleware),
        **settings_of(middleware, policy),
        **more,
    )


def nonces(answer: Answer) -> set[str]:
    """Those that the answer's policies name."""
    return set(re.findall(r"'nonce-([^']+)'", " ".join(answer.all("content-security-policy"))))


def marked(answer: Answer, element: str) -> list[str]:
    """The nonces on elements of a name, those aside that are held or are no scripts."""
    tags = [tag for tag in re.findall(rf"<{element}(?=[ >])[^>]*>", answer.text) if not _IDLE.search(tag)]
    return ["".join(re.findall(r'nonce="([^"]+)"', tag)) for tag in tags]


_IDLE = re.compile(r'type="?(?:text/plain|application/json)\b')


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_banner_that_needs_a_nonce_has_the_one_of_the_pages_policy(middleware: str, is_async: bool) -> None:
    ask = site(middleware, ONLY_NONCES, is_async=is_async)
    first, second = get(ask), get(ask)
    for answer in (first, second):
        (nonce,) = nonces(answer)
        assert set(marked(answer, "style")) == {nonce}
        assert marked(answer, "script")
        assert set(marked(answer, "script")) == {nonce}
    assert nonces(first) != nonces(second)


def test_a_page_that_needs_no_nonce_is_given_none(middleware: str) -> None:
    for policy in (OWN_FILES, OLD_BROWSERS):
        answer = get(site(middleware, policy))
        assert nonces(answer) == set()
        assert "<style" not in answer.text or "'unsafe-inline'" in answer.header("content-security-policy")
        assert 'value="accept"' in answer.text


def test_a_nonce_that_the_page_asks_for_is_the_banners_too(middleware: str) -> None:
    from django.http import HttpResponse

    def view(request: Any) -> Any:
        nonce = request._csp_nonce if middleware == DJANGO else request.csp_nonce
        return HttpResponse(PAGE.replace("</head>", f'<script nonce="{nonce}">1</script></head>'))

    answer = get(serve(view, middleware=(CONSENT, middleware), **settings_of(middleware, OWN_FILES)))
    (nonce,) = nonces(answer)
    assert set(marked(answer, "style")) == {nonce}
    assert set(marked(answer, "script")) == {nonce}


def test_a_banner_placed_by_hand_has_the_nonce(middleware: str) -> None:
    placed = "{% load consent %}" + PAGE.replace("<p>News", "{% consent_banner %}{% consent_declaration %}<p>News")
    answer = get(site(middleware, ONLY_NONCES, placed))
    (nonce,) = nonces(answer)
    assert marked(answer, 'link rel="stylesheet"') == [nonce, nonce]


def test_a_banner_placed_by_hand_takes_the_nonce_that_it_is_given(middleware: str) -> None:
    processors = ["request", *(["csp"] if middleware == DJANGO else [])]
    engine = {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": [f"django.template.context_processors.{name}" for name in processors]},
    }
    nonce_of = "csp_nonce" if middleware == DJANGO else "request.csp_nonce"
    placed = "{% load consent %}" + PAGE.replace("<p>News", f"{{% consent_banner nonce={nonce_of} %}}<p>News")
    answer = get(site(middleware, OWN_FILES, placed, TEMPLATES=[engine]))
    (nonce,) = nonces(answer)
    assert marked(answer, 'link rel="stylesheet"') == [nonce]


def test_the_guard_has_the_nonce(middleware: str) -> None:
    answer = get(site(middleware, ONLY_NONCES, consent={"wall": "guard"}))
    (nonce,) = nonces(answer)
    assert set(marked(answer, "script")) == {nonce}
    assert "www.google-analytics.com" in answer.text.partition("</head>")[0], "the guard knows whom it refuses"


def test_the_wall_stands_beside_the_sites_policy(middleware: str) -> None:
    wide = {"default-src": ["'self'", "https:"], "script-src": ["https:", NONCE]}
    answer = get(site(middleware, wide, consent={"wall": "csp"}))
    policies = " ".join(answer.all("content-security-policy"))
    assert "default-src 'self' https:" in policies, "the site's own, as it was"
    assert policies.count("default-src") == 2
    assert 'value="accept"' in answer.text
