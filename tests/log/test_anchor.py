"""Other people's word for a checkpoint: asked for, kept, checked, and found out where it is for something else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from others import Authority, Witness, serving
from records import KEY, NOTICE, make_record
from sealing import SIGNER

from consent.errors import ConfigurationError, LogUnavailable
from consent.log.anchor import TIMESTAMP, WITNESS, Anchor, ask_authority, ask_witness, check_anchor
from consent.log.checkpoint import Checkpoint, Trust, sign_checkpoint
from consent.log.note import format_signer, format_vkey
from consent.log.sqlite import SqliteDatabase
from consent.log.store import open_store

Run = Callable[..., subprocess.CompletedProcess[str]]
OLD = ("--deadline", str(10**9))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "ours")


@pytest.fixture
def log(run: Run, authority: Authority) -> Run:
    """A log with its keys in files, those of a witness, and the authority's certificate."""
    append(0, 3)
    Path("signer").write_text(f"{format_signer(SIGNER.log)}\n{format_signer(SIGNER.clock)}\n")
    keys = (*SIGNER.trust.keys, Witness(SIGNER.trust).key.verifier)
    Path("trust").write_text("".join(f"{format_vkey(key)}\n" for key in keys))
    Path("root").write_text(authority.root)
    return run


def append(first: int, end: int) -> None:
    store = open_store("sqlite:///consent.db", keys=[KEY])
    for number in range(first, end):
        store.append(make_record(number), NOTICE)
    store.close()


def anchors() -> list[tuple[Any, ...]]:
    database = SqliteDatabase("consent.db")
    rows = database.read("SELECT size, kind, token FROM consent_anchor ORDER BY size, kind", ())
    database.close()
    return rows


def note() -> str:
    database = SqliteDatabase("consent.db")
    [(text,)] = database.read("SELECT note FROM consent_checkpoint ORDER BY size DESC LIMIT 1", ())
    database.close()
    return str(text)


def codes(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [finding["code"] for finding in json.loads(done.stdout)["findings"]]


def test_a_timestamp_is_kept_and_checks_for_us_and_for_openssl(log: Run, authority: Authority) -> None:
    with serving(authority.answer) as url:
        assert log("log", "seal", "--signer", "signer", "--timestamp", url).returncode == 0
    [(size, kind, token)] = anchors()
    assert (size, kind) == (3, TIMESTAMP)
    assert authority.verifies(note(), token)
    verify = ("log", "verify", "--trust", "trust", "--authority", "root", "--json", *OLD)
    assert codes(log(*verify)) == ["no-pins"]
    assert json.loads(log(*verify).stdout)["anchors"] == 1

    Path("proof").write_text(log("log", "prove", make_record(1).id).stdout)
    checked = log("log", "check", "proof", "--trust", "trust", "--authority", "root")
    assert "timestamps  1\n" in checked.stdout
    append(3, 4)
    log("log", "seal", "--signer", "signer")
    # The earliest checkpoint that somebody else vouches for says most about the time.
    assert "the log" not in log("log", "prove", make_record(1).id).stderr
    assert log("log", "prove", make_record(1).id).stdout == Path("proof").read_text()
    assert codes(log(*verify)) == ["no-pins"]


def test_who_has_given_their_word_is_not_asked_again_and_who_has_not_is_though_nothing_is_new(
    log: Run, authority: Authority
) -> None:
    asked: list[str] = []

    def answer(path: str, question: bytes) -> tuple[int, bytes]:
        asked.append(path)
        return authority.answer(path, question)

    assert log("log", "seal", "--signer", "signer").returncode == 0
    with serving(answer) as url:
        for _ in range(2):
            assert log("log", "seal", "--signer", "signer", "--timestamp", url).returncode == 0
    assert len(asked) == len(anchors()) == 1


def test_an_empty_log_is_nothing_to_vouch_for(log: Run) -> None:
    log("log", "init", "--log", "sqlite:///empty.db")
    arguments = ("log", "seal", "--signer", "signer", "--state", "s", "--log", "sqlite:///empty.db")
    assert log(*arguments, "--timestamp", "http://127.0.0.1:1").returncode == 0


def test_a_sealer_that_goes_on_outlives_an_authority_that_is_away(log: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("consent.log.command.proving.time.sleep", sleep)
    done = log("log", "seal", "--signer", "signer", "--timestamp", "http://127.0.0.1:1", "--every", "60")
    assert (done.stdout, done.returncode, pauses) == ("Sealed 3; the log has 3.\n", 130, [60, 60])
    assert done.stderr.count("no word for the checkpoint") == 2


def test_a_timestamp_for_another_checkpoint_is_found_out(log: Run, authority: Authority) -> None:
    with serving(authority.answer) as url:
        log("log", "seal", "--signer", "signer", "--timestamp", url)
        append(3, 4)
        log("log", "seal", "--signer", "signer", "--timestamp", url)
    database = SqliteDatabase("consent.db")
    database.write([("UPDATE consent_anchor SET token = (SELECT token FROM consent_anchor WHERE size = 4)", ())])
    database.close()
    done = log("log", "verify", "--trust", "trust", "--authority", "root", "--json", *OLD)
    assert (codes(done), done.returncode) == (["no-pins", "anchor"], 1)
    assert "3, timestamp: the timestamp does not check" in json.loads(done.stdout)["findings"][1]["where"][0]
    Path("proof").write_text(log("log", "prove", make_record(1).id).stdout)
    done = log("log", "check", "proof", "--trust", "trust", "--authority", "root")
    assert (done.returncode, "the timestamp does not check" in done.stderr) == (1, True)
    # Who trusts no authority sees no difference, and is not told that it was checked.
    assert "timestamps  0\n" in log("log", "check", "proof", "--trust", "trust").stdout


def test_an_authority_that_nobody_trusts_vouches_for_nothing(log: Run, authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    with serving(other.answer) as url:
        log("log", "seal", "--signer", "signer", "--timestamp", url)
    assert "anchor" in codes(log("log", "verify", "--trust", "trust", "--authority", "root", "--json", *OLD))


def test_a_witness_is_shown_that_the_log_only_grew_and_signs(log: Run) -> None:
    witness = Witness(SIGNER.trust)
    with serving(witness.answer) as url:
        arguments = ("log", "seal", "--signer", "signer", "--trust", "trust", "--witness", f"{url}/")
        assert log(*arguments).returncode == 0
        append(3, 8)
        assert log(*arguments).returncode == 0
    assert [question.partition("\n")[0] for question in witness.asked] == ["old 0", "old 3"]
    assert [(size, kind) for size, kind, _ in anchors()] == [(3, WITNESS), (8, WITNESS)]
    assert all(b"stranger" not in token for _, _, token in anchors())
    assert codes(log("log", "verify", "--trust", "trust", "--json", *OLD)) == ["no-pins"]
    Path("proof").write_text(log("log", "prove", make_record(5).id).stdout)
    assert "witnesses   witness.example\n" in log("log", "check", "proof", "--trust", "trust").stdout


def test_a_witness_that_has_seen_another_size_says_so_and_is_asked_again(log: Run) -> None:
    witness = Witness(SIGNER.trust)
    with serving(witness.answer) as url:
        arguments = ("log", "seal", "--signer", "signer", "--trust", "trust", "--witness", url)
        log(*arguments)
        database = SqliteDatabase("consent.db")
        database.write([("DELETE FROM consent_anchor", ())])
        database.close()
        append(3, 5)
        assert log(*arguments).returncode == 0
    assert [question.partition("\n")[0] for question in witness.asked] == ["old 0", "old 0", "old 3"]


def test_a_witness_signs_no_fork_and_the_log_says_so(log: Run) -> None:
    witness = Witness(SIGNER.trust)
    witness.size, witness.root = 2, bytes(32)
    with serving(witness.answer) as url:
        done = log("log", "seal", "--signer", "signer", "--trust", "trust", "--witness", url)
    assert done.returncode == 4
    assert f"no word for the checkpoint from {url}: HTTP Error 422" in done.stderr
    assert anchors() == []


def test_a_witnesss_line_for_another_checkpoint_is_found_out(log: Run) -> None:
    witness = Witness(SIGNER.trust)
    with serving(witness.answer) as url:
        arguments = ("log", "seal", "--signer", "signer", "--trust", "trust", "--witness", url)
        log(*arguments)
        append(3, 8)
        log(*arguments)
    database = SqliteDatabase("consent.db")
    database.write([("UPDATE consent_anchor SET token = (SELECT token FROM consent_anchor WHERE size = 8)", ())])
    database.close()
    done = log("log", "verify", "--trust", "trust", "--json", *OLD)
    assert "3, witness: the signature of witness.example is wrong" in json.loads(done.stdout)["findings"][1]["where"]


NOTE = sign_checkpoint(Checkpoint("example.org/consent", 3, bytes(32)), SIGNER, 1_795_000_000)


@pytest.mark.parametrize("answer", [(500, b""), (200, b""), (200, b"something else"), (200, b"0\x03\x02\x01\x05")])
def test_whatever_others_answer_is_no_word_and_no_crash(answer: tuple[int, bytes]) -> None:
    trust = Trust((*SIGNER.trust.keys, Witness(SIGNER.trust).key.verifier))
    with serving(lambda _path, _question: answer) as url:
        with pytest.raises(LogUnavailable, match="no word for the checkpoint"):
            ask_authority(url, NOTE)
        with pytest.raises(LogUnavailable, match="no word for the checkpoint"):
            ask_witness(url, NOTE, trust, 0, lambda _old: [])


def test_a_token_that_answers_another_question_is_refused(authority: Authority) -> None:
    with serving(authority.answer) as url:
        token = ask_authority(url, "another note")
    with (
        serving(lambda _path, _question: (200, token)) as url,
        pytest.raises(LogUnavailable, match="its token is for something else"),
    ):
        ask_authority(url, NOTE)
    with serving(authority.answer) as url:
        token = ask_authority(url, NOTE)
    with (
        serving(lambda _path, _question: (200, token)) as url,
        pytest.raises(LogUnavailable, match="its token answers another question"),
    ):
        ask_authority(url, NOTE)


def test_a_witness_whose_key_nobody_trusts_gives_no_word() -> None:
    with (
        serving(Witness(SIGNER.trust).answer) as url,
        pytest.raises(LogUnavailable, match="none of its lines is by a key that is trusted"),
    ):
        ask_witness(url, NOTE, SIGNER.trust, 0, lambda _old: [])


def test_a_witness_that_changes_its_mind_is_not_asked_for_ever() -> None:
    sizes = iter([b"1\n", b"2\n"])
    with (
        serving(lambda _path, _question: (409, next(sizes))) as url,
        pytest.raises(LogUnavailable, match="it saw another checkpoint in between"),
    ):
        ask_witness(url, NOTE, SIGNER.trust, 0, lambda _old: [])


def test_nobody_is_asked_otherwise_than_over_http() -> None:
    with pytest.raises(ConfigurationError, match="asked over HTTP"):
        ask_authority("file:///etc/passwd", NOTE)


def test_an_anchor_of_no_known_kind_is_found_out() -> None:
    with pytest.raises(ValueError, match="of no known kind"):
        check_anchor(Anchor(3, "rumour", 0, b""), NOTE, SIGNER.trust, b"")
