"""``/gallery``: all that a visitor may see, in every layout, theme and language, each in a frame of a given size.

Behind each frame is a small site of its own with the real middleware. It forgets: no frame brings a cookie along, so
whatever was chosen there, it asks again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any, NamedTuple, get_args
from urllib.parse import parse_qs, urlencode

from markupsafe import Markup

from ..banner.text import LANGUAGES
from ..log.store import Store
from ..policy.settings import Layout, Theme, read_settings
from ..site import Site
from ..wsgi import ConsentMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Gallery"]

#: What can be chosen above the frames, the first by default.
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "theme": get_args(Theme),
    "scheme": ("light", "dark"),
    "law": ("eu", "us-ca", "us-ca-gpc"),
    "language": LANGUAGES,
}
_LAYOUTS: tuple[str, ...] = get_args(Layout)
#: The steps of a frame's path, after the gallery's own.
_KNOWN = (_LAYOUTS, _CHOICES["theme"], _CHOICES["scheme"], _CHOICES["language"], _CHOICES["law"])


class _Frame(NamedTuple):
    """One frame: its caption, where it leads below its site, and its size in pixels."""

    caption: str
    layout: str
    path: str
    width: int
    height: int


_FRAMES = (
    *(_Frame(f"{layout}, desktop", layout, "/", 1120, 480) for layout in _LAYOUTS),
    *(_Frame(f"{layout}, phone", layout, "/", 390, 720) for layout in _LAYOUTS),
    _Frame("settings", "box", "/dialog", 720, 900),
    _Frame("settings, phone", "box", "/dialog", 390, 900),
    _Frame("settings as a page, as light or dark as your system", "box", "/_consent/settings", 720, 900),
    _Frame("placeholders, as light or dark as your system", "box", "/frames", 1120, 1400),
    _Frame("declaration and confirmation", "box", "/saved", 1120, 560),
)


class Gallery:
    """In front of an application: what is below ``/gallery``. ``settings``: the services; ``store``: for choices."""

    def __init__(self, app: WSGIApplication, settings: Mapping[str, Any], store: Store, key: str) -> None:
        self._app = app
        self._settings = settings
        self._store = store
        self._key = key
        self._layout = Template(files("consent.demo").joinpath("gallery.html").read_text("utf-8"))
        self._site = lru_cache(maxsize=64)(self._open)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        name, *steps = environ["PATH_INFO"].removeprefix("/").split("/", 6)
        if name != "gallery":
            return self._app(environ, start_response)
        if not steps:
            return _send(start_response, self._page(environ.get("QUERY_STRING", "")))
        match steps:
            case [*kind, path] if len(kind) == len(_KNOWN) and all(map(tuple.__contains__, _KNOWN, kind)):
                return self._frame(environ, start_response, tuple(kind), f"/{path}")
        return _send(start_response, "There is no such frame.", "404 Not Found")

    def _frame(
        self, environ: WSGIEnvironment, start_response: StartResponse, kind: tuple[str, ...], path: str
    ) -> Iterable[bytes]:
        """A first visit, in a window of its own as far as the middleware is told."""
        inner = {**environ, "SCRIPT_NAME": "/".join(("", "gallery", *kind)), "PATH_INFO": path}
        inner.pop("HTTP_COOKIE", None)
        inner["HTTP_SEC_FETCH_DEST"] = "document"
        if kind[-1].endswith("-gpc"):
            inner["HTTP_SEC_GPC"] = "1"
        return self._site(*kind)(inner, start_response)

    def _open(self, layout: str, theme: str, scheme: str, language: str, law: str) -> ConsentMiddleware:
        privacy = f"/gallery/{layout}/{theme}/{scheme}/{language}/{law}/declaration"
        mapping = {
            **self._settings, "layout": layout, "theme": theme, "language": language, "close_button": layout == "modal",
            "regime": law.removesuffix("-gpc"), "privacy_url": privacy,
        }  # fmt: skip
        site = Site(read_settings(mapping, keys=self._key), store=self._store)
        return ConsentMiddleware(_Sample(scheme, site.settings.policy.services), site)

    def _page(self, query: str) -> str:
        given = {name: values[0] for name, values in parse_qs(query).items()}
        chosen = {name: given.get(name, "") for name in _CHOICES}
        chosen = {name: value if value in _CHOICES[name] else _CHOICES[name][0] for name, value in chosen.items()}
        choices = Markup("").join(_choice(name, chosen) for name in _CHOICES)
        frames = Markup("").join(
            Markup(
                '<figure><figcaption>{1}</figcaption><iframe title="{1}" loading="lazy" width="{0}" height="{2}" '
                'src="/gallery/{3}/{theme}/{scheme}/{language}/{law}{4}"></iframe></figure>'
            ).format(frame.width, frame.caption, frame.height, frame.layout, frame.path, **chosen)
            for frame in _FRAMES
        )
        return self._layout.substitute(scheme=chosen["scheme"], choices=choices, frames=frames)


def _choice(name: str, chosen: Mapping[str, str]) -> Markup:
    """One line of links, one for each value."""
    links = Markup(" ").join(
        Markup('<a href="/gallery?{}"{}>{}</a>').format(
            urlencode({**chosen, name: value}),
            Markup(' aria-current="true"') if value == chosen[name] else "",
            value,
        )
        for value in _CHOICES[name]
    )
    return Markup("<p><b>{}</b> {}</p>").format(name.capitalize(), links)


#: From a column's width to a pixel, as sites have them.
_SIZES = ((640, 360), (300, 250), (300, 150), (728, 90), (300, 80), (320, 50), (160, 320), (120, 60), (40, 40), (1, 1))


class _Sample:
    """A site of a few pages, in plain HTML, with frames of third parties."""

    def __init__(self, scheme: str, services: Iterable[Any]) -> None:
        self._scheme = scheme
        self._services = [service for service in services if service.hosts]
        self._pages: Mapping[str, Callable[[Any], Markup]] = {
            "/frames": lambda _page: self._frames(),
            "/saved": _saved,
            "/dialog": _dialog,
            "/declaration": _declared,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        page, make = environ["consent.page"], self._pages.get(environ["PATH_INFO"])
        if make is not None:
            page.banner()  # ours to place, and nowhere: nobody is asked here
        return _send(start_response, _SAMPLE.format(self._scheme, make(page) if make is not None else _TEXT))

    def _frames(self) -> Markup:
        first = {service.kind: service for service in reversed(self._services)}
        large = [(service, 300, 200) for service in first.values()]
        sizes = [(first["video"], *size) for size in _SIZES]
        return Markup("<h1>Frames</h1>{}").format(
            Markup(" ").join(
                Markup('<iframe src="http://{}" width="{}" height="{}" title="{}"></iframe>').format(
                    service.hosts[0], width, height, f"{service.title}, {width} by {height}"
                )
                for service, width, height in (*large, *sizes)
            )
        )


def _dialog(page: Any) -> Markup:
    """The settings as the script shows them."""
    return _TEXT + Markup(
        '<script type="module">import {{ consent }} from "{}consent.js"; await consent.open();</script>'
    ).format(page.base)


def _declared(page: Any) -> Markup:
    return Markup("<h1>Privacy</h1>{}").format(page.declaration())


def _saved(page: Any) -> Markup:
    """The confirmation as the script shows it; here it stays."""
    return _declared(page) + Markup('<p id="yc-ok" role="status">{}</p>').format(page.words("saved"))


_TEXT = (
    Markup("<h1>The Harbour Post</h1>")
    + Markup(
        "<p>The first electric ferry left at ten past five, with eleven passengers and a dog on board. By the time the "
        'sun was up it had crossed the sound <a href="#">four times</a>, and nobody had heard it go.</p>'
    )
    * 3
)
_SAMPLE = Markup(
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>A page</title><style>:root{{color-scheme:{}}}body{{margin:2rem auto;max-width:66rem;padding:0 1.5rem;"
    "background:Canvas;color:CanvasText;font:1.0625rem/1.6 Georgia,serif}}"
    "iframe{{border:0;vertical-align:top;margin:0 .5rem .75rem 0}}"
    "</style><body><main>{}</main>"
)


def _send(start_response: StartResponse, text: str, status: str = "200 OK") -> Iterable[bytes]:
    body = str(text).encode()
    start_response(status, [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]
