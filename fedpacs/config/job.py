"""A job: what is trained, on what cohort, and what may leave. Data, never code."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from fedpacs.config.load import Frozen, load
from fedpacs.config.quality import Quality
from fedpacs.core.digest import digest_of
from fedpacs.core.table_forms import table_forms

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fedpacs.core.statistics import TableForm

Fraction = Annotated[float, Field(gt=0, lt=1)]
MetricName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")]


class Purpose(Frozen):
    """What the job is and why; the data protection officer reads this first."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
    title: str
    purpose: str


class Code(Frozen):
    """A coded concept (PS3.3 8.8)."""

    value: str
    scheme: str
    meaning: str


class LabelClass(Frozen):
    """One class of the label map. Its number is its place in the list, counted from 1."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
    property_category: Code
    property_type: Code
    """A SEG segment belongs to the class whose property type it carries."""


class Splits(Frozen):
    """Parts of the cohort, by patient."""

    train: Fraction = 0.6
    validation: Fraction = 0.2
    test: Fraction = 0.2

    @model_validator(mode="after")
    def _sum_to_one(self) -> Splits:
        if abs(self.train + self.validation + self.test - 1) > 1e-6:  # noqa: PLR2004 - rounding
            msg = "train, validation and test must add up to 1"
            raise ValueError(msg)
        return self


MATCHING_KEYS = frozenset(
    {
        "AcquisitionDate",
        "AnatomicRegionSequence.CodeMeaning",
        "AnatomicRegionSequence.CodeValue",
        "BodyPartExamined",
        "ContrastBolusAgent",
        "ConvolutionKernel",
        "EchoTime",
        "ImageType",
        "KVP",
        "Laterality",
        "MagneticFieldStrength",
        "Manufacturer",
        "ManufacturerModelName",
        "Modality",
        "PatientAge",
        "PatientSex",
        "PerformedProcedureStepDescription",
        "ProcedureCodeSequence.CodeMeaning",
        "ProcedureCodeSequence.CodeValue",
        "ProtocolName",
        "RepetitionTime",
        "RequestedProcedureCodeSequence.CodeValue",
        "ScanningSequence",
        "SeriesDescription",
        "SliceThickness",
        "SOPClassUID",
        "StudyDescription",
        "ViewPosition",
    }
)
"""What a consortium may ask of the archive: nothing that names or singles out a person."""


def _matching_keys(
    keys: dict[str, str | tuple[str, ...]],
) -> dict[str, str | tuple[str, ...]]:
    unknown = sorted(keys.keys() - MATCHING_KEYS)
    if unknown:
        msg = f"not a matching key of a job: {', '.join(unknown)}"
        raise ValueError(msg)
    return keys


MatchingKeys = Annotated[
    dict[str, str | Annotated[tuple[str, ...], Field(min_length=1)]],
    AfterValidator(_matching_keys),
]
CodedField = Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,30}$")]


class CohortQuery(Frozen):
    """Which studies, in DICOM matching keys, and which of their series, in coded fields."""

    modality: Literal["MR", "CT"]
    study_date: Annotated[str, Field(pattern=r"^(\d{8})?-?(\d{8})?$")] = ""
    """DICOM date range; empty for all."""
    match: MatchingKeys = Field(default={})
    """Matching keys by keyword: wildcards ``*`` and ``?``, ranges ``a-b`` of dates and numbers,
    lists of alternatives; ``Sequence.Attribute`` looks into every item. A study matches when for
    each key any of its series does."""
    coded: dict[CodedField, Annotated[tuple[str, ...], Field(min_length=1)]] = Field(default={})
    """Coded fields of a series (``body_part``, ``contrast``, ``plane``, ``sequence`` ...),
    each with the codes that are taken; a series of which a field is not known is left out."""
    labels: Annotated[tuple[LabelClass, ...], Field(min_length=1)]
    minimum_patients: Annotated[int, Field(ge=2)]
    splits: Splits = Splits()


class Network(Frozen):
    """A network by allow-listed name with plain parameters."""

    name: Literal["UNet"]
    parameters: dict[str, int | float | bool | str | list[int]]


class Preparation(Frozen):
    """From a volume to what the network sees."""

    pixel_size: Annotated[int, Field(ge=32, le=512)]
    """Slices are resampled and padded to this many pixels, square."""
    spacing_mm: Annotated[float, Field(gt=0)]
    """In-plane spacing after resampling."""
    slice_spacing_mm: Annotated[float, Field(gt=0)] | None = None
    """Distance between slices after resampling; None leaves them as they are."""
    orientation: Literal["acquired", "canonical"] = "acquired"
    """``canonical``: axes turned (not resampled) to run to head, back and left."""
    bias_field: Literal["none", "n4"] = "none"
    """``n4``: the slow brightness field of an MR coil is removed."""
    intensity: Literal["z-score", "percentile", "window", "standard-scale"] = "z-score"
    window_center: float | None = None
    """Of ``intensity = "window"``, in modality units (HU for CT)."""
    window_width: Annotated[float, Field(gt=0)] | None = None
    standard_scale: Annotated[tuple[float, ...] | None, Field(min_length=11, max_length=11)] = None
    """Landmarks of the scale that `fedpacs consortium compare` fitted over the sites."""

    @model_validator(mode="after")
    def _window_is_whole(self) -> Preparation:
        given = (self.window_center is not None, self.window_width is not None)
        if given != ((self.intensity == "window"),) * 2:
            msg = '`window_center` and `window_width` go with intensity = "window", both of them'
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _scale_where_it_is_used(self) -> Preparation:
        scale = self.standard_scale
        if (self.intensity == "standard-scale") != (scale is not None):
            msg = 'standard_scale goes with intensity = "standard-scale"'
            raise ValueError(msg)
        if scale and any(high <= low for low, high in pairwise(scale)):
            msg = "standard_scale must rise"
            raise ValueError(msg)
        return self


class Training(Frozen):
    """Local training."""

    loss: Literal["DiceCELoss", "DiceLoss", "CrossEntropyLoss"]
    optimiser: Literal["Adam", "AdamW", "SGD"]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    batch_size: Annotated[int, Field(ge=1, le=512)]
    local_epochs: Annotated[int, Field(ge=1, le=100)]
    seed: int = 0


class Federation(Frozen):
    """The rounds."""

    rounds: Annotated[int, Field(ge=1, le=10_000)]
    strategy: Literal["FedAvg"]
    minimum_sites: Annotated[int, Field(ge=2)]
    round_timeout_s: Annotated[float, Field(gt=0)] = 600.0


class Egress(Frozen):
    """What may leave a hospital, besides the packed weights of the network."""

    metrics: tuple[MetricName, ...]
    maximum_update_norm: Annotated[float, Field(gt=0)]
    minimum_cell: Annotated[int, Field(ge=2)] = 5


class StatisticsNoise(Frozen):
    """Discrete Gaussian noise on every number, drawn at the site."""

    epsilon: Annotated[float, Field(gt=0, le=20)]
    """What one release may cost each patient of the site."""
    delta: Annotated[float, Field(gt=0, le=1e-3)] = 1e-6


class Statistics(Frozen):
    """Statistics of the cohort, by which sites are compared before training."""

    tables: tuple[MetricName, ...] = ()
    """Names of the tables that may leave; all of them if left out."""
    moments: bool = False
    """Also the sums from which a location and scale harmonisation is fitted."""
    noise: StatisticsNoise | None = None
    """Exact numbers without small cells if left out."""

    @model_validator(mode="after")
    def _no_exact_sums_beside_noise(self) -> Statistics:
        if self.moments and self.noise:
            msg = "moments are exact sums: they cannot leave in a job that asks for noise"
            raise ValueError(msg)
        return self


class JobConfig(Frozen):
    """One job, complete."""

    job: Purpose
    cohort: CohortQuery
    network: Network
    preparation: Preparation
    training: Training
    federation: Federation
    egress: Egress
    quality: Quality = Quality()
    statistics: Statistics | None = None

    @model_validator(mode="after")
    def _known_tables(self) -> JobConfig:
        if self.statistics and not set(self.statistics.tables) <= self.all_tables.keys():
            msg = f"statistics.tables: known are {', '.join(self.all_tables)}"
            raise ValueError(msg)
        return self

    @property
    def all_tables(self) -> Mapping[str, TableForm]:
        """Every table of statistics that a job with this cohort can ask for, by name."""
        return table_forms(self.cohort.modality, (label.name for label in self.cohort.labels))

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, defaults written out; what is not asked for is left out, as in TOML."""
        return self.model_dump(mode="json", exclude_none=True)

    @property
    def digest(self) -> str:
        """SHA-256 that an approval names."""
        return digest_of(self.as_dict())


def load_job(path: Path) -> JobConfig:
    """Read a job file."""
    return load(JobConfig, path)
