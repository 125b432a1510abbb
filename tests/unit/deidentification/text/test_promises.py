"""Promises of the cleaner for any text: own terms go, twice is once, and only known words stay."""

from __future__ import annotations

import random
import re
import subprocess
import sys

from hypothesis import example, given, settings
from hypothesis import strategies as st

from fedpacs.deidentification.text.cleaning import IdentityTerms, clean_text, compile_terms
from fedpacs.deidentification.text.folding import fold
from fedpacs.deidentification.text.tokens import WORD, Reading
from fedpacs.deidentification.text.vocabulary import is_eponym, is_medical

NAMES = ("Kowalczyk^Zbigniew", "Øster^Ánxela", "Прохоров^Глеб", "Quirke^Ida")
OWN = ("kowalczyk", "zbigniew", "øster", "ánxela", "прохоров", "глеб", "quirke")
TERMS = compile_terms(IdentityTerms(NAMES, ("MR-0048-213",), (), ("19610317",)))
WORDS = (
    "CT", "chest", "No", "small", "effusion", "Dr.", "Mr", "St.", "Hospital", "Miller", "of", "van",
    "left", "knee", "12", "4.5", "mm", "Hodgkin", "May", "2023", "A.", "B.", "Small", "Straße",
)  # fmt: skip
GAPS = (" ", ", ", ". ", "\n", "_", "-", ": ", "^", " (", ") ", "/")
_pieces = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(OWN),
    st.sampled_from(OWN).map(str.upper),
    st.sampled_from(OWN).map(str.title),
    st.text(max_size=8),
)
_texts = st.lists(st.tuples(_pieces, st.sampled_from(GAPS)), max_size=10).map(
    lambda parts: "".join(word + gap for word, gap in parts)
)


def _tokens(text: str) -> set[str]:
    return {fold(word) for word in re.findall(r"[^\W\d_]+", text)}


@settings(max_examples=120, deadline=None)
@given(_texts)
def test_no_term_of_the_object_stays_as_a_word(text):
    own = {fold(word) for word in OWN}
    assert not own & _tokens(clean_text(text, TERMS, "clean"))


@settings(max_examples=120, deadline=None)
@given(_texts)
@example("May \u00b9")
@example("øster CT \u00c2\u00a1")
def test_what_was_cleaned_stays_as_it_is(text):
    cleaned = clean_text(text, TERMS, "clean")
    assert clean_text(cleaned, TERMS, "clean") == cleaned


@settings(max_examples=100, deadline=None)
@given(_texts)
def test_the_gate_lets_only_known_words_pass(text):
    cleaned = Reading.of(clean_text(text, TERMS, "vocabulary"))
    whole = {i for first, last, run in cleaned.runs if is_medical(run) for i in range(first, last)}
    unknown = [
        token.text
        for index, token in enumerate(cleaned.tokens)
        if token.kind == WORD
        and index not in whole
        and not is_medical(token.folded)
        and not is_eponym(token.folded)
    ]
    assert unknown == []


def test_the_answer_is_the_same_in_any_process_and_order():
    program = (
        "import sys, random\n"
        "from fedpacs.deidentification.text.cleaning import *\n"
        "texts = sys.stdin.read().split('|')\n"
        "order = list(range(len(texts)))\n"
        "random.Random(sys.argv[1]).shuffle(order)\n"
        "terms = compile_terms(IdentityTerms(('Kowalczyk^Jan', 'Long^Mary')))\n"
        "done = {i: clean_text(texts[i], terms, 'clean') for i in order}\n"
        "sys.stdout.write('|'.join(done[i] for i in range(len(texts))))\n"
    )
    draw = random.Random(5)  # noqa: S311 - a test's texts, no secret
    words = [word for word in (*WORDS, "Kowalczyk", "Long") if word.isalpha()]
    texts = [" ".join(draw.choices(words, k=12)) for _ in range(15)]
    done = subprocess.run(
        [sys.executable, "-c", program, "1"],
        input="|".join(texts), capture_output=True, text=True, check=True, timeout=120,
        env={"PYTHONHASHSEED": "77", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    terms = compile_terms(IdentityTerms(("Kowalczyk^Jan", "Long^Mary")))
    assert done.stdout == "|".join(clean_text(text, terms, "clean") for text in texts)
    assert "Kowalczyk" not in done.stdout
