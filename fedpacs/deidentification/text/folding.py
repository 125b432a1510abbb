"""Folding: one spelling for words that a reader takes for the same, whatever their script."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d"}
)
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_CYRILLIC = dict(
    zip(
        "абвгдезиклмнопрстуфыэіїєґ",
        (*"abvgdeziklmnoprstufyeii", "ye", "g"),
        strict=True,
    )
) | {
    "ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ь": "",
    "ю": "yu", "я": "ya",
}  # fmt: skip
_KATAKANA_FIRST, _KATAKANA_LAST, _KANA_OFFSET = 0x30A1, 0x30F6, 0x60
_ONE_EDIT = 1


@lru_cache(maxsize=65536)
def fold(word: str) -> str:
    """Fold case, width, diacritics, ligatures and the two kana of one word.

    Parameters
    ----------
    word
        Any text; best one word, for what was folded is remembered.

    Returns
    -------
    str
        The folded word; not always as long as the word.
    """
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFKD", word).casefold().translate(_LETTERS)
    return "".join(_hiragana(char) for char in plain if not unicodedata.combining(char))


def _hiragana(char: str) -> str:
    code = ord(char)
    return chr(code - _KANA_OFFSET) if _KATAKANA_FIRST <= code <= _KATAKANA_LAST else char


@lru_cache(maxsize=65536)
def spellings(word: str) -> tuple[str, ...]:
    """Give the folded word and its usual transliterations: Müller is muller and mueller.

    Parameters
    ----------
    word
        One word in Latin, Cyrillic, Greek or Japanese script.

    Returns
    -------
    tuple of str
        The folded word first.
    """
    folded = fold(word)
    if word.isascii():
        return (folded,)
    lowered = unicodedata.normalize("NFC", word).lower()
    others = {fold(lowered.translate(_UMLAUTS))}
    if any(char in _CYRILLIC for char in folded):
        others.add("".join(_CYRILLIC.get(char, char) for char in folded))
    elif any("ぁ" <= char <= "ゖ" for char in folded):
        others.add(_romaji(lowered))
    return (folded, *sorted(other for other in others - {folded} if other.isascii()))


def _romaji(word: str) -> str:
    """Spell kana by the names Unicode gives them; enough to meet a romanised name."""
    out: list[str] = []
    for char in word:
        name = unicodedata.name(char, "")
        if "LETTER SMALL Y" in name and out:
            out[-1] = out[-1].rstrip("i") + name.split()[-1].lower()
        elif "HIRAGANA LETTER" in name or "KATAKANA LETTER" in name:
            out.append(name.split()[-1].lower())
    return "".join(out).replace("si", "shi").replace("tu", "tsu").replace("ti", "chi")


def deletions(word: str) -> frozenset[str]:
    """Give the word and every word that lacks one of its letters.

    References
    ----------
    W. Garbe, Symmetric Delete spelling correction, 2012: two words within one edit share a member.
    """
    return frozenset({word, *(word[:i] + word[i + 1 :] for i in range(len(word)))})


def within_one_edit(one: str, other: str) -> bool:
    """Tell whether one insertion, deletion, substitution or swap of neighbours parts two words.

    References
    ----------
    F. J. Damerau, Commun. ACM 7 (1964) 171.
    """
    if one == other:
        return True
    if abs(len(one) - len(other)) > _ONE_EDIT:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    a, b = one[start:], other[start:]
    swapped = a[1:2] + a[:1] + a[2:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or swapped == b
