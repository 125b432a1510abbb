"""Errors of the sealed store, of cohorts and of volumes."""

from __future__ import annotations

from fedpacs.core.errors import CohortError

_REPAIR = (
    "Run `fedpacs site ingest --repair`: it drops what is damaged and brings it back from the PACS."
)


class StoreBusyError(CohortError):
    """Another process holds the writer's lock of the store."""

    code = "cohort.store-busy"
    default_hint = "Wait for the other `fedpacs site` command of this site to end, then repeat."


class NotAStoreError(CohortError):
    """The folder holds something that is not a sealed store; nothing is written into it."""

    code = "cohort.not-a-store"
    default_hint = "Give [store] path a folder of its own, new or empty."


class HalfWrittenStoreError(CohortError):
    """The store lacks its header but holds data."""

    code = "cohort.half-written"
    default_hint = "Restore the store's `header` file from a backup, or begin a new store."


class StoreKeyError(CohortError):
    """The header of the store does not open: the key is another one or the header was altered."""

    code = "cohort.wrong-key"
    default_hint = "Check [store] key; if the key is right, restore the store from a backup."


class OtherProjectError(CohortError):
    """The store was filled under another project key than the one given."""

    code = "cohort.other-project"
    default_hint = (
        "Put back the [deidentification] project_key that the store was filled with; a new project "
        "needs a store of its own."
    )


class DamagedStoreError(CohortError):
    """A sealed file of the store was altered, cut or replaced."""

    code = "cohort.damaged"
    default_hint = _REPAIR


class MissingBlobError(CohortError):
    """A sealed file that a study names is not there."""

    code = "cohort.missing-blob"
    default_hint = _REPAIR


class TooLargeError(CohortError):
    """A file is too large to be sealed in one piece."""

    code = "cohort.too-large"
    default_hint = "Files of 2 GiB or more are not supported; leave the study out."


class StoreUnwritableError(CohortError):
    """The file system refused a write."""

    code = "cohort.unwritable"
    default_hint = "Check free space and permissions of the folder that [store] path names."


class UnknownStudyError(CohortError):
    """The store holds no such study."""

    code = "cohort.unknown-study"
    default_hint = "Run `fedpacs site ingest`, then build the cohort again."


class ContentMismatchError(CohortError):
    """A study to be sealed is empty, contradicts itself or its files are not what it says."""

    code = "cohort.content-mismatch"
    default_hint = "Ingest the study again; if it repeats, another program writes into staging."


class PatientChangedError(CohortError):
    """A sealed study comes again under another patient."""

    code = "cohort.patient-changed"
    default_hint = "Forget the patient the study was sealed under, then ingest again."


class UnknownCohortError(CohortError):
    """The store holds no manifest of that digest."""

    code = "cohort.unknown-cohort"
    default_hint = "Run `fedpacs site ingest` to build the cohort."


class StaleCohortError(CohortError):
    """The store no longer holds exactly what the cohort's manifest names."""

    code = "cohort.stale"
    default_hint = "Run `fedpacs site ingest` to build the cohort anew; it needs a new approval."


class SplitConflictError(CohortError):
    """Two records put one patient into different parts."""

    code = "cohort.split-conflict"
    default_hint = "Draw the cohort without `previous`: the store's own ledger then decides."


class VolumeError(CohortError):
    """What a study holds does not make a labelled volume; other studies may."""

    code = "cohort.no-volume"


class UnsupportedImageError(VolumeError):
    """An image is of a kind that cannot become a volume here."""

    code = "cohort.unsupported-image"
    default_hint = "Only single-frame MR and CT images in a decodable transfer syntax are used."


class GeometryError(VolumeError):
    """The slices of a series do not make one regular stack."""

    code = "cohort.irregular-volume"
    default_hint = "Run the quality check of the series; it names the defect."


class UnsupportedLabelError(VolumeError):
    """A label object is of a kind that cannot be read with certainty."""

    code = "cohort.unsupported-label"
    default_hint = "Only DICOM SEG of type BINARY with one segment a frame is used."


class LabelMismatchError(VolumeError):
    """A label does not fit the image it claims to describe, or lacks a class."""

    code = "cohort.label-mismatch"
    default_hint = "Export the segmentation again on the original image grid."
