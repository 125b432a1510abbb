"""Keys by URI: what is accepted, what is refused, and that nothing is overwritten or repeated."""

from __future__ import annotations

import hashlib
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.crypto.errors import (
    KeyExistsError,
    KeyExposedError,
    KeyMalformedError,
    KeyMissingError,
    KeyUnwritableError,
    KeyUriError,
    KeyWeakError,
)
from fedpacs.crypto.keys import check_strength, create_secret, load_secret

RANDOM = hashlib.sha256(b"not really random, but it looks it").digest()


def write(path, content, mode=0o600):
    path.write_bytes(content)
    path.chmod(mode)
    return f"file:{path}"


def test_a_created_secret_is_loaded_again_and_is_the_owners_alone(tmp_path):
    path = tmp_path / "keys" / "project.key"
    create_secret(path)
    assert len(load_secret(f"file:{path}")) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_two_created_secrets_differ(tmp_path):
    create_secret(tmp_path / "a")
    create_secret(tmp_path / "b")
    assert load_secret(f"file:{tmp_path / 'a'}") != load_secret(f"file:{tmp_path / 'b'}")


def test_a_generous_umask_does_not_expose_a_created_secret(tmp_path):
    before = os.umask(0)
    try:
        create_secret(tmp_path / "key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_a_secret_is_never_overwritten(tmp_path):
    path = tmp_path / "key"
    create_secret(path)
    before = path.read_bytes()
    with pytest.raises(KeyExistsError):
        create_secret(path)
    assert path.read_bytes() == before


def test_a_secret_is_not_written_through_a_dangling_link(tmp_path):
    (tmp_path / "key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyExistsError):
        create_secret(tmp_path / "key")
    assert not (tmp_path / "elsewhere").exists()


def test_a_secret_below_a_plain_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyUnwritableError):
        create_secret(tmp_path / "file" / "key")


@pytest.mark.parametrize("content", [RANDOM, RANDOM.hex().encode(), RANDOM.hex().upper().encode()])
def test_raw_and_hexadecimal_files_give_the_same_key(tmp_path, content):
    assert load_secret(write(tmp_path / "key", content)) == RANDOM


def test_a_newline_after_hexadecimal_digits_changes_nothing(tmp_path):
    assert load_secret(write(tmp_path / "key", RANDOM.hex().encode() + b"\r\n")) == RANDOM


@given(st.integers(min_value=1, max_value=0o77))
def test_any_permission_of_others_is_refused(tmp_path_factory, bits):
    path = tmp_path_factory.mktemp("keys") / "key"
    uri = write(path, RANDOM, 0o600 | bits)
    with pytest.raises(KeyExposedError) as caught:
        load_secret(uri)
    assert caught.value.code == "crypto.key-exposed"


def test_a_link_is_judged_by_the_file_it_points_to(tmp_path):
    write(tmp_path / "open", RANDOM, 0o644)
    (tmp_path / "link").symlink_to(tmp_path / "open")
    with pytest.raises(KeyExposedError):
        load_secret(f"file:{tmp_path / 'link'}")


def test_a_missing_file_and_a_missing_variable_are_told_apart_from_weak_ones(tmp_path, monkeypatch):
    monkeypatch.delenv("FEDPACS_TEST_KEY", raising=False)
    for uri in (f"file:{tmp_path / 'none'}", "env:FEDPACS_TEST_KEY"):
        with pytest.raises(KeyMissingError) as caught:
            load_secret(uri)
        assert caught.value.code == "crypto.key-missing"


@pytest.mark.parametrize("uri", ["", "file:", "env:", "http://key", "/etc/key", "FILE:/x"])
def test_other_uris_are_refused(uri):
    with pytest.raises(KeyUriError):
        load_secret(uri)


def test_a_variable_holds_hexadecimal_digits_only(monkeypatch):
    monkeypatch.setenv("FEDPACS_TEST_KEY", RANDOM.hex())
    assert load_secret("env:FEDPACS_TEST_KEY") == RANDOM
    monkeypatch.setenv(
        "FEDPACS_TEST_KEY", "correct horse battery staple, thirty-two bytes and more"
    )
    with pytest.raises(KeyMalformedError):
        load_secret("env:FEDPACS_TEST_KEY")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        RANDOM[:31],
        RANDOM[:16].hex().encode(),
        bytes(32),
        b"\xff" * 64,
        b"0" * 64,
        b"0123456789abcdef" * 4,
        bytes(range(32)),
        bytes(range(64, 0, -1)),
        RANDOM[:16] * 2,
        RANDOM[:20] * 3,
        b"ab" * 32,
        b"the name of my cat and the year it was born in\n",
        b"bm90IGhleGFkZWNpbWFsLCBidXQgYmFzZTY0IHRleHQ=\n",
    ],
)
def test_short_constant_counting_repeating_and_human_keys_are_weak(tmp_path, content):
    with pytest.raises(KeyWeakError) as caught:
        load_secret(write(tmp_path / "key", content))
    assert caught.value.code == "crypto.key-weak"


@given(
    st.binary(min_size=1, max_size=31).flatmap(lambda b: st.tuples(st.just(b), st.integers(2, 40)))
)
def test_every_repetition_of_a_short_pattern_is_weak(case):
    pattern, times = case
    with pytest.raises(KeyWeakError):
        check_strength(pattern * times)


def test_keys_of_the_random_source_are_never_called_weak():
    for _ in range(2000):
        check_strength(os.urandom(32))


def test_what_is_no_plain_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "fifo", 0o600)
    with pytest.raises(KeyMalformedError):
        load_secret(f"file:{tmp_path / 'fifo'}")
    with pytest.raises(KeyMalformedError):
        load_secret(f"file:{tmp_path}")


def test_a_huge_file_is_not_read(tmp_path):
    with pytest.raises(KeyMalformedError):
        load_secret(write(tmp_path / "key", os.urandom(20_000)))


def test_no_error_repeats_the_key_or_its_folder(tmp_path):
    phrase = "a phrase that must not be printed anywhere at all"
    folder = tmp_path / "private-folder"
    folder.mkdir()
    with pytest.raises(KeyWeakError) as caught:
        load_secret(write(folder / "key", phrase.encode()))
    assert phrase not in str(caught.value)
    assert "private-folder" not in str(caught.value)
