"""The second verifier, which shares no code with the library, sees what ours sees."""

from __future__ import annotations

import ast
import importlib.util
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tampering
from databases import Log
from records import make_record
from sealing import SIGNER
from tampering import MUTATIONS, Mutation
from test_tampering import build

from consent.log.archive import write_archive
from consent.log.checkpoint import format_proof
from consent.log.evidence import DatabaseEvidence
from consent.log.note import format_vkey
from consent.log.proof import prove
from consent.log.sqlite import SqliteDatabase

VERIFIER = Path(__file__).parents[2] / "examples" / "verify.py"

#: What an archive does not hold, or whoever has not the site's key cannot know.
UNSEEN = {"code", "node", "head", "leaf-beyond", "queue"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A log, and what is kept of it elsewhere."""
    folder = tmp_path_factory.mktemp("verifier")
    log = Log(lambda: SqliteDatabase(str(folder / "consent.db")))
    pins, receipts, salt = build(log, folder / "state")
    log.database.scrub()
    proof = prove(log.database, bytes.fromhex(make_record(50).id))
    assert proof is not None
    (folder / "proof").write_text(format_proof(proof))
    (folder / "trust").write_text("".join(f"{format_vkey(key)}\n" for key in SIGNER.trust.keys))
    (folder / "pins").write_text("\n".join(pins))
    (folder / "receipts").write_text("\n".join(json.dumps({"id": name, "leaf": leaf}) for name, leaf in receipts))
    (folder / "none").write_text("")
    tampering.ERASED_SALT[:] = [salt]
    yield folder
    log.database.close()


def verifier(folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-I", str(VERIFIER), *names],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def archive(log: Log, path: Path) -> None:
    text = io.StringIO()
    write_archive(DatabaseEvidence(log.database), text)
    path.write_text(text.getvalue())


def test_it_is_short_and_knows_nothing_of_us() -> None:
    source = VERIFIER.read_text()
    assert source.count("\n") < 150
    imported = {
        name.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import) for name in node.names
    } | {node.module or "" for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} == {
        "base64", "cryptography", "hashlib", "json", "os", "pathlib", "re", "sys",
    }  # fmt: skip


def test_it_finds_nothing_in_a_log_as_it_should_be(folder: Path) -> None:
    log = Log(lambda: SqliteDatabase(str(folder / "consent.db")))
    archive(log, folder / "archive")
    log.database.close()
    for more in ((), ("pins",), ("pins", "receipts"), ("none", "receipts")):
        done = verifier(folder, "archive", "trust", *more)
        assert (done.stderr, done.returncode) == ("", 0)
        pins = 3 if "pins" in more else 0
        assert done.stdout == f"good: 261 records, 3 checkpoints, {pins} pins; 1 contents were removed\n"


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: f"{mutation.what} ({mutation.who})")
def test_it_rejects_what_ours_rejects(folder: Path, tmp_path: Path, mutation: Mutation) -> None:
    shutil.copy(folder / "consent.db", tmp_path / "consent.db")
    log = Log(lambda: SqliteDatabase(str(tmp_path / "consent.db")))
    mutation.do(log)
    archive(log, folder / "tampered")
    log.database.close()
    found = {*mutation.warnings.split()} & {"words-missing"}  # it knows no warnings, and this is none to it
    for level, names in (("keys", ()), ("pins", ("pins",)), ("receipts", ("pins", "receipts"))):
        found |= {*getattr(mutation, level).split()}
        good = verifies(folder, "tampered", "trust", *names)
        if found - UNSEEN:
            assert not good
        elif not found:
            assert good


def verifies(folder: Path, *names: str) -> bool:
    """The same without a process of its own for each."""
    try:
        loaded().main(*(folder / name for name in names))
    except Exception:
        return False
    return True


@cache
def loaded() -> Any:
    spec = importlib.util.spec_from_file_location("second_verifier", VERIFIER)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_verifies_a_proof_and_says_nothing_else_after_any_byte_was_changed(folder: Path) -> None:
    done = verifier(folder, "proof", "trust")
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.startswith(f"good: {make_record(50).id}, custom, was in the log at ")
    raw = (folder / "proof").read_bytes()
    for at in range(len(raw)):
        (folder / "bent").write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        try:
            said = loaded().main(folder / "bent", folder / "trust")
        except Exception:
            continue
        # Another spelling of the same bytes, or of what nothing vouches for and nothing is said of.
        assert f"{said}\n" == done.stdout
