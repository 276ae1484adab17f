"""What docs/flask.md and docs/wsgi.md show runs as it stands, and their first lines are enough."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

DOCS = Path(__file__).parents[2] / "docs"
TRACKER = '<script async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>'
KEY = "f3qH-0tXz9vLm2Ws8Kd1"

pytestmark = pytest.mark.filterwarnings(
    # With setuptools around, Pyramid's loader goes through pkg_resources.
    "ignore:'cgi' is deprecated:DeprecationWarning",
    "ignore:.*pkg_resources:DeprecationWarning",
    "ignore:.*pkg_resources:UserWarning",
)


def blocks(name: str) -> list[str]:
    text = (DOCS / name).read_text("utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(code, "docs", "exec"), names)
    return names


@pytest.fixture(autouse=True)
def _in_a_site_s_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "static").mkdir()
    for name in ("CONSENT_SECRET_KEY", "SECRET_KEY"):
        monkeypatch.setenv(name, KEY)


@pytest.mark.parametrize("name", ["flask.md", "wsgi.md"])
def test_at_most_three_lines_hold_a_tag_and_show_a_banner(name: str) -> None:
    first = blocks(name)[0]
    before = "\n".join(line for line in first.splitlines() if not line.endswith("# new"))
    assert len(before.splitlines()) >= len(first.splitlines()) - 3
    bare, gated = (Client(run(code)["app"]).get("/").text for code in (before, first))
    assert TRACKER in bare
    assert 'id="yc"' not in bare
    assert TRACKER not in gated
    assert 'data-consent-src="https://www.googletagmanager.com/gtag/js?id=G-1"' in gated
    assert gated.count('id="yc"') == 1


@pytest.mark.parametrize(
    ("name", "code"),
    [(name, code) for name in ("flask.md", "wsgi.md") for code in blocks(name)],
    ids=lambda value: value if value.endswith(".md") else value.strip().splitlines()[0][:40],
)
def test_a_block_runs_as_it_stands(name: str, code: str) -> None:
    names = run(code)
    app = names.get("application") or names.get("app")
    if app is not None:
        assert Client(app).get("/").status_code in {200, 404}


@pytest.mark.parametrize("name", ["flask.md", "wsgi.md"])
def test_links_have_an_end(name: str) -> None:
    text = (DOCS / name).read_text("utf-8")
    for path, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", text):
        target = DOCS / (path or name)
        assert target.exists(), path
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^a-z0-9_ -]", "", each.lower()).replace(" ", "-") for each in headings}


def test_the_errors_that_are_shown_are_those_that_are_raised() -> None:
    """Word by word, from the sources."""
    sources = Path(__file__).parents[2] / "src" / "consent"
    code = "".join(
        (sources / name).read_text("utf-8")
        for name in ("flask/extension.py", "flask/page.py", "wsgi/middleware.py", "policy/settings.py")
    )
    shown = re.findall(r"^\| \*(.+?)\* \|", (DOCS / "flask.md").read_text("utf-8"), flags=re.MULTILINE)
    assert len(shown) >= 5
    for error in shown:
        assert error.removeprefix("CONSENT: ") in code
