"""Write docs/rooms.svg, the rooms as the import contracts have them: ``make rooms``. A test asks that it is current.

A row is a layer, which may import what is below it and nothing above.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "rooms.svg"
#: What a module is, where the first line of its docstring is no question.
_SAID: Mapping[str, str] = {
    "testing": "for the tests of sites that use it",
    "demo": "a site to try it on",
    "fastapi": "a dependency",
    "flask": "an extension",
    "django": "app and middleware",
    "migrate": "from another library",
    "cli": "the command line",
    "check": "Is it set up right?",
    "report": "What did visitors choose?",
    "scan": "What does a site really do?",
    "wsgi": "the door for WSGI",
    "asgi": "the door for ASGI",
    "site": "one configured site: the centre, its log, its clock",
    "accounts": "who is signed in",
    "carried": "a decision for later work",
    "geoip": "in which country",
    "exchange": "What happens with this request?",
    "view": "views that need an agreement",
    "errors": "what goes wrong",
    "sheet": "a page for people",
}
_LEFT, _WIDTH, _ROW, _GAP = 34, 780, 50, 9
_STYLE = (
    "text{font:12.5px system-ui,sans-serif;fill:#3c4340}"
    ".n{font:600 14px ui-monospace,Menlo,Consolas,monospace;fill:#16201c}"
    "rect{fill:#f4f4f0;stroke:#d6d8d0}.pure{fill:#dcefe8;stroke:#6fae9d}.core{stroke:#6fae9d;stroke-width:2}"
    ".way{fill:none;stroke:#7d8782;stroke-width:1.5}.told{fill:#7d8782}"
    "@media(prefers-color-scheme:dark){text{fill:#c3cac6}.n{fill:#f3f5f3}rect{fill:#22262a;stroke:#3d444a}"
    ".pure{fill:#173a31;stroke:#3f8d79}.core{stroke:#3f8d79}.way{stroke:#8d9792}.told{fill:#8d9792}}"
)


def contracts() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """The import contracts, by their ids."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return {each["id"]: each for each in project["tool"]["importlinter"]["contracts"]}


def question(room: str) -> str:
    """What a room answers: the first line of its docstring, if that is a question."""
    path = ROOT / "src/consent" / room / "__init__.py"
    first = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").partition("\n")[0] if path.exists() else ""
    return first if first.endswith("?") else _SAID[room]


def boxes() -> Iterator[str]:
    """Each room, in its layer, from the top."""
    rules = contracts()
    pure = {name.removeprefix("consent.") for name in rules["pure"]["source_modules"]}
    for row, layer in enumerate(rules["rooms"]["layers"]):
        rooms = [name.removeprefix("consent.") for name in layer.split(" | ")]
        wide = (_WIDTH - _GAP * (len(rooms) - 1)) / len(rooms)
        for place, room in enumerate(rooms):
            x, y = _LEFT + place * (wide + _GAP), 6 + row * (_ROW + _GAP)
            kind = "pure" if room in pure else "core" if any(name.startswith(f"{room}.") for name in pure) else "room"
            middle = f'x="{x + wide / 2:.1f}" text-anchor="middle"'
            yield (
                f'<rect class="{kind}" x="{x:.1f}" y="{y}" width="{wide:.1f}" height="{_ROW}" rx="9"/>'
                f'<text class="n" {middle} y="{y + 21}">{room}</text>'
                f'<text {middle} y="{y + 39}">{escape(question(room))}</text>'
            )


def picture() -> str:
    foot = 6 + len(contracts()["rooms"]["layers"]) * (_ROW + _GAP)
    keys = (
        ("pure", "decides, and knows no framework, database, network, clock or chance"),
        ("core", "so does its core"),
    )
    legend = "".join(
        f'<rect class="{kind}" x="{_LEFT + place * 480}" y="{foot + 8}" width="16" height="16" rx="4"/>'
        f'<text class="told" x="{_LEFT + place * 480 + 24}" y="{foot + 20}">{told}</text>'
        for place, (kind, told) in enumerate(keys)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 6} {foot + 34}" role="img">'
        "<title>The rooms in their layers: each imports what is below it, and nothing above</title>"
        f"<style>{_STYLE}</style>"
        f'<path class="way" d="M9 10V{foot - 14}m-5 -7l5 7l5 -7"/>'
        f'<text class="told" transform="translate(17 {foot / 2:.0f}) rotate(90)" text-anchor="middle">may import</text>'
        f"{''.join(boxes())}{legend}</svg>\n"
    )


if __name__ == "__main__":
    PICTURE.write_text(picture(), "utf-8")
