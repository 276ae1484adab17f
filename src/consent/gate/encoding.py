"""What text bytes are, in whatever encoding a browser takes.

Browsers know encodings by other names than Python does, and the tables of some differ (Encoding Standard, 4). Where a
page does not say in which it is, they look into it for a name, and then guess.
"""

from __future__ import annotations

import codecs
import re

__all__ = ["ESCAPE", "encoding_of", "hosts_otherwise", "is_declared", "is_readable", "readings_of"]

#: Begins a switch to other characters in ISO-2022-JP.
ESCAPE = b"\x1b"
#: Encodings in which an ASCII byte is not the ASCII character, or not always.
_UNREADABLE = frozenset({"utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-7", "hz"})
#: Python's name for what a browser reads, where it reads more than the name says.
_WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
}
#: What a browser may take a page for that names no encoding, in Python's names; but for UTF-8.
_GUESSED = (
    "cp932", "euc_jp", "gb18030", "big5hkscs", "cp949", "cp866", "cp874", "koi8-r", "koi8-u", "mac-roman",
    "mac-cyrillic",
    *(f"cp125{number}" for number in range(9)),
    *(f"iso8859-{number}" for number in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)),
)  # fmt: skip
#: Names that browsers know, too: of the encodings that pages are in.
_DECLARED = re.compile(
    r"(?:utf-?8|(?:us-)?ascii|latin1|iso-8859-(?:[1-8]|1[03-6])|(?:windows-|cp)125[0-8]|windows-874|shift[_-]jis|sjis|euc-jp"
    r"|gbk|gb2312|gb18030|big5(?:-hkscs)?|euc-kr|koi8-[ru]|macintosh|ibm866)\Z",
    re.IGNORECASE,
)
#: What may hold a host, and no more than a host's names, a user and a path may have.
_PIECE = re.compile(rb"[^\s\"'`()<>]{1,2048}")
_SWITCH = re.compile(r"\x1b(?:\([BIJ]|\$[@B])")


def is_readable(charset: str) -> bool:
    """Whether tags can be found in a page's bytes as they are."""
    try:
        name = codecs.lookup(charset).name
    except LookupError:
        return False
    return name not in _UNREADABLE and not name.startswith(("iso2022", "utf-16", "utf-32", "cp037", "cp500"))


def is_declared(charset: str | None) -> bool:
    """Whether that is a name that browsers know, so that they look for no other."""
    return charset is not None and _DECLARED.match(charset) is not None


def encoding_of(charset: str | None) -> str:
    """What Python is to read a page as; ``""`` if it is not known.

    >>> encoding_of("Shift_JIS"), encoding_of("latin1"), encoding_of(None)
    ('cp932', 'cp1252', '')
    """
    if charset is None or not is_declared(charset):
        return ""
    name = codecs.lookup(charset).name
    return _WIDER.get(name, name)


def hosts_otherwise(text: bytes) -> list[str]:
    """What may be a host in bytes that are not UTF-8, in each encoding that a page without a name may be in."""
    if text.isascii():
        return []
    pieces = {piece for piece in _PIECE.findall(text) if not piece.isascii() and not _is_utf8(piece)}
    return [*{piece.decode(encoding, "replace") for piece in pieces for encoding in _GUESSED}]


def readings_of(document: bytes) -> str:
    """All that a document may be that says by itself in what it is encoded, or is told by who loads it; but for what
    :func:`hosts_otherwise` finds.
    """
    texts = [document.decode("utf-8", "replace")]
    if b"\0" in document:
        texts += [document.decode(encoding, "replace") for encoding in ("utf-16-le", "utf-16-be")]
    if ESCAPE in document:
        texts += [_SWITCH.sub("", texts[0]), document.decode("iso2022_jp_ext", "replace")]
    return "\n".join(texts)


def _is_utf8(piece: bytes) -> bool:
    try:
        piece.decode()
    except UnicodeDecodeError:
        return False
    return True
