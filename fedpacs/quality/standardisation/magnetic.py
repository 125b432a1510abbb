"""The sequence class of an MR series by its physics: times, angles, and what the scanner says.

References
----------
Bernstein, King, Zhou: Handbook of MRI Pulse Sequences (2004); PS3.3 C.8.3.1 MR Image module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.quality.pictures import numbers, text, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset

_SAID = (
    ({"LOCALIZER", "SCOUT"}, "localizer", 0.98),
    ({"ADC", "ADC_UNSPECIFIED"}, "adc", 0.95),
    ({"SWI"}, "swi", 0.95),
    ({"TRACEW", "DIFFUSION"}, "dwi", 0.95),
    ({"FA", "TENSOR"}, "dti", 0.9),
    ({"TOF", "ANGIO"}, "mra", 0.9),
    ({"PERFUSION", "TTP", "RELCBF", "RELMTT", "RELCBV", "ASL"}, "perfusion", 0.9),
    ({"FMRI", "BOLD"}, "bold", 0.9),
    ({"SUBTRACTION"}, "subtraction", 0.9),
)


@dataclass(frozen=True, slots=True)
class _Times:
    """Repetition, echo and inversion time in ms, flip angle in degrees; NaN when not said."""

    tr: float
    te: float
    ti: float
    flip: float


def sequence_of(ds: Dataset) -> Iterator[tuple[str, float]]:
    """Give the sequence class that the physics speaks for, with how far to believe it.

    Parameters
    ----------
    ds
        Header of one MR image. Nothing is given where the physics fits several classes.
    """
    kind = {word.upper() for word in words(ds, "ImageType")}
    for said, value, weight in _SAID:
        if said & kind:
            yield value, weight
            return
    weighting = numbers([ds], "DiffusionBValue", 1)
    if weighting is not None and weighting[0] > 0:
        yield "dwi", 0.95
        return
    if text(ds, "AngioFlag").upper() == "Y":
        yield "mra", 0.8
        return
    kinds = {word.upper() for word in words(ds, "ScanningSequence")}
    variant = {word.upper() for word in words(ds, "SequenceVariant")}
    found = _weighting(_times(ds), kinds, variant)
    if found:
        yield found


def _times(ds: Dataset) -> _Times:
    def one(keyword: str) -> float:
        value = numbers([ds], keyword, 1)
        return float("nan") if value is None else float(value[0])

    return _Times(*(one(k) for k in ("RepetitionTime", "EchoTime", "InversionTime", "FlipAngle")))


def _weighting(t: _Times, kinds: set[str], variant: set[str]) -> tuple[str, float] | None:
    if "EP" in kinds:
        return None  # diffusion, perfusion and BOLD look alike here
    if "GR" in kinds:
        return _gradient_echo(t, kinds, variant)
    if "SE" in kinds or "IR" in kinds:
        return _inversion(t) or _spin_echo(t)
    return None


def _inversion(t: _Times) -> tuple[str, float] | None:
    if t.ti >= 1500 and t.te >= 60:  # noqa: PLR2004 - the inversion time that nulls water
        return "flair", 0.9
    if 80 <= t.ti <= 300 and t.tr >= 1500:  # noqa: PLR2004 - the one that nulls fat
        return "stir", 0.85
    if 300 < t.ti < 1300 and t.te < 30 and t.tr < 3500:  # noqa: PLR2004 - in between
        return "t1-flair", 0.6
    return None


def _spin_echo(t: _Times) -> tuple[str, float] | None:
    if t.ti > 0:
        return None
    if t.te <= 30 and t.tr <= 1000:  # noqa: PLR2004 - both short
        return "t1", 0.85
    if t.te >= 70 and t.tr >= 1800:  # noqa: PLR2004 - both long
        return "t2", 0.85
    if t.te <= 35 and t.tr >= 1800:  # noqa: PLR2004 - short echo, long repetition
        return "pd", 0.8
    return None


def _gradient_echo(t: _Times, kinds: set[str], variant: set[str]) -> tuple[str, float] | None:
    if t.te < 8 and ("IR" in kinds or "MP" in variant) and 400 <= t.ti <= 1400:  # noqa: PLR2004 - MPRAGE
        return "t1", 0.85
    if t.te >= 15 and t.flip <= 35 and t.tr >= 100:  # noqa: PLR2004 - long echo for its kind
        return "t2star", 0.75
    return None
