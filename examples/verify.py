"""Verify a consent log, or the proof of one decision, without the library that made it.

    consent log export --format archive --output archive         what is verified
    consent log prove ID --output proof                          or this
    python verify.py FILE TRUST [PINS [RECEIPTS]]

TRUST holds the log's verifier keys, PINS checkpoints that were kept elsewhere, RECEIPTS what visitors hold.
Written from docs/formats.md alone, with Python's standard library and cryptography. Exit code 1: it does not verify.
"""

import base64
import hashlib
import json
import os
import re
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def need(true, what):
    if not true:
        raise ValueError(what)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def read_keys(text):
    """Verifier keys: (name, id) -> (kind, public key)."""
    keys = ((name, key_id, base64.b64decode(key)) for name, key_id, key in re.findall(r"(.+?)\+(.+?)\+(.+)", text))
    return {(name, bytes.fromhex(key_id)): (key[0], key[1:]) for name, key_id, key in keys}


def checkpoint(note, keys):
    """Size, root and time of a checkpoint that the log's key and its clock have signed."""
    text, _, lines = note.rpartition("\n\n")
    origin, size, root = text.splitlines()
    [log] = {name for (name, _), (kind, _) in keys.items() if kind == 1}
    need(origin == log, f"a checkpoint of another log: {origin}")
    signers, time = set(), 0
    for line in lines.splitlines():
        name, value = line.removeprefix("— ").split(" ")
        signature = base64.b64decode(value, validate=True)
        if (name, signature[:4]) not in keys:
            continue
        (kind, public), signature, message = keys[name, signature[:4]], signature[4:], f"{text}\n".encode()
        if kind == 4:
            at, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            message = b"cosignature/v1\ntime %d\n" % at + message
            time = at if name == f"{log}/clock" else time
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        signers.add(name)
    need({log, f"{log}/clock"} <= signers, f"the log and its clock have not signed at {size}")
    return int(size), base64.b64decode(root), time


def leaf_hash(entry):
    return sha256(b"\0", f"consent-leaf/v1\n{entry['id']}\n{entry['ts']}\n{entry['commitment']}\n".encode())


def content(entry):
    """What a record says, if it is what was committed to."""
    committed = sha256(bytes.fromhex(entry["salt"]), entry["body"].encode())
    said = json.loads(entry["body"])
    need(committed.hex() == entry["commitment"], f"the content of {entry['id']}")
    need((said["id"], said["ts"]) == (entry["id"], entry["ts"]), f"the content of {entry['id']} is another's")
    return said


def root_of(stack):
    """The root over perfect trees (height, hash), the smallest last."""
    root = stack[-1][1] if stack else sha256()
    for _, left in reversed(stack[:-1]):
        root = sha256(b"\1", left, root)
    return root


def verify_archive(lines, keys, pins, receipts):
    size, roots, times = lines[0]["size"], {}, [0]
    notes = [(line["checkpoint"], line["size"], line["time"]) for line in lines if "checkpoint" in line]
    for note, *said in notes + [(pin, None, None) for pin in pins]:
        at, root, time = checkpoint(note, keys)
        need(at <= size, f"the log was cut off: {at} leaves were signed, and it has {size}")
        need(roots.setdefault(at, root) == root, f"the log was forked at {at}")
        need(said in ([None, None], [at, time]) and (time >= times[-1] or None in said), f"size or time at {at}")
        times.append(time)
    need(max(roots, default=0) == size, "the last checkpoint is not over the last leaf")
    stack, gone, removed, shown = [], set(), set(), set()
    need([line["leaf"] for line in lines if "leaf" in line] == list(range(size)), "leaves are missing, or in no order")
    for entry in (line for line in lines if "commitment" in line):
        hashed = leaf_hash(entry)
        need(receipts.pop(entry["id"], hashed.hex()) == hashed.hex(), f"the receipt for {entry['id']}")
        if "body" in entry:
            said = content(entry)
            need(said.get("subject") == entry.get("subject"), f"the subject of {entry['id']}")
            removed.update(said.get("removed", ()))
            shown.add(said.get("notice"))
        else:
            need("salt" not in entry and "subject" not in entry, f"{entry['id']} was removed in part")
            gone.add(entry["id"])
        if "leaf" in entry:
            need(hashed.hex() == entry["hash"], f"the leaf of {entry['id']}")
            stack.append((0, hashed))
            while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
                (height, left), (_, right) = stack[-2:]
                stack[-2:] = [(height + 1, sha256(b"\1", left, right))]
            need(entry["leaf"] + 1 not in roots or roots[entry["leaf"] + 1] == root_of(stack), f"root: {entry['id']}")
    need(gone <= removed, f"no tombstone names {sorted(gone - removed)[:3]}")
    need(not receipts, f"visitors hold receipts for {sorted(receipts)[:3]}")
    words = {f"sha256:{sha256(line['words'].encode()).hex()}" for line in lines if "words" in line}
    need(shown - {None} <= words, "the words that visitors were shown are not all there")
    return f"good: {size} records, {len(notes)} checkpoints, {len(pins)} pins; {len(gone)} contents were removed"


def verify_proof(text, keys):
    _, extra, index, *beside = text.partition("\n\n")[0].splitlines()
    extra, at = json.loads(base64.b64decode(extra.removeprefix("extra "))), int(index.removeprefix("index "))
    size, root, time = checkpoint(text.partition("\n\n")[2], keys)
    hashed, last = leaf_hash(extra), size - 1
    for other in map(base64.b64decode, beside):  # RFC 9162, 2.1.3.2
        need(0 <= at <= last and last > 0, "the proof does not fit")
        left = at & 1 or at == last
        hashed = sha256(b"\1", other, hashed) if left else sha256(b"\1", hashed, other)
        while left and at and not at & 1:
            at, last = at >> 1, last >> 1
        at, last = at >> 1, last >> 1
    need(last == 0 and at == 0 and hashed == root, "the leaf is not under the root")
    said = content(extra) if "body" in extra else {"kind": "removed"}
    need("words" not in extra or f"sha256:{sha256(extra['words'].encode()).hex()}" == said["notice"], "the words")
    return f"good: {extra['id']}, {said['kind']}, was in the log at {time}"


def main(file, trust, pins=os.devnull, receipts=os.devnull):
    text, trusted, pins, receipts = (Path(name).read_text("utf-8") for name in (file, trust, pins, receipts))
    if text.startswith("c2sp.org/tlog-proof@v1\n"):
        return verify_proof(text, read_keys(trusted))
    held = {line["id"]: line["leaf"] for line in map(json.loads, receipts.splitlines())}
    notes = re.findall(r"(?:[^\n—][^\n]*\n){3}\n(?:— [^\n]*\n)+", pins)
    return verify_archive([*map(json.loads, text.splitlines())], read_keys(trusted), notes, held)


if __name__ == "__main__":
    try:
        print(main(*sys.argv[1:]))
    except Exception as error:
        sys.exit(f"NOT GOOD: {type(error).__name__}: {error}")
