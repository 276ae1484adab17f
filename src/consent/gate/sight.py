"""What of a piece of a page a walk may leave out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TypeAlias

from . import native
from .tokens import TAG_CAP, Place, Tag, comment_end, element, harmless_end, plain_end

__all__ = ["Cleared", "FastSight", "Sight", "any_in", "sight_of"]

#: Whether the text of a script or style, whose name this is, from one offset to another, is nobody's.
Cleared: TypeAlias = Callable[[bytes, int, int], bool]


class Sight:
    """A piece of a page, looked over.

    :param suspects: offsets, in order, one of them just behind something in each simply written tag that may be
        somebody's. They may stand anywhere else, too.
    :param cleared: asked about texts; without it, each script and style is for somebody else to look at.
    """

    def __init__(self, data: bytes, suspects: list[int], cleared: Cleared | None = None) -> None:
        self._data = data
        self._suspects = suspects
        self._cleared = cleared
        #: Whether a closer look at what it does not clear would tell nothing new.
        self.is_whole = cleared is not None

    def plain_end(self, at: int, *, place: Place) -> int:
        """Where the run ends of what may be left out, and leaves what follows as it is."""
        at = self._run_end(at, place=place)
        while place != "within" and self._cleared is not None:
            after = self._element_end(at, place=place)
            if after is None:
                break
            at = self._run_end(after, place=place)
        return at

    def clears(self, at: int, tag: Tag) -> bool:
        """Whether a tag that begins at ``at`` may be left out, too."""
        return tag.simple and not any_in(self._suspects, at, tag.end)

    def clears_text(self, name: bytes, start: int, end: int, *, references: bool) -> bool:
        """Whether the text of a script or style may be. ``references``: whether character references count in it."""
        if self._cleared is None or (
            references and (self._data.find(b"&", start, end) >= 0 or self._data.find(b"<", start, end) >= 0)
        ):
            return start == end
        return self._cleared(name, start, end)

    def _run_end(self, at: int, *, place: Place) -> int:
        """Where the run ends of text and simply written tags that may be left out."""
        for number in range(bisect_right(self._suspects, at), len(self._suspects)):
            limit = self._suspects[number] - 1
            at = plain_end(self._data, at, limit, place=place)
            if at < limit:
                return at
        return plain_end(self._data, at, place=place)

    def _element_end(self, opening: int, *, place: Place) -> int | None:
        """Where a comment ends, or a script or style that may be left out; in the body, any such element or tag."""
        if self._data.startswith(b"<!--", opening):
            return comment_end(self._data, opening)
        found = element(self._data, opening)
        if found is None:
            return harmless_end(self._data, opening) if place == "body" else None
        name = found.lastgroup
        if name not in {"script", "style"}:
            return found.end() if place == "body" and not any_in(self._suspects, opening, found.end()) else None
        start, end = found.span(name)
        cleared = not any_in(self._suspects, opening, start)
        return found.end() if cleared and self.clears_text(name.encode(), start, end, references=False) else None


class FastSight(Sight):
    """The same, most of it compiled.

    :param scripts: offsets, in order, one of them in, or a byte behind, each script that is not cleared; None if each
        one is to be asked about.
    :param styles: the same of styles, but for what hides in them.
    """

    def __init__(
        self,
        data: bytes,
        suspects: list[int],
        cleared: Cleared,
        scripts: list[int] | None,
        styles: list[int] | None,
    ) -> None:
        super().__init__(data, suspects, cleared)
        self._marks = suspects, scripts, styles
        #: How elements begin, as far as this tells them apart, that are for Python to pass over.
        self._asked = {b"<style"} if scripts is not None else {b"<style", b"<scrip"}

    def plain_end(self, at: int, *, place: Place) -> int:
        if place == "within":
            return self._run_end(at, place=place)
        after: int | None = at
        while after is not None:
            at = native.fast.plain_end(self._data, after, place == "head", *self._marks)
            after = self._element_end(at, place=place)
        return at

    def _element_end(self, opening: int, *, place: Place) -> int | None:
        if self._data[opening : opening + 6].lower() in self._asked:
            return super()._element_end(opening, place=place)
        return harmless_end(self._data, opening) if place == "body" else None


def sight_of(
    data: bytes,
    suspects: list[int],
    cleared: Cleared,
    scripts: list[int] | None = None,
    styles: list[int] | None = None,
) -> Sight:
    """The quickest way to see what was found, which the parameters of :class:`FastSight` say."""
    if len(data) > TAG_CAP:
        return Sight(data, suspects)  # what is longer than the caps must be seen by the walk
    if native.fast is not None:
        return FastSight(data, suspects, cleared, scripts, styles)
    return Sight(data, suspects, cleared)


def any_in(offsets: Sequence[int], start: int, end: int) -> bool:
    """Whether one of these stands behind a byte from ``start`` to ``end``."""
    number = bisect_right(offsets, start)
    return number < len(offsets) and offsets[number] <= end
