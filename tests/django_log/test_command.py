"""``manage.py consent`` is the command line of every site, with this site's settings, log and keys."""

from __future__ import annotations

import errno
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from records import KEY, NOTICE, make_record
from sites import SETTINGS, exchanged, sqlite

from consent.log.store import SqlStore

Manage = Callable[..., tuple[int, str, str]]


@pytest.fixture
def manage(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Run ``manage.py`` as a shell does; its exit code, and what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONSENT_LOG", "sqlite:////nowhere/consent.db")
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str) -> tuple[int, str, str]:
        from consent.django.management.commands.consent import Command

        with pytest.raises(SystemExit) as end:
            Command().run_from_argv(["/srv/site/manage.py", "consent", *arguments])
        captured = capsys.readouterr()
        code = end.value.code
        assert isinstance(code, int)
        return code, captured.out, captured.err

    return run


@pytest.fixture
def filled(database: dict[str, Any]) -> list[str]:
    """Three decisions in the site's database; their ids."""
    from consent.django.store import DjangoDatabase

    store = SqlStore(DjangoDatabase("default"), [KEY])
    now = time.time_ns() // 1_000_000
    subjects = (None, None, "1" * 32)
    records = [make_record(number, ts=now - 3000 + number, subject=subjects[number]) for number in range(3)]
    for record in records:
        store.append(record, NOTICE)
    store.close()
    return [record.id for record in records]


def test_the_whole_life_of_a_log(filled: list[str], manage: Manage, tmp_path: Path) -> None:
    code, listed, _ = manage("log", "list")
    assert (code, [line.split()[-1] for line in listed.splitlines()[1:]]) == (0, filled)
    assert manage("log", "prove", filled[0])[0] == 5, "not sealed yet"

    code, keys, _ = manage("log", "keys", "--new", "example.org/consent", "--signer", "signer")
    (tmp_path / "keys").write_text(keys)
    assert manage("log", "seal", "--signer", "signer") == (0, "Sealed 3; the log has 3.\n", "")
    assert manage("log", "verify", "--trust", "keys", "--keep", "pins")[0] == 3, "there were no pins"
    code, said, _ = manage("log", "verify", "--trust", "keys", "--pin", "pins")
    assert (code, said.endswith("The log is what was signed.\n")) == (0, True)

    assert manage("log", "prove", filled[0], "--output", "proof")[0] == 0
    code, said, _ = manage("log", "check", "proof", "--trust", "keys")
    assert (code, f"id          {filled[0]}" in said) == (0, True)

    assert [json.loads(line)["id"] for line in manage("log", "export")[1].splitlines()] == filled
    assert "code        right" in manage("log", "show", filled[0])[1], "the site's key is SECRET_KEY"
    assert manage("log", "find", "--subject", "1" * 32)[1].splitlines()[1].endswith(filled[2])
    assert json.loads(manage("log", "stats", "--json")[1])["sealed"] == 3

    assert manage("log", "erase", filled[0], "--yes", "--signer", "signer")[0] == 0
    assert manage("log", "purge", "--before", "2020-01-01", "--yes", "--signer", "signer")[1].startswith("Removed the content of 0")  # fmt: skip
    assert manage("log", "verify", "--trust", "keys", "--pin", "pins")[0] == 0
    assert "erased" in manage("log", "list")[1]


@pytest.mark.parametrize(
    ("change", "code", "finding"),
    [
        ("UPDATE consent_record SET body = REPLACE(body, 'custom', 'accept_all')", 1, "not what was committed to"),
        ("DELETE FROM consent_record", 1, "neither sealed nor waits"),
        ("UPDATE consent_notice SET media_type = media_type", 3, "The log fits together"),
    ],
)
def test_verify_finds_what_was_changed_behind_its_back(
    filled: list[str], manage: Manage, change: str, code: int, finding: str
) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(change)
    ended, said, _ = manage("log", "verify")
    assert (ended, finding in said) == (code, True)


def test_the_exit_codes_are_those_of_the_command_line(filled: list[str], manage: Manage) -> None:
    assert manage("log", "show", "ff")[0] == 5
    assert manage("log", "list", "--since", "yesterday")[0] == 2
    assert manage("log", "list", "--log", "sqlite:///nowhere.db")[0] == 4
    assert manage("log", "list", "--log", "django:nowhere")[0] == 2
    assert manage("log", "list", "--log", "django:default")[0] == 0
    code, said, _ = manage("--help")
    assert (code, said.startswith("usage: manage.py consent [-h]")) == (0, True)
    assert manage("services", "google-ana")[1].startswith("google-analytics")


def test_djangos_own_options_say_which_site(filled: list[str], manage: Manage) -> None:
    assert manage("log", "list", "--settings", "site.settings", "--json")[1].count("\n") == 3


def test_init_makes_the_tables(manage: Manage, django: Callable[..., Any], tmp_path: Path) -> None:
    with exchanged({"default": sqlite(tmp_path / "default"), "logs": sqlite(tmp_path / "logs")}):
        django(CONSENT={**SETTINGS, "log": "django:logs"})
        code, _, said = manage("log", "list")
        assert (code, "manage.py migrate makes it" in said) == (4, True)
        assert manage("log", "init") == (0, "The log is there.\n", "")
        assert manage("log", "list") == (0, "No decisions.\n", "")


def test_a_log_elsewhere_is_read_there(manage: Manage, small: dict[str, Any], django: Callable[..., Any]) -> None:
    django(CONSENT={**SETTINGS, "log": "sqlite:///own.db"})
    assert manage("log", "list")[0] == 4
    assert manage("log", "init")[0] == 0
    assert manage("log", "list") == (0, "No decisions.\n", "")


def test_a_wrong_setting_is_said_and_nothing_is_read(manage: Manage, django: Callable[..., Any]) -> None:
    django(CONSENT={"servces": []})
    code, _, said = manage("log", "list")
    assert (code, said.startswith("consent: CONSENT")) == (2, True)


def test_a_site_without_a_key_is_said_in_a_line(manage: Manage, django: Callable[..., Any]) -> None:
    django(SECRET_KEY="")
    code, _, said = manage("log", "list")
    assert (code, said.startswith("consent: ")) == (2, True)
    assert "SECRET_KEY" in said


def test_code_may_call_it(filled: list[str], django: Callable[..., Any]) -> None:
    from django.core.management import CommandError, call_command

    said = io.StringIO()
    call_command("consent", "log", "list", "--limit", "1", stdout=said)
    [line] = said.getvalue().splitlines()[1:]
    assert line.endswith(f"custom      analytics                     2026-11       eu        en       {filled[0]}")
    with pytest.raises(CommandError, match="exit code 5") as raised:
        call_command("consent", "log", "show", "ff", stderr=io.StringIO())
    assert raised.value.returncode == 5


def test_code_that_calls_it_goes_on_whatever_was_wrong(filled: list[str]) -> None:
    from django.core.management import CommandError, call_command

    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    said = io.StringIO()
    with pytest.raises(CommandError, match="exit code 2"):
        call_command("consent", "log", "lsit", stderr=said)
    assert "invalid choice: 'lsit'" in said.getvalue()
    with pytest.raises(CommandError, match="exit code 2"):
        call_command("consent", "log", "list", stdout=Full(), stderr=said)
    assert "No space left on device" in said.getvalue()
    call_command("consent", "log", "list", "--help", stdout=(shown := io.StringIO()))
    assert "the decisions, oldest first" in shown.getvalue().lower()


def test_check_says_what_manage_py_check_finds(
    database: dict[str, Any], manage: Manage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.conf import settings

    _, good, _ = manage("check", "--json")
    found = {(each["area"], each["what"]): each["state"] for each in json.loads(good)}
    assert {state for (area, _), state in found.items() if area == "django"} <= {"good", "unsure"}
    others = [each for each in settings.MIDDLEWARE if "consent" not in each]
    monkeypatch.setattr(settings, "MIDDLEWARE", others)
    code, bad, _ = manage("check")
    assert code == 1
    assert "✗ consent.E004: consent.django is installed, and its middleware is not: nothing is held" in bad
    assert '→ put "consent.django.ConsentMiddleware" first in MIDDLEWARE' in bad
