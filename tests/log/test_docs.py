"""What ``docs/log.md`` says the command prints is what it prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from records import KEY, NOTICE, SECRET, make_record

from consent.cli import main, parser
from consent.log.record import format_body
from consent.log.store import open_store

DOCS = (Path(__file__).parents[2] / "docs" / "log.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^```console\n\$ (consent log (?!init).*)\n((?:.*\n)*?)```$", DOCS, re.MULTILINE))
RECORDS = [
    make_record(0, kind="refuse_all", granted=(), refused=("analytics", "marketing")),
    make_record(95, surface="settings", method="script"),
    make_record(
        4210, kind="withdraw", granted=(), refused=("analytics", "marketing"), prev=make_record(95).id, lang="de"
    ),
]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONSENT_SECRET_KEY", SECRET)
    store = open_store("sqlite:///consent.db", keys=[KEY])
    for record in RECORDS:
        store.append(record, NOTICE)
    store.close()


def without_chance(text: str) -> str:
    """What a salt has gone into differs with every log."""
    return re.sub(r"(commitment|leaf)(\W+)[0-9a-f]{64}", r"\1\2…", text)


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("example", EXAMPLES)
def test_the_output_in_the_documentation_is_the_commands(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(example)[1:]) == 0
    assert without_chance(capsys.readouterr().out) == without_chance(EXAMPLES[example])


def test_there_are_examples_of_each_action() -> None:
    assert {example.split()[2] for example in EXAMPLES} == {"list", "show", "export"}


def test_the_bytes_in_the_documentation_are_those_of_the_record() -> None:
    assert f"```json\n{format_body(RECORDS[0]).decode()}\n```" in DOCS


COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_in_the_documentation_is_one(line: str) -> None:
    arguments = shlex.split(line.partition(" > ")[0])[1:]
    assert parser("log").parse_args(arguments).action == arguments[1]


def test_every_action_is_told_of() -> None:
    [actions] = (
        action for action in parser("log")._subparsers._group_actions[0].choices["log"]._actions if action.choices
    )  # type: ignore[union-attr]
    assert {name for name in actions.choices if f"log {name}" not in DOCS and f"`{name}`" not in DOCS} == set()
