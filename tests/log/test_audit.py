"""The auditor raises no false alarm while the log is in use, and none of its own mistakes, whatever it reads."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from databases import Log
from records import KEY, NOTICE, START, make_record
from sealing import SIGNER, append, sealer
from tampering import put, remover, rid

from consent.log.audit import Terms, verify
from consent.log.evidence import DatabaseEvidence
from consent.log.record import format_body
from consent.log.sqlite import SqliteDatabase
from consent.log.store import SqlStore, open_database

TERMS = Terms(START / 1000, SIGNER.trust, keys=[KEY], deadline=10**9)


def found(log: Log, terms: Terms = TERMS) -> dict[str, int]:
    report = verify(DatabaseEvidence(log.database), terms)
    return {code: finding.count for code, finding in report.findings.items() if code != "no-pins"}


@pytest.fixture
def sealed(log: Log, tmp_path: Path) -> Log:
    append(log, 0, 5)
    sealer(log, tmp_path / "state").seal()
    return log


def test_a_log_without_records_is_good(log: Log) -> None:
    log.store.find("")
    assert found(log) == {}


def test_a_log_that_was_never_sealed_is_good_until_it_should_have_been(log: Log) -> None:
    append(log, 0, 3)
    assert found(log) == {}
    assert found(log, Terms(START / 1000 + 7200, SIGNER.trust, keys=[KEY])) == {"waiting": 3}


@pytest.mark.parametrize("body", [b"{}", b"null", b"[]", b'"text"', b"{", b"\xff", b'{"id":1,"ts":2}', b"[" * 5000])
def test_content_that_is_no_record_is_found_even_if_it_was_committed_to(log: Log, tmp_path: Path, body: bytes) -> None:
    append(log, 0, 2)
    text = body.decode(errors="replace").encode()
    put(log, rid(0), START, text, KEY)
    sealer(log, tmp_path / "state").seal()
    codes = found(log)
    assert codes.pop("content-unreadable", 0) + codes.pop("content-of-another", 0) == 1
    assert codes == {}


def test_content_of_the_future_is_a_warning(log: Log, tmp_path: Path) -> None:
    log.store.append(make_record(0, ts=START + 86_400_000), NOTICE)
    sealer(log, tmp_path / "state").seal()
    assert found(log) == {"early": 1}


def test_with_more_findings_than_anybody_reads_the_first_are_named_and_all_are_counted(
    sealed: Log, tmp_path: Path
) -> None:
    append(sealed, 5, 100)
    sealer(sealed, tmp_path / "state").seal()
    sealed.run("UPDATE consent_record SET mac = ?", bytes(32))
    finding = verify(DatabaseEvidence(sealed.database), TERMS).findings["code"]
    assert (finding.count, len(finding.places)) == (100, 20)


def test_a_pin_of_no_log_at_all_is_the_verifiers_mistake(sealed: Log) -> None:
    with pytest.raises(ValueError, match="a pin is no checkpoint of this log"):
        found(sealed, Terms(0, SIGNER.trust, pins=["something"]))


def test_without_keys_what_fits_together_is_good_and_what_does_not_is_found(sealed: Log) -> None:
    assert found(sealed, Terms(0)) == {"no-key": 1}
    sealed.run("UPDATE consent_leaf SET hash = ? WHERE idx = 1", bytes(32))
    assert found(sealed, Terms(0)).keys() == {"no-key", "leaf", "root", "head"}


TABLES = {
    "consent_record": ("rid", "ts", "subj", "commitment", "mac", "salt", "body"),
    "consent_leaf": ("idx", "rid", "hash"),
    "consent_pending": ("rid", "bad"),
    "consent_checkpoint": ("size", "ts", "note"),
    "consent_head": ("size", "frontier"),
    "consent_notice": ("sha256", "content"),
}


@pytest.mark.parametrize("column", [f"{table}.{column}" for table, columns in TABLES.items() for column in columns])
@pytest.mark.parametrize("junk", ["CAST(x'ff80' AS TEXT)", "x'00ff'", "'text'", "3", "-1", "10000000000000", "1.5", "9e999", "NULL"])  # fmt: skip
def test_whatever_stands_in_a_column_of_an_sqlite_file_is_found_and_raises_nothing(
    tmp_path: Path, column: str, junk: str
) -> None:
    log = Log(lambda: SqliteDatabase(str(tmp_path / "consent.db")))
    try:
        append(log, 0, 3)
        sealer(log, tmp_path / "state").seal()
        append(log, 3, 5)
        table, name = column.split(".")
        key = TABLES[table][0]
        try:
            log.run(f"UPDATE {table} SET {name} = {junk} WHERE {key} = (SELECT MIN({key}) FROM {table})")
        except Exception as refused:
            assert "constraint" in str(refused) or "datatype" in str(refused)  # noqa: PT017
            return
        codes = found(log)
        as_it_was = {
            ("consent_record.subj", "NULL"),
            ("consent_pending.bad", "NULL"),
            ("consent_head.size", "3"),
            ("consent_checkpoint.size", "3"),
        }
        assert bool(codes) is ((column, junk) not in as_it_was), codes
    finally:
        log.database.close()


def test_no_alarm_is_raised_while_the_log_is_written_sealed_and_emptied(log_url: str, tmp_path: Path) -> None:
    database = open_database(log_url, patience=60)
    log = Log(lambda: database)
    append(log, 0, 30)
    done = threading.Event()
    failed: list[BaseException] = []

    def use() -> None:
        try:
            other = open_database(log_url, patience=60)
            writing = Log(lambda: other)
            store = SqlStore(other, [KEY])
            sealing = sealer(writing, tmp_path / "state", batch=7)
            for number in range(30, 150):
                store.append(make_record(number), NOTICE)
                if number % 5 == 0:
                    remover(writing, now=START + number * 1000 + 1).erase([make_record(number - 20).id])
                if number % 3 == 0:
                    sealing.seal()
            other.close()
        except BaseException as error:
            failed.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=use)
    thread.start()
    alarms, rounds = [], 0
    while not done.is_set():
        alarms.append(found(log))
        rounds += 1
    thread.join()
    assert failed == []
    assert rounds > 1
    assert [alarm for alarm in alarms if alarm] == []
    assert found(log) == {}
    database.close()


def test_a_body_of_a_record_is_what_is_put_back(sealed: Log) -> None:
    # The tests above would see nothing if this did.
    put(sealed, rid(1), make_record(1).ts, format_body(make_record(1)), KEY)
    assert found(sealed).keys() == {"leaf"}
