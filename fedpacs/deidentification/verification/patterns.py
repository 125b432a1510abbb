"""Patterns of names, dates, numbers and addresses in text that stays; Presidio as a second reader.

Most texts of a header are words of the standard, placeholders or keyed codes, and need neither.
What is left goes through expressions of our own, and free text that is no plain vocabulary once
more through Presidio, which stays behind this door: no language model, no network. Its own e-mail
recogniser would fetch the public suffix list; ours is given the copy that ``tldextract`` carries.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from fedpacs.deidentification.verification.standard import (
    PLACEHOLDERS,
    WORD,
    own_lists,
    vocabulary,
)
from fedpacs.deidentification.verification.words import dates_in, is_pseudonym

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine, EntityRecognizer

_MONTHS = (
    "Jan|Feb|Mar|M\u00e4r|F\u00e9v|Apr|Avr|May|Mai|Jun|Juin|Jul|Juil|Aug|Ao\u00fb|Sep|Oct|Okt|Nov|Dec"
    "|D\u00e9c|Dez"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_YEAR = r"(?:19|20)\d{2}"
_TITLES = "Mr|Mrs|Ms|Dr|Prof|Herr|Frau|Fr|Hr|Mme|Mlle|Sr|Sra|Sig|Doctor|Nurse|M\u00fcdir"
_NAME = (
    r"[^\W\d_]+[^\^\n]{0,40}\^[^\W\d_]+",
    r"\b[A-Z][A-Z'\-]+(?: [A-Z'\-]+)?, ?(?!(?:Inc|Ltd|Corp|Co|Gmbh|Llc)\b)[A-Z][a-z]+\b",
    rf"\b(?:{_TITLES})\.? [A-Z][\w'-]+",
)
_DATES = (
    rf"(?<![\d.]){_YEAR}[-/]{_MONTH}[-/]{_DAY}(?![\d.])",
    rf"(?<![\d.]){_DAY}[./-]{_MONTH}[./-]{_YEAR}(?![\d.])",
    rf"(?<![\d.]){_MONTH}/{_DAY}/{_YEAR}(?![\d.])",
    rf"(?<![\w.]){_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?![\w.])",
    rf"\b{_DAY}(?:st|nd|rd|th)?\.? ?(?:de )?(?:{_MONTHS})[^\W\d_]*\.?,? (?:de )?{_YEAR}\b",
    rf"\b(?:{_MONTHS})[^\W\d_]*\.? {_DAY}(?:st|nd|rd|th)?,? {_YEAR}\b",
    r"(?:18|19|20)\d\d\u5e74\d\d?\u6708\d\d?\u65e5",
)
_PHONES = (
    r"(?<![\w.+])\+\d{1,3}[ ()/\d-]{7,18}\d(?![\w.])",
    r"(?<![\w.])\(?0?\d{2,5}\)?[ /-]\d{2,4}(?:[ -]\d{2,5}){1,4}(?![\w.])",
    r"\b(?i:tel|fax|phone|mobil|handy)[ .:]{1,3}\+?[\d(][\d ()/-]{5,}\d",
)
_LABELS = "mrn|ssn|nhs|pid|acc|accession|case|fall|pat(?:ient)?[ -]?(?:id|nr|no)"
_RECORDS = (
    r"\b\d{3}-\d{2}-\d{4}\b",
    rf"\b(?i:{_LABELS})(?: ?(?:nr|no|number))?[ .:#=-]{{0,3}}[A-Z]{{0,4}}-?\d{{4,}}",
)
_PATTERNS: dict[str, tuple[str, ...]] = {
    "DICOM_NAME": _NAME,
    "WRITTEN_DATE": _DATES,
    "PHONE": _PHONES,
    "RECORD_NUMBER": _RECORDS,
}
_EMAIL = r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
_MINIMUM_PHONE_DIGITS = 9
_THRESHOLD = 0.3
_SENTENCE_WORDS = 3
_QUICK = {
    kind: re.compile("|".join(f"(?:{text})" for text in expressions), re.MULTILINE)
    for kind, expressions in _PATTERNS.items()
}
_MAIL = re.compile(_EMAIL)


@cache
def _analyzer() -> AnalyzerEngine:
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NoOpNlpEngine

    nlp_engine = NoOpNlpEngine([{"lang_code": "en", "model_name": "none"}])
    nlp_engine.load()
    registry = RecognizerRegistry(recognizers=_recognizers(), supported_languages=["en"])
    return AnalyzerEngine(registry=registry, nlp_engine=nlp_engine, supported_languages=["en"])


def _recognizers() -> list[EntityRecognizer]:
    from presidio_analyzer import Pattern, PatternRecognizer
    from presidio_analyzer.predefined_recognizers import (
        CreditCardRecognizer,
        IbanRecognizer,
        UsSsnRecognizer,
    )

    class Phone(PatternRecognizer):
        def validate_result(self, pattern_text: str) -> bool:
            return _has_phone_digits(pattern_text)

    class Email(PatternRecognizer):
        def validate_result(self, pattern_text: str) -> bool:
            return _is_mail(pattern_text)

    def patterns(expressions: tuple[str, ...]) -> list[Pattern]:
        return [Pattern(f"pattern {n}", text, 0.6) for n, text in enumerate(expressions)]

    recognizers: list[EntityRecognizer] = [
        (Phone if entity == "PHONE" else PatternRecognizer)(
            supported_entity=entity,
            patterns=patterns(expressions),
            global_regex_flags=re.MULTILINE,
        )
        for entity, expressions in _PATTERNS.items()
    ]
    recognizers.append(Email(supported_entity="E_MAIL", patterns=patterns((_EMAIL,))))
    recognizers += [CreditCardRecognizer(), IbanRecognizer(), UsSsnRecognizer()]
    return recognizers


@cache
def _domains() -> object:
    from tldextract import TLDExtract

    return TLDExtract(suffix_list_urls=(), cache_dir=None)


def _is_mail(text: str) -> bool:
    return bool(_domains()(text.rpartition("@")[2]).suffix)  # type: ignore[operator]  # untyped library


def _has_phone_digits(text: str) -> bool:
    return sum(c.isdigit() for c in text) >= _MINIMUM_PHONE_DIGITS


@lru_cache(maxsize=16384)
def suspicious(text: str, *, is_sentence: bool = True) -> tuple[str, ...]:
    """Give the kinds of identifying patterns in a text, sorted.

    Parameters
    ----------
    text
        One value of an attribute that stays.
    is_sentence
        Whether it may be one; a maker's name is held to the quick patterns only.
    """
    if is_pseudonym(text) or text.casefold() in PLACEHOLDERS:
        return ()
    found = set(_quick(text))
    if not found and is_sentence and _is_free(text):
        results = _analyzer().analyze(
            text=text, language="en", score_threshold=_THRESHOLD, regex_flags=re.MULTILINE
        )
        found = {
            result.entity_type
            for result in results
            if result.entity_type != "DICOM_NAME" or not _is_public(text[result.start : result.end])
        }
    return tuple(sorted(found))


def _quick(text: str) -> list[str]:
    found = []
    for kind, expression in _QUICK.items():
        for match in expression.finditer(text):
            if kind == "DICOM_NAME" and _is_public(match[0]):
                continue
            if kind == "PHONE" and not _has_phone_digits(match[0]):
                continue
            found.append(kind)
            break
    if "@" in text and any(_is_mail(match[0]) for match in _MAIL.finditer(text)):
        found.append("E_MAIL")
    if "WRITTEN_DATE" not in found and _is_free(text) and _has_month(text):
        found.append("WRITTEN_DATE")
    return found


def _has_month(text: str) -> bool:
    """Tell whether there is a date with the month as a word, in one of several languages."""
    return any(c.isdigit() for c in text) and bool(dates_in(text)) and len(WORD.findall(text)) > 1


def _is_public(text: str) -> bool:
    """Tell whether every word is one of the standard's, or a maker's."""
    words = {word.casefold() for word in WORD.findall(text)}
    return words <= vocabulary() | own_lists()["maker"]


def _is_free(text: str) -> bool:
    """Tell whether a text is somebody's sentence: several words, not all of the standard."""
    return len(WORD.findall(text)) >= _SENTENCE_WORDS and not (
        _is_public(text) and not any(c.isdigit() for c in text)
    )
