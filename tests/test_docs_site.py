"""The documentation becomes a site without a warning, in which every link has an end; its pages of commands are current."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from selectolax.lexbor import LexborHTMLParser

from commands import page
from consent.cli import main
from rooms import PICTURE, picture

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PARTS = ["Tutorial", "How-tos", "Reference", "Explanation"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LexborHTMLParser]:
    """The pages of the site, by their names. Building it asks the network for nothing."""
    place = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--fail-on-warning", "--keep-going", "--nitpicky", "--builder", "html"]
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, DOCS, place], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    pages = [path for path in place.rglob("*.html") if "_downloads" not in path.parts]
    return {str(path.relative_to(place)): LexborHTMLParser(path.read_bytes()) for path in pages} | {
        str(path.relative_to(place)): LexborHTMLParser("") for path in place.rglob("*") if path.suffix != ".html"
    }


def test_every_page_has_its_place_in_one_of_four_parts(site: dict[str, LexborHTMLParser]) -> None:
    tree = site["index.html"].css_first(".sidebar-tree")
    assert tree is not None
    assert [each.text(strip=True) for each in tree.css(".caption-text")] == PARTS
    listed = [link.attributes["href"] or "" for link in tree.css("a.reference")]
    assert len(listed) == len(set(listed)), "each once"
    assert set(listed) == {f"{path.stem}.html" for path in DOCS.glob("*.md")} - {"index.html"}


def test_every_link_of_the_site_has_an_end(site: dict[str, LexborHTMLParser]) -> None:
    ids = {name: {each.attributes["id"] for each in tree.css("[id]")} for name, tree in site.items()}
    broken = []
    for name, tree in site.items():
        for link in tree.css("a[href], img[src]"):
            found = urlsplit(link.attributes.get("href") or link.attributes.get("src") or "")
            if found.scheme or found.netloc:
                continue
            target = unquote(found.path) or name
            if target not in site or (found.fragment and unquote(found.fragment) not in ids[target]):
                broken.append((name, found.geturl()))
    assert broken == []


def test_every_link_between_the_pages_has_an_end_where_they_are_read_in_the_repository_too() -> None:
    files = [*ROOT.glob("*.md"), *DOCS.glob("*.md"), *(ROOT / "examples").rglob("*.md")]
    broken = []
    for file in files:
        for link in re.findall(r"\]\(([^)\s]+)\)", without_code(file)):
            found = urlsplit(link)
            target = (file.parent / unquote(found.path)).resolve() if found.path else file
            if found.scheme:
                continue
            if not target.exists() or (found.fragment and found.fragment not in anchors(target)):
                broken.append((file.name, link))
    assert len(files) > 40
    assert broken == []


def without_code(file: Path) -> str:
    return re.sub(r"^```.*?^```", "", file.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(file: Path) -> set[str]:
    """What GitHub, and MyST, make of a page's headings."""
    heads = re.findall(r"^#+ (.+)$", without_code(file), re.MULTILINE)
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)|[`*]", r"\1", head).strip().lower() for head in heads)
    return {re.sub(r"[^\w\- ]", "", head).replace(" ", "-") for head in plain}


def test_the_picture_of_the_rooms_is_that_of_the_import_contracts() -> None:
    assert PICTURE.read_text("utf-8") == picture(), "make rooms"


def test_every_defence_is_tried_by_the_test_that_is_named() -> None:
    named = re.findall(r"\[([^]]+)\]\(\.\./(tests/[^)]+)\)", (DOCS / "threats.md").read_text("utf-8"))
    assert len(named) > 40
    for claim, file in named:
        name = re.sub(r"[^a-z0-9]+", "_", claim)
        assert f"def test_{name}(" in (ROOT / file).read_text("utf-8"), f"{file}: {claim}"


def test_python_s_public_names_are_told_of(site: dict[str, LexborHTMLParser]) -> None:
    import consent
    import consent.asgi
    import consent.flask
    import consent.testing
    import consent.wsgi

    told = {each.attributes["id"] for each in site["api.html"].css("dt[id]")}
    for module in (consent, consent.asgi, consent.flask, consent.testing, consent.wsgi):
        for name in module.__all__:
            assert f"{module.__name__}.{name}" in told or f"consent.errors.{name}" in told or name == "Gate", name
    assert "consent.gate.Gate" in told


def test_the_page_of_commands_is_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for where lines break, which differs between versions of Python."""
    monkeypatch.setenv("COLUMNS", "100")
    assert (DOCS / "cli.md").read_text("utf-8").split() == page().split(), "make commands"


def test_the_page_of_commands_has_what_help_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    told = re.findall(r"^## `consent ?(.*)`$", (DOCS / "cli.md").read_text("utf-8"), re.MULTILINE)
    assert {"", "check", "log seal", "scan", "services"} <= set(told)
    for command in ("", "log seal"):
        with pytest.raises(SystemExit):
            main([*command.split(), "--help"])
        assert capsys.readouterr().out in page()
