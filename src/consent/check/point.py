"""One thing that was looked at, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Point", "State"]

#: ``good``; ``bad``: the site does not keep its promise; ``unsure``: somebody should look.
State: TypeAlias = Literal["good", "unsure", "bad"]


@dataclass(frozen=True, slots=True)
class Point:
    """``what`` was looked at, what was found (``told``), and what to do about it (``remedy``)."""

    area: str
    what: str
    state: State
    told: str = ""
    remedy: str = ""
