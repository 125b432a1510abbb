"""The vocabulary: whether a word is medical, common, a name or nothing that is known."""

from __future__ import annotations

from functools import cache, lru_cache

from fedpacs.deidentification.text.lists import affixes, word_lists
from fedpacs.deidentification.text.stems import stem_of

MEDICAL, COMMON, NAME, UNKNOWN = "medical", "common", "name", "unknown"

_SHORTEST_STEM = 4
_SHORTEST_PART = 4
_SHORTEST_LONE = 5
_SHORTEST_REST = 5
_SHORTEST_DERIVED, _LONGEST_DERIVED = 6, 40


@lru_cache(maxsize=65536)
def kind_of(folded: str) -> str:
    """Tell what a folded word is.

    Parameters
    ----------
    folded
        One word as `fold` gives it, letters only.

    Returns
    -------
    str
        MEDICAL, COMMON, NAME (of persons and places only) or UNKNOWN.
    """
    lists = word_lists()
    if folded in lists.medical or len(folded) == 1:
        return MEDICAL
    if folded in lists.common:
        return COMMON
    if folded in lists.names or folded in lists.places:
        return NAME
    return MEDICAL if _is_derived(folded) else UNKNOWN


@lru_cache(maxsize=65536)
def kind_beside_name(folded: str) -> str:
    """Tell what a folded word is where a name, a title or a label stands beside it.

    Parameters
    ----------
    folded
        One word as `fold` gives it, letters only.

    Returns
    -------
    str
        As `kind_of`, but UNKNOWN for what only looks like a word of medicine: Hartkopf, Sartorio.
    """
    kind = kind_of(folded)
    if kind != MEDICAL or len(folded) == 1 or is_listed(folded):
        return kind
    return MEDICAL if _is_prefixed(folded) or _ends_medically(folded) else UNKNOWN


@lru_cache(maxsize=65536)
def is_medical(folded: str) -> bool:
    """Tell whether the strict gate lets a folded word stay: listed or derived from a listed one."""
    return kind_of(folded) == MEDICAL


@lru_cache(maxsize=65536)
def is_lone(folded: str) -> bool:
    """Tell whether a common word has no other form in the lists: most proper nouns have none.

    Parameters
    ----------
    folded
        One word as `fold` gives it, letters only.
    """
    lists = word_lists()
    if folded in lists.medical or folded not in lists.common or len(folded) < _SHORTEST_LONE:
        return False
    stems = {folded, folded.removesuffix("e"), folded.removesuffix("y") + "i"}
    others = {stem + ending for stem in stems for ending in affixes("form")}
    for ending in affixes("form"):
        stem = folded.removesuffix(ending)
        if len(stem) >= _SHORTEST_LONE - 2:
            others.update({stem, stem + "e", stem.removesuffix("i") + "y", stem[:-1]})
    others.discard(folded)
    known = others & lists.common or others & lists.medical
    return not known and not _is_derived(folded)


def is_known(folded: str) -> bool:
    """Tell whether a folded word is a word of medicine or of everyday language."""
    return kind_of(folded) in {MEDICAL, COMMON}


def may_be_name(folded: str) -> bool:
    """Tell whether a folded word is in the list of names or places, whatever else it is."""
    lists = word_lists()
    return folded in lists.names or folded in lists.places


def is_only_medical(folded: str) -> bool:
    """Tell whether a folded word is medical and no name that a person may bear."""
    return is_medical(folded) and not may_be_name(folded)


def is_everyday(folded: str) -> bool:
    """Tell whether a folded word is as often a name, so that it counts in small letters only."""
    return folded in word_lists().everyday


def is_curated(folded: str) -> bool:
    """Tell whether a folded word is one of the curated lists."""
    return folded in word_lists().curated


def is_listed(folded: str) -> bool:
    """Tell whether a folded word is in a list of medical words, not only built like one."""
    return folded in word_lists().medical


def is_eponym(folded: str, *, alone: bool = False) -> bool:
    """Tell whether a folded word is an eponym; with `alone`, one that needs no head noun."""
    found = word_lists().eponyms.get(folded)
    return found is not None and (found.alone or not alone)


def is_head(folded: str) -> bool:
    """Tell whether a folded word makes an eponym of the name beside it: disease, catheter."""
    return folded in word_lists().heads


def _is_derived(folded: str) -> bool:
    if not _SHORTEST_DERIVED <= len(folded) <= _LONGEST_DERIVED:
        return False
    return (
        _is_inflected(folded)
        or _is_prefixed(folded)
        or _ends_medically(folded)
        or stem_of(folded) in _stems()
        or _is_compound(folded)
    )


@cache
def _stems() -> frozenset[str]:
    """Give the international stems of all medical words; made when a word is first not listed."""
    stems = {stem_of(word) for word in word_lists().medical if len(word) >= _SHORTEST_DERIVED}
    return frozenset(stems - {""})


def _is_inflected(folded: str) -> bool:
    medical = word_lists().medical
    return any(
        folded.endswith(ending) and folded[: -len(ending)] in medical
        for ending in affixes("inflection")
        if len(folded) - len(ending) >= _SHORTEST_STEM
    )


def _is_prefixed(folded: str) -> bool:
    """Tell whether a known medical word stands behind a prefix: retropatellar, nontraumatic."""
    medical = word_lists().medical
    for prefix in affixes("prefix"):
        rest = folded[len(prefix) :]
        if not folded.startswith(prefix) or len(rest) < _SHORTEST_REST:
            continue
        if rest in medical or _ends_medically(rest):
            return True
    return False


def _ends_medically(folded: str) -> bool:
    return any(
        folded.endswith(ending)
        for ending in affixes("ending")
        if len(folded) - len(ending) >= _SHORTEST_STEM - 1
    )


def _is_compound(folded: str) -> bool:
    """Tell whether a word is glued of curated words: Lungenrundherd, Spinalkanalstenose."""
    curated = word_lists().curated
    reach = {0}
    for end in range(_SHORTEST_PART, len(folded) + 1):
        for start in sorted(reach):
            part = folded[start:end]
            if len(part) >= _SHORTEST_PART and _is_part(part, curated):
                reach.add(end)
                break
    return len(folded) in reach


def _is_part(part: str, curated: frozenset[str]) -> bool:
    return part in curated or any(
        part.endswith(joint)
        and len(part) - len(joint) >= _SHORTEST_PART
        and part[: -len(joint)] in curated
        for joint in affixes("joint")
    )
