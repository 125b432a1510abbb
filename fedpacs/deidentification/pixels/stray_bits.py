"""Bits that no pixel uses: found quickly, and cleared without touching a value.

Old overlays lie in the bits above or below the stored ones, and whatever a program left behind the
last pixel. A sign may reach into the unused bits, in every pixel or in none.

References
----------
PS3.5 8.1.1 and 8.1.2 (bits stored, overlays in unused bits; retired); PS3.3 C.9.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fedpacs.deidentification.pixels.facts import PictureFacts, Pixels


class UnusedBits:
    """What lies in the unused bits of samples, learned chunk by chunk.

    Parameters
    ----------
    bits
        Bits of a sample as it is coded.
    stored
        The part of them in use.
    high_bit
        Where that part ends.
    signed
        Whether samples are two's complement.
    """

    __slots__ = ("_below", "_bits", "_extended", "_plain", "_signed", "_top")

    def __init__(self, bits: int, stored: int, high_bit: int, *, signed: bool) -> None:
        self._bits = bits
        self._top = high_bit + 1
        self._below = high_bit + 1 - stored
        self._signed = signed
        self._plain = True
        self._extended = signed

    @classmethod
    def of(cls, facts: PictureFacts) -> UnusedBits | None:
        """Give the unused bits of samples with all allocated bits; None when there are none.

        Parameters
        ----------
        facts
            What the header says about the pixels.
        """
        if facts.kind != "integer" or facts.bits_stored == facts.bits_allocated:
            return None
        return cls(facts.bits_allocated, facts.bits_stored, facts.high_bit, signed=facts.signed)

    @property
    def clean(self) -> bool:
        """Whether all samples so far have nothing there, or all have their sign there."""
        return self._plain or self._extended

    def learn(self, samples: Pixels) -> None:
        """Look at more samples.

        Parameters
        ----------
        samples
            Integers of at least `bits` bits.
        """
        if not samples.size or not self.clean:
            return
        size = samples.dtype.itemsize
        unsigned = samples.view(f"u{size}")
        if self._below and int(np.bitwise_or.reduce(unsigned, axis=None)) & (1 << self._below) - 1:
            self._plain = self._extended = False
            return
        if self._plain:
            self._plain = int(unsigned.max()) < 1 << self._top
        if self._extended:
            signs = unsigned.view(f"i{size}")
            missing = size * 8 - self._bits
            if missing:
                signs = (signs << missing) >> missing
            limit = 1 << (self._top - 1)
            self._extended = int(signs.min()) >= -limit and int(signs.max()) < limit

    def cleared(self, samples: Pixels) -> Pixels:
        """Give samples with nothing but their sign in the unused bits.

        Parameters
        ----------
        samples
            As `learn` takes them.
        """
        kind = np.dtype(f"u{samples.dtype.itemsize}").type
        used = (1 << self._top) - (1 << self._below)
        kept = samples.view(kind) & kind(used)
        if self._signed:
            negative = (kept >> kind(self._top - 1)).astype(bool)
            kept[negative] |= kind((1 << self._bits) - (1 << self._top))
        cleared: Pixels = kept.view(samples.dtype)
        return cleared
