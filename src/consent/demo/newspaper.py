"""The Harbour Post: a plain WSGI application that knows nothing of consent but its footer and its privacy page.

It is written as such sites are: tags of third parties stand in the templates, as their vendors say they should. Only
the middleware around it keeps them still.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from .articles import Article, read_articles
from .neighbours import Collector

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Newspaper"]


class Newspaper:
    """The application. ``hosts``: where its third parties are."""

    def __init__(self, hosts: Mapping[str, str], collector: Collector) -> None:
        self._hosts = {name: f"http://{host}" for name, host in hosts.items()}
        self._collector = collector
        self._articles = {f"/{article.slug}": article for article in read_articles()}
        self._layout = Template(files("consent.demo").joinpath("layout.html").read_text("utf-8"))
        self._style = files("consent.demo").joinpath("newspaper.css").read_bytes()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/newspaper.css":
            return _send(
                start_response, "200 OK", "text/css; charset=utf-8", self._style, ("Cache-Control", "max-age=300")
            )
        if path == "/collector.json":
            body = json.dumps(self._collector.heard(environ)).encode()
            return _send(start_response, "200 OK", "application/json", body, ("Cache-Control", "no-store"))
        if path == "/":
            return self._page(environ, start_response, "Today", self._front())
        if path == "/privacy":
            return self._page(environ, start_response, "About our cookies", self._privacy(environ))
        if path in self._articles:
            article = self._articles[path]
            return self._page(environ, start_response, article.title, self._article(article))
        missing = Markup('<h1 class="headline">There is no such page</h1><p><a href="/">To the front page</a></p>')
        return self._page(environ, start_response, "Not found", missing, status="404 Not Found")

    def _page(
        self,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        title: str,
        content: Markup,
        *,
        status: str = "200 OK",
    ) -> Iterable[bytes]:
        nonce = secrets.token_urlsafe(12)
        heard = sum(self._collector.heard(environ).values())
        page = environ["consent.page"]
        body = self._layout.substitute(
            {name: escape(url) for name, url in self._hosts.items()},
            title=escape(title),
            content=content,
            nonce=nonce,
            hits=heard,
            noun="hit" if heard == 1 else "hits",
            settings=page.settings_link(),
        )
        return _send(
            start_response, status, "text/html; charset=utf-8", body.encode(),
            ("Content-Security-Policy", self._policy(nonce)), ("Referrer-Policy", "same-origin"),
        )  # fmt: skip

    def _policy(self, nonce: str) -> str:
        """A strict policy of the site's own: consent must work under it, not against it."""
        host = self._hosts
        return (
            f"default-src 'none'; base-uri 'none'; form-action 'self'; style-src 'self' 'nonce-{nonce}'; "
            f"script-src 'self' 'nonce-{nonce}' {host['footfall']} {host['chirp']}; "
            f"connect-src 'self' {host['footfall']}; img-src 'self' data: {host['lantern']} {host['chirp']}; "
            f"frame-src {host['lantern']} {host['kino']}"
        )

    def _front(self) -> Markup:
        first, *others = self._articles.values()
        return Markup(
            '<h1 class="unseen">Today in The Harbour Post</h1><div class="front">{}<div class="grid">{}</div></div>'
        ).format(_teaser(first, "lead"), Markup("").join(_teaser(article, "card") for article in others))

    def _article(self, article: Article) -> Markup:
        embeds = {
            "video": Markup(
                '<figure class="embed"><iframe src="{}/embed/first-crossing" width="640" height="360" '
                'title="Video: the first crossing" allowfullscreen></iframe>'
                "<figcaption>The first crossing, filmed from the bridge.</figcaption></figure>"
            ).format(self._hosts["kino"]),
            "map": Markup(
                '<figure class="embed"><iframe src="{}/map/benches" width="640" height="360" title="Map: eleven '
                'benches"></iframe><figcaption>From the fish market to the lighthouse steps.</figcaption></figure>'
            ).format(self._hosts["kino"]),
        }
        paragraphs = [Markup("<p>{}</p>").format(text) for text in article.text]
        if article.embed:
            paragraphs.insert(2, embeds[article.embed])
        return Markup(
            '<article class="story"><p class="section">{}</p><h1 class="headline">{}</h1><p class="standfirst">{}</p>'
            '<p class="byline">By {} · {}</p>{}{}'
            '<p class="share"><span class="chirp-button">Share this article</span></p></article>'
        ).format(
            article.section, article.title, article.lead, article.author, article.day, article.picture,
            Markup("").join(paragraphs),
        )  # fmt: skip

    @staticmethod
    def _privacy(environ: WSGIEnvironment) -> Markup:
        page = environ["consent.page"]
        return Markup(
            '<article class="story"><p class="section">The Harbour Post</p><h1 class="headline">About our cookies</h1>'
            '<p class="standfirst">What this website stores on your device, who receives data about your visit, and '
            "how you change your mind.</p><p>We use the services below only if the rules of the place you are in allow "
            "it, or if you have agreed. You can change your choice at any time: {}.</p>{}</article>"
        ).format(page.settings_link(), page.declaration())


def _teaser(article: Article, kind: str) -> Markup:
    return Markup(
        '<article class="{}"><a href="/{}">{}<p class="section">{}</p><h2>{}</h2></a><p>{}</p></article>'
    ).format(kind, article.slug, article.picture, article.section, article.title, article.lead)


def _send(
    start_response: StartResponse, status: str, media_type: str, body: bytes, *headers: tuple[str, Any]
) -> Iterable[bytes]:
    start_response(status, [("Content-Type", media_type), ("Content-Length", str(len(body))), *headers])
    return [body]
