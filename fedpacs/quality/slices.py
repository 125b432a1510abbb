"""The slices of a series as quality control sees them: tolerant reading, numbers only."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import dcmread
from pydicom.pixels.processing import apply_modality_lut

from fedpacs.core.digest import sha256_hex

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset


@dataclass(frozen=True, slots=True)
class Frame:
    """Decoded pixels in short.

    Attributes
    ----------
    digest
        SHA-256 of the decoded pixels.
    constant
        True when all pixels are equal.
    minimum
        Smallest value, in modality units.
    """

    digest: str
    constant: bool
    minimum: float


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """One image of a series; None stands for what is missing or unreadable.

    Attributes
    ----------
    position
        Shape ``(3,)``, mm.
    directions
        Shape ``(2, 3)``: along a row and along a column.
    pixel_spacing
        Between rows and between columns, mm.
    size
        Rows, columns, samples per pixel.
    protocol
        Values that one acquisition shares, as far as they are there.
    frame
        None when the pixels cannot be decoded.
    """

    series_uid: str
    sop_instance_uid: str
    modality: str
    single_frame: bool
    localizer: bool
    position: NDArray[np.float64] | None
    directions: NDArray[np.float64] | None
    pixel_spacing: tuple[float, float] | None
    size: tuple[int, int, int]
    protocol: tuple[str, ...]
    frame: Frame | None

    @property
    def placed(self) -> bool:
        """True when the slice says where it lies."""
        parts = (self.position, self.directions, self.pixel_spacing)
        return all(part is not None for part in parts)


def read_slice(file: bytes | Path) -> Slice | None:
    """Read one image, or give None when it is not readable DICOM."""
    try:
        ds = dcmread(file if isinstance(file, Path) else BytesIO(file))
        directions = _numbers(ds, "ImageOrientationPatient", 6)
        spacing = _numbers(ds, "PixelSpacing", 2)
        return Slice(
            series_uid=str(ds.get("SeriesInstanceUID") or ""),
            sop_instance_uid=str(ds.get("SOPInstanceUID") or ""),
            modality=str(ds.get("Modality") or ""),
            single_frame=int(ds.get("NumberOfFrames") or 1) == 1,
            localizer="LOCALIZER" in (ds.get("ImageType") or ()),
            position=_numbers(ds, "ImagePositionPatient", 3),
            directions=None if directions is None else directions.reshape(2, 3),
            pixel_spacing=None if spacing is None else (float(spacing[0]), float(spacing[1])),
            size=tuple(int(ds.get(k) or 0) for k in ("Rows", "Columns", "SamplesPerPixel")),  # type: ignore[arg-type] # three keys
            protocol=tuple(str(ds.get(k) or "") for k in ("ConvolutionKernel", "KVP")),
            frame=_frame(ds),
        )
    except Exception:  # noqa: BLE001 - the parser raises many types on damaged input
        return None


def _numbers(ds: Dataset, keyword: str, count: int) -> NDArray[np.float64] | None:
    value: Any = ds.get(keyword)
    if value is None or isinstance(value, str | float) or len(value) != count:
        return None
    numbers = np.array([float(v) for v in value])
    return numbers if bool(np.isfinite(numbers).all()) else None


def _frame(ds: Dataset) -> Frame | None:
    try:
        pixels = ds.pixel_array
        values = apply_modality_lut(pixels, ds)
    except Exception:  # noqa: BLE001 - decoders raise many types on damaged input
        return None
    return Frame(
        digest=sha256_hex(np.ascontiguousarray(pixels).tobytes()),
        constant=bool((pixels == pixels.flat[0]).all()),
        minimum=float(values.min()),
    )
