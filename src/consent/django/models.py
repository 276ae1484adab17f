"""The log's tables for Django's migrations and for its admin: those of :mod:`consent.log.schema`, column by column.

What is in them is written by the log alone (:mod:`consent.django.store`); these models read. Ids, hashes and other
bytes are hex texts in Python, and bytes in the database.
"""

# pyright: reportIncompatibleVariableOverride=false
# A model's Meta is its own.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from django.core.exceptions import ValidationError
from django.db import models

from ..log.store import as_bytes

__all__ = ["Anchor", "Checkpoint", "Head", "HexField", "Leaf", "Node", "Notice", "Pending", "Record", "Schema", "Slot"]

if TYPE_CHECKING:
    _Number = models.Field[int, int]
    _Text = models.Field[str, str]
    _Optional = models.Field[str | None, str | None]
    _Bytes = models.Field[bytes, bytes]


class HexField(models.Field):  # type: ignore[type-arg]
    """At most ``max_length`` bytes, which may be a key on every database; hex in Python.

    Whoever can write to the database can put anything into it: what is no bytes reads as bytes that commit to nothing.
    """

    description = "Bytes, as hex digits"

    def db_type(self, connection: Any) -> str:
        types = {"postgresql": "bytea", "cockroachdb": "bytea", "mysql": f"varbinary({self.max_length})"}
        return types.get(connection.vendor, "BLOB")

    def from_db_value(self, value: object, _expression: Any, _connection: Any) -> str | None:
        return None if value is None else as_bytes(value).hex()

    def to_python(self, value: Any) -> str | None:
        if value is None:
            return None
        try:
            return bytes.fromhex(str(value).replace("-", "")).hex()
        except ValueError:
            raise ValidationError("These are no hex digits.", code="invalid") from None

    def get_prep_value(self, value: Any) -> bytes | None:
        found = self.to_python(super().get_prep_value(value))
        return None if found is None else bytes.fromhex(found)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        found = super().get_db_prep_value(value, connection, prepared)
        return None if found is None else connection.Database.Binary(found)


def _refused(*_: object, **__: object) -> NoReturn:
    raise TypeError("the consent log's rows are written by the log alone, and changed by nobody")


class Kept(models.QuerySet[Any]):
    """Rows to read. Those of a log are inserted by the log, and never changed."""

    create = bulk_create = get_or_create = update_or_create = _refused
    update = bulk_update = delete = _delete = _raw_delete = _update = _refused


class _Row(models.Model):
    """A row of the log, which code can read and not write."""

    objects = Kept.as_manager()

    class Meta:
        abstract = True

    save = delete = _refused


class Record(_Row):
    """A decision, or a tombstone."""

    rid = HexField("record", max_length=16, primary_key=True)
    ts: _Number = models.BigIntegerField("time")
    subj = HexField(max_length=16, null=True)
    commitment = HexField(max_length=32)
    mac = HexField(max_length=32)
    kid: _Number = models.SmallIntegerField()
    salt = HexField(max_length=32, null=True)
    body: _Optional = models.TextField(null=True)

    class Meta:
        db_table = "consent_record"
        default_permissions = ("view",)
        verbose_name = "decision"
        indexes = (
            models.Index(fields=["subj"], name="consent_record_subj"),
            models.Index(fields=["ts", "rid"], name="consent_record_ts"),
        )

    def __str__(self) -> str:
        return str(self.rid)


class Pending(_Row):
    """The queue of what waits to be sealed."""

    rid = HexField(max_length=16, primary_key=True)
    bad: _Optional = models.TextField(null=True)

    class Meta:
        db_table = "consent_pending"
        default_permissions = ()


class Leaf(_Row):
    idx: _Number = models.BigIntegerField(primary_key=True)
    rid = HexField(max_length=16, unique=True)
    hash = HexField(max_length=32)

    class Meta:
        db_table = "consent_leaf"
        default_permissions = ()


class Node(_Row):
    id: _Number = models.BigAutoField(primary_key=True)
    level: _Number = models.SmallIntegerField()
    n: _Number = models.BigIntegerField()
    hash = HexField(max_length=32)

    class Meta:
        db_table = "consent_node"
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["level", "n"], name="consent_node_place"),)


class Checkpoint(_Row):
    size: _Number = models.BigIntegerField(primary_key=True)
    ts: _Number = models.BigIntegerField()
    note: _Text = models.TextField()

    class Meta:
        db_table = "consent_checkpoint"
        default_permissions = ()


class Head(_Row):
    id: _Number = models.SmallIntegerField(primary_key=True)
    size: _Number = models.BigIntegerField()
    frontier = HexField(max_length=2048)  # at most 64 hashes

    class Meta:
        db_table = "consent_head"
        default_permissions = ()


class Notice(_Row):
    """What visitors were shown."""

    sha256 = HexField(max_length=32, primary_key=True)
    media_type: _Text = models.CharField(max_length=100)
    content: _Bytes = models.BinaryField()

    class Meta:
        db_table = "consent_notice"
        default_permissions = ()


class Anchor(_Row):
    """Others' word for a checkpoint."""

    id: _Number = models.BigAutoField(primary_key=True)
    size: _Number = models.BigIntegerField()
    kind: _Text = models.CharField(max_length=16)
    ts: _Number = models.BigIntegerField()
    token: _Bytes = models.BinaryField()

    class Meta:
        db_table = "consent_anchor"
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["size", "kind", "ts"], name="consent_anchor_place"),)


class Slot(_Row):
    """Counts floods; no part of the log."""

    slot = HexField(max_length=16, primary_key=True)
    ends: _Number = models.BigIntegerField()

    class Meta:
        db_table = "consent_slot"
        default_permissions = ()


class Schema(_Row):
    version: _Number = models.SmallIntegerField(primary_key=True)

    class Meta:
        db_table = "consent_schema"
        default_permissions = ()
