"""The pixels of a series: empty, cut, saturated, and CT values that are no Hounsfield units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.quality.findings import count, finding
from fedpacs.quality.geometry import in_order
from fedpacs.quality.pictures import text
from fedpacs.quality.pixels import rescale_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fedpacs.config.quality import Quality
    from fedpacs.quality.findings import QualityFinding
    from fedpacs.quality.pictures import Picture

PROJECTIONS = ("CR", "DX", "MG", "XA", "RF", "PX", "IO")
_HOUNSFIELD = ("", "HU", "HU_MOD")


def of_pixels(pictures: Sequence[Picture], rules: Quality) -> Iterator[QualityFinding]:
    """Check the pixels of all pictures of a series that are images."""
    facts = [f for p in pictures if (f := p.facts) is not None]
    if facts and all(f.constant for f in facts):
        yield finding("blank", "Not one image of the series shows anything.", images=len(facts))
        return
    yield from _saturated(pictures, rules)
    if pictures[0].instance.modality == "CT":
        yield from _hounsfield(pictures, rules)


def _saturated(pictures: Sequence[Picture], rules: Quality) -> Iterator[QualityFinding]:
    projection = pictures[0].instance.modality in PROJECTIONS
    limit = rules.saturated_fraction_projection if projection else rules.saturated_fraction
    if pictures[0].size[2] != 1:
        return
    parts = [f.saturated for p in pictures if (f := p.facts) is not None]
    high = [part for part in parts if part > limit]
    if high:
        sentence = f"Up to {max(high):.0%} of {count(len(high), 'image')} is saturated."
        yield finding("saturated", sentence, images=len(high), fraction=round(max(high), 4))


def _hounsfield(pictures: Sequence[Picture], rules: Quality) -> Iterator[QualityFinding]:
    rescales: dict[int, tuple[float, float] | None] = {}
    for picture in pictures:
        ds = picture.instance.ds
        if "ModalityLUTSequence" in ds:
            return
        rescales.setdefault(id(ds), rescale_of(ds))
    lacking = sum(r is None for r in rescales.values())
    if lacking:
        sentence = f"{count(lacking, 'image')} have no rescale slope and intercept."
        yield finding("no-rescale", sentence, images=lacking)
        return
    if len(set(rescales.values())) > 1:
        yield finding("mixed-rescale", "The images differ in rescale slope or intercept.")
    kind = text(pictures[0].instance.ds, "RescaleType")
    if kind not in _HOUNSFIELD:
        yield finding("not-hounsfield", "The CT says that its values are not HU.")
        return
    lightest = min(
        (
            f.minimum * r[0] + r[1]
            for p in pictures
            if (f := p.facts) is not None and (r := rescales[id(p.instance.ds)]) is not None
        ),
        default=-1000.0,
    )
    if lightest > rules.air_hu:
        sentence = f"The lightest voxel has {lightest:.0f} HU: no air, or no rescaling."
        yield finding("no-air", sentence, lightest_hu=round(lightest, 1))


def of_empty_slices(pictures: Sequence[Picture]) -> Iterator[QualityFinding]:
    """Look for slices that are empty or cut between others that are not."""
    ordered = in_order(pictures)
    shown = [i for i, p in enumerate(ordered) if p.facts is not None and not p.facts.constant]
    inner = ordered[shown[0] : shown[-1] + 1] if shown else []
    blank = sum(p.facts is not None and p.facts.constant for p in inner)
    if blank:
        sentence = f"{count(blank, 'image')} between others show nothing."
        yield finding("blank-slice", sentence, images=blank)
    cut = [i for i, p in enumerate(inner) if p.facts is not None and p.facts.cut]
    alone = [i for i in cut if 0 < i < len(inner) - 1 and not {i - 1, i + 1} & set(cut)]
    if alone and len(cut) == len(alone):
        sentence = f"The lower part of {count(len(alone), 'image')} is missing."
        yield finding("truncated-frame", sentence, images=len(alone))


def of_acquisition(pictures: Sequence[Picture]) -> Iterator[QualityFinding]:
    """Look for a stack that was put together from several acquisitions."""
    kernels = {p.axes.get("kernel") for p in pictures}
    if len(kernels) > 1:
        sentence = f"The images of a stack have {len(kernels)} convolution kernels."
        yield finding("mixed-kernel", sentence, kernels=len(kernels))
    voltages = {text(p.instance.ds, "KVP") for p in pictures}
    if len(voltages) > 1:
        sentence = f"The images of a stack have {len(voltages)} tube voltages."
        yield finding("mixed-exposure", sentence, voltages=len(voltages))
