"""A bakery's website as a plain WSGI application: no framework, one function.

    python examples/wsgi_site.py                        http://127.0.0.1:8000; PORT=8080 for another port
    cd examples && waitress-serve --listen=127.0.0.1:8000 wsgi_site:app

The pages hold Google's and YouTube's tags as their vendors give them. Nothing of them leaves the server in a form that
runs before the visitor agreed.
"""

import os
from collections.abc import Callable, Iterable
from http.cookies import SimpleCookie
from string import Template
from typing import Any
from wsgiref.simple_server import make_server

from consent.wsgi import ConsentMiddleware

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

LAYOUT = Template("""<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>$title · The Rye Corner</title>
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
  <main><h1>$title</h1>$main</main>
  <footer><p><a href="/privacy">Privacy</a> · $settings</p>$thanks</footer>
  <script data-purpose="analytics">
    addEventListener("pagehide", () => navigator.sendBeacon("/read", scrollY));
  </script>
</body>
</html>""")

LOAVES = {
    "rye": "Dark rye, three days in the making.",
    "spelt": "Spelt with walnuts, on Thursdays.",
    "milk": "Milk bread for Sundays.",
}
FILM = """<iframe width="560" height="315" style="max-width: 100%" title="Film: the oven is lit"
  src="https://www.youtube-nocookie.com/embed/ryecorner62"></iframe>
<p>It loses a third of its warmth to the stairwell, to the joy of the tenants above.</p>"""


def bakery(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    page = environ["consent.page"]
    headers = [("Content-Type", "text/html; charset=utf-8")]
    status = "200 OK"
    match environ["PATH_INFO"].split("/"):
        case ["", ""]:
            title, main = "Bread, from seven", front(environ)
        case ["", "loaf", name] if name in LOAVES:
            title, main = name.capitalize(), f"<p>{LOAVES[name]}</p>"
            if page.allows("preferences"):
                headers.append(("Set-Cookie", f"last_loaf={name}; Path=/; Max-Age=2592000; SameSite=Lax"))
        case ["", "film"]:
            title, main = "The oven of 1962", FILM
        case ["", "privacy"]:
            title, main = "Privacy", f"<p>What this website stores, if you agree:</p>{page.declaration()}"
        case ["", "read"]:
            start_response("204 No Content", [])
            return []
        case _:
            title, main, status = "We do not bake that", "", "404 Not Found"
    thanks = "<p>Thank you for being counted.</p>" if page.allows("analytics") else ""
    start_response(status, headers)
    return [LAYOUT.substitute(title=title, main=main, settings=page.settings_link(), thanks=thanks).encode()]


def front(environ: dict[str, Any]) -> str:
    items = "".join(f'<li><a href="/loaf/{name}">{text}</a></li>' for name, text in LOAVES.items())
    last = SimpleCookie(environ.get("HTTP_COOKIE", "")).get("last_loaf")
    again = f"<p>Last time you looked at our {last.value}.</p>" if last and last.value in LOAVES else ""
    return f"{again}<ul>{items}</ul>"


app = application = ConsentMiddleware(
    bakery, SETTINGS, secret_key=os.environ.get("SECRET_KEY", "only-for-trying-it-on:-yours-is-random")
)

if __name__ == "__main__":
    make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), app).serve_forever()
