"""Merkle trees: Certificate Transparency's vectors, and proofs that hold for one tree only."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.records.errors import ProofError
from fedpacs.records.merkle import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# Test vectors of RFC 6962's reference implementation (certificate-transparency, merkletree).
CT_LEAVES = [
    leaf_hash(bytes.fromhex(content))
    for content in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"


def to_hex(proof):
    return [node.hex() for node in proof]


def make_leaves(count, salt=b""):
    return [leaf_hash(salt + str(i).encode()) for i in range(count)]


@pytest.mark.parametrize("size", range(1, 9))
def test_ct_roots(size):
    assert root_of(CT_LEAVES[:size]).hex() == CT_ROOTS[size - 1]


def test_the_root_of_nothing_is_the_hash_of_nothing():
    assert root_of([]).hex() == hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize(
    ("index", "size", "proof"),
    [
        (0, 1, []),
        (0, 8, [A, B, C]),
        (5, 8, [D, E, CT_ROOTS[3]]),
        (2, 3, [CT_ROOTS[1]]),
        (1, 5, [CT_ROOTS[0], B, D]),
    ],
)
def test_ct_inclusion_proofs(index, size, proof):
    assert to_hex(inclusion_proof(index, CT_LEAVES[:size])) == proof


@pytest.mark.parametrize(
    ("old_size", "size", "proof"),
    [(1, 1, []), (1, 8, [A, B, C]), (6, 8, [F, E, CT_ROOTS[3]]), (2, 5, [B, D])],
)
def test_ct_consistency_proofs(old_size, size, proof):
    assert to_hex(consistency_proof(old_size, CT_LEAVES[:size])) == proof


def reference_root(leaves):
    """Follow the recursive definition of RFC 6962 2.1, word by word."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return node_hash(reference_root(leaves[:k]), reference_root(leaves[k:]))


@pytest.mark.parametrize("size", [*range(1, 40), 63, 64, 65, 1000])
def test_the_growing_edge_gives_the_root_of_the_definition(size):
    leaves = make_leaves(size)
    assert root_of(leaves) == reference_root(leaves)


@given(st.integers(1, 70), st.data())
def test_every_inclusion_proof_holds_for_its_own_leaf_only(size, data):
    leaves = make_leaves(size)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, leaves)
    root = root_of(leaves)
    verify_inclusion(leaves[index], index, size, proof, root)
    for other in range(size):
        if other != index:
            with pytest.raises(ProofError):
                verify_inclusion(leaves[index], other, size, proof, root)
    with pytest.raises(ProofError):
        verify_inclusion(leaf_hash(b"forged"), index, size, proof, root)
    with pytest.raises(ProofError):
        verify_inclusion(leaves[index], index, size, (*proof, root), root)
    if proof:
        with pytest.raises(ProofError):
            verify_inclusion(leaves[index], index, size, proof[:-1], root)


@given(st.integers(1, 70), st.data())
def test_every_consistency_proof_holds_for_its_own_two_trees_only(size, data):
    leaves = make_leaves(size)
    old_size = data.draw(st.integers(1, size))
    old_root, root = root_of(leaves[:old_size]), root_of(leaves)
    proof = consistency_proof(old_size, leaves)
    verify_consistency(old_size, old_root, size, root, proof)
    changed = [*leaves]
    changed[data.draw(st.integers(0, old_size - 1))] = leaf_hash(b"forged")
    with pytest.raises(ProofError):
        verify_consistency(old_size, root_of(changed[:old_size]), size, root, proof)
    with pytest.raises(ProofError):
        verify_consistency(
            old_size, old_root, size, root_of(changed), consistency_proof(old_size, changed)
        )
    with pytest.raises(ProofError):
        verify_consistency(old_size, old_root, size, root, (*proof, root))
    if proof:
        with pytest.raises(ProofError):
            verify_consistency(old_size, old_root, size, root, proof[:-1])


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_a_leaf_that_is_not_there_has_no_proof(index, size):
    with pytest.raises(ProofError):
        inclusion_proof(index, make_leaves(size))
    with pytest.raises(ProofError):
        verify_inclusion(leaf_hash(b""), index, size, (), leaf_hash(b""))


@pytest.mark.parametrize(("old_size", "size"), [(0, 3), (4, 3), (-1, 3)])
def test_a_tree_that_never_was_has_no_proof(old_size, size):
    with pytest.raises(ProofError):
        consistency_proof(old_size, make_leaves(size))
    with pytest.raises(ProofError):
        verify_consistency(old_size, b"", size, b"", ())


def test_an_inner_node_does_not_pass_for_a_leaf():
    left, right = make_leaves(2)
    assert leaf_hash(left + right) != node_hash(left, right)


@pytest.mark.parametrize(("size", "count"), [(3, 1), (0, 1), (-1, 0), (4, 2)])
def test_an_edge_that_does_not_fit_its_size_is_refused(size, count):
    with pytest.raises(ProofError):
        Frontier(size, make_leaves(count))
