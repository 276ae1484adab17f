"""Every block of code in the documentation can be read as what it says it is, and is tried by a test, or is told of here.

A test tries a page's blocks if it names the page and takes blocks out of it. Of pages that none tries: settings are read as settings,
commands by the command line, Python is parsed, and whoever adds Python has to say here why nothing runs it.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import tomllib
from itertools import takewhile
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

import html5lib
import pytest

from consent.carried import Carried
from consent.cli import parser
from consent.policy.settings import read_settings

ROOT = Path(__file__).parents[1]
KEY = "f3qH-0tXz9vLm2Ws8Kd1"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
TESTS = {
    path: text
    for path in (ROOT / "tests").rglob("test_*.py")
    if path != Path(__file__) and "```" in (text := path.read_text("utf-8"))
}
#: Python that no test takes out of its page, and why.
NOT_TAKEN = {
    "architecture.md": "the loop that each door is; tests/adapters runs the doors",
    "vendors.md": "tried below",
}
LANGUAGES = {
    "console",
    "css",
    "html",
    "jinja",
    "js",
    "json",
    "nginx",
    "python",
    "sh",
    "sql",
    "text",
    "toml",
    "vcl",
    "yaml",
}
#: What Sphinx is told: no code.
DIRECTIVES = {"{eval-rst}", "{include}", "{toctree}"}


class Block(NamedTuple):
    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def tests(self) -> list[Path]:
        """The tests that take blocks out of this page."""
        name = re.compile(rf"\b{re.escape(self.page.name)}\b|[\"']{re.escape(self.page.stem)}[\"']")
        return [path for path, text in TESTS.items() if name.search(text)]


def blocks() -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text("utf-8")
        for match in re.finditer(r"^( *)```(\S*)[^\n]*\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(page, line, match[2], dedent(match[3])))
    return found


BLOCKS = [block for block in blocks() if block.language not in DIRECTIVES]


def of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def test_every_block_says_what_it_is() -> None:
    assert {str(block): block.language for block in BLOCKS if block.language not in LANGUAGES} == {}
    assert len(BLOCKS) > 150


def test_all_python_is_run_by_a_test_but_what_is_told_of_here() -> None:
    untried = {block.page.name for block in of("python") if not block.tests}
    assert untried == NOT_TAKEN.keys()


@pytest.mark.parametrize("block", of("python"), ids=str)
def test_python_is_python(block: Block) -> None:
    assert ast.parse(block.text, str(block)).body


def test_the_event_that_a_server_sends_is_sent_for_who_agreed() -> None:
    [block] = [block for block in of("python") if block.page.name == "vendors.md"]
    names: dict[str, Any] = {}
    exec(compile(block.text, str(block), "exec"), names)
    policy = read_settings({"services": ["meta-pixel"]}, keys=KEY).policy
    sent: list[str] = []
    for granted in ("necessary",), ("necessary", "marketing"):
        names["thanks"](Carried(policy, frozenset(granted)), " ".join(granted), sent.append)
    assert sent == ["necessary marketing"]


@pytest.mark.parametrize("block", of("js"), ids=str)
def test_scripts_are_scripts(block: Block) -> None:
    """A page's own, or a module."""
    kind = "module" if re.search(r"^import |await ", block.text, re.MULTILINE) else "commonjs"
    check = ["node", "--check", f"--input-type={kind}", "-"]
    checked = subprocess.run(check, input=block.text, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("block", of("toml"), ids=str)
def test_settings_are_read(block: Block) -> None:
    settings = tomllib.loads(block.text)
    assert settings
    if not block.tests:
        read_settings(settings, keys=KEY)


@pytest.mark.parametrize("block", of("json"), ids=str)
def test_json_is_read(block: Block) -> None:
    assert json.loads(block.text)


@pytest.mark.parametrize("block", of("html"), ids=str)
def test_html_leaves_nothing_open(block: Block) -> None:
    """As a browser reads it, with a template's own signs taken out."""
    text = re.sub(r"\{[{%].*?[%}]\}", "", block.text)
    whole = text if "<!doctype" in text.lower() else f"<!doctype html><title>Page</title>\n{text}"
    reader = html5lib.HTMLParser()
    reader.parse(whole)
    assert not [error for error in reader.errors if re.search(r"eof|end-tag|closing|duplicate", error[1])]


COMMANDS = [
    (block, command)
    for block in of("console", "sh")
    for command in re.findall(
        r"^\$ (.*)$" if block.language == "console" else r"^(.*)$",
        block.text.replace("\\\n", " "),
        re.MULTILINE,
    )
    if command
]


@pytest.mark.parametrize(("block", "command"), COMMANDS, ids=str)
def test_a_command_is_one(block: Block, command: str) -> None:
    """With these options; and what ``make`` makes and ``pip`` installs is there."""
    words = [*takewhile(lambda word: word not in {"|", ">", "&&"}, shlex.split(command, comments=True))]
    if "consent" in words[:4] and words[0] in {"consent", "flask", "python", "manage.py"}:
        options = words[words.index("consent") + 1 :]
        parser().parse_args(options)
    elif words[0] == "make" or words[1:2] == ["make"]:
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
        assert words[words.index("make") + 1] in targets
    elif words[:2] == ["pip", "install"]:
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
        for named in re.findall(r"cookie-consent\[([^]]*)\]", command):
            assert set(named.split(",")) <= extras.keys()
