"""Every error that ``consent`` raises on purpose.

::

    ConsentError
    ├── ConfigurationError      a setting is wrong; raised at start, never during a request
    ├── UnknownPurpose          code or a template asked for a purpose that the policy does not have
    ├── UnknownService          code asked for a service that the site has not declared
    ├── NotAllowed              something was about to be done that the visitor has not agreed to
    ├── InvalidRequest          a visitor's post could not be understood; carries the HTTP status
    ├── InvalidGpp              a text is no GPP string that can be read
    ├── LogUnavailable          the log could not keep a record durably
    └── SealRefused             the sealer does not sign what the database says
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "ConfigurationError",
    "ConsentError",
    "InvalidGpp",
    "InvalidRequest",
    "LogUnavailable",
    "NotAllowed",
    "SealRefused",
    "UnknownPurpose",
    "UnknownService",
]


class ConsentError(Exception):
    """The base of all errors that this library raises on purpose."""


class ConfigurationError(ConsentError):
    """A setting is wrong. Says where, what was found, what is known, and what may have been meant.

    ``path`` is the setting's place, outermost first: ``("services", "youtube", "hosts")``.
    ``value`` is what stood there; it is never shown for keys and secrets (leave it out).
    ``known`` are the values that would have been right, where they can be listed.
    """

    def __init__(
        self,
        message: str,
        *,
        path: Iterable[str] = (),
        value: object = None,
        known: Iterable[str] = (),
    ) -> None:
        self.path = tuple(path)
        self.value = value
        self.known = tuple(sorted(known))
        self.nearest = _nearest(value, self.known)
        super().__init__(self._sentence(message))

    def _sentence(self, message: str) -> str:
        parts = [f"{'.'.join(self.path)}: {message}" if self.path else message]
        if self.value is not None:
            parts.append(f"got {_shown(self.value)}")
        if self.nearest:
            parts.append(f"did you mean {self.nearest!r}?")
        if self.known:
            listed = ", ".join(self.known[:24])
            more = len(self.known) - 24
            parts.append(f"known: {listed}" + (f", and {more} more" if more > 0 else ""))
        return "; ".join(parts)


class _UnknownName(ConsentError, LookupError):
    """Something was asked for by a name that the site does not have. It never reads as "no"."""

    _kind: str
    _listed: str

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        self.known = tuple(known)
        nearest = _nearest(name, self.known)
        hint = f"; did you mean {nearest!r}?" if nearest else ""
        super().__init__(f"unknown {self._kind} {name!r}{hint} {self._listed}: {', '.join(self.known)}")


class UnknownPurpose(_UnknownName):
    """A purpose was asked for by a name that the policy does not have.

    It never reads as "no": a misspelt purpose in a template would silently switch a feature off.
    """

    _kind, _listed = "purpose", "Known"


class UnknownService(_UnknownName):
    """A service was asked for by a name that the site has not declared; that never reads as "no" either."""

    _kind, _listed = "service", "Declared"


class NotAllowed(ConsentError):
    """Something was about to be done that the visitor has not agreed to.

    ``purposes`` are those that are missing; ``service`` is who would have been served, or "".
    """

    def __init__(self, purposes: Iterable[str], service: str = "") -> None:
        self.purposes = tuple(purposes)
        self.service = service
        who = f" for {service}" if service else ""
        super().__init__(f"the visitor has not allowed {' and '.join(self.purposes)}{who}")


class InvalidRequest(ConsentError):
    """What a visitor's browser sent cannot be a decision. ``status`` is the HTTP status to answer."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        self.status = status
        super().__init__(message)


class InvalidGpp(ConsentError, ValueError):
    """A text is no GPP string, or one that cannot be read."""


class LogUnavailable(ConsentError):
    """The log could not keep, or cannot promise that it kept, a record."""


class SealRefused(ConsentError):
    """What the database says does not go on from what was signed before: it was changed, rolled back or forked."""


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python writes out
        text = f"a very large {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _nearest(value: object, known: Iterable[str]) -> str | None:
    if not isinstance(value, str):
        return None
    from difflib import get_close_matches  # needed once, by a process that will not start

    by_folded = {name.lower().replace("_", "-"): name for name in known}
    found = get_close_matches(value.lower().replace("_", "-"), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found and by_folded[found[0]] != value else None
