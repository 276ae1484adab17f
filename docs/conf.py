"""How Sphinx makes a site of these pages: ``make docs``.

The pages are written to be read in the repository, too. So links are files' relative paths, and whatever they lead to
outside of this folder is a page here where there is one (``_PAGES``), else a file that is downloaded.
"""

from __future__ import annotations

import re
from importlib.metadata import version as installed

import django
from django.conf import settings
from sphinx.application import Sphinx

settings.configure()  # consent.django can be imported only where settings are
django.setup()

project = "consent"
author = copyright = "The consent contributors"  # noqa: A001, Sphinx's name
release = version = installed("cookie-consent")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!consent\b).*"),  # other projects' names: nothing is asked of the network
    # names that a signature shows, and that are nobody's business
    (
        "py:.*",
        r"consent\.(errors|view)\._\w+|consent\.(site|banner\.look|django\.apps|log\.store|policy\.exemption|visitor\.account)\b.*",
    ),
    ("py:.*", r"consent\.visitor\.decision\.Tie"),
]

myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline"]

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100

html_theme = "furo"
html_title = f"consent {release}"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1d4f8c", "color-brand-content": "#1d4f8c"},
    "dark_css_variables": {"color-brand-primary": "#8fbcf0", "color-brand-content": "#8fbcf0"},
}

_PAGES = {
    "../CHANGELOG.md": "changelog.md",
    "../CONTRIBUTING.md": "contributing.md",
    "../README.md": "index.md",
    "../SECURITY.md": "security.md",
    "../examples": "examples.md",
    "../examples/flask_factory": "examples.md",
    "../examples/nginx_shared": "examples.md",
}


def _lead_to_pages(_app: Sphinx, _name: str, source: list[str]) -> None:
    source[0] = re.sub(r"(?<=\]\()\.\./[^)#]+", lambda found: _PAGES.get(found[0].rstrip("/"), found[0]), source[0])


def _make_lists(_app: Sphinx, _what: str, _name: str, _object: object, _options: object, lines: list[str]) -> None:
    """The columns in which docstrings tell of fields, ````name``  what it is````, as lists."""
    told: list[str] = []
    listed = False
    for line in lines:
        if found := re.match(r"(``\w+``(?:, ``\w+``)*) {2,}(?=\S)", line):
            told += [f"* {found[1]}: {line[found.end() :]}"] if listed else ["", f"* {found[1]}: {line[found.end() :]}"]
            listed = True
        elif listed and line.startswith("  "):
            told.append(f"  {line.strip()}")
        else:
            told += ["", line] if listed else [line]
            listed = False
    lines[:] = told


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-docstring", _make_lists)
    app.connect("source-read", _lead_to_pages)
