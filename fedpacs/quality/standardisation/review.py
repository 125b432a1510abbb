"""A person's answer to a question: checked, made a rule of the site, and given to its series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.quality.errors import BadAnswerError
from fedpacs.quality.standardisation.mapping import Rule, add_rule
from fedpacs.quality.standardisation.vocabulary import UNKNOWN, values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fedpacs.quality.standardisation.register import Register

_PRIORITY = 500
"""An answer names one protocol exactly; a written rule may still be set above it."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer did.

    Attributes
    ----------
    question
        Its number.
    series
        Series that have the answer now.
    open_questions
        Questions that are left.
    """

    question: str
    series: int
    open_questions: int


def answer(register: Register, mapping: Path, number: str, said: Mapping[str, str]) -> Answered:
    """Answer a question.

    Parameters
    ----------
    said
        Field to value, for every field in doubt, and for others that are to be put right.
        ``unknown`` closes the question: nobody knows.

    Raises
    ------
    UnknownQuestionError
        If no open question has this number.
    BadAnswerError
        If a field in doubt is left out or a value is not of the vocabulary.
    BadMappingError
        If the mapping file is faulty.
    """
    question = register.question(number)
    left = [field for field in question.fields if field not in said]
    if left:
        raise BadAnswerError(f"The question asks for {', '.join(left)} too.")
    wrong = [f for f, v in said.items() if v != UNKNOWN and v not in values(f)]
    if wrong:
        raise BadAnswerError(f"The vocabulary has no such value for {', '.join(wrong)}.")
    rule = Rule(
        series=question.series,
        protocol=question.protocol,
        modality=question.modality or None,
        priority=_PRIORITY,
        origin="answered",
        **said,
    )
    add_rule(mapping, rule)
    return Answered(number, register.answer(number, said), len(register.questions()))
