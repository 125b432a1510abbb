"""Compressed pixel data written anew: streams stripped of what is no picture, frames changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.dicom.elements import Element
from fedpacs.deidentification.errors import DamagedPixelsError, UnsupportedObjectError
from fedpacs.deidentification.pixels.codecs import (
    DCT,
    STREAMS,
    checked_header,
    decode,
    encode,
)
from fedpacs.deidentification.pixels.codestream import strip_fragment
from fedpacs.deidentification.pixels.encapsulation import STARTS
from fedpacs.deidentification.pixels.jpeg import mask_blocks
from fedpacs.deidentification.pixels.jpeg_2000 import code_stream_of
from fedpacs.deidentification.pixels.plain import clean_plain
from fedpacs.deidentification.pixels.rle import RLE_LOSSLESS, clean_rle
from fedpacs.deidentification.pixels.samples import dct_levels
from fedpacs.deidentification.pixels.scratch import ContentFile
from fedpacs.deidentification.pixels.stray_bits import UnusedBits
from fedpacs.deidentification.pixels.streams import StreamHeader, header_of

if TYPE_CHECKING:
    from pathlib import Path

    from fedpacs.deidentification.pixels.changes import Changes
    from fedpacs.deidentification.pixels.content import PixelContent
    from fedpacs.deidentification.pixels.encapsulation import EncapsulatedPixels
    from fedpacs.deidentification.pixels.facts import PictureFacts
    from fedpacs.deidentification.pixels.frames import Frames

_PHOTOMETRIC = 0x00280004


def rewrite_compressed(
    frames: Frames, pixels: EncapsulatedPixels, changes: Changes, scratch: Path
) -> PixelContent | None:
    """Write encapsulated pixel data anew, cleaned and changed.

    Parameters
    ----------
    frames
        The object's frames.
    pixels
        Its fragments.
    changes
        What is to change.
    scratch
        Folder for a large result.

    Returns
    -------
    PixelContent or None
        None when there is nothing to change and nothing to clean.
    """
    work = _Rewriting(frames.facts, pixels, changes)
    needed = work.look() or not pixels.tables_true
    if not needed and not changes.numbers:
        return None
    with ContentFile(scratch, frames.length) as file:
        attributes = dict(pixels.write(file.out, work.stream))
        if work.all_reversible:
            attributes[_PHOTOMETRIC] = Element.of_text(_PHOTOMETRIC, "CS", "YBR_RCT")
        return file.content(frames.facts, attributes)


class _Rewriting:
    """What becomes of each frame."""

    def __init__(self, facts: PictureFacts, pixels: EncapsulatedPixels, changes: Changes) -> None:
        self.facts = facts
        self.pixels = pixels
        self.changes = changes
        self.unused: UnusedBits | None = None

    @property
    def all_reversible(self) -> bool:
        """Whether every frame of an irreversible JPEG 2000 picture in colour is coded anew."""
        changed = len(self.changes.numbers) == len(self.pixels)
        return changed and self.facts.photometric == "YBR_ICT"

    def look(self) -> bool:
        """Look at every frame once; tell whether one has something to take out."""
        found = False
        for number in range(len(self.pixels)):
            original = self.pixels.frame(number)
            cleaned = self._cleaned(original)
            found |= cleaned is not original
            self._learn(cleaned)
        if self.unused is not None and self.unused.clean:
            self.unused = None
        return found or self.unused is not None

    def stream(self, number: int) -> bytes | None:
        """Give the new stream of a frame; None where it stays as it is."""
        original = self.pixels.frame(number)
        cleaned = self._cleaned(original)
        if number in self.changes.numbers:
            return self._changed(number, cleaned)
        if self.unused is not None:
            coded = decode(self.facts, cleaned)
            cleared = self.unused.cleared(coded)
            if not np.array_equal(coded, cleared):
                return encode(self.facts, cleaned, cleared)
        return None if cleaned is original else cleaned

    def _cleaned(self, original: bytes) -> bytes:
        if self.facts.transfer_syntax_uid in STREAMS:
            if not original.startswith(STARTS):
                raise DamagedPixelsError("A compressed frame is no stream of a known kind.")
            return strip_fragment(original)
        if self.facts.transfer_syntax_uid == RLE_LOSSLESS:
            return clean_rle(self.facts, original)
        return clean_plain(self.facts, original)

    def _changed(self, number: int, cleaned: bytes) -> bytes:
        if self.facts.transfer_syntax_uid in STREAMS:
            stream = code_stream_of(cleaned)
            if checked_header(self.facts, stream).process in DCT:
                boxes = self.changes.boxes(number)
                if boxes is None:
                    raise UnsupportedObjectError(
                        "A lossy frame cannot be replaced without a further loss.",
                        code="deid.pixel-encoding",
                    )
                return mask_blocks(stream, boxes, dct_levels(self.facts))
        coded = decode(self.facts, cleaned)
        changed = self.changes.applied(number, coded)
        if self.unused is not None:
            changed = self.unused.cleared(changed)
        return encode(self.facts, cleaned, changed)

    def _learn(self, cleaned: bytes) -> None:
        """Look into the unused bits of a frame, where it can have any."""
        if self.facts.bits_stored == self.facts.bits_allocated:
            return
        if self.facts.transfer_syntax_uid not in STREAMS:
            self.unused = self.unused or UnusedBits.of(self.facts)
        else:
            try:
                header = header_of(code_stream_of(cleaned))
            except DamagedPixelsError:
                return  # told when somebody asks for its pixels
            if not _may_hold_more(self.facts, header):
                return
            size = 8 if header.precision <= 8 else 16 if header.precision <= 16 else 32  # noqa: PLR2004 - as decoded
            self.unused = self.unused or UnusedBits(
                size if header.signed else header.precision,
                self.facts.bits_stored,
                self.facts.high_bit,
                signed=self.facts.signed or header.signed,
            )
        if self.unused is not None and self.unused.clean:
            self.unused.learn(decode(self.facts, cleaned))


def _may_hold_more(facts: PictureFacts, header: StreamHeader) -> bool:
    """Tell whether a stream has bits above the stored ones, and keeps each of them exactly."""
    exact = header.reversible if header.jpeg_2000 else header.process not in DCT
    return exact and header.precision > facts.bits_stored
