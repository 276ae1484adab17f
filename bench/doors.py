"""What each door adds to a page: CPU time, beside its framework's bare application and django-cookie-consent, in one run.

    python bench/doors.py [--rounds N]         needs the packages of the group ``dev``

The page is that of ``bench/request.py``: 50 KB, about 60 tags, five of them for services that wait for consent. Frameworks
with templates render it from one. django-cookie-consent is set up as its documentation says: its groups and cookies in the
database and, by default, in the cache; its middleware; a filter around each place where the page has trackers; the bar's
template, and the script that shows it. What that script then asks its server for, on each page, is not counted in the page
but shown beside it.

Each case is called in turn with the others of its framework, so that a change of the machine's speed meets them all.
Figures are medians over rounds of many calls, of the CPU time of all of the process's threads.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import io
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from request import SECRET, SETTINGS, environ_of, page

HTML = page(50_000).decode()
BROWSER = {
    "Host": "www.example.org",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.8",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Sec-Fetch-Dest": "document",
}
#: What analytics left, once they were allowed.
LEFT = "_ga=GA1.1.1; _ga_0=GS1.1.1"
#: So many requests in one go, with these headers; the last answer's body.
Requests = Callable[[Mapping[str, str], int], bytes]


# Two protocols


def wsgi(app: Any, path: str = "/") -> Requests:
    def ask(headers: Mapping[str, str], calls: int) -> bytes:
        environ = environ_of(**{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()})
        environ["PATH_INFO"] = path
        body = b""
        for _ in range(calls):
            chunks = app(dict(environ), lambda *_started: print)  # some callable, as a server's ``write`` is
            body = b"".join(chunks)
            if hasattr(chunks, "close"):
                chunks.close()
        return body

    return ask


def asgi(app: Any) -> Requests:
    def ask(headers: Mapping[str, str], calls: int) -> bytes:
        return asyncio.run(_asked(app, _scope(headers), calls))

    return ask


def _scope(headers: Mapping[str, str], path: str = "/") -> dict[str, Any]:
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "client": ("192.0.2.1", 1),
        "server": ("www.example.org", 80),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip


async def _asked(app: Any, scope: dict[str, Any], calls: int) -> bytes:
    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    for _ in range(calls):
        sent.clear()
        incoming = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive(incoming: list[Any] = incoming) -> Any:
            return incoming.pop() if incoming else await asyncio.Event().wait()

        await app(dict(scope), receive, send)
    return b"".join(sent)


# The frameworks, bare and with a door


def plain_wsgi() -> dict[str, Requests]:
    from consent.wsgi import ConsentMiddleware

    body = HTML.encode()

    def app(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))])
        return [body]

    return {"bare": wsgi(app), "consent": wsgi(ConsentMiddleware(app, SETTINGS, secret_key=SECRET))}


def plain_asgi() -> dict[str, Requests]:
    from consent.asgi import ConsentMiddleware

    body = HTML.encode()
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", str(len(body)).encode())]

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return {"bare": asgi(app), "consent": asgi(ConsentMiddleware(app, SETTINGS, secret_key=SECRET))}


def flask() -> dict[str, Requests]:
    from flask import Flask, render_template
    from jinja2 import DictLoader

    from consent.flask import Consent

    def made(name: str) -> Requests:
        app = Flask(name)
        app.config |= {"SECRET_KEY": SECRET, "CONSENT": SETTINGS}
        app.jinja_loader = DictLoader({"page.html": HTML})
        app.add_url_rule("/", view_func=lambda: render_template("page.html"), endpoint="front")
        if name == "consent":
            Consent(app)
        return wsgi(app.wsgi_app)

    return {name: made(name) for name in ("bare", "consent")}


def starlette() -> dict[str, Requests]:
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse
    from starlette.routing import Route

    from consent.asgi import ConsentMiddleware

    async def front(_request: Any) -> HTMLResponse:
        return HTMLResponse(HTML)

    def made() -> Starlette:
        return Starlette(routes=[Route("/", front)])

    with_door = made()
    with_door.add_middleware(ConsentMiddleware, settings=SETTINGS, secret_key=SECRET)
    return {"bare": asgi(made()), "consent": asgi(with_door)}


OURS = "consent.django.ConsentMiddleware"
THEIRS, STATUS = "django-cookie-consent", "its script's own request"


def django_sync() -> dict[str, Requests]:
    from django.core.handlers.wsgi import WSGIHandler

    theirs = _handler(WSGIHandler, "cookie_consent.middleware.CleanCookiesMiddleware")
    return {
        "bare": wsgi(_handler(WSGIHandler)),
        "consent": wsgi(_handler(WSGIHandler, OURS)),
        THEIRS: wsgi(theirs, "/theirs"),
        STATUS: wsgi(theirs, "/cookies/status/"),
    }


def django_async() -> dict[str, Requests]:
    """From Django's request to its response: what its ASGI handler does in threads around it is ten times as much."""
    from django.core.handlers.asgi import ASGIHandler, ASGIRequest

    def made(*middleware: str) -> Requests:
        handler = _handler(ASGIHandler, *middleware)

        async def asked(headers: Mapping[str, str], calls: int) -> bytes:
            body = b""
            for _ in range(calls):
                request = ASGIRequest(_scope(headers, "/async"), io.BytesIO())
                response = await handler.get_response_async(request)
                body = response.content
            return body

        return lambda headers, calls: asyncio.run(asked(headers, calls))

    return {"bare": made(), "consent": made(OURS)}


def _handler(kind: Any, *middleware: str) -> Any:
    from django.test import override_settings

    with override_settings(MIDDLEWARE=[*middleware, *settings.MIDDLEWARE]):
        return kind()  # which loads its middleware


# Django's settings, and what django-cookie-consent is given


def _around(text: str, group: str, mark: str, lines: int) -> str:
    """The page with a filter around so many lines, from where the first begins so."""
    start = end = text.index(mark)
    for _ in range(lines):
        end = text.index("\n", end) + 1
    begin = f'{{% if request|cookie_group_accepted:"{group}" %}}'
    return f"{text[:start]}{begin}{text[start:end]}{{% endif %}}{text[end:]}"


BAR = """{% url "cookie_consent_cookie_group_list" as url_cookies %}
<template id="cookie-consent__cookie-bar"><div class="cookie-bar">May we use cookies for statistics and films?
<button type="button" class="cookie-consent__accept">Accept</button>
<button type="button" class="cookie-consent__decline">Decline</button><a href="{{ url_cookies }}">More</a></div></template>
{% all_cookie_groups "cookie-consent__cookie-groups" %}
{% static "cookie_consent/cookiebar.module.js" as cookiebar_src %}{% url "cookie_consent_status" as status_url %}
<script type="module">import {showCookieBar} from '{{ cookiebar_src }}';
showCookieBar({statusUrl: '{{ status_url|escapejs }}', templateSelector: '#cookie-consent__cookie-bar',
  cookieGroupsSelector: '#cookie-consent__cookie-groups'});</script>
</body>"""


def _their_page() -> str:
    text = _around(HTML, "analytics", "<script async", 2)
    text = _around(text, "marketing", "<iframe", 2)
    text = _around(text, "analytics", '<img src="https://www.google-analytics', 1)
    return "{% load static cookie_consent_tags %}" + text.replace("</body>", BAR)


def configure(folder: Path) -> None:
    settings.configure(
        SECRET_KEY=SECRET,
        ALLOWED_HOSTS=["www.example.org"],
        ROOT_URLCONF=__name__,
        STATIC_URL="/static/",
        INSTALLED_APPS=[
            *("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.staticfiles"),
            *("cookie_consent", "consent.django"),
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        CONSENT=SETTINGS,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "db.sqlite3"}},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {
                    "loaders": [
                        (
                            "django.template.loaders.cached.Loader",
                            [
                                (
                                    "django.template.loaders.locmem.Loader",
                                    {"page.html": HTML, "theirs.html": _their_page()},
                                )
                            ],
                        )
                    ],
                    "context_processors": ["django.template.context_processors.request"],
                },
            }
        ],
    )
    django.setup()


def _fill() -> None:
    from cookie_consent.models import Cookie, CookieGroup
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    for varname, names in {
        "analytics": ["_ga", "_gid", "_gat", "_ga_0"],
        "marketing": ["VISITOR_INFO1_LIVE", "YSC", "NID"],
        "required": ["sessionid", "csrftoken"],
    }.items():
        group = CookieGroup.objects.create(varname=varname, name=varname.title(), is_required=varname == "required")
        Cookie.objects.bulk_create(Cookie(cookiegroup=group, name=name) for name in names)


def _urls() -> list[Any]:
    from django.shortcuts import render
    from django.urls import include, path

    async def front_async(request: Any) -> Any:
        return render(request, "page.html")

    return [
        path("", lambda request: render(request, "page.html")),
        path("async", front_async),
        path("theirs", lambda request: render(request, "theirs.html")),
        path("cookies/", include("cookie_consent.urls")),
    ]


@cache
def visitors() -> Mapping[str, Mapping[str, str]]:
    """Two visitors, as both libraries know them."""
    from cookie_consent.models import CookieGroup

    from consent.policy.settings import read_settings
    from consent.visitor.cookie import DecisionCookie
    from consent.visitor.decision import Decision

    read = read_settings(SETTINGS, keys=[SECRET])
    decision = Decision(
        frozenset(read.policy.optional),
        read.policy.version,
        "opt-in",
        int(time.time()),
        record="0" * 32,
        leaf="ab" * 32,
    )
    groups = CookieGroup.objects.filter(is_required=False)
    theirs = "|".join(f"{group.varname}={group.get_version()}" for group in groups)
    decided = f'consent={DecisionCookie(read.keys).encode(decision)}; cookie_consent="{theirs}"; {LEFT}'
    return {"undecided": BROWSER, "decided": {**BROWSER, "Cookie": decided}}


# Measuring


def cost(requests: Requests, headers: Mapping[str, str], calls: int) -> float:
    """CPU microseconds per request."""
    started = time.process_time_ns()
    requests(headers, calls)
    return (time.process_time_ns() - started) / calls / 1000


def measure(cases: Mapping[str, Requests], visitor: str, *, rounds: int, calls: int) -> dict[str, float]:
    """The median of each case's rounds, its calls made in turn with the others'."""
    headers = visitors()[visitor]
    for name, requests in cases.items():
        body = requests(headers, 20)
        runs = b'<script async src="https://www.googletagmanager.com' in body
        if name != STATUS and runs != (name == "bare" or visitor == "decided"):
            sys.exit(f"{name} does not do for {visitor} visitors what is to be measured:\n{body[:2000].decode()}")
    gc.collect()
    figures = [{name: cost(requests, headers, calls) for name, requests in cases.items()} for _ in range(rounds)]
    return {name: statistics.median(figure[name] for figure in figures) for name in cases}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=200, help="requests a round")
    options = parser.parse_args()
    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        configure(Path(folder))
        _fill()
        sys.modules[__name__].urlpatterns = _urls()  # type: ignore[attr-defined]
        named = ", ".join(f"{name} {version(name)}" for name in ("Django", THEIRS, "Flask", "Starlette"))
        print(
            f"Python {sys.version.split()[0]}, {named}; {options.rounds} rounds of {options.calls}, medians, CPU time"
        )
        print(f"{'door':14}{'visitor':12}{'bare':>10}{'with consent':>15}{'added':>12}")
        beside: list[str] = []
        for door, make in DOORS.items():
            cases = make()
            for visitor in visitors():
                found = measure(cases, visitor, rounds=options.rounds, calls=options.calls)
                bare, ours = found["bare"], found["consent"]
                print(f"{door:14}{visitor:12}{bare:7.0f} µs{ours:12.0f} µs{ours - bare:9.0f} µs")
                if THEIRS in found:
                    theirs = found[THEIRS] - bare
                    beside.append(
                        f"{THEIRS:26}{visitor:12}{found[THEIRS]:9.0f} µs{theirs:9.0f} µs{(ours - bare) / theirs:9.0%}"
                        f"{found[STATUS]:12.0f} µs"
                    )
        print(f"\n{'the same in Django, sync':38}{'with it':>12}{'added':>12}{'consent':>9}{STATUS:>27}")
        print(*beside, sep="\n")


DOORS: dict[str, Callable[[], dict[str, Requests]]] = {
    "WSGI": plain_wsgi,
    "ASGI": plain_asgi,
    "Flask": flask,
    "Starlette": starlette,
    "Django, sync": django_sync,
    "Django, async": django_async,
}

if __name__ == "__main__":
    main()
