"""Pictures as data URIs: a PNG writer over zlib, label overlays, and where two labels differ.

Nothing but the standard library and numpy is needed, so the page has no image library behind it.
"""

from __future__ import annotations

import base64
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.core.errors import SimulationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LABEL_COLOURS: tuple[tuple[int, int, int], ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (204, 121, 167),
    (213, 94, 0),
)
"""Colour-blind safe (Okabe and Ito 2008), in the order of the labels; `report.css` names them."""

DIFFERENCE_COLOUR: tuple[int, int, int] = (240, 228, 66)

_GREYSCALE, _TRUECOLOUR = 0, 2


class PictureError(SimulationError):
    """An array is not a picture of the expected shape and type."""

    code = "simulation.picture"
    default_hint = "Give uint8 arrays, (Y, X) or (Y, X, 3); label maps of the image's own shape."


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Write an 8-bit PNG.

    Parameters
    ----------
    pixels
        Shape ``(Y, X)`` for grey or ``(Y, X, 3)`` for RGB, uint8.

    Raises
    ------
    PictureError
        If the array is something else.

    References
    ----------
    PNG (W3C, third edition) clauses 5 and 11.2.
    """
    grey = pixels.ndim == 2  # noqa: PLR2004 - rows and columns
    if pixels.dtype != np.uint8 or not pixels.size or not (grey or pixels.shape[2:] == (3,)):
        raise PictureError(f"A {pixels.dtype} array of shape {pixels.shape} is not a picture.")
    height, width = pixels.shape[:2]
    colour_type = _GREYSCALE if grey else _TRUECOLOUR
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    lines = np.ascontiguousarray(pixels).reshape(height, -1)
    filtered = np.hstack([np.zeros((height, 1), np.uint8), lines])  # filter type 0 on every line
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", zlib.compress(filtered.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """Give a picture as ``data:image/png;base64,...``; see `encode_png`."""
    return "data:image/png;base64," + base64.b64encode(encode_png(pixels)).decode("ascii")


def overlay(
    image: NDArray[np.uint8], labels: NDArray[np.uint8], *, opacity: float = 0.6
) -> NDArray[np.uint8]:
    """Lay a label map over a grey image.

    Parameters
    ----------
    image, labels
        Shape ``(Y, X)``, uint8. Label 0 stays uncoloured.
    opacity
        Of the colour, 0 to 1.

    Returns
    -------
    numpy.ndarray
        Shape ``(Y, X, 3)``, uint8.

    Raises
    ------
    PictureError
        If the shapes differ.
    """
    _same_shape(image, labels)
    palette = np.array([(0, 0, 0), *LABEL_COLOURS], np.float64)
    numbers = np.where(labels > 0, (labels.astype(int) - 1) % len(LABEL_COLOURS) + 1, 0)
    alpha = np.where(labels > 0, opacity, 0.0)[..., None]
    blended = (1 - alpha) * image[..., None] + alpha * palette[numbers]
    return np.rint(blended).astype(np.uint8)


def differences(
    image: NDArray[np.uint8], truth: NDArray[np.uint8], predicted: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Mark every pixel whose label differs, on a darkened image; shapes as in `overlay`."""
    _same_shape(image, truth)
    _same_shape(image, predicted)
    picture = np.repeat((image // 2)[..., None], 3, axis=2)
    picture[truth != predicted] = DIFFERENCE_COLOUR
    return picture


def _same_shape(image: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    if image.ndim != 2 or image.shape != labels.shape:  # noqa: PLR2004 - rows and columns
        raise PictureError(f"A label map of shape {labels.shape} does not fit {image.shape}.")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
