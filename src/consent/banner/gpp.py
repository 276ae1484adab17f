"""IAB's GPP string: what it carries, as text, and its section for the United States.

::

    DBABLA~CVQVAAAAAACA.YA
    header  section 7, "usnat": core sub-section "." GPC sub-section

All of it is bits in base64url (RFC 4648, 5) without "=". The header is ``Int(6)`` 3, ``Int(6)`` 1 and the sections' ids
as a Fibonacci range: ``Int(12)`` items, each a bit, 0 for an id and 1 for a group, and the distance from the id before,
of a group also its length, each in Fibonacci coding. Here that is one item, the id 7::

    000011 000001 000000000001 0 01011

Bits are filled up with zeros to whole characters. The specification does that by sixes, the reference encoder to whole
bytes first: ``DBABL`` and ``DBABLA`` say the same. Both are read, the second is written: vendors' decoders were made
with it.

>>> parse_gpp("DBABL~CVQVAAAAAACA.YA")
{7: 'CVQVAAAAAACA.YA'}
>>> core, gpc = parse_usnat("CVQVAAAAAACA.YA")
>>> core["SaleOptOut"], core["SharingOptOut"], core["TargetedAdvertisingOptOut"], gpc["Gpc"]
(1, 1, 1, True)
>>> format_gpp({7: format_usnat(core, gpc)})
'DBABLA~CVQVAAAAAACA.YA'

Sources: IAB Tech Lab, Global Privacy Platform: "Consent String Specification" 1.0 and "MSPA US National Technical
Specification" 2.0. A table of the former has it that a Boolean's 0 is true; its sections and all encoders say 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NoReturn, TypeAlias

from ..errors import InvalidGpp

__all__ = ["USNAT", "Fields", "format_gpp", "format_usnat", "parse_gpp", "parse_usnat"]

#: The section's id.
USNAT = 7

#: A sub-section by its fields, as pages' scripts are given it.
Fields: TypeAlias = Mapping[str, "int | bool | list[int]"]

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_SIXES = {letter: f"{number:06b}" for number, letter in enumerate(_ALPHABET)}
#: More than any section that we know of. Read by nobody, a longer one is somebody's trick.
_LONGEST = 8192
#: Far more than the ids that are given out; a range of sixteen bits has no more.
_HIGHEST = 65_535
_TYPE, _VERSION = f"{3:06b}", f"{1:06b}"

#: Name and how many values of two bits, in their order after the version.
_CORE = (
    ("SharingNotice", 1),
    ("SaleOptOutNotice", 1),
    ("SharingOptOutNotice", 1),
    ("TargetedAdvertisingOptOutNotice", 1),
    ("SensitiveDataProcessingOptOutNotice", 1),
    ("SensitiveDataLimitUseNotice", 1),
    ("SaleOptOut", 1),
    ("SharingOptOut", 1),
    ("TargetedAdvertisingOptOut", 1),
    ("SensitiveDataProcessing", 16),
    ("KnownChildSensitiveDataConsents", 3),
    ("PersonalDataConsents", 1),
    ("MspaCoveredTransaction", 1),
    ("MspaOptOutOptionMode", 1),
    ("MspaServiceProviderMode", 1),
)
_USNAT_VERSION, _GPC_TYPE = 2, 1


def format_gpp(sections: Mapping[int, str]) -> str:
    """The string with these sections, each written already, by their ids."""
    ids = sorted(sections)
    return "~".join([_text(_TYPE + _VERSION + _range(ids)), *(sections[number] for number in ids)])


def parse_gpp(text: str) -> dict[int, str]:
    """The sections of a string by their ids, each as it is written.

    :raises InvalidGpp: if it is none.
    """
    if len(text) > _LONGEST:
        _refuse(f"longer than {_LONGEST} characters")
    head, *sections = text.split("~")
    bits = _Bits(head)
    if bits.take(6) != _TYPE or bits.take(6) != _VERSION:
        _refuse("no header of version 1")
    ids = _ids(bits, len(sections))
    bits.finish()
    if len(ids) != len(sections) or not all(sections):
        _refuse("not one section for each id")
    return dict(zip(ids, sections, strict=True))


def format_usnat(core: Fields, gpc: Fields) -> str:
    """The section for the United States.

    :raises ValueError: for a field that is missing, or a value that it cannot have.
    """
    bits = f"{_USNAT_VERSION:06b}"
    for name, count in _CORE:
        value = core[name]
        values = [value] if count == 1 else value
        if not isinstance(values, list) or len(values) != count or not all(each in (0, 1, 2) for each in values):
            raise ValueError(f"{name} cannot be {value!r}")
        bits += "".join(f"{each:02b}" for each in values)
    signal = f"{_GPC_TYPE:02b}{gpc['Gpc'] is True:b}"
    return f"{_text(bits)}.{_text(signal)}"


def parse_usnat(text: str) -> tuple[Fields, Fields]:
    """The core and the GPC sub-section. The latter may be left out, which says that there is no signal.

    :raises InvalidGpp: if it is no such section, or one of another version.
    """
    if len(text) > _LONGEST:
        _refuse(f"longer than {_LONGEST} characters")
    first, *rest = text.split(".")
    bits = _Bits(first)
    if bits.number(6) != _USNAT_VERSION:
        _refuse(f"not version {_USNAT_VERSION} of the section for the United States")
    core: dict[str, int | bool | list[int]] = {"Version": _USNAT_VERSION}
    for name, count in _CORE:
        values = [bits.number(2) for _ in range(count)]
        if 3 in values:
            _refuse(f"{name} has a value that is not defined")
        core[name] = values[0] if count == 1 else values
    bits.finish()
    on = False
    if rest:
        bits = _Bits(rest[0])
        if len(rest) > 1 or bits.number(2) != _GPC_TYPE:
            _refuse("a sub-section that is not known")
        on = bits.take(1) == "1"
        bits.finish()
    return core, {"SubsectionType": _GPC_TYPE, "Gpc": on}


# Bits to text


def _text(bits: str) -> str:
    """As the reference encoder fills them up: to whole bytes, then to whole characters."""
    bits += "0" * (-len(bits) % 8)
    bits += "0" * (-len(bits) % 6)
    return "".join(_ALPHABET[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))


def _range(ids: Iterable[int]) -> str:
    """Ids in ascending order; neighbours are a group."""
    groups: list[list[int]] = []
    for number in ids:
        if groups and groups[-1][-1] == number - 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    bits = f"{len(groups):012b}"
    for (*_, last), group in pairwise([[0], *groups]):
        bits += f"{len(group) > 1:b}{_fibonacci(group[0] - last)}"
        if len(group) > 1:
            bits += _fibonacci(group[-1] - group[0])
    return bits


def _fibonacci(number: int) -> str:
    """A number from 1 as a sum of Fibonacci numbers (Zeckendorf's), the smallest first, and a 1 at the end."""
    steps = [1]
    for step in _steps():
        if step > number:
            break
        steps.append(step)
    bits = ""
    for step in reversed(steps[1:]):
        bits = f"{step <= number:b}{bits}"
        number -= step if step <= number else 0
    return f"{bits}1"


def _steps() -> Iterator[int]:
    """1, 2, 3, 5, 8 …"""
    step, following = 1, 2
    while True:
        yield step
        step, following = following, step + following


# Text to bits


class _Bits:
    """The bits of a text, taken one after the other."""

    def __init__(self, text: str) -> None:
        if not _SIXES.keys() >= set(text):
            _refuse("not base64url")
        self._bits = "".join(_SIXES[letter] for letter in text)
        self._at = 0

    def take(self, count: int) -> str:
        taken = self._bits[self._at : self._at + count]
        if len(taken) < count:
            _refuse("cut off")
        self._at += count
        return taken

    def number(self, count: int) -> int:
        return int(self.take(count), 2)

    def fibonacci(self) -> int:
        number, before = 0, ""
        for step in _steps():
            bit = self.take(1)
            if bit == before == "1":
                break
            if step > _HIGHEST:
                _refuse("an id that no section has")
            number += step * (bit == "1")
            before = bit
        return number

    def finish(self) -> None:
        """What is left is filling, of either kind."""
        used, bytes_used = self._at, self._at + -self._at % 8
        if "1" in self._bits[used:] or len(self._bits) not in {end + -end % 6 for end in (used, bytes_used)}:
            _refuse("something stands at its end")


def _ids(bits: _Bits, most: int) -> list[int]:
    """The ids in a range. There are as many as sections, so one that names more is refused before it is written out."""
    ids: list[int] = []
    for _ in range(bits.number(12)):
        group = bits.take(1) == "1"
        first = (ids[-1] if ids else 0) + bits.fibonacci()
        last = first + bits.fibonacci() if group else first
        if last - first >= most - len(ids):
            _refuse("not one section for each id")
        ids += range(first, last + 1)
    return ids


def _refuse(why: str) -> NoReturn:
    raise InvalidGpp(f"no GPP string: {why}")
