"""No text, however long or crafted, keeps the cleaner busy without end."""

from __future__ import annotations

import pytest

from fedpacs.deidentification.text.cleaning import (
    IdentityTerms,
    clean_text,
    compile_terms,
    mentions,
)

SIZE = 100_000
TERMS = compile_terms(
    IdentityTerms(
        ("Kowalczyk^Jan^M",), ("MR-0048-213", "11"), ("St. Mary Hospital",), ("19610317",)
    )
)
PIECES = {
    "one word": "a", "capitals": "A", "initials": "A.", "spaced letters": "a ", "names": "Jan ",
    "digits": "1", "numbers with dashes": "1-", "dotted numbers": "1.",
    "new lines": "\n", "at signs": "a@", "links": "http://", "carets": "A^",
    "underscores": "_", "streets": "12 Main ", "hospitals": "St. Mary Hospital ", "titles": "Dr. ",
    "labels": "patient name: ", "camel case": "aA", "ideographs": "山",
    "broken bytes": "\ufffd", "nulls": "\x00", "particles": "van der ", "months": "May 3 ",
    "near names": "Kowalcyzk", "backslashes": "\\\\a",
}  # fmt: skip
OWN = {PIECES[name] for name in ("names", "hospitals", "near names")}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES.keys())
def test_a_hundred_thousand_characters_come_to_an_end(piece):
    text = (piece * SIZE)[:SIZE]
    cleaned = clean_text(text, TERMS, "clean")
    assert "Kowalczyk" not in cleaned
    assert mentions(text, TERMS) == (piece in OWN)
