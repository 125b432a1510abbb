"""Sealing: what comes back, and that no changed, moved, swapped or cut seal opens."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.crypto.errors import BrokenSealError, KeyWeakError
from fedpacs.crypto.sealing import OVERHEAD_BYTES, Sealer

SEALER = Sealer(hashlib.sha256(b"store key").digest())
OTHER = Sealer(hashlib.sha256(b"another store key").digest())


@given(st.binary(max_size=5000), st.binary(max_size=50))
def test_what_is_sealed_opens(plaintext, context):
    sealed = SEALER.seal(plaintext, context)
    assert SEALER.open(sealed, context) == plaintext
    assert len(sealed) == len(plaintext) + OVERHEAD_BYTES


@given(st.binary(max_size=60), st.data())
def test_every_single_bit_counts(plaintext, data):
    sealed = bytearray(SEALER.seal(plaintext, b"blob"))
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BrokenSealError):
        SEALER.open(bytes(sealed), b"blob")


@given(st.binary(max_size=60), st.data())
def test_a_cut_or_lengthened_seal_does_not_open(plaintext, data):
    sealed = SEALER.seal(plaintext, b"blob")
    length = data.draw(st.integers(0, len(sealed) - 1))
    for changed in (sealed[:length], sealed + b"\0", sealed[length + 1 :]):
        with pytest.raises(BrokenSealError):
            SEALER.open(changed, b"blob")


def test_a_seal_moved_to_another_place_does_not_open():
    with pytest.raises(BrokenSealError):
        SEALER.open(SEALER.seal(b"study", b"blob/a"), b"blob/b")


def test_another_key_does_not_open_it():
    with pytest.raises(BrokenSealError):
        OTHER.open(SEALER.seal(b"study", b"blob"), b"blob")


def test_the_salt_belongs_to_its_ciphertext():
    a, b = SEALER.seal(b"same", b"blob"), SEALER.seal(b"same", b"blob")
    assert a != b
    with pytest.raises(BrokenSealError):
        SEALER.open(a[:45] + b[45:], b"blob")


def test_nothing_of_the_content_shows():
    name = b"DOE^JANE" * 50
    assert b"DOE" not in SEALER.seal(name, b"blob")


def test_a_kept_seal_still_opens():
    """A store written by the first version must open for ever."""
    sealed = bytes.fromhex(
        "464544504143532d5345414c014d4fec11745bae49b4bb61c4328b94add171133527023b5646d19516126c3de57bb48f225dd56bd95820f1a17b993e434b0cc5d37db78bba79cdd960c48b414c6e8100a1"
    )
    assert SEALER.open(sealed, b"kept") == b"written by version 1"


def test_an_unknown_version_is_refused():
    sealed = bytearray(SEALER.seal(b"study", b"blob"))
    sealed[12] = 2
    with pytest.raises(BrokenSealError):
        SEALER.open(bytes(sealed), b"blob")


def test_a_weak_key_is_refused():
    with pytest.raises(KeyWeakError):
        Sealer(bytes(32))


def test_repr_does_not_hold_the_key():
    assert repr(SEALER) == "Sealer()"
