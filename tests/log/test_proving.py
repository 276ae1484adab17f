"""From the first record to the auditor's verdict, as the commands do it; and what each exit code means."""

from __future__ import annotations

import csv
import json
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from records import KEY, NOTICE, START, make_record

from consent.log.checkpoint import parse_checkpoints, parse_proof
from consent.log.iso27560 import describe
from consent.log.record import Record, void
from consent.log.sqlite import SqliteDatabase
from consent.log.store import open_store

Run = Callable[..., subprocess.CompletedProcess[str]]

RECORDS = [
    make_record(0, kind="refuse_all", granted=(), refused=("analytics", "marketing")),
    make_record(1, subject="a" * 32),
    make_record(2, kind="withdraw", granted=(), refused=("analytics", "marketing"), prev=make_record(1).id, subject="a" * 32),
    make_record(3, lang="de"),
]  # fmt: skip
OLD = ("--deadline", str(10**9))


def fill(*records: Record) -> list[str]:
    store = open_store("sqlite:///consent.db", keys=[KEY])
    receipts = [store.append(record, NOTICE) for record in records]
    store.close()
    return [json.dumps({"id": receipt.id, "leaf": receipt.leaf}) for receipt in receipts]


def tamper(statement: str, *values: Any) -> None:
    database = SqliteDatabase("consent.db")
    database.write([(statement, values)])
    database.close()


@pytest.fixture
def sealed(run: Run) -> Run:
    """A log with four records under a checkpoint, its keys, a pin, and receipts."""
    Path("receipts").write_text("\n".join(fill(*RECORDS)))
    Path("list").write_text("[1]")
    Path("short").write_text('{"id": "00", "leaf": "short"}')
    assert run("log", "keys", "--new", "example.org/consent", "--signer", "signer").returncode == 0
    Path("trust").write_text(run("log", "keys", "--signer", "signer").stdout)
    done = run("log", "seal", "--signer", "signer")
    assert (done.stdout, done.stderr, done.returncode) == ("Sealed 4; the log has 4.\n", "", 0)
    assert run("log", "verify", "--trust", "trust", "--keep", "pins", *OLD).returncode == 3
    return run


VERIFY = ("log", "verify", "--trust", "trust", "--pin", "pins", "--receipts", "receipts", *OLD)


def test_a_log_that_is_as_it_was_is_good(sealed: Run) -> None:
    done = sealed(*VERIFY)
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.splitlines()[0].startswith("sealed      4, under 1 checkpoints; root ")
    assert done.stdout.endswith("\nThe log is what was signed.\n")
    told = json.loads(sealed(*VERIFY, "--json").stdout)
    assert (told["verdict"], told["findings"], told["sealed"], told["pins"], told["receipts"]) == ("good", [], 4, 1, 4)
    assert told["checkpoint"] == Path("signer.state").read_text() == parse_checkpoints(Path("pins").read_text())[0]


def test_what_may_be_innocent_is_exit_code_3(sealed: Run) -> None:
    for arguments, code in (
        (("--trust", "trust"), "no-pins"),
        (("--pin", "pins"), "no-key"),
        (("--trust", "trust", "--pin", "pins"), "late"),
    ):
        deadline = () if code == "late" else OLD
        done = sealed("log", "verify", *arguments, *deadline, "--json")
        told = json.loads(done.stdout)
        assert (told["verdict"], [finding["code"] for finding in told["findings"]]) == ("warnings", [code])
        assert done.returncode == 3
    fill(make_record(9))
    done = sealed("log", "verify", "--trust", "trust", "--pin", "pins")
    assert "warning     records have been waiting to be sealed for long (1×)" in done.stdout


def test_tampering_is_exit_code_1_and_said_with_its_place(sealed: Run) -> None:
    tamper(
        "UPDATE consent_record SET body = replace(body, 'custom', 'accept_all') WHERE rid = ?",
        bytes.fromhex(RECORDS[3].id),
    )
    done = sealed(*VERIFY, "--keep", "later")
    assert done.returncode == 1
    assert "TAMPERING   the content is not what was committed to (1×)\n" in done.stdout
    assert f"            {RECORDS[3].id}\n" in done.stdout
    assert done.stdout.endswith("\nThis log was tampered with.\n")
    assert not Path("later").exists()


def test_a_receipt_for_a_record_that_is_gone_is_exit_code_1(sealed: Run) -> None:
    with Path("receipts").open("a") as file:
        file.write(json.dumps({"record": make_record(77).id, "leaf": "0" * 64}, indent=2))
    told = json.loads(sealed(*VERIFY, "--json").stdout)
    assert [(finding["code"], finding["where"]) for finding in told["findings"]] == [("receipt", [make_record(77).id])]


def test_a_log_that_was_rolled_back_is_not_sealed(sealed: Run) -> None:
    Path("backup").write_bytes(Path("consent.db").read_bytes())
    assert not Path("consent.db-wal").exists() or Path("consent.db-wal").stat().st_size == 0
    fill(make_record(9))
    sealed("log", "seal", "--signer", "signer")
    for name in Path().glob("consent.db*"):
        name.unlink()
    Path("backup").rename("consent.db")
    done = sealed("log", "seal", "--signer", "signer")
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr == "consent: not sealed: the log was rolled back: 5 leaves were signed, and it has 4\n"


def test_what_the_sealer_sets_aside_is_exit_code_1_once_and_found_by_who_verifies(sealed: Run) -> None:
    fill(make_record(9))
    tamper("UPDATE consent_record SET ts = ts - 1 WHERE rid = ?", bytes.fromhex(make_record(9).id))
    done = sealed("log", "seal", "--signer", "signer", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["aside"][0]["id"] == make_record(9).id
    assert sealed("log", "seal", "--signer", "signer").returncode == 0
    assert sealed("log", "seal", "--signer", "signer", "--sweep").returncode == 1
    codes = {finding["code"] for finding in json.loads(sealed(*VERIFY, "--json").stdout)["findings"]}
    assert codes == {"aside", "code", "content-of-another"}


# Keys


def test_keys_are_made_once_for_their_owner_only(sealed: Run) -> None:
    assert stat.S_IMODE(Path("signer").stat().st_mode) == 0o600
    before = Path("signer").read_bytes()
    done = sealed("log", "keys", "--new", "other.example", "--signer", "signer")
    assert (done.returncode, Path("signer").read_bytes()) == (2, before)
    for line in Path("signer").read_text().split():
        assert line not in Path("trust").read_text()
    assert Path("trust").read_text().count("\n") == 2
    assert sealed("log", "keys", CONSENT_SIGNER="signer").stdout == Path("trust").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("keys",), 2, "--signer FILE, or CONSENT_SIGNER"),
        (("keys", "--new", "example.org"), 2, "a new key goes into a file"),
        (("keys", "--new", "a b", "--signer", "new"), 2, "'a b' is no name for a log"),
        (("keys", "--new", "a", "--signer", "no/such/folder"), 2, "cannot be made: No such file"),
        (("keys", "--signer", "trust"), 2, "trust: not a signer key"),
        (("seal", "--signer", "missing"), 2, "missing cannot be read: No such file"),
        (("seal", "--signer", "signer", "--log", "sqlite:///none.db"), 4, "there is no log"),
        (("seal", "--signer", "signer", "--every", "0"), 2, "is no number above 0"),
        (("verify", "--trust", "signer"), 2, "signer: not a key"),
        (("verify", "--pin", "trust"), 2, "not a file of checkpoints"),
        (("verify", "--pin", "missing"), 2, "missing cannot be read"),
        (("verify", "--receipts", "trust"), 2, "Expecting value"),
        (("verify", "--receipts", "list"), 2, "a receipt is a JSON object with id and leaf"),
        (("verify", "--receipts", "short"), 2, "a receipt is a JSON object with id and leaf"),
        (("verify", "--keep", "no/such/pins", *OLD), 2, "no/such/pins cannot be written"),
        (("prove", RECORDS[3].id, "--output", "no/such/proof"), 2, "cannot write no/such/proof: No such file"),
        (("seal", "--signer", "signer", "--witness", "http://127.0.0.1:1"), 2, "where its key is known: --trust FILE"),
        (("verify", "--archive", "missing"), 4, "the archive missing cannot be read"),
        (("verify", "--archive", "trust"), 4, "trust is no archive of a log"),
        (("verify", "--log", "sqlite:///none.db"), 4, "there is no log"),
        (("prove", "ffff"), 5, "no such record: ffff"),
        (("check", "trust", "--trust", "trust"), 1, "trust proves nothing: not a proof"),
        (("check", "missing", "--trust", "trust"), 2, "missing cannot be read"),
        (("check", "missing"), 2, "required: --trust"),
        (("find",), 2, "either an id or --subject"),
        (("find", "ffff"), 5, "no such record: ffff"),
        (("find", "--subject", "zz"), 5, "no such subject: zz"),
        (("erase",), 2, "either ids or --subject"),
        (("erase", "ffff", "--yes"), 5, "no such record: ffff"),
        (("erase", "--subject", "b" * 32, "--yes"), 5, "no such decision"),
        (("purge",), 2, "required: --before"),
        (("export", "--format", "archive", "--limit", "1"), 2, "an archive is of the whole log"),
        (("export", "--format", "parquet"), 2, "Parquet goes into a file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_a_line(sealed: Run, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = sealed("log", *arguments)
    assert (done.stdout, done.returncode) == ("", code)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_pin_or_a_key_of_another_log_is_the_verifiers_mistake_and_no_tampering(sealed: Run) -> None:
    assert sealed("log", "keys", "--new", "other.example", "--signer", "other").returncode == 0
    Path("other-trust").write_text(sealed("log", "keys", "--signer", "other").stdout)
    done = sealed("log", "verify", "--trust", "other-trust", "--pin", "pins")
    assert (done.stdout, done.returncode) == ("", 2)
    assert "a pin is no checkpoint of this log" in done.stderr


# One decision


def test_a_decision_is_proved_to_somebody_who_has_not_the_log(sealed: Run, tmp_path: Path) -> None:
    assert sealed("log", "prove", RECORDS[3].id[:12], "--output", "proof").returncode == 0
    assert sealed("log", "prove", RECORDS[3].id).stdout == Path("proof").read_text()
    Path("consent.db").rename("away")
    done = sealed("log", "check", "proof", "--trust", "trust")
    assert (done.stderr, done.returncode) == ("", 0)
    shown = {line[:12].strip(): line[12:] for line in done.stdout.splitlines()}
    assert (shown["id"], shown["granted"], shown["lang"]) == (RECORDS[3].id, "analytics", "de")
    assert shown["content"] == "is what was committed to"
    assert done.stdout.endswith("example.org/consent held this record when it signed 4 of them.\n")
    assert json.loads(sealed("log", "check", "proof", "--trust", "trust", "--json").stdout)["kind"] == "custom"


def test_every_changed_byte_of_a_proof_is_refused(sealed: Run) -> None:
    from consent.log.checkpoint import Trust
    from consent.log.proof import check

    raw = sealed("log", "prove", RECORDS[1].id).stdout.encode()
    trust = Trust.parse(Path("trust").read_text())
    assert check(parse_proof(raw.decode()), trust).words == NOTICE.decode()
    for at in range(len(raw)):
        with pytest.raises(ValueError):
            check(parse_proof((raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]).decode()), trust)


def test_what_is_not_sealed_yet_is_exit_code_5(sealed: Run) -> None:
    fill(make_record(9))
    done = sealed("log", "prove", make_record(9).id)
    assert (done.stdout, done.stderr, done.returncode) == ("", f"consent: not sealed yet: {make_record(9).id}\n", 5)


def test_a_log_without_its_hashes_proves_nothing(sealed: Run) -> None:
    tamper("DELETE FROM consent_leaf WHERE idx = 2")
    done = sealed("log", "prove", RECORDS[3].id)
    assert (done.stdout, done.returncode) == ("", 1)
    assert "proves nothing of" in done.stderr


# Taking content out


def test_find_shows_what_erase_removes_and_the_log_still_verifies(sealed: Run) -> None:
    lines = [json.loads(line)["id"] for line in sealed("log", "find", RECORDS[2].id, "--json").stdout.splitlines()]
    assert lines == [RECORDS[1].id, RECORDS[2].id]
    assert sealed("log", "find", "--subject", "a" * 32).stdout.count("\n") == 3
    proof = sealed("log", "prove", RECORDS[2].id).stdout
    Path("before").write_text(proof)

    asked = sealed("log", "erase", RECORDS[2].id)
    assert asked.stdout.endswith("The content of 2 records would be removed, for good: --yes does it.\n")
    assert sealed(*VERIFY).returncode == 0
    done = sealed("log", "erase", RECORDS[2].id, "--yes", "--signer", "signer")
    assert (done.stdout, done.stderr) == ("Removed the content of 2 records.\nSealed 1; the log has 5.\n", "")

    told = json.loads(sealed(*VERIFY, "--json").stdout)
    assert (told["verdict"], told["removed"], told["tombstones"], told["sealed"]) == ("good", 2, 1, 5)
    listed = sealed("log", "list").stdout
    assert listed.count("its content was erased") == 2
    assert "erase: the content of 2 records was removed" in listed
    # What was proved before stays proved, and what is proved now says nothing of the content.
    assert sealed("log", "check", "before", "--trust", "trust").returncode == 0
    Path("after").write_text(sealed("log", "prove", RECORDS[2].id).stdout)
    assert "content     was removed" in sealed("log", "check", "after", "--trust", "trust").stdout
    assert sealed("log", "erase", RECORDS[2].id, "--yes").stdout == "Removed the content of 0 records.\n"


def test_what_was_removed_is_in_no_file(sealed: Run) -> None:
    needle = b'"subject":"' + b"a" * 32
    assert any(needle in name.read_bytes() for name in Path().glob("consent.db*"))
    assert sealed("log", "erase", "--subject", "a" * 32, "--yes").returncode == 0
    for name in Path().glob("consent.db*"):
        content = name.read_bytes()
        assert needle not in content
        assert bytes.fromhex("a" * 32) not in content
    assert sealed("log", "list").returncode == 0


def test_a_reader_in_the_way_of_removal_is_told(sealed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consent.log.command.options._PATIENCE", 0.2)
    reader = sqlite3.connect("consent.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM consent_record").fetchone()
    done = sealed("log", "erase", RECORDS[0].id, "--yes")
    reader.close()
    assert done.returncode == 3
    assert "it is still in the database's journal" in done.stderr


def test_a_purge_removes_what_is_older_and_nothing_else(sealed: Run) -> None:
    limit = ("log", "purge", "--before", "2026-11-18T11:06:42")
    assert sealed(*limit).stdout == "The content of 2 records would be removed, for good: --yes does it.\n"
    assert sealed(*limit, "--yes").stdout == "Removed the content of 2 records.\n"
    assert sealed("log", "seal", "--signer", "signer").returncode == 0
    assert sealed(*VERIFY).returncode == 0
    counts = json.loads(sealed("log", "stats", "--json").stdout)
    assert (counts["records"], counts["removed"], counts["purge"], counts["withdraw"], counts["custom"]) == (
        5,
        2,
        1,
        1,
        1,
    )
    # Tombstones stay for ever.
    assert sealed("log", "purge", "--before", "2999-01-01", "--yes").stdout == "Removed the content of 2 records.\n"
    assert sealed("log", "purge", "--before", "2999-01-01", "--yes").stdout == "Removed the content of 0 records.\n"


def test_a_tombstone_is_authenticated(sealed: Run) -> None:
    done = sealed("log", "erase", RECORDS[0].id, "--yes", CONSENT_SECRET_KEY="")
    assert (done.stdout, done.returncode) == ("", 2)
    assert "the site's key is missing" in done.stderr


def test_stats_count_by_kind(sealed: Run) -> None:
    assert json.loads(sealed("log", "stats", "--json").stdout) == {
        "records": 4, "accept_all": 0, "refuse_all": 1, "custom": 2, "withdraw": 1, "void": 0, "erase": 0, "purge": 0, "removed": 0,
        "first": START, "last": START + 3000, "sealed": 4, "waiting": 0, "checkpoints": 1,
    }  # fmt: skip
    assert "records     2\n" in sealed("log", "stats", "--since", "2026-11-18T11:06:42").stdout


# Exports


def test_an_archive_verifies_without_the_log(sealed: Run) -> None:
    sealed("log", "erase", RECORDS[0].id, "--yes")
    fill(make_record(9))
    assert sealed("log", "export", "--format", "archive", "--output", "archive").returncode == 0
    assert sealed("log", "export", "--format", "archive").stdout == Path("archive").read_text()
    Path("consent.db").rename("away")
    told = json.loads(sealed(*VERIFY, "--archive", "archive", "--json").stdout)
    assert (told["verdict"], told["sealed"], told["unsealed"], told["removed"]) == ("good", 4, 2, 1)


ARCHIVE_CHANGES: dict[str, Callable[[list[str]], list[str]]] = {
    "a content": lambda lines: [line.replace("refuse_all", "accept_all", 1) for line in lines],
    "a leaf left out": lambda lines: lines[:2] + lines[3:],
    "two leaves in each other's place": lambda lines: [lines[0], lines[1], lines[3], lines[2], *lines[4:]],
    "a checkpoint left out": lambda lines: [lines[0], *lines[2:]],
    "another size": lambda lines: [lines[0].replace('"size": 4', '"size": 3'), *lines[1:]],
    "no size": lambda lines: [lines[0].replace('"size": 4', '"size": "4"'), *lines[1:]],
    "other words": lambda lines: [line.replace("Your choice", "My choice") for line in lines],
    "no hex": lambda lines: [line.replace('"hash": "', '"hash": "x', 1) for line in lines],
    "the record that a receipt is for": lambda lines: [
        line.replace(RECORDS[3].id, make_record(77).id) for line in lines
    ],
}


@pytest.mark.parametrize("change", ARCHIVE_CHANGES)
def test_an_archive_that_was_changed_is_found_out(sealed: Run, change: str) -> None:
    lines = sealed("log", "export", "--format", "archive").stdout.splitlines()
    changed = ARCHIVE_CHANGES[change](lines)
    assert changed != lines
    Path("archive").write_text("\n".join(changed) + "\n")
    done = sealed(*VERIFY, "--archive", "archive")
    assert done.returncode == 1, done.stdout


def test_parquet_has_the_same_records(sealed: Run) -> None:
    from pyarrow import parquet

    assert sealed("log", "export", "--format", "parquet", "--output", "out.parquet").returncode == 0
    assert sealed("log", "export", "--format", "csv", "--output", "out.csv").returncode == 0
    rows = parquet.read_table("out.parquet").to_pylist()
    with Path("out.csv").open(newline="") as file:
        assert [row["id"] for row in rows] == [row["id"] for row in csv.DictReader(file)]
    assert rows[0]["refused"] == ["analytics", "marketing"]
    assert rows[0]["time"].isoformat() == "2026-11-18T11:06:40+00:00"
    assert (rows[0]["gpc"], rows[0]["prev"], rows[2]["prev"]) == (False, None, RECORDS[1].id)


def test_json_ld_says_it_in_the_words_of_iso_27560(sealed: Run) -> None:
    sealed("log", "erase", RECORDS[0].id, "--yes")
    exported = json.loads(sealed("log", "export", "--format", "jsonld").stdout)
    assert exported["@context"]["dpv"] == "https://w3id.org/dpv#"
    assert [record["dct:identifier"] for record in exported["@graph"]] == [record.id for record in RECORDS[1:]]
    withdrawn = exported["@graph"][1]
    assert withdrawn["@type"] == "dpv:ConsentRecord"
    assert withdrawn["dct:conformsTo"] == "https://w3id.org/dpv/schema/dpv-27560#record"
    assert {process["dpv:hasConsentStatus"] for process in withdrawn["dpv:hasProcess"]} == {"dpv:ConsentWithdrawn"}
    assert withdrawn["dct:replaces"].removeprefix("urn:uuid:").replace("-", "") == RECORDS[1].id
    assert withdrawn["dpv:hasNotice"]["dct:identifier"] == RECORDS[2].notice
    [given, refused] = exported["@graph"][0]["dpv:hasProcess"]
    assert (given["dpv:hasPurpose"], given["dpv:hasConsentStatus"]) == ("analytics", "dpv:ConsentGiven")
    assert refused["dpv:hasConsentStatus"] == "dpv:ConsentRefused"
    assert exported["@graph"][1]["dct:valid"] == "2027-05-17T11:06:42.000Z"
    assert sealed("log", "export", "--format", "jsonld", "--kind", "void").stdout.endswith('"@graph": [\n]}\n')


def test_a_terminal_sees_how_far_it_is(sealed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    fill(make_record(9))
    for arguments, word in (
        (VERIFY, "verifying"), (("log", "seal", "--signer", "signer"), "sealing"), (("log", "export"), "exporting"),
        (("log", "purge", "--before", "2999-01-01", "--yes"), "removing"),
    ):  # fmt: skip
        assert word in sealed(*arguments).stderr


def test_a_record_that_does_not_count_is_one_in_the_words_of_iso_27560_too() -> None:
    said = describe(void(RECORDS[1], id="0" * 32, ts=2**52), "1" * 64)
    assert (said["dpv:hasConsentStatus"], said["dpv:hasProcess"]) == ("dpv:ConsentInvalidated", [])
    assert said["dct:created"] == str(2**52)  # a number that no calendar has


@pytest.mark.parametrize(
    ("library", "arguments"),
    [
        ("pyarrow", ("export", "--format", "parquet", "--output", "out")),
        ("cryptography", ("seal", "--signer", "signer")),
        ("cryptography", ("verify", "--trust", "trust")),
        ("cryptography", ("check", "trust", "--trust", "trust")),
        ("cryptography", ("keys", "--signer", "signer")),
        ("rfc3161_client", ("seal", "--signer", "signer", "--timestamp", "http://127.0.0.1:1")),
    ],
)
def test_a_library_that_is_missing_is_named_with_its_extra(
    sealed: Run, monkeypatch: pytest.MonkeyPatch, library: str, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    done = sealed("log", *arguments)
    assert (done.stdout, done.returncode) == ("", 2)
    assert "pip install 'cookie-consent[" in done.stderr
