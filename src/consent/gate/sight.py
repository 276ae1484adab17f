"""What of a piece of a page a walk may leave out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from . import native
from .odd import is_hiding
from .tokens import Place, Tag, comment_end, element, harmless_end, plain_end

__all__ = ["FastSight", "Sight", "WholeSight", "any_in"]


class Sight:
    """A piece of a page, looked over.

    :param suspects: offsets, in order, one of them just behind something in each simply written tag that may be
        somebody's. They may stand anywhere else, too.
    """

    #: Whether a closer look is needed at whatever it does not clear.
    is_whole = False

    def __init__(self, data: bytes, suspects: Sequence[int]) -> None:
        self._data = data
        self._suspects = suspects

    def plain_end(self, at: int, *, place: Place) -> int:
        """Where the run ends of text and tags that may be left out, and that leave what follows as it is."""
        for number in range(bisect_right(self._suspects, at), len(self._suspects)):
            limit = self._suspects[number] - 1
            at = plain_end(self._data, at, limit, place=place)
            if at < limit:
                return at
        return plain_end(self._data, at, place=place)

    def clears(self, at: int, tag: Tag) -> bool:
        """Whether a tag that begins at ``at`` may be left out, too."""
        return tag.simple and not any_in(self._suspects, at, tag.end)

    def clears_text(self, name: bytes, start: int, end: int, *, references: bool) -> bool:  # noqa: ARG002
        """Whether the text of a script or style may be. ``references``: whether character references count in it."""
        return start == end  # a text is looked over by itself


class WholeSight(Sight):
    """The same, with all that may be somebody's in scripts and styles, and with ``stops``: all not simply written."""

    is_whole = True

    def __init__(
        self,
        data: bytes,
        suspects: Sequence[int],
        scripts: Sequence[int],
        styles: Sequence[int],
        stops: Sequence[int] = (),
    ) -> None:
        super().__init__(data, suspects)
        self._marks = sorted([*stops, *suspects]) if stops else suspects
        self._scripts = scripts
        self._styles = styles

    def plain_end(self, at: int, *, place: Place) -> int:
        if place != "body":
            at = super().plain_end(at, place=place)
            while place == "head" and (after := self._element_end(at, place=place)) is not None:
                at = super().plain_end(after, place=place)
            return at
        data, marks = self._data, self._marks
        number = bisect_right(marks, at)
        while number < len(marks):
            end = marks[number] - 1
            opening = data.rfind(b"<", at, end)
            number += 1
            if opening < 0 or data.find(b">", opening, end) >= 0:
                at = max(at, end)  # that was text
                continue
            after = self._element_end(opening, place=place)
            if after is None:
                return opening
            at = after
            number = bisect_right(marks, at, number)
        # The last tag may be one that the data ends in.
        last = data.rfind(b"<", at)
        return last if last >= 0 and data.find(b">", last) < 0 else len(data)

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

    def clears_text(self, name: bytes, start: int, end: int, *, references: bool) -> bool:
        if references and self._data.find(b"&", start, end) >= 0:
            return False
        if name == b"script":
            return not any_in(self._scripts, start, end + 1)  # what shows that a name ends there is behind the text
        return not any_in(self._styles, start, end) and not is_hiding(self._data[start:end])


class FastSight(WholeSight):
    """The same, most of it compiled. It finds by itself what is not simply written."""

    def plain_end(self, at: int, *, place: Place) -> int:
        if place == "within":
            return super().plain_end(at, place=place)
        data = self._data
        while True:
            at = native.fast.plain_end(data, at, place == "head", self._suspects, self._scripts, self._styles)
            if data[at : at + 6].lower() == b"<style":
                after = self._element_end(at, place=place)  # of what may hide in it
            else:
                after = harmless_end(data, at) if place == "body" else None
            if after is None:
                return at
            at = after


def any_in(offsets: Sequence[int], start: int, end: int) -> bool:
    """Whether one of these stands behind a byte from ``start`` to ``end``."""
    number = bisect_right(offsets, start)
    return number < len(offsets) and offsets[number] <= end
