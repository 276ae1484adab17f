"""Reads one table of settings, and says exactly what is wrong with it.

A :class:`Table` is asked for what it may hold, name by name; what was not asked for is an unknown setting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn, TypeVar

from ..errors import ConfigurationError

__all__ = ["TOKEN", "Table", "host_pattern", "snippet", "storage_key"]

_T = TypeVar("_T")
#: A token (RFC 9110, 5.6.2), as the names of headers and cookies are.
TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}\Z")
_ADDRESS = re.compile(r"(?:https?://[^\s/\\\"'<>]|/(?![/\\]))[^\s\"'<>]*\Z", re.IGNORECASE)
_PORT = re.compile(r"[0-9]{1,5}\Z")
_LABEL = r"[a-z0-9_*](?:[a-z0-9_*-]*[a-z0-9_*])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z")


class Table:
    """A mapping from settings, with its place in them.

    :raises ConfigurationError: if ``value`` is no mapping with texts as keys.
    """

    def __init__(self, value: object, path: tuple[str, ...]) -> None:
        if not isinstance(value, Mapping):
            # The outermost one may hold keys that sign: it is not shown.
            raise ConfigurationError("must be a table", path=path, value=value if len(path) > 1 else None)
        for key in value:
            if not isinstance(key, str):
                raise ConfigurationError("the name of a setting must be a text", path=path, value=key)
        self._values: dict[str, Any] = dict(value)
        self._asked: set[str] = set()
        self.path = path

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def fail(self, name: str, message: str, value: object = None, known: Iterable[str] = ()) -> NoReturn:
        """Refuse the setting of that name."""
        raise ConfigurationError(message, path=(*self.path, name), value=value, known=known)

    def raw(self, name: str, default: object = None) -> Any:
        """The value as it is."""
        self._asked.add(name)
        value = self._values.get(name)
        return default if value is None else value

    def text(self, name: str, default: str = "", *, longest: int = 2000) -> str:
        """A printable text."""
        value = self.raw(name, default)
        if not isinstance(value, str):
            self.fail(name, "must be a text", value)
        if not value.isprintable() or len(value) > longest:
            self.fail(name, f"must be printable and at most {longest} characters long", value)
        return value

    def address(self, name: str, default: str = "") -> str:
        """Where something is."""
        value = self.text(name, default)
        if value and not _ADDRESS.match(value):
            self.fail(name, "must be a path of this site or an http(s) address", value)
        return value

    def choice(self, name: str, known: tuple[str, ...], default: str) -> str:
        """One of a few words."""
        value = self.raw(name, default)
        if not isinstance(value, str) or value not in known:
            self.fail(name, "is not one of the known values", value, known)
        return value

    def number(self, name: str, *, least: float, most: float) -> float | None:
        """A number within bounds, or None where the setting is missing."""
        value = self.raw(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.fail(name, "must be a number", value)
        if not least <= value <= most:
            self.fail(name, f"must be from {least:g} to {most:g}", value)
        return value

    def whole(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number within bounds."""
        value = self.number(name, least=least, most=most)
        if value is not None and value != int(value):
            self.fail(name, "must be a whole number", value)
        return default if value is None else int(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """True or false."""
        value = self.raw(name, default)
        if not isinstance(value, bool):
            self.fail(name, "must be true or false", value)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts, without the second of two equal ones."""
        value = self.raw(name, ())
        if not isinstance(value, (list, tuple, set, frozenset)) or not all(isinstance(item, str) for item in value):
            self.fail(name, "must be a list of texts", value)
        return tuple(dict.fromkeys(sorted(value) if isinstance(value, (set, frozenset)) else value))

    def each(self, name: str, check: Callable[[str], _T]) -> tuple[_T, ...]:
        """A list of texts, each made into something else by ``check``, which raises ValueError."""
        checked: list[_T] = []
        for item in self.texts(name):
            try:
                checked.append(check(item))
            except ValueError as error:
                self.fail(name, str(error), item)
        return tuple(dict.fromkeys(checked))

    def tables(self, name: str) -> Iterable[tuple[str, Table]]:
        """The tables within a table, by name. ``True`` stands for an empty one."""
        for key, value in Table(self.raw(name, {}), (*self.path, name))._values.items():
            yield key, Table({} if value is True else value, (*self.path, name, key))

    def finish(self, known: Iterable[str] = ()) -> None:
        """Refuse what nobody asked for."""
        known = {*self._asked, *known}
        for name in self._values:
            if name not in known:
                raise ConfigurationError("unknown setting", path=self.path, value=name, known=known)


def host_pattern(text: str) -> str:
    """A host pattern in its one spelling; see :class:`~consent.policy.policy.Service`.

    :raises ValueError: saying what is wrong and, for a URL, what to write instead.

    >>> host_pattern("Stats.Example.org/pixel/"), host_pattern("*.bücher.example"), host_pattern("*/matomo.js")
    ('stats.example.org/pixel/', '*.xn--bcher-kva.example', '*/matomo.js')
    """
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://|//", text):
        rest = text.partition("//")[2].rstrip("/")
        raise ValueError("a host has no scheme" + (f": write {rest!r}" if rest else ""))
    if not text.isprintable() or re.search(r"[\s\"'<>\\#]", text):
        raise ValueError("a host has no spaces, quotes, angle brackets, backslashes or #")
    authority, slash, path = text.partition("/")
    if not authority:
        if not path.strip("/*"):
            raise ValueError("a path on this site is more than a slash")
        return text
    host, colon, port = authority.partition(":")
    if colon:
        port = _port(port)
    if host == "*":
        if len(path.replace("*", "")) < 3:
            raise ValueError("a path on any host must say more")
        return f"*{colon}{port}/{path}"
    if not host.isascii():
        try:
            host = ".".join(label if "*" in label else label.encode("idna").decode() for label in host.split("."))
        except UnicodeError as error:
            raise ValueError("not the name of a host") from error
    host = host.lower().rstrip(".")
    if not _HOST.match(host):
        raise ValueError("not the name of a host")
    if "*" in host and (host.count("*") > 1 or host.partition("*")[2].count(".") < 2):
        raise ValueError("a star stands once, with a whole domain after it: *.example.com")
    return f"{host}{colon}{port}{slash}{path}"


def _port(text: str) -> str:
    if not _PORT.match(text) or not 0 < int(text) < 65_536:
        raise ValueError("a port is a number from 1 to 65535")
    port = str(int(text))
    if port in {"80", "443"}:
        raise ValueError(f"addresses leave out port {port}; leave it out here too")
    return port


def snippet(text: str) -> str:
    """The text by which an inline script is known.

    :raises ValueError: if it is so short that it would be found everywhere.
    """
    if len(text.strip()) < 3:
        raise ValueError("a snippet of less than three characters would be found everywhere")
    return text


def storage_key(text: str) -> str:
    """The name of what a browser keeps: a key, a database, a cache. ``*`` stands for any run of characters.

    :raises ValueError: if it cannot be shown, or stands for every entry.
    """
    if not text.isprintable() or not text.strip("* ") or len(text) > 256:
        raise ValueError("a storage key is printable, at most 256 characters long, and more than a star")
    return text
