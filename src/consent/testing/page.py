"""A page as a browser would read it: its elements, what each would load or run, and which of them are held.

It is read by a parser of the HTML Standard, with none of the gate's tokenizer. Scripting is off in it, so that what is
in a ``<noscript>`` counts too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import ConsentError
from ..gate.address import addresses_in, document_in, opened, refresh_addresses

__all__ = ["Element", "elements_of"]


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
            if name not in {"nonce", "integrity"}
        )
        content = " ".join(self.text.split()) if self.name in {"script", "style"} else ""
        text = f"<{self.name}{written}>{content}"
        return f"line {self.line}: {text if len(text) <= _LENGTH else f'{text[:_LENGTH]}…'}"

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
        if self.name == "script" and not self.runs:  # a block of data, but for these
            return addresses_in(self.text) if self._type in {"importmap", "speculationrules"} else []
        found: list[str] = []
        for name, value in self.attributes.items():
            if name in _LISTS:
                found += [each.split()[0] for each in re.split(r",\s+|,(?=https?:|//)", value) if each.strip()]
            elif name == "style":
                found += addresses_in(value, css=True)
            elif (
                name in _LOADING or (name == "href" and self._href_loads) or (name == "data" and self.name == "object")
            ):
                found.append(value)
            elif name == "content" and self.attributes.get("http-equiv", "").lower() == "refresh":
                found += refresh_addresses(value)
        return found + addresses_in(opened(self.text), css=True) if self.name == "style" else found

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
_LOADING = frozenset({"src", "poster", "background", "ping"})
_LISTS = frozenset({"srcset", "imagesrcset"})
_HREF = frozenset({"base", "image", "use", "feimage", "script"})
_RELATIONS = frozenset(
    {"stylesheet", "preload", "prefetch", "preconnect", "dns-prefetch"}
    | {"modulepreload", "icon", "manifest", "prerender"}
)
#: Documents within attributes of documents within attributes that are read.
_DEPTH = 4
#: Characters of an element that are told.
_LENGTH = 160


def elements_of(page: bytes | str, encoding: str | None = None, *, depth: int = 0) -> Iterator[Element]:
    """The elements of a page in its order, those of documents in frames too. ``encoding``: as its headers name it."""
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
            for each in elements_of(document, depth=depth + 1):
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
