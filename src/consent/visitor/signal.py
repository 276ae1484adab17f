"""What the browser says by itself, before anybody clicks."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Signals", "read_gpc"]


@dataclass(frozen=True, slots=True)
class Signals:
    """The signals of one request.

    ``gpc``     Global Privacy Control is on.
    ``region``  an ISO 3166 code (``FR``, ``US-CA``) or None.
    """

    gpc: bool = False
    region: str | None = None


def read_gpc(value: str | None) -> bool:
    """Whether a ``Sec-GPC`` header's value turns the signal on: only a field that is exactly ``1``.

    Servers join repeated fields with a comma, so one ``1`` among them counts (W3C GPC, 3.3).

    >>> [read_gpc(v) for v in ("1", "0,1", "1, 1", "0", "true", "11", "", None)]
    [True, True, True, False, False, False, False, False]
    """
    return value is not None and any(field.strip(" \t") == "1" for field in value.split(","))
