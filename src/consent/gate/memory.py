"""What was found out, remembered for as long as there is room."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Memory"]

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Memory(Generic[_K, _V]):
    """A bounded mapping that forgets its oldest half when it is full. Safe in threads: each step is one dict call."""

    def __init__(self, size: int) -> None:
        self._size = size // 2
        self._young: dict[_K, _V] = {}
        self._old: dict[_K, _V] = {}

    def get(self, key: _K) -> _V | None:
        """What was remembered, or None."""
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: _K, value: _V) -> None:
        """Remember; what is used again stays."""
        if len(self._young) >= self._size:
            self._old, self._young = self._young, {}
        self._young[key] = value
