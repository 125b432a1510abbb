"""Pictures and tables of the report: a de-identified image, a segmentation, each SEG's facts."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydicom import dcmread

from fedpacs.agent.delivery import Delivery
from fedpacs.agent.premises import Premises
from fedpacs.deidentification.engine import Engine
from fedpacs.pacs.open import open_reader
from fedpacs.pacs.ports import StudyQuery
from fedpacs.simulation.report_facts import BeforeAfter, SegFacts, Segmentation, TagRow
from fedpacs.training.evaluation import dice

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray
    from pydicom import DataElement, Dataset

    from fedpacs.config.job import JobConfig
    from fedpacs.deidentification.rules import Profile
    from fedpacs.simulation.workspace import HospitalPlace

_LONGEST_SHOWN = 60
_PIXELS = 0x7FE00010


def before_after(place: HospitalPlace, specimen: Path) -> BeforeAfter:
    """De-identify one specimen with the hospital's own engine and lay both side by side.

    Parameters
    ----------
    place
        The hospital.
    specimen
        One original image of a synthetic patient.
    """
    premises = Premises.open(place.site_file)
    engine = Engine(premises.profile, premises.pseudonyms)
    with tempfile.TemporaryDirectory() as folder:
        made = engine.deidentify_file(specimen, Path(folder))
        before, after = dcmread(specimen), dcmread(made.path)
        return BeforeAfter(
            hospital=place.name,
            profile=premises.profile.name,
            before=window(before.pixel_array.astype(np.float32)),
            after=window(after.pixel_array.astype(np.float32)),
            pixels_identical=before.PixelData == after.PixelData,
            rows=tuple(_rows(before, after, premises.profile)),
        )


def segmentation(place: HospitalPlace, job: JobConfig, model_file: Path) -> Segmentation:
    """Show the slice of the delivered study that has most to segment."""
    delivery = Delivery(Premises.open(place.site_file), job, model_file)
    ordered, predicted = delivery.segment(delivery.first_subject())
    truth = ordered.volume.label
    z = int((truth > 0).sum(axis=(1, 2)).argmax())
    numbers = range(1, len(job.cohort.labels) + 1)
    return Segmentation(
        hospital=place.name,
        image=window(ordered.volume.image[z]),
        truth=truth[z],
        predicted=predicted[z],
        labels=tuple(label.property_type.meaning for label in job.cohort.labels),
        dice=float(np.mean([dice(predicted == n, truth == n) for n in numbers])),
    )


def seg_facts(place: HospitalPlace, result: Mapping[str, object]) -> SegFacts:
    """Fetch a delivered SEG out of the hospital's PACS again and say what it is."""
    wanted = str(result["sop_instance_uid"])
    pacs = place.pacs
    with closing(open_reader(pacs)) as reader, tempfile.TemporaryDirectory() as folder:
        for ref in reader.find(StudyQuery(modality="SEG")):
            if wanted in ref.sop_instance_uids:
                files = list(reader.retrieve(ref, Path(folder), only=frozenset({wanted})))
                return _seg_facts(place, dcmread(files[0]), files[0].stat().st_size, result)
    return SegFacts(
        place.name, "", str(result["sop_class_uid"]), "", (), 0, 0, pacs.called_ae_title,
        stored=bool(result["confirmed"]), found=False, model_digest=str(result["model_digest"]),
    )  # fmt: skip


def _seg_facts(
    place: HospitalPlace, seg: Dataset, nbytes: int, result: Mapping[str, object]
) -> SegFacts:
    return SegFacts(
        hospital=place.name,
        sop_class_name=seg.SOPClassUID.name,
        sop_class_uid=seg.SOPClassUID,
        series_description=seg.SeriesDescription,
        segments=tuple(segment.SegmentLabel for segment in seg.SegmentSequence),
        frames=int(seg.NumberOfFrames),
        nbytes=nbytes,
        archive=f"{place.pacs.called_ae_title} (FedPACS embedded PACS)",
        stored=bool(result["confirmed"]),
        found=True,
        model_digest=str(result["model_digest"]),
    )


def window(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Map the middle 98 % of an image's values to 0..255, as a viewer would."""
    low, high = np.percentile(image, (1, 99))
    scaled = (image - low) / max(float(high - low), 1e-6)
    shown: NDArray[np.uint8] = (np.clip(scaled, 0, 1) * 255).astype(np.uint8)
    return shown


def _rows(before: Dataset, after: Dataset, profile: Profile) -> Iterator[TagRow]:
    """Every top-level attribute that was changed, removed or added."""
    for tag in sorted({*before.keys(), *after.keys()} - {_PIXELS}):
        old = before.get(tag)
        new = after.get(tag)
        if old is not None and new is not None and old == new:
            continue
        element = old if old is not None else new
        rule = None
        if old is not None:
            rule = profile.action_for(old.tag, old.VR, private=old.tag.is_private)
        yield TagRow(
            tag=f"({element.tag.group:04x},{element.tag.element:04x})",
            attribute=element.name,
            before=_shown(old),
            after=_shown(new),
            action=rule.action if rule else None,
            reason=f"{rule.source}, {rule.clause}" if rule else "Added: says what was done",
        )


def _shown(element: DataElement | None) -> str:
    if element is None:
        return ""
    if element.VR == "SQ":
        return f"sequence of {len(element.value)}"
    text = element.repval.strip("'")
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
