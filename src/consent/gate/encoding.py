"""What text bytes are, in whatever encoding a browser takes.

Browsers know encodings by other names than Python does, and the tables of some differ (Encoding Standard, 4). Where a
page does not say in which it is, they look into it for a name, and then guess.
"""

from __future__ import annotations

import re

__all__ = [
    "ESCAPE",
    "UNREAD",
    "encoding_of",
    "hosts_otherwise",
    "is_declared",
    "is_readable",
    "otherwise",
    "readings_of",
    "unmapped",
]

#: Begins a switch to other characters in ISO-2022-JP.
ESCAPE = b"\x1b"
#: Stands for what is not read since it would take too long.
UNREAD = "\0unread"
#: What browsers know encodings by (Encoding Standard, 4.2), below what Python is to read these as; ``""``: bytes of
#: ASCII are something else there.
_LABELS = {
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
    "cp866": "866 cp866 csibm866 ibm866",
    "iso8859-2": "csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2",
    "iso8859-3": "csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3",
    "iso8859-4": "csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4",
    "iso8859-5": "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988",
    "iso8859-6": "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e"
    " iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987",
    "iso8859-7": "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 iso_8859-7"
    " iso_8859-7:1987 sun_eu_greek",
    "iso8859-8": "csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598 iso_8859-8"
    " iso_8859-8:1988 visual csiso88598i iso-8859-8-i logical",
    "iso8859-10": "csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6",
    "iso8859-13": "iso-8859-13 iso8859-13 iso885913",
    "iso8859-14": "iso-8859-14 iso8859-14 iso885914",
    "iso8859-15": "csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9",
    "iso8859-16": "iso-8859-16",
    "koi8-r": "cskoi8r koi koi8 koi8-r koi8_r",
    "koi8-u": "koi8-ru koi8-u",
    "mac-roman": "csmacintosh mac macintosh x-mac-roman",
    "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "cp874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874",
    "cp1250": "cp1250 windows-1250 x-cp1250",
    "cp1251": "cp1251 windows-1251 x-cp1251",
    "cp1252": "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1"
    " iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252",
    "cp1253": "cp1253 windows-1253 x-cp1253",
    "cp1254": "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5"
    " windows-1254 x-cp1254",
    "cp1255": "cp1255 windows-1255 x-cp1255",
    "cp1256": "cp1256 windows-1256 x-cp1256",
    "cp1257": "cp1257 windows-1257 x-cp1257",
    "cp1258": "cp1258 windows-1258 x-cp1258",
    "gb18030": "chinese csgb2312 csiso58gb231280 gb18030 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk",
    "big5hkscs": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "euc_jp": "cseucpkdfmtjapanese euc-jp x-euc-jp",
    "cp932": "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis",
    "cp949": "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601"
    " windows-949",
    "": "csiso2022jp csiso2022kr hz-gb-2312 iso-2022-cn iso-2022-cn-ext iso-2022-jp iso-2022-kr replacement csunicode"
    " iso-10646-ucs-2 ucs-2 unicode unicodefeff unicodefffe utf-16 utf-16be utf-16le x-user-defined",
}  # fmt: skip
_ENCODINGS = {label: encoding for encoding, labels in _LABELS.items() for label in labels.split()}
#: What a browser may take a page for that names no encoding, but for UTF-8.
_GUESSED = tuple(encoding for encoding in _LABELS if encoding not in {"utf-8", ""})
#: So many bytes are read in each of them.
_GUESSED_SIZE = 8_192
_ASCII = bytes(range(0x20, 0x7F))
#: What may have a host within it, and what stands in front of one, or of a part of one.
_PIECE = re.compile(rb"[^\s\"'()<>]+")
_BEFORE_HOST = re.compile(rb"/[\t\n\r]*/|\\|[psPS][\t\n\r]*:|&[#A-Za-z]")
#: UTF-8 that is ASCII letters in another encoding, to those who look up hosts: ligatures, and the sign for "number".
_ALSO_LETTERS = re.compile(rb"[\xdc\xde\xdf]|\xf0\xad\xad\xad")
_OTHERS = re.compile(rb"[\x80-\xff]+")
_SWITCH = re.compile(r"\x1b(?:\([BIJ]|\$[@B])")


def is_readable(charset: str) -> bool:
    """Whether tags can be found in a page's bytes as they are."""
    if is_declared(charset):
        return encoding_of(charset) != ""
    try:
        return _ASCII.decode(charset) == _ASCII.decode("ascii")
    except (LookupError, ValueError):  # also a name with a NUL
        return False


def is_declared(charset: str | None) -> bool:
    """Whether that is a name that browsers know, so that they look for no other."""
    return charset is not None and _label(charset) in _ENCODINGS


def encoding_of(charset: str | None) -> str:
    """What Python is to read a page as; ``""`` if it is not known.

    >>> encoding_of("Shift_JIS"), encoding_of("latin1"), encoding_of(None)
    ('cp932', 'cp1252', '')
    """
    return _ENCODINGS.get(_label(charset), "") if charset is not None else ""


def _label(charset: str) -> str:
    return charset.strip("\t\n\f\r ").lower()


def otherwise(text: bytes) -> list[str]:
    """What bytes that may have a host within them and are not UTF-8 are in each encoding that a page without a name may
    be in; :data:`UNREAD` if they are too many.
    """
    if text.isascii() or _BEFORE_HOST.search(text) is None or _is_utf8(text):
        return []
    if len(text) > _GUESSED_SIZE:
        return [UNREAD]
    return [*{text.decode(encoding, "replace") for encoding in _GUESSED}]


def unmapped(text: bytes) -> str:
    """A text in which each run of other bytes than ASCII is one character that is none.

    Of two bytes that are no character, the second may begin one to Python, which then takes up what follows.
    """
    return "\ufffd".join(each.decode() for each in _OTHERS.split(text))


def hosts_otherwise(text: bytes, *, document: bool = False) -> list[str]:
    """What may have a host within it in a text, in each of these encodings.

    ``document``: whether it has attributes, in whose addresses the ends of lines are of no account.
    """
    if text.isascii():
        return []
    found = _PIECE.findall(text)
    found += _PIECE.findall(text.translate(None, b"\t\n\r")) if document else []
    pieces = dict.fromkeys(each for each in found if not each.isascii() and _BEFORE_HOST.search(each))
    return otherwise(b" ".join(each for each in pieces if not _is_utf8(each)))


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


def _is_utf8(text: bytes) -> bool:
    """Whether that is UTF-8, and no host in another encoding."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return _ALSO_LETTERS.search(text) is None
