"""Every record gets one leaf, whoever seals; and nobody seals on top of what was not signed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databases import Log
from records import KEY, NOTICE, START, make_record
from sealing import ORIGIN, SIGNER, Clock, append, sealer

from consent.errors import LogUnavailable, SealRefused
from consent.log.checkpoint import Signer, check_checkpoint
from consent.log.record import leaf_data, leaf_hash
from consent.log.seal import Sealed
from consent.log.store import open_database, open_store
from consent.log.tiles import Tiles
from consent.log.tree import Frontier, check_consistency, check_inclusion, prove_consistency, prove_inclusion

HERE = str(Path(__file__).parent)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def leaves(log: Log) -> list[bytes]:
    rows = log.ask("SELECT idx, hash FROM consent_leaf ORDER BY idx")
    assert [row[0] for row in rows] == [*range(len(rows))]
    return [bytes(row[1]) for row in rows]


def root(hashes: list[bytes]) -> bytes:
    frontier = Frontier()
    frontier.extend(hashes)
    return frontier.root()


# What is sealed


@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_what_waits_is_sealed_and_signed(log: Log, state: Path, batch: int) -> None:
    append(log, 0, 7)
    told: list[int] = []
    assert sealer(log, state, batch=batch).seal(told.append) == Sealed(7, 7)
    assert sum(told) == 7
    assert max(told) <= batch
    assert log.ask("SELECT * FROM consent_pending") == []
    records = log.ask("SELECT rid, ts, commitment FROM consent_record ORDER BY rid")
    assert leaves(log) == [leaf_hash(leaf_data(bytes(rid).hex(), ts, bytes(c))) for rid, ts, c in records]
    rows = log.ask("SELECT size, ts, note FROM consent_checkpoint ORDER BY size")
    assert [row[0] for row in rows] == [*range(min(batch, 7), 7, batch), 7]
    for size, time, note in rows:
        checkpoint, signed = check_checkpoint(note, SIGNER.trust)
        assert (checkpoint.origin, checkpoint.size, signed) == (ORIGIN, size, time)
        assert checkpoint.root == root(leaves(log)[:size])
    assert state.read_text() == rows[-1][2]


def test_what_comes_later_goes_on_and_nothing_new_signs_nothing(log: Log, state: Path) -> None:
    clock = Clock()
    for first in range(0, 12, 4):
        append(log, first, first + 4)
        assert sealer(log, state, clock=clock).seal() == Sealed(4, first + 4)
    assert sealer(log, state, clock=clock).seal() == Sealed(0, 12)
    assert log.ask("SELECT count(*) FROM consent_checkpoint") == [(3,)]
    times = [row[0] for row in log.ask("SELECT ts FROM consent_checkpoint ORDER BY size")]
    assert times == [START // 1000 + 60 * number for number in (1, 2, 3)]


def test_an_empty_log_is_sealed_as_such(log: Log, state: Path) -> None:
    log.store.find("")
    assert sealer(log, state).seal() == Sealed(0, 0)
    assert not state.exists()


def test_a_clock_that_steps_back_never_signs_an_earlier_time(log: Log, state: Path) -> None:
    append(log, 0, 1)
    sealer(log, state, clock=Clock(START / 1000 + 5000)).seal()
    append(log, 1, 2)
    sealer(log, state, clock=Clock(0)).seal()
    times = [row[0] for row in log.ask("SELECT ts FROM consent_checkpoint ORDER BY size")]
    assert times == [START // 1000 + 5060] * 2


def test_a_record_whose_content_was_erased_before_is_sealed_all_the_same(log: Log, state: Path) -> None:
    append(log, 0, 2)
    log.run("UPDATE consent_record SET body = NULL, salt = NULL")
    assert sealer(log, state).seal() == Sealed(2, 2)


def test_the_hashes_of_whole_tiles_are_kept_and_proofs_are_read_from_them(log: Log, state: Path) -> None:
    append(log, 0, 1)
    sealer(log, state).seal()
    # Most leaves are of no record: what is tried here is the tree.
    fill(log, state, 600)
    hashes = leaves(log)
    assert log.ask("SELECT level, n FROM consent_node ORDER BY n") == [(8, 0), (8, 1)]
    read = Tiles(log.database)
    for index in (0, 1, 255, 256, 511, 512, 599):
        assert check_inclusion(index, 600, hashes[index], prove_inclusion(index, 600, read), root(hashes))
    for old in (1, 255, 256, 257, 512, 599):
        assert check_consistency(old, 600, prove_consistency(old, 600, read), root(hashes[:old]), root(hashes))
    log.run("DELETE FROM consent_leaf WHERE idx = 3")
    with pytest.raises(ValueError, match="hashes are missing: level 0, 2 to 3"):
        prove_inclusion(0, 600, read)


def fill(log: Log, state: Path, size: int) -> None:
    """Records without content, put in as fast as tests need them."""
    statements: list[tuple[str, tuple[Any, ...]]] = []
    mark = log.database.placeholder
    for number in range(1, size):
        rid = number.to_bytes(16)
        row = (rid, 0, bytes(32), bytes(32), 0)
        statements += [
            (f"INSERT INTO consent_record (rid, ts, commitment, mac, kid) VALUES ({', '.join([mark] * 5)})", row),
            (f"INSERT INTO consent_pending (rid) VALUES ({mark})", (rid,)),
        ]
    log.database.write(statements)
    assert sealer(log, state, keys=()).seal() == Sealed(size - 1, size)


def test_what_is_signed_is_on_the_disk(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/consent.db")
    store.find("")
    store.close()
    opened = open_database(f"sqlite:///{tmp_path}/consent.db", create=False)  # as the command does
    assert opened.read("PRAGMA synchronous", ()) == [(2,)]
    opened.close()


# What is set aside


def _no_record(log: Log) -> None:
    log.run("DELETE FROM consent_record WHERE rid = ?", bytes.fromhex(make_record(1).id))


def _forged(log: Log) -> None:
    log.run("UPDATE consent_record SET ts = ts - 1 WHERE rid = ?", bytes.fromhex(make_record(1).id))


def _cut(log: Log) -> None:
    log.run("UPDATE consent_record SET commitment = ? WHERE rid = ?", b"x", bytes.fromhex(make_record(1).id))


@pytest.mark.parametrize(
    ("tamper", "why"), [(_no_record, "no such record"), (_forged, "its code is wrong"), (_cut, "it is no record")]
)
def test_what_cannot_be_sealed_is_set_aside_and_holds_nothing_up(
    log: Log, state: Path, tamper: Callable[[Log], None], why: str
) -> None:
    append(log, 0, 4)
    tamper(log)
    done = sealer(log, state, batch=2).seal()
    assert (done.leaves, done.size) == (3, 3)
    [(rid, said)] = done.aside
    assert (rid, why in said) == (make_record(1).id, True)
    [(waits, bad)] = log.ask("SELECT rid, bad FROM consent_pending")
    assert (bytes(waits).hex(), bad) == (make_record(1).id, said)
    # It is said once, and looked at again when somebody asks for it.
    assert sealer(log, state).seal().aside == ()
    sealer(log, state).sweep()
    assert [name for name, _ in sealer(log, state).seal().aside] == [make_record(1).id]


def test_what_is_sealed_and_waits_again_gets_no_second_leaf(log: Log, state: Path) -> None:
    append(log, 0, 2)
    sealer(log, state).seal()
    log.run("INSERT INTO consent_pending (rid) VALUES (?)", bytes.fromhex(make_record(0).id))
    assert sealer(log, state).seal().aside == ((make_record(0).id, "it is sealed already"),)
    assert len(leaves(log)) == 2


def test_a_sweep_seals_what_somebody_took_out_of_the_queue(log: Log, state: Path) -> None:
    append(log, 0, 3)
    log.run("DELETE FROM consent_pending WHERE rid = ?", bytes.fromhex(make_record(1).id))
    one = sealer(log, state)
    assert one.seal() == Sealed(2, 2)
    one.sweep()
    assert one.seal() == Sealed(1, 3)


def test_without_the_sites_key_codes_are_left_to_whoever_verifies(log: Log, state: Path) -> None:
    append(log, 0, 2)
    _forged(log)
    assert sealer(log, state, keys=()).seal() == Sealed(2, 2)


# What is refused


def sealed(log: Log, state: Path) -> None:
    append(log, 0, 3)
    sealer(log, state).seal()
    append(log, 3, 5)
    sealer(log, state).seal()
    append(log, 5, 6)


def _roll_back(log: Log) -> None:
    log.run("DELETE FROM consent_leaf WHERE idx >= 3")
    log.run("DELETE FROM consent_checkpoint WHERE size > 3")
    three = leaves(log)
    frontier = Frontier()
    frontier.extend(three)
    log.run("UPDATE consent_head SET size = 3, frontier = ?", frontier.joined())


def _empty(log: Log) -> None:
    for table in ("leaf", "checkpoint", "head"):
        log.run(f"DELETE FROM consent_{table}")


REFUSED: dict[str, tuple[Callable[[Log], None], str]] = {
    "rolled back": (_roll_back, "rolled back: 5 leaves were signed, and it has 3"),
    "emptied": (_empty, "rolled back: 5 leaves were signed, and it has 0"),
    "a leaf too many": (lambda log: log.run("INSERT INTO consent_leaf VALUES (5, ?, ?)", bytes(16), bytes(32)), "its last leaf is 5"),
    "a leaf too few": (lambda log: log.run("DELETE FROM consent_leaf WHERE idx = 4"), "its last leaf is 3"),
    "another frontier": (lambda log: log.run("UPDATE consent_head SET frontier = ?", bytes(64)), "not the root that was signed"),
    "no frontier": (lambda log: log.run("UPDATE consent_head SET frontier = ?", b""), "the head of the log is none"),
    "another size": (lambda log: log.run("UPDATE consent_head SET size = 4"), "the head of the log is none"),
    "no checkpoint": (lambda log: log.run("DELETE FROM consent_checkpoint WHERE size = 5"), "not one of this log"),
    "another checkpoint": (lambda log: log.run("UPDATE consent_checkpoint SET note = 'x'"), "not one of this log"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_the_sealer_does_not_go_on_from_what_was_not_signed(log: Log, state: Path, name: str) -> None:
    tamper, why = REFUSED[name]
    sealed(log, state)
    tamper(log)
    before = state.read_text()
    with pytest.raises(SealRefused, match=why):
        sealer(log, state).seal()
    assert state.read_text() == before
    assert log.ask("SELECT count(*) FROM consent_pending") == [(1,)]


def test_a_database_with_another_history_is_refused_though_our_own_keys_signed_it(
    log: Log, state: Path, tmp_path: Path
) -> None:
    sealed(log, state)
    # What the controller could do, who has the keys: the whole history made anew, with another first leaf.
    _empty(log)
    log.run("UPDATE consent_record SET commitment = ? WHERE rid = ?", bytes(32), bytes.fromhex(make_record(0).id))
    sealer(log, tmp_path / "other state", keys=()).sweep()
    sealer(log, tmp_path / "other state", keys=()).seal()
    append(log, 6, 9)
    with pytest.raises(SealRefused, match="forked: its first 5 leaves are not those that were signed"):
        sealer(log, state).seal()


def test_a_tree_whose_hashes_do_not_prove_its_growth_is_refused(log: Log, state: Path, tmp_path: Path) -> None:
    sealed(log, state)
    sealer(log, tmp_path / "another host's").seal()
    log.run("UPDATE consent_leaf SET hash = ? WHERE idx = 1", b"cut")
    with pytest.raises(SealRefused, match="does not prove that it grew from 5 leaves"):
        sealer(log, state).seal()


def test_another_logs_keys_seal_nothing(log: Log, state: Path, tmp_path: Path) -> None:
    sealed(log, state)
    other = Signer.new(ORIGIN, bytes(64))
    with pytest.raises(SealRefused, match="the log's key did not sign it"):
        sealer(log, tmp_path / "other", signer=other).seal()


def test_a_state_that_cannot_be_read_or_is_of_another_log_is_refused(log: Log, state: Path) -> None:
    sealed(log, state)
    for content in (b"", b"\xff", b"something else\n"):
        state.write_bytes(content)
        with pytest.raises(SealRefused, match="state"):
            sealer(log, state).seal()


def fail(descriptor: int) -> None:
    raise OSError("No space left on device")


def test_a_state_that_cannot_be_written_is_told_and_the_next_run_goes_on(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(log, 0, 2)
    with pytest.raises(LogUnavailable, match="cannot be written"):
        sealer(log, tmp_path / "missing" / "state").seal()
    (tmp_path / "state").mkdir()  # nothing can take its place
    with pytest.raises(SealRefused, match="cannot be read"):
        sealer(log, tmp_path / "state").seal()
    monkeypatch.setattr("consent.log.seal.os.fsync", fail)
    with pytest.raises(LogUnavailable, match="cannot be written: No space"):
        sealer(log, tmp_path / "other").seal()
    monkeypatch.undo()
    assert sealer(log, tmp_path / "other").seal() == Sealed(0, 2)
    assert (tmp_path / "other").exists()


def test_a_new_host_takes_the_log_as_it_is_if_our_keys_signed_it(log: Log, state: Path, tmp_path: Path) -> None:
    sealed(log, state)
    assert sealer(log, tmp_path / "new").seal() == Sealed(1, 6)
    assert sealer(log, state).seal() == Sealed(0, 6)
    assert state.read_text() == (tmp_path / "new").read_text()


# Many at once

RACER = f"""
import sys
from pathlib import Path
sys.path.insert(0, {HERE!r})
from records import KEY, NOTICE, make_record
from sealing import SIGNER
from consent.log.seal import Sealer
from consent.log.store import SqlStore, open_database
url, number = sys.argv[1], int(sys.argv[2])
database = open_database(url, patience=60)
store = SqlStore(database, [KEY])
sealer = Sealer(database, SIGNER, Path(sys.argv[3]), keys=[KEY], batch=5)
sys.stdin.readline()
for first in range(number * 1000, number * 1000 + 30, 3):
    for n in range(first, first + 3):
        store.append(make_record(n), NOTICE)
    done = sealer.seal()
    assert not done.aside
sealer.seal()
database.close()
"""


@pytest.fixture(params=["sqlite", "postgresql", "postgresql, serializable"])
def any_log_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Also where every transaction may be told to begin again, as the distributed kin of PostgreSQL do."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/consent.db"
    url: str = request.getfixturevalue("cluster").new_schema()
    return url + "%20-c%20default_transaction_isolation%3Dserializable" * ("serializable" in request.param)


def test_many_sealers_on_many_hosts_give_each_record_one_leaf(any_log_url: str, tmp_path: Path) -> None:
    log_url = any_log_url
    store = open_store(log_url, keys=[KEY])
    store.append(make_record(0), NOTICE)
    store.close()
    racers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", RACER, log_url, str(n), str(tmp_path / f"state{n % 3}")],
            stdin=subprocess.PIPE,
        )
        for n in range(1, 6)
    ]
    for racer in racers:
        assert racer.stdin
        racer.stdin.write(b"\n")
        racer.stdin.close()
    assert [racer.wait(120) for racer in racers] == [0] * 5
    log = Log(lambda: open_database(log_url))
    assert len(leaves(log)) == 151
    assert log.ask("SELECT count(DISTINCT rid) FROM consent_leaf") == [(151,)]
    assert log.ask("SELECT * FROM consent_pending") == []
    note = log.ask("SELECT note FROM consent_checkpoint ORDER BY size DESC LIMIT 1")[0][0]
    assert check_checkpoint(note, SIGNER.trust)[0].root == root(leaves(log))
    log.database.close()
