"""A sample of the receipts that visitors bring back, for an auditor to compare the log with.

Who can change the database can delete a record that is not sealed yet, and nobody would know but the visitor, whose
cookie says which record was promised. Some of these promises are kept in a file, out of the database's reach.
"""

from __future__ import annotations

import json
import os
from threading import Lock

__all__ = ["Sample"]

#: The receipts of one visitor in so many are kept; a power of two, at most 256.
ONE_IN = 16
#: Receipts that a process remembers, so as not to write them again.
_REMEMBERED = 100_000


class Sample:
    """Appends to a file, a JSON object a line, each receipt once per process. Safe in threads and across processes.

    The file of another day may be moved away at any time.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen: set[str] = set()
        self._lock = Lock()

    def see(self, record: str, leaf: str) -> None:
        """Take note of a receipt that a visitor brought back, if it is one of the sample.

        :raises OSError: if the file cannot be written.
        """
        # The end of an id is random (RFC 9562, 5.7): the same visitors are in the sample each time.
        if int(record[-2:], 16) % ONE_IN or record in self._seen:
            return
        with self._lock:
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            self._seen.add(record)
        line = json.dumps({"id": record, "leaf": leaf}) + "\n"
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            os.write(file, line.encode())  # one line, in one piece
        finally:
            os.close(file)
