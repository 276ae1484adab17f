"""What the site's operator is told: once per service and page, what was held and why."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from doors import DOORS, SETTINGS, Door, Request, Served

PAGE = """<!doctype html><title>News</title><body>
<script src="https://www.google-analytics.com/analytics.js"></script><script src="https://www.google-analytics.com/ga.js"></script>
<script src="https://static.hotjar.com/c/hotjar-1.js"></script><script src="https://static.hotjar.com/c/hotjar-2.js"></script>
<img src="https://new.example:8443/a.gif"><p data-purpose="research">R</p><p data-purpose="reserch">R</p>"""
LEADING = {
    f"/{host}": Served(b"", 302, headers=(("Location", f"//{host}/x"), ("Content-Type", "text/plain")))
    for host in ("www.google-analytics.com", "static.hotjar.com")
}
SITE = {"/": Served(PAGE.encode()), "/other": Served(PAGE.encode()), **LEADING}

#: Said at once, and only for those who want to know more.
WARNED = [
    "held on {}: <script> of hotjar, which the settings do not declare; add 'hotjar' to services, or set undeclared = \"allow\"",
    "held on {}: <p> asks for an unknown purpose: reserch",
]
STRICT = "held on {}: <img> of new.example:8443, which the settings do not declare; if it is needed, declare a service with 'new.example:8443' among its hosts"
WAITING = [
    "held on {} until analytics is allowed: <script> of google-analytics",
    "held on {} until research is allowed: <p>",
]


@pytest.fixture(params=["wsgi", "django"])
def build(request: pytest.FixtureRequest) -> Callable[..., Door]:
    return lambda **changes: DOORS[request.param](SITE, {**SETTINGS, **changes})


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return sorted(record.getMessage() for record in caplog.records if record.name == "consent")


@pytest.mark.parametrize(("level", "more"), [(logging.WARNING, []), (logging.INFO, WAITING)])
@pytest.mark.parametrize("strict", [False, True])
def test_it_is_told_once_per_service_and_page(
    build: Callable[..., Door], caplog: pytest.LogCaptureFixture, level: int, more: list[str], strict: bool
) -> None:
    caplog.set_level(level, "consent")
    door = build(strict=strict)
    for path in ("/", "/", "/other", "/"):
        door.ask(Request(path))
    lines = [*WARNED, *more, *([STRICT] if strict else [])]
    assert said(caplog) == sorted(line.format(path) for path in ("/", "/other") for line in lines)


def test_what_nobody_can_declare_is_told_with_what_to_do_about_it(caplog: pytest.LogCaptureFixture) -> None:
    rules = b'<script type=speculationrules>{"prefetch":[{"source":"document"}]}</script>'
    DOORS["wsgi"]({"/": Served(rules)}, SETTINGS).ask(Request("/"))
    assert said(caplog) == [
        (
            "held on /: <script> of any-link, which the settings do not declare; let its rules choose among your own "
            'pages alone: "href_matches": "/*"'
        )
    ]


def test_a_redirect_that_is_refused_is_told(build: Callable[..., Door], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "consent")
    door = build()
    for path in LEADING:
        door.ask(Request(path, headers={"Sec-Fetch-Dest": "image"}))
    lines = [WARNED[0].format("/static.hotjar.com"), WAITING[0].format("/www.google-analytics.com")]
    assert said(caplog) == [line.replace("<script>", "<redirect>") for line in lines]


def test_visitors_cannot_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    site: dict[str, Any] = {f"/{number}": SITE["/"] for number in range(50)}
    door = DOORS["wsgi"](site, SETTINGS)
    for path in site:
        door.ask(Request(path))
    assert len(said(caplog)) == 20 * len(WARNED)
