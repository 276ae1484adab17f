"""Looks bytes over for whatever could make a tag, a script or a style somebody's.

Nothing is read here, only searched for: known hosts, paths and snippets, and every odd spelling that could hide one.
What is found may stand anywhere; :class:`~consent.gate.sight.Sight` says where that matters. It may be too much, never
too little.

With ``hyperscan`` (extra ``speed``), all is found in one pass, and so is every tag that is not simply written. Without
it, the standard library's expressions search one after the other.
"""

from __future__ import annotations

import html
import importlib
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from html.entities import html5
from itertools import accumulate
from typing import Any, NamedTuple, Protocol

from ..policy.policy import Policy
from . import native
from .address import NEEDLESS
from .match import Rules, edges
from .sight import FastSight, Sight, WholeSight, any_in
from .tokens import TAG_CAP

__all__ = ["FOLLOWED", "Clues", "Look", "look_of", "sound_hyperscan", "unescaped"]


class Clues(NamedTuple):
    """The parts of a script that may tell whom it serves, with something that belongs to no name between them.

    ``snippets``: where there may be one. ``addresses``: where there may be an address of a declared service.
    """

    snippets: bytes
    addresses: bytes


class Look(Protocol):
    """How bytes are looked over."""

    def over(self, data: bytes) -> Sight:
        """Look over a piece of a page."""
        ...

    def clears_tag(self, raw: bytes) -> bool:
        """Whether a tag is nobody's, but for what tabs, line breaks and backslashes hide."""
        ...

    def clears_text(self, name: bytes, text: bytes) -> bool:
        """Whether the text of a script, or of a style, is nobody's."""
        ...

    def clues(self, script: bytes) -> Clues:
        """What of a script may tell whom it serves."""
        ...


def look_of(policy: Policy, own: tuple[bytes, ...] = ()) -> Look:
    """How to look for what this policy knows; the same one each time, with what it remembers.

    Compiling it takes some tenths of a second where hyperscan is used. ``own``: :meth:`Rules.own_marks` of the site.
    """
    return _look_of(policy, own, sound_hyperscan(), native.fast)


@lru_cache(maxsize=16)
def _look_of(policy: Policy, own: tuple[bytes, ...], hyperscan: Any, fast: Any) -> Look:  # noqa: ARG001  (by both)
    rules = Rules(policy)
    # A strict policy knows every host. And under whatever name a visitor asks for the site, nothing is compiled for it.
    if hyperscan is None or policy.strict or own:
        return _Searching(rules, own)
    try:
        return _Scanning(rules, hyperscan)
    except hyperscan.HyperscanError:
        return _Searching(rules, own)  # a pattern of the site's own is too much for it


def unescaped(text: bytes) -> bytes:
    """A text with character references undone."""
    return html.unescape(text.decode("utf-8", "replace")).encode("utf-8", "replace")


@cache
def sound_hyperscan() -> Any:
    """The library, if it is there and sound."""
    try:
        library = importlib.import_module("hyperscan")
    except ImportError:
        return None
    # One in which some expressions hide others' matches (Vectorscan 5.4.12: its issue 358) would let through what is to
    # be held. And one may be there that this processor cannot run.
    found: list[int] = []
    try:
        database = library.Database()
        database.compile(expressions=[rb"^.+\.py$", rb"^.+\.c$"], ids=[0, 1], elements=2, flags=[0, 0])
        database.scan(
            b"a" * 16 + b".c",
            match_event_handler=lambda number, *_: found.append(number),
            scratch=library.Scratch(database),
        )
    except library.HyperscanError:
        return None
    return library if found == [1] else None


class Odd(NamedTuple):
    """What may be odd in a simply written tag, in two spellings.

    ``searched`` is for lower-case bytes and begins with text that is searched for fast. ``scanned`` finds at least the
    same, in either case, without looking around; of these, two that are narrow are found faster than a wide one.
    """

    searched: re.Pattern[bytes]
    scanned: tuple[bytes, ...]


def _telling_references() -> Odd:
    """Character references that may stand for a part of an address that a browser acts on, but for a host's."""
    harmless = set("&\"'<> ")
    names = {name.lower() for name, text in html5.items() if min(text) < "\x7f" and not harmless.issuperset(text)}
    named = "|".join(sorted(names)).encode()
    hexadecimal = rb"#x0*(?!2[0267]|3[ce])[0-7]?[0-9a-f](?![0-9a-f])"
    decimal = rb"#0*(?!3[2489]|6[02])(?:[0-9]{1,2}|1[01][0-9]|12[0-7])(?![0-9])"
    return Odd(
        re.compile(b"&(?:%b|%b|%b)" % (hexadecimal, decimal, named)),
        (rb"&(?:#x0*[0-7]?[0-9a-f][^0-9a-f]|#0*(?:[0-9]{1,2}|1[01][0-9]|12[0-7])[^0-9]|%b)" % named,),
    )


_HANDLER = Odd(
    re.compile(rb"on(?<=[\t\n\f\r /\"']on)[a-z]+[\t\n\f\r ]*="),
    (rb"[\t\n\f\r ]on[a-z]+[\t\n\f\r ]*=", rb"[\"'/]on[a-z]+[\t\n\f\r ]*="),
)
_SCHEME = b"javascript:"
#: An address that runs when it is followed, but for those that do nothing.
FOLLOWED = Odd(
    re.compile(
        rb"javascript:(?!(?<=\"javascript:)(?:void\(0\))?;?\"|(?<='javascript:)(?:void\(0\))?;?')",
    ),
    (rb"javascript:",),
)
_NEEDLESS = Odd(re.compile(NEEDLESS.encode()), (NEEDLESS.encode(),))
#: A way back from within a path.
_BACK = Odd(
    re.compile(rb"/(?<![\"'=\t\n\f\r /(]\.\./)(?<![\"'=\t\n\f\r /(]\./)\.\.?\\?/"),
    (rb"(?:[^.]|[^\"'=\t\n\f\r /(.]\.\.?|\.\.\.)/\.\.?\\?/",),
)
#: All that may be odd in a tag, each match inside it.
_ODD = (
    _HANDLER,
    Odd(re.compile(rb"data-(?:purpose|consent)"), (rb"data-(?:purpose|consent)",)),
    FOLLOWED,
    Odd(  # a scheme without slashes, but for images
        re.compile(rb":(?<=[psa]:)(?!//)(?<=(?:ttp|tps|ftp|wss|[^a-z]ws|ata):)(?<!-data:)(?!(?<=ata:)image/[^s])"),
        (
            rb"(?:ttps?|ftp|wss|[^a-z]ws):(?:[^/\\]|/[^/\\])",
            rb"[^-]data:(?:[^i]|i[^m]|im[^a]|ima[^g]|imag[^e]|image[^/]|image/s)",
        ),
    ),
    _telling_references(),
    _NEEDLESS,
    _BACK,
)
#: Those that are scripts.
_RUNNING = (_HANDLER, FOLLOWED)
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
        hosts = (part.partition(":")[0].rstrip(".") for part in _BETWEEN.split(text))
        return any(host and self._rules.knows_host(host, declared=self._is_declared) for host in hosts)

    def marked(self, text: bytes) -> bool:
        """Whether one of the marks is in a text. Scripts may have a backslash in front of a slash."""
        text = text.replace(b"\\/", b"/")
        return any(mark in text for mark in self.marks)


# Within scripts and styles, as :func:`~consent.gate.address.addresses_in` finds addresses: slashes may lean either way,
# and be left out after a scheme.
_END = rb"/?#\"'\s<>\\(),;`"
_TEXT_HOST = re.compile(rb"//(?<![\\/]//)[\\/]*+([^" + _END + rb"]+)")
_TEXT_HOST_MIXED = re.compile(rb"/\\(?<![\\/]/\\)[\\/]*+([^" + _END + rb"]+)")
_TEXT_HOST_LEANING = re.compile(rb"\\(?<![\\/]\\)[\\/]++([^" + _END + rb"]+)")
_TEXT_HOST_BARE = (
    re.compile(rb"https?:[\\/]?([^" + _END + rb"]+)"),
    re.compile(rb"wss?:[\\/]?([^" + _END + rb"]+)"),
)
#: CSS escapes of what begins an address: a scheme, a colon, slashes. And of line ends and tabs, which may stand
#: anywhere in one and count for nothing (URL Standard, 4.4). Each begins with text that is searched for fast.
_ESCAPES = (
    re.compile(rb"\\(?:[\r\n\fhtpsw]|0{0,4}(?:2f|3a|5c)|0{0,4}(?:[46]8|[57][0347])[^0-9a-f])"),
    re.compile(rb"\\(?<=[\\/htpsw]\\)0{0,5}[9ad][^0-9a-f]"),
    re.compile(rb"ttps?\\:"),
    re.compile(rb"wss?\\:"),
)
#: Tabs in what begins an address.
_TABS = (
    re.compile(rb"/\t+[\\/]"),
    re.compile(rb"\\\t+[\\/]"),
    re.compile(rb"h(?=[tps]*\t)\t*t\t*t\t*p\t*s?\t*:"),
    re.compile(rb"w(?=s*\t)\t*s\t*s?\t*:"),
)
#: How an address begins without these, that may have others; a relative one, too.
_STARTS = (
    re.compile(rb"/[\\/]"),
    re.compile(rb"\\\\"),
    re.compile(rb"ttps?:"),
    re.compile(rb"wss?:"),
    re.compile(rb"url\(\s*[\"']?\s*"),
    re.compile(rb"@import\s*[\"']\s*"),
    re.compile(rb"image-set\(\s*[\"']\s*"),
)
#: Bytes of which these and those above have no more, but for spaces and quotes at their end.
_LONGEST_START = len(b"image-set(")
_AROUND_STARTS = b" \t\n\r\f\v\"'"
_ADDRESS = re.compile(rb"[^\s\"'`()<>,;]*")
#: What names the addresses that a script loads by itself.
_IMPORT = rb"(?:import|from)[\s(\x1c-\x1f\x80-\xff]*"
_IMPORTING = re.compile(_IMPORT + rb"(?:[\"'`]|/[*/])")
#: Escapes in a script's strings that may stand for a part of an address.
_SCRIPT_ESCAPE = re.compile(rb"\\[ux\n]")
#: A tag with values, or with a mark without one.
_TELLING_TAG = re.compile(rb"<[a-zA-Z][^<>=-]*[=-][^<>]*>")


class _Searching:
    """Looks with the standard library's expressions, one after the other."""

    def __init__(self, rules: Rules, own: tuple[bytes, ...]) -> None:
        self._rules = rules
        self._all = _Known(rules, own, declared=False)
        self._declared = _Known(rules, declared=True)

    def over(self, data: bytes) -> Sight:
        # Whatever is in a simply written tag is in one of these, all of which are looked over together.
        tags: list[bytes] = _TELLING_TAG.findall(data)
        found = sorted(set(self._in_tags(b"".join(tags))))
        suspects: list[int] = []
        ends = list(accumulate(map(len, tags)))
        after = number = 0
        for at in found:
            if number and at < ends[number - 1]:
                continue
            number = bisect_right(ends, at)
            # The same tag was there before only if it was suspicious, too, and then it was passed already.
            after = data.index(tags[number], after) + len(tags[number])
            suspects.append(after)
            number += 1
        return Sight(data, suspects)

    def _in_tags(self, tags: bytes) -> Iterator[int]:
        """Where in these tags what may be somebody's begins."""
        low = tags.lower()
        for odd in _ODD:
            for each in odd.searched.finditer(low):
                yield each.start()
        known = self._all.of(_HOST.findall(low))
        for each in _HOST.finditer(low) if known else ():
            if each.group(1) in known:
                yield each.start()
        for mark in self._all.marks:
            at = tags.find(mark)
            while at >= 0:
                yield at
                at = tags.find(mark, at + 1)

    def clears_tag(self, raw: bytes) -> bool:
        if b"=" not in raw and b"-" not in raw:
            return True
        low = raw.lower()
        if any(odd.searched.search(low) for odd in _ODD if odd not in _RUNNING):
            return False
        if self._all.of(_HOST.findall(low)) or self._all.marked(raw):
            return False
        if not any(odd.searched.search(low) for odd in _RUNNING):
            return True
        return not _is_escaped(raw) and all(self.clears_text(b"script", each) for each in (raw, unescaped(raw)))

    def clears_text(self, name: bytes, text: bytes) -> bool:
        low = text.lower()
        if name != b"script":
            return not _is_hiding(text) and self._clears(text, low, self._all, relative=True)
        # Without an import, a script loads what it puts together: only the addresses of declared services count.
        importing = (b"import" in text or b"export" in text) and _IMPORTING.search(text) is not None
        if importing and _SCRIPT_ESCAPE.search(text):
            return False
        known = self._all if importing else self._declared
        return self._clears(text, low, known) and not self._rules.snippets_in(text)

    def clues(self, script: bytes) -> Clues:
        return Clues(script, b"" if self._clears(script, script.lower(), self._declared) else script)

    @staticmethod
    def _clears(text: bytes, low: bytes, known: _Known, *, relative: bool = False) -> bool:
        """Whether no address is theirs. ``relative``: whether one without a host counts."""
        hosts: list[bytes] = _TEXT_HOST.findall(low)
        if b"\\" in low:
            hosts += _TEXT_HOST_MIXED.findall(low)
            hosts += _TEXT_HOST_LEANING.findall(low)
        for bare in _TEXT_HOST_BARE:
            hosts += bare.findall(low)
        if not hosts and not relative:
            return True
        if known.of(hosts):
            return False
        return not known.marks or not (
            known.marked(text) or (b"%" in low and _NEEDLESS.searched.search(low)) or _BACK.searched.search(low)
        )


def _is_escaped(tag: bytes) -> bool:
    """Whether an address that runs when it is followed may have escapes in it."""
    return b"%" in tag and _SCHEME in tag.lower()


def _is_hiding(style: bytes) -> bool:
    """Whether css escapes, tabs, or a style within may hide an address."""
    low = style.lower()
    if b"text/css" in low:
        return True
    odd = [at for each in (b"\\", b"\t") for at in (low.find(each), low.rfind(each)) if at >= 0]
    if not odd:
        return False
    first, last = max(0, min(odd) - _LONGEST_START), max(odd) + 1
    if any(each.search(low, first) for each in (*_ESCAPES, *_TABS)):
        return True
    # An address that has one in it, or behind it, begins no further in front than there is nothing between addresses.
    spaced = low.translate(_BETWEEN_ADDRESSES)
    begun = len(low[: spaced.rfind(b" ", 0, min(odd)) + 1].rstrip(_AROUND_STARTS)) - _LONGEST_START
    for start in _STARTS:
        end = 0
        for found in start.finditer(low, max(0, begun), last):
            if found.end() > end:  # else it is within an address that was looked at
                address = _ADDRESS.match(low, found.end())
                end = address.end() if address is not None else len(low)
                if low.find(b"\\", found.end(), end) >= 0 or low.startswith(b"\t", end):
                    return True
    return False


# Tags and such that a walk has to see, but for simple ones: those that are not simply written (13.2.5.6 to 40), those
# after which the state is another, and what is neither a tag nor text.
_NAMED = rb"[^\t\n\f\r />\"'=<]"
_OUTSIDE = rb"[^<>\"'=]*"
_DOUBLE, _SINGLE, _BARE = rb"[^\"<>\\\t\n\r]*", rb"[^'<>\\\t\n\r]*", rb"[^\t\n\f\r \"'<>=`\\]+"
_RAW_AND_OTHERS = b"|".join(
    b"script style svg math select xmp iframe noembed noframes noscript textarea title template plaintext frameset "
    b"col".split()
)
_VALUES = rb"(?:%b%b=(?:\"%b\"|'%b'|%b[\t\n\f\r ]))*" % (_OUTSIDE, _NAMED, _DOUBLE, _SINGLE, _BARE)
_WRONG_PLACE = rb"%b[\"'<]|(?:%b[\t\n\f\r /])?=" % (_OUTSIDE, _OUTSIDE)
_WRONG_VALUE = rb"%b%b=(?:[\t\n\f\r ><=`\\]|\"%b[<>\\\t\n\r]|'%b[<>\\\t\n\r]|%b[\"'<=`\\])" % (
    *(_OUTSIDE, _NAMED),
    *(_DOUBLE, _SINGLE, _BARE),
)
_STOPS = (
    rb"<(?:%b)[\t\n\f\r />]" % _RAW_AND_OTHERS,
    rb"<[!?]",
    rb"</(?:[^a-z]|[a-z]%b*(?:[\"'=</]|[\t\n\f\r ]+[^\t\n\f\r >]))" % _NAMED,
    rb"<[a-z]%b*%b(?:%b|%b)" % (_NAMED, _VALUES, _WRONG_PLACE, _WRONG_VALUE),
)
#: In a tag, what may be a host that is spelt otherwise than it is looked up.
_SPELT_HOSTS = (
    rb"//[^/?#\t\n\f\r >\\]*[%\x00-\x08\x0b\x0e-\x1f\x80-\xff]",
    rb"//[^/?#\t\n\f\r >\\]*&",
    rb"//[^/?#]*@",
)
#: The same in a script or style, where slashes may lean either way.
_SPELT_IN_TEXT = tuple(
    start + rb"[^" + _END + rb"]*[@%\x00-\x08\x0e-\x1f\x80-\xff]"
    for start in (rb"//", rb"(?:\\[\\/]|/\\)", rb"ttps?:[\\/]?", rb"wss?:[\\/]?")
)
_IMPORTS = _IMPORT + rb"(?:[\"'`][^\"'`]*(?:\\|//|https?:|wss?:)|/[*/])"
_NO_NAME = rb"[^A-Za-z0-9_$]"
_MAPS = rb"importmap|speculationrules"
_KINDS = _STOP, _TAG, _PATH, _RUN, _UNDECLARED, _DECLARED, _TEXT, _SCRIPT = range(8)


class _Scanning:
    """Looks with all expressions at once. Safe in threads."""

    def __init__(self, rules: Rules, hyperscan: Any) -> None:
        snippets = dict(map(_snippet, rules.snippets))
        #: What is looked for, by its number.
        self.expressions = expressions = [
            *_expressions(rules),
            *((_SCRIPT, expression, True) for expression in snippets),
        ]
        self._kinds = kinds = [kind for kind, _, _ in expressions]
        #: How long what was found is, if it is a snippet.
        self._sizes = [snippets.get(expression, 0) for _, expression, _ in expressions]
        #: The kinds that may show an address of a declared service in a script; a path, where that is enough.
        self._addressing = (_DECLARED, _TEXT, *((_PATH,) if rules.path_marks(declared=True) else ()))

        def seen(number: int, _start: int, end: int, _flags: int, found: list[list[int]]) -> None:
            found[kinds[number]].append(end)

        def told(number: int, _start: int, end: int, _flags: int, found: list[tuple[int, int]]) -> None:
            found.append((number, end))

        self._seen = seen
        self._told = told
        self._database = hyperscan.Database()
        self._database.compile(
            expressions=[expression for _, expression, _ in expressions],
            ids=list(range(len(expressions))),
            elements=len(expressions),
            flags=[0 if cased else hyperscan.HS_FLAG_CASELESS for _, _, cased in expressions],
        )
        self._scratch = hyperscan.Scratch
        #: Rooms to work in, each for one thread at a time.
        self._free: list[Any] = []

    def over(self, data: bytes) -> Sight:
        found = self._found(data)
        scripts = sorted([*self._declared(found), *found[_SCRIPT]])
        handlers = self._may_run(data, sorted(found[_RUN]), scripts)
        addresses = [*found[_PATH], *found[_UNDECLARED], *found[_DECLARED]]
        suspects = sorted([*found[_TAG], *handlers, *addresses])
        styles = sorted([*addresses, *found[_TEXT]])
        if len(data) > TAG_CAP:
            return Sight(data, suspects)  # what is longer than the caps must be seen by the walk
        if native.fast is not None:
            return FastSight(data, suspects, scripts, styles, is_hiding=_is_hiding)
        return WholeSight(data, suspects, found[_STOP], scripts, styles, is_hiding=_is_hiding)

    def clears_tag(self, raw: bytes) -> bool:
        found = self._found(raw)
        if found[_TAG] or found[_PATH] or found[_UNDECLARED] or found[_DECLARED]:
            return False
        if not found[_RUN]:
            return True
        if self._declared(found) or found[_SCRIPT] or _is_escaped(raw):
            return False
        return b"&" not in raw or self.clears_text(b"script", unescaped(raw))

    def clears_text(self, name: bytes, text: bytes) -> bool:
        found = self._found(b" %b " % text)
        if self._declared(found):
            return False
        if name == b"script":
            return not found[_SCRIPT]
        return not (found[_PATH] or found[_UNDECLARED] or _is_hiding(text))

    def clues(self, script: bytes) -> Clues:
        text = b" %b " % script
        found: list[tuple[int, int]] = []
        self._scan(text, self._told, found)
        snippets = [text[end - self._sizes[number] : end] for number, end in found if self._sizes[number]]
        addresses = sorted(end for number, end in found if self._kinds[number] in self._addressing)
        return Clues(b"\n".join(snippets), b"\n".join(_around(text, addresses)))

    def _may_run(self, data: bytes, handlers: Iterable[int], scripts: Sequence[int]) -> Iterator[int]:
        """Those scripts in attributes that may be somebody's.

        ``handlers``: where each begins, in order. ``scripts``: where something is that scripts have.
        """
        end = -1  # of the tag
        suspicious = False
        for at in handlers:
            if at > end:
                end = _next(data, b">", at)
                # What shows that a name ends there may be the end of the tag.
                suspicious = any_in(scripts, at, end + 1) or _is_escaped(data[max(0, at - len(_SCHEME)) : end])
                if not suspicious and data.find(b"&", at, end) >= 0:
                    suspicious = not self.clears_text(b"script", unescaped(data[at:end]))
            if suspicious:
                yield at

    def _declared(self, found: list[list[int]]) -> list[int]:
        """Where in a script an address of a declared service may be."""
        return [end for kind in self._addressing for end in found[kind]]

    def _found(self, data: bytes) -> list[list[int]]:
        """Where what has each kind ends."""
        found: list[list[int]] = [[] for _ in _KINDS]
        self._scan(data, self._seen, found)
        return found

    def _scan(self, data: bytes, seen: Callable[[int, int, int, int, Any], None], found: Any) -> None:
        try:
            scratch = self._free.pop()
        except IndexError:
            scratch = self._scratch(self._database)
        self._database.scan(data, match_event_handler=seen, context=found, scratch=scratch)
        self._free.append(scratch)


def _expressions(rules: Rules) -> Iterable[tuple[int, bytes, bool]]:
    """What to look for: its kind, an expression, and whether that tells upper case from lower."""
    for stop in _STOPS if native.fast is None else ():
        yield _STOP, stop, False
    for odd in _ODD:
        kind = _RUN if odd in _RUNNING else _PATH if odd in {_NEEDLESS, _BACK} else _TAG
        for expression in odd.scanned:
            yield kind, expression, False
    for tag in (*_SPELT_HOSTS, _MAPS):
        yield _TAG, tag, False
    for text in _SPELT_IN_TEXT:
        yield _TEXT, text, False
    yield _SCRIPT, _IMPORTS, False
    # A host follows slashes or a scheme, or a point if it is below another.
    for host, declared in rules.hosts():
        mark = rb"\." if host.startswith(".") else rb"[/\\:]"
        yield _DECLARED if declared else _UNDECLARED, mark + re.escape(host.removeprefix(".")).encode(), False
    for declared in (False, True):
        for path in rules.path_marks(declared=declared):
            yield _DECLARED if declared else _UNDECLARED, re.escape(path).replace(b"/", rb"\\?/"), True


def _snippet(snippet: str) -> tuple[bytes, int]:
    """What finds a snippet with what shows that no name goes on there, and the length of both."""
    before, after = edges(snippet)
    expression = b"%b%b%b" % (_NO_NAME * before, re.escape(snippet).encode(), _NO_NAME * after)
    return expression, before + len(snippet.encode()) + after


#: Between addresses within other text (:func:`~consent.gate.address.addresses_in`).
_BETWEEN_ADDRESSES = bytes.maketrans(b"\t\n\v\f\r \"'`()<>,;", b" " * 15)


def _around(text: bytes, ends: Iterable[int]) -> Iterator[bytes]:
    """What may be addresses in a text, around what ends there. ``ends``: in order."""
    spaced = text.translate(_BETWEEN_ADDRESSES)
    after = 0
    for end in ends:
        if end > after:
            after = _next(spaced, b" ", end)
            yield text[spaced.rfind(b" ", 0, end - 1) + 1 : after]


def _next(data: bytes, mark: bytes, at: int) -> int:
    """Where the next mark is, or the end."""
    found = data.find(mark, at)
    return len(data) if found < 0 else found
