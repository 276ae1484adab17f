"""What a process does around a fork, for objects that may be gone by then."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["at_fork"]

T = TypeVar("T")


def at_fork(
    owner: T,
    *,
    before: Callable[[T], None] | None = None,
    parent: Callable[[T], None] | None = None,
    child: Callable[[T], None] | None = None,
) -> None:
    """Call these with ``owner`` before a fork, and after it in the parent and in the child, while ``owner`` is there.

    What is registered last is asked first before a fork, and last after it.
    """
    alive = weakref.ref(owner)  # what is registered stays registered for ever
    hooks = {"before": before, "after_in_parent": parent, "after_in_child": child}
    calls: dict[str, Any] = {when: _call(alive, method) for when, method in hooks.items() if method is not None}
    os.register_at_fork(**calls)


def _call(alive: weakref.ref[T], method: Callable[[T], None]) -> Callable[[], None]:
    def call() -> None:
        owner = alive()
        if owner is not None:
            method(owner)

    return call
