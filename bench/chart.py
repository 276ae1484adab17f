"""Draws figures as an SVG that reads in light and in dark."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape

_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1d2733}.title{font-weight:600}rect{fill:#9aa7b4}.marked{fill:#0b6b53}"
    "@media(prefers-color-scheme:dark){text{fill:#e6ebf0}rect{fill:#5d6b79}.marked{fill:#4cc3a1}}"
)
_MARKED = ' class="marked"'
_ROW, _LEFT, _WIDTH = 26, 270, 420


def bars(title: str, figures: Mapping[str, float], *, marked: str, linear: bool = False, digits: int = 0) -> str:
    """A bar for each figure, on a logarithmic scale from 1; those whose name begins with ``marked`` stand out.

    ``linear``: on a linear scale from 0 instead. ``digits``: how many to show behind the point.
    """
    longest = max(figures.values())
    rows = []
    for number, (name, figure) in enumerate(figures.items()):
        top = 44 + number * _ROW
        part = figure / longest if linear else math.log10(max(figure, 1.0)) / math.log10(longest)
        width = max(2.0, _WIDTH * part)
        rows.append(
            f'<text x="{_LEFT - 10}" y="{top + 13}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{_LEFT}" y="{top}" width="{width:.1f}" height="18" rx="2"'
            f"{_MARKED if name.startswith(marked) else ''}/>"
            f'<text x="{_LEFT + width + 8:.1f}" y="{top + 13}">{figure:,.{digits}f}</text>'
        )
    height = 44 + len(figures) * _ROW + 10
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 90} {height}" role="img"'
        f' aria-label="{escape(title)}"><style>{_STYLE}</style><text class="title" x="10" y="24">{escape(title)}'
        f"{'' if linear else ' (logarithmic)'}</text>{''.join(rows)}</svg>\n"
    )
