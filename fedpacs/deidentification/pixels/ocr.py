"""OCR: where a picture shows text and what it says, by models that come with their package.

The models are PP-OCRv6 (Apache-2.0) in the wheel of rapidocr. Nothing is fetched: a missing model
is an error. One thread, and pictures are looked at in tiles, so memory does not grow with them.
"""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fedpacs.core.errors import MachineError
from fedpacs.deidentification.pixels.box import Box

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

TILE_PX = 1024
_OVERLAP_PX = 64
_SMALLEST_PX = 8
_LINE_PX = 48
_WIDEST = 32
_TILT = 0.12
_MOST_KNOWN = 1024
_MODELS = {
    "Det.model_path": "PP-OCRv6_det_small.onnx",
    "Rec.model_path": "PP-OCRv6_rec_small.onnx",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A piece of text that the detector sees.

    Parameters
    ----------
    box
        In px of the picture.
    score
        Of the detector, 0 to 1.
    corners
        Of a piece that is tilted: x and y, px, from its upper left clockwise; else none.
    """

    box: Box
    score: float
    corners: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Words:
    """What a line of text says.

    Parameters
    ----------
    text
        As read; "" where nothing is.
    confidence
        Of the recognizer, 0 to 1.
    """

    text: str
    confidence: float

    def __repr__(self) -> str:
        """Show no text: it may name the patient."""
        return f"Words({len(self.text)} characters)"


class Reader:
    """The two models of OCR, loaded on first use; what was read is not read again.

    The same banner stands on every frame of a loop and on every picture of a series.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Words] = OrderedDict()

    def find(self, picture: Picture) -> list[Found]:
        """Find pieces of text, lying or standing.

        Parameters
        ----------
        picture
            (Y, X) or (Y, X, 3).
        """
        found: list[Found] = []
        for x0, y0, tile in _tiles(picture):
            result = _models().text_det(_colours(tile))
            if result.boxes is None:
                continue
            for quad, score in zip(result.boxes, result.scores, strict=True):
                (left, top), (right, bottom) = quad.min(axis=0), quad.max(axis=0)
                box = Box(int(left) + x0, int(top) + y0, int(right) + 1 + x0, int(bottom) + 1 + y0)
                found.append(Found(box, float(score), _tilted(np.add(quad, (x0, y0)))))
        return found

    def read(self, lines: Sequence[Picture]) -> list[Words]:
        """Read lines of text, lying.

        Parameters
        ----------
        lines
            Each (Y, X) or (Y, X, 3), one line of text with a little room around it.
        """
        return [self._known_or_read(line) for line in lines]

    def _known_or_read(self, line: Picture) -> Words:
        digest = hashlib.blake2b(repr(line.shape).encode(), digest_size=16)
        digest.update(np.ascontiguousarray(line).data)
        words = self._known.pop(digest.digest(), None) or self._read(line)
        self._known[digest.digest()] = words
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        return words

    def _read(self, line: Picture) -> Words:
        if min(line.shape[:2]) < 2 or line.shape[1] > _WIDEST * line.shape[0]:  # noqa: PLR2004 - no line
            return Words("", 0.0)
        recognizer = _models().text_rec
        height, width = line.shape[:2]
        ratio = max(width / height, 1.0)
        batch = recognizer.resize_norm_img(_colours(line), ratio)[np.newaxis].astype(np.float32)
        scores = recognizer.session(batch)
        results, _ = recognizer.postprocess_op(
            scores, False, wh_ratio_list=[ratio], max_wh_ratio=ratio
        )
        text, confidence = results[0][0], results[0][1]
        return Words(str(text).strip(), float(confidence))


def _tilted(corners: NDArray[Any]) -> tuple[tuple[float, float], ...]:
    """Give the corners of a piece of text that neither lies nor stands."""
    along = corners[1] - corners[0]
    if min(abs(float(along[0])), abs(float(along[1]))) < _TILT * float(np.hypot(*along)):
        return ()
    return tuple((float(x), float(y)) for x, y in corners)


@lru_cache(maxsize=1)
def _models() -> Any:  # noqa: ANN401 - the package has no types
    import rapidocr

    folder = Path(rapidocr.__file__).parent / "models"
    missing = [name for name in _MODELS.values() if not (folder / name).is_file()]
    if missing:
        raise MachineError(f"The models of OCR are not there: {', '.join(missing)}.")
    engine: Any = rapidocr.RapidOCR(
        params={
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Global.log_level": "error",
            "Global.use_cls": False,
            "Det.limit_type": "max",
            "Det.limit_side_len": 4 * TILE_PX,
            "Det.box_thresh": 0.4,
            **{key: str(folder / name) for key, name in _MODELS.items()},
        }
    )
    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    engine._load_det_model()  # noqa: SLF001 - the pieces are used one by one
    engine._load_rec_model()  # noqa: SLF001 - likewise
    return engine


def _colours(picture: Picture) -> Picture:
    if picture.ndim == 2:  # noqa: PLR2004 - grey
        return np.repeat(picture[:, :, np.newaxis], 3, axis=2)
    return np.ascontiguousarray(picture[:, :, ::-1])


def _tiles(picture: Picture) -> Iterator[tuple[int, int, Picture]]:
    height, width = picture.shape[:2]
    for y0, y1 in _spans(height):
        for x0, x1 in _spans(width):
            tile = picture[y0:y1, x0:x1]
            if min(tile.shape[:2]) >= _SMALLEST_PX:
                yield x0, y0, _roomy(tile)


def _spans(size: int) -> list[tuple[int, int]]:
    """Cut a side into equal parts that overlap."""
    count = max(1, -(-(size - _OVERLAP_PX) // (TILE_PX - _OVERLAP_PX)))
    part = -(-(size + (count - 1) * _OVERLAP_PX) // count)
    starts = [round(index * (size - part) / max(count - 1, 1)) for index in range(count)]
    return [(start, start + part) for start in starts]


def _roomy(tile: Picture) -> Picture:
    """Widen a tile to a multiple of 32 px by its edge, so that it is not scaled."""
    height, width = tile.shape[:2]
    below, right = -height % 32, -width % 32
    margins = ((0, below), (0, right), *(((0, 0),) * (tile.ndim - 2)))
    return np.pad(tile, margins, mode="edge")
