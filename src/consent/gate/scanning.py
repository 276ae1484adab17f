"""A look with all expressions at once, by hyperscan."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .match import Clues, Rules, edges
from .odd import (
    BACK,
    BETWEEN_ADDRESSES,
    BETWEEN_STRINGS,
    END,
    IMPORT,
    NEEDLESS_ESCAPE,
    ODD,
    RUNNING,
    SCRIPT_SCHEME,
    is_escaped,
    is_hiding,
    unescaped,
)
from .sight import Sight, any_in, sight_of

__all__ = ["Scanning"]

#: In a tag, what may be a host that is spelt otherwise than it is looked up; up to the first such character, as each
#: that is found costs time.
_SPELT_HOSTS = (
    rb"//[^/?#\t\n\f\r >\\%\x00-\x1f\x80-\xff]*[%\x00-\x08\x0b\x0e-\x1f\x80-\xff]",
    rb"//[^/?#\t\n\f\r >\\]*&",
    rb"//[^/?#]*@",
)
#: The same in a script or style, where slashes may lean either way.
_SPELT_IN_TEXT = (
    *(
        start + rb"[^" + END + rb"@%\x00-\x1f\x80-\xff]*[@%\x00-\x08\x0e-\x1f\x80-\xff]"
        for start in (
            rb"//",
            rb"\\u002f\\u002f",
            rb"\\x2f\\x2f",
            rb"(?:\\[\\/]|/\\)",
            rb"ttp:",
            rb"ttp:[\\/]",
            rb"ttps:",
            rb"ttps:[\\/]",
            rb"wss?:[\\/]?",
        )
    ),
    rb"//[^/?#\s<>\\@\"'`,;()]*[,;()][^/?#\s<>\\@\"'`]*[@%\x80-\xff]",
)
#: The same marks as NUL.
_BETWEEN_ADDRESSES = BETWEEN_ADDRESSES.replace(b" ", b"\0")
#: The beginning of a host, whatever characters it has, with slashes in front as scripts and JSON have them; and bytes
#: of which none has more.
_HOST_BEGUN = re.compile(rb"(?:\\?/){2}[^\s/?#<>\\]*\Z")
_LONGEST_HOST = 300
_NO_NAME = rb"[^A-Za-z0-9_$]"
_KINDS = _TAG, _PATH, _RUN, _UNDECLARED, _DECLARED, _TEXT, _SCRIPT = range(7)


class Scanning:
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

        def cleared(name: bytes, start: int, end: int) -> bool:
            if name == b"script":
                return not any_in(scripts, start, end + 1)  # what shows that a name ends there is behind the text
            return not any_in(styles, start, end) and not is_hiding(data[start:end])

        return sight_of(data, suspects, cleared, scripts, styles)

    def clears_tag(self, raw: bytes) -> bool:
        found = self._found(raw)
        if found[_TAG] or found[_PATH] or found[_UNDECLARED] or found[_DECLARED]:
            return False
        if not found[_RUN]:
            return True
        if self._declared(found) or found[_SCRIPT] or is_escaped(raw):
            return False
        return b"&" not in raw or self._clears_referring([raw])

    def clears_text(self, name: bytes, text: bytes) -> bool:
        found = self._found(b" %b " % text)
        if self._declared(found):
            return False
        if name == b"script":
            return not found[_SCRIPT]
        return not (found[_PATH] or found[_UNDECLARED] or is_hiding(text))

    def clues(self, script: bytes) -> Clues:
        text = b" %b " % script
        found: list[tuple[int, int]] = []
        self._scan(text, self._told, found)
        snippets = [text[end - self._sizes[number] : end] for number, end in found if self._sizes[number]]
        ends = sorted(end for number, end in found if self._kinds[number] in self._addressing)
        around = _around(text, ends, _BETWEEN_ADDRESSES) if ends else ()
        return Clues(b"\n".join(snippets), b"\n".join([text[_begun(text, start) : end] for start, end in around]))

    def style_clues(self, style: bytes) -> bytes:
        if is_hiding(style):
            return style
        found = self._found(style)
        ends = sorted([*found[_PATH], *found[_UNDECLARED], *found[_DECLARED], *found[_TEXT]])
        # An address may stand in quotes, and have in it what ends most.
        addresses = [b"url(%b)" % style[start:end] for start, end in _around(style, ends, _BETWEEN_ADDRESSES)]
        strings = [b'"%b"' % style[start:end] for start, end in _around(style, ends, BETWEEN_STRINGS)]
        return b"\n".join(addresses + strings)

    def _may_run(self, data: bytes, handlers: Sequence[int], scripts: Sequence[int]) -> list[int]:
        """Where tags end in which scripts may be somebody's.

        ``handlers``: where these begin, in order. ``scripts``: where something is that scripts have.
        """
        found: list[int] = []
        referring: list[tuple[int, int]] = []
        end = -1
        for at in handlers:
            if at <= end:
                continue
            end = _next(data, b">", at)
            # What shows that a name ends there may be the end of the tag.
            if any_in(scripts, at, end + 1) or (
                data.find(b"%", at, end) >= 0 and is_escaped(data[max(0, at - len(SCRIPT_SCHEME)) : end])
            ):
                found.append(end)
            elif data.find(b"&", at, end) >= 0:
                referring.append((at, end))
        # Mostly none of them is anybody's, which one look at all tells.
        if not referring or self._clears_referring([data[at:end] for at, end in referring]):
            return found
        return found + [end for at, end in referring if not self._clears_referring([data[at:end]])]

    def _clears_referring(self, scripts: Iterable[bytes]) -> bool:
        """Whether scripts in attributes are nobody's, with the character references in them undone."""
        return self.clears_text(b"script", unescaped(b"\n".join(scripts)))

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
    for odd in ODD:
        kind = _RUN if odd in RUNNING else _PATH if odd in {NEEDLESS_ESCAPE, BACK} else _TAG
        for expression in odd.scanned:
            yield kind, expression, False
    for tag in _SPELT_HOSTS:
        yield _TAG, tag, False
    for text in _SPELT_IN_TEXT:
        yield _TEXT, text, False
    for script in (expression for odd in IMPORT for expression in odd.scanned):
        yield _SCRIPT, script, False
    # A host follows slashes or a scheme, or a point if it is below another.
    for host, declared in rules.hosts():
        mark, name = (rb"\.", host[1:]) if host.startswith(".") else (rb"[/\\:]", host)
        expression = re.escape(name).encode()
        if declared:  # these count in scripts, too, with escapes of what parts them
            mark, expression = _as_written(mark), _as_written(expression)
        yield _DECLARED if declared else _UNDECLARED, mark + expression, False
    for declared in (False, True):
        for path in rules.path_marks(declared=declared):
            expression = re.escape(path).replace(b"/", rb"\\?/")
            yield (_DECLARED, _as_written(expression), True) if declared else (_UNDECLARED, expression, True)


def _as_written(expression: bytes) -> bytes:
    """An expression that finds what it did, and the same with escapes in it (:data:`~consent.gate.imports.PARTING`)."""
    return _PARTED.sub(lambda found: b"(?:%b|%b)" % (found.group(), _ESCAPES[found.group()]), expression)


#: What parts an address, in an expression, and what finds its escape.
_ESCAPES = {
    rb"[/\\:]": rb"\\(?:u00|x)(?:2f|3a)",
    rb"\\?/": rb"\\(?:u00|x)2[fF]",
    rb"\.": rb"\\(?:u00|x)2[eE]",
    rb"\-": rb"\\(?:u00|x)2[dD]",
}
_PARTED = re.compile(b"|".join(map(re.escape, _ESCAPES)))


def _snippet(snippet: str) -> tuple[bytes, int]:
    """What finds a snippet with what shows that no name goes on there, and the length of both."""
    before, after = edges(snippet)
    expression = b"%b%b%b" % (_NO_NAME * before, re.escape(snippet).encode(), _NO_NAME * after)
    return expression, before + len(snippet.encode()) + after


def _around(text: bytes, ends: Iterable[int], marks: bytes) -> Iterator[tuple[int, int]]:
    """From where to where something between marks goes in which one of these ends.

    ``ends``: in order. ``marks``: a table that makes NUL of each.
    """
    marked = text.translate(marks)
    after = 0
    for end in ends:
        if end > after:
            after = _next(marked, b"\0", end)
            yield marked.rfind(b"\0", 0, end - 1) + 1, after


def _begun(text: bytes, at: int) -> int:
    """Where a host begins that is cut at this offset, whatever characters it has; the offset, if none is."""
    found = _HOST_BEGUN.search(text, max(0, at - _LONGEST_HOST), at)
    return at if found is None else found.start()


def _next(data: bytes, mark: bytes, at: int) -> int:
    """Where the next mark is, or the end."""
    found = data.find(mark, at)
    return len(data) if found < 0 else found
