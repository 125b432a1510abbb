"""Addresses: what a label says is one, and streets and postcodes of more countries."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fedpacs.deidentification.text.evidence import evidence, phrases
from fedpacs.deidentification.text.sentences import ends_sentence
from fedpacs.deidentification.text.tokens import NUMBER, WORD, Reading, Token
from fedpacs.deidentification.text.vocabulary import is_known, is_listed

if TYPE_CHECKING:
    from collections.abc import Iterator

Span = tuple[int, int]

_CAP = r"[^\W\d_a-zß-ÿ][\w'’.-]{1,40}"
_CITY = rf"{_CAP}(?:[ -]{_CAP}){{0,3}}"
_STREETS = re.compile(
    rf"(?<!\w)(?i:ul\.|ulica|al\.|aleja|pl\.|os\.)\s?{_CITY}\s\d{{1,4}}[a-zA-Z]?(?:[ /]{{0,2}}(?i:m\.|lok\.)?\s?\d{{1,4}})?"  # noqa: E501 - a pattern
    r"|(?<!\w)[^\W\d_a-z][\w'-]{2,40}(?i:gracht|straat|laan|plein|kade|singel|dijk|gatan|vägen|gränd|torget|gade|vej|gata|veien|katu|tie|kuja)\s\d{1,4}\s?[a-zA-Z]?(?!\w)"
    rf"|(?<!\w)(?:{_CAP}\s){{1,3}}(?i:caddesi|cad\.|sokak|sokağı|sok\.|bulvarı|blv\.|mahallesi|mah\.|utca|u\.|körút|náměstí|ulice)"
    r"(?:[\s,]{1,2}(?i:no\s?[:.]?\s?)?\d{1,4}(?:/\d{1,3})?)?"
    rf"|(?<!\w)(?:Rua|R\.|Avenida|Av\.|Travessa|Praça|Alameda|Estrada|Calle|Calz\.|Blvd\.|Carrera|Cra\.|Jirón|Jr\.)"
    rf"\s(?:(?i:da|do|das|dos|de|del|la|las|los)\s){{0,2}}(?:{_CAP}\s){{1,4}}(?i:n[º°.o]\s?)?\d{{1,5}}"
    rf"|(?<!\w)(?:Col\.|Colonia|Urb\.|Bairro|Kampung|Jalan|Jl\.|Lorong)\s{_CITY}"
    r"|(?<!\w)\d{1,4}(?:-\d{1,4}){1,2},?\s[A-Z][a-z]{2,20}(?:,\s?|\s)(?:[A-Z][a-z]{1,20}-(?:ku|shi|cho|machi|gun|ken|fu|gu|dong|ro|si)(?:,\s?|\s)?){1,3}"
    r"(?:[A-Z][a-z]{2,20})?(?:,?\s\d{3}-\d{4})?"
)
_CODES = re.compile(
    rf"(?<![\w.,/-])\d{{2}}-\d{{3}}\s{_CITY}|(?<![\w.,/-])\d{{5}}-\d{{3}}(?:\s{_CITY}|(?![\d-]))"
    rf"|(?<![\w.,/-])[1-9]\d{{3}}\s?[A-Z]{{2}}\s{_CITY}|(?<![\w.,/-])\d{{3}}\s\d{{2}}\s(?-i:[A-ZÀ-Þ][a-zà-ÿ]{{2,30}})"
    r"|(?<!\w)(?:G|[A-PR-UWYZ][A-HK-Y]?)\d{1,2}[A-HJKPS-UW]?\s\d(?!(?:ST|ND|RD|TH)\b)[ABD-HJLNP-UW-Z]{2}(?!\w)"
    r"|(?<![\w.,/-])[A-Z][\w-]{2,30},?\s(?:NSW|VIC|QLD|WA|SA|TAS|ACT|NT)\s\d{4}(?!\d)"
)
_LABEL_JOIN = re.compile(r"^(?:\.:)?\s?[:=#-]{0,2}\s{0,2}$")
_JOIN = re.compile(r"^[\s.,'’/#()º°:-]{0,3}$")
_LONGEST = 16
_SMALL_PARTS = frozenset({"apt", "no", "nr", "floor", "flat", "room", "m", "int", "ext", "cp"})


def address_spans(reading: Reading) -> Iterator[Span]:
    """Find addresses that a label tells, and those of countries with other streets.

    Parameters
    ----------
    reading
        The text, split.

    Yields
    ------
    (int, int)
        Half-open ranges of characters.
    """
    for index in range(len(reading.tokens)):
        yield from _behind_label(reading, index)
    if any(char.isdigit() for char in reading.flat):
        for match in _STREETS.finditer(reading.text):
            if not _is_of_medicine(match[0]):
                yield match.span()
        for match in _CODES.finditer(reading.text):
            if not _is_of_medicine(match[0]):
                yield match.span()


def _is_of_medicine(text: str) -> bool:
    words = [t for t in Reading.of(text).tokens if t.kind == WORD and len(t.text) > 3]  # noqa: PLR2004 - no short words of codes
    return bool(words) and all(is_listed(word.folded) for word in words)


def _behind_label(reading: Reading, index: int) -> Iterator[Span]:
    tokens = reading.tokens
    for words in phrases("address-label").get(tokens[index].folded, ()):
        first = index + len(words)
        spelled = tuple(token.folded for token in tokens[index:first]) == words
        if not spelled or first >= len(tokens):
            continue
        if _LABEL_JOIN.match(reading.gap(first - 1)):
            last = _end(reading, first)
            if last > first:
                yield tokens[first].start, tokens[last - 1].end
        return


def _end(reading: Reading, first: int) -> int:
    """Give the token behind the address that begins at one: it ends at a plain small word."""
    last, position = first, first
    while position < min(first + _LONGEST, len(reading.tokens)):
        if position > first and not _goes_on(reading, position - 1):
            break
        token = reading.tokens[position]
        if _is_part(token):
            last = position + 1
        elif token.folded not in evidence("particle") | evidence("date-joint"):
            break
        position += 1
    return last


def _goes_on(reading: Reading, index: int) -> bool:
    if not _JOIN.match(reading.gap(index)):
        return False
    return not ends_sentence(reading, index) or len(reading.tokens[index].text) <= 2  # noqa: PLR2004 - m. 4


def _is_part(token: Token) -> bool:
    if token.kind == NUMBER or token.folded in _SMALL_PARTS:
        return True
    street = token.folded in evidence("street") | evidence("weak-street")
    return token.kind == WORD and (token.capital or street or not is_known(token.folded))
