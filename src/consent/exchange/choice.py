"""A visitor's post, read with suspicion: whose is it, what does it choose, where does it go back to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from ..banner.text import LANGUAGES
from ..errors import InvalidRequest, UnknownPurpose
from ..log.record import Surface
from ..policy.policy import Policy
from .facts import Facts

__all__ = ["LIMIT", "Choice", "check_origin", "local_path", "read_choice"]

#: Bytes. A decision with every field at its longest fits in a quarter of this.
LIMIT = 4096

_ACTIONS = ("accept", "refuse", "save", "withdraw")
_SURFACES: Mapping[str, Surface] = {"banner": "banner", "settings": "settings", "placeholder": "placeholder"}
_CONTROL = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a post asks for. ``granted`` are the optional purposes agreed to; ``next`` is a path of this site.

    ``policy``, ``lang``: what the page showed, where the post says so, as the library's own forms and script do.
    ``everything``: whether it accepts whatever there is, rather than purposes by name.
    """

    granted: frozenset[str]
    surface: Surface
    scripted: bool
    next: str
    policy: str | None = None
    lang: str | None = None
    everything: bool = False


def check_origin(facts: Facts) -> None:
    """Refuse a post that another site made the visitor's browser send.

    ``Sec-Fetch-Site`` decides where the browser sends it, else ``Origin``, which every browser of this decade sends
    with a post. A client that sends neither carries nobody's cookies but its own. Under a name that is not the site's,
    nothing is.

    :raises InvalidRequest: with status 403.
    """
    if not facts.host:
        raise InvalidRequest("a decision is made on this site only", status=403)
    site = facts.header("sec-fetch-site")
    if site is not None:
        if site.strip().lower() not in {"same-origin", "none"}:
            raise InvalidRequest("a decision is made on this site only", status=403)
        return
    origin = facts.header("origin")
    # Only the host is compared: behind a proxy that ends TLS the scheme here may not be the visitor's.
    if origin is not None and _host_of(origin) != facts.host.lower():
        raise InvalidRequest("a decision is made on this site only", status=403)


def read_choice(facts: Facts, body: bytes, policy: Policy) -> Choice:
    """The choice in a form or JSON body.

    :raises InvalidRequest: 413 if too long, 415 for another media type, 400 for anything else not understood.
    """
    if len(body) > LIMIT:
        raise InvalidRequest(f"a decision is at most {LIMIT} bytes", status=413)
    media_type = (facts.header("content-type") or "").partition(";")[0].strip().lower()
    try:
        if media_type == "application/json":
            fields = _json_fields(body)
        elif media_type == "application/x-www-form-urlencoded":
            fields = _form_fields(body)
        else:
            raise InvalidRequest("a decision is application/x-www-form-urlencoded or application/json", status=415)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("the decision could not be read") from error
    return Choice(
        granted=_granted(fields, policy),
        surface=_SURFACES.get(fields.surface, "api"),
        scripted=media_type == "application/json",
        next=local_path(fields.next) or _referrer(facts) or f"{facts.root}/",
        policy=fields.policy,
        lang=fields.lang if fields.lang in LANGUAGES else None,
        everything=fields.action == "accept",
    )


def local_path(text: str) -> str | None:
    """A path of this site that is safe in a ``Location`` header, or None.

    >>> [local_path(text) for text in ("/news?page=2", "//evil.example", "/\\\\evil.example", "javascript:x")]
    ['/news?page=2', None, None, None]
    """
    if not text.startswith("/") or text.startswith("//") or len(text) > 2048 or _CONTROL.search(text):
        return None
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return None
    return quote(text, safe="/?#[]@!$&'()*+,;=:%~-._")


@dataclass(frozen=True, slots=True)
class _Fields:
    action: str
    purposes: tuple[str, ...]
    surface: str
    next: str
    policy: str | None
    lang: str | None


def _form_fields(body: bytes) -> _Fields:
    form = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=128)
    # A site's own form may have one button per action; the last pressed is the only one sent, so two are a mistake.
    if len(form.get("action", ())) != 1:
        raise ValueError("one action")
    return _Fields(
        action=form["action"][0],
        purposes=tuple(form.get("purpose", ())),
        surface=form.get("surface", [""])[-1],
        next=form.get("next", [""])[-1],
        policy=form.get("policy", [None])[-1],
        lang=form.get("lang", [None])[-1],
    )


def _json_fields(body: bytes) -> _Fields:
    match json.loads(body):
        case {"action": str(action), **rest}:
            return _Fields(
                action=action,
                purposes=tuple(_texts(rest.get("purposes", []))),
                surface=_text(rest.get("surface", "")),
                next=_text(rest.get("next", "")),
                policy=None if rest.get("policy") is None else _text(rest["policy"]),
                lang=None if rest.get("lang") is None else _text(rest["lang"]),
            )
    raise ValueError("an object with an action")


def _texts(value: Any) -> Iterable[str]:
    if not isinstance(value, list):
        raise ValueError("a list of purposes")  # noqa: TRY004 - it is the visitor's value, not a caller's type
    return map(_text, value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a text")  # noqa: TRY004
    return value


def _granted(fields: _Fields, policy: Policy) -> frozenset[str]:
    optional = frozenset(policy.optional)
    match fields.action:
        case "accept":
            return optional
        case "refuse" | "withdraw":
            return frozenset()
        case "save":
            try:
                return frozenset(policy.purpose(name).name for name in fields.purposes) & optional
            except UnknownPurpose as error:
                raise InvalidRequest("the decision names a purpose that this site does not have") from error
    raise InvalidRequest(f"the action is one of {', '.join(_ACTIONS)}")


def _host_of(address: str) -> str | None:
    """Host and port of an address that a browser sent; None if it is none."""
    try:
        return urlsplit(address.strip()).netloc.lower()
    except ValueError:
        return None


def _referrer(facts: Facts) -> str | None:
    address = facts.header("referer") or ""
    if _host_of(address) != facts.host.lower():
        return None
    referrer = urlsplit(address.strip())
    return local_path(referrer.path + (f"?{referrer.query}" if referrer.query else ""))
