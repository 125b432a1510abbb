"""Frames of an object: raw bytes, stored values, and pictures for a detector, one at a time.

Nothing but the frame that is asked for is read, so memory does not grow with the object.
"""

from __future__ import annotations

import errno
import io
import os
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.errors import DamagedPixelsError
from fedpacs.deidentification.pixels.codecs import check_understood, decode
from fedpacs.deidentification.pixels.display import displayed
from fedpacs.deidentification.pixels.encapsulation import EncapsulatedPixels
from fedpacs.deidentification.pixels.facts import PictureFacts
from fedpacs.deidentification.pixels.plain import plain_pixels
from fedpacs.deidentification.pixels.samples import stored_values

if TYPE_CHECKING:
    from typing import BinaryIO

    from numpy.typing import NDArray

    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.pixels.facts import Pixels


_CHUNK_BYTES = 4 << 20


class Frames:
    """The frames of an object's pixel data.

    Parameters
    ----------
    parsed
        An object with pixel data; it must stay open.

    Raises
    ------
    DamagedPixelsError
        If the pixel data are missing, short, or not as the header describes them.
    UnsupportedObjectError
        If they are encoded in a way that cannot be looked into (``deid.pixel-encoding``).

    Attributes
    ----------
    facts
        What the header says about the pixels.
    """

    __slots__ = ("_encapsulated", "_parsed", "facts")

    def __init__(self, parsed: ParsedObject) -> None:
        self._parsed = parsed
        self.facts = PictureFacts.of(parsed)
        self._encapsulated: EncapsulatedPixels | None = None
        if self.facts.encapsulated:
            check_understood(self.facts.transfer_syntax_uid)
            self._encapsulated = EncapsulatedPixels(parsed, self.facts.frames)
        elif parsed.pixel is None or parsed.pixel.length < self.facts.native_bytes:
            raise DamagedPixelsError("The pixel data are not as long as the header says.")

    def __len__(self) -> int:
        """Count the frames."""
        return self.facts.frames

    @property
    def encapsulated(self) -> EncapsulatedPixels | None:
        """The fragments, where there are any."""
        return self._encapsulated

    def raw(self, number: int) -> memoryview:
        """Give a frame's bytes: its compressed stream, or its native pixels.

        Equal frames of an object have equal bytes.

        Parameters
        ----------
        number
            Frame, from 0.
        """
        if self._encapsulated is not None:
            return memoryview(self._encapsulated.frame(number))
        return memoryview(self.frame_bytes(number))

    def coded(self, number: int) -> Pixels:
        """Decode a frame and leave its samples as they are coded, unused bits included.

        Parameters
        ----------
        number
            Frame, from 0.

        Raises
        ------
        DamagedPixelsError
            If it cannot be decoded.
        """
        if self._encapsulated is not None:
            return decode(self.facts, self._encapsulated.frame(number))
        return plain_pixels(self.facts, self.frame_bytes(number))

    def array(self, number: int) -> Pixels:
        """Give a frame's stored values: signs right, colours as coded (JPEG 2000: RGB).

        Parameters
        ----------
        number
            Frame, from 0.

        Returns
        -------
        NDArray
            (Y, X) or (Y, X, S); it may be read-only.

        Raises
        ------
        DamagedPixelsError
            If it cannot be decoded.
        """
        return stored_values(self.facts, self.coded(number))

    def display(self, number: int, window: tuple[float, float] | None = None) -> NDArray[np.uint8]:
        """Give a frame as a viewer shows it.

        Parameters
        ----------
        number
            Frame, from 0.
        window
            Stored values shown as black and as white (the other way round in inverted pictures);
            None for the whole range of the frame without padding. Colour pictures have none.

        Returns
        -------
        NDArray
            (Y, X) grey, or (Y, X, 3) RGB.

        Raises
        ------
        DamagedPixelsError
            If it cannot be decoded, or its palette is missing.
        """
        return displayed(self.facts, self._parsed, self.array(number), window)

    @property
    def length(self) -> int:
        """Bytes of the value of the pixel data."""
        return 0 if self._parsed.pixel is None else self._parsed.pixel.length

    def frame_bytes(self, number: int) -> bytes:
        """Give the bytes of a native frame, pairs of bytes in order, from its first bit.

        Parameters
        ----------
        number
            Frame, from 0.

        Raises
        ------
        DamagedPixelsError
            If the file ends before.
        """
        if not 0 <= number < self.facts.frames:
            raise IndexError(number)
        bits = self.facts.frame_bits
        start, shift = divmod(number * bits, 8)
        end = (number * bits + bits + 7) // 8
        content = self.read(start, end - start)
        if self.facts.bits_allocated > 1 or (shift == 0 and bits % 8 == 0):
            return content
        single = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")
        return np.packbits(single[shift : shift + bits], bitorder="little").tobytes()

    def read(self, start: int, size: int) -> bytes:
        """Read native pixel bytes, pairs of bytes in order.

        Parameters
        ----------
        start
            Position in the pixel data.
        size
            Bytes.

        Raises
        ------
        DamagedPixelsError
            If the file ends before.
        """
        if not self.facts.swapped_words:
            return self.stored(start, size)
        first = start - start % 2
        end = start + size
        words = swapped(self.stored(first, min(end + end % 2, self.length) - first))
        return words[start - first : end - first]

    def copy(self, out: BinaryIO, size: int) -> None:
        """Copy pixel bytes as they lie in the file, from the first; into a file by the system.

        Parameters
        ----------
        out
            Empty file, open for writing.
        size
            Bytes.

        Raises
        ------
        DamagedPixelsError
            If the file ends before.
        """
        done = 0
        extent = self._parsed.pixel
        if extent is not None and not isinstance(out, io.BytesIO):
            done = _sent(self._parsed.source.descriptor, extent.offset, out.fileno(), size)
            out.seek(done)
        while done < size:
            done += out.write(self.stored(done, min(_CHUNK_BYTES, size - done)))

    def stored(self, start: int, size: int) -> bytes:
        """Read pixel bytes as they lie in the file.

        Parameters
        ----------
        start
            Position in the pixel data.
        size
            Bytes.

        Raises
        ------
        DamagedPixelsError
            If the file ends before.
        """
        extent = self._parsed.pixel
        content = b"" if extent is None else self._parsed.source.read(extent.offset + start, size)
        if len(content) != size:
            raise DamagedPixelsError("The pixel data are not as long as the header says.")
        return content


def _sent(source: int, offset: int, target: int, size: int) -> int:
    """Have the system copy between files; give how many bytes it did, none where it cannot."""
    done = 0
    while done < size:
        try:
            count = os.copy_file_range(source, target, size - done, offset + done)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise
            break
        if not count:
            break
        done += count
    return done


def swapped(words: bytes) -> bytes:
    """Change the places of the two bytes of each word.

    Parameters
    ----------
    words
        Bytes; a single one at the end stays.
    """
    whole = len(words) // 2 * 2
    return np.frombuffer(words[:whole], np.uint16).byteswap().tobytes() + words[whole:]
