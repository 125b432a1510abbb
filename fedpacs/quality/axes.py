"""What tells apart pictures of the same place: echo, phase, diffusion, kind of image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing that may differ between stacks of a series.

    Attributes
    ----------
    name
        As a person reads it.
    keywords
        Attributes that carry it; the first that is there counts.
    defect
        Finding that tells of it.
    ranked
        The value differs from slice to slice (a time), so that its rank at a place counts.
    """

    name: str
    keywords: tuple[str, ...]
    defect: str
    ranked: bool = False


AXES = (
    Axis("echo", ("EffectiveEchoTime", "EchoTime"), "several-echoes"),
    Axis("echo number", ("EchoNumbers",), "several-echoes"),
    Axis("b-value", ("DiffusionBValue",), "several-b-values"),
    Axis("direction", ("DiffusionGradientOrientation",), "several-b-values"),
    Axis("time point", ("TemporalPositionIdentifier", "TemporalPositionIndex"), "several-phases"),
    Axis("cardiac phase", ("NominalPercentageOfCardiacPhase",), "several-phases"),
    Axis("kind", ("ImageType",), "several-kinds"),
    Axis("kind of frame", ("FrameType",), "several-kinds"),
    Axis("component", ("ComplexImageComponent",), "several-kinds"),
    Axis("kernel", ("ConvolutionKernel",), "several-kernels"),
    Axis("inversion", ("InversionTime",), "several-kinds"),
    Axis("flip angle", ("FlipAngle",), "several-kinds"),
    Axis("trigger", ("NominalCardiacTriggerDelayTime", "TriggerTime"), "several-phases", True),
    Axis("frame time", ("FrameReferenceTime",), "several-phases", True),
    Axis("acquisition", ("FrameAcquisitionNumber", "AcquisitionNumber"), "several-phases", True),
    Axis("acquired", ("FrameAcquisitionDateTime", "AcquisitionDateTime"), "several-phases", True),
    Axis("acquired at", ("AcquisitionTime",), "several-phases", True),
)


def values_of(sources: list[Dataset]) -> dict[str, object]:
    """Read what may tell a picture apart.

    Parameters
    ----------
    sources
        Items of its functional groups and the object's own header, the nearest first.
    """
    found: dict[str, object] = {}
    for axis in AXES:
        for keyword in axis.keywords:
            value = next((v for s in sources if (v := s.get(keyword)) not in (None, "")), None)
            if value is not None:
                found[axis.name] = _plain(value)
                break
    return found


def _plain(value: Any) -> object:  # noqa: ANN401 - a value of any VR
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return round(float(value), 3)
    try:
        return tuple(_plain(part) for part in value)
    except TypeError:
        return str(value)
