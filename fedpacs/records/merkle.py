"""Merkle trees as Certificate Transparency has them: roots, and proofs that need no trust.

References
----------
RFC 6962 2.1; RFC 9162 2.1.3 and 2.1.4 for checking the proofs.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fedpacs.records.errors import ProofError

if TYPE_CHECKING:
    from collections.abc import Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""Root of the tree without leaves."""


def leaf_hash(content: bytes) -> bytes:
    """Hash a leaf."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash an inner node. Its first byte differs from a leaf's, so neither passes for the other."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """Right edge of a growing tree: roots of its complete subtrees, largest first.

    It is all that is needed to add leaves and to give the root, in log(size) memory.

    Parameters
    ----------
    size
        Leaves in the tree.
    hashes
        One for every bit set in `size`.

    Raises
    ------
    ProofError
        If the number of hashes does not fit the size.
    """

    __slots__ = ("_hashes", "size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if size < 0 or len(hashes) != size.bit_count():
            raise ProofError("The edge of the tree does not fit its size.")
        self.size = size
        self._hashes = list(hashes)

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """Roots of the complete subtrees, largest first."""
        return tuple(self._hashes)

    @property
    def root(self) -> bytes:
        """Root of the tree."""
        if not self._hashes:
            return EMPTY_ROOT
        root = self._hashes[-1]
        for left in reversed(self._hashes[:-1]):
            root = node_hash(left, root)
        return root

    def add(self, leaf: bytes) -> None:
        """Add the hash of a leaf at the right."""
        size = self.size
        while size & 1:
            leaf = node_hash(self._hashes.pop(), leaf)
            size >>= 1
        self._hashes.append(leaf)
        self.size += 1


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Give the root over hashes of leaves."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.add(leaf)
    return frontier.root


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """Prove that a leaf is in the tree.

    Parameters
    ----------
    index
        Of the leaf, from 0.
    leaves
        Hashes of all leaves of the tree.

    Raises
    ------
    ProofError
        If there is no such leaf.

    References
    ----------
    RFC 6962 2.1.1.
    """
    if not 0 <= index < len(leaves):
        raise ProofError("The tree has no such leaf.")
    if len(leaves) == 1:
        return ()
    split = _split(len(leaves))
    if index < split:
        return (*inclusion_proof(index, leaves[:split]), root_of(leaves[split:]))
    return (*inclusion_proof(index - split, leaves[split:]), root_of(leaves[:split]))


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Return only if the proof shows the leaf in the tree.

    Raises
    ------
    ProofError
        If it does not.

    References
    ----------
    RFC 9162 2.1.3.2.
    """
    if not 0 <= index < size:
        raise ProofError("The tree has no such leaf.")
    place, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("The proof of inclusion is too long.")
        if place & 1 or place == last:
            computed = node_hash(sibling, computed)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        place, last = place >> 1, last >> 1
    if last != 0 or computed != root:
        raise ProofError("The proof of inclusion does not hold.")


def consistency_proof(old_size: int, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """Prove that the tree grew out of its first leaves: nothing was changed, only added.

    Parameters
    ----------
    old_size
        Leaves of the older tree, 1 or more.
    leaves
        Hashes of all leaves of the newer tree.

    Raises
    ------
    ProofError
        If there was no such older tree.

    References
    ----------
    RFC 6962 2.1.2.
    """
    if not 0 < old_size <= len(leaves):
        raise ProofError("There was no such older tree.")
    return _subproof(old_size, leaves, whole=True)


def verify_consistency(
    old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> None:
    """Return only if the proof shows that the newer tree contains the older one unchanged.

    Raises
    ------
    ProofError
        If it does not.

    References
    ----------
    RFC 9162 2.1.4.2.
    """
    if not 0 < old_size <= size:
        raise ProofError("There was no such older tree.")
    if old_size == size:
        if proof or old_root != root:
            raise ProofError("Two trees of one size differ.")
        return
    # A complete older tree is its own first node and is not repeated in the proof.
    path = tuple(proof) if old_size & (old_size - 1) else (old_root, *proof)
    if _climb(old_size, size, path) != (old_root, root):
        raise ProofError("The proof of consistency does not hold.")


def _climb(old_size: int, size: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Compute the older and the newer root from a path."""
    if not path:
        raise ProofError("The proof of consistency is empty.")
    place, last = old_size - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("The proof of consistency is too long.")
        if place & 1 or place == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        place, last = place >> 1, last >> 1
    if last != 0:
        raise ProofError("The proof of consistency is too short.")
    return old, new


def _subproof(old_size: int, leaves: Sequence[bytes], *, whole: bool) -> tuple[bytes, ...]:
    if old_size == len(leaves):
        return () if whole else (root_of(leaves),)
    split = _split(len(leaves))
    if old_size <= split:
        return (*_subproof(old_size, leaves[:split], whole=whole), root_of(leaves[split:]))
    return (
        *_subproof(old_size - split, leaves[split:], whole=False),
        root_of(leaves[:split]),
    )


def _split(size: int) -> int:
    """Largest power of two below the size."""
    return 1 << ((size - 1).bit_length() - 1)
