"""Others' implementations read what the log writes: sigstore's verifier the tree and the note, OpenSSL the signature."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sealing import ORIGIN, SIGNER
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import SignedCheckpoint
from sigstore.errors import VerificationError

from consent.cli import main
from consent.log.checkpoint import Checkpoint, sign_checkpoint
from consent.log.note import format_signer, parse_note
from consent.log.record import leaf_hash
from consent.log.tree import Frontier, prove_inclusion

DATA = [b"leaf %d" % number for number in range(40)]
LEAVES = [leaf_hash(data) for data in DATA]


def root(leaves: list[bytes]) -> bytes:
    frontier = Frontier()
    frontier.extend(leaves)
    return frontier.root()


def entry(index: int, size: int, **changes: Any) -> Any:
    """What sigstore verifies: a leaf's data, and its proof."""
    hashes = prove_inclusion(
        index, size, lambda places: [root(LEAVES[n << level : (n + 1) << level]) for level, n in places]
    )
    proof = {"log_index": index, "tree_size": size, "hashes": hashes, "root_hash": root(LEAVES[:size])}
    return SimpleNamespace(
        _inner=SimpleNamespace(inclusion_proof=SimpleNamespace(**{**proof, **changes}), canonicalized_body=DATA[index])
    )


def test_sigstore_takes_every_proof_and_none_that_was_changed() -> None:
    for size in range(1, 41):
        for index in range(size):
            verify_merkle_inclusion(entry(index, size))
            with pytest.raises(VerificationError):
                verify_merkle_inclusion(entry(index, size, root_hash=bytes(32)))
            if size > 1:
                with pytest.raises(VerificationError):
                    verify_merkle_inclusion(
                        entry(index, size, hashes=entry(index, size)._inner.inclusion_proof.hashes[1:])
                    )


def test_sigstore_reads_a_checkpoint() -> None:
    raw = sign_checkpoint(Checkpoint(ORIGIN, 40, root(LEAVES)), SIGNER, 1_795_000_000)
    read = SignedCheckpoint.from_text(raw)
    assert (read.checkpoint.origin, read.checkpoint.log_size) == (ORIGIN, 40)
    assert read.checkpoint.log_hash == root(LEAVES).hex()
    assert [signature.name for signature in read.signed_note.signatures] == [ORIGIN, f"{ORIGIN}/clock"]
    ours = parse_note(raw)
    for theirs, mine in zip(read.signed_note.signatures, ours.signatures, strict=True):
        assert (theirs.sig_hash, base64.b64decode(theirs.signature)) == (mine.key_id, mine.value)
    assert read.signed_note.note == ours.text


def test_openssl_verifies_a_checkpoint_with_the_key_that_the_command_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "signer").write_text(f"{format_signer(SIGNER.log)}\n{format_signer(SIGNER.clock)}\n")
    assert main(["log", "keys", "--signer", f"{tmp_path}/signer", "--pem"]) == 0
    log, clock = (
        f"{part}-----END PUBLIC KEY-----\n" for part in capsys.readouterr().out.split("-----END PUBLIC KEY-----\n")[:2]
    )
    note = parse_note(sign_checkpoint(Checkpoint(ORIGIN, 40, root(LEAVES)), SIGNER, 1_795_000_000))
    timed = note.signatures[1].value
    text = note.text.encode()
    for key, message, signature in (
        (log, text, note.signatures[0].value),
        (clock, b"cosignature/v1\ntime 1795000000\n" + text, timed[8:]),
    ):
        (tmp_path / "key").write_text(key)
        (tmp_path / "text").write_bytes(message)
        (tmp_path / "signature").write_bytes(signature)
        command = "openssl pkeyutl -verify -pubin -inkey key -rawin -in text -sigfile signature"
        done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.stdout, done.returncode) == ("Signature Verified Successfully\n", 0)
