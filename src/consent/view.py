"""Views that need an agreement: ``@requires("analytics")``.

Each door has a ``requires`` that finds the visitor in a view of its framework and answers 403 without an agreement.
This module's own is for plain functions that are given the visitor, or what was carried along to a task::

    @consent.requires("analytics")
    def count(visitor, article): ...
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import wraps
from typing import Any, Protocol, TypeVar

from .errors import ConsentError, NotAllowed

__all__ = ["FORBIDDEN", "Asked", "Requires", "requires", "requires_of"]

#: What a visitor reads in place of a view that needs an agreement.
FORBIDDEN = "This needs your consent.\n"

_View = TypeVar("_View", bound=Callable[..., Any])


class Asked(Protocol):
    """Who can be asked: a visitor, a visitor's page, a carried decision."""

    def allows(self, purpose: str) -> bool: ...


class Requires(Protocol):
    """The decorator's maker, as :func:`requires`."""

    def __call__(self, *purposes: str, otherwise: Any = ...) -> Callable[[_View], _View]: ...


def requires_of(
    find: Callable[[tuple[Any, ...], Mapping[str, Any]], Asked],
    refuse: Callable[..., Any],
    *,
    is_async: Callable[[Any], bool] = inspect.iscoroutinefunction,
) -> Requires:
    """A framework's ``requires``.

    ``find``: the visitor, given a view's arguments. ``refuse``: what is answered without an agreement, called with the
    view's arguments as ``otherwise`` is.
    """

    def requires(*purposes: str, otherwise: Any = refuse) -> Callable[[_View], _View]:
        if not purposes or not all(isinstance(name, str) for name in purposes):
            raise TypeError('requires wants names of purposes: @requires("analytics")')

        def decorate(view: _View) -> _View:
            def chosen(args: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
                visitor = find(args, named)
                missing = tuple(name for name in purposes if not visitor.allows(name))
                if not missing:
                    return view(*args, **named)
                if otherwise is _raise:
                    raise NotAllowed(missing)
                if _is_answer(otherwise):
                    return deepcopy(otherwise)  # who sends one changes it
                return otherwise(*args, **named) if callable(otherwise) else otherwise

            if is_async(view):

                @wraps(view)
                async def later(*args: Any, **named: Any) -> Any:
                    answer = chosen(args, named)
                    return await answer if inspect.isawaitable(answer) else answer

                return later  # type: ignore[return-value]

            @wraps(view)
            def now(*args: Any, **named: Any) -> Any:
                return chosen(args, named)

            return now  # type: ignore[return-value]

        return decorate

    return requires


def _is_answer(otherwise: Any) -> bool:
    """Whether it is a framework's response. Those of some can be called, too."""
    return hasattr(otherwise, "status_code")


def _raise(*_args: Any, **_named: Any) -> Any:
    """Stands for an error; see :func:`requires`."""


def _given(args: tuple[Any, ...], named: Mapping[str, Any]) -> Asked:
    for value in (named.get("visitor"), *args[:2], *named.values()):
        if value is not None and callable(getattr(value, "allows", None)):
            visitor: Asked = value
            return visitor
    raise ConsentError("this function was not given a visitor: its first argument, or the one named visitor")


_requires = requires_of(_given, _raise)


def requires(*purposes: str, otherwise: Any = _raise) -> Callable[[_View], _View]:
    """Call the function only if its visitor allows all these purposes.

    The visitor is its argument of that name, or its first; of a method, the second. Without an agreement
    :class:`~consent.errors.NotAllowed` is raised, or ``otherwise`` is answered: a value, or what it answers when it is
    called in the function's place.

    :raises UnknownPurpose: when called, if the site has no such purpose.
    """
    return _requires(*purposes, otherwise=otherwise)
