"""What each kind of image must say of itself: CR, DX, MG, US, PT, and multi-frame objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.quality.findings import count, finding
from fedpacs.quality.intensities import PROJECTIONS
from fedpacs.quality.pictures import number, text, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydicom import Dataset

    from fedpacs.quality.findings import QualityFinding
    from fedpacs.quality.pictures import Instance

_GREY = ("MONOCHROME1", "MONOCHROME2")
_ONLY_GREY = ("CT", "MR", "PT", "CR", "DX", "MG")
_KNOWN = (*_GREY, "RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420")
_JPEG_2000 = ("YBR_ICT", "YBR_RCT", "XYB")
_INVERSE = {"MONOCHROME1": "IDENTITY", "MONOCHROME2": "INVERSE"}
_PAIRED = (
    *("HAND", "FOOT", "KNEE", "HIP", "SHOULDER", "ELBOW", "WRIST", "ANKLE", "ARM", "LEG"),
    *("FEMUR", "TIBIA", "HUMERUS", "FOREARM", "CLAVICLE", "BREAST", "FINGER", "TOE", "CALCANEUS"),
)
_OFTEN_WRITTEN_ON = ("US", "SC", "OT", "XA", "RF", "ES", "XC")


def of_kind(instances: Sequence[Instance]) -> Iterator[QualityFinding]:
    """Check what the objects of one series say of themselves, by their modality."""
    yield from _burned_in(instances)
    yield from _photometric(instances)
    checks = {"US": _ultrasound, "PT": _pet, "MG": _projection, "DX": _projection}
    check = checks.get(instances[0].modality)
    if instances[0].modality == "CR":
        check = _projection
    if check is not None:
        yield from check(instances)


def of_frames(instances: Sequence[Instance]) -> Iterator[QualityFinding]:
    """Check that multi-frame objects have and describe the frames that they name."""
    wrong = bare = 0
    for instance in instances:
        groups = instance.ds.get("PerFrameFunctionalGroupsSequence")
        wrong += groups is not None and len(groups) != instance.frames
        bare += groups is None and _is_enhanced(instance)
    if wrong:
        sentence = f"{count(wrong, 'object')} describe another number of frames than they have."
        yield finding("frame-count", sentence, objects=wrong)
    if bare:
        sentence = f"{count(bare, 'enhanced object')} lack their functional groups."
        yield finding("no-functional-groups", sentence, objects=bare)


def _is_enhanced(instance: Instance) -> bool:
    return text(instance.ds, "SOPClassUID") in (
        "1.2.840.10008.5.1.4.1.1.2.1",
        "1.2.840.10008.5.1.4.1.1.4.1",
        "1.2.840.10008.5.1.4.1.1.130",
        "1.2.840.10008.5.1.4.1.1.2.2",
        "1.2.840.10008.5.1.4.1.1.4.4",
    )


def _burned_in(instances: Sequence[Instance]) -> Iterator[QualityFinding]:
    said = [text(i.ds, "BurnedInAnnotation").upper() for i in instances]
    written = sum(word == "YES" for word in said)
    if written:
        sentence = f"{count(written, 'object')} say that text is burned in."
        yield finding("burned-in-text", sentence, objects=written)
    risky = instances[0].modality in _OFTEN_WRITTEN_ON
    silent = sum(
        word not in ("YES", "NO") and (risky or "SECONDARY" in words(i.ds, "ImageType"))
        for word, i in zip(said, instances, strict=True)
    )
    if silent:
        sentence = f"{count(silent, 'object')} do not say whether text is burned in."
        yield finding("burned-in-unknown", sentence, objects=silent)


def _photometric(instances: Sequence[Instance]) -> Iterator[QualityFinding]:
    unknown = inverted = 0
    for instance in instances:
        photometric = text(instance.ds, "PhotometricInterpretation")
        allowed = _GREY if instance.modality in _ONLY_GREY else (*_KNOWN, *_JPEG_2000)
        samples = number(instance.ds, "SamplesPerPixel")
        fits = samples == (1 if photometric in (*_GREY, "PALETTE COLOR") else 3)
        secondary = "SECONDARY" in words(instance.ds, "ImageType")
        unknown += photometric not in ((*_KNOWN, *_JPEG_2000) if secondary else allowed) or not fits
        shape = text(instance.ds, "PresentationLUTShape")
        inverted += bool(shape) and shape == _INVERSE.get(photometric)
    if unknown:
        sentence = f"{count(unknown, 'image')} do not say properly how their values are shown."
        yield finding("unknown-photometric", sentence, images=unknown)
    if inverted:
        sentence = f"{count(inverted, 'image')} may show black for white."
        yield finding("inverted", sentence, images=inverted)


def _projection(instances: Sequence[Instance]) -> Iterator[QualityFinding]:
    no_view = sum(not _has_view(i.ds) for i in instances)
    if no_view:
        yield finding("no-view", f"{count(no_view, 'image')} do not say the view.", images=no_view)
    no_side = sum(not _has_side(i) for i in instances)
    if no_side:
        sentence = f"{count(no_side, 'image')} of a paired part do not say the side."
        yield finding("no-laterality", sentence, images=no_side)
    unmeasured = sum(
        "ImagerPixelSpacing" not in i.ds and "PixelSpacing" not in i.ds for i in instances
    )
    if unmeasured:
        sentence = f"{count(unmeasured, 'image')} do not say how large a pixel is."
        yield finding("no-imager-spacing", sentence, images=unmeasured)


def _has_view(ds: Dataset) -> bool:
    return bool(text(ds, "ViewPosition") or ds.get("ViewCodeSequence"))


def _has_side(instance: Instance) -> bool:
    ds = instance.ds
    part = text(ds, "BodyPartExamined").upper().replace(" ", "")
    paired = instance.modality == "MG" or part in _PAIRED
    sides = (text(ds, "ImageLaterality"), text(ds, "Laterality"), text(ds, "FrameLaterality"))
    return not paired or any(sides)


def _ultrasound(instances: Sequence[Instance]) -> Iterator[QualityFinding]:
    bare = sum(not _calibrated(i.ds) for i in instances)
    if bare:
        sentence = f"{count(bare, 'object')} have no calibrated region."
        yield finding("not-calibrated", sentence, objects=bare)
    timeless = sum(i.frames > 1 and not _timed(i) for i in instances)
    if timeless:
        sentence = f"{count(timeless, 'moving picture')} do not say the time between frames."
        yield finding("no-frame-time", sentence, objects=timeless)


def _calibrated(ds: Dataset) -> bool:
    return any(
        (number(region, "PhysicalDeltaX") or 0) > 0 and (number(region, "PhysicalDeltaY") or 0) != 0
        for region in ds.get("SequenceOfUltrasoundRegions") or ()
    )


def _timed(instance: Instance) -> bool:
    vector = instance.ds.get("FrameTimeVector")
    if vector is not None and not isinstance(vector, float | int):
        return len(vector) == instance.frames
    rates = ("FrameTime", "CineRate", "RecommendedDisplayFrameRate")
    return any((number(instance.ds, keyword) or 0) > 0 for keyword in rates)


def _pet(instances: Sequence[Instance]) -> Iterator[QualityFinding]:
    unitless = sum(not text(i.ds, "Units") and not _enhanced_units(i.ds) for i in instances)
    if unitless:
        yield finding("no-units", f"{count(unitless, 'image')} have no units.", images=unitless)
    enhanced = [i for i in instances if "PerFrameFunctionalGroupsSequence" in i.ds]
    single = [i for i in instances if i not in enhanced]
    raw = sum(not _corrected(i.ds) for i in single)
    if raw:
        sentence = f"{count(raw, 'image')} are not corrected for attenuation and decay."
        yield finding("not-corrected", sentence, images=raw)
    if any(text(i.ds, "Units") == "BQML" and not _suv_inputs(i.ds) for i in single):
        yield finding("no-suv-inputs", "Weight, dose, half-life or a time is missing for the SUV.")


def _enhanced_units(ds: Dataset) -> bool:
    return "PerFrameFunctionalGroupsSequence" in ds  # they lie in the real world value mapping


def _corrected(ds: Dataset) -> bool:
    done = {word.upper() for word in words(ds, "CorrectedImage")}
    decay = "DECY" in done or text(ds, "DecayCorrection").upper() in ("START", "ADMIN")
    return "ATTN" in done and decay


def _suv_inputs(ds: Dataset) -> bool:
    doses = ds.get("RadiopharmaceuticalInformationSequence") or ()
    started = ("RadiopharmaceuticalStartDateTime", "RadiopharmaceuticalStartTime")
    return bool(
        (number(ds, "PatientWeight") or 0) > 0
        and doses
        and (number(doses[0], "RadionuclideTotalDose") or 0) > 0
        and (number(doses[0], "RadionuclideHalfLife") or 0) > 0
        and any(text(doses[0], keyword) for keyword in started)
    )


MOVING = (*PROJECTIONS, "US", "ES", "XC", "SC", "OT", "NM")
"""Kinds whose frames have no place in the body by nature."""
