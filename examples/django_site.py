"""A bakery's website in Django, whole in one file.

    python examples/django_site.py                      http://127.0.0.1:8000; PORT=8080 for another port
    gunicorn --chdir examples --workers 2 django_site:application
    uvicorn --app-dir examples django_site:asgi

The templates hold Google's and YouTube's tags as their vendors give them. Nothing of them leaves the server in a form
that runs before the visitor agreed.
"""

import os
import sys

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

PAGES: dict[str, str] = {}  # files in templates/, in a site that is not one file; see below

settings.configure(
    SECRET_KEY=os.environ.get("SECRET_KEY", "only-for-trying-it-on:-yours-is-random"),
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF=__name__,
    WSGI_APPLICATION=f"{__name__}.application",
    INSTALLED_APPS=["consent.django"],
    MIDDLEWARE=["consent.django.ConsentMiddleware", "django.middleware.common.CommonMiddleware"],
    CONSENT={
        "services": {
            "google-analytics": {},
            "youtube": {},
            "last-loaf": {  # the bakery's own
                "title": "Your last loaf",
                "provider": "The Rye Corner",
                "purposes": ["preferences"],
                "cookies": [{"name": "last_loaf", "days": 30}],
            },
        },
        "privacy_url": "/privacy",
    },
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [("django.template.loaders.locmem.Loader", PAGES)],
                "context_processors": ["django.template.context_processors.request"],
            },
        }
    ],
)

LOAVES = {
    "rye": "Dark rye, three days in the making.",
    "spelt": "Spelt with walnuts, on Thursdays.",
    "milk": "Milk bread for Sundays.",
}


def front(request: HttpRequest) -> HttpResponse:
    return render(request, "front.html", {"loaves": LOAVES, "last": request.COOKIES.get("last_loaf")})


def loaf(request: HttpRequest, name: str) -> HttpResponse:
    if name not in LOAVES:
        raise Http404("We do not bake that.")
    response = render(request, "loaf.html", {"name": name, "text": LOAVES[name]})
    if request.consent.allows("preferences"):  # type: ignore[attr-defined]
        response.set_cookie("last_loaf", name, max_age=30 * 86_400, samesite="Lax")
    return response


def film(request: HttpRequest) -> HttpResponse:
    return render(request, "film.html")


def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "privacy.html")


@csrf_exempt
@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """How far down a page somebody read, in pixels."""
    print("read to", request.body[:10].decode("ascii", "replace"))
    return HttpResponse(status=204)


urlpatterns = [
    path("", front),
    path("loaf/<name>", loaf),
    path("film", film),
    path("privacy", privacy),
    path("read", read),
]

PAGES |= {
    "page.html": """{% load consent %}<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{% block title %}{% endblock %} · The Rye Corner</title>
  <link rel="icon" href="data:,">
  <style>body { max-width: 40rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.6 Georgia, serif; }</style>
  <script async src="https://www.googletagmanager.com/gtag/js?id=G-RYE1962"></script>
  <script>
    window.dataLayer = window.dataLayer || [];
    function gtag() { dataLayer.push(arguments); }
    gtag("js", new Date());
    gtag("config", "G-RYE1962");
  </script>
</head>
<body>
  <nav><a href="/">Loaves</a> · <a href="/film">The oven</a></nav>
  <main>{% block main %}{% endblock %}</main>
  <footer>
    <p><a href="/privacy">Privacy</a> · {% consent_settings_link %}</p>
    {% if request.consent|allows:"analytics" %}<p>Thank you for being counted.</p>{% endif %}
  </footer>
  <script data-purpose="analytics">
    addEventListener("pagehide", () => navigator.sendBeacon("/read", scrollY));
  </script>
</body>
</html>""",
    "front.html": """{% extends "page.html" %}
{% block title %}Loaves{% endblock %}
{% block main %}
  <h1>Bread, from seven</h1>
  {% if last %}<p>Last time you looked at our <a href="/loaf/{{ last }}">{{ last }}</a>.</p>{% endif %}
  <ul>{% for name, text in loaves.items %}<li><a href="/loaf/{{ name }}">{{ text }}</a></li>{% endfor %}</ul>
{% endblock %}""",
    "loaf.html": """{% extends "page.html" %}
{% block title %}{{ name|capfirst }}{% endblock %}
{% block main %}<h1>{{ name|capfirst }}</h1><p>{{ text }}</p>{% endblock %}""",
    "film.html": """{% extends "page.html" %}
{% block title %}The oven{% endblock %}
{% block main %}
  <h1>The oven of 1962</h1>
  <iframe width="560" height="315" style="max-width: 100%" title="Film: the oven is lit"
    src="https://www.youtube-nocookie.com/embed/ryecorner62"></iframe>
  <p>It loses a third of its warmth to the stairwell, to the joy of the tenants above.</p>
{% endblock %}""",
    "privacy.html": """{% extends "page.html" %}{% load consent %}
{% block title %}Privacy{% endblock %}
{% block main %}
  <h1>Privacy</h1>
  <p>What this website stores, and who hears of your visit, if you agree:</p>
  {% consent_declaration %}
{% endblock %}""",
}

application = get_wsgi_application()
asgi = get_asgi_application()

if __name__ == "__main__":
    execute_from_command_line([sys.argv[0], "runserver", "--noreload", os.environ.get("PORT", "8000")])
