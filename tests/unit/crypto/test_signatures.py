"""Signatures: RFC 8032 vectors, every change noticed, forgeable public keys refused."""

from __future__ import annotations

import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.crypto.errors import (
    BadSignatureError,
    KeyExistsError,
    KeyExposedError,
    KeyMalformedError,
    PublicKeyError,
)
from fedpacs.crypto.pki import create_node_key
from fedpacs.crypto.signatures import SigningKey, check_public, verify

KEY = SigningKey(Ed25519PrivateKey.generate())
FIELD = 2**255 - 19

RFC_8032 = [  # 7.1, tests 1 to 3: secret, public, message, signature
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_rfc_8032_vectors(secret, public, message, signature):
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)))
    assert key.public == f"ed25519:{public}"
    assert key.sign(bytes.fromhex(message)).hex() == signature
    verify(f"ed25519:{public}", bytes.fromhex(message), bytes.fromhex(signature))


@given(st.binary(max_size=200))
def test_what_is_signed_verifies(message):
    verify(KEY.public, message, KEY.sign(message))


@given(st.binary(min_size=1, max_size=60), st.data())
def test_every_single_bit_of_message_and_signature_counts(message, data):
    signature = KEY.sign(message)
    bit = data.draw(st.integers(0, 8 * (len(message) + 64) - 1))
    changed = bytearray(message + signature)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadSignatureError):
        verify(KEY.public, bytes(changed[: len(message)]), bytes(changed[len(message) :]))


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65)])
def test_other_lengths_and_zeros_are_no_signature(signature):
    with pytest.raises(BadSignatureError):
        verify(KEY.public, b"message", signature)


def test_another_key_does_not_verify():
    other = SigningKey(Ed25519PrivateKey.generate())
    with pytest.raises(BadSignatureError):
        verify(other.public, b"message", KEY.sign(b"message"))


def test_a_created_key_is_loaded_again_and_is_the_owners_alone(tmp_path):
    path = tmp_path / "keys" / "agent.pem"
    created = SigningKey.create(path)
    loaded = SigningKey.load(f"file:{path}")
    assert loaded.public == created.public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(KeyExistsError):
        SigningKey.create(path)


def test_a_key_in_an_environment_variable(tmp_path, monkeypatch):
    created = SigningKey.create(tmp_path / "agent.pem")
    monkeypatch.setenv("FEDPACS_TEST_PEM", (tmp_path / "agent.pem").read_text())
    assert SigningKey.load("env:FEDPACS_TEST_PEM").public == created.public


def test_exposed_damaged_and_foreign_keys_are_refused(tmp_path):
    SigningKey.create(tmp_path / "agent.pem")
    (tmp_path / "agent.pem").chmod(0o640)
    with pytest.raises(KeyExposedError):
        SigningKey.load(f"file:{tmp_path / 'agent.pem'}")
    (tmp_path / "agent.pem").chmod(0o600)
    (tmp_path / "agent.pem").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n")
    with pytest.raises(KeyMalformedError):
        SigningKey.load(f"file:{tmp_path / 'agent.pem'}")
    create_node_key(tmp_path / "node")
    with pytest.raises(KeyMalformedError):
        SigningKey.load(f"file:{tmp_path / 'node'}")


def test_repr_shows_the_public_half_only(tmp_path):
    key = SigningKey.create(tmp_path / "agent.pem")
    assert repr(key) == f"SigningKey({key.public})"


@pytest.mark.parametrize(
    "public",
    ["", "ed25519:", "ed25519:00", KEY.public.upper(), KEY.public[8:], f"{KEY.public}\n", "rsa:1"],
)
def test_malformed_public_keys_are_refused(public):
    with pytest.raises(PublicKeyError):
        check_public(public)


def test_the_placeholder_of_zeros_is_refused_as_a_key():
    """A site that was never given its approver's key must not be open to forged approvals."""
    placeholder = "ed25519:" + "0" * 64
    with pytest.raises(PublicKeyError):
        check_public(placeholder)
    # R = identity, s = 0: under a point of small order this verifies for some messages.
    forged = (1).to_bytes(32, "little") + bytes(32)
    for number in range(64):
        with pytest.raises(BadSignatureError):
            verify(placeholder, f"message {number}".encode(), forged)


def test_every_point_of_small_order_is_refused():
    for point in _torsion_points():
        for sign in (0, 1 << 255):
            encoded = (point[1] | sign).to_bytes(32, "little").hex()
            with pytest.raises(PublicKeyError):
                check_public(f"ed25519:{encoded}")


def test_encodings_beyond_the_field_are_refused():
    for y in (FIELD, FIELD + 1, 2**255 - 1):
        with pytest.raises(PublicKeyError):
            check_public(f"ed25519:{y.to_bytes(32, 'little').hex()}")


def test_real_keys_are_never_refused():
    for _ in range(200):
        check_public(SigningKey(Ed25519PrivateKey.generate()).public)


def _torsion_points():
    """Compute the points whose order divides 8, by multiplying points with the prime order."""
    d = -121665 * pow(121666, -1, FIELD) % FIELD
    order = 2**252 + 27742317777372353535851937790883648493

    def add(p, q):
        k = d * p[0] * q[0] * p[1] * q[1] % FIELD
        return (
            (p[0] * q[1] + q[0] * p[1]) * pow(1 + k, -1, FIELD) % FIELD,
            (p[1] * q[1] + p[0] * q[0]) * pow(1 - k, -1, FIELD) % FIELD,
        )

    def times(n, p):
        result = (0, 1)
        while n:
            if n & 1:
                result = add(result, p)
            p, n = add(p, p), n >> 1
        return result

    found = set()
    y = 2
    while len(found) < 8:
        square = (y * y - 1) * pow(d * y * y + 1, -1, FIELD) % FIELD
        x = pow(square, (FIELD + 3) // 8, FIELD)
        if x * x % FIELD != square:
            x = x * pow(2, (FIELD - 1) // 4, FIELD) % FIELD
        if x * x % FIELD == square:
            found.add(times(order, (x, y)))
        y += 1
    return found
