"""What a browser was seen to do on a page: values, that other parts compare, judge and print."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

__all__ = ["CHOSEN", "PHASES", "Banner", "Call", "Cookie", "Phase", "Request", "Scan", "Stored", "Visit", "names"]

#: What a visitor has done when a page is looked at, each in a browser profile of its own: nothing yet; refused;
#: accepted; accepted and then withdrawn; nothing, with Global Privacy Control on; nothing, without JavaScript.
Phase: TypeAlias = Literal["before", "refused", "accepted", "withdrawn", "gpc", "noscript"]
PHASES: tuple[Phase, ...] = get_args(Phase)
#: Phases in which something is chosen.
CHOSEN: frozenset[Phase] = frozenset({"refused", "accepted", "withdrawn"})


@dataclass(frozen=True, slots=True)
class Request:
    """One request, by whatever means.

    ``kind``   what asked: ``document``, ``script``, ``image``, ``fetch``, ``xhr``, ``ping`` (a beacon), ``websocket`` …
    ``by``     the addresses that led to it, the nearest first; the last is the page's. Empty where it is not known.
    ``at``     seconds after the visit began.
    ``third``  whether it left for another registrable domain than the page's.
    """

    url: str
    host: str
    kind: str
    at: float
    third: bool
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie that is there at the end of a visit.

    ``days``  how long it lives from now; 0 for the browser's session.
    ``by``    the address of the response, or of the script, that set it; ``""`` where it is not known.
    ``how``   ``header`` or ``script``; ``""`` where it is not known.
    ``third`` whether it belongs to another registrable domain than the page's.
    """

    name: str
    domain: str
    path: str
    days: float
    third: bool
    http_only: bool = False
    secure: bool = False
    same_site: str = ""
    partitioned: bool = False
    by: str = ""
    how: Literal["header", "script", ""] = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """Something kept in the browser besides cookies.

    ``area``: ``local`` or ``session`` storage, ``indexeddb``, ``cache``, or ``file`` (the origin's own).
    """

    area: Literal["local", "session", "indexeddb", "cache", "file"]
    origin: str
    key: str
    third: bool
    by: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A call by which browsers are told apart: what was called, by which script, how often."""

    what: str
    by: str
    count: int


@dataclass(frozen=True, slots=True)
class Banner:
    """What asked for consent. ``refusable``: whether its first layer can be refused as it can be accepted."""

    name: str
    refusable: bool


@dataclass(frozen=True, slots=True)
class Visit:
    """One page, in one phase.

    ``landed``     the address at which the page was in the end; ``""`` if none was opened.
    ``done``       whether the phase came about: a banner that cannot be refused leaves ``refused`` undone.
    ``problems``   what went wrong, in words; the rest is what was seen all the same.
    ``requests``, ``cookies``, ``stored``, ``calls``: of a phase with a choice, only what came after it; but all cookies
                   and stored keys that are there at its end.
    ``screenshot`` a JPEG of the first screen, at the end.
    """

    url: str
    phase: Phase
    landed: str = ""
    done: bool = True
    status: int = 0
    title: str = ""
    banner: Banner | None = None
    requests: tuple[Request, ...] = ()
    cookies: tuple[Cookie, ...] = ()
    stored: tuple[Stored, ...] = ()
    calls: tuple[Call, ...] = ()
    links: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    seconds: float = 0.0
    screenshot: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Scan:
    """All visits of a scan. ``began``: Unix seconds. ``browser``: its name and version."""

    site: str
    began: int
    browser: str
    visits: tuple[Visit, ...] = ()

    @property
    def made(self) -> int:
        """How many visits were made: where nothing asks, nothing is chosen."""
        return sum(visit.seconds > 0 for visit in self.visits)

    def of(self, phase: Phase) -> tuple[Visit, ...]:
        """The visits of one phase, in the order of the pages."""
        return tuple(visit for visit in self.visits if visit.phase == phase)


#: Keys that differ in their numbers alone, from so many on, are told as one, if so many letters are left: fewer would
#: stand for much else.
_MANY_ALIKE, _LETTERS = 5, 3
_NUMBERS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+(?:\.\d+)*", re.IGNORECASE)


def names(keys: Iterable[str]) -> Mapping[str, str]:
    """By what name each of these keys is told: its own, or ``visit-*`` where many differ in their numbers alone.

    >>> set(names(f"visit-{number}" for number in range(100)).values())
    {'visit-*'}
    """
    patterns = {key: _NUMBERS.sub("*", key) for key in keys}
    count = Counter(patterns.values())
    many = {each for each in count if count[each] >= _MANY_ALIKE and sum(map(str.isalpha, each)) >= _LETTERS}
    return {key: pattern if pattern in many else key for key, pattern in patterns.items()}
