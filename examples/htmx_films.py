"""A bakery's films in Django and htmx, whole in one file. Pieces of pages are gated as pages are.

    pip install "cookie-consent[django]" django-htmx
    python examples/htmx_films.py                       http://127.0.0.1:8000; PORT=8080 for another port
    gunicorn --chdir examples --threads 4 htmx_films:application

A film that is fetched before the visitor agreed is held where it is swapped in, with its placeholder, and plays when
they agree; one that is fetched afterwards comes as it is. Nothing is done for it: no line of this file knows of pieces.
"""

import os
import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

PAGES: dict[str, str] = {}  # files in templates/, in a site that is not one file; see below

settings.configure(
    SECRET_KEY=os.environ.get("SECRET_KEY", "only-for-trying-it-on:-yours-is-random"),
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF=__name__,
    WSGI_APPLICATION=f"{__name__}.application",
    STATIC_URL="static/",
    INSTALLED_APPS=["django.contrib.staticfiles", "django_htmx", "consent.django"],
    MIDDLEWARE=[
        "consent.django.ConsentMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django_htmx.middleware.HtmxMiddleware",
    ],
    CONSENT={"services": ["google-analytics", "youtube"], "privacy_url": "/privacy"},
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

# Imported where there are settings, as they are in a site that is not one file.
from django.contrib.staticfiles.views import serve  # noqa: E402

FILMS = {
    "oven": ("The oven of 1962", "ryecorner62"),
    "mill": ("Down at the mill", "ryecorner63"),
}


def front(request: HttpRequest) -> HttpResponse:
    return render(request, "front.html", {"films": FILMS})


def film(request: HttpRequest, name: str) -> HttpResponse:
    """A piece of the page for htmx; a page of its own for everybody else."""
    if name not in FILMS:
        raise Http404("We have not filmed that.")
    title, video = FILMS[name]
    template = "film.html" if request.htmx else "film_page.html"  # type: ignore[attr-defined]
    return render(request, template, {"title": title, "video": video, "films": FILMS})


def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "privacy.html")


urlpatterns = [
    path("", front),
    path("film/<name>", film),
    path("privacy", privacy),
    path("static/<path:path>", serve, {"insecure": True}),  # in production: WhiteNoise, nginx
]

PAGES |= {
    "page.html": """{% load consent django_htmx %}<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{% block title %}Films{% endblock %} · The Rye Corner</title>
  <link rel="icon" href="data:,">
  <style>body { max-width: 40rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.6 Georgia, serif; }</style>
  {% htmx_script %}
  <script async src="https://www.googletagmanager.com/gtag/js?id=G-RYE1962"></script>
</head>
<body>
  <nav>{% for name, film in films.items %}
    <a href="/film/{{ name }}" hx-get="/film/{{ name }}" hx-target="main">{{ film.0 }}</a>{% endfor %}
  </nav>
  <main>{% block main %}<h1>Films</h1><p>Choose one.</p>{% endblock %}</main>
  <footer><p><a href="/privacy">Privacy</a> · {% consent_settings_link %}</p></footer>
</body>
</html>""",
    "front.html": """{% extends "page.html" %}""",
    "film.html": """<h1>{{ title }}</h1>
<iframe width="560" height="315" style="max-width: 100%" title="Film: {{ title }}"
  src="https://www.youtube-nocookie.com/embed/{{ video }}"></iframe>""",
    "film_page.html": """{% extends "page.html" %}
{% block title %}{{ title }}{% endblock %}
{% block main %}{% include "film.html" %}{% endblock %}""",
    "privacy.html": """{% extends "page.html" %}{% load consent %}
{% block title %}Privacy{% endblock %}
{% block main %}<h1>Privacy</h1>{% consent_declaration %}{% endblock %}""",
}

application = get_wsgi_application()

if __name__ == "__main__":
    execute_from_command_line([sys.argv[0], "runserver", "--noreload", os.environ.get("PORT", "8000")])
