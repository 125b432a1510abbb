"""The index of shared texts ends a search early, and never changes what is found."""

from __future__ import annotations

import pytest

from fedpacs.deidentification.verification.comparison import Text
from fedpacs.deidentification.verification.decoded import TextIndex, text_findings
from fedpacs.deidentification.verification.evidence import Evidence
from fedpacs.deidentification.verification.words import shown

TEXTS = [
    Text(0x00081030, shown(text), from_dictionary=False, of_a_maker=False)
    for text in ("CT of Zamorano Birgitta", "seen 2023-03-01", "KV-0012.3456 x", "山田太郎様", "")
]


def _evidence(**parts: object) -> Evidence:
    evidence = Evidence()
    for name, found in parts.items():
        getattr(evidence, name).add(found)
    return evidence


@pytest.mark.parametrize(
    ("evidence", "found"),
    [
        (_evidence(), False),
        (_evidence(names="zamorano"), True),
        (_evidence(names="zamora"), False),
        (_evidence(neighbours=("birgitta", "zamorano")), False),
        (_evidence(neighbours=("zamorano", "birgitta")), True),
        (_evidence(dates="20230301"), True),
        (_evidence(dates="20230302"), False),
        (_evidence(numbers="KV00123456"), True),
        (_evidence(numbers="0012"), True),
        (_evidence(numbers="9913"), False),
        (_evidence(substrings="山田"), True),
        (_evidence(substrings="田山"), False),
        (_evidence(cut="birgitta"), True),
    ],
)
def test_the_index_finds_what_the_texts_hold(evidence, found):
    plain = set(text_findings(TEXTS, evidence))
    assert set(TextIndex(TEXTS).findings(evidence)) == plain
    assert bool(plain) is found
