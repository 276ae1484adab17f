"""Another library's log in a file: its rows as it kept them, and a first line that says what they are and are not.

They do not go into this library's log. A record there says what one visitor was shown and chose, was signed when it was
made, and is sealed; a row here was none of that, and an import would make it look so. JSON Lines in UTF-8::

    {"archive": "consent-import/v1", "source": "django-cookie-consent", "version": "1.0.0", "exported": "…", …}
    {"row": 1, "at": "2024-05-09T20:22:00+00:00", "action": "accepted", "group": "analytics", "version": "…"}
    {"end": true, "rows": 1}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from .installed import PACKAGE

__all__ = ["write_archive"]

_FORMAT = "consent-import/v1"
_SAYS = (
    "Rows of django-cookie-consent's own log, as its database had them when they were exported. Nobody signed them "
    "when they were made; they name no visitor, and not what was shown. consent witnessed none of these actions."
)


def write_archive(path: Path, rows: Iterable[Mapping[str, Any]], *, version: str, now: datetime) -> tuple[int, str]:
    """Write the rows to a new file; how many there were, and the file's SHA-256 in hex.

    :raises ConfigurationError: if there is a file already, or it cannot be written. What was begun is removed.
    """
    digest, number = hashlib.sha256(), 0
    first = {"archive": _FORMAT, "source": PACKAGE, "version": version, "exported": _time(now), "says": _SAYS}
    try:
        with path.open("xb") as file:
            try:

                def put(line: Mapping[str, Any]) -> None:
                    data = json.dumps(line, ensure_ascii=False).encode() + b"\n"
                    digest.update(data)
                    file.write(data)

                put(first)
                for row in rows:
                    put(row)
                    number += 1
                put({"end": True, "rows": number})
            except BaseException:
                path.unlink()
                raise
    except FileExistsError as error:
        raise ConfigurationError("there is a file already; nothing was written", value=str(path)) from error
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from error
    return number, digest.hexdigest()


def _time(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="seconds")
