"""The vocabulary: whether a word is medical, common, a name or nothing that is known."""

from __future__ import annotations

from functools import lru_cache

from fedpacs.deidentification.text.folding import fold
from fedpacs.deidentification.text.lists import word_lists

MEDICAL, COMMON, NAME, UNKNOWN = "medical", "common", "name", "unknown"

_SHORTEST_STEM = 4
_SHORTEST_PART = 4
_SHORTEST_DERIVED, _LONGEST_DERIVED = 6, 40
_ENDINGS = (
    "s", "es", "e", "en", "er", "em", "n", "ed", "d", "ing", "ly", "ally", "al", "a", "o", "os",
    "as", "x", "ne", "nen", "ic", "ical", "ity", "ous",
    "ов", "ами", "ях", "ах", "ого", "его", "ому", "ой", "ая", "ое", "ые", "ых", "ым", "ыми",
    "ом", "ем", "ам", "а", "у", "ы", "и", "е", "ю", "я", "ь", "й", "ий", "ей", "ию", "ии", "ия",
)  # fmt: skip
_MEDICAL_ENDINGS = (
    "itis", "itic", "iitis", "oma", "omas", "omata", "osis", "oses", "otic", "iasis", "ectomy",
    "ectomies", "ostomy", "otomy", "plasty", "pexy", "scopy", "scopic", "graphy", "graphic",
    "gram", "graphie", "grafie", "graphien", "grafia", "grafía", "skopie", "scopie", "scopia",
    "pathy", "pathic", "pathie", "pathien", "patia", "emia", "aemia", "uria", "algia", "algie",
    "megaly", "megalie", "megalia", "plegia", "paresis", "trophy", "trophic", "plasia", "plastic",
    "plasie", "genesis", "genic", "ectasis", "ectasia", "ectasie", "lysis", "lytic", "rrhage",
    "rrhagic", "rrhea", "rrhoea", "sclerosis", "stenosis", "stenose", "malacia", "penia", "penic",
    "cytoma", "blastoma", "sarcoma", "carcinoma", "zele", "zyste", "metrie", "ektomie", "stomie",
    "tomie", "plastik", "itiden", "itide", "ite", "ites", "ose", "oses", "osen", "ome", "omes",
    "ektasie", "insuffizienz", "verdacht", "kontrolle", "infekt", "aufnahme", "herd", "schmerz",
    "schmerzen", "untersuchung", "veranderung", "veranderungen", "erguss", "fraktur", "frakturen",
    "lasion", "lasionen", "thrombose", "arterie", "arterien", "gelenk", "knochen", "gefasse",
    "metastasen", "karzinom", "karzinome", "stenosen", "odem", "artig", "formig", "seitig",
    "seitige", "seitiger", "gradig", "gradige", "gradiger", "bedingt", "bedingte", "ung", "ungen",
    "heit", "heiten", "keit", "keiten", "tion", "tionen", "tions", "sion", "sionen", "sions",
    "ismus", "schaft", "ations", "ement", "ements", "cion", "ciones", "mente", "miento", "idad",
    "dad", "ization", "isation", "ized", "ised", "ability", "iveness", "lesional", "vascular",
    "intense", "intensity", "intensities", "dense", "echoic", "attenuating", "abdominal",
    "thoracic", "spinal", "cranial", "tumoral", "sternal", "cardial", "arterial", "cerebral",
    "ение", "ения", "ений", "ации", "ация", "ацию", "скопия", "скопии", "графия", "графии",
    "графию", "томия", "патия", "патии", "оз", "оза", "ит", "ита", "ома", "омы", "ость", "ости",
    "нный", "нная", "нное", "нные", "нных", "ческий", "ческая", "ческие", "ческое", "ческих",
)  # fmt: skip


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
def is_medical(folded: str) -> bool:
    """Tell whether the strict gate lets a folded word stay: listed, or derived from a listed one."""
    return kind_of(folded) == MEDICAL


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


def is_curated(folded: str) -> bool:
    """Tell whether a folded word is one of the curated lists."""
    return folded in word_lists().curated


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
    medical = word_lists().medical
    if any(
        folded.endswith(ending) and folded[: -len(ending)] in medical
        for ending in _ENDINGS
        if len(folded) - len(ending) >= _SHORTEST_STEM
    ):
        return True
    endings = (e for e in _MEDICAL_ENDINGS if len(folded) - len(e) >= _SHORTEST_STEM - 1)
    return any(folded.endswith(fold(ending)) for ending in endings) or _is_compound(folded)


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
        for joint in ("s", "n", "en", "es", "er", "e")
    )
