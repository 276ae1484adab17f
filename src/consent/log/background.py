"""A thread that is there while there is something to do, and never on both sides of a fork."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .fork import at_fork

__all__ = ["Background"]

#: Seconds for which a thread with nothing to do stays.
_IDLE = 30.0


class Background:
    """Does ``work`` in a thread of its own whenever it is woken.

    ``work`` says after how many seconds it wants to be done again, or None: when it is woken. It raises nothing.
    ``patience``: seconds for which a fork, or :meth:`end`, waits for work that is being done.
    """

    _thread: threading.Thread | None
    _due: bool

    def __init__(self, work: Callable[[], float | None], *, name: str, patience: float) -> None:
        self._work = work
        self._name = name
        self._patience = patience
        self._renew()
        at_fork(self, before=Background._hold, parent=Background._go_on, child=Background._renew)

    def wake(self) -> None:
        """Have the work done, soon; start the thread if there is none."""
        if self._due and self._thread is not None:
            return  # it is about to begin
        with self._lock:
            self._due = True
            self._signal.set()
            self._start()

    def end(self) -> None:
        """Let the thread end after what it does now. Waking it starts another."""
        with self._lock:
            thread, self._ending = self._thread, True
            self._signal.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(self._patience)

    def _start(self) -> None:
        if self._thread is None and not self._held:
            self._ending = False
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        pause: float | None = 0.0
        while True:
            self._signal.wait(_IDLE if pause is None else pause)
            with self._lock:
                if self._ending or (pause is None and not self._due):
                    self._thread = None
                    return
                self._due = False
                self._signal.clear()
            pause = self._work()

    def _renew(self) -> None:
        """Begin anew, in a child too: its parent's thread and locks are not there."""
        self._lock = threading.Lock()
        self._signal = threading.Event()
        self._thread = None
        self._due = self._ending = self._held = False

    def _hold(self) -> None:
        with self._lock:
            self._held = True
        self.end()

    def _go_on(self) -> None:
        with self._lock:
            self._held = False
            if self._due:
                self._start()
