"""Presidio behind its door: patterns of names, dates, numbers and addresses in text that stays.

Every recogniser is our own and self-contained: no language model, no network. Presidio's own
e-mail recogniser would fetch the public suffix list; ours is given the copy that ``tldextract``
carries.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine, EntityRecognizer

_MONTHS = "Jan|Feb|Mar|Apr|May|Mai|Jun|Jul|Aug|Sep|Oct|Okt|Nov|Dec|Dez"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_YEAR = r"(?:19|20)\d{2}"
_PATTERNS: dict[str, tuple[str, ...]] = {
    "DICOM_NAME": (
        r"[^\W\d_]+[^\^\n]{0,40}\^[^\W\d_]+",
        r"\b[A-Z][A-Z'\-]+(?: [A-Z'\-]+)?, ?(?!(?:Inc|Ltd|Corp|Co|Gmbh|Llc)\b)[A-Z][a-z]+\b",
        r"\b(?:Mr|Mrs|Ms|Dr|Prof|Herr|Frau|Mme|Sr|Sra)\.? [A-Z][\w'-]+",
    ),
    "WRITTEN_DATE": (
        rf"(?<![\d.]){_YEAR}[-/]{_MONTH}[-/]{_DAY}(?![\d.])",
        rf"(?<![\d.]){_DAY}[./-]{_MONTH}[./-]{_YEAR}(?![\d.])",
        rf"(?<![\d.]){_MONTH}/{_DAY}/{_YEAR}(?![\d.])",
        rf"(?<![\w.]){_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?![\w.])",
        rf"\b{_DAY}\.? (?:{_MONTHS})[a-z]*\.? {_YEAR}\b",
        rf"\b(?:{_MONTHS})[a-z]*\.? {_DAY},? {_YEAR}\b",
    ),
    "PHONE": (
        r"(?<![\w.+])\+\d{1,3}[ ()/\d-]{7,18}\d(?![\w.])",
        r"(?<![\w.])\(?0?\d{2,5}\)?[ /-]\d{2,4}(?:[ -]\d{2,5}){1,4}(?![\w.])",
    ),
    "RECORD_NUMBER": (
        r"\b\d{3}-\d{2}-\d{4}\b",
        r"\b(?i:mrn|ssn|nhs|pid|pat(?:ient)?[ -]?(?:id|nr|no))[ .:#=-]{0,3}[A-Z]{0,4}\d{3,}",
    ),
}
_EMAIL = r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
_MINIMUM_PHONE_DIGITS = 9
_THRESHOLD = 0.3


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
    from tldextract import TLDExtract

    domains = TLDExtract(suffix_list_urls=(), cache_dir=None)

    class Phone(PatternRecognizer):
        def validate_result(self, pattern_text: str) -> bool:
            return sum(c.isdigit() for c in pattern_text) >= _MINIMUM_PHONE_DIGITS

    class Email(PatternRecognizer):
        def validate_result(self, pattern_text: str) -> bool:
            return bool(domains(pattern_text.rpartition("@")[2]).suffix)

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
    return recognizers


@lru_cache(maxsize=4096)
def suspicious(text: str) -> tuple[str, ...]:
    """Give the kinds of identifying patterns in a text, sorted.

    Parameters
    ----------
    text
        One value of an attribute that stays.
    """
    results = _analyzer().analyze(
        text=text, language="en", score_threshold=_THRESHOLD, regex_flags=re.MULTILINE
    )
    return tuple(sorted({result.entity_type for result in results}))
