"""What an HTTP response means for the gate: is it HTML, how is it coded, how do caches tell it apart.

Pure functions over header lists, in the order in which a response passes through them. Sources: RFC 9110
(semantics), RFC 9111 (caching), the MIME Sniffing Standard (no type: the browser guesses, so we gate).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

__all__ = [
    "PAGES",
    "Headers",
    "charset",
    "content_coding",
    "header",
    "is_disputed",
    "is_download",
    "marked_etag",
    "media_type",
    "private",
    "unmarked_etags",
    "vary",
    "without",
]

Headers = list[tuple[str, str]]


def header(headers: Iterable[tuple[str, str]], name: str) -> str | None:
    """The first value of a header, by its lower-case name."""
    return next((value for key, value in headers if key.lower() == name), None)


def without(headers: Iterable[tuple[str, str]], *names: str) -> Headers:
    """The headers less those of the given lower-case names."""
    return [(key, value) for key, value in headers if key.lower() not in names]


#: Where browsers stop reading a type: "text/html (comment)" and "text/html charset=utf-8" are HTML to them.
_TYPE = re.compile(r"[ \t]*([^\s;,(/\"']+/[^\s;,(/\"']+)")
_HTML = frozenset({"text/html", "application/xhtml+xml", "text/vnd.turbo-stream.html"})
#: The media types that a browser may read as HTML, none among them.
PAGES = _HTML | {""}
#: MIME Sniffing Standard, 7: with these types, as with none, the browser guesses.
_GUESSED = frozenset({"unknown/unknown", "application/unknown", "*/*"})


@lru_cache(maxsize=256)
def media_type(content_type: str | None) -> str:
    """``text/html`` and the like, lower case and without parameters; ``""`` if the browser may have to guess.

    Of several types (a repeated field, joined by commas) browsers take the last that they understand, servers and
    caches the first: if one of them is HTML, it is HTML, and if one of them lets browsers guess, they do.

    >>> media_type("text/plain, text/html"), media_type("text/plain, unknown/unknown"), media_type("text/plain, */*")
    ('text/html', '', 'text/plain')
    """
    listed = [name for name, _ in _types(content_type)]
    html = next((each for each in listed if each in _HTML), None)
    return html or (listed[-1] if listed and _GUESSED.isdisjoint(listed) else "")


@lru_cache(maxsize=256)
def is_disputed(content_type: str | None) -> bool:
    """Whether several kinds of page are named, which are read in different ways."""
    kinds = PAGES.intersection("" if name in _GUESSED else name for name, _ in _types(content_type))
    return len(kinds) > 1 and kinds != {"text/html", ""}  # what is guessed to be a page is HTML


def _types(content_type: str | None) -> list[tuple[str, str]]:
    """The types that are listed, each with its parameters; but for ``*/*``, which browsers pass over if it has none."""
    listed = [(found, each) for each in (content_type or "").split(",") if (found := _TYPE.match(each))]
    return [(found.group(1).lower(), each[found.end() :]) for found, each in listed if each.strip(" \t") != "*/*"]


_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([^\s\"';,]+)", re.IGNORECASE)


@lru_cache(maxsize=256)
def charset(content_type: str | None) -> str | None:
    """The charset that a ``Content-Type`` declares, lower case, or None. Several different ones are no known one.

    Nor is one that is not of each type, where several are listed: it goes with the type that is not taken.
    """
    found = dict.fromkeys(each.lower() for each in _CHARSET.findall(content_type or ""))
    listed = _types(content_type)
    if found and len({name for name, _ in listed}) > 1 and not all(_CHARSET.search(more) for _, more in listed):
        found["none"] = None
    return " or ".join(found) or None


def is_download(headers: Iterable[tuple[str, str]]) -> bool:
    """Whether browsers keep a response as a file in place of showing it: all of them, beyond a doubt.

    What they cannot read of ``Content-Disposition`` they pass over, each in its own way, and show the page.

    >>> [is_download([("Content-Disposition", each)]) for each in ("Attachment ; filename=a", "attachment filename=a")]
    [True, False]
    """
    values = [value for key, value in headers if key.lower() == "content-disposition"]
    return len(values) == 1 and values[0].partition(";")[0].strip(" \t").lower() == "attachment"


def content_coding(headers: Iterable[tuple[str, str]]) -> str:
    """The content codings that a response names, in the order in which they were put on; ``""`` for none."""
    values = [value for key, value in headers if key.lower() == "content-encoding"]
    items = [item.strip().lower() for value in values for item in value.split(",")]
    return ", ".join(item for item in items if item not in {"", "identity"})


def vary(headers: Headers, *names: str) -> Headers:
    """The headers with one ``Vary`` that also names these."""
    value = _vary(tuple(value for key, value in headers if key.lower() == "vary"), names)
    return headers if value is None else [*without(headers, "vary"), ("Vary", value)]


@lru_cache(maxsize=256)
def _vary(values: tuple[str, ...], names: tuple[str, ...]) -> str | None:
    listed = [item.strip() for value in values for item in value.split(",")]
    if "*" in listed:
        return None
    known = {item.lower() for item in listed}
    listed += [name for name in names if name.lower() not in known]
    return ", ".join(item for item in listed if item)


_SHARED_CACHE = re.compile(r"(?:public|private|s-maxage\s*=.*|stale-while-revalidate\s*=.*)\Z", re.IGNORECASE)


def private(headers: Headers) -> Headers:
    """The headers with a ``Cache-Control`` that keeps a visitor's page out of shared caches."""
    value = _private(tuple(value for key, value in headers if key.lower() == "cache-control"))
    return headers if value is None else [*without(headers, "cache-control", "expires"), ("Cache-Control", value)]


@lru_cache(maxsize=256)
def _private(values: tuple[str, ...]) -> str | None:
    items = [item.strip() for value in values for item in value.split(",")]
    if any(item.lower() == "no-store" for item in items):
        return None
    return ", ".join(["private", *(item for item in items if item and not _SHARED_CACHE.match(item))])


# A validator of ours is the application's and the visitor's state: "abc" -> "abc;c=1f2e3d4c5b6a".
_ETAG = re.compile(r'(W/)?"([^"]*)"')
_MARK = re.compile(r";c=[0-9a-f]{12}\Z")


def marked_etag(value: str, state: str) -> str:
    """An entity tag that differs per state of consent; ``state`` is 12 hex digits."""
    found = _ETAG.fullmatch(value.strip())
    return f'{found.group(1) or ""}"{found.group(2)};c={state}"' if found else value


def unmarked_etags(value: str, state: str, *, keep_foreign: bool) -> str:
    """An ``If-None-Match`` as the application knows it: our tags of this state, unmarked; of another state, gone.

    ``keep_foreign``: whether tags that were never ours stay. For pages they must not: one may be from before
    the gate was set up, and a 304 would revive that page ungated.
    """
    if value.strip() == "*":
        return value if keep_foreign else ""
    kept: list[str] = []
    for weak, tag in _ETAG.findall(value):
        if tag.endswith(f";c={state}"):
            kept.append(f'{weak}"{tag[: -len(state) - 3]}"')
        elif keep_foreign and not _MARK.search(tag):
            kept.append(f'{weak}"{tag}"')
    return ", ".join(kept)
