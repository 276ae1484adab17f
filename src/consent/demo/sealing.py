"""Seals the demo's log while it runs, so that there is something to verify; with the ``audit`` extra."""

from __future__ import annotations

import logging
import secrets
import threading
from pathlib import Path

from ..errors import ConsentError
from ..log.checkpoint import Signer
from ..log.note import format_vkey
from ..log.record import mac_key
from ..log.seal import Sealer
from ..log.store import open_database

__all__ = ["Sealing"]

#: Seconds between; a site takes a minute.
_PAUSE = 2.0

log = logging.getLogger("consent")


class Sealing:
    """A thread that seals the log at a URL, with keys made for this run. ``trust``: the file of what verifies them.

    :raises ImportError: without cryptography.
    """

    def __init__(self, url: str, folder: Path, secret: str) -> None:
        signer = Signer.new("harbour-post.example/consent", secrets.token_bytes(64))
        self.trust = folder / "consent.keys"
        self.trust.write_text("".join(f"{format_vkey(key)}\n" for key in signer.trust.keys))
        self._database = open_database(url)
        self._sealer = Sealer(self._database, signer, folder / "state", keys=[mac_key(secret.encode())])
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="consent-sealing", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Seal what waits once more, and end."""
        self._stopped.set()
        self._thread.join()
        self._database.close()

    def _run(self) -> None:
        stopped = False
        while not stopped:
            stopped = self._stopped.wait(_PAUSE)
            try:
                self._sealer.seal()
            except ConsentError as error:
                log.warning("the demo's log was not sealed: %s", error)
