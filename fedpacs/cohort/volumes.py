"""From the sealed store to voxels: the last place where DICOM is seen before training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.cohort.errors import StaleCohortError
from fedpacs.cohort.labels import label_map, read_label
from fedpacs.cohort.stacks import read_dataset, stack_series
from fedpacs.core.volume import LabelledVolume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fedpacs.cohort.store import SealedStore
    from fedpacs.config.job import LabelClass
    from fedpacs.core.cohort import Subject


@dataclass(frozen=True, slots=True, eq=False)
class OrderedVolume:
    """A volume with the (new, pseudonymous) UID of the image behind each slice.

    Attributes
    ----------
    volume
        Image, label map, spacing and pseudonym.
    sop_instance_uids
        One per slice, in the order of the volume's first axis.
    """

    volume: LabelledVolume
    sop_instance_uids: tuple[str, ...]


def load_volume(
    store: SealedStore, subject: Subject, labels: Sequence[LabelClass]
) -> LabelledVolume:
    """Open a subject's image series and label; see `load_slices`."""
    return load_slices(store, subject, labels).volume


def load_slices(
    store: SealedStore, subject: Subject, labels: Sequence[LabelClass]
) -> OrderedVolume:
    """Open a subject's image series and label as one volume.

    Parameters
    ----------
    store
        The sealed store.
    subject
        One image series with its SEG.
    labels
        Classes of the job, in its order.

    Raises
    ------
    UnknownStudyError, StaleCohortError
        If the store does not hold the subject.
    MissingBlobError, DamagedStoreError
        If a sealed file is missing or was altered.
    UnsupportedImageError, GeometryError, UnsupportedLabelError, LabelMismatchError
        If the objects do not make a labelled volume; never a guess.
    """
    study = store.study(subject.study_instance_uid)
    label = study.instance(subject.label_sop_instance_uid)
    series = study.series(subject.series_instance_uid)
    if label is None or not series:
        raise StaleCohortError("The sealed study lacks the subject's series or label.")
    stack = stack_series([read_dataset(store.read(image.digest)) for image in series])
    seg = read_label(store.read(label.digest))
    volume = LabelledVolume(
        image=stack.image,
        label=label_map(seg, stack, labels),
        spacing_mm=stack.spacing_mm,
        patient=subject.patient,
        directions=stack.directions,
    )
    return OrderedVolume(volume, stack.sop_instance_uids)
