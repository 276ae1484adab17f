"""What a browser would make of a response: any framework's, read into one shape, and its page into elements.

Pages are read by a parser of the HTML Standard, with none of the gate's tokenizer. Scripting is off in it, so that what
is in a ``<noscript>`` counts too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from inspect import iscoroutinefunction
from typing import Any, NamedTuple

from ..errors import ConsentError
from ..gate.match import addresses_in, document_in, refresh_address
from ..gate.response import PAGES, Headers, charset, header, media_type
from ..site import Site

__all__ = ["Answer", "Element", "mark", "read"]

_MARK = "_consent_mark"


class _Mark(NamedTuple):
    site: Site | None = None
    body: bytes | None = None


def mark(response: Any, site: Site, body: bytes | None = None) -> None:
    """Note on a response whose it is, and its body where that must be waited for."""
    setattr(response, _MARK, _Mark(site, body))


def _marked(response: Any) -> _Mark:
    found: _Mark = getattr(response, _MARK, _Mark())
    return found


@dataclass(frozen=True)
class Answer:
    """A response of whatever framework. ``site``: whose it is, if that is known. ``asked``: for what, in words."""

    status: int
    headers: Headers
    body: bytes
    host: str
    asked: str
    site: Site | None

    def __str__(self) -> str:
        kind = header(self.headers, "content-type")
        return f"{self.asked}: {self.status}, {kind.partition(';')[0] if kind else 'of no type'}"

    @property
    def is_page(self) -> bool:
        """Whether a browser would show it as HTML."""
        return bool(self.body) and media_type(header(self.headers, "content-type")) in PAGES

    @cached_property
    def elements(self) -> list[Element]:
        """The page's elements, in the order of the page; none if it is no page."""
        if not self.is_page:
            return []
        coding = (header(self.headers, "content-encoding") or "identity").lower()
        if coding != "identity" and self.body.lstrip()[:1] != b"<":  # httpx has taken it off already
            raise ConsentError(f"this page is coded as {coding}: ask for it without Accept-Encoding")
        return [*_elements(self.body, charset(header(self.headers, "content-type")))]

    @property
    def state(self) -> Mapping[str, Any] | None:
        """What the page says of its visitor, where it has our script."""
        for element in self.elements:
            if element.attributes.get("id") == "yc-s":
                state: dict[str, Any] = json.loads(element.text)
                return state
        return None


def read(response: Any) -> Answer:
    """A response of Flask, Django, Quart, Starlette or httpx.

    :raises ConsentError: if it is none of these, or a stream that cannot be read here.
    """
    for known, reader in _READERS:
        if known(response):
            return reader(response)
    raise ConsentError(f"not a response of Flask, Django, Quart, Starlette or httpx: {type(response).__name__}")


def _read_httpx(response: Any) -> Answer:
    request = response.request
    return Answer(
        status=response.status_code,
        headers=[*response.headers.multi_items()],
        body=response.content,
        host=request.headers.get("host", ""),
        asked=f"{request.method} {request.url.raw_path.decode('ascii', 'replace')}",
        site=_marked(response).site,
    )


def _read_django(response: Any) -> Answer:
    cookies = [("Set-Cookie", morsel.OutputString()) for morsel in response.cookies.values()]
    asked = response.request
    # As the test client was asked: a WSGI environ or an ASGI scope.
    method, path = asked.get("REQUEST_METHOD", asked.get("method")), asked.get("PATH_INFO", asked.get("path"))
    request = getattr(response, "wsgi_request", None) or response.asgi_request
    return Answer(
        status=response.status_code,
        headers=[*response.items(), *cookies],
        body=_django_body(response),
        host=request.get_host(),
        asked=f"{method} {path}",
        site=_marked(response).site,
    )


def _django_body(response: Any) -> bytes:
    if not response.streaming:
        content: bytes = response.content
        return content
    if response.is_async:
        raise ConsentError("an async stream cannot be read here: read it, and make a response of what it held")
    body = b"".join(response.streaming_content)
    response.streaming_content = [body]  # for the test, too
    return body


def _read_werkzeug(response: Any) -> Answer:
    request = getattr(response, "request", None)  # Quart's have none
    body = _marked(response).body if iscoroutinefunction(response.get_data) else response.get_data()
    if body is None:
        raise ConsentError("a response of Quart's is read where it was asked for: ask with consent_client")
    return Answer(
        status=response.status_code,
        headers=[*response.headers.items()],
        body=body,
        host=request.host if request is not None else "localhost",
        asked=f"{request.method} {request.path}" if request is not None else "the response",
        site=_marked(response).site,
    )


_READERS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Answer]], ...] = (
    (lambda response: hasattr(response, "headers") and hasattr(response.headers, "multi_items"), _read_httpx),
    (lambda response: hasattr(response, "streaming") and hasattr(response, "cookies"), _read_django),
    (lambda response: hasattr(response, "get_data"), _read_werkzeug),
)


# Elements


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a page.

    ``attributes``: as the application wrote them, of one that is held too. ``text``: its own, without its children's.
    ``held``: the purposes that it waits for; None if a browser acts on it. ``line``: where it begins, from 1.
    """

    name: str
    attributes: Mapping[str, str]
    text: str
    held: tuple[str, ...] | None
    line: int

    def __str__(self) -> str:
        written = "".join(
            f' {name}="{value}"' if value else f" {name}"
            for name, value in self.attributes.items()
            if name not in {"style", "nonce", "integrity", "srcdoc"} or name in _TOLD.get(self.name, ())
        )
        content = " ".join(self.text.split()) if self.name in {"script", "style"} else ""
        return f"line {self.line}: {_shortened(f'<{self.name}{written}>{content}')}"

    @property
    def runs(self) -> bool:
        """Whether it is a script, not a block of data."""
        return self.name == "script" and _RUNS.fullmatch(self._type) is not None

    @property
    def scripts(self) -> list[str]:
        """What it runs that stands in the page itself."""
        found = [self.text] if self.runs and "src" not in self.attributes else []
        for name, value in self.attributes.items():
            if name.startswith("on"):
                found.append(value)
            elif name in {"href", "src", "action", "formaction"} and (script := document_in(value)):
                found.append(script)
        return found

    @property
    def addresses(self) -> list[str]:
        """Where it loads from, or whom it tells of the visitor, without being asked."""
        found: list[str] = []
        for name, value in self.attributes.items():
            if name in _LISTS:
                found += [each.split()[0] for each in re.split(r",\s+|,(?=https?:|//)", value) if each.strip()]
            elif name == "style":
                found += addresses_in(value, css=True)
            elif name in _LOADING or (name == "href" and self._href_loads):
                found.append(value)
            elif name == "content" and self.attributes.get("http-equiv", "").lower() == "refresh":
                found.append(refresh_address(value))
        if self.name == "style":
            found += addresses_in(self.text, css=True)
        elif self.name == "script" and self._type in {"importmap", "speculationrules"}:
            found += addresses_in(self.text)
        return [] if self.name == "script" and not self.runs and not found else found

    @property
    def _type(self) -> str:
        return self.attributes.get("type", "").strip().lower()

    @property
    def _href_loads(self) -> bool:
        if self.name == "link":
            return not _RELATIONS.isdisjoint(self.attributes.get("rel", "").lower().split())
        return self.name in _HREF


_PREFIX = "data-consent-"
#: What the gate puts into a held tag beside what it takes apart.
_OURS = frozenset({f"{_PREFIX}for", f"{_PREFIX}service"})
#: How the gate calls a tag that was too long to be read.
_UNREAD = "x-consent-held-"
_RUNS = re.compile(r"module||(?:text|application)/(?:x-)?(?:java|ecma|j|live)script[\d.]*")
_LOADING = frozenset({"src", "poster", "data", "background", "ping"})
_LISTS = frozenset({"srcset", "imagesrcset"})
_HREF = frozenset({"base", "image", "use", "feimage", "script"})
_RELATIONS = frozenset(
    [
        "stylesheet",
        "preload",
        "prefetch",
        "preconnect",
        "dns-prefetch",
        "modulepreload",
        "icon",
        "manifest",
        "prerender",
    ]
)
#: Long attributes that say nothing, but in these elements.
_TOLD: Mapping[str, tuple[str, ...]] = {"iframe": ("srcdoc",)}
#: Documents within attributes of documents within attributes that are read.
_DEPTH = 4
_LENGTH = 160


def _shortened(text: str) -> str:
    return text if len(text) <= _LENGTH else f"{text[: _LENGTH - 1]}…"


def _elements(page: bytes | str, encoding: str | None = None, depth: int = 0) -> Iterator[Element]:
    try:
        from justhtml import JustHTML
    except ImportError as error:
        raise ConsentError('pages are read with justhtml: pip install "cookie-consent[testing]"') from error
    tree = JustHTML(
        page,
        sanitize=False,
        scripting_enabled=False,
        track_node_locations=True,
        encoding=encoding,
        iframe_srcdoc=depth > 0,
    )
    waiting: list[Any] = [tree.root]
    while waiting:
        node = waiting.pop()
        inner = getattr(node, "template_content", None)
        waiting += [*reversed(node.children or ()), *([inner] if inner is not None else ())]
        name = (node.name or "").lower()
        if name.startswith(("#", "!")):
            continue
        element = _element(name, node)
        yield element
        document = element.attributes.get("srcdoc")
        if document and depth < _DEPTH:
            for each in _elements(document, depth=depth + 1):
                yield replace(each, line=element.line, held=each.held if element.held is None else element.held)


def _element(name: str, node: Any) -> Element:
    attributes = {key.lower(): value or "" for key, value in (node.attrs or {}).items()}
    held: tuple[str, ...] | None = None
    if f"{_PREFIX}for" in attributes:
        held = tuple(filter(None, attributes[f"{_PREFIX}for"].split(",")))
        for key in ("type", "srcdoc"):  # the gate's: the application's has the prefix
            attributes.pop(key, None)
        attributes = {key.removeprefix(_PREFIX): value for key, value in attributes.items() if key not in _OURS}
    attributes = {key.removeprefix("xlink:"): value for key, value in attributes.items()}
    if name.startswith(_UNREAD):
        name, held = name.removeprefix(_UNREAD), ()
    text = "".join(str(child.data) for child in node.children or () if child.name == "#text")
    return Element(name, attributes, text, held, node.origin_line or 0)
