"""The scripts of a page, what they are told, and the addresses of our files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from .look import Look, asset, stylesheet
from .vendors import Call

__all__ = ["asset_url", "state_script", "style_url", "vendor_script"]


def state_script(source: str, state: Mapping[str, Any], *, nonce: str | None, strict_dynamic: bool = False) -> Markup:
    """The page's state as JSON, and the module that reads it.

    ``strict_dynamic``: the page's policy lets a script bring in others, so that this one must not do it for anybody.
    """
    # "<" cannot end the element in JSON's own spelling of it.
    text = json.dumps(state, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    attributes = Markup(' nonce="{}"').format(nonce) if nonce else Markup("")
    if strict_dynamic:
        attributes += Markup(' data-strict=""')
    return Markup(
        '<script type="application/json" id="yc-s">{}</script><script type="module" src="{}"{}></script>'
    ).format(Markup(text), source, attributes)  # noqa: S704 - JSON, with the one dangerous character escaped


def vendor_script(calls: Iterable[Call], *, source: str | None, nonce: str | None) -> Markup:
    """What vendors are told first, as JSON, and the script that tells them: in place, or from ``source``.

    The script is the same for every page, so that a policy may name it by its hash.
    """
    told = json.dumps([*calls], ensure_ascii=False, separators=(",", ":"))
    address = Markup(' src="{}"').format(source) if source else ""
    content = Markup("") if source else Markup(asset("vendors.js").body.decode())  # noqa: S704 - our own file
    mark = Markup(' nonce="{}"').format(nonce) if nonce else ""
    return Markup('<script{}{} data-calls="{}">{}</script>').format(address, mark, told, content)


def asset_url(base: str, name: str) -> str:
    """The address of ``consent.js``, or of another file that is the same everywhere; it changes with its content."""
    return f"{base}{name}?v={asset(name).digest}"


def style_url(look: Look, base: str) -> str:
    """The address of the site's ``consent.css``."""
    return f"{base}consent.css?v={stylesheet(look.layout, look.theme).digest}"
