"""Presidio behind its door: its pattern recognizers beside our own, without model and network."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerResult

Span = tuple[int, int]

_LANGUAGE = "en"
_THRESHOLD = 0.35
_OWN = "FEDPACS_IDENTITY"
_RECOGNIZERS = (
    "CreditCardRecognizer", "CryptoRecognizer", "IbanRecognizer", "IpRecognizer", "UrlRecognizer",
    "MedicalLicenseRecognizer", "UsSsnRecognizer", "UsItinRecognizer", "UsPassportRecognizer",
    "UsMbiRecognizer", "UsNpiRecognizer", "NhsRecognizer", "UkNinoRecognizer", "EsNifRecognizer",
    "EsNieRecognizer", "ItFiscalCodeRecognizer", "ItIdentityCardRecognizer", "DeTaxIdRecognizer",
    "DeHealthInsuranceRecognizer", "DeSocialSecurityRecognizer", "PlPeselRecognizer",
    "FiPersonalIdentityCodeRecognizer", "SePersonnummerRecognizer", "AuMedicareRecognizer",
    "InAadhaarRecognizer", "SgFinRecognizer", "KrRrnRecognizer", "TrNationalIdRecognizer",
    "UuidRecognizer", "MacAddressRecognizer",
)  # fmt: skip


def presidio_spans(text: str, known: Sequence[Span]) -> list[Span]:
    """Merge what Presidio finds with what is already known.

    Parameters
    ----------
    text
        The text.
    known
        What our own layers found, half-open; it takes part as a recognizer of its own, so that
        Presidio settles conflicts between the two.

    Returns
    -------
    list of (int, int)
        Half-open ranges of characters.
    """
    results = _analyzer().analyze(
        text, language=_LANGUAGE, score_threshold=_THRESHOLD, ad_hoc_recognizers=[_own(known)]
    )
    return [(result.start, result.end) for result in results]


@cache
def _analyzer() -> AnalyzerEngine:
    import presidio_analyzer.predefined_recognizers as predefined
    import tldextract
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NoOpNlpEngine

    class OfflineEmailRecognizer(predefined.EmailRecognizer):
        """The e-mail recognizer with the suffix list in the wheel: the other one fetches it."""

        _extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

        def validate_result(self, pattern_text: str) -> bool:
            return bool(self._extract(pattern_text).fqdn)

    recognizers = [
        getattr(predefined, name)(supported_language=_LANGUAGE)
        for name in _RECOGNIZERS
        if hasattr(predefined, name)
    ]
    recognizers.append(OfflineEmailRecognizer(supported_language=_LANGUAGE))
    recognizers.append(
        predefined.PhoneRecognizer(
            supported_language=_LANGUAGE,
            supported_regions=("US", "GB", "DE", "FR", "ES", "JP", "RU", "CH", "AT", "IT"),
        )
    )
    registry = RecognizerRegistry(recognizers=recognizers, supported_languages=[_LANGUAGE])
    engine = NoOpNlpEngine(models=[{"lang_code": _LANGUAGE, "model_name": "none"}])
    engine.load()
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[_LANGUAGE])


def _own(known: Sequence[Span]) -> EntityRecognizer:
    from presidio_analyzer import EntityRecognizer, RecognizerResult

    class KnownSpans(EntityRecognizer):
        """What the dictionary and the patterns found, with full certainty."""

        def load(self) -> None:
            """Do nothing: there is no model."""

        def analyze(
            self, text: str, entities: object, nlp_artifacts: object = None
        ) -> list[RecognizerResult]:
            del text, entities, nlp_artifacts
            return [RecognizerResult(_OWN, start, end, 1.0) for start, end in known]

    return KnownSpans(supported_entities=[_OWN], supported_language=_LANGUAGE, name=_OWN)
