"""The log's tables, in the SQL that SQLite, PostgreSQL and its kin have in common.

No sequences, no defaults that the database makes, no foreign keys that cascade: ids and times come from the
application, and a record is inserted once and never updated. ``consent_record`` and ``consent_pending`` are written in
one transaction by whoever serves requests; the other tables belong to the sealer and to the auditor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ConfigurationError

__all__ = ["VERSION", "check_version", "tables"]

#: Raised with every change of the tables.
VERSION = 2

_TABLES = """
consent_record (
  rid {bytes} PRIMARY KEY, ts BIGINT NOT NULL, subj {bytes}, commitment {bytes} NOT NULL, mac {bytes} NOT NULL,
  kid SMALLINT NOT NULL, salt {bytes}, body TEXT)
consent_pending (rid {bytes} PRIMARY KEY, bad TEXT){lean}
consent_leaf (idx BIGINT PRIMARY KEY, rid {bytes} NOT NULL UNIQUE, hash {bytes} NOT NULL)
consent_node (level SMALLINT NOT NULL, n BIGINT NOT NULL, hash {bytes} NOT NULL, PRIMARY KEY (level, n))
consent_checkpoint (size BIGINT PRIMARY KEY, ts BIGINT NOT NULL, note TEXT NOT NULL)
consent_head (id SMALLINT PRIMARY KEY, size BIGINT NOT NULL, frontier {bytes} NOT NULL)
consent_notice (sha256 {bytes} PRIMARY KEY, media_type TEXT NOT NULL, content {bytes} NOT NULL)
consent_anchor (size BIGINT NOT NULL, kind TEXT NOT NULL, ts BIGINT NOT NULL, token {bytes} NOT NULL,
  PRIMARY KEY (size, kind, ts))
consent_slot (slot {bytes} PRIMARY KEY, ends BIGINT NOT NULL){lean}
consent_schema (version SMALLINT PRIMARY KEY)
"""
_INDEXES = (
    "CREATE INDEX IF NOT EXISTS consent_record_subj ON consent_record (subj) WHERE subj IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS consent_record_ts ON consent_record (ts, rid)",
)


def tables(binary: str, *, lean: str = "") -> list[str]:
    """The statements that make those of the tables that are missing. ``binary`` is the dialect's type for bytes;
    ``lean`` is what it says of a table that is nothing but its key.
    """
    definitions = _TABLES.format(bytes=binary, lean=lean).strip().replace("\n  ", " ").splitlines()
    version = f"INSERT INTO consent_schema (version) VALUES ({VERSION}) ON CONFLICT DO NOTHING"  # noqa: S608
    return [*(f"CREATE TABLE IF NOT EXISTS {definition}" for definition in definitions), *_INDEXES, version]


def check_version(rows: Sequence[tuple[Any, ...]]) -> bool:
    """Refuse a log that a newer version of this library made. Whether it is as this version makes it.

    :raises ConfigurationError: naming both versions.
    """
    found = max((row[0] for row in rows), default=VERSION)
    if found > VERSION:
        raise ConfigurationError(f"the log has schema {found}, this version of consent knows {VERSION}", path=("log",))
    return bool(found == VERSION)
