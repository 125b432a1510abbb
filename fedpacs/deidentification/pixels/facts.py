"""Picture facts: what the header says about the pixels, checked once, so that nobody guesses later.

References
----------
PS3.3 C.7.6.3 (Image Pixel), C.7.5.1.1.2 (Pixel Padding Value); PS3.5 8 (encoding of pixel data).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fedpacs.deidentification.errors import DamagedPixelsError, UnsupportedObjectError

if TYPE_CHECKING:
    from fedpacs.deidentification.dicom.parsed import ParsedObject

Pixels: TypeAlias = np.ndarray[Any, np.dtype[Any]]
"""Samples of any type."""
PIXEL_DATA = 0x7FE00010
FLOAT_PIXEL_DATA = 0x7FE00008
DOUBLE_FLOAT_PIXEL_DATA = 0x7FE00009
_KINDS = {
    PIXEL_DATA: ("integer", 0, 0x00280120, 0x00280121),
    FLOAT_PIXEL_DATA: ("float", 32, 0x00280122, 0x00280124),
    DOUBLE_FLOAT_PIXEL_DATA: ("double", 64, 0x00280123, 0x00280125),
}
_SAMPLES = 0x00280002
_PHOTOMETRIC = 0x00280004
_PLANAR = 0x00280006
_FRAMES = 0x00280008
_ROWS = 0x00280010
_COLUMNS = 0x00280011
_ALLOCATED = 0x00280100
_STORED = 0x00280101
_HIGH = 0x00280102
_SIGNED = 0x00280103
_PRESENTATION_SHAPE = 0x20500020
_ALLOWED_BITS = (1, 8, 16, 32, 64)
_ALLOWED_SAMPLES = (1, 3, 4)
_SUBSAMPLED = ("YBR_FULL_422", "YBR_PARTIAL_422")
_PLAIN_FRAMES = ("1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.8.1")
_GE_BIG_PIXELS = "1.2.840.113619.5.2"  # little endian but for the pixels
_MAXIMUM_FRAME_BYTES = 1 << 30
_WORDS = 1 << 16


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What the header says about the pixels.

    Parameters
    ----------
    tag
        Pixel Data, Float Pixel Data or Double Float Pixel Data.
    kind
        ``integer``, ``float`` or ``double``.
    rows, columns
        Size of a frame, px.
    frames
        Number of frames, at least 1.
    samples
        Samples of a pixel: 1, 3 or 4.
    bits_allocated, bits_stored, high_bit
        Size of a sample, the part of it in use, and where that part ends.
    signed
        Whether samples are two's complement.
    planar
        Whether samples lie colour by plane in native data.
    photometric
        Photometric Interpretation; ``MONOCHROME2`` or ``RGB`` where the header names none.
    inverted
        Whether low values are displayed bright.
    padding
        Lowest and highest value that stands for "no pixel here", stored values, or None.
    transfer_syntax_uid
        Encoding of the file.
    encapsulated
        Whether frames are compressed streams in fragments.
    little
        Byte order of native data.
    swapped_words
        Whether bytes lie in swapped pairs: samples of a byte or less in big endian words.
    subsampled
        Whether native data hold two samples per pixel, chrominance for every second column.
    """

    tag: int
    kind: str
    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    planar: bool
    photometric: str
    inverted: bool
    padding: tuple[float, float] | None
    transfer_syntax_uid: str
    encapsulated: bool
    little: bool
    swapped_words: bool
    subsampled: bool

    @classmethod
    def of(cls, parsed: ParsedObject) -> PictureFacts:
        """Read the facts from an object's header.

        Parameters
        ----------
        parsed
            An object with pixel data.

        Raises
        ------
        DamagedPixelsError
            If there are no pixel data, or the header does not describe them.
        UnsupportedObjectError
            If the header describes pixels of a kind that does not exist any more
            (``deid.pixel-encoding``).
        """
        extent = parsed.pixel
        if extent is None or extent.tag not in _KINDS:
            raise DamagedPixelsError("The object has no pixel data.")
        if sum(tag in parsed for tag in _KINDS) > 1:
            raise DamagedPixelsError("The object has more than one kind of pixel data.")
        kind, bits, lowest, highest = _KINDS[extent.tag]
        samples = _integer(parsed, _SAMPLES, 1)
        photometric = parsed.text(_PHOTOMETRIC).strip().upper()
        allocated = bits or _integer(parsed, _ALLOCATED, 0)
        stored = bits or _integer(parsed, _STORED, 0) or allocated
        signed = None if bits else _integer(parsed, _SIGNED, 0) == 1
        little = parsed.little and parsed.transfer_syntax_uid != _GE_BIG_PIXELS
        facts = cls(
            tag=extent.tag,
            kind=kind,
            rows=_integer(parsed, _ROWS, 0),
            columns=_integer(parsed, _COLUMNS, 0),
            frames=1,
            samples=samples,
            bits_allocated=allocated,
            bits_stored=stored,
            high_bit=stored - 1 if bits else _integer(parsed, _HIGH, stored - 1),
            signed=signed is True,
            planar=samples > 1 and _integer(parsed, _PLANAR, 0) == 1,
            photometric=photometric or ("MONOCHROME2" if samples == 1 else "RGB"),
            inverted=photometric == "MONOCHROME1"
            or (samples == 1 and parsed.text(_PRESENTATION_SHAPE).strip().upper() == "INVERSE"),
            padding=_padding(parsed, (lowest, highest), signed),
            transfer_syntax_uid=parsed.transfer_syntax_uid,
            encapsulated=parsed.encapsulated,
            little=little,
            swapped_words=not little and extent.vr == "OW" and allocated <= 8,  # noqa: PLR2004 - a byte
            subsampled=photometric in _SUBSAMPLED
            and (not parsed.encapsulated or parsed.transfer_syntax_uid in _PLAIN_FRAMES),
        )
        facts._check()
        return facts._counted(parsed)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a decoded frame: (Y, X) or (Y, X, S)."""
        if self.samples == 1:
            return (self.rows, self.columns)
        return (self.rows, self.columns, self.samples)

    @property
    def frame_bits(self) -> int:
        """Bits of one native frame."""
        samples = 2 if self.subsampled else self.samples
        return self.rows * self.columns * samples * self.bits_allocated

    @property
    def native_bytes(self) -> int:
        """Bytes of all native frames, without padding."""
        return (self.frame_bits * self.frames + 7) // 8

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of a decoded sample, in this machine's byte order."""
        if self.kind != "integer":
            return np.dtype(f"f{self.bits_allocated // 8}")
        return np.dtype(f"{'i' if self.signed else 'u'}{max(self.bits_allocated // 8, 1)}")

    def _check(self) -> None:
        if not 0 < self.rows < 1 << 16 or not 0 < self.columns < 1 << 16:
            raise DamagedPixelsError("The header describes no pixels.")
        if self.samples not in _ALLOWED_SAMPLES or self.bits_allocated not in _ALLOWED_BITS:
            raise UnsupportedObjectError(
                "The header describes pixels of a size that no decoder reads.",
                code="deid.pixel-encoding",
            )
        if not 0 < self.bits_stored <= self.bits_allocated or not (
            self.bits_stored - 1 <= self.high_bit < self.bits_allocated
        ):
            raise DamagedPixelsError("The header describes pixels that do not fit their bits.")
        if self.frame_bits > _MAXIMUM_FRAME_BYTES * 8:
            raise UnsupportedObjectError(
                "A single frame is too large to be looked at.", code="deid.pixel-encoding"
            )

    def _counted(self, parsed: ParsedObject) -> PictureFacts:
        """Give the facts with the number of frames, and with what only the length tells."""
        extent = parsed.pixel
        given = _count(parsed)
        frames = given or 1
        if extent is None or self.encapsulated:
            return self._with(frames=frames)
        full = self.rows * self.columns * self.samples * self.bits_allocated // 8
        if self.subsampled and full * frames <= extent.length:
            return self._with(frames=frames, subsampled=False)  # said so, not done so
        if given is None and extent.length % max(self.frame_bits // 8, 1) == 0:
            frames = max(extent.length * 8 // self.frame_bits, 1)
        return self if frames == self.frames else self._with(frames=frames)

    def _with(self, **changes: int) -> PictureFacts:
        values = {name: getattr(self, name) for name in self.__slots__}
        return PictureFacts(**{**values, **changes})


def _integer(parsed: ParsedObject, tag: int, default: int) -> int:
    value = parsed.integer(tag, default)
    return default if value is None else value


def _count(parsed: ParsedObject) -> int | None:
    """Give the number of frames as written; 1 where there is none, None where it is no number."""
    text = parsed.text(_FRAMES).strip(" \0")
    try:
        return max(int(text), 1) if text else 1
    except ValueError:
        return None


def _padding(
    parsed: ParsedObject, tags: tuple[int, int], signed: bool | None
) -> tuple[float, float] | None:
    """Give the range of the padding; integers take their sign from the pixels (PS3.5 A.1 c)."""
    values = parsed.numbers(tags[0])[:1]
    if not values:
        return None
    values += parsed.numbers(tags[1])[:1]
    if signed is not None:
        words = [int(value) % _WORDS for value in values]
        values = [word - _WORDS if signed and word >= _WORDS // 2 else word for word in words]
    return (min(values), max(values))
