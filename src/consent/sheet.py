"""HTML in one file, for people: tables, details and charts, which load nothing, run nothing and can be printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Literal

from markupsafe import Markup

__all__ = [
    "NONE",
    "code",
    "columns",
    "details",
    "document",
    "drawing",
    "number",
    "round_up",
    "section",
    "shares",
    "table",
    "tiles",
]

#: Where a cell of a table has nothing to say.
NONE = Markup('<span class="none">–</span>')
_WIDTH, _HEIGHT, _LEFT, _FOOT = 720, 200, 44, 22


def document(title: str, told: str, *sections: Markup) -> str:
    """A page of these sections. ``told``: a line below the title."""
    return str(
        Markup(
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">'
            "<title>{title}</title><style>{style}</style></head><body><header><h1>{title}</h1><p>{told}</p></header>"
            "<main>{sections}</main></body></html>\n"
        ).format(
            title=title,
            told=told,
            style=Markup(files("consent").joinpath("sheet.css").read_text("utf-8")),  # noqa: S704 - our own file
            sections=Markup("").join(sections),
        )
    )


def section(title: str, *content: Markup) -> Markup:
    """A part of the page; nothing where it has no content."""
    inner = Markup("").join(content)
    return Markup("<section><h2>{}</h2>{}</section>").format(title, inner) if inner else Markup("")


def tiles(verdict: str, counts: Mapping[str, tuple[int, str]]) -> Markup:
    """A verdict in a sentence, and numbers below it: by their words, each with a class."""
    items = Markup("").join(
        Markup('<li class="{}"><b>{}</b> {}</li>').format(kind, f"{count:,}", word)
        for word, (count, kind) in counts.items()
    )
    return Markup('<section class="summary"><p class="verdict">{}</p><ul>{}</ul></section>').format(verdict, items)


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    """A table, the first cell of each row its head; nothing where it has no rows. Numbers end below each other."""
    lines = [*rows]
    if not lines:
        return Markup("")
    cells = [[row[column] for row in lines] for column in range(len(heads))]
    counted = any(_numeric(each) for each in cells)
    ends = [counted and (_numeric(each) or all(cell is NONE for cell in each)) for each in cells]
    body = Markup("").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            row[0], Markup("").join(_cell("td", cell, end=end) for cell, end in zip(row[1:], ends[1:], strict=True))
        )
        for row in lines
    )
    head = Markup("").join(_cell("th", text, end=end) for text, end in zip(heads, ends, strict=True))
    return Markup(
        '<div class="wide" tabindex="0" role="region" aria-label="{}"><table{}><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(caption, Markup(' class="numbers"') if any(ends) else "", head, body)


def _numeric(cells: Sequence[object]) -> bool:
    """Whether a column is of numbers, or of shares."""
    said = [cell for cell in cells if cell is not NONE]
    return bool(said) and all(isinstance(cell, int) or str(cell).endswith(" %") for cell in said)


def _cell(tag: Literal["td", "th"], content: object, *, end: bool) -> Markup:
    shown = f"{content:,}" if isinstance(content, int) else content
    named = Markup("").join((Markup(' scope="col"') if tag == "th" else "", Markup(' class="end"') if end else ""))
    return Markup("<{0}{1}>{2}</{0}>").format(tag, named, shown)


def details(title: str, lines: Iterable[str]) -> Markup:
    """Lines that are shown when they are asked for; nothing where there are none."""
    items = Markup("").join(Markup("<li>{}</li>").format(code(line)) for line in lines)
    return Markup("<details><summary>{}</summary><ul>{}</ul></details>").format(title, items) if items else Markup("")


def code(text: object) -> Markup:
    """A name or an address, as it is written."""
    return Markup("<code>{}</code>").format(text)


def number(word: str, count: int) -> str:
    """A count with its word."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def columns(caption: str, series: Mapping[str, str], values: Sequence[tuple[str, Mapping[str, int]]]) -> Markup:
    """A chart of stacked columns, with its legend.

    :param series: the name of each, with the class that colours it, from the foot up.
    :param values: the columns in order: what each is called, and how much of each series it has.
    """
    top = round_up(max((sum(counts.values()) for _, counts in values), default=0))
    step = (_WIDTH - _LEFT) / max(1, len(values))
    bars: list[Markup] = []
    for place, (name, counts) in enumerate(values):
        y = float(_HEIGHT)
        for kind, style in series.items():
            height = _HEIGHT * counts.get(kind, 0) / top
            y -= height
            if height:
                bars.append(
                    Markup(
                        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}: {} {}</title></rect>'
                    ).format(
                        style, f"{_LEFT + place * step + step * 0.1:.1f}", f"{y:.1f}", f"{step * 0.8:.1f}",
                        f"{height:.1f}", name, f"{counts[kind]:,}", kind,
                    )
                )  # fmt: skip
    lines = Markup("").join(
        Markup('<path d="M{} {}H{}"/><text class="end axis" x="{}" y="{}">{}</text>').format(
            _LEFT, y, _WIDTH, _LEFT - 6, y + 3, f"{round(top * (_HEIGHT - y) / _HEIGHT):,}"
        )
        for y in range(0, _HEIGHT + 1, _HEIGHT // 4)
    )
    names = Markup("").join(
        Markup('<text class="axis" x="{}" y="{}">{}</text>').format(f"{_LEFT + place * step:.1f}", _HEIGHT + 16, name)
        for place, (name, _) in enumerate(values)
        if place % max(1, len(values) // 8) == 0 and place * step < _WIDTH - _LEFT - 48  # room for the name
    )
    legend = Markup("").join(
        Markup('<li class="{}"><i></i>{}</li>').format(style, kind) for kind, style in series.items()
    )
    return Markup('<figure class="chart"><ul class="legend" aria-hidden="true">{}</ul>{}</figure>').format(
        legend, drawing(caption, _WIDTH, _HEIGHT + _FOOT + 8, lines + Markup("").join(bars) + names, top=-8)
    )


def shares(series: Mapping[str, str], counts: Mapping[str, int]) -> Markup:
    """A bar of what each of a series is of the whole. It says nothing that the numbers beside it do not."""
    whole = sum(counts.values())
    x = 0.0
    parts: list[Markup] = []
    for kind, style in series.items():
        width = 100 * counts.get(kind, 0) / whole if whole else 0
        if width > 0:
            parts.append(
                Markup('<rect class="{}" x="{}" y="0" width="{}" height="10"><title>{} {}</title></rect>').format(
                    style, f"{x:.2f}", f"{width:.2f}", f"{counts[kind]:,}", kind
                )
            )
        x += width
    return Markup(
        '<svg class="shares" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(Markup("").join(parts))


def drawing(caption: str, width: int, height: int, content: Markup, *, top: int = 0) -> Markup:
    """A drawing that is read to a screen reader as its caption, and is scrolled where a screen is too narrow for it."""
    return Markup(
        '<div class="scroll" tabindex="0" role="group" aria-label="{0}">'
        '<svg viewBox="0 {1} {2} {3}" role="img" aria-label="{0}">{4}</svg></div>'
    ).format(caption, top, width, height, content)


def round_up(most: int) -> int:
    """The next of 4, 8, 20, 40, 80, 200, …: what four lines divide."""
    size = 4
    while size < most:
        size = size * 2 if str(size)[0] in "24" else size // 8 * 20
    return size
