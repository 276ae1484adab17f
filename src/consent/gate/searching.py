"""A look with the standard library's expressions, one after the other."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import accumulate

from .match import Clues, Rules
from .odd import BACK, END, IMPORT, NEEDLESS_ESCAPE, ODD, RUNNING, is_escaped, is_hiding, parted, unescaped
from .sight import Sight, sight_of

__all__ = ["Searching"]

#: What may be a host in lower-case bytes, with what may stand in front of it.
_HOST = re.compile(rb"//+([^/?#\t\n\f\r >\\]*+(?:[^/?#@]*+@)?+)")
#: Characters with which a host is spelt otherwise than it is looked up. Other odd ones make it the name of no host.
_SPELT = re.compile(r"[&%@\x00-\x1f\x80-\U0010ffff]")
#: Between the parts of what may be a host within other text.
_BETWEEN = re.compile(r"[;,()\"'`]")
#: More hosts than a site's pages name; then all are forgotten.
_REMEMBERED = 16_384
#: Bytes; what is longer, which a visitor may have made so long, is not remembered.
_REMEMBERED_SIZE = 1024


class _Known:
    """The hosts and paths of all services, or of the declared ones. Remembers the hosts that it was asked for."""

    def __init__(self, rules: Rules, own: tuple[bytes, ...] = (), *, declared: bool) -> None:
        self._rules = rules
        self._is_declared = declared
        self._hosts: dict[bytes, bool] = {}
        #: Bytes that each path of theirs that is known without a host holds one of.
        self.marks = [*rules.path_marks(declared=declared), *own]

    def of(self, hosts: Iterable[bytes]) -> set[bytes]:
        """Those among these lower-case texts that may be or hold a host of theirs."""
        found = set(hosts)
        for host in found.difference(self._hosts):
            if len(self._hosts) >= _REMEMBERED:
                self._hosts.clear()
            if len(host) <= _REMEMBERED_SIZE:
                self._hosts[host] = self._may_know(host.decode("latin-1"))
        # A longer one, or one that another thread has forgotten meanwhile, may be anybody's.
        return {host for host in found if self._hosts.get(host, True)}

    def _may_know(self, text: str) -> bool:
        if _SPELT.search(text):
            return True
        parts = _BETWEEN.split(text) if _BETWEEN.search(text) else (text,)
        for part in parts:
            host = part.partition(":")[0].rstrip(".")
            if host and self._rules.knows_host(host, declared=self._is_declared):
                return True
        return False

    def marked(self, text: bytes) -> bool:
        """Whether one of the marks is in a text. Scripts may have a backslash in front of a slash."""
        text = text.replace(b"\\/", b"/")
        return any(mark in text for mark in self.marks)


_IN_HOST = re.compile(rb"[,;'()\"`]")
_TEXT_HOST = re.compile(rb"//(?<![\\/]//)[\\/]*+([^" + END + rb"]+)")
_TEXT_HOST_ODD = re.compile(rb"//[^\s/?#\\<>,;'()\"`]*[,;'()\"`]([^\s/?#\\<>]*)")
_TEXT_HOST_MIXED = re.compile(rb"/\\(?<![\\/]/\\)[\\/]*+([^" + END + rb"]+)")
_TEXT_HOST_LEANING = re.compile(rb"\\(?<![\\/]\\)[\\/]++([^" + END + rb"]+)")
_TEXT_HOST_BARE = (
    re.compile(rb"https?:[\\/]?([^" + END + rb"]+)"),
    re.compile(rb"wss?:[\\/]?([^" + END + rb"]+)"),
)
#: A tag with values, or with a mark without one.
_TELLING_TAG = re.compile(rb"<[a-zA-Z][^<>=-]*[=-][^<>]*>")
#: What may be odd in a tag, but for scripts.
_ODD_BUT_SCRIPTS = tuple(odd for odd in ODD if odd not in RUNNING)


class Searching:
    """Looks with the standard library's expressions, one after the other."""

    def __init__(self, rules: Rules, own: tuple[bytes, ...]) -> None:
        self._rules = rules
        self._all = _Known(rules, own, declared=False)
        self._declared = _Known(rules, declared=True)

    def over(self, data: bytes) -> Sight:
        # Whatever is in a simply written tag is in one of these, all of which are looked over together.
        tags: list[bytes] = _TELLING_TAG.findall(data)
        ends = list(accumulate(map(len, tags)))
        suspects: list[int] = []
        after, last = 0, -1
        for number in self._suspicious(tags, ends):
            if number > last:
                # The same tag was there before only if it was suspicious, too, and then it was passed already.
                after = data.index(tags[number], after) + len(tags[number])
                suspects.append(after)
                last = number

        @cache  # a text that is not cleared is asked for again, when it is known how far it goes
        def cleared(name: bytes, start: int, end: int) -> bool:
            return self.clears_text(name, data[start:end])

        return sight_of(data, suspects, cleared)

    def _suspicious(self, tags: Sequence[bytes], ends: Sequence[int]) -> list[int]:
        """The numbers, in order, of those tags that may be somebody's. ``ends``: of each, in all of them together."""
        joined = b"".join(tags)
        low = joined.lower()
        found = [bisect_right(ends, at) for at in (*self._odd_or_known(low), *self._marked_in(joined))]
        running = sorted({bisect_right(ends, each.start()) for odd in RUNNING for each in odd.searched.finditer(low)})
        # Few scripts in attributes are anybody's, and then all of them are told at once.
        if running and not self._clears_running(b"\n".join([tags[number] for number in running])):
            found += [number for number in running if not self._clears_running(tags[number])]
        return sorted(found)

    def _odd_or_known(self, low: bytes) -> Iterator[int]:
        """Where in lower-case tags what may be somebody's begins, but for scripts and for paths on any host."""
        for odd in _ODD_BUT_SCRIPTS:
            for each in odd.searched.finditer(low):
                yield each.start()
        known = self._all.of(_HOST.findall(low))
        for each in _HOST.finditer(low) if known else ():
            if each.group(1) in known:
                yield each.start()

    def _marked_in(self, tags: bytes) -> Iterator[int]:
        for mark in self._all.marks:
            at = tags.find(mark)
            while at >= 0:
                yield at
                at = tags.find(mark, at + 1)

    def clears_tag(self, raw: bytes) -> bool:
        if b"=" not in raw and b"-" not in raw:
            return True
        low = raw.lower()
        if any(odd.searched.search(low) for odd in _ODD_BUT_SCRIPTS):
            return False
        if self._all.of(_HOST.findall(low)) or self._all.marked(raw):
            return False
        return not any(odd.searched.search(low) for odd in RUNNING) or self._clears_running(raw)

    def clears_text(self, name: bytes, text: bytes) -> bool:
        low = text.lower()
        if name != b"script":
            return not is_hiding(text) and self._clears(text, low, self._all, relative=True)
        # Without an import, a script loads what it puts together: only the addresses of declared services count.
        if (b"import" in low or b"export" in low) and any(odd.searched.search(low) for odd in IMPORT):
            return False
        read = parted(text)
        low = low if read is text else read.lower()
        return self._clears(read, low, self._declared) and not self._rules.snippets_in(text)

    def clues(self, script: bytes) -> Clues:
        return Clues(script, b"" if self._clears(script, script.lower(), self._declared) else script)

    def style_clues(self, style: bytes) -> bytes:
        return style

    def _clears_running(self, tags: bytes) -> bool:
        """Whether the scripts in attributes are nobody's."""
        if is_escaped(tags) or not self.clears_text(b"script", tags):
            return False
        return b"&" not in tags or self.clears_text(b"script", unescaped(tags))

    @staticmethod
    def _clears(text: bytes, low: bytes, known: _Known, *, relative: bool = False) -> bool:
        """Whether no address is theirs. ``relative``: whether one without a host counts."""
        hosts: list[bytes] = _TEXT_HOST.findall(low)
        if b"\\" in low:
            hosts += _TEXT_HOST_MIXED.findall(low)
            hosts += _TEXT_HOST_LEANING.findall(low)
        for bare in _TEXT_HOST_BARE:
            hosts += bare.findall(low)
        for odd in _TEXT_HOST_ODD.findall(low.replace(b"\\/", b"/")):
            hosts += [rest for rest in _IN_HOST.split(odd) if b"." in rest]
        if not hosts and not relative:
            return True
        if known.of(hosts):
            return False
        return not known.marks or not (
            known.marked(text) or (b"%" in low and NEEDLESS_ESCAPE.searched.search(low)) or BACK.searched.search(low)
        )
