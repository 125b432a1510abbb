"""Cleaning: one free text without what identifies somebody, its clinical words kept.

Layers, in order: the object's own terms; patterns of dates, numbers, places and people; Presidio,
where something is left that is not plainly vocabulary; for strict profiles, the vocabulary gate.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from functools import lru_cache
from html import unescape
from typing import Literal
from urllib.parse import unquote

from fedpacs.deidentification.text.addresses import address_spans
from fedpacs.deidentification.text.dates import date_spans
from fedpacs.deidentification.text.dictionary import own_spans
from fedpacs.deidentification.text.eastern import eastern_spans
from fedpacs.deidentification.text.gate import gate_spans
from fedpacs.deidentification.text.names import NameMarks
from fedpacs.deidentification.text.numbers import number_spans
from fedpacs.deidentification.text.places import place_spans
from fedpacs.deidentification.text.removal import remove
from fedpacs.deidentification.text.sentences import spare_openers
from fedpacs.deidentification.text.suspicion import suspected_spans
from fedpacs.deidentification.text.terms import CompiledTerms, IdentityTerms, compile_terms
from fedpacs.deidentification.text.tokens import EASTERN, Reading

__all__ = ["CompiledTerms", "IdentityTerms", "Mode", "clean_text", "compile_terms", "mentions"]

Mode = Literal["clean", "vocabulary"]
Span = tuple[int, int]

_REMEMBERED_LENGTH = 4096
_ROUNDS = 8
_GARBAGE = re.compile(r"[^\W\d_]{0,64}[\ufffd\x00-\x08\x0b\x0e-\x1f\x7f-\x9f][^\W\d_]{0,64}")
_CODED = re.compile(
    r"(?<![A-Za-z0-9+/])(?=[A-Za-z0-9+/]*[a-z])(?=[A-Za-z0-9+/]*[A-Z])(?=[A-Za-z0-9+/]*\d)"
    r"[A-Za-z0-9+/]{24,}={0,2}|(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}){16,}(?![0-9A-Fa-f])"
)
_UNICODE_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[A-Za-z]{2,8});")
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2}){2,}")
_MOJIBAKE = re.compile(r"[\u00c2-\u00f4][\u0080-\u00bf]")


def clean_text(text: str, terms: CompiledTerms, mode: Mode) -> str:
    """Take out of a text what identifies somebody.

    Parameters
    ----------
    text
        The decoded text; several lines are fine.
    terms
        What the object says of its patient and staff.
    mode
        ``clean`` keeps what no layer objects to; ``vocabulary`` keeps only words of medicine.

    Returns
    -------
    str
        The text without the spans, blanks collapsed; "" when nothing may stay.

    References
    ----------
    DICOM PS3.15 E.3.5, Clean Descriptors Option.
    """
    if len(text) > _REMEMBERED_LENGTH:
        return _clean(text, terms, mode)
    return _remembered(text, terms, mode)


def mentions(text: str, terms: CompiledTerms) -> bool:
    """Tell whether a text holds a term of the object's own.

    Parameters
    ----------
    text
        The decoded text.
    terms
        What the object says of its patient and staff.
    """
    if len(text) > _REMEMBERED_LENGTH:
        return _mentions(text, terms)
    return _remembered_mention(text, terms)


def _mentions(text: str, terms: CompiledTerms) -> bool:
    return bool(own_spans(Reading.of(_readable(text)), terms))


def _clean(text: str, terms: CompiledTerms, mode: Mode) -> str:
    text = _readable(text)
    for _ in range(_ROUNDS):
        cleaned = _readable(_cleaned_once(text, terms, mode))
        if cleaned == text:
            return text
        text = cleaned
    return ""


def _cleaned_once(text: str, terms: CompiledTerms, mode: Mode) -> str:
    reading = Reading.of(text)
    found = [*date_spans(reading), *number_spans(reading), *place_spans(reading)]
    found += address_spans(reading)
    spans = [match.span() for match in _GARBAGE.finditer(reading.text)]
    spans += [match.span() for match in _CODED.finditer(reading.text)]
    spans += own_spans(reading, terms)
    spans += spare_openers(reading, found)
    if any(token.kind == EASTERN for token in reading.tokens):
        spans += eastern_spans(reading)
    marks = NameMarks(reading, spans)
    spans += marks.spans()
    spans += suspected_spans(reading, spans)
    if mode == "vocabulary":
        spans += gate_spans(reading, marks.kept)
    return remove(reading.text, spans)


def _readable(text: str) -> str:
    """Undo UTF-8 read as Latin-1, and compose accents, so that every layer sees the same words."""
    text = _unescaped(text)
    if text.isascii():
        return text
    if _MOJIBAKE.search(text):
        with suppress(UnicodeError):
            text = text.encode("latin-1").decode("utf-8")
    return unicodedata.normalize("NFC", text)


def _unescaped(text: str) -> str:
    """Write out what JSON, HTML and links write with escapes: a name is one all the same."""
    if "\\u" in text:
        text = _UNICODE_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "&" in text:
        text = _ENTITY.sub(lambda match: unescape(match[0]), text)
    if "%" in text:
        text = _PERCENT.sub(lambda match: unquote(match[0], errors="replace"), text)
    return text


_remembered = lru_cache(maxsize=8192)(_clean)
_remembered_mention = lru_cache(maxsize=8192)(_mentions)
