"""What the admin reads: decisions as the log's engine reads them, checked, and how each is proved."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db.models import QuerySet

from ..log.checkpoint import parse_checkpoint
from ..log.note import parse_note
from ..log.proof import prove
from ..log.record import leaf_data, leaf_hash, mac_key
from ..log.store import SqlStore, Stored, as_bytes
from ..log.tree import check_inclusion
from .apps import the_site
from .models import Checkpoint, Leaf, Pending
from .store import DjangoDatabase, alias_of

__all__ = [
    "Proven",
    "database",
    "find_receipts",
    "log_alias",
    "proven",
    "shown",
    "stored",
    "stored_in_order",
    "titles",
]

#: Ids in one query; older SQLite takes 999 values.
_IDS = 500
#: Among so many of the records without a leaf, one is looked for by what its leaf will be.
_MOST = 20_000
_WAITING = """SELECT r.rid, r.ts, r.commitment FROM consent_pending p JOIN consent_record r ON r.rid = p.rid
ORDER BY p.rid DESC LIMIT %s"""


def log_alias() -> str:
    """The database that the log is read from."""
    return alias_of(the_site().settings.log, write=False)


def database() -> DjangoDatabase:
    """The same, for the log's engine."""
    return _opened(log_alias())


def log() -> SqlStore:
    """The log in it."""
    return SqlStore(database(), [mac_key(key) for key in the_site().settings.keys])


def titles() -> dict[str, str]:
    """What the site's purposes are called, those that a visitor is asked for."""
    purposes = the_site().settings.policy.purposes
    return {purpose.name: purpose.title or purpose.name.capitalize() for purpose in purposes if not purpose.necessary}


@cache
def _opened(alias: str) -> DjangoDatabase:
    # One for the process: what is registered for its forks stays registered.
    return DjangoDatabase(alias)


def stored(ids: Sequence[str]) -> dict[str, Stored]:
    """The records with these ids, each checked, by id."""
    store = log()
    return {each.id: each for start in range(0, len(ids), _IDS) for each in store.of_ids(ids[start : start + _IDS])}


def stored_in_order(records: QuerySet[Any]) -> Iterator[Stored]:
    """What a query finds, some at a time."""
    ids: list[str] = []
    for record_id in records.values_list("rid", flat=True).iterator(chunk_size=_IDS):
        ids.append(record_id)
        if len(ids) == _IDS:
            yield from _listed(ids)
            ids = []
    yield from _listed(ids)


def _listed(ids: list[str]) -> Iterable[Stored]:
    found = stored(ids)
    return [found[record_id] for record_id in ids if record_id in found]


@dataclass(frozen=True, slots=True)
class Proven:
    """How a record is proved. ``problem``: why it is not, where that is worth an alarm.

    ``index``: its leaf's place. ``size``, ``sealed``: of the checkpoint over it, and when that was signed (Unix
    seconds). ``fits``: whether the leaf is under the checkpoint's root; the signatures are for who has the keys.
    """

    index: int | None = None
    size: int = 0
    sealed: int = 0
    fits: bool = False
    problem: str = ""


def proven(record: Stored) -> Proven:
    """How a record is proved now."""
    alias = log_alias()
    try:
        proof = prove(database(), bytes.fromhex(record.id), content=False)
        if proof is None:
            waits = Pending.objects.using(alias).filter(rid=record.id).first()
            if waits is None:
                return Proven(problem="It is neither sealed nor waits for it.")
            return Proven(problem=f"The sealer set it aside: {waits.bad}." if waits.bad else "")
        checkpoint = parse_checkpoint(parse_note(proof.checkpoint).text)
    except ValueError as error:
        return Proven(problem=f"The log does not prove it: {error}.")
    fits = check_inclusion(proof.index, checkpoint.size, bytes.fromhex(record.leaf), proof.hashes, checkpoint.root)
    sealed = Checkpoint.objects.using(alias).filter(size=checkpoint.size).values_list("ts", flat=True).first()
    problem = "" if fits else "Its leaf is not under the root that was signed."
    return Proven(proof.index, checkpoint.size, sealed or 0, fits, problem)


def shown(record: Stored) -> tuple[dict[str, Any] | None, str, str]:
    """What the visitor was shown: its parts, where they can be told apart; its text; and what is wrong with it."""
    assert record.record is not None
    try:
        words = log().notice(record.record.notice)
    except ValueError as error:
        return None, "", f"{str(error)[:1].upper()}{str(error)[1:]}."
    if words is None:
        return None, "", "The words that the visitor was shown are not kept."
    text = words.decode(errors="replace")
    try:
        parts = json.loads(text)
        text = json.dumps(parts, indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None, text, ""
    return (parts if isinstance(parts, dict) and "title" in parts else None), text, ""


def find_receipts(text: str, records: QuerySet[Any]) -> QuerySet[Any]:
    """The records of the receipts in a text: their ids, their leaves' hashes, or the beginning of one id."""
    digits = text.lower().replace("-", "").removeprefix("sha256:").strip()
    if re.fullmatch("[0-9a-f]{1,32}", digits):
        return records.filter(rid__gte=digits.ljust(32, "0"), rid__lte=digits.ljust(32, "f"))
    ids = re.findall(r"\b[0-9a-f]{32}\b", digits)
    leaves = re.findall(r"\b[0-9a-f]{64}\b", digits)
    if not ids and not leaves:
        return records.none()
    if ids:
        records = records.filter(rid__in=ids[:_IDS])
    if leaves:
        records = records.filter(rid__in=_of_leaves(leaves[:_IDS]))
    return records


def _of_leaves(leaves: Sequence[str]) -> list[str]:
    """The records of these leaves; of what waits, as many are tried as may be."""
    found = [*Leaf.objects.using(log_alias()).filter(hash__in=leaves).values_list("rid", flat=True)]
    if len(found) < len(leaves):
        rows = database().read(_WAITING, (_MOST,))
        wanted = {*leaves}
        found += [
            rid
            for rid, ts, committed in ((as_bytes(row[0]).hex(), row[1], as_bytes(row[2])) for row in rows)
            if leaf_hash(leaf_data(rid, ts, committed)).hex() in wanted
        ]
    return found
