"""A bakery's website in Starlette.

    python examples/starlette_site.py                   http://127.0.0.1:8000; PORT=8080 for another port
    uvicorn --app-dir examples --workers 2 starlette_site:app

The templates hold Google's and YouTube's tags as their vendors give them. Nothing of them leaves the server in a form
that runs before the visitor agreed.
"""

import os

import uvicorn
from jinja2 import DictLoader, Environment
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from consent.asgi import ConsentMiddleware, template_context

SETTINGS = {
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
}

LOAVES = {
    "rye": "Dark rye, three days in the making.",
    "spelt": "Spelt with walnuts, on Thursdays.",
    "milk": "Milk bread for Sundays.",
}


async def front(request: Request) -> Response:
    return TEMPLATES.TemplateResponse(
        request, "front.html", {"loaves": LOAVES, "last": request.cookies.get("last_loaf")}
    )


async def loaf(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in LOAVES:
        raise HTTPException(404, "We do not bake that.")
    response = TEMPLATES.TemplateResponse(request, "loaf.html", {"name": name, "text": LOAVES[name]})
    if request.state.consent.allows("preferences"):
        response.set_cookie("last_loaf", name, max_age=30 * 86_400)
    return response


async def film(request: Request) -> Response:
    return TEMPLATES.TemplateResponse(request, "film.html")


async def privacy(request: Request) -> Response:
    return TEMPLATES.TemplateResponse(request, "privacy.html")


async def read(request: Request) -> Response:
    """How far down a page somebody read, in pixels."""
    print("read to", (await request.body())[:10])
    return Response(status_code=204)


PAGES = {  # files in a folder, in a site that is not one file
    "page.html": """<!doctype html>
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
    <p><a href="/privacy">Privacy</a> · {{ consent.settings_link() }}</p>
    {% if consent.allows("analytics") %}<p>Thank you for being counted.</p>{% endif %}
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
  <ul>{% for name, text in loaves.items() %}<li><a href="/loaf/{{ name }}">{{ text }}</a></li>{% endfor %}</ul>
{% endblock %}""",
    "loaf.html": """{% extends "page.html" %}
{% block title %}{{ name.capitalize() }}{% endblock %}
{% block main %}<h1>{{ name.capitalize() }}</h1><p>{{ text }}</p>{% endblock %}""",
    "film.html": """{% extends "page.html" %}
{% block title %}The oven{% endblock %}
{% block main %}
  <h1>The oven of 1962</h1>
  <iframe width="560" height="315" style="max-width: 100%" title="Film: the oven is lit"
    src="https://www.youtube-nocookie.com/embed/ryecorner62"></iframe>
  <p>It loses a third of its warmth to the stairwell, to the joy of the tenants above.</p>
{% endblock %}""",
    "privacy.html": """{% extends "page.html" %}
{% block title %}Privacy{% endblock %}
{% block main %}
  <h1>Privacy</h1>
  <p>What this website stores, and who hears of your visit, if you agree:</p>
  {{ consent.declaration() }}
{% endblock %}""",
}
TEMPLATES = Jinja2Templates(
    env=Environment(autoescape=True, loader=DictLoader(PAGES)), context_processors=[template_context]
)

app = Starlette(
    routes=[
        Route("/", front),
        Route("/loaf/{name}", loaf),
        Route("/film", film),
        Route("/privacy", privacy),
        Route("/read", read, methods=["POST"]),
    ],
    middleware=[
        Middleware(
            ConsentMiddleware,
            settings=SETTINGS,
            secret_key=os.environ.get("SECRET_KEY", "only-for-trying-it-on:-yours-is-random"),
        )
    ],
)

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
