"""A draft as text: TOML for a file of settings, Python for Django's; notes stand above what they are about."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .draft import Draft

__all__ = ["FORMATS"]

_WIDTH = 120


def _toml(draft: Draft) -> str:
    lines = [*_said(draft, ())]
    tables = {name: value for name, value in draft.settings.items() if isinstance(value, dict)}
    for name, value in draft.settings.items():
        if name not in tables:
            lines += ["", *_said(draft, (name,)), f"{name} = {_value(value)}"]
    for name, table in tables.items():
        if name == "moved_from":
            lines += ["", *_said(draft, (name,)), f"[{name}]", *_pairs(table)]
            continue
        for key, entry in table.items():
            lines += ["", *_said(draft, (name, key)), f"[{name}.{key}]", *_pairs(entry)]
    return "\n".join(lines) + "\n"


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    for name, value in table.items():
        if _long(value):
            yield f"{name} = ["
            yield from (f"  {_value(item)}," for item in value)
            yield "]"
        else:
            yield f"{name} = {_value(value)}"


def _long(value: Any) -> bool:
    """Whether it is a list that has a line for each of its entries."""
    return isinstance(value, list) and len(value) > 1 and isinstance(value[0], dict)


def _value(value: Any) -> str:
    """A value in TOML."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_key(name)} = {_value(item)}' for name, item in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if bare else _text(name)


def _text(text: str) -> str:
    """A text in double quotes, as TOML and Python both read it."""
    shown = (
        f"\\U{ord(each):08x}" if not each.isprintable() else f"\\{each}" if each in '"\\' else each for each in text
    )
    return f'"{"".join(shown)}"'


def _python(draft: Draft) -> str:
    return "\n".join([*_said(draft, ()), "CONSENT = {", *_entries(draft, draft.settings, ()), "}"]) + "\n"


def _entries(draft: Draft, table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    indent = "    " * (len(path) + 1)
    for name, value in table.items():
        yield from _said(draft, (*path, name), indent)
        if isinstance(value, dict) and value:
            yield f"{indent}{_literal(name)}: {{"
            yield from _entries(draft, value, (*path, name))
            yield f"{indent}}},"
        elif _long(value):
            yield f"{indent}{_literal(name)}: ["
            yield from (f"{indent}    {_literal(item)}," for item in value)
            yield f"{indent}],"
        else:
            yield f"{indent}{_literal(name)}: {_literal(value)},"


def _literal(value: Any) -> str:
    """A value in Python, its texts in double quotes."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_literal(name)}: {_literal(item)}' for name, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return _text(value) if isinstance(value, str) else repr(value)


def _said(draft: Draft, path: tuple[str, ...], indent: str = "") -> Iterator[str]:
    for note in draft.notes.get(path, ()):
        yield from textwrap.wrap(
            note, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}#   ", break_long_words=False,
            break_on_hyphens=False,
        )  # fmt: skip


FORMATS: dict[str, Callable[[Draft], str]] = {"toml": _toml, "python": _python}
