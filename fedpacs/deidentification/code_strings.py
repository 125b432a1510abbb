"""Code strings (CS): kept word by word, because one may hold a name of up to sixteen capitals.

A value is kept when each of its words is one of the standard's defined terms or of the words that
scanners are known to write, a single letter, or a short mark of letters and digits such as
``T2`` or ``DIS2D``. Small letters, points and strokes, which scanners write although the standard
does not allow them, do no harm. Five digits or more may be a number of a patient and are not kept.
Words that are names, too (WHITE, LONG), stay; the verification looks for what the object says of
its own patient besides.

References
----------
PS3.5 6.2 (CS); PS3.3 (enumerated values and defined terms).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files

_FORM = re.compile(r"[A-Za-z0-9_ ./+-]{0,32}")
_BETWEEN = re.compile("[ _./+-]+")
_MARK = re.compile(r"[A-Z]*\d{1,4}[A-Z]*\d{0,2}[A-Z]*")
_FREE_LETTERS = 1
_CACHED_VALUES = 4096
_MAXIMUM_DIGITS = 4


@cache
def code_words() -> frozenset[str]:
    """Give every word that a code string may hold, in capitals."""
    folder = files("fedpacs.deidentification").joinpath("data")
    names = ("code_words.txt", "code_words_own.txt")
    return frozenset(
        word for name in names for word in folder.joinpath(name).read_text("utf-8").split()
    )


@lru_cache(maxsize=_CACHED_VALUES)
def is_known_code(value: str) -> bool:
    """Tell whether one value of a code string is made of known words.

    Parameters
    ----------
    value
        Decoded, without padding.
    """
    if not _FORM.fullmatch(value):
        return False
    parts = _BETWEEN.split(value.upper())
    words = [word for word in parts if word and word not in code_words()]
    if sum(character.isdigit() for character in "".join(words)) > _MAXIMUM_DIGITS:
        return False
    return all(_is_known(word) for word in words)


def _is_known(word: str) -> bool:
    if len(word) <= _FREE_LETTERS:
        return True
    match = _MARK.fullmatch(word)
    return match is not None and all(
        len(part) <= _FREE_LETTERS or part in code_words() for part in re.findall("[A-Z]+", word)
    )
