"""What The Harbour Post has to say; the words are in ``articles.toml``, the drawings in ``pictures``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files

from markupsafe import Markup

__all__ = ["Article", "read_articles"]


@dataclass(frozen=True, slots=True)
class Article:
    """One article. ``embed`` names what stands in its middle: ``video``, ``map`` or nothing.

    ``picture`` is its drawing as svg.
    """

    slug: str
    section: str
    title: str
    lead: str
    author: str
    day: str
    text: tuple[str, ...]
    picture: Markup
    embed: str = ""


def read_articles() -> tuple[Article, ...]:
    """All articles, the latest first."""
    folder = files("consent.demo")
    articles = []
    for entry in tomllib.loads(folder.joinpath("articles.toml").read_text("utf-8"))["article"]:
        first, second = entry.pop("hues")
        scene = folder.joinpath("pictures", f"{entry.pop('scene')}.svg").read_text("utf-8")
        text = tuple(" ".join(paragraph.split()) for paragraph in entry.pop("text").split("\n\n"))
        articles.append(Article(text=text, picture=_picture(entry["slug"], scene, first, second), **entry))
    return tuple(articles)


def _picture(slug: str, scene: str, first: int, second: int) -> Markup:
    """A drawing, inlined: it is decoration for the title beside it."""
    return Markup(
        '<svg class="picture" viewBox="0 0 320 180" preserveAspectRatio="xMidYMid slice" aria-hidden="true">'
        '<defs><linearGradient id="g-{slug}" x1="0" y1="0" x2="0" y2="1"><stop stop-color="hsl({a} 55% 78%)"/>'
        '<stop offset="1" stop-color="hsl({b} 45% 52%)"/></linearGradient></defs>'
        '<rect width="320" height="180" fill="url(#g-{slug})"/>'
        '<g fill="hsl({b} 45% 22%)" color="hsl({b} 45% 22%)">{scene}</g></svg>'
    ).format(slug=slug, a=first, b=second, scene=Markup(scene))  # noqa: S704 - our own file
