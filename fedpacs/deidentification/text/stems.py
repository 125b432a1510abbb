"""Stems: one form for a Greek or Latin word of medicine in any European language.

Péricardique, pericárdico, perikardial, перикардиальный and pericardial are one word here.
"""

from __future__ import annotations

import re
from functools import cache

from fedpacs.deidentification.text.folding import spellings
from fedpacs.deidentification.text.lists import affixes

_DOUBLED = re.compile(r"(.)\1")
_SOUNDS = (
    ("gip", "hip"), ("gidr", "hidr"), ("gepat", "hepat"), ("gist", "hist"), ("geter", "heter"),
    ("kh", "c"), ("ts", "c"), ("qu", "c"), ("ch", "c"), ("ph", "f"), ("th", "t"),
    ("rh", "r"), ("sch", "c"), ("k", "c"), ("z", "c"), ("y", "i"),
    ("j", "i"), ("ae", "e"), ("oe", "e"), ("sc", "c"),
)  # fmt: skip
_SHORTEST_STEM = 6
_ROUNDS = 2


def stem_of(folded: str) -> str:
    """Give the international stem of a folded word.

    Parameters
    ----------
    folded
        One word in Latin or Cyrillic script as `fold` gives it.

    Returns
    -------
    str
        Letters; "" where too few are left to tell words apart.
    """
    if not folded.isascii():
        folded = next((word for word in spellings(folded) if word.isascii()), "")
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
