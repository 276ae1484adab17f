"""The visitor's receipt as a page: what was agreed to, and what proves it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from .script import style_url
from .settings_page import status

if TYPE_CHECKING:
    from .page import Page

__all__ = ["receipt_page"]


def receipt_page(page: Page, receipt: Mapping[str, Any] | None) -> Markup:
    """The receipt of the visitor who asks, or that there is none. ``receipt`` is what programs are given."""
    words = page.words
    title = words("receipt")
    said = words("receipt_text") if receipt is not None else words("receipt_none")
    return Markup(
        '<!doctype html><html lang="{lang}" dir="{dir}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        '<meta name="color-scheme" content="light dark"><title>{title}</title>'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="{css}"></head>'
        '<body class="yc-page"><main id="yc-m" class="yc-m"><h1 id="yc-h">{title}</h1><p>{said}</p>{content}'
        '<p class="yc-l"><a href="{settings}">{to_settings}</a></p></main></body></html>'
    ).format(
        lang=words.language,
        dir=words.direction,
        title=title,
        css=style_url(page.look, page.base),
        said=said,
        content=_content(page, receipt) if receipt is not None else "",
        settings=f"{page.base}settings",
        to_settings=words("settings_title"),
    )


def _content(page: Page, receipt: Mapping[str, Any]) -> Markup:
    words, policy = page.words, page.look.policy
    granted = [words.title(purpose) for purpose in policy.purposes if purpose.name in receipt["granted"]]
    return Markup(
        '<p class="yc-s">{status}</p><ul>{granted}</ul><p><time datetime="{moment}">{shown}</time></p><p>{sealed}</p>'
        '<pre class="yc-r" dir="ltr">{content}</pre>'
    ).format(
        status=status(page),
        granted=Markup("").join(Markup("<li>{}</li>").format(title) for title in granted),
        moment=f"{datetime.fromtimestamp(receipt['at'], UTC):%Y-%m-%dT%H:%M:%SZ}",
        shown=f"{datetime.fromtimestamp(receipt['at'], UTC):%Y-%m-%d %H:%M} UTC",
        sealed=words("receipt_sealed" if receipt["proof"] else "receipt_waiting"),
        content=json.dumps(receipt, indent=1, ensure_ascii=False),
    )
