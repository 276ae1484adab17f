"""The tree over the log's leaves: its root, and proofs that a leaf is in it and that it only ever grew.

A Merkle tree of RFC 9162, section 2.1 (and RFC 6962, which has the same hashes)::

    root of nothing       SHA-256("")
    root of one leaf      SHA-256(0x00 || leaf data)
    root of more          SHA-256(0x01 || root of the left || root of the right)
                          the left side holds the largest power of two of leaves that is smaller than all

The functions know no storage. A *place* ``(level, index)`` names the perfect tree over the ``2**level`` leaves from
``index * 2**level`` on, and a *reader* gives the hashes of places::

    proof = prove_inclusion(3, 7, read)      read([(0, 2), (1, 0), (1, 2), (0, 6)]) -> four hashes

>>> from hashlib import sha256
>>> leaves = [sha256(bytes([0, number])).digest() for number in range(3)]
>>> frontier = Frontier()
>>> frontier.extend(leaves)
[]
>>> frontier.root() == node_hash(node_hash(leaves[0], leaves[1]), leaves[2])
True
>>> check_inclusion(2, 3, leaves[2], [node_hash(leaves[0], leaves[1])], frontier.root())
True
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

__all__ = [
    "EMPTY_ROOT",
    "TILE_HEIGHT",
    "Frontier",
    "Place",
    "Reader",
    "check_consistency",
    "check_inclusion",
    "node_hash",
    "prove_consistency",
    "prove_inclusion",
]

Place = tuple[int, int]
Reader = Callable[[Sequence[Place]], Sequence[bytes]]
_Range = tuple[int, int]

EMPTY_ROOT = sha256().digest()
#: Levels between those that are kept: c2sp.org/tlog-tiles has 256 hashes in a tile.
TILE_HEIGHT = 8


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two neighbouring trees."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree that grows: only the roots of the perfect trees that it is made of, largest first.

    ``size`` leaves need as many hashes as ``size`` has ones in binary; joined they are what a log keeps of its tree.

    :raises ValueError: if the hashes are not as many as the size asks for.
    """

    __slots__ = ("_hashes", "size")

    def __init__(self, size: int = 0, joined: bytes = b"") -> None:
        if size < 0 or len(joined) != 32 * size.bit_count():
            raise ValueError(f"no frontier of a tree of {size}: {len(joined)} bytes")
        self.size = size
        self._hashes = [joined[at : at + 32] for at in range(0, len(joined), 32)]

    def extend(self, leaves: Iterable[bytes]) -> list[tuple[Place, bytes]]:
        """Put leaf hashes behind the last; the perfect trees of whole tiles that this completes, and their hashes."""
        hashes, index = self._hashes, self.size
        whole: list[tuple[Place, bytes]] = []
        for leaf in leaves:
            root, left, level = leaf, index, 0
            while left & 1:
                root = node_hash(hashes.pop(), root)
                left >>= 1
                level += 1
                if level % TILE_HEIGHT == 0:
                    whole.append(((level, left), root))
            hashes.append(root)
            index += 1
        self.size = index
        return whole

    def root(self) -> bytes:
        """The hash of the whole tree."""
        return _fold(self._hashes)

    def joined(self) -> bytes:
        """The hashes, one behind the other."""
        return b"".join(self._hashes)


def prove_inclusion(index: int, size: int, read: Reader) -> list[bytes]:
    """The hashes beside the way from a leaf to the root of the first ``size`` leaves (RFC 9162, 2.1.3.1).

    :raises ValueError: if the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    low, high = 0, size
    beside: list[_Range] = []
    while high - low > 1:
        middle = low + _left_size(high - low)
        if index < middle:
            beside.append((middle, high))
            high = middle
        else:
            beside.append((low, middle))
            low = middle
    return _hashes(beside[::-1], read)


def check_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether a proof shows that the leaf stands at this index under this root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or len(leaf) != 32:
        return False
    at, last, hashed = index, size - 1, leaf
    for beside in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            hashed = node_hash(beside, hashed)
            while not (at & 1 or at == 0):
                at, last = at >> 1, last >> 1
        else:
            hashed = node_hash(hashed, beside)
        at, last = at >> 1, last >> 1
    return last == 0 and hashed == root


def prove_consistency(old: int, new: int, read: Reader) -> list[bytes]:
    """The hashes that show that the first ``old`` of ``new`` leaves are still the same (RFC 9162, 2.1.4.1).

    :raises ValueError: unless 0 < old <= new; from nothing, nothing follows.
    """
    if not 0 < old <= new:
        raise ValueError(f"no tree of {new} grew from one of {old}")
    low, high = 0, new
    apart: list[_Range] = []
    while old != high:
        middle = low + _left_size(high - low)
        if old <= middle:
            apart.append((middle, high))
            high = middle
        else:
            apart.append((low, middle))
            low = middle
    if low > 0:
        apart.append((low, high))
    return _hashes(apart[::-1], read)


def check_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether a proof shows that the tree of ``new`` leaves begins with that of ``old`` (RFC 9162, 2.1.4.2).

    A proof from the empty tree shows nothing and is refused.
    """
    if not 0 < old <= new:
        return False
    if old == new or not proof:
        return old == new and not proof and old_root == new_root
    # A perfect old tree is a place of the new one, which the proof leaves out.
    first, *rest = [old_root, *proof] if old & (old - 1) == 0 else proof
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old_hash = new_hash = first
    for beside in rest:
        if last == 0:
            return False
        if at & 1 or at == last:
            old_hash, new_hash = node_hash(beside, old_hash), node_hash(beside, new_hash)
            while not (at & 1 or at == 0):
                at, last = at >> 1, last >> 1
        else:
            new_hash = node_hash(new_hash, beside)
        at, last = at >> 1, last >> 1
    return last == 0 and old_hash == old_root and new_hash == new_root


def _left_size(size: int) -> int:
    """The largest power of two that is smaller than a size above 1."""
    return 1 << ((size - 1).bit_length() - 1)


def _places(low: int, high: int) -> list[Place]:
    """The perfect trees that a range of leaves is made of, largest first. Our ranges begin where a tree may."""
    places: list[Place] = []
    while low < high:
        level = (high - low).bit_length() - 1
        places.append((level, low >> level))
        low += 1 << level
    return places


def _hashes(ranges: Sequence[_Range], read: Reader) -> list[bytes]:
    """The root over each range, from one call of the reader."""
    parts = [_places(*limits) for limits in ranges]
    found = iter(read([place for places in parts for place in places]))
    return [_fold([next(found) for _ in places]) for places in parts]


def _fold(hashes: Sequence[bytes]) -> bytes:
    """The root over perfect trees that stand side by side, largest first."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in hashes[-2::-1]:
        root = node_hash(left, root)
    return root
