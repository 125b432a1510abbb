"""What can go wrong in quality control and standardisation."""

from __future__ import annotations

from fedpacs.core.errors import QualityError


class BadMappingError(QualityError):
    """The site's mapping of series names has a fault."""

    code = "quality.bad-mapping"
    default_hint = "Correct the rule that is named; docs/how-to/standardise-series.md shows some."


class UnknownQuestionError(QualityError):
    """No open question has this number."""

    code = "quality.unknown-question"
    default_hint = "`fedpacs site series review` lists the open questions with their numbers."


class BadAnswerError(QualityError):
    """An answer names a value that the field does not know, or leaves a field in doubt."""

    code = "quality.bad-answer"
    default_hint = "`fedpacs site series values` lists what each field may say."


class RegisterError(QualityError):
    """The register of series cannot be opened, read or written."""

    code = "quality.register-unusable"
    default_hint = "Check that [standardisation] series names a writable file, and free space."
