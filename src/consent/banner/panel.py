"""What a developer sees at a page's end in debug mode: what was held there, why, and where in the page it stood.

In English and in ASCII, whatever the page's language and encoding are. Visitors never see it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup

__all__ = ["Row", "panel"]

#: Tags that are told one by one; a page may have any number of them.
_MOST = 200


class Row(NamedTuple):
    """One tag that was held, as the gate tells it. ``offset``: its place in the application's bytes."""

    service: str | None
    tag: str
    excerpt: str
    offset: int
    reason: str
    purposes: tuple[str, ...]


def panel(rows: Sequence[Row], cookies: Sequence[str], *, style: Markup) -> bytes:
    """The panel, closed. ``cookies``: those that did not leave; ``style``: the element that brings its looks."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.service or "no service", _why(row)), []).append(row)
    told = [
        Markup("<li><b>{}</b> ({}): {}{}</li>").format(service, len(found), why, _tags(found))
        for (service, why), found in groups.items()
    ]
    if cookies:
        named = Markup(", ").join(Markup("<code>{}</code>").format(name) for name in dict.fromkeys(cookies))
        told.append(Markup("<li><b>cookies</b> ({}): did not leave: {}</li>").format(len(cookies), named))
    content = Markup("<ul>{}</ul>").format(Markup("").join(told)) if told else Markup("<p>Nothing is held here.</p>")
    text = Markup(
        '{style}<aside id="yc-dev" lang="en" dir="ltr" aria-label="consent, in debug mode"><details>'
        '<summary>consent: {count} held</summary><div tabindex="0" role="group" aria-label="What is held, and why">'
        "<p>Shown in debug mode only. Places are bytes of the page as the application sent it.</p>{content}"
        "</div></details></aside>\n"
    ).format(style=style, count=len(rows) + len(cookies), content=content)
    return text.encode("ascii", "xmlcharrefreplace")


def _why(row: Row) -> str:
    """The rule by which a tag is held."""
    until = f"until {' and '.join(row.purposes)} is allowed"
    match row.reason:
        case "undeclared":
            return "not declared in the settings, and so held whatever the visitor chooses"
        case "unknown-purpose":
            return f"data-purpose names what the settings do not know: {row.excerpt}"
        case "too-long":
            return "too long to be read"
        case "marked":
            return f"marked with data-purpose, {until}"
        case _:
            return until


def _tags(found: Iterable[Row]) -> Markup:
    rows = [*found]
    listed = [
        Markup("<li><code>&lt;{}&gt;</code> byte {}{}</li>").format(
            row.tag, row.offset, Markup(": <code>{}</code>").format(row.excerpt) if row.excerpt else ""
        )
        for row in rows[:_MOST]
    ]
    if len(rows) > _MOST:
        listed.append(Markup("<li>and {} more</li>").format(len(rows) - _MOST))
    return Markup("<ol>{}</ol>").format(Markup("").join(listed))
