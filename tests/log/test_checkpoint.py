"""Checkpoints and proofs have one spelling, and none checks that the log did not sign."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.log.checkpoint import (
    Checkpoint,
    Proof,
    Signer,
    Trust,
    check_checkpoint,
    check_proof,
    format_checkpoint,
    format_proof,
    parse_checkpoint,
    parse_checkpoints,
    parse_proof,
    sign_checkpoint,
)
from consent.log.note import TIMED, SignerKey, encode, format_signer, format_vkey
from consent.log.record import leaf_hash
from consent.log.tree import node_hash

ORIGIN = "example.org/consent"
SIGNER = Signer.new(ORIGIN, bytes(range(64)))
TIME = 1_795_000_000
LEAVES = [leaf_hash(b"%d" % number) for number in range(3)]
ROOT = node_hash(node_hash(LEAVES[0], LEAVES[1]), LEAVES[2])
CHECKPOINT = Checkpoint(ORIGIN, 3, ROOT)
RAW = sign_checkpoint(CHECKPOINT, SIGNER, TIME)
PROOF = Proof(2, (node_hash(LEAVES[0], LEAVES[1]),), RAW, b'{"v":1}')


def test_a_checkpoint_comes_back_with_the_time_of_the_logs_clock() -> None:
    assert check_checkpoint(RAW, SIGNER.trust) == (CHECKPOINT, TIME)
    assert RAW.startswith(f"{ORIGIN}\n3\n{encode(ROOT)}\n\n— {ORIGIN} ")
    assert parse_checkpoint(format_checkpoint(CHECKPOINT)) == CHECKPOINT


@pytest.mark.parametrize(
    "text",
    [
        "", "\n", f"{ORIGIN}\n3\n", f"\n3\n{encode(ROOT)}\n", f"{ORIGIN}\n03\n{encode(ROOT)}\n", f"{ORIGIN}\n-1\n{encode(ROOT)}\n",
        f"{ORIGIN}\n3\n{encode(ROOT)}", f"{ORIGIN}\n3\n{encode(ROOT)}\nmore\n", f"{ORIGIN}\n3\n{encode(ROOT[:31])}\n",
        f"{ORIGIN}\n３\n{encode(ROOT)}\n", f"{ORIGIN}\n{10**19}\n{encode(ROOT)}\n", f"{ORIGIN}\n3\n{encode(ROOT)[:-1]}\n",
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_checkpoint(text)


def test_a_checkpoint_that_the_logs_key_or_clock_did_not_sign_is_refused() -> None:
    first, second = RAW.splitlines(keepends=True)[-2:]
    other = Signer.new(ORIGIN, bytes(64))
    for raw, why in (
        (RAW.replace(first, ""), "the log's key did not sign it"),
        (RAW.replace(second, ""), "the log's clock did not sign it"),
        (sign_checkpoint(CHECKPOINT, other, TIME), "the log's key did not sign it"),
        (sign_checkpoint(replace(CHECKPOINT, origin="b"), SIGNER, TIME), "of another log, 'b'"),
        (RAW.replace("\n3\n", "\n2\n"), "the signature of example.org/consent is wrong"),
    ):
        with pytest.raises(ValueError, match=why):
            check_checkpoint(raw, SIGNER.trust)


def test_after_a_change_of_keys_the_old_ones_check_what_they_signed() -> None:
    new = Signer.new(ORIGIN, bytes(64))
    both = Trust((*new.trust.keys, *SIGNER.trust.keys))
    for signer in (SIGNER, new):
        assert check_checkpoint(sign_checkpoint(CHECKPOINT, signer, TIME), both) == (CHECKPOINT, TIME)


def test_keys_are_read_from_files() -> None:
    witness = SignerKey("witness.example", TIMED, bytes(32))
    lines = [format_vkey(key) for key in (*SIGNER.trust.keys, witness.verifier)]
    trust = Trust.parse("\n".join(lines) + "\n")
    assert (trust.origin, trust.witnesses) == (ORIGIN, (witness.verifier,))
    assert trust.clocks == (SIGNER.clock.verifier,)
    private = f"{format_signer(SIGNER.log)}\n{format_signer(SIGNER.clock)}\n"
    assert Signer.parse(private) == SIGNER
    for wrong in ("", private.splitlines()[0], "\n".join(private.splitlines()[::-1]), private + private):
        with pytest.raises(ValueError):
            Signer.parse(wrong)
    for wrong in ("", lines[1], format_vkey(witness.verifier), lines[0] + "\n" + format_vkey(replace(SIGNER.log.verifier, name="b"))):  # fmt: skip
        with pytest.raises(ValueError, match="not the keys of a log"):
            Trust.parse(wrong)


def test_a_file_of_checkpoints_has_as_many_as_there_are() -> None:
    other = sign_checkpoint(Checkpoint(ORIGIN, 1, LEAVES[0]), SIGNER, TIME)
    for text in (RAW + other, f"\n\n{RAW}\n\n{other}\n", f"{RAW}\n{other}"):
        assert parse_checkpoints(text) == [RAW, other]
    for text in ("", "\n", "x\n", RAW + "x\n", "x\n" + RAW, RAW[:-1], RAW.replace("\n\n", "\n"), RAW + other[:-1]):
        with pytest.raises(ValueError, match="not a file of checkpoints"):
            parse_checkpoints(text)


# Proofs


def test_a_proof_comes_back_and_checks() -> None:
    for proof in (PROOF, replace(PROOF, extra=b"")):
        assert parse_proof(format_proof(proof)) == proof
        assert check_proof(proof, LEAVES[2], SIGNER.trust) == (CHECKPOINT, TIME)
    alone = Checkpoint(ORIGIN, 1, LEAVES[0])
    short = Proof(0, (), sign_checkpoint(alone, SIGNER, TIME))
    assert format_proof(short).startswith(f"c2sp.org/tlog-proof@v1\nindex 0\n\n{ORIGIN}\n1\n")
    assert check_proof(parse_proof(format_proof(short)), LEAVES[0], SIGNER.trust) == (alone, TIME)


def test_every_changed_byte_of_a_proof_is_refused_but_those_of_its_extra() -> None:
    raw = format_proof(PROOF).encode()
    bent = 0
    for at in range(len(raw)):
        try:
            proof = parse_proof((raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]).decode())
            check_proof(proof, LEAVES[2], SIGNER.trust)
        except ValueError:
            continue
        assert (proof.index, proof.hashes, proof.checkpoint) == (PROOF.index, PROOF.hashes, PROOF.checkpoint)
        bent += 1
    assert 0 < bent <= len(encode(PROOF.extra))


def test_a_proof_of_another_leaf_is_refused() -> None:
    for leaf in (*LEAVES[:2], bytes(32), b""):
        with pytest.raises(ValueError, match="not under the root"):
            check_proof(PROOF, leaf, SIGNER.trust)


@given(st.text() | st.text().map(lambda text: "c2sp.org/tlog-proof@v1\n" + text))
def test_no_text_makes_the_parser_fail_otherwise(text: str) -> None:
    with pytest.raises(ValueError):
        format_proof(parse_proof(text)) + parse_checkpoint(text).origin


@pytest.mark.parametrize(
    "change",
    [
        ("index 2", "index 02"), ("index 2", "index -1"), ("index 2", "index"), ("index 2", "idx 2"), ("extra ", "extra  "),
        ("extra ", "Extra "), ("@v1", "@v2"), ("\n\n", "\n"), ("\nindex 2", ""), ("index 2", "index 2\n"), ("index 2", "index 2\nAAAA"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_proof_is_refused(change: tuple[str, str]) -> None:
    raw = format_proof(PROOF)
    assert change[0] in raw
    with pytest.raises(ValueError):
        parse_checkpoint(parse_proof(raw.replace(*change, 1)).checkpoint)
