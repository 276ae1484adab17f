"""What could be done to a log by whoever can write to its database, holds the site's key, or the log's signing key.

The attacker is thorough: whatever can be computed anew from what was changed is computed anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from databases import Log
from records import KEY, START, make_record
from sealing import ORIGIN, SIGNER

from consent.log.checkpoint import Checkpoint, Signer, check_checkpoint, sign_checkpoint
from consent.log.record import Record, commitment, format_body, leaf_data, leaf_hash, mac, mac_key
from consent.log.removal import Remover
from consent.log.tombstone import Tombstone, format_tombstone
from consent.log.tree import Frontier

#: Who does it: has the database, the site's key as well, the log's signing key as well.
Who = Literal["database", "site's key", "signing key"]

#: Leaves under the checkpoints of the log that is tampered with; it has a tombstone, and two records wait.
SIZES = (100, 258, 261)
TOMBSTONE, ERASED, EDITED, WAITING = 258, 5, 50, (300, 301)


@dataclass(frozen=True)
class Mutation:
    """One way to tamper; what is found by whoever has the keys, the pins as well, the receipts as well."""

    what: str
    who: Who
    do: Callable[[Log], None]
    keys: str = ""
    pins: str = ""
    receipts: str = ""
    warnings: str = ""


def rid(number: int) -> bytes:
    return bytes.fromhex(make_record(number).id)


def remover(log: Log, key: bytes = KEY, now: int = START + 258_500) -> Remover:
    return Remover(log.database, key, now=lambda: now, chance=lambda size: hashlib.sha256(b"chance").digest()[:size], app="0.1.0")  # fmt: skip


# What an attacker does again and again


def put(log: Log, rid: bytes, ts: int, body: bytes, key: bytes | None) -> None:
    """Put content into a record, its commitment, and its code where the key is known."""
    salt = b"s" * 32
    committed = commitment(salt, body)
    log.run(
        "UPDATE consent_record SET salt = ?, body = ?, commitment = ? WHERE rid = ?",
        salt, body.decode(), committed, rid,
    )  # fmt: skip
    if key:
        log.run("UPDATE consent_record SET mac = ? WHERE rid = ?", mac(key, leaf_data(rid.hex(), ts, committed)), rid)


def edit(number: int, key: bytes | None = None) -> Callable[[Log], None]:
    record = make_record(number, kind="accept_all", granted=("analytics", "marketing"), refused=())
    return lambda log: put(log, rid(number), record.ts, format_body(record), key)


def edit_body(number: int) -> Callable[[Log], None]:
    body = format_body(make_record(number, kind="accept_all", granted=("analytics", "marketing"), refused=())).decode()
    return lambda log: log.run("UPDATE consent_record SET body = ? WHERE rid = ?", body, rid(number))


def insert(log: Log, record: Record, key: bytes, *, queued: bool = True) -> None:
    body = format_body(record)
    committed = commitment(b"s" * 32, body)
    code = mac(key, leaf_data(record.id, record.ts, committed))
    log.run(
        "INSERT INTO consent_record (rid, ts, commitment, mac, kid, salt, body) VALUES (?, ?, ?, ?, 0, ?, ?)",
        bytes.fromhex(record.id), record.ts, committed, code, b"s" * 32, body.decode(),
    )  # fmt: skip
    if queued:
        log.run("INSERT INTO consent_pending (rid) VALUES (?)", bytes.fromhex(record.id))


def repair(log: Log, signer: Signer | None = None) -> None:
    """Make leaves, tiles and head anew from the records; and the checkpoints, where somebody can sign them."""
    rows = log.ask(
        "SELECT l.idx, l.hash, r.rid, r.ts, r.commitment FROM consent_leaf l JOIN consent_record r ON r.rid = l.rid ORDER BY l.idx"
    )
    frontier, tiles, roots = Frontier(), {}, {}
    for index, hashed, name, ts, committed in rows:
        leaf = leaf_hash(leaf_data(bytes(name).hex(), ts, bytes(committed)))
        if leaf != bytes(hashed):
            log.run("UPDATE consent_leaf SET hash = ? WHERE idx = ?", leaf, index)
        tiles.update(frontier.extend([leaf]))
        roots[frontier.size] = frontier.root()
    for (level, n), hashed in tiles.items():
        log.run("UPDATE consent_node SET hash = ? WHERE level = ? AND n = ?", hashed, level, n)
    log.run("UPDATE consent_head SET size = ?, frontier = ?", frontier.size, frontier.joined())
    if signer is None:
        return
    checkpoints = log.ask("SELECT size, ts FROM consent_checkpoint ORDER BY size")
    for size, time in checkpoints:
        now = frontier.size if size == checkpoints[-1][0] else size
        note = sign_checkpoint(Checkpoint(ORIGIN, now, roots[now]), signer, time)
        log.run("UPDATE consent_checkpoint SET size = ?, note = ? WHERE size = ?", now, note, size)


def shift(log: Log, first: int, by: int) -> None:
    """Move the indexes of the leaves from one on, where another goes or comes."""
    log.run("UPDATE consent_leaf SET idx = idx + 100000 WHERE idx >= ?", first)
    log.run("UPDATE consent_leaf SET idx = idx - 100000 + ? WHERE idx >= 100000", by)


def also(*steps: Callable[[Log], None]) -> Callable[[Log], None]:
    def work(log: Log) -> None:
        for step in steps:
            step(log)

    return work


def run(statement: str, *values: Any) -> Callable[[Log], None]:
    return lambda log: log.run(statement, *values)


def resign(log: Log) -> None:
    repair(log, SIGNER)


def delete(log: Log) -> None:
    log.run("DELETE FROM consent_record WHERE rid = ?", rid(EDITED))
    log.run("DELETE FROM consent_leaf WHERE rid = ?", rid(EDITED))
    shift(log, EDITED + 1, -1)


def reorder(log: Log) -> None:
    log.run("UPDATE consent_leaf SET idx = 100000 WHERE idx = 10")
    log.run("UPDATE consent_leaf SET idx = 10 WHERE idx = 20")
    log.run("UPDATE consent_leaf SET idx = 20 WHERE idx = 100000")


def truncate_leaves(log: Log) -> None:
    log.run("DELETE FROM consent_record WHERE rid IN (SELECT rid FROM consent_leaf WHERE idx >= ?)", SIZES[1])
    log.run("DELETE FROM consent_leaf WHERE idx >= ?", SIZES[1])


def truncate(log: Log) -> None:
    truncate_leaves(log)
    log.run("DELETE FROM consent_checkpoint WHERE size > ?", SIZES[1])
    repair(log)


DAY = 86_400_000


def date_back(log: Log) -> None:
    log.run("UPDATE consent_record SET ts = ts - ? WHERE rid = ?", DAY, rid(EDITED))


def date_back_all(log: Log) -> None:
    old = make_record(EDITED)
    new = make_record(EDITED, ts=old.ts - DAY)
    log.run("UPDATE consent_record SET rid = ?, ts = ? WHERE rid = ?", bytes.fromhex(new.id), new.ts, rid(EDITED))
    log.run("UPDATE consent_leaf SET rid = ? WHERE rid = ?", bytes.fromhex(new.id), rid(EDITED))
    put(log, bytes.fromhex(new.id), new.ts, format_body(new), None)


FORGED = make_record(70_000, ts=START + 50_500)
GUESS = mac_key(b"a guess")


def insert_leaf(index: int, key: bytes) -> Callable[[Log], None]:
    def work(log: Log) -> None:
        insert(log, FORGED, key, queued=False)
        shift(log, index, 1)
        log.run(
            "INSERT INTO consent_leaf (idx, rid, hash) VALUES (?, ?, ?)", index, bytes.fromhex(FORGED.id), bytes(32)
        )

    return work


def insert_long_ago(log: Log) -> None:
    """A record dated back, with a right code: the sealer, who knows no better, seals it now."""
    record, last = make_record(70_001, ts=START - 30 * DAY), SIZES[-1]
    insert(log, record, KEY, queued=False)
    log.run("INSERT INTO consent_leaf (idx, rid, hash) VALUES (?, ?, ?)", last, bytes.fromhex(record.id), bytes(32))
    log.run("INSERT INTO consent_checkpoint (size, ts, note) VALUES (?, ?, '')", last + 1, START // 1000 + 700)
    repair(log, SIGNER)


def other_time(log: Log) -> None:
    [(time, note)] = log.ask("SELECT ts, note FROM consent_checkpoint WHERE size = ?", SIZES[0])
    checkpoint, _ = check_checkpoint(note, SIGNER.trust)
    later = sign_checkpoint(checkpoint, Signer(SIGNER.log, Signer.new(ORIGIN, bytes(64)).clock), time - 100)
    log.run("UPDATE consent_checkpoint SET ts = ?, note = ? WHERE size = ?", time - 100, later, SIZES[0])


def shred(log: Log) -> None:
    log.run("UPDATE consent_record SET body = NULL, salt = NULL WHERE rid = ?", rid(EDITED))


def shred_with_tombstone(key: bytes) -> Callable[[Log], None]:
    return lambda log: remover(log, key, START + 500_000).erase([make_record(EDITED).id]) and None


def widen_tombstone(log: Log) -> None:
    """Name one more record in a tombstone that is there."""
    [(name, ts)] = log.ask("SELECT r.rid, r.ts FROM consent_record r JOIN consent_leaf l ON l.rid = r.rid WHERE l.idx = ?", TOMBSTONE)  # fmt: skip
    ids = tuple(sorted((make_record(ERASED).id, make_record(EDITED).id)))
    shred(log)
    put(log, bytes(name), ts, format_tombstone(Tombstone(bytes(name).hex(), ts, "erase", ids, "0.1.0")), None)


def bring_back(log: Log) -> None:
    """Content that was removed, out of a backup."""
    record = make_record(ERASED)
    body = format_body(record)
    log.run("UPDATE consent_record SET salt = ?, body = ? WHERE rid = ?", ERASED_SALT[0], body.decode(), rid(ERASED))


#: The salt of the record that is erased, as a backup from before has it.
ERASED_SALT: list[bytes] = []

MUTATIONS = [
    # What was decided
    Mutation("edit a content", "database", edit_body(EDITED), "content"),
    Mutation("edit a content and its commitment", "database", edit(EDITED), "code leaf", receipts="receipt"),
    Mutation("edit a content and all that hangs on it", "database", also(edit(EDITED), repair), "code root", "forked", "receipt"),
    Mutation("edit a content and all that hangs on it", "site's key", also(edit(EDITED, KEY), repair), "root", "forked", "receipt"),
    Mutation("edit a content, and sign everything anew", "signing key", also(edit(EDITED, KEY), resign), "", "forked", "receipt"),
    Mutation("put two contents in each other's place", "database", also(run("UPDATE consent_record SET body = (SELECT b.body FROM consent_record b WHERE b.rid = ?) WHERE rid = ?", rid(51), rid(50))), "content"),
    Mutation("exchange a leaf's hash", "database", run("UPDATE consent_leaf SET hash = ? WHERE idx = 7", bytes(32)), "leaf root head node", "forked"),
    # Deleting
    Mutation("delete a record", "database", run("DELETE FROM consent_record WHERE rid = ?", rid(EDITED)), "record-missing", receipts="receipt"),
    Mutation("delete a leaf", "database", run("DELETE FROM consent_leaf WHERE idx = 50"), "leaf-missing root head node queue", "forked"),
    Mutation("delete a record and its leaf, and close the gap", "database", also(delete, repair), "head leaf-beyond root", "forked truncated", "receipt"),
    Mutation("delete a record and its leaf, and sign everything anew", "signing key", also(delete, resign), "", "forked truncated", "receipt"),
    Mutation("delete a record that waits, and its place in the queue", "database", also(run("DELETE FROM consent_record WHERE rid = ?", rid(300)), run("DELETE FROM consent_pending WHERE rid = ?", rid(300))), receipts="receipt"),
    Mutation("delete only the record that waits", "database", run("DELETE FROM consent_record WHERE rid = ?", rid(300)), "queue", receipts="receipt"),
    Mutation("delete only its place in the queue", "database", run("DELETE FROM consent_pending WHERE rid = ?", rid(300)), "queue"),
    # Before it is sealed
    Mutation("edit a content that waits", "database", edit_body(300), "content"),
    Mutation("edit a content that waits, and its commitment", "database", edit(300), "code", receipts="receipt"),
    Mutation("edit a content that waits, its commitment and its code", "site's key", edit(300, KEY), receipts="receipt"),
    # Order, length and time
    Mutation("put two leaves in each other's place", "database", also(reorder, repair), "root", "forked"),
    Mutation("cut off the last records and leaves", "database", truncate_leaves, "leaf-missing root shredded head", "forked", "receipt"),
    Mutation("roll the whole database back to an earlier day", "database", also(truncate, bring_back), "", "truncated", "receipt"),
    Mutation("date a record back", "database", also(date_back, repair), "code content-of-another root", "forked", "receipt", "late"),
    Mutation("date a record back, in its id and content too", "database", also(date_back_all, repair), "code root", "forked", "receipt", "late"),
    # Putting in
    Mutation("put in a record, as if it waited", "database", lambda log: insert(log, FORGED, GUESS), "code"),
    Mutation("put in a record, and a leaf at the end", "database", also(insert_leaf(SIZES[-1], GUESS), repair), "code head"),
    Mutation("put in a record, and a leaf in the middle", "site's key", also(insert_leaf(60, KEY), repair), "root head", "forked"),
    Mutation("put in a record from long ago, and let it be sealed now", "site's key", insert_long_ago, warnings="late"),
    Mutation("put in a record, a leaf in the middle, and sign everything anew", "signing key", also(insert_leaf(60, KEY), resign), "", "forked"),
    # What the log says of itself
    Mutation("sign everything with another key", "database", lambda log: repair(log, Signer.new(ORIGIN, bytes(64))), "checkpoint head"),
    Mutation("another size for a checkpoint", "database", run("UPDATE consent_checkpoint SET size = 99 WHERE size = 100"), "checkpoint"),
    Mutation("another time for a checkpoint", "database", run("UPDATE consent_checkpoint SET ts = ts - 50 WHERE size = 100"), "checkpoint"),
    Mutation("another time for a checkpoint, signed by another clock", "database", other_time, "checkpoint"),
    Mutation("another size for the head", "database", run("UPDATE consent_head SET size = 260"), "head leaf-beyond", "truncated"),
    Mutation("other hashes for the head", "database", run("UPDATE consent_head SET frontier = ?", bytes(96)), "head"),
    Mutation("no head", "database", run("DELETE FROM consent_head"), "leaf-beyond", "truncated"),
    Mutation("delete the last checkpoint", "database", run("DELETE FROM consent_checkpoint WHERE size = 261"), "head"),
    # What is kept beside it
    Mutation("another subject for a record", "database", run("UPDATE consent_record SET subj = ? WHERE rid = ?", bytes(16), rid(50)), "content-of-another"),
    Mutation("another code for a record", "database", run("UPDATE consent_record SET mac = ? WHERE rid = ?", bytes(32), rid(50)), "code"),
    Mutation("another hash for a tile", "database", run("UPDATE consent_node SET hash = ?", bytes(32)), "node"),
    Mutation("delete the hash of a tile", "database", run("DELETE FROM consent_node"), "node"),
    Mutation("other words than visitors were shown", "database", run("UPDATE consent_notice SET content = ?", b"{}"), "words"),
    Mutation("delete the words that visitors were shown", "database", run("DELETE FROM consent_notice"), warnings="words-missing"),
    # Removing content
    Mutation("remove a content without a tombstone", "database", shred, "shredded"),
    Mutation("remove a content and leave its salt", "database", run("UPDATE consent_record SET body = NULL WHERE rid = ?", rid(EDITED)), "shredded removed-in-part"),
    Mutation("remove a content, with a tombstone of one's own", "database", shred_with_tombstone(GUESS), "code"),
    Mutation("remove a content, and name it in a tombstone that is there", "database", also(widen_tombstone, repair), "code root", "forked"),
    Mutation("remove a tombstone", "database", run("UPDATE consent_record SET body = NULL, salt = NULL WHERE rid = (SELECT rid FROM consent_leaf WHERE idx = 258)"), "shredded"),
    Mutation("remove a content, with a right tombstone", "site's key", shred_with_tombstone(KEY)),
    Mutation("bring back what was removed", "database", bring_back, warnings="not-removed"),
]  # fmt: skip
