"""The specification is true: its test vectors are what the library makes, and its fields are those that there are."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from records import KEY, NOTICE, SECRET, START, make_record
from sealing import SIGNER

from consent.log.checkpoint import Checkpoint, Proof, check_proof, format_proof, parse_proof, sign_checkpoint
from consent.log.note import format_vkey
from consent.log.proof import check
from consent.log.record import Record, commitment, format_body, leaf_data, leaf_hash, mac
from consent.log.tombstone import Tombstone, format_tombstone
from consent.log.tree import Frontier, node_hash

TEXT = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")
ORIGIN = SIGNER.trust.origin

RECORDS = [make_record(0, kind="refuse_all", granted=(), refused=("analytics", "marketing")), make_record(1)]
STONE = Tombstone("01a1ee569b5c7abc8def0123456789ab", START + 60_000, "erase", (RECORDS[1].id,), "0.1.0")
BODIES = [*map(format_body, RECORDS), format_tombstone(STONE)]
SALTS = [bytes([number]) * 32 for number in range(3)]
TIME = START // 1000 + 120


def leaves() -> list[tuple[bytes, bytes, bytes]]:
    """Commitment, leaf data and leaf hash of each."""
    made = []
    for content, body, salt in zip((*RECORDS, STONE), BODIES, SALTS, strict=True):
        committed = commitment(salt, body)
        data = leaf_data(content.id, content.ts, committed)
        made.append((committed, data, leaf_hash(data)))
    return made


def root(size: int) -> bytes:
    frontier = Frontier()
    frontier.extend(hashed for _, _, hashed in leaves()[:size])
    return frontier.root()


CHECKPOINT = sign_checkpoint(Checkpoint(ORIGIN, 3, root(3)), SIGNER, TIME)


def proof() -> str:
    """The proof of the first record, as the command makes it."""
    committed, _, _ = leaves()[0]
    extra = (
        f'{{"body":"{BODIES[0].decode().replace(chr(34), chr(92) + chr(34))}","commitment":"{committed.hex()}",'
        f'"id":"{RECORDS[0].id}","salt":"{SALTS[0].hex()}","ts":{START},"v":1}}'
    )
    hashes = (leaves()[1][2], leaves()[2][2])
    return format_proof(Proof(0, hashes, CHECKPOINT, extra.encode()))


def vectors() -> dict[str, str]:
    made = {"secret key": SECRET, "code key": KEY.hex(), "notice": NOTICE.decode()}
    for number, (committed, data, hashed) in enumerate(leaves()):
        made |= {
            f"body {number}": BODIES[number].decode(),
            f"salt {number}": SALTS[number].hex(),
            f"commitment {number}": committed.hex(),
            f"leaf data {number}": data.decode().replace("\n", "\\n"),
            f"leaf {number}": hashed.hex(),
            f"code {number}": mac(KEY, data).hex(),
        }
    made |= {f"root of {size}": root(size).hex() for size in range(4)}
    keys = dict(zip(("log", "clock"), SIGNER.trust.keys, strict=True))
    seeds = {"log": SIGNER.log.seed, "clock": SIGNER.clock.seed}
    for name, key in keys.items():
        made |= {f"{name} seed": seeds[name].hex(), f"{name} vkey": format_vkey(key)}
    return made


def test_the_vectors_are_what_the_library_makes() -> None:
    [block] = re.findall(r"^```text vectors\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert dict(re.split(r"  +", line, maxsplit=1) for line in block.splitlines()) == vectors()


def test_the_checkpoint_and_the_proof_are_what_the_library_makes_and_check() -> None:
    assert f"```text checkpoint\n{CHECKPOINT}```\n" in TEXT
    assert f"```text proof\n{proof()}```\n" in TEXT
    parsed = parse_proof(proof())
    assert check_proof(parsed, leaves()[0][2], SIGNER.trust)[1] == TIME
    assert check(parsed, SIGNER.trust).content == RECORDS[0]


def test_the_roots_are_of_these_leaves() -> None:
    first, second, third = (hashed for _, _, hashed in leaves())
    assert root(3) == node_hash(node_hash(first, second), third)


def test_every_field_of_a_record_is_described_and_mapped() -> None:
    names = {field.name for field in fields(Record)}
    tables = {
        heading: set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", part, re.MULTILINE))))
        for heading, part in re.findall(r"^## (.+)\n((?:(?!^## ).*\n)*)", TEXT, re.MULTILINE)
    }
    assert tables["Record"] == names | {"v"}
    assert tables["In the words of TS 27560 and Kantara"] == names | {"v"}
