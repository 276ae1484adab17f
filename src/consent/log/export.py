"""Records for other programs: JSON Lines, CSV, Parquet, and JSON-LD in the words of ISO/IEC TS 27560."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from typing import Any, BinaryIO, TextIO

from ..errors import ConfigurationError
from .iso27560 import CONTEXT, describe
from .store import Stored

__all__ = ["TEXT_FORMATS", "flat", "write_parquet"]

COLUMNS = ("id", "time", "kind", "granted", "refused", "policy", "regime", "lang", "site", "surface", "method", "gpc",
           "expires", "notice", "prev", "subject", "ua", "app", "commitment", "leaf", "problem")  # fmt: skip
#: Rows that Parquet keeps together.
_GROUP = 50_000


def flat(stored: Stored) -> dict[str, Any]:
    """A record as one mapping: what it says, what commits to it, and what is wrong with it."""
    said = stored.record or stored.tombstone
    body = asdict(said) if said else {"id": stored.id, "ts": stored.ts}
    content = {**body, "commitment": stored.commitment, "leaf": stored.leaf}
    return {**content, "problem": stored.problem} if stored.problem else content


def _write_jsonl(records: Iterable[Stored], file: TextIO) -> None:
    file.writelines(json.dumps(flat(stored), ensure_ascii=False) + "\n" for stored in records)


def _write_csv(records: Iterable[Stored], file: TextIO) -> None:
    writer: csv.DictWriter[str] = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    for stored in records:
        row = {**flat(stored), "time": _time(stored.ts)}
        for name in ("granted", "refused"):
            row[name] = " ".join(row.get(name, ()))
        writer.writerow({name: _plain(value) for name, value in row.items()})


def _write_jsonld(records: Iterable[Stored], file: TextIO) -> None:
    """One graph; what was removed, or cannot be read, is no consent record any more and is left out."""
    file.write(f'{{"@context": {json.dumps(CONTEXT)}, "@graph": [')
    separator = "\n"
    for stored in records:
        if stored.record is not None:
            file.write(separator + json.dumps(describe(stored.record, stored.leaf), ensure_ascii=False))
            separator = ",\n"
    file.write("\n]}\n")


TEXT_FORMATS: dict[str, Callable[[Iterable[Stored], TextIO], None]] = {
    "jsonl": _write_jsonl,
    "csv": _write_csv,
    "jsonld": _write_jsonld,
}


def write_parquet(records: Iterable[Stored], file: BinaryIO) -> None:
    """Write records as columns.

    :raises ConfigurationError: if pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
        from pyarrow import parquet
    except ImportError as error:
        raise ConfigurationError(
            "Parquet needs pyarrow: pip install 'cookie-consent[parquet]'", path=("format",)
        ) from error
    text, names = pa.string(), pa.list_(pa.string())
    types = {"time": pa.timestamp("ms", "UTC"), "granted": names, "refused": names, "gpc": pa.bool_()}
    types["expires"] = pa.timestamp("s", "UTC")
    schema = pa.schema([(name, types.get(name, text)) for name in COLUMNS])
    with parquet.ParquetWriter(file, schema) as writer:
        for rows in _groups(records):
            writer.write_table(pa.Table.from_pylist(rows, schema))


def _groups(records: Iterable[Stored]) -> Iterator[list[dict[str, Any]]]:
    rows = ({**flat(stored), "time": stored.ts} for stored in records)
    while group := [*islice(rows, _GROUP)]:
        yield group


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(sep=" ", timespec="milliseconds")[:23]


def _plain(value: Any) -> Any:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value
