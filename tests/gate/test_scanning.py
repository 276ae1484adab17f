"""What hyperscan finds with all expressions at once is what each of them finds alone.

Some versions of the library miss what they should find (`Vectorscan's issue 358
<https://github.com/VectorCamp/vectorscan/issues/358>`__), and what is missed is not held.
"""

from __future__ import annotations

import random
import re
import sys
from typing import Any

import pytest

from consent.gate import Rules, look, scanning, searching
from consent.policy.settings import read_settings

POLICY = read_settings(
    {"services": ["google-analytics", "youtube", "meta-pixel"], "privacy_url": "/privacy"},
    keys="a secret for the tests, long enough",
).policy
#: Pieces of what the expressions are about.
PIECES = (
    b'<script src="//', b"<img alt=a ", b"<iframe ", b" onload=", b"href='https://", b"javascript:", b"../", b"/..\\/",
    b'">', b"&#x41;", b"data:text/css,", b"@", b"%41", b"%2e", b"\\/", b"=", b"<style>", b"</p>", b"<a b=c d>", b" ",
    b"import (", b'from"', b"https:", b"wss:", b"importmap", b"data-purpose", b"<!--", b"</script >", b"\n", b"\x80",
    b"?user:", b"<svg ", b"&Tab;", b"//", b"/", b".", b"'", b"<", b"_", b"x", b"-", b":",
)  # fmt: skip


def texts(seed: int, count: int, names: list[bytes]) -> list[bytes]:
    """Texts strung together from such pieces, from names that are looked for, and from runs of one letter."""
    chance = random.Random(seed)

    def piece() -> bytes:
        if chance.random() < 0.15:
            return chance.choice((b"x", b"a", b" ")) * chance.randrange(90)
        return chance.choice(names) if chance.random() < 0.3 else chance.choice(PIECES)

    return [b"".join(piece() for _ in range(chance.randrange(1, 14))) for _ in range(count)]


def missed(seed: int, count: int) -> list[tuple[bytes, bytes]]:
    """What in such texts an expression finds, and the scan of all does not."""
    rules = Rules(POLICY)
    every = scanning.Scanning(rules, look.sound_hyperscan())
    alone = [re.compile(each, 0 if cased else re.IGNORECASE) for _, each, cased in every.expressions]
    names = [host.encode() for host, _ in rules.hosts()] + [snippet.encode() for snippet in rules.snippets]
    wrong: list[tuple[bytes, bytes]] = []
    for text in texts(seed, count, [*names, *rules.path_marks()]):
        found: list[tuple[int, int]] = []
        every._scan(text, every._told, found)
        numbers = {number for number, _ in found}
        wrong += [(alone[at].pattern, text) for at in range(len(alone)) if at not in numbers and alone[at].search(text)]
    return wrong


def test_all_expressions_at_once_find_what_each_finds_alone() -> None:
    assert not missed(1, 600)


def test_what_stands_in_front_hides_nothing() -> None:
    # With the library of hyperscan 0.9.1, this was missed for every number of letters from 13 to 79.
    scan = scanning.Scanning(Rules(POLICY), look.sound_hyperscan())
    for number in range(90):
        assert scan._found(b"%43" + b"x" * number + b"/..\\/%65vil.com")[scanning._TEXT], number


class Missing:
    """A library that compiles everything and finds nothing."""

    HyperscanError = OSError
    HS_FLAG_CASELESS = 1
    Scratch = staticmethod(lambda database: database)

    class Database:
        def compile(self, **_: Any) -> None: ...
        def scan(self, _data: bytes, **_: Any) -> None: ...


class Failing(Missing):
    """A library that this processor cannot run."""

    class Database(Missing.Database):
        def compile(self, **_: Any) -> None:
            raise Failing.HyperscanError("error code -17")


@pytest.mark.parametrize("library", [Missing, Failing])
def test_a_library_that_misses_matches_or_fails_is_not_used(library: type, monkeypatch: pytest.MonkeyPatch) -> None:
    assert look.sound_hyperscan() is not None
    monkeypatch.setitem(sys.modules, "hyperscan", library)
    look.sound_hyperscan.cache_clear()
    try:
        assert look.sound_hyperscan() is None
        assert isinstance(look.look_of(POLICY), searching.Searching)
    finally:
        monkeypatch.undo()
        look.sound_hyperscan.cache_clear()


if __name__ == "__main__":
    print(missed(int(sys.argv[1]), int(sys.argv[2])))
