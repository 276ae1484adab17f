"""What proves the log: ``init``, ``keys``, ``seal``, ``verify``, ``prove`` and ``check``."""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ...errors import ConfigurationError, LogUnavailable
from ..anchor import TIMESTAMP, WITNESS, ask_authority, ask_witness
from ..archive import ArchiveEvidence
from ..audit import Report, Terms, verify
from ..checkpoint import Signer, format_proof, parse_checkpoints, parse_proof
from ..evidence import DatabaseEvidence
from ..note import encode, format_signer, format_vkey
from ..proof import Proven, check, prove
from ..seal import Sealed, Sealer
from ..store import Database, SqlStore
from ..tiles import Tiles
from ..tree import prove_consistency
from .options import add_action, bar, count, opened_database, read_file, read_signer, read_trust, site_keys
from .reading import find_one
from .text import content_fields, for_people, for_programs, time_of

__all__ = ["add_proving", "add_sealing", "seal_log"]


def add_proving(actions: Any) -> None:
    add_action(actions, "init", _init, "make the log's tables, where the site's own role may not")

    keys = add_action(actions, "keys", _keys, "make the log's signing keys, or show what verifies them", log=False)
    keys.add_argument("--signer", metavar="FILE", help="the log's signing keys; else CONSENT_SIGNER")
    keys.add_argument("--new", metavar="ORIGIN", help="make them, for a log of this name: example.org/consent")
    keys.add_argument("--pem", action="store_true", help="the public keys in PEM, as OpenSSL reads them")

    sealing = add_action(actions, "seal", _seal, "put the records that wait into the tree, and sign it")
    add_sealing(sealing)
    sealing.add_argument("--every", type=count, metavar="SECONDS", help="go on, until it is stopped")
    sealing.add_argument(
        "--sweep", action="store_true", help="look for records that are in no queue, or were set aside"
    )
    sealing.add_argument("--timestamp", metavar="URL", help="ask this RFC 3161 authority for its word for the result")
    sealing.add_argument(
        "--witness", metavar="URL", help="ask this witness (c2sp.org/tlog-witness), whose key --trust has"
    )
    sealing.add_argument("--trust", metavar="FILE", help="verifier keys of witnesses, beside the log's own")
    sealing.add_argument("--json", action="store_true", help="as JSON")

    verifying = add_action(actions, "verify", _verify, "read everything, and say whether it is what was signed")
    verifying.add_argument("--archive", metavar="FILE", help="verify an archive instead of a log; see export")
    bring = verifying.add_argument_group("what the verifier brings along")
    bring.add_argument("--trust", metavar="FILE", help="the log's verifier keys, and those of witnesses")
    bring.add_argument(
        "--pin", metavar="FILE", action="append", default=[], help="checkpoints that were kept elsewhere"
    )
    bring.add_argument("--receipts", metavar="FILE", help="receipts that visitors hold, a JSON object a line")
    bring.add_argument("--authority", metavar="FILE", help="certificates of timestamp authorities, PEM")
    bring.add_argument(
        "--deadline", type=count, metavar="SECONDS", default=3600, help="to seal in; default: %(default)s"
    )
    verifying.add_argument("--keep", metavar="FILE", help="add the last checkpoint to these pins, if all is well")
    verifying.add_argument("--json", action="store_true", help="as JSON")

    proving = add_action(actions, "prove", _prove, "a file that proves one decision to somebody who has not the log")
    proving.add_argument("id", help="the record's id, or as much of its beginning as tells it apart")
    proving.add_argument("--output", metavar="FILE", help="default: standard output")

    checking = add_action(actions, "check", _check, "whether such a file proves what it says", log=False)
    checking.add_argument("file", help="what prove has written")
    checking.add_argument(
        "--trust", metavar="FILE", required=True, help="the log's verifier keys, and those of witnesses"
    )
    checking.add_argument("--authority", metavar="FILE", help="certificates of timestamp authorities, PEM")
    checking.add_argument("--json", action="store_true", help="as JSON")


def add_sealing(action: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """How to seal; ``optional``: where that is not all that is done."""
    what = "seal at once, with these keys" if optional else "the log's signing keys; else CONSENT_SIGNER"
    action.add_argument("--signer", metavar="FILE", help=what)
    action.add_argument(
        "--state", metavar="FILE", help="what this host knows of the log; default: the signer's, and .state"
    )


def _init(options: argparse.Namespace) -> int:
    with opened_database(options, create=True) as database:
        SqlStore(database).find("")
    print("The log is there.")
    return 0


# Keys


def _keys(options: argparse.Namespace) -> int:
    if options.new is not None:
        _new_keys(options)
    signer = read_signer(options.signer)
    for key in signer.trust.keys:
        print(_pem(key.public) if options.pem else format_vkey(key), end="" if options.pem else "\n")
    return 0


def _new_keys(options: argparse.Namespace) -> None:
    if not options.signer:
        raise ConfigurationError("a new key goes into a file: --signer FILE")
    try:
        signer = Signer.new(options.new, secrets.token_bytes(64))
        text = f"{format_signer(signer.log)}\n{format_signer(signer.clock)}\n"
        file = os.open(options.signer, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except ValueError as error:
        raise ConfigurationError(f"{options.new!r} is no name for a log: {error}") from error
    except ImportError as error:
        raise ConfigurationError("signatures need cryptography: pip install 'cookie-consent[audit]'") from error
    except OSError as error:
        raise ConfigurationError(f"{options.signer} cannot be made: {error.strerror}") from error
    with os.fdopen(file, "w") as opened:
        opened.write(text)


def _pem(public: bytes) -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = Ed25519PublicKey.from_public_bytes(public)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


# Sealing


def seal_log(options: argparse.Namespace, database: Database, signer: Signer, *, sweep: bool = False) -> Sealed:
    """Seal what waits, with the state that the options name."""
    state = Path(options.state or f"{options.signer or os.environ.get('CONSENT_SIGNER')}.state")
    sealer = Sealer(database, signer, state, keys=site_keys(options))
    if sweep:
        sealer.sweep()
    waiting = database.read("SELECT COUNT(*) FROM consent_pending", ())[0][0]
    with bar("sealing", waiting) as told:
        return sealer.seal(_summed(told))


def _summed(told: Callable[[int], None]) -> Callable[[int], None]:
    done = 0

    def add(more: int) -> None:
        nonlocal done
        done += more
        told(done)

    return add


def _seal(options: argparse.Namespace) -> int:
    code, signer = 0, read_signer(options.signer)
    with opened_database(options) as database:
        while True:
            try:
                code |= _tell_sealed(seal_log(options, database, signer, sweep=options.sweep), options)
                _anchor(options, database)
            except LogUnavailable as error:
                if options.every is None:
                    raise
                print(f"consent: {error}", file=sys.stderr)  # it may be there the next time
            if options.every is None:
                return code
            sys.stdout.flush()
            time.sleep(options.every)


def _tell_sealed(done: Sealed, options: argparse.Namespace) -> int:
    if options.json:
        aside = [{"id": name, "why": why} for name, why in done.aside]
        print(json.dumps({"sealed": done.leaves, "size": done.size, "aside": aside}))
    elif done.leaves or done.aside:
        print(f"Sealed {done.leaves}; the log has {done.size}.")
    for name, why in done.aside:
        print(f"consent: set aside: {name}: {why}", file=sys.stderr)
    return 1 if done.aside else 0


def _anchor(options: argparse.Namespace, database: Database) -> None:
    """Ask whom the options name for their word for the last checkpoint, if they have not given it; and keep it."""

    def read(query: str, *values: Any) -> list[tuple[Any, ...]]:
        return database.read(query.replace("?", database.placeholder), values)

    def keep(kind: str, token: bytes) -> None:
        insert = "INSERT INTO consent_anchor (size, kind, ts, token) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        row = (size, kind, int(time.time()), token)
        database.write([(insert.replace("?", database.placeholder), row)])

    last = read("SELECT size, note FROM consent_checkpoint ORDER BY size DESC LIMIT 1")
    if not last:
        return
    size, note = last[0]
    given = dict(read("SELECT kind, MAX(size) FROM consent_anchor GROUP BY kind"))
    if options.timestamp and given.get(TIMESTAMP) != size:
        keep(TIMESTAMP, ask_authority(options.timestamp, note))
    if options.witness and given.get(WITNESS) != size:
        if not options.trust:
            raise ConfigurationError("a witness is asked where its key is known: --trust FILE")

        def grown(old: int) -> list[bytes]:
            return prove_consistency(old, size, Tiles(database))

        keep(WITNESS, ask_witness(options.witness, note, read_trust(options.trust), given.get(WITNESS, 0), grown))


# Verifying


def _verify(options: argparse.Namespace) -> int:
    trust = read_trust(options.trust) if options.trust else None
    try:
        pins = [note for path in options.pin for note in parse_checkpoints(read_file(path))]
        receipts = _receipts(read_file(options.receipts)) if options.receipts else []
        authorities = read_file(options.authority).encode() if options.authority else b""
        terms = Terms(time.time(), trust, pins, receipts, site_keys(options), authorities, options.deadline)
        with nullcontext() if options.archive else opened_database(options) as database:
            evidence = ArchiveEvidence(Path(options.archive)) if database is None else DatabaseEvidence(database)
            with bar("verifying", evidence.head().size) as told:
                report = verify(evidence, terms, lambda done, _: told(done))
    except ValueError as error:
        print(f"consent: {error}", file=sys.stderr)
        return 2
    if options.keep and report.latest and not report.tampered:
        _keep(options.keep, report.latest)
    if options.json:
        for_programs(sys.stdout).write(json.dumps(_report(report)) + "\n")
    else:
        for_people(sys.stdout)
        _print_report(report, checked=trust is not None)
    return 1 if report.tampered else 3 if report.findings else 0


def _receipts(text: str) -> list[tuple[str, str]]:
    """Receipts, a JSON object a line, or one over many lines.

    :raises ValueError: if there is something else.
    """
    decoder, found, at = json.JSONDecoder(), [], 0
    text = text.strip()
    while at < len(text):
        receipt, at = decoder.raw_decode(text, at)
        if not isinstance(receipt, dict):
            raise ValueError("a receipt is a JSON object with id and leaf")  # noqa: TRY004 - the file is at fault
        name, leaf = receipt.get("id", receipt.get("record")), receipt.get("leaf")
        if not isinstance(name, str) or not isinstance(leaf, str) or not re.fullmatch("[0-9a-f]{64}", leaf):
            raise ValueError("a receipt is a JSON object with id and leaf")
        found.append((name.replace("-", "").lower(), leaf))
        at += len(text[at:]) - len(text[at:].lstrip())
    return found


def _keep(path: str, note: str) -> None:
    try:
        with Path(path).open("a+", encoding="utf-8") as file:
            file.seek(0)
            if note not in file.read():
                file.write(f"{note}\n")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be written: {error}") from error


def _report(report: Report) -> dict[str, Any]:
    findings = [
        {
            "code": finding.code,
            "serious": finding.serious,
            "what": finding.what,
            "count": finding.count,
            "where": finding.places,
        }
        for finding in report.findings.values()
    ]
    counts = ("sealed", "unsealed", "removed", "tombstones", "checkpoints", "pins", "receipts", "anchors")
    return {
        "verdict": "tampered" if report.tampered else "warnings" if report.findings else "good",
        **{name: getattr(report, name) for name in counts},
        "root": report.root.hex(),
        "checkpoint": report.latest,
        "findings": findings,
    }


def _print_report(report: Report, *, checked: bool) -> None:
    print(f"sealed      {report.sealed}, under {report.checkpoints} checkpoints; root {encode(report.root)}")
    print(f"waiting     {report.unsealed}")
    print(f"removed     {report.removed}, named by {report.tombstones} tombstones")
    with_keys = "; signatures checked" if checked else ""
    print(f"compared    with {report.pins} pins, {report.receipts} receipts, {report.anchors} anchors{with_keys}")
    for finding in sorted(report.findings.values(), key=lambda finding: not finding.serious):
        word = "TAMPERING" if finding.serious else "warning"
        print(f"\n{word:12}{finding.what} ({finding.count}×)")
        for place in finding.places:
            print(f"{'':12}{place}")
    good = "The log is what was signed." if checked else "The log fits together."
    print("\nThis log was tampered with." if report.tampered else f"\n{good}")


# One decision


def _prove(options: argparse.Namespace) -> int:
    with opened_database(options) as database:
        stored = find_one(SqlStore(database, site_keys(options)), options.id)
        if stored is None:
            return 5
        try:
            proof = prove(database, bytes.fromhex(stored.id))
        except ValueError as error:
            print(f"consent: the log proves nothing of {stored.id}: {error}", file=sys.stderr)
            return 1
    if proof is None:
        print(f"consent: not sealed yet: {stored.id}", file=sys.stderr)
        return 5
    if options.output is None:
        for_programs(sys.stdout).write(format_proof(proof))
        return 0
    try:
        Path(options.output).write_text(format_proof(proof), encoding="utf-8", newline="\n")
    except OSError as error:
        print(f"consent: cannot write {options.output}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


def _check(options: argparse.Namespace) -> int:
    trust = read_trust(options.trust)
    authorities = read_file(options.authority).encode() if options.authority else b""
    text = read_file(options.file)
    try:
        proven = check(parse_proof(text), trust, authorities)
    except ValueError as error:
        print(f"consent: {options.file} proves nothing: {error}", file=sys.stderr)
        return 1
    if options.json:
        for_programs(sys.stdout).write(json.dumps(dict(_proven(proven)), ensure_ascii=False) + "\n")
        return 0
    for_people(sys.stdout)
    for name, value in _proven(proven):
        print(f"{name:12}{value}")
    print(f"\n{trust.origin} held this record when it signed {proven.checkpoint.size} of them.")
    return 0


def _proven(proven: Proven) -> list[tuple[str, str]]:
    return [
        ("id", proven.id),
        ("time", f"{time_of(proven.ts)} UTC"),
        *content_fields(proven.content),
        ("content", "was removed" if proven.content is None else "is what was committed to"),
        ("leaf", proven.leaf),
        ("index", str(proven.index)),
        ("sealed", f"{time_of(proven.sealed * 1000)[:19]} UTC"),
        ("witnesses", ", ".join(proven.witnesses) or "–"),
        ("timestamps", str(proven.timestamps)),
    ]
