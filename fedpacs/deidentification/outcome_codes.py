"""What each code of a report means, in a sentence, and what to do next: words for people."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from fedpacs.core.errors import FedpacsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class CodeMeaning:
    """A code, explained.

    Attributes
    ----------
    sentence
        What happened.
    next_step
        What to do about it.
    """

    code: str
    sentence: str
    next_step: str


_UNKNOWN = CodeMeaning("", "The file was refused.", "Look the code up in docs/reference/errors.md.")


def meaning_of_code(code: str) -> CodeMeaning:
    """Explain a code of a map, a report or a finding.

    Parameters
    ----------
    code
        For example ``deid.leak-name``; one that nobody knows is explained in general words.
    """
    listed = _listed()
    found = listed.get(code) or _of_error(code)
    if found is None:
        stems = [stem for stem in listed if stem.endswith("*") and code.startswith(stem[:-1])]
        found = listed[max(stems, key=len)] if stems else _UNKNOWN
    return CodeMeaning(code, found.sentence, found.next_step)


@cache
def _listed() -> Mapping[str, CodeMeaning]:
    text = resources.files("fedpacs.deidentification").joinpath("data", "outcome_codes.csv")
    lines = text.read_text(encoding="utf-8").splitlines()
    rows = csv.reader(line for line in lines if not line.startswith("#"))
    next(rows)
    return {code: CodeMeaning(code, sentence, step) for code, sentence, step in rows}


def _of_error(code: str) -> CodeMeaning | None:
    """Take the words of the error that has this code."""
    for kind in _errors(FedpacsError):
        if kind.code == code:
            sentence = " ".join((kind.__doc__ or "").strip().split("\n\n")[0].split())
            return CodeMeaning(code, sentence, kind.default_hint)
    return None


def _errors(kind: type[FedpacsError]) -> Iterator[type[FedpacsError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _errors(child)
