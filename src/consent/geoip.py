"""In which country is an address? Asked of a database in MaxMind's format on this host: GeoLite2, GeoIP2, DB-IP.

Nothing is sent anywhere. A database that knows subdivisions (City) tells California from Nevada. Needs ``maxminddb``,
the reader that geoip2 is made of, and none of what geoip2 has to ask a web service.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from .errors import ConfigurationError
from .visitor.network import public_address

if TYPE_CHECKING:
    from maxminddb import Reader

__all__ = ["Geography"]

log = logging.getLogger("consent")

#: Seconds between two looks at whether the file is another one by now.
_LOOK = 60.0
#: What maxminddb's two readers raise for a file that is damaged: its own error is a RuntimeError.
_DAMAGED = (ValueError, RuntimeError, TypeError)


class Geography:
    """A database of addresses. Safe to use from all threads.

    It is read again when the file is replaced, as geoipupdate does; while the new one cannot be read, the old one
    counts. ``clock``: seconds that only ever grow.

    :raises ConfigurationError: if the reader is not installed, or the file is none that knows countries.
    """

    def __init__(self, path: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._lock = Lock()
        self._look = clock() + _LOOK
        self._file = self._seen()
        self._reader = self._open()

    def find(self, address: str | None) -> str | None:
        """The ISO 3166 code of the country, or of its subdivision where that is known; None for what nobody knows.

        An address of a private network is nobody's: where a proxy hides the visitor's, the setting ``address`` says in
        which header that is.
        """
        asked = public_address(address)
        if asked is None:
            return None
        if self._clock() >= self._look:
            self._renew()
        try:
            return _code(self._reader.get(asked))
        except _DAMAGED:  # or it knows no IPv6
            return None

    def _renew(self) -> None:
        with self._lock:
            if self._clock() < self._look:
                return
            self._look = self._clock() + _LOOK
            seen = self._seen()
            if seen == self._file:
                return
            try:
                self._reader = self._open()
            except ConfigurationError as error:
                log.error("the new database of addresses is not used, the old one is: %s", error)  # noqa: TRY400
            else:
                log.info("the database of addresses was read again: %s", self._path)
            self._file = seen

    def _seen(self) -> tuple[int, ...]:
        """What tells a file from the one that replaces it."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - it is only looked at
        except OSError:
            return ()
        return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)

    def _open(self) -> Reader:
        try:
            import maxminddb
        except ImportError as error:
            raise ConfigurationError(
                "the region by \"geoip:\" needs maxminddb: pip install 'cookie-consent[geoip]'", path=("region",)
            ) from error
        try:
            reader = maxminddb.open_database(self._path)
            kind = reader.metadata().database_type
        except (OSError, *_DAMAGED) as error:
            raise ConfigurationError(
                f"the database of addresses cannot be read: {error}", path=("region",), value=self._path
            ) from error
        if not any(word in kind for word in ("Country", "City", "Enterprise")):
            reader.close()
            raise ConfigurationError(
                f"a database of type {kind!r} does not know countries; take GeoLite2-Country or GeoLite2-City",
                path=("region",),
                value=self._path,
            )
        return reader


def _code(found: Any) -> str | None:
    """``US-CA`` or ``FR`` from what a database says of an address."""
    country = _iso(found.get("country")) if isinstance(found, Mapping) else None
    if country is None:
        return None
    parts = found.get("subdivisions")
    part = _iso(parts[0]) if isinstance(parts, list) and parts else None
    return f"{country}-{part}" if part else country


def _iso(found: Any) -> str | None:
    code = found.get("iso_code") if isinstance(found, Mapping) else None
    return code if isinstance(code, str) and code else None
