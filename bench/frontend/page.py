"""The page that all banners stand on: a newspaper's article of 50 KB with a style, a script and pictures of its own."""

from __future__ import annotations

import random

_WORDS = (
    "the council met on tuesday and agreed after a long debate that the old tram depot will become a library with "
    "reading rooms a small cinema and a garden which neighbours had asked for since the line was closed in spring"
).split()
_SECTIONS = ("Home", "City", "Harbour", "Region", "Economy", "Culture", "Sport", "Weather", "Letters", "Archive")
_LENGTH = 50_000

STYLE = """
:root { color-scheme: light dark; --line: #d8d8d2; }
* { box-sizing: border-box; }
body { margin: 0; font: 1.0625rem/1.6 Georgia, serif; color: #1b1b19; background: #fff; }
header, main, footer { max-width: 66rem; margin: 0 auto; padding: 1rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 0; padding: 0; list-style: none; }
a { color: #17446b; }
main { display: grid; grid-template-columns: minmax(0, 1fr) 16rem; gap: 2rem; }
article > p { max-width: 40rem; }
figure { margin: 1.5rem 0; } img { max-width: 100%; height: auto; background: #e9e9e4; }
figcaption, footer { font-size: .875rem; }
aside { border-inline-start: 1px solid var(--line); padding-inline-start: 1.5rem; }
aside li { margin-block: .5rem; }
@media (max-width: 48rem) { main { grid-template-columns: 1fr; } aside { border: 0; padding: 0; } }
@media (prefers-color-scheme: dark) { body { color: #ecece8; background: #17181a; } a { color: #9cc4e8; } }
"""
SCRIPT = """document.querySelector("time").title = new Date(document.querySelector("time").dateTime).toString();
for (const link of document.querySelectorAll("article a")) link.dataset.read = "";
"""
PICTURE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 360"><rect width="640" height="360" fill="#bcd3dd"/>
<path d="M0 250 Q160 220 320 250 T640 250 V360 H0Z" fill="#4f7f93"/><path d="M220 230 h200 l-30 40 h-140z" fill="#7a3b2e"/>
<path d="M320 90 v140 M320 100 l80 110 h-80" stroke="#333" fill="#f6f1e4" stroke-width="4"/></svg>"""


def article(head: str = "", end: str = "") -> bytes:
    """The article, with this in its head and this at its body's end."""
    chance = random.Random(7)

    def text(words: int) -> str:
        return " ".join(chance.choices(_WORDS, k=words)).capitalize() + "."

    start = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>The depot becomes a library</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n'
        f'<link rel="stylesheet" href="/own/site.css">\n<script src="/own/site.js" defer></script>\n{head}</head>\n<body>\n'
    )
    links = "".join(f'<li><a href="/{name.lower()}">{name}</a></li>' for name in _SECTIONS)
    parts = [
        f'<header><nav aria-label="Sections"><ul>{links}</ul></nav></header>\n<main>\n<article>\n'
        '<h1>The depot becomes a library</h1>\n<p><time datetime="2026-11-20T08:00Z">20 November 2026</time></p>\n'
    ]
    more = "".join(f'<li><a href="/more/{number}">{text(8)}</a></li>\n' for number in range(12))
    rest = (
        f"</article>\n<aside aria-labelledby=more><h2 id=more>More</h2><ul>{more}</ul></aside>\n</main>\n"
        '<footer><a href="/privacy">Privacy policy</a> <a href="/imprint">Imprint</a></footer>\n'
    )
    length = sum(map(len, (start, *parts, rest)))
    number = 0
    while length < _LENGTH:
        number += 1
        part = f'<p>{text(60)} <a href="/story/{number}">{text(4)}</a> {text(50)}</p>\n'
        if number % 12 == 1:
            lazy = " loading=lazy" if number > 1 else ""
            part += (
                (f"<h2>{text(5)}</h2>\n" if number > 1 else "")
                + f'<figure><img src="/own/{number}.svg" width="640" height="360" alt="The harbour"{lazy}><figcaption>{text(9)}</figcaption></figure>\n'
            )
        parts.append(part)
        length += len(part)
    return "".join([start, *parts, rest, end, "</body>\n</html>\n"]).encode()
