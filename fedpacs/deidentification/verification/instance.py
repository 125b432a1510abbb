"""The independent verification: finds what the engine should not have left, and says it in codes.

It shares no code with the engine. It reads both files anew, takes from the original every value
that had to go, and looks for it in the whole output. Besides, it checks every attribute of the
output against Table E.1-1 itself, and every text that stays against patterns.
"""

from __future__ import annotations

import logging
import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pydicom

from fedpacs.deidentification.verification.patterns import suspicious
from fedpacs.deidentification.verification.search import found_in_bytes, found_in_element
from fedpacs.deidentification.verification.source import TEXT_VRS, gather, texts, walk
from fedpacs.deidentification.verification.table import (
    attribute_findings,
    code_findings,
    declared,
    structure_findings,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from pydicom.dataelem import DataElement
    from pydicom.dataset import FileDataset

    from fedpacs.deidentification.verification.source import Path as Place

_METHOD_CODES = 0x00120064
_CODE_TAGS = frozenset({0x00080100, 0x00080102, 0x00080104})
_PSEUDONYM = re.compile(r"(?:P-)?[A-Z2-7]{16}")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something that the output should not hold, or lacks. It never holds a value.

    Attributes
    ----------
    code
        Stable identifier, for example ``deid.leak-name``.
    tag
        ``GGGG,EEEE`` of the attribute of the output; empty when it is about the whole file.
    """

    code: str
    tag: str = ""


def verify_instance(
    original: Path, deidentified: Path, options: Collection[str] | None = None
) -> tuple[Finding, ...]:
    """Compare a de-identified file with its original.

    Parameters
    ----------
    original
        Identified file.
    deidentified
        What the engine made of it.
    options
        Codes of CID 7050 that the site's profile carries out; nothing else excuses a value that
        stayed. None takes those that the output declares and the original did not.

    Returns
    -------
    tuple[Finding, ...]
        Empty when nothing was found. A file that cannot be read is a finding, too.
    """
    with _silence():
        try:
            content = deidentified.read_bytes()
            new = pydicom.dcmread(deidentified)
        except Exception:  # noqa: BLE001 - an unreadable output is a finding, whatever made it so
            return (Finding("deid.output-unreadable"),)
        try:
            old = pydicom.dcmread(original, force=True)
            chosen = declared(new) - declared(old) if options is None else frozenset(options)
            return tuple(
                sorted(set(_findings(_Pair(old, new, content, deidentified.stem, chosen))))
            )
        except Exception:  # noqa: BLE001 - what cannot be compared to its end is not verified
            return (Finding("deid.not-verifiable"),)


@dataclass(frozen=True, slots=True, repr=False)
class _Pair:
    """What is compared. Identified; has no ``repr``."""

    old: FileDataset
    new: FileDataset
    content: bytes
    stem: str
    options: frozenset[str]


def _findings(pair: _Pair) -> Iterator[Finding]:
    old, new = pair.old, pair.new
    elements = list(walk(new))
    kept: dict[Place, list[str]] = {}
    for where, element in elements:
        if element is None:
            yield Finding("deid.output-unreadable", _name(where[-1]))
        else:
            kept[where] = texts(element)
    evidence = gather(old, kept)
    for code in found_in_bytes(pair.content, evidence):
        yield Finding(code)
    for code, tag in structure_findings(old, new, pair.stem, pair.options):
        yield Finding(code, _name(tag) if tag else "")
    for code, tag in code_findings(new):
        yield Finding(code, _name(tag))
    originals = {where: element for where, element in walk(old) if element is not None}
    for where, element in elements:
        if element is None or where[0] == _METHOD_CODES:
            continue
        codes = (
            *found_in_element(where, element, evidence),
            *attribute_findings(element, originals.get(where), pair.options),
            *_pattern_findings(where, element),
        )
        for code in codes:
            yield Finding(code, _name(where[-1]))


def _pattern_findings(where: Place, element: DataElement) -> Iterator[str]:
    if element.VR not in TEXT_VRS or where[-1] in _CODE_TAGS:
        return
    for text in texts(element):
        if not _PSEUDONYM.fullmatch(text) and suspicious(text):
            yield "deid.suspicious-text"


def _name(tag: int) -> str:
    return f"{tag >> 16:04x},{tag & 0xFFFF:04x}"


@contextmanager
def _silence() -> Iterator[None]:
    """Keep pydicom from printing or logging values."""
    logger = logging.getLogger("pydicom")
    before = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before
