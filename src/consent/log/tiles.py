"""The tree as a database keeps it: all leaves, and above them the hashes of every eighth level.

What is between is made when it is asked for, from at most 128 hashes that stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

from .store import Database
from .tree import TILE_HEIGHT, Place, node_hash

__all__ = ["Tiles"]

_LEAVES = "SELECT hash FROM consent_leaf WHERE idx >= ? AND idx < ? ORDER BY idx"
_NODES = "SELECT hash FROM consent_node WHERE level = ? AND n >= ? AND n < ? ORDER BY n"


class Tiles:
    """Reads the hashes of places from a log's database; a :data:`~consent.log.tree.Reader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __call__(self, places: Sequence[Place]) -> list[bytes]:
        """The hashes of perfect trees.

        :raises ValueError: if the database has not the hashes that they are made of.
        :raises LogUnavailable: if it cannot be read.
        """
        return [self._hash(level, index) for level, index in places]

    def _hash(self, level: int, index: int) -> bytes:
        above = level % TILE_HEIGHT
        hashes = self._kept(level - above, index << above, (index + 1) << above)
        while len(hashes) > 1:
            hashes = [node_hash(*hashes[at : at + 2]) for at in range(0, len(hashes), 2)]
        return hashes[0]

    def _kept(self, level: int, first: int, end: int) -> list[bytes]:
        query, values = (_NODES, (level, first, end)) if level else (_LEAVES, (first, end))
        rows = self._database.read(query.replace("?", self._database.placeholder), values)
        hashes = [bytes(row[0]) for row in rows if isinstance(row[0], (bytes, memoryview))]
        if len(hashes) != end - first or {*map(len, hashes)} != {32}:
            raise ValueError(f"hashes are missing: level {level}, {first} to {end - 1}")
        return hashes
