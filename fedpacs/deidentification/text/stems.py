"""Stems: one form for a Greek or Latin word of medicine in any European language.

Péricardique, pericárdico, perikardial and pericardial are one word here.
"""

from __future__ import annotations

import re
from functools import cache

from fedpacs.deidentification.text.lists import affixes

_DOUBLED = re.compile(r"(.)\1")
_SOUNDS = (
    ("qu", "c"), ("ch", "c"), ("ph", "f"), ("th", "t"), ("rh", "r"), ("sch", "c"), ("k", "c"),
    ("z", "c"), ("y", "i"), ("j", "i"), ("ae", "e"), ("oe", "e"), ("sc", "c"),
)  # fmt: skip
_SHORTEST_STEM = 5
_ROUNDS = 2


def stem_of(folded: str) -> str:
    """Give the international stem of a folded word.

    Parameters
    ----------
    folded
        One word in Latin script as `fold` gives it.

    Returns
    -------
    str
        Letters; "" where too few are left to tell words apart.
    """
    if not folded.isascii():
        return ""
    stem = _sound(folded)
    for _ in range(_ROUNDS):
        for ending in _endings():
            if stem.endswith(ending) and len(stem) - len(ending) >= _SHORTEST_STEM:
                stem = stem[: -len(ending)]
                break
    return stem if len(stem) >= _SHORTEST_STEM else ""


def _sound(word: str) -> str:
    for written, spoken in _SOUNDS:
        word = word.replace(written, spoken)
    return _DOUBLED.sub(r"\1", word)


@cache
def _endings() -> tuple[str, ...]:
    """Give the endings of the list as they sound, longest first."""
    return tuple(
        sorted({_sound(ending) for ending in affixes("stem-ending")}, key=lambda e: (-len(e), e))
    )
