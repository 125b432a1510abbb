"""The filter passes over nothing, and chance raises no alarm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedpacs.deidentification.verification.search import (
    PREFIX_CHARACTERS,
    Matcher,
    Needle,
    Uid,
    minimum_characters,
)

WORDS = (
    "Grabowska", "Łukasiewicz", "Müller-Lüdenscheid", "Иванова-Петрова", "山田太郎様病院東京都",
    "St. Elsewhere Hospital", "abcdefg",
)  # fmt: skip
UIDS = tuple(f"1.2.826.0.1.3680043.9.7433.{number}" for number in range(3))
EXTRA = "1.3.12.2.1107.5.2.99"
MATCHER = Matcher(
    [*(Needle(word, "text") for word in WORDS), *(Needle(uid, "uid") for uid in UIDS)],
    ["iso8859-2"],
    {EXTRA[:PREFIX_CHARACTERS]},
)


def _background(kind, size, seed):
    rng = np.random.default_rng(seed)
    if kind == "twelve bits":
        return bytearray(rng.integers(0, 4096, size // 2, dtype=np.uint16).tobytes())
    if kind == "grey":
        return bytearray(rng.integers(128, 256, size, dtype=np.uint8).tobytes())
    return bytearray(rng.bytes(size)) if kind == "compressed" else bytearray(size)


@settings(max_examples=300, deadline=None)
@given(
    background=st.tuples(
        st.sampled_from(["twelve bits", "grey", "compressed", "black"]), st.integers(100, 3000)
    ),
    text=st.sampled_from([*WORDS, *UIDS, EXTRA]),
    case=st.sampled_from([str, str.upper, str.lower, str.title]),
    codec=st.sampled_from(["utf-8", "utf-16-le", "utf-16-be"]),
    place=st.floats(0, 1),
)
def test_a_needle_is_found_wherever_it_lies(background, text, case, codec, place):
    kind, size = background
    piece = _background(kind, size, size)
    needle = b"\0" + case(text).encode(codec) + b"\0"
    start = int(place * (len(piece) - len(needle)))
    piece[start : start + len(needle)] = needle
    assert list(MATCHER.in_bulk(piece, len(piece), [Uid.of(EXTRA)]))


@pytest.mark.parametrize("kind", ["twelve bits", "grey", "compressed", "black"])
def test_chance_finds_nothing(kind):
    piece = _background(kind, 500_000, 7)
    assert list(MATCHER.in_bulk(piece, len(piece), [Uid.of(EXTRA)])) == []


def test_short_needles_are_not_searched_in_bulk_data_of_any_size():
    assert minimum_characters(526_000, 100) == 7
    assert minimum_characters(300_000_000, 100) == 9
    matcher = Matcher([Needle("Grabow", "word")])
    assert list(matcher.in_header(b"  GRABOW  ")) == ["word"]
    assert list(matcher.in_bulk(bytearray(b"\0" * 99 + b"GRABOW" + b"\0" * 99), 204)) == []


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"1.2.826.0.1.3680043.9.7433.1", True),
        (b" 1.2.826.0.1.3680043.9.7433.1\0", True),
        (b"1.2.826.0.1.3680043.9.7433.17", False),
        (b"21.2.826.0.1.3680043.9.7433.1", False),
        (b"1.2.826.0.1.3680043.9.7433.1.5", False),
    ],
)
def test_a_uid_is_no_part_of_another(content, found):
    matcher = Matcher([Needle(UIDS[1], "uid")])
    assert bool(list(matcher.in_header(content))) is found
    assert Uid.of(UIDS[1]).is_in(content) is found


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"Contra", True), (b"contrast", False), (b"xcontray", True), (b"THE CONTRA", True)],
)
def test_a_name_inside_a_word_of_the_standard_is_none(content, found):
    assert bool(list(Matcher([Needle("Contra", "word")]).in_header(content))) is found


def test_a_matcher_of_nothing_finds_nothing():
    assert list(Matcher([]).in_header(b"anything")) == []
    assert list(Matcher([]).in_bulk(bytearray(b"anything" * 20), 160)) == []
