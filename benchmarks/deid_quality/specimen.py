"""A specimen: one file of the corpus and the answer key of its de-identified form."""

from __future__ import annotations

import base64
import zlib
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PRIVACY = (
    "removed",
    "shifted",
    "changed",
    "age",
    "meta",
    "leak",
    "hidden",
    "markers",
)
UTILITY = (
    "retained",
    "words",
    "not-null",
    "consistent",
    "interval",
    "reference",
    "pixels",
    "surroundings",
    "side-marker",
    "conformance",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the answer key.

    Parameters
    ----------
    name
        What is asked: one of `PRIVACY` or `UTILITY`.
    where
        Path of tags (`00081140/00081155`), private ones as `0019@CREATOR@0C`.
    expected
        The source's value, span or word.
    """

    name: str
    where: str
    expected: str


@dataclass(frozen=True, slots=True)
class Planted:
    """A string that identifies, and what it is (name, id, date, place, phone, uid, ...)."""

    text: str
    what: str


@dataclass(frozen=True, slots=True)
class Box:
    """Text burned into a frame: where, and the bitmap of its strokes.

    Parameters
    ----------
    frame
        Index from 0; -1 for an overlay.
    x0, y0
        Upper left corner in px.
    strokes
        (Y, X) bool, packed by `packed`.
    identifying
        False for a side marker or a scale, which should stay.
    """

    frame: int
    x0: int
    y0: int
    shape: tuple[int, int]
    strokes: str
    text: str
    identifying: bool

    def mask(self) -> NDArray[np.bool_]:
        """Give the strokes, (Y, X)."""
        bits = np.frombuffer(zlib.decompress(base64.b64decode(self.strokes)), np.uint8)
        count = self.shape[0] * self.shape[1]
        return np.unpackbits(bits)[:count].reshape(self.shape).astype(bool)


def packed(mask: NDArray[np.bool_]) -> str:
    """Write a mask as base64 of packed bits."""
    return base64.b64encode(zlib.compress(np.packbits(mask).tobytes())).decode()


@dataclass(slots=True)
class Specimen:
    """One file of the corpus.

    Parameters
    ----------
    path
        Relative to the corpus.
    kind
        One of the corpus's kinds.
    person
        Key of the patient, whose dates all shift alike.
    readable
        False where refusing is the right answer (no DICOM, directory, cut file).
    frames
        Frames of pixel data; 0 without pixels.
    encodings
        Python codecs in which the file may hold its text.
    """

    path: str
    kind: str
    person: str
    variant: str = ""
    syntax: str = ""
    readable: bool = True
    frames: int = 0
    encodings: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    planted: list[Planted] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)

    def expect(self, name: str, where: str, expected: str) -> None:
        """Add a line to the answer key."""
        self.checks.append(Check(name, where, expected))

    def plant(self, text: str, what: str) -> None:
        """Name a string that must not be anywhere in the output."""
        if text and all(text != one.text for one in self.planted):
            self.planted.append(Planted(text, what))

    def as_json(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return asdict(self)

    @classmethod
    def of_json(cls, plain: dict[str, Any]) -> Specimen:
        """Read what `as_json` wrote."""
        plain = dict(plain)
        plain["checks"] = [Check(**one) for one in plain["checks"]]
        plain["planted"] = [Planted(**one) for one in plain["planted"]]
        plain["boxes"] = [
            Box(**{**one, "shape": (one["shape"][0], one["shape"][1])}) for one in plain["boxes"]
        ]
        return cls(**plain)
