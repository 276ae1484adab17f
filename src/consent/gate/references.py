"""Character references, as the HTML Standard's tokenizer undoes them (13.2.5.72 to 84).

The standard library's ``html.unescape`` does otherwise: it leaves out control characters, and in an attribute's value
finds references without a semicolon where there are none, as in ``a&&gtag(1)``.
"""

from __future__ import annotations

import html
import re
from html.entities import html5

__all__ = ["in_attribute", "in_text"]

_REFERENCE = re.compile(r"&(?:#(?:[xX]([0-9a-fA-F]+)|([0-9]+));?|([a-zA-Z][a-zA-Z0-9]*)(;?)(=?))")
#: What these numbers stand for is what windows-1252 has there.
_WINDOWS = {0x80 + at: character for at, character in enumerate(bytes(range(0x80, 0xA0)).decode("cp1252", "replace"))}


def in_attribute(value: str) -> str:
    """An attribute's value, without its references.

    >>> in_attribute("a&&gtag(1)&amp;b&#11;c&lt"), in_attribute("?a&copy=1&copy;=&copyb")
    ('a&&gtag(1)&b\\x0bc<', '?a&copy=1©=&copyb')
    """
    references = value.count("&")
    if references == value.count("&amp;"):  # as most are
        return value.replace("&amp;", "&") if references else value
    return _REFERENCE.sub(_in_attribute, value)


def in_text(text: str) -> str:
    """The same of text outside of tags, where no semicolon is needed.

    >>> in_text("a&&gtag(1)&amp;b&#11;c")
    'a&>ag(1)&b\\x0bc'
    """
    return _REFERENCE.sub(_in_text, text) if "&" in text else text


def _in_attribute(found: re.Match[str]) -> str:
    if found[0] == "&amp;":
        return "&"
    name, closed, follows = found.group(3, 4, 5)
    if name is None:
        return _numbered(found)
    if closed:
        known = html5.get(f"{name};")
        return found.group() if known is None else known + follows
    return found.group() if follows else html5.get(name, found.group())


def _in_text(found: re.Match[str]) -> str:
    return _numbered(found) if found.group(3) is None else html.unescape(found.group())


def _numbered(found: re.Match[str]) -> str:
    hexadecimal, decimal = found.group(1, 2)
    # No number of a character is longer; Python reads none of more than some thousand digits.
    digits = (hexadecimal or decimal).lstrip("0")
    code = int(digits or "0", 16 if hexadecimal else 10) if len(digits) <= 7 else 0
    if code in _WINDOWS and _WINDOWS[code] != "\ufffd":
        return _WINDOWS[code]
    return chr(code) if 0 < code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else "\ufffd"
