"""A whole log in one file: all that is needed to verify it without its database, and nothing that is not.

JSON Lines in UTF-8. The first line says what it is; then come checkpoints, in their order; then leaves, in theirs;
records that wait to be sealed; what visitors were shown; and the anchors. Bytes are in hex, texts are texts::

    {"archive": "consent-log/v1", "size": 2, "frontier": "…"}
    {"checkpoint": "example.org/consent\\n2\\n…", "size": 2, "time": 1795000060}
    {"leaf": 0, "hash": "…", "id": "…", "ts": 1795000000000, "commitment": "…", "code": "…", "salt": "…", "body": "…"}
    {"waits": true, "id": "…", "ts": 1795000001000, "commitment": "…", "code": "…", "salt": "…", "body": "…"}
    {"words": "…", "sha256": "…", "media_type": "application/json"}
    {"anchor": "timestamp", "size": 2, "time": 1795000061, "token": "…"}

``salt`` and ``body`` are absent where the content was removed; ``subject`` is there where a record has one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from ..errors import LogUnavailable
from .anchor import Anchor
from .evidence import Evidence, Head, Row, Stray, Unsealed
from .store import as_bytes

__all__ = ["ArchiveEvidence", "write_archive"]

_VERSION = "consent-log/v1"


def write_archive(evidence: Evidence, file: TextIO) -> int:
    """Write a log's evidence to a file; how many records it has."""
    head = evidence.head()
    size = head.size or 0
    number = 0

    def put(**line: Any) -> None:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")

    put(archive=_VERSION, size=size, frontier=_hex(head.frontier))
    for at, ts, note in evidence.checkpoints():
        if at <= size:
            put(checkpoint=note, size=at, time=ts)
    for row in evidence.leaves():
        if row.index >= size:
            break
        put(leaf=row.index, hash=_hex(row.hash), **_record(row))
        number += 1
    for row, queued, aside in evidence.unsealed():
        put(waits=queued, **({"aside": aside} if aside is not None else {}), **_record(row))
        number += 1
    for digest, media_type, content in evidence.notices():
        put(words=as_bytes(content).decode(errors="surrogateescape"), sha256=_hex(digest), media_type=media_type)
    for anchor in evidence.anchors():
        put(anchor=anchor.kind, size=anchor.size, time=anchor.ts, token=_hex(anchor.token))
    return number


def _record(row: Row) -> dict[str, Any]:
    """A record's columns; those that are empty are left out."""
    kept = {
        "id": _hex(row.rid),
        "ts": row.ts,
        "commitment": _hex(row.commitment),
        "code": _hex(row.code),
        "subject": None if row.subject is None else _hex(row.subject),
        "salt": None if row.salt is None else _hex(row.salt),
        "body": row.body,
    }
    return {name: value for name, value in kept.items() if value is not None}


def _hex(value: object) -> str:
    return as_bytes(value).hex()


class ArchiveEvidence:
    """The evidence in an archive. The file is read anew for each kind of line, so that it need not fit into memory.

    :raises LogUnavailable: if there is no such file, or it is no archive.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        first = next(self._lines("archive"), None)
        if first is None or first["archive"] != _VERSION:
            raise LogUnavailable(f"{path} is no archive of a log")
        self._first = first

    def head(self) -> Head:
        size = self._first.get("size")
        last = size if isinstance(size, int) else 0  # what stands behind it in the file is nobody's
        return Head(size, _unhex(self._first.get("frontier")), last - 1, last)

    def leaves(self, after: int | None = None) -> Iterator[Row]:
        for line in self._lines("leaf"):
            if after is None or line["leaf"] > after:
                yield _row(line)

    def unsealed(self) -> Iterator[Unsealed]:
        for line in self._lines("waits"):
            yield Unsealed(_row(line), line["waits"] is True, line.get("aside"))

    def strays(self) -> Iterable[Stray]:
        return ()

    def find(self, rid: bytes) -> Row | None:
        for kind in ("leaf", "waits"):
            for line in self._lines(kind):
                if line.get("id") == rid.hex():
                    return _row(line)
        return None

    def checkpoints(self) -> Iterator[tuple[Any, Any, Any]]:
        return ((line.get("size"), line.get("time"), line["checkpoint"]) for line in self._lines("checkpoint"))

    def nodes(self) -> None:
        return None

    def notices(self) -> Iterator[tuple[Any, Any, Any]]:
        for line in self._lines("words"):
            yield _unhex(line.get("sha256")), line.get("media_type"), line["words"]

    def anchors(self) -> Iterable[Anchor]:
        for line in self._lines("anchor"):
            yield Anchor(line.get("size", 0), str(line["anchor"]), line.get("time", 0), _unhex(line.get("token")))

    def _lines(self, kind: str) -> Iterator[dict[str, Any]]:
        """The lines of a kind, which each begin with its name."""
        start = f'{{"{kind}": '
        try:
            with self._path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
                for line in file:
                    if line.startswith(start):
                        content = json.loads(line)
                        if kind != "leaf" or isinstance(content["leaf"], int):
                            yield content
        except (OSError, ValueError, RecursionError) as error:
            raise LogUnavailable(f"the archive {self._path} cannot be read: {error}") from error


def _row(line: dict[str, Any]) -> Row:
    return Row(
        index=line.get("leaf"),
        rid=_unhex(line.get("id")),
        hash=_unhex(line.get("hash")),
        ts=line.get("ts"),
        subject=None if line.get("subject") is None else _unhex(line["subject"]),
        commitment=_unhex(line.get("commitment")),
        code=_unhex(line.get("code")),
        salt=None if line.get("salt") is None else _unhex(line["salt"]),
        body=line.get("body"),
    )


def _unhex(value: object) -> bytes:
    """The bytes in hex; none, which nothing commits to, where it is something else."""
    try:
        return bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        return b""
