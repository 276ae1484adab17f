"""What stands in the log for content that was taken out of it.

Whoever takes content out, because a visitor asked or because its time is over, puts a tombstone in, in the same
transaction. It is a record like any other, with a salt, a commitment, a code and a leaf; its body names the records
whose content is gone. A record without content that no tombstone names was tampered with.

A body is JSON in the one spelling of RFC 8785, as a decision's is:

>>> stone = Tombstone(id="019316e06f0070008000000000000009", ts=1731283200768, kind="erase",
...     removed=("019316e06f0070008000000000000001",), app="0.1.0")
>>> print(format_tombstone(stone).decode())  # doctest: +NORMALIZE_WHITESPACE
{"app":"0.1.0","id":"019316e06f0070008000000000000009","kind":"erase","removed":["019316e06f0070008000000000000001"],"ts":1731283200768,"v":1}
>>> parse_tombstone(format_tombstone(stone)) == stone
True
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

__all__ = ["MOST_REMOVED", "Removal", "Tombstone", "format_tombstone", "parse_tombstone"]

#: ``erase``: a visitor's right. ``purge``: the end of the time for which records are kept.
Removal = Literal["erase", "purge"]

#: Records that one tombstone names; it then has 35 KB.
MOST_REMOVED = 1000
_VERSION = 1
_ID = re.compile(r"[0-9a-f]{32}\Z")
_BODY_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Names records, by sorted ids, whose content was removed at ``ts`` (Unix milliseconds).

    :raises ValueError: if a value does not fit.
    """

    id: str
    ts: int
    kind: Removal
    removed: tuple[str, ...]
    app: str

    def __post_init__(self) -> None:
        # The types are what callers promise; the values may come out of a database.
        given: Any = self
        removed = given.removed if isinstance(given.removed, tuple) else ()
        if not all(isinstance(name, str) and _ID.match(name) for name in (given.id, *removed)):
            raise ValueError("not a tombstone: ids are 32 hex digits")
        if not 0 < len(removed) <= MOST_REMOVED or [*removed] != sorted({*removed}):
            raise ValueError(f"not a tombstone: removed is a sorted tuple of 1 to {MOST_REMOVED} ids")
        if not isinstance(given.ts, int) or isinstance(given.ts, bool) or not 0 <= given.ts < 2**53:
            raise ValueError("not a tombstone: ts is an integer from 0 to 2**53 - 1")
        if given.kind not in get_args(Removal):
            raise ValueError(f"not a tombstone: kind is one of {', '.join(get_args(Removal))}")
        if not isinstance(given.app, str) or len(given.app) > 255 or not given.app.isprintable():
            raise ValueError("not a tombstone: app is a printable text")


def format_tombstone(stone: Tombstone) -> bytes:
    """The canonical bytes of a tombstone."""
    content: dict[str, Any] = {"v": _VERSION, **asdict(stone)}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def parse_tombstone(body: bytes) -> Tombstone:
    """The tombstone in canonical bytes.

    :raises ValueError: for anything but the exact bytes that :func:`format_tombstone` gives.
    """
    if len(body) > _BODY_MAX:
        raise ValueError("not a tombstone: too long")
    try:
        content = json.loads(body)
    except RecursionError as error:
        raise ValueError("not a tombstone: nested") from error
    names = {field.name for field in fields(Tombstone)}
    if not isinstance(content, dict) or content.keys() != names | {"v"} or content.pop("v") != _VERSION:
        raise ValueError("not a tombstone of this version")
    if isinstance(content["removed"], list):
        content["removed"] = tuple(content["removed"])
    stone = Tombstone(**content)
    if format_tombstone(stone) != body:
        raise ValueError("not a tombstone: another spelling of one")
    return stone
