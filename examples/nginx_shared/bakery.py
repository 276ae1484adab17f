"""A bakery's website in Flask, of which nginx keeps the pages; see ``nginx.conf`` beside it for how to run both.

The pages hold Google's and YouTube's tags as their vendors give them. They leave the server held, for everybody; the
script asks who is there, and wakes what that visitor agreed to.
"""

import os

from flask import Flask, Response, make_response, render_template, request
from jinja2 import DictLoader
from werkzeug.middleware.proxy_fix import ProxyFix

from consent.flask import Consent

app = Flask(__name__)
app.config["SECRET_KEY"] = os.environ.get("SECRET_KEY", "only-for-trying-it-on:-yours-is-random")
app.config["CONSENT"] = {
    "services": ["google-analytics", "youtube"],
    "privacy_url": "/privacy",
    "cache": "shared",
    "language": "en",  # one for everybody
}
consent = Consent(app)
app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]

KEPT = "public, max-age=0, s-maxage=300"  # by nginx, for five minutes; a browser asks again

PAGES = {
    "front": "<h1>Bread, from seven</h1><p>Rye, spelt, and milk bread on Sundays.</p>",
    "privacy": "<h1>Privacy</h1>{{ consent.declaration() }}",
    "film": """<h1>The oven of 1962</h1>
  <iframe width="560" height="315" title="Film: the oven is lit"
    src="https://www.youtube-nocookie.com/embed/ryecorner62"></iframe>""",
    "basket": "<h1>Your basket</h1><p>{{ loaves }} in it.</p>",
}


def page(name: str, **values: object) -> Response:
    response = make_response(render_template(f"{name}.html", **values))
    response.headers["Cache-Control"] = KEPT
    return response


@app.get("/")
def front() -> Response:
    return page("front")


@app.get("/film")
def film() -> Response:
    return page("film")


@app.get("/privacy")
def privacy() -> Response:
    return page("privacy")


@app.get("/basket")
def basket() -> Response:
    """One visitor's own: the cookie that it needs makes it private, whatever it says of itself."""
    loaves = request.cookies.get("basket", "0")
    response = page("basket", loaves=loaves if loaves.isdecimal() else "0")
    response.set_cookie("basket", "1", httponly=True, samesite="Lax")
    return response


FRAME = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>The Rye Corner</title>
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
  <nav><a href="/">Loaves</a> · <a href="/film">The oven</a> · <a href="/basket">Basket</a></nav>
  <main>%s</main>
  <footer><p><a href="/privacy">Privacy</a> · {{ consent.settings_link() }}</p></footer>
</body>
</html>"""
app.jinja_loader = DictLoader({f"{name}.html": FRAME % text for name, text in PAGES.items()})
