"""Walking to the end of what has no length: sequences and items of undefined length.

References
----------
PS3.5 7.5.2 (delimitation of sequences and items).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.deidentification.dicom.nested import MAXIMUM_DEPTH
from fedpacs.deidentification.dicom.syntax import (
    ITEM,
    ITEM_END,
    LITTLE_IMPLICIT,
    SEQUENCE_END,
    UNDEFINED,
    Encoding,
)
from fedpacs.deidentification.errors import CutObjectError, DamagedObjectError

if TYPE_CHECKING:
    from fedpacs.deidentification.dicom.source import Source


class Walker:
    """Finds the end of what has no length, through windows of the source."""

    def __init__(self, source: Source, encoding: Encoding) -> None:
        self.source = source
        self.encoding = encoding

    def header(self, position: int) -> tuple[int, str, int, int]:
        """Give tag, VR, length and place of the value of the element at a place."""
        content, base = self.source.window(position)
        tag, vr, length, value = self.encoding.header(content, position - base)
        return tag, vr, length, value + base

    def sequence_end(self, position: int, *, fragments: bool, depth: int) -> int:
        """Give where a sequence, or the fragments of pixel data, ends: behind its delimiter.

        Raises
        ------
        CutObjectError, DamagedObjectError
            If it has no end, or is nested too deeply.
        """
        if depth > MAXIMUM_DEPTH:
            raise DamagedObjectError("Sequences are nested without end.")
        while True:
            tag, _, length, value = self.header(position)
            if tag == SEQUENCE_END:
                return value
            if tag != ITEM or (fragments and length == UNDEFINED):
                raise CutObjectError("A sequence holds something else than items.")
            position = self.item_end(value, depth) if length == UNDEFINED else value + length
            if position > self.source.size:
                raise CutObjectError("The file ends in the middle of a sequence.")

    def item_end(self, position: int, depth: int) -> int:
        """Give where an item ends: behind its delimiter."""
        while True:
            tag, vr, length, value = self.header(position)
            if tag == ITEM_END:
                return value
            if length != UNDEFINED:
                position = value + length
            elif vr == "UN" and not self.encoding.implicit:
                inner = Walker(self.source, LITTLE_IMPLICIT)
                position = inner.sequence_end(value, fragments=False, depth=depth + 1)
            else:
                position = self.sequence_end(value, fragments=False, depth=depth + 1)
            if position > self.source.size:
                raise CutObjectError("The file ends in the middle of a sequence.")
