"""Strings of seven languages: what identifies goes, and the clinical words stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.deid_text import MarkedText, measure, read_marked

HERE = Path(__file__).parent
TEXTS = read_marked(HERE / "strings.txt")
REPORTS = [
    line.partition("|")
    for line in (HERE / "reports.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]
WORDS_KEPT_PERCENT = 99.0


def _name(text: MarkedText) -> str:
    return f"{text.identity}: {text.text}"


@pytest.mark.parametrize("text", TEXTS, ids=_name)
def test_what_identifies_goes_and_every_other_word_stays_in_both_modes(text):
    cleaned = text.cleaned("clean")
    assert (text.left(cleaned), text.lost(cleaned)) == ([], [])
    cleaned = text.cleaned("vocabulary")
    assert (text.left(cleaned), text.lost(cleaned)) == ([], [])


def test_sentences_of_reports_keep_nearly_every_word():
    texts = [MarkedText.of(f"none|{sentence}") for _, _, sentence in REPORTS]
    words = sum(len(text.words) for text in texts)
    lost = sum(len(text.lost(text.cleaned("clean"))) for text in texts)
    assert words > 0
    assert 100 * (1 - lost / words) >= WORDS_KEPT_PERCENT


def test_the_benchmark_counts_a_span_that_stays_and_a_word_that_goes():
    wrong = MarkedText("none", "axial view of Mr Kowalczyk", ("axial",), ("Kowalczyk", "view"))
    line = measure([wrong], "clean")
    assert "removed   0.00 %" in line
    assert "kept  50.00 %" in line
