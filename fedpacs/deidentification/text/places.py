"""Places: postal addresses and the names of institutions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fedpacs.deidentification.text.evidence import evidence, phrases
from fedpacs.deidentification.text.sentences import ends_sentence
from fedpacs.deidentification.text.tokens import NUMBER, WORD, Reading, Token
from fedpacs.deidentification.text.vocabulary import (
    is_known,
    is_listed,
    is_medical,
    is_only_medical,
    may_be_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

Span = tuple[int, int]

_CAP = r"[A-ZÀ-ÖØ-ÞА-ЯЁ][\w'’.-]{1,40}"
_STREETS = re.compile(
    r"(?<!\w)[A-ZÀ-Þ][\w-]{1,40}(?:[Ss]tra(?:ß|ss)e|[Ss]tr\.|gasse|weg|allee|platz|ring|damm|ufer|chaussee|STRASSE|STRAßE|WEG|GASSE|ALLEE|PLATZ)\s{0,2}\d{1,4}\s?[a-zA-Z]?(?!\w)"
    r"|(?<!\w)[A-ZÀ-Þ][\w-]{1,30}[ -](?:Stra(?:ß|ss)e|Str\.|Allee|Platz|Weg|Ring|Damm|Ufer|STRASSE|STR\.)\s{0,2}\d{1,4}\s?[a-zA-Z]?(?!\w)"  # noqa: E501 - a pattern
    rf"|(?<!\w)(?:Am|Im|An der|An den|Auf dem|Auf der|Zum|Zur)\s{_CAP}\s\d{{1,4}}[a-z]?(?!\w)"
    rf"|(?<!\w)\d{{1,4}}(?:\s?(?:bis|ter))?,?\s(?i:rue|avenue|av\.|boulevard|bd|chemin|impasse|allée|quai|route|cours|place|square)\s(?:(?i:de la|de l['’]|des|du|de|d['’]|le|la|les)\s?){{0,2}}{_CAP}(?:[ -]{_CAP}){{0,3}}"  # noqa: E501 - a pattern
    rf"|(?<!\w)(?i:rue|avenue|boulevard|chemin|impasse)\s(?:(?i:de la|de l['’]|des|du|de|d['’])\s?){{0,2}}{_CAP}(?:[ -]{_CAP}){{0,3}}"  # noqa: E501 - a pattern
    rf"|(?<!\w)(?i:calle|c/|avenida|avda\.?|plaza|paseo|carretera|ronda|travesía|carrer)\s?(?:(?i:de las|de los|de la|del|de|la|los)\s){{0,2}}{_CAP}(?:\s(?:de\s(?:la\s)?)?{_CAP}){{0,3}}(?:,?\s?(?:n[º°.]{{1,2}}\s?)?\d{{1,4}})?"  # noqa: E501 - a pattern
    rf"|(?<!\w)(?:Via|Viale|Piazza|Corso|Rua|Largo)\s(?:(?:del|della|dei|di|da|do|dos)\s)?{_CAP}(?:\s{_CAP}){{0,2}},?\s?\d{{1,4}}"
    rf"|(?<!\w)(?i:ул\.|улица|пр\.|просп\.|пр-т|проспект|пер\.|переулок|наб\.|бульвар|шоссе|пл\.)\s?{_CAP}(?:\s{_CAP}){{0,2}}(?:,?\s?(?i:д\.|дом)?\s?\d{{1,4}}[а-я]?)?(?:,?\s?(?i:корп\.|к\.|стр\.)\s?\d{{1,3}})?(?:,?\s?(?i:кв\.|оф\.)\s?\d{{1,4}})?"
    rf"|(?<!\w)(?:г\.|город|гор\.|пос\.|дер\.)\s?[А-ЯЁ][а-яё-]{{2,30}}"
    r"|(?<!\w)(?i:p\.?\s?o\.?\s?box|postfach|apartado(?: de correos)?|b\.?p\.?|boîte postale|а/я)\s?\d{1,6}"  # noqa: E501 - a pattern
    r"|(?<!\w)(?i:apt|suite|ste|unit|apartment|flat)\.?\s?#?\s?\d{1,5}[a-zA-Z]?(?!\w|\s?mm)"
)
_CODES = re.compile(
    r"(?<![\w.,])(?:[A-Z]{1,2}-)?\d{5}(?:-\d{4})?\s(?:[A-ZÀ-Þ][\w'’-]{2,40})(?:[ -](?:am|an|der|im|sur|de|la|le|les|[A-ZÀ-Þ][\w'’-]{2,40})){0,4}"  # noqa: E501 - a pattern
    r"|(?<!\w)(?:[A-ZÀ-Þ][\w'’.-]{2,40}[ ,]{1,2}){1,3}[A-Z]{2},?\s\d{5}(?:-\d{4})?(?!\d)"
    r"|(?<![\w.])(?:AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC)\s\d{5}(?:-\d{4})?(?!\d)"
    r"|(?<!\w)(?:AB|AL|B|BA|BB|BD|BH|BL|BN|BR|BS|BT|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|DL|DN|DT|DY|E|EC|EH|EN|EX|FK|FY|G|GL|GU|HA|HD|HG|HP|HR|HS|HU|HX|IG|IP|IV|KA|KT|KW|KY|L|LA|LD|LE|LL|LN|LS|LU|M|ME|MK|ML|N|NE|NG|NN|NP|NR|NW|OL|OX|PA|PE|PH|PL|PO|PR|RG|RH|RM|S|SA|SE|SG|SK|SL|SM|SN|SO|SP|SR|SS|ST|SW|SY|TA|TD|TF|TN|TQ|TR|TS|TW|UB|W|WA|WC|WD|WF|WN|WR|WS|WV|YO|ZE)\d[A-Z\d]?\s\d[ABD-HJLNP-UW-Z]{2}(?!\w)"
    r"|(?<!\w)[ABCEGHJ-NPRSTVXY]\d[A-Z]\s?\d[A-Z]\d(?!\w)"
    r"|(?<![\w.,])[1-9]\d{3}\s?[A-Z]{2},?\s[A-Z][a-z]{2,30}"
    r"|〒?\s?\d{3}[-－]\d{4}(?!\d)|〒\s?\d{7}"
    r"|(?:東京都|北海道|(?:京都|大阪)府|[一-鿿]{2,3}県)[一-鿿ぁ-ヶー]{1,12}[市区町村郡][一-鿿ぁ-ヶー\d０-９一二三四五六七八九十丁目番地号の\-－ー]{0,30}"
    r"|[一-鿿ぁ-ヶ]{1,6}[市区町村][一-鿿ぁ-ヶー]{0,8}\d{1,4}(?:丁目|番地|番|号|[-－])[\d\-－番地号丁目]{0,12}"
)
_JOINS = re.compile(r"^[ .,'’_&/-]{0,3}$")
_PLAIN_JOINS = re.compile(r"^[ .'’_&-]{1,2}$")
_SAINTS = frozenset({"st", "saint", "sankt", "san", "santa", "sainte", "ste", "св"})
_LINKS = frozenset(
    {
        "of",
        "de",
        "la",
        "du",
        "des",
        "del",
        "le",
        "les",
        "am",
        "der",
        "den",
        "d",
        "l",
        "y",
        "the",
        "and",
        "und",
        "et",
        "di",
        "an",
        "im",
        "zu",
        "los",
        "las",
        "el",
        "dos",
        "do",
        "da",
        "имени",
        "им",
    }
)
_REACH = 6
_STREET_WORDS = 4
_SHORTEST_GLUED = 10


def place_spans(reading: Reading) -> list[Span]:
    """Find addresses and institutions.

    Parameters
    ----------
    reading
        The text, split.

    Returns
    -------
    list of (int, int)
        Half-open ranges of characters.
    """
    spans = [*_institutions(reading)]
    spans += [m.span() for m in _STREETS.finditer(reading.text) if not _is_clinical(m[0])]
    if any(char.isdigit() for char in reading.flat):
        spans += _numbered_streets(reading)
        spans += [m.span() for m in _CODES.finditer(reading.text) if not _is_clinical(m[0])]
    return spans


def _is_clinical(text: str) -> bool:
    """Tell whether every word of an apparent address is medical: `40000 Hounsfield units`."""
    words = [token for token in Reading.of(text).tokens if token.kind == WORD]
    return bool(words) and all(
        is_listed(token.folded)
        and is_only_medical(token.folded)
        and token.folded not in evidence("street")
        for token in words
    )


def _numbered_streets(reading: Reading) -> Iterator[Span]:
    """Find `12 Main Street`: a number, some capitalised words, a word for a street."""
    tokens = reading.tokens
    strong, weak = evidence("street"), evidence("weak-street")
    for index, token in enumerate(tokens):
        sure = token.folded in strong
        if token.kind != WORD or not (sure or (token.folded in weak and token.capital)):
            continue
        first = index - 1
        while first > 0 and index - first <= _STREET_WORDS and tokens[first].kind == WORD:
            first -= 1
        between = tokens[first + 1 : index]
        if first < 0 or tokens[first].kind != NUMBER or not between or len(tokens[first].text) > 5:  # noqa: PLR2004
            continue
        named = [t for t in between if t.capital and (sure or not is_only_medical(t.folded))]
        if named and all(reading.gap(i).strip(" .,'-") == "" for i in range(first, index)):
            yield tokens[first].start, token.end


def _institutions(reading: Reading) -> Iterator[Span]:
    for index in range(len(reading.tokens)):
        size = _noun_at(reading, index)
        if not size:
            continue
        noun = " ".join(token.folded for token in reading.tokens[index : index + size])
        first = _before(reading, index)
        last = _after(reading, index + size - 1)
        alone = first == index and last == index + size - 1
        if not alone or (noun not in evidence("weak-institution") and noun not in _GENERIC):
            yield reading.tokens[first].start, reading.tokens[last].end


_GENERIC = frozenset(
    {
        "hospital",
        "hospitals",
        "hosp",
        "hopital",
        "hopitaux",
        "krankenhaus",
        "spital",
        "hospice",
        "trust",
        "healthcare",
        "university",
        "universitat",
        "universite",
        "universidad",
        "университет",
        "поликлиника",
        "поликлиники",
        "клиника",
        "polyclinique",
        "charite",
        "maternite",
        "sanatorium",
        "диспансер",
        "health center",
        "imaging center",
        "care home",
        "nursing home",
    }
) - {"charite"}


def _noun_at(reading: Reading, index: int) -> int:
    tokens = reading.tokens
    for words in phrases("institution").get(tokens[index].folded, ()):
        last = index + len(words) - 1
        if last < len(tokens) and all(
            tokens[index + k].folded == word for k, word in enumerate(words)
        ):
            return len(words)
    return 1 if tokens[index].kind == WORD and _is_glued_noun(tokens[index].folded) else 0


def _is_glued_noun(folded: str) -> bool:
    return (
        folded.endswith(("klinikum", "krankenhaus", "spital", "klinik", "kliniken"))
        and len(folded) > _SHORTEST_GLUED
        and not folded.startswith("poli")
    )


def _is_part(token: Token, reading: Reading) -> bool:
    """Tell whether a word may be part of the name of an institution."""
    if token.kind == NUMBER:
        return len(token.text) <= 3  # noqa: PLR2004 - Hospital No. 12
    if not token.capital or token.kind != WORD:
        return False
    if token.folded in evidence("institution-word") or token.folded in _SAINTS:
        return True
    if token.folded in evidence("title"):
        return False
    return not is_listed(token.folded) or (may_be_name(token.folded) and not reading.all_capitals)


def _before(reading: Reading, index: int) -> int:
    first = index
    tokens = reading.tokens
    position = index - 1
    while position >= 0 and index - position <= _REACH:
        if not _PLAIN_JOINS.match(reading.gap(position)) or tokens[position].kind == NUMBER:
            break
        if ends_sentence(reading, position):
            break
        token = tokens[position]
        if _is_part(token, reading) and token.folded not in {"the", "at", "from", "in", "to"}:
            if not _is_verb(token, reading):
                first = position
        elif token.folded in evidence("lower-part") and not token.capital:
            first = position
        elif token.folded not in _LINKS or token.capital:
            break
        position -= 1
    while (
        first < index
        and tokens[first].folded in {"north", "south", "new"} | evidence("institution-word")
        and not _has_name(tokens[first + 1 : index])
        and is_medical(tokens[first].folded)
        and reading.all_capitals
    ):
        first += 1
    return first


def _is_verb(token: Token, reading: Reading) -> bool:
    return (
        token.folded in {"transferred", "admitted", "referred", "seen", "from", "exam", "patient"}
        and not reading.all_capitals
    )


def _has_name(tokens: list[Token]) -> bool:
    return any(not is_known(token.folded) for token in tokens)


def _after(reading: Reading, index: int) -> int:
    last = index
    tokens = reading.tokens
    position = index + 1
    while position < len(tokens) and position - index <= _REACH:
        gap = reading.gap(position - 1)
        if not _JOINS.match(gap) or "," in gap or ends_sentence(reading, position - 1):
            break
        token = tokens[position]
        if _is_part(token, reading):
            last = position
        elif token.folded not in _LINKS:
            break
        position += 1
    return last
