"""What surely belongs to nobody, told from its bytes at a glance.

Most tags and scripts of a page have nothing to do with any service. A glance says so without reading attributes: it
looks for whatever could lead to a known host, path or snippet, and takes every spelling that it does not know for
suspicious. It may suspect too much, never too little: what it lets pass, :class:`~consent.gate.judge.Judge` would let
pass too, whatever is allowed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from html.entities import html5

from .match import Rules

__all__ = ["Glance"]

# Each of these begins with text that is searched for fast.
_HANDLER = re.compile(r"on(?<=[\t\n\f\r /\"']on)[a-z]")
_DOTS = re.compile(r"/\.\.?/")
_NEEDLESS = re.compile(r"%(?:2[de]|3[0-9]|[46][1-9a-f]|[57][0-9a])")
_RARE_REFERENCE = re.compile(r"&(?!amp;|quot;|[a-z0-9_.-]+=)")
_BARE_SCHEME = re.compile(r":(?<=[psat\t\n\r]:)(?!//)")
_BROKEN_SLASHES = re.compile(r"/[\t\n\r]+/")
_BROKEN_HOST = re.compile(r"//[^/?#\"' >]*[\t\n\r]")
_USERINFO = re.compile(r"//[^/?#]*@")
_HOST = re.compile(r"//+([^/?#\"'\t\n\f\r >\\(),;`&]*)")
# Within scripts and styles, as :func:`~consent.gate.match.addresses_in` finds addresses: slashes may lean either way,
# and be left out after a scheme.
_END = rb"/?#\"'\s<>\\(),;`&"
_TEXT_HOST = re.compile(rb"//[\\/]*([^" + _END + rb"]+)")
_TEXT_HOST_MIXED = re.compile(rb"/\\[\\/]*([^" + _END + rb"]+)")
_TEXT_HOST_LEANING = re.compile(rb"\\[\\/]+([^" + _END + rb"]+)")
_TEXT_HTTP = re.compile(rb"https?:(?:[\\/](?![\\/])|[^" + _END + rb"])")
_TEXT_NEEDLESS = re.compile(_NEEDLESS.pattern.encode())
_TEXT_WS = re.compile(rb"wss?:(?:[\\/](?![\\/])|[^" + _END + rb"])")
#: A CSS escape of a slash, or one within a host.
_ESCAPED_SLASH = re.compile(rb"\\0{0,4}2f")
_ESCAPED_HOST = re.compile(rb"//[^" + _END + rb"]*\\[^/\\]")
_ESCAPED_HOST_MIXED = re.compile(rb"/\\[\\/]*[^" + _END + rb"]*\\[^/\\]")
#: Characters with which a host is spelt otherwise than it is looked up. Other odd ones make it the name of no host.
_SPELT = re.compile(r"[%@\x00-\x1f\x80-\U0010ffff]")
_REFERENCE = re.compile(rb"&(#[0-9xX]|[A-Za-z]+;)")
_REFERENCES = frozenset(name.encode() for name in html5)
#: More hosts than a site's pages name; then all are forgotten.
_REMEMBERED = 16_384


class Glance:
    """A policy compiled for glances. Remembers the hosts that it saw."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._paths = re.compile(b"|".join(map(re.escape, rules.path_marks())) or rb"(?!)")
        self._hosts: dict[str, bool] = {}

    def passes(self, name: bytes, raw: bytes, text: bytes) -> bool:
        """Whether a tag of this lower-case name, and the text of its script or style, are surely nobody's."""
        if not self.tag(raw):
            return False
        return not text or (self.script(text) if name == b"script" else self.style(text))

    def tag(self, raw: bytes) -> bool:
        """Whether a tag, from ``<`` to ``>``, is surely nobody's."""
        low = raw.decode("latin-1").lower()
        return not _odd(low) and self._strangers(_HOST.findall(low)) and not self._paths.search(raw)

    def script(self, text: bytes) -> bool:
        """Whether a script's text is surely nobody's, in HTML and in svg, where character references count."""
        if not self._script(text):
            return False
        for name in _REFERENCE.findall(text):
            if name in _REFERENCES or name.startswith(b"#"):
                return self._script(html.unescape(text.decode("utf-8", "replace")).encode("utf-8", "replace"))
        return True

    def style(self, text: bytes) -> bool:
        """Whether a style's text is surely nobody's."""
        return b"&" not in text and self._text(text)

    def _script(self, text: bytes) -> bool:
        return not self._rules.snippets_in(text) and self._text(text)

    def _text(self, text: bytes) -> bool:
        """Whether no address in a script or style can be anybody's."""
        low = text.lower()
        hosts: list[bytes] = _TEXT_HOST.findall(low)
        if b"\\" in low:
            if _ESCAPED_SLASH.search(low) or _ESCAPED_HOST.search(low) or _ESCAPED_HOST_MIXED.search(low):
                return False
            hosts += _TEXT_HOST_MIXED.findall(low)
            hosts += _TEXT_HOST_LEANING.findall(low)
        return (
            self._strangers([host.decode("latin-1") for host in hosts])
            and not _TEXT_HTTP.search(low)
            and not _TEXT_WS.search(low)
            and not self._paths.search(text)
            and not (b"%" in low and _TEXT_NEEDLESS.search(low))
            and b"/../" not in low
            and b"/./" not in low
        )

    def _strangers(self, hosts: Iterable[str]) -> bool:
        """Whether all of these hosts are known to be nobody's."""
        known = self._hosts
        for host in hosts:
            strange = known.get(host)
            if strange is None:
                if len(known) >= _REMEMBERED:
                    known.clear()
                strange = known[host] = self._is_strange(host)
            if not strange:
                return False
        return True

    def _is_strange(self, host: str) -> bool:
        if not host or _SPELT.search(host):
            return False
        return not self._rules.knows_host(host.partition(":")[0].lower().rstrip("."))


def _odd(low: str) -> bool:
    """Whether a tag, in lower case, has anything in it but words and plainly spelt addresses."""
    return (
        "\\" in low
        or "srcdoc" in low
        or "data-purpose" in low
        or "data-consent" in low
        or _HANDLER.search(low) is not None
        or (low.count(":") != low.count("://") and _BARE_SCHEME.search(low) is not None)
        or ("&" in low and _RARE_REFERENCE.search(low) is not None)
        or ("%" in low and _NEEDLESS.search(low) is not None)
        or ("/." in low and _DOTS.search(low) is not None)
        or ("@" in low and _USERINFO.search(low) is not None)
        or (
            ("\n" in low or "\t" in low or "\r" in low)
            and (_BROKEN_SLASHES.search(low) is not None or _BROKEN_HOST.search(low) is not None)
        )
    )
