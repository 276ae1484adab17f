"""Is the log what it was? Reads everything once, makes the tree anew, and says what does not fit.

What is found depends on what the verifier brings along, which nobody who can write to the database could change:

- the log's *verifier keys*: that checkpoints are the log's, and their times its clock's;
- *pins*, checkpoints that somebody kept elsewhere: that the log still holds, unchanged, all that it held then;
- *receipts*, which visitors hold: that the records that they were promised are there;
- the site's *key*: that a record was made by the site, before it was sealed.

``FINDINGS`` is all that can be found. Tampering is serious; what may have an innocent reason is a warning.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from .anchor import check_anchor
from .checkpoint import Checkpoint, Trust, check_checkpoint, parse_checkpoint
from .evidence import Evidence, Row
from .note import parse_note
from .record import commitment, leaf_data, leaf_hash, mac
from .store import as_bytes
from .tombstone import parse_tombstone
from .tree import EMPTY_ROOT, Frontier, Place

__all__ = ["FINDINGS", "Finding", "Report", "Terms", "verify"]

#: What can be found: whether it is serious, and what it says.
FINDINGS: dict[str, tuple[bool, str]] = {
    "leaf": (True, "the leaf is not that of its record: the record's time, id or commitment was changed, or the leaf"),
    "leaf-missing": (True, "leaves are missing from the tree"),
    "leaf-beyond": (True, "there are leaves or checkpoints behind the head of the log"),
    "record-missing": (True, "the record of a leaf is gone"),
    "content": (True, "the content is not what was committed to"),
    "content-of-another": (True, "the content is that of another id, time or subject"),
    "content-unreadable": (True, "the content is no record"),
    "code": (True, "the code is wrong: the record was changed, or made with another key"),
    "removed-in-part": (True, "the content was removed, and its salt or subject was not"),
    "shredded": (True, "the content was removed, and no tombstone says so"),
    "root": (True, "the leaves do not have the root that was signed"),
    "checkpoint": (True, "a checkpoint is not one of this log's, or its size or time is not what was signed"),
    "head": (True, "the head of the log is not at its last checkpoint, or is none"),
    "node": (True, "a hash that is kept of the tree is missing or wrong"),
    "queue": (True, "a record is neither sealed nor waits for it, or what waits is not there"),
    "aside": (True, "the sealer set a record aside"),
    "truncated": (True, "the log is shorter than a checkpoint that was kept elsewhere"),
    "forked": (True, "the log has another history than a checkpoint that was kept elsewhere"),
    "receipt": (True, "a visitor holds a receipt for a record that is not there, or was another"),
    "words": (True, "the words that are kept are not those that visitors were shown"),
    "anchor": (True, "a timestamp or a witness vouches for another checkpoint"),
    "late": (False, "records were sealed long after their time"),
    "early": (False, "records were sealed before their time"),
    "waiting": (False, "records have been waiting to be sealed for long"),
    "not-removed": (False, "there is content that a tombstone says was removed"),
    "words-missing": (False, "the words that visitors were shown are not kept"),
    "no-key": (False, "no verifier key was given: signatures and times are not checked"),
    "no-pins": (False, "no pinned checkpoint was given: whoever has the log's signing key could have made it anew"),
}
#: Places that are named of each finding.
_NAMED = 20
#: Seconds by which the clocks of hosts may differ.
_SKEW = 300
_HOUR = 3600
#: Leaves that are put into the tree together, if no root in between was signed.
_AT_ONCE = 1000
_decode = json.JSONDecoder().raw_decode  # a canonical body has nothing around it


@dataclass(frozen=True, slots=True)
class Terms:
    """What a verifier brings along.

    ``trust``: the log's verifier keys. ``pins``: signed notes. ``receipts``: record ids and the leaf hashes that
    visitors hold, in hex. ``keys``: of the records' codes. ``authorities``: certificates, PEM, of timestamps' roots.
    ``deadline``: seconds after which a record should have been sealed. ``now``: Unix seconds.
    """

    now: float
    trust: Trust | None = None
    pins: Sequence[str] = ()
    receipts: Sequence[tuple[str, str]] = ()
    keys: Sequence[bytes] = ()
    authorities: bytes = b""
    deadline: float = _HOUR


@dataclass(slots=True)
class Finding:
    """Something that does not fit: how often, and the first places where."""

    code: str
    count: int = 0
    places: list[str] = field(default_factory=list)

    @property
    def serious(self) -> bool:
        return FINDINGS[self.code][0]

    @property
    def what(self) -> str:
        return FINDINGS[self.code][1]


@dataclass(slots=True)
class Report:
    """What was read, and what was found. ``latest``: the last checkpoint's signed note."""

    sealed: int = 0
    unsealed: int = 0
    removed: int = 0
    tombstones: int = 0
    checkpoints: int = 0
    pins: int = 0
    receipts: int = 0
    anchors: int = 0
    latest: str | None = None
    root: bytes = EMPTY_ROOT
    findings: dict[str, Finding] = field(default_factory=dict)

    @property
    def tampered(self) -> bool:
        return any(finding.serious for finding in self.findings.values())

    def tell(self, code: str, place: object = "") -> None:
        finding = self.findings.setdefault(code, Finding(code))
        finding.count += 1
        if place != "" and len(finding.places) < _NAMED:
            finding.places.append(str(place))


def verify(evidence: Evidence, terms: Terms, progress: Callable[[int, int], None] = lambda _done, _all: None) -> Report:
    """Verify a log. ``progress`` is told how many leaves of how many were read.

    :raises LogUnavailable: if the log cannot be read.
    :raises ValueError: if a pin is no signed checkpoint of this log: then it is the pin that is wrong.
    """
    return _Verification(evidence, terms, progress).run()


class _Verification:
    def __init__(self, evidence: Evidence, terms: Terms, progress: Callable[[int, int], None]) -> None:
        self._evidence = evidence
        self._terms = terms
        self._progress = progress
        self._report = Report()
        self._keys = tuple(terms.keys)
        #: Roots that the tree must have at a size, and what to say where it has another.
        self._roots: dict[int, list[tuple[bytes, str]]] = {}
        #: Size and signed time of each checkpoint, in order.
        self._times: list[tuple[int, int]] = []
        self._nodes: dict[Place, bytes] = {}
        self._receipts: dict[str, set[str]] = {}
        self._gone: set[bytes] = set()
        self._removed: set[bytes] = set()
        self._words: set[str] = set()

    def run(self) -> Report:
        report, terms = self._report, self._terms
        for record_id, leaf in terms.receipts:
            self._receipts.setdefault(record_id, set()).add(leaf)
        report.receipts = len(terms.receipts)
        pinned = [self._pinned(pin) for pin in terms.pins]
        if terms.trust is None:
            report.tell("no-key")
        if not pinned:
            report.tell("no-pins")
        head = self._evidence.head()
        size = head.size if isinstance(head.size, int) and head.size > 0 else 0
        self._checkpoints(size)
        for checkpoint in pinned:
            self._pin(checkpoint, size)
        frontier = self._leaves(size)
        self._head(size, head, frontier)
        self._kept_nodes()
        self._unsealed()
        self._tombstones(size)
        self._kept_words()
        self._anchors()
        for record_id, leaves in self._receipts.items():
            self._receipt(record_id, leaves)
        report.root = frontier.root()
        return report

    # Checkpoints, and those that were kept elsewhere

    def _read_note(self, note: str) -> tuple[Checkpoint, int | None]:
        if self._terms.trust is None:
            return parse_checkpoint(parse_note(note).text), None
        return check_checkpoint(note, self._terms.trust)

    def _pinned(self, pin: str) -> Checkpoint:
        try:
            return self._read_note(pin)[0]
        except ValueError as error:
            raise ValueError(f"a pin is no checkpoint of this log: {error}") from error

    def _pin(self, checkpoint: Checkpoint, size: int) -> None:
        self._report.pins += 1
        if checkpoint.size > size:
            self._report.tell("truncated", f"{checkpoint.size} leaves were signed, and there are {size}")
        else:
            self._roots.setdefault(checkpoint.size, []).append((checkpoint.root, "forked"))

    def _checkpoints(self, last: int) -> None:
        before = 0
        for size, ts, note in self._evidence.checkpoints():
            if isinstance(size, int) and size > last:
                continue  # of later than our look at the head; that there was none then is checked there
            self._report.checkpoints += 1
            try:
                checkpoint, signed = self._read_note(as_bytes(note).decode())
            except ValueError as error:
                self._report.tell("checkpoint", f"{size}: {error}")
                continue
            if checkpoint.size != size or signed not in (ts, None) or not isinstance(ts, int) or ts < before:
                self._report.tell("checkpoint", f"{size}: not the size or the time that was signed")
                continue
            before = ts
            self._roots.setdefault(size, []).append((checkpoint.root, "root"))
            self._times.append((size, ts))
            self._report.latest = note

    # Leaves

    def _leaves(self, size: int) -> Frontier:
        frontier, report = Frontier(), self._report
        self._same_root(frontier)
        times = iter(self._times)
        covered, time = next(times, (size, None))
        expected, hashes = 0, list[bytes]()
        for row in self._evidence.leaves():
            index = row.index
            if not isinstance(index, int) or index >= size:
                break
            if index != expected:
                report.tell("leaf-missing", f"{expected} to {index - 1}")
            expected = index + 1
            while index >= covered:
                covered, time = next(times, (size, None))
            self._leaf(row, time)
            hashes.append(as_bytes(row.hash))
            if len(hashes) == _AT_ONCE or frontier.size + len(hashes) in self._roots:
                self._grow(frontier, hashes)
                self._progress(frontier.size, size)
        self._grow(frontier, hashes)
        if expected < size:
            report.tell("leaf-missing", f"{expected} to {size - 1}")
        for unreached in [at for at in self._roots if at > frontier.size]:
            for _, code in self._roots[unreached]:
                report.tell(code, unreached)
        self._progress(size, size)
        report.sealed = frontier.size
        return frontier

    def _grow(self, frontier: Frontier, hashes: list[bytes]) -> None:
        """Put the leaves behind the others, and compare the root where one was signed."""
        if hashes:
            self._nodes.update(frontier.extend(hashes))
            hashes.clear()
            self._same_root(frontier)

    def _same_root(self, frontier: Frontier) -> None:
        for root, code in self._roots.get(frontier.size, ()):
            if root != frontier.root():
                self._report.tell(code, frontier.size)

    def _leaf(self, row: Row, time: int | None) -> None:
        """A leaf and its record; ``time``: when the first checkpoint that covers it was signed."""
        rid, ts = as_bytes(row.rid), row.ts
        if ts is None:
            self._report.tell("record-missing", rid.hex())
            return
        leaf = self._record(row, rid)
        if leaf != row.hash:
            self._report.tell("leaf", rid.hex())
        if time is not None and isinstance(ts, int):
            if time - ts / 1000 > self._terms.deadline:
                self._report.tell("late", rid.hex())
            elif ts / 1000 - time > _SKEW:
                self._report.tell("early", rid.hex())

    def _record(self, row: Row, rid: bytes) -> bytes:
        """What is to be said of a record, sealed or not; the hash of its leaf."""
        name, committed = rid.hex(), as_bytes(row.commitment)
        data = leaf_data(name, row.ts if isinstance(row.ts, int) else -1, committed)
        leaf = leaf_hash(data)
        if self._keys and not self._authentic(data, as_bytes(row.code)):
            self._report.tell("code", name)
        if row.body is None:
            self._report.removed += 1
            self._gone.add(rid)
            if row.salt is not None or row.subject is not None:
                self._report.tell("removed-in-part", name)
        else:
            body = as_bytes(row.body)
            if commitment(as_bytes(row.salt), body) != committed:
                self._report.tell("content", name)
            else:
                self._content(row, name, body)
        held = self._receipts.pop(name, None)
        if held is not None and held != {leaf.hex()}:
            self._report.tell("receipt", name)
        return leaf

    def _authentic(self, data: bytes, code: bytes) -> bool:
        if hmac.compare_digest(mac(self._keys[0], data), code):
            return True
        return any(hmac.compare_digest(mac(key, data), code) for key in self._keys[1:])

    def _content(self, row: Row, name: str, body: bytes) -> None:
        try:
            text = row.body if isinstance(row.body, str) else body.decode()
            content, end = _decode(text)
            own = (content["id"], content["ts"], content.get("subject"))
            removed = parse_tombstone(body).removed if "removed" in content else ()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._report.tell("content-unreadable", name)
            return
        if end != len(text):
            self._report.tell("content-unreadable", name)
        elif own != (name, row.ts, None if row.subject is None else as_bytes(row.subject).hex()):
            self._report.tell("content-of-another", name)
        elif removed:
            self._report.tombstones += 1
            self._removed.update(map(bytes.fromhex, removed))
        else:
            self._words.add(str(content.get("notice")))

    # What stands beside the tree

    def _head(self, size: int, head: Any, frontier: Frontier) -> None:
        report = self._report
        joined = as_bytes(head.frontier)
        last = self._times[-1][0] if self._times else 0
        if size != (head.size or 0) or last != size or joined != frontier.joined():
            report.tell("head", size)
        ends = (-1 if head.last_leaf is None else head.last_leaf, head.last_checkpoint or 0)
        if not all(isinstance(end, int) for end in ends) or ends[0] >= size or ends[1] > size:
            report.tell("leaf-beyond", size)

    def _kept_nodes(self) -> None:
        kept = self._evidence.nodes()
        if kept is None:
            return
        missing = dict(self._nodes)
        for level, n, hashed in kept:
            expected = missing.pop((level, n), None)
            if expected is None and isinstance(level, int) and isinstance(n, int) and self._beyond(level, n):
                continue
            if expected != as_bytes(hashed):
                self._report.tell("node", f"level {level}, {n}")
        for level, n in missing:
            self._report.tell("node", f"level {level}, {n}")

    def _beyond(self, level: int, n: int) -> bool:
        """Whether a hash is of leaves that were sealed after our look at the head."""
        return 0 < level < 64 and (n + 1) << level > self._report.sealed

    def _unsealed(self) -> None:
        report, deadline = self._report, self._terms.deadline
        for row, queued, aside in self._evidence.unsealed():
            report.unsealed += 1
            rid = as_bytes(row.rid)
            self._record(row, rid)
            if aside is not None:
                report.tell("aside", f"{rid.hex()}: {aside}")
            elif not queued:
                report.tell("queue", rid.hex())
            if isinstance(row.ts, int) and self._terms.now - row.ts / 1000 > deadline:
                report.tell("waiting", rid.hex())
        for stray in self._evidence.strays():
            report.tell("queue", as_bytes(stray.rid).hex())

    def _tombstones(self, size: int) -> None:
        if self._gone - self._removed:
            # While we were reading, a tombstone may have been put in, and sealed behind our look at the head.
            for later in self._evidence.leaves(size - 1):
                body = as_bytes(later.body)
                if b'"removed":' in body:
                    self._content(later, as_bytes(later.rid).hex(), body)
        for rid in sorted(self._gone - self._removed):
            self._report.tell("shredded", rid.hex())
        for rid in sorted(self._removed - self._gone):
            row = self._evidence.find(rid)
            if row is None or row.body is not None:
                self._report.tell("not-removed", rid.hex())

    def _kept_words(self) -> None:
        kept = set()
        for digest, _, content in self._evidence.notices():
            name = f"sha256:{as_bytes(digest).hex()}"
            kept.add(name)
            if sha256(as_bytes(content)).digest() != as_bytes(digest):
                self._report.tell("words", name)
        for name in sorted(self._words - kept):
            self._report.tell("words-missing", name)

    def _anchors(self) -> None:
        notes: Mapping[int, str] = {}
        anchors = [*self._evidence.anchors()]
        if anchors:
            notes = {size: note for size, _, note in self._evidence.checkpoints()}
        for anchor in anchors:
            self._report.anchors += 1
            try:
                check_anchor(anchor, notes[anchor.size], self._terms.trust, self._terms.authorities)
            except (KeyError, ValueError) as error:
                self._report.tell("anchor", f"{anchor.size}, {anchor.kind}: {error}")

    def _receipt(self, record_id: str, leaves: Iterable[str]) -> None:
        """A receipt for what did not come by: it may have been appended since, or it is not there."""
        try:
            row = self._evidence.find(bytes.fromhex(record_id))
        except ValueError:
            row = None
        if row is None or not isinstance(row.ts, int):
            self._report.tell("receipt", record_id)
            return
        data = leaf_data(record_id, row.ts, as_bytes(row.commitment))
        if {leaf_hash(data).hex()} != {*leaves}:
            self._report.tell("receipt", record_id)
