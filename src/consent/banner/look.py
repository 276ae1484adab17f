"""How a site's banner is set up, and the files that it is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Literal, NamedTuple

from ..errors import ConfigurationError
from ..policy.gpp import Gpp
from ..policy.policy import Policy
from ..policy.settings import ConsentMode, Layout, Theme
from .text import LANGUAGES, find, keys, spelled

__all__ = ["Asset", "Look", "asset", "foot_style", "inline_style", "stylesheet"]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What of a site's settings the visitor sees. One per process, compared by identity.

    :raises ConfigurationError: for a language that has no words, and for words under a name that no text has.
    """

    policy: Policy
    prefix: str = "/_consent/"
    privacy_url: str = ""
    wording: Literal["auto", "ask", "assume"] = "auto"
    placement: Literal["auto", "manual"] = "auto"
    layout: Layout = "box"
    theme: Theme = "quiet"
    close_button: bool = False
    language: str = "auto"
    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    consent_mode: ConsentMode = field(default_factory=ConsentMode)
    gpp: Gpp | None = None

    def __post_init__(self) -> None:
        if self.language != "auto" and find(self.language) is None:
            raise ConfigurationError(
                "there are no words in this language",
                path=("language",),
                value=self.language,
                known=("auto", *LANGUAGES),
            )
        for language, texts in self.texts.items():
            if language != "*" and spelled(language) is None:
                raise ConfigurationError(
                    "there are no words in this language", path=("texts",), value=language, known=("*", *LANGUAGES)
                )
            for key in texts:
                if key not in keys():
                    raise ConfigurationError("unknown text", path=("texts", language), value=key, known=keys())

    def assumes(self, model: str) -> bool:
        """Whether the banner says that agreement is assumed; never where the law asks for it first."""
        return model != "opt-in" and self.wording != "ask"


class Asset(NamedTuple):
    """A file that pages load: its bytes, media type, and a digest by which caches know it."""

    body: bytes
    type: str
    digest: str


@cache
def asset(name: str, *, readable: bool = False) -> Asset:
    """A style or script by its name; ``consent.css`` is a site's own :func:`stylesheet`.

    ``readable``: a script as it was written.
    """
    if name.endswith(".css"):
        body, media_type = _style(name), "text/css; charset=utf-8"
    else:
        body, media_type = _read(name if readable else f"{name[:-3]}.min.js"), "text/javascript; charset=utf-8"
    return Asset(body, media_type, sha256(body).hexdigest()[:12])


@cache
def stylesheet(layout: Layout, theme: Theme) -> Asset:
    """``consent.css``: everything that a site may show, as it has chosen."""
    names = (*_card_styles(layout, theme), "foot.css", "page.css", f"page-{theme}.css")
    body = b"".join(map(_style, names))
    return Asset(body, "text/css; charset=utf-8", sha256(body).hexdigest()[:12])


@cache
def inline_style(layout: Layout, theme: Theme) -> str:
    """The style of the card alone, small enough to stand in the page."""
    return b"".join(map(_style, _card_styles(layout, theme))).decode()


@cache
def foot_style() -> str:
    """The style of what stands at a page's foot."""
    return _style("foot.css").decode()


def _card_styles(layout: Layout, theme: Theme) -> tuple[str, ...]:
    return f"theme-{theme}.css", "card.css", f"layout-{layout}.css"


@cache
def _style(name: str) -> bytes:
    text = re.sub(r"/\*.*?\*/", "", _read(name).decode(), flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text)
    return re.sub(r" ?([{};,]) ?|(:) ", r"\1\2", text).replace(";}", "}").strip().encode()


def _read(name: str) -> bytes:
    return files("consent.banner").joinpath("static", name).read_bytes()
