"""The tree is that of the RFC: against a slow and obvious one, published vectors, and every way to bend a proof."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.log.record import leaf_hash
from consent.log.tree import (
    EMPTY_ROOT,
    Frontier,
    Place,
    check_consistency,
    check_inclusion,
    prove_consistency,
    prove_inclusion,
)

MOST = 40
LEAVES = [leaf_hash(str(number).encode()) for number in range(600)]


# The definitions of RFC 9162, 2.1, written as they stand there: slow and obvious.


def left(size: int) -> int:
    k = 1
    while k * 2 < size:
        k *= 2
    return k


def mth(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = left(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = left(len(leaves))
    return [*path(m, leaves[:k]), mth(leaves[k:])] if m < k else [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: Sequence[bytes], known: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if known else [mth(leaves)]
    k = left(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], known), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def read(places: Sequence[Place]) -> list[bytes]:
    return [mth(LEAVES[index << level : (index + 1) << level]) for level, index in places]


ROOTS = [mth(LEAVES[:size]) for size in range(MOST + 1)]


def test_the_root_of_a_growing_tree_is_that_of_the_definition() -> None:
    for step in (1, 3, 7):
        frontier = Frontier()
        for size in range(0, MOST + 1, step):
            assert (frontier.size, frontier.root()) == (size, ROOTS[size])
            frontier.extend(LEAVES[size : size + step])


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert Frontier().root() == EMPTY_ROOT == sha256(b"").digest()


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_frontier_goes_on_from_what_was_kept_of_it(first: int, second: int) -> None:
    started = Frontier()
    started.extend(LEAVES[:first])
    again = Frontier(first, started.joined())
    again.extend(LEAVES[first : first + second])
    assert (again.size, again.root()) == (first + second, mth(LEAVES[: first + second]))


@pytest.mark.parametrize(("size", "length"), [(1, 0), (0, 32), (3, 32), (3, 63), (3, 96), (-1, 32)])
def test_a_frontier_of_another_size_is_refused(size: int, length: int) -> None:
    with pytest.raises(ValueError, match="no frontier"):
        Frontier(size, bytes(length))


def test_the_trees_of_whole_tiles_are_given_as_they_are_completed() -> None:
    frontier = Frontier()
    assert frontier.extend(LEAVES[:255]) == []
    assert frontier.extend(LEAVES[255:600]) == [((8, 0), mth(LEAVES[:256])), ((8, 1), mth(LEAVES[256:512]))]
    tall = Frontier()
    whole = tall.extend([LEAVES[0]] * 65_536)
    assert [place for place, _ in whole] == [*((8, n) for n in range(256)), (16, 0)]
    assert whole[-1][1] == tall.root()


# Proofs


def test_every_inclusion_proof_is_that_of_the_definition_and_checks() -> None:
    for size in range(1, MOST + 1):
        for index in range(size):
            proof = prove_inclusion(index, size, read)
            assert proof == path(index, LEAVES[:size])
            assert check_inclusion(index, size, LEAVES[index], proof, ROOTS[size])


def test_every_consistency_proof_is_that_of_the_definition_and_checks() -> None:
    for new in range(1, MOST + 1):
        for old in range(1, new + 1):
            proof = prove_consistency(old, new, read)
            assert proof == subproof(old, LEAVES[:new], True)
            assert check_consistency(old, new, proof, ROOTS[old], ROOTS[new])


@given(st.integers(1, 600), st.data())
def test_proofs_of_larger_trees_check(size: int, data: st.DataObject) -> None:
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    root = mth(LEAVES[:size])
    assert check_inclusion(index, size, LEAVES[index], prove_inclusion(index, size, read), root)
    assert check_consistency(old, size, prove_consistency(old, size, read), mth(LEAVES[:old]), root)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (7, 7), (-1, 3), (0, -1)])
def test_there_is_no_proof_of_a_leaf_that_the_tree_has_not(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        prove_inclusion(index, size, read)
    assert not check_inclusion(index, size, LEAVES[0], [], LEAVES[0])


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 5), (6, 5), (-1, 5)])
def test_from_nothing_or_from_more_no_tree_grows(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="no tree"):
        prove_consistency(old, new, read)
    for proof in ([], [EMPTY_ROOT], [ROOTS[5]]):
        assert not check_consistency(old, new, proof, EMPTY_ROOT, ROOTS[5])
        assert not check_consistency(old, new, proof, EMPTY_ROOT, EMPTY_ROOT)


def bent(proof: list[bytes]) -> list[list[bytes]]:
    """A proof with each hash changed, left out, doubled, moved, and with some more."""
    ways = [[*proof, EMPTY_ROOT], [EMPTY_ROOT, *proof]]
    for at, hashed in enumerate(proof):
        ways.append([*proof[:at], bytes([hashed[0] ^ 1]) + hashed[1:], *proof[at + 1 :]])
        ways.append([*proof[:at], hashed[:31], *proof[at + 1 :]])
        ways.append([*proof[:at], *proof[at + 1 :]])
        ways.append([*proof[:at], hashed, *proof[at:]])
    if len(proof) > 1:
        ways += [proof[::-1], proof[1:] + proof[:1]]
    return ways


def test_no_bent_proof_checks() -> None:
    for size in range(1, 18):
        for index in range(size):
            proof = prove_inclusion(index, size, read)
            leaf, root = LEAVES[index], ROOTS[size]
            assert not any(check_inclusion(index, size, leaf, way, root) for way in bent(proof))
            others = [other for other in range(-1, size + 2) if other != index]
            assert not any(check_inclusion(other, size, leaf, proof, root) for other in others)
            assert not check_inclusion(index, size, LEAVES[-1], proof, root)
            assert not check_inclusion(index, size, leaf, proof, LEAVES[-1])
        for old in range(1, size):
            proof = prove_consistency(old, size, read)
            assert not any(check_consistency(old, size, way, ROOTS[old], ROOTS[size]) for way in bent(proof))
            assert not check_consistency(old, size, proof, ROOTS[old], ROOTS[size + 1])
            assert not check_consistency(old, size, proof, ROOTS[old + 1], ROOTS[size])


# What others have published

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors_tree.json").read_text("utf-8"))
unhex: Callable[[str], bytes] = bytes.fromhex


@pytest.mark.parametrize("vector", VECTORS["inclusion"], ids=lambda vector: vector[0])
def test_published_inclusion_proofs(vector: Any) -> None:
    _, index, size, leaf, proof, root, good = vector
    assert check_inclusion(index, size, unhex(leaf), [*map(unhex, proof)], unhex(root)) is good


@pytest.mark.parametrize("vector", VECTORS["consistency"], ids=lambda vector: vector[0])
def test_published_consistency_proofs(vector: Any) -> None:
    _, old, new, proof, old_root, new_root, good = vector
    assert check_consistency(old, new, [*map(unhex, proof)], unhex(old_root), unhex(new_root)) is good
