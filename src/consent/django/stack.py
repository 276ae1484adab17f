"""Where the site's middleware stand, outermost first. Subclasses count as what they are made from."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

__all__ = ["CONSENT", "places", "stack"]

CONSENT = "consent.django.middleware.ConsentMiddleware"


def stack() -> tuple[frozenset[str], ...]:
    """For each middleware of the site's, outermost first, the names of its class and of those that it is made from.

    One that cannot be imported has the name that stands in the settings: Django says itself what is wrong with it.
    """
    return tuple(map(_names, settings.MIDDLEWARE))


def places(*names: str) -> list[int]:
    """The places in ``MIDDLEWARE`` at which one of these stands."""
    return [place for place, known in enumerate(stack()) if not known.isdisjoint(names)]


@lru_cache(maxsize=256)
def _names(path: str) -> frozenset[str]:
    try:
        made: Any = import_string(path)
    except ImportError:
        return frozenset({path})
    bases: Iterable[type] = getattr(made, "__mro__", ())
    return frozenset({path, *(f"{each.__module__}.{each.__qualname__}" for each in bases)})
