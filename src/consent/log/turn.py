"""Turns: a lock on a file, by which the threads and processes of one host do something one after the other."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["turn"]


@contextmanager
def turn(descriptor: int, patience: float) -> Iterator[None]:
    """Have the file behind a descriptor of our own to ourselves; threads need a descriptor each.

    ``flock`` queues waiters in the kernel, but knows no time limit: it is tried, then asked for in small steps.

    :raises OSError: if it is not our turn within so many seconds.
    """
    until = time.monotonic() + patience
    pause = 0.0005
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise
            time.sleep(pause)
            pause = min(pause * 1.5, 0.01)
        else:
            break
    try:
        yield
    finally:
        # Said, not left to closing: a child that was forked meanwhile has the file open too.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
