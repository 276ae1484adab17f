"""A bakery's website in Flask.

    python examples/flask_site.py                       http://127.0.0.1:8000; PORT=8080 for another port
    gunicorn --chdir examples --workers 2 flask_site:app

The templates hold Google's and YouTube's tags as their vendors give them. Nothing of them leaves the server in a form
that runs before the visitor agreed.
"""

import os

from flask import Flask, Response, g, make_response, render_template, request
from jinja2 import DictLoader

from consent.flask import Consent

app = Flask(__name__)
app.config["SECRET_KEY"] = os.environ.get("SECRET_KEY", "only-for-trying-it-on:-yours-is-random")
app.config["CONSENT"] = {
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
consent = Consent(app)

LOAVES = {
    "rye": "Dark rye, three days in the making.",
    "spelt": "Spelt with walnuts, on Thursdays.",
    "milk": "Milk bread for Sundays.",
}


@app.get("/")
def front() -> str:
    return render_template("front.html", loaves=LOAVES, last=request.cookies.get("last_loaf"))


@app.get("/loaf/<name>")
def loaf(name: str) -> Response:
    if name not in LOAVES:
        return Response("We do not bake that.", status=404)
    response = make_response(render_template("loaf.html", name=name, text=LOAVES[name]))
    if g.consent.allows("preferences"):
        response.set_cookie("last_loaf", name, max_age=30 * 86_400, samesite="Lax")
    return response


@app.get("/film")
def film() -> str:
    return render_template("film.html")


@app.get("/privacy")
def privacy() -> str:
    return render_template("privacy.html")


@app.post("/read")
def read() -> Response:
    """How far down a page somebody read, in pixels."""
    app.logger.info("read to %s", request.get_data(as_text=True)[:10])
    return Response(status=204)


app.jinja_loader = DictLoader({  # files in templates/, in a site that is not one file
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
})  # fmt: skip

if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "8000")))
