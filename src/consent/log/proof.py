"""One record, its place in the tree and what was signed over it, in one file that is checked without the log.

The file is a proof of c2sp.org/tlog-proof. Its ``extra`` is JSON in the spelling of RFC 8785, from which the leaf is
made and which says what the leaf stands for::

    id, ts, commitment        what the leaf data are made of
    body, salt                the record, as a text, and the salt of its commitment; absent where it was removed
    words                     what the visitor was shown, as a text
    timestamps                tokens of timestamp authorities over the checkpoint's note, DER in base64
    v                         1
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from .anchor import TIMESTAMP, Anchor, check_anchor, with_witnesses
from .checkpoint import Checkpoint, Proof, Trust, check_proof
from .note import check_note, decode, encode, parse_note
from .record import Record, commitment, leaf_data, leaf_hash, parse_body
from .store import Database, as_bytes
from .tiles import Tiles
from .tombstone import Tombstone, parse_tombstone
from .tree import prove_inclusion

__all__ = ["Proven", "check", "prove"]

_RECORD = """SELECT l.idx, r.ts, r.commitment, {content} FROM consent_leaf l JOIN consent_record r ON r.rid = l.rid
WHERE l.rid = ?"""
_ANCHORED = """SELECT a.size, a.kind, a.ts, a.token, c.note FROM consent_anchor a
JOIN consent_checkpoint c ON c.size = a.size WHERE a.size > ? ORDER BY a.size LIMIT 20"""
_LATEST = "SELECT size, note FROM consent_checkpoint WHERE size > ? ORDER BY size DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof shows: this record was in the log when the checkpoint was signed, at ``sealed`` (Unix seconds).

    ``content`` is None where it was removed; ``words`` is None where they are not in the proof. ``witnesses``: the
    names of those who signed as well. ``timestamps``: how many of the tokens were checked.
    """

    id: str
    ts: int
    leaf: str
    index: int
    checkpoint: Checkpoint
    sealed: int
    content: Record | Tombstone | None
    words: str | None
    witnesses: tuple[str, ...]
    timestamps: int


def prove(database: Database, rid: bytes, *, content: bool = True) -> Proof | None:
    """The proof of a record, or None if it is not sealed. Without ``content`` it says what the leaf is made of, and
    not what was decided; then no content is read.

    :raises ValueError: if the log's hashes do not allow a proof.
    :raises LogUnavailable: if the log cannot be read.
    """

    def read(query: str, *values: Any) -> list[tuple[Any, ...]]:
        return database.read(query.replace("?", database.placeholder), values)

    rows = read(_RECORD.format(content="r.salt, r.body" if content else "NULL, NULL"), rid)
    if not rows:
        return None
    index, ts, committed, salt, body = rows[0]
    anchored = read(_ANCHORED, index)
    anchors = [
        Anchor(size, kind, at, as_bytes(token)) for size, kind, at, token, _ in anchored if size == anchored[0][0]
    ]
    latest = [(anchored[0][0], anchored[0][4])] if anchored else read(_LATEST, index)
    if not latest:
        raise ValueError("no checkpoint covers the leaf")
    size, note = latest[0]
    extra: dict[str, Any] = {"v": 1, "id": rid.hex(), "ts": ts, "commitment": as_bytes(committed).hex()}
    if body is not None:
        extra |= {"body": body, "salt": as_bytes(salt).hex()}
        digest = json.loads(body).get("notice", "").removeprefix("sha256:")
        words = read("SELECT content FROM consent_notice WHERE sha256 = ?", bytes.fromhex(digest)) if digest else []
        if words:
            extra["words"] = as_bytes(words[0][0]).decode()
    tokens = [encode(anchor.token) for anchor in anchors if anchor.kind == TIMESTAMP]
    if tokens:
        extra["timestamps"] = tokens
    hashes = tuple(prove_inclusion(index, size, Tiles(database)))
    return Proof(index, hashes, with_witnesses(note, anchors), _canonical(extra))


def check(proof: Proof, trust: Trust, authorities: bytes = b"") -> Proven:
    """Check a proof; ``authorities``: certificates of timestamp authorities, PEM, where their tokens are to be checked.

    :raises ValueError: if it does not show what it says.
    """
    given = _parse(proof.extra)
    committed = bytes.fromhex(given["commitment"])
    leaf = leaf_hash(leaf_data(given["id"], given["ts"], committed))
    checkpoint, sealed = check_proof(proof, leaf, trust)
    content, words = _content(given, committed), given.get("words")
    notice = content.notice if isinstance(content, Record) else None
    if words is not None and notice != f"sha256:{sha256(words.encode()).hexdigest()}":
        raise ValueError("the words are not those that the visitor was shown")
    witnesses = tuple(key.name for key in trust.witnesses if check_note(parse_note(proof.checkpoint), key))
    tokens = [decode(token) for token in given.get("timestamps", ())] if authorities else []
    stamped = "".join(proof.checkpoint.splitlines(keepends=True)[: 4 + _LOGS_OWN])
    for token in tokens:
        check_anchor(Anchor(checkpoint.size, TIMESTAMP, 0, token), stamped, trust, authorities)
    return Proven(
        given["id"], given["ts"], leaf.hex(), proof.index, checkpoint, sealed, content, words, witnesses, len(tokens)
    )


#: The signature lines that a log puts under its checkpoint; a timestamp's token is over these.
_LOGS_OWN = 2
_NAMES = {"v", "id", "ts", "commitment", "body", "salt", "words", "timestamps"}


def _content(given: dict[str, Any], committed: bytes) -> Record | Tombstone | None:
    if "body" not in given:
        return None
    body = given["body"].encode()
    if commitment(bytes.fromhex(given["salt"]), body) != committed:
        raise ValueError("the content is not what was committed to")
    content = parse_tombstone(body) if b'"removed":' in body else parse_body(body)
    if (content.id, content.ts) != (given["id"], given["ts"]):
        raise ValueError("the content is that of another record")
    return content


def _parse(extra: bytes) -> dict[str, Any]:
    """The extra's values, each of its type."""
    try:
        given = json.loads(extra)
    except RecursionError as error:
        raise ValueError("not a proof of a record: nested") from error
    texts = ("id", "commitment", "body", "salt", "words")
    if (
        not isinstance(given, dict)
        or not given.keys() <= _NAMES
        or given.get("v") != 1
        or not all(isinstance(given[name], str) for name in texts if name in given)
        or not {"id", "ts", "commitment"} <= given.keys()
        or not isinstance(given["ts"], int)
        or ("body" in given) != ("salt" in given)
        or not _are_texts(given.get("timestamps", []))
        or _canonical(given) != extra
    ):
        raise ValueError("not a proof of a record")
    return given


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _canonical(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
