"""The Harbour Post: a plain WSGI application that knows nothing of consent but its footer and its privacy page.

It is written as such sites are: tags of third parties stand in the templates, as their vendors say they should. Only the
middleware around it keeps them still.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from .articles import ARTICLES, Article
from .neighbours import Collector

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Newspaper"]

_SCENES = {
    "depot": '<path d="M40 150 V80 L100 50 L160 80 L220 50 L280 80 V150Z"/><path d="M0 158 H320 M0 166 H320" stroke="#fff8" stroke-width="2"/>',
    "ferry": '<path d="M0 130 Q40 122 80 130 T160 130 T240 130 T320 130 V180 H0Z" opacity=".5"/><path d="M90 122 H230 L216 142 H108Z"/><path d="M126 100 H196 V122 H126Z" opacity=".8"/>',
    "bench": '<path d="M90 118 H230 V126 H90Z M90 98 H230 V106 H90Z"/><path d="M102 126 V150 M218 126 V150" stroke="currentColor" stroke-width="6"/><circle cx="262" cy="70" r="34" opacity=".5"/><path d="M258 90 H266 V150 H258Z"/>',
    "bread": '<path d="M80 140 Q70 80 160 76 Q250 80 240 140Z"/><path d="M118 92 L130 132 M158 84 L164 132 M200 90 L200 132" stroke="#fff9" stroke-width="5"/>',
    "fog": '<path d="M140 150 L150 60 H170 L180 150Z"/><path d="M146 60 H174 V48 H146Z"/><g opacity=".45"><rect x="0" y="96" width="320" height="10" rx="5"/><rect x="40" y="116" width="300" height="12" rx="6"/><rect x="-20" y="138" width="280" height="12" rx="6"/></g>',
}


class Newspaper:
    """The application. ``hosts``: where its third parties are."""

    def __init__(self, hosts: Mapping[str, str], collector: Collector) -> None:
        self._hosts = {name: f"http://{host}" for name, host in hosts.items()}
        self._collector = collector
        self._layout = Template(files(__package__).joinpath("layout.html").read_text("utf-8"))
        self._style = files(__package__).joinpath("newspaper.css").read_bytes()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        articles = {f"/{article.slug}": article for article in ARTICLES}
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
        if path in articles:
            return self._page(environ, start_response, articles[path].title, self._article(articles[path]))
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
        first, *others = ARTICLES
        return Markup('<div class="front">{}<div class="grid">{}</div></div>').format(
            _teaser(first, "lead"), Markup("").join(_teaser(article, "card") for article in others)
        )

    def _article(self, article: Article) -> Markup:
        embeds = {
            "video": Markup(
                '<figure class="embed"><iframe src="{}/embed/first-crossing" width="640" height="360" title="Video: the '
                'first crossing" allowfullscreen></iframe><figcaption>The first crossing, filmed from the bridge.'
                "</figcaption></figure>"
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
            '<p class="byline">By {} · {}</p>{}{}<p class="share"><span class="chirp-button">Share this article</span></p>'
            "</article>"
        ).format(
            article.section, article.title, article.lead, article.author, article.day, _picture(article),
            Markup("").join(paragraphs),
        )  # fmt: skip

    @staticmethod
    def _privacy(environ: WSGIEnvironment) -> Markup:
        page = environ["consent.page"]
        return Markup(
            '<article class="story"><p class="section">The Harbour Post</p><h1 class="headline">About our cookies</h1>'
            '<p class="standfirst">What this website stores on your device, who receives data about your visit, and how '
            "you change your mind.</p><p>We use the services below only if the rules of the place you are in allow it, "
            "or if you have agreed. You can change your choice at any time: {}.</p>{}</article>"
        ).format(page.settings_link(), page.declaration())


def _teaser(article: Article, kind: str) -> Markup:
    return Markup(
        '<article class="{}"><a href="/{}">{}<p class="section">{}</p><h2>{}</h2></a><p>{}</p></article>'
    ).format(kind, article.slug, _picture(article), article.section, article.title, article.lead)


def _picture(article: Article) -> Markup:
    first, second, scene = article.art
    return Markup(
        '<svg class="picture" viewBox="0 0 320 180" preserveAspectRatio="xMidYMid slice" role="img" aria-label="{label}">'
        '<defs><linearGradient id="g-{slug}" x1="0" y1="0" x2="0" y2="1"><stop stop-color="hsl({a} 55% 78%)"/>'
        '<stop offset="1" stop-color="hsl({b} 45% 52%)"/></linearGradient></defs>'
        '<rect width="320" height="180" fill="url(#g-{slug})"/><g fill="hsl({b} 45% 22%)" color="hsl({b} 45% 22%)">{scene}</g></svg>'
    ).format(label=f"Drawing: {article.title}", slug=article.slug, a=first, b=second, scene=Markup(_SCENES[scene]))  # noqa: S704


def _send(
    start_response: StartResponse, status: str, media_type: str, body: bytes, *headers: tuple[str, Any]
) -> Iterable[bytes]:
    start_response(status, [("Content-Type", media_type), ("Content-Length", str(len(body))), *headers])
    return [body]
