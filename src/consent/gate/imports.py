"""What a script imports, and what the escapes in its strings stand for (ECMAScript, 12 and annex B)."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import cache

__all__ = ["PARTING", "imports_in", "parted", "undone"]

_ESCAPE = re.compile(
    r"\\(?:u\{0*([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([0-3][0-7]{0,2}|[4-7][0-7]?)|(\r\n|.))",
    re.DOTALL,
)
#: What stands for nothing, in a string or in an address, and what stands for another character.
_LETTERS = dict.fromkeys(("\n", "\r", "\r\n", "\u2028", "\u2029", *"tnr"), "") | {"b": "\b", "f": "\f", "v": "\v"}
#: Escapes of what the parts of an address are parted by, as templates and serializers write them.
PARTING = r"\\(?:u00|x)(2[dDeEfF]|3[aA])"
_PARTING = re.compile(PARTING)
_PARTS = {digits: chr(int(digits, 16)) for digits in ("2d", "2D", "2e", "2E", "2f", "2F", "3a", "3A")}
_IN_NO_ADDRESS = re.compile(r"[\t\n\r]")
_WORDS = (re.compile(r"import(?<!\wimport)(?:\s*\.\s*(?:source|defer))?"), re.compile(r"from(?<!\wfrom)"))
_SPACE = re.compile(r"[\s\ufeff(]*")
_COMMENT = re.compile(r"/\*|//|<!--|-->")
_BLOCK_END = re.compile(r"\*/")
_LINE_END = re.compile(r"[\n\r\u2028\u2029]")
_STRING = re.compile(r"\"((?:[^\"\\\n\r]|\\\r\n|\\.)*)\"|'((?:[^'\\\n\r]|\\\r\n|\\.)*)'|`((?:[^`\\]|\\.)*)`", re.DOTALL)


def undone(script: str) -> str:
    """A script's or JSON's text, the escapes in its strings undone: of characters, and of what addresses leave out."""
    if "\\" not in script:
        return script
    # A letter beyond the first 65,536 is escaped as two.
    return _ESCAPE.sub(_spelt_out, script).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def parted(script: str) -> str:
    """A script with these escapes undone, and no others.

    >>> parted(r"'https:\\u002F\\u002Fwww.google\\x2danalytics.com'")
    "'https://www.google-analytics.com'"
    """
    if "\\" not in script:
        return script
    pieces = _PARTING.split(script)
    pieces[1::2] = map(_PARTS.__getitem__, pieces[1::2])
    return "".join(pieces)


def _spelt_out(found: re.Match[str]) -> str:
    braced, four, two, octal, letter = found.groups()
    if letter is not None:
        return _LETTERS.get(letter, letter)
    code = int(octal, 8) if octal else int(braced or four or two, 16)
    return "" if code in {9, 10, 13} else chr(code) if code <= 0x10FFFF else "\ufffd"


def imports_in(script: str) -> list[str]:
    """What a script imports, or exports from elsewhere: as written, and with escapes undone.

    What is behind one of the words may be part of another string, or of a comment, and is none then.
    """
    if "import" not in script and "export" not in script:
        return []
    # Each once, whatever leads there: hence linear.
    strings = [_STRING.match(script, at) for at in sorted(set(_named(script)))]
    imported = ["".join(filter(None, string.groups())) for string in strings if string is not None]
    imported += [undone(address) for address in imported if "\\" in address]
    return [*dict.fromkeys(_IN_NO_ADDRESS.sub("", address) for address in imported)]


def _named(script: str) -> Iterator[int]:
    """Where what the words name begins: behind space, and comments, in which bundlers are told what to do with it."""

    @cache
    def ends(mark: re.Pattern[str]) -> list[int]:
        return [found.end() for found in mark.finditer(script)]

    @cache
    def spaced(at: int) -> int:
        space = _SPACE.match(script, at)
        return space.end() if space is not None else at

    leads: dict[int, int] = {}  # from a comment to what is behind it and those that follow it
    for word in sorted((found.end() for each in _WORDS for found in each.finditer(script)), reverse=True):
        at = spaced(word)
        passed: list[int] = []
        while at not in leads and (comment := _COMMENT.match(script, at)) is not None:
            passed.append(at)
            found, shortest = (ends(_BLOCK_END), 4) if comment.group() == "/*" else (ends(_LINE_END), 3)
            number = bisect_left(found, at + shortest)
            at = spaced(found[number]) if number < len(found) else len(script)
        at = leads.get(at, at)
        leads.update(dict.fromkeys(passed, at))
        yield at
