"""What surely belongs to nobody, told from its bytes at a glance.

Most tags and scripts of a page have nothing to do with any service. A glance says so without reading attributes, and
takes every spelling that it does not know for suspicious. It may suspect too much, never too little: what it lets pass,
:class:`~consent.gate.judge.Judge` would let pass too, whatever is allowed.
"""

from __future__ import annotations

import re

from .look import Look
from .odd import FOLLOWED
from .references import in_text

__all__ = ["Glance"]

_TOUCHED = re.compile(rb"[\t\n\r\\]")
_SLASHES = bytes.maketrans(b"\\", b"/")
#: Attributes in which css may stand, with a backslash in their value, or without quotes around it.
_ESCAPED_CSS = re.compile(
    rb"[\t\n\f\r \"'/](?:style|fill|stroke|filter|mask|clip-path|cursor|marker[a-z-]*|from|values|to|by)"
    rb"[\t\n\f\r ]*=[\t\n\f\r ]*+(?:\"[^\"\\]*+\\|'[^'\\]*+\\|[^\"'])"
)


class Glance:
    """A way to look, used on single tags."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def passes(self, name: bytes, raw: bytes, text: bytes = b"", *, references: bool = True) -> bool:
        """Whether a tag, from ``<`` to ``>``, and the text of its script or style are surely nobody's.

        ``name``: the tag's, in lower case. ``references``: whether character references and markup count in that text,
        as they do in svg.
        """
        if not self._tag(raw):
            return False
        if not text:
            return True
        if not self._look.clears_text(name, text):
            return False
        if references and b"<" in text:
            return False  # what is within its text is none of it
        return (
            not references
            or b"&" not in text
            or self._look.clears_text(name, in_text(text.decode("utf-8", "replace")).encode())
        )

    def _tag(self, raw: bytes) -> bool:
        low = raw.lower()
        if b"srcdoc" in low:
            return False  # a document within is read whatever it is
        if b"\\" in low and (_ESCAPED_CSS.search(low) or FOLLOWED.searched.search(low)):
            return False  # in a script that is an address, css may stand, too
        if _TOUCHED.search(raw) is None:
            return self._look.clears_tag(raw)
        # Browsers take tabs and line breaks out of addresses, and backslashes for slashes. Both readings are looked at
        # together, which can only be worse.
        return self._look.clears_tag(b"%b %b" % (raw, raw.translate(_SLASHES, b"\t\n\r")))
