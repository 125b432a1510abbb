"""From the global model back into the PACS: a DICOM SEG on the original study.

The model sees the de-identified volume. The way back needs no table: the archive's UIDs are
pseudonymised again until one matches, and the original images give the SEG its patient.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fedpacs.agent.snapshot import current_cohort
from fedpacs.cohort.volumes import load_slices
from fedpacs.core.cohort import Split
from fedpacs.core.digest import sha256_hex
from fedpacs.core.errors import AgentError
from fedpacs.federation.model_file import load_model
from fedpacs.federation.schema import wire_schema
from fedpacs.pacs.open import open_reader, open_writer
from fedpacs.pacs.ports import StudyQuery
from fedpacs.pacs.reconcile import retrieve_complete
from fedpacs.records.events import EventKind
from fedpacs.results.segmentation import Provenance, ResultIdentity, write_segmentation
from fedpacs.training.inference import predict
from fedpacs.training.networks import build_network, state_shapes
from fedpacs.training.packing import unpack

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from fedpacs.agent.premises import Premises
    from fedpacs.cohort.volumes import OrderedVolume
    from fedpacs.config.job import JobConfig
    from fedpacs.config.pacs import DicomwebPacs, DimsePacs
    from fedpacs.core.cohort import Subject
    from fedpacs.core.study import Study, StudyRef
    from fedpacs.core.update import Result


class NoResultsPacsError(AgentError):
    """The site names no PACS for results."""

    code = "agent.no-results-pacs"
    default_hint = "Add a [pacs.results] block to the site file."


class OriginalGoneError(AgentError):
    """The original study is no longer in the PACS."""

    code = "agent.original-gone"
    default_hint = "Ask the PACS administrator whether the study was moved or deleted."


class NotConfirmedError(AgentError):
    """The PACS accepted the object but does not show it."""

    code = "agent.result-not-confirmed"
    default_hint = "Look for the series in the PACS; it may be in its import queue. Then repeat."


class Delivery:
    """Writes one study's result, made by one model, into the site's PACS.

    Parameters
    ----------
    premises
        The site.
    job
        The job the model belongs to.
    model_file
        File of the global model.

    Raises
    ------
    ModelFileError
        If the file is damaged or belongs to another job.
    """

    def __init__(self, premises: Premises, job: JobConfig, model_file: Path) -> None:
        self._premises = premises
        self._job = job
        self._network = build_network(job.network, num_classes=len(job.cohort.labels) + 1)
        schema = wire_schema(job, state_shapes(self._network))
        model, self.model_digest = load_model(model_file, schema, job.digest)
        self._server_round = model.server_round
        unpack(self._network, model.weights)

    def first_subject(self) -> Subject:
        """First held-out subject of the cohort, by pseudonym."""
        subjects = current_cohort(self._premises, self._job).part(Split.TEST)
        return min(subjects, key=lambda subject: subject.series_instance_uid)

    def segment(self, subject: Subject) -> tuple[OrderedVolume, NDArray[np.uint8]]:
        """Give the de-identified volume and the model's label map, ``(Z, Y, X)`` both."""
        ordered = load_slices(self._premises.store, subject, self._job.cohort.labels)
        return ordered, predict(self._network, ordered.volume, self._job)

    def send(self, subject: Subject) -> Result:
        """Segment, re-link, write the SEG, store it, and see that the PACS shows it.

        Raises
        ------
        NoResultsPacsError, OriginalGoneError, NotConfirmedError, PacsError
            Nothing is counted as delivered unless the PACS answers a query for it.
        """
        premises = self._premises
        target = premises.config.results_pacs
        if target is None:
            raise NoResultsPacsError("This site has no PACS for results.")
        ordered, label_map = self.segment(subject)
        with premises.staging() as staging:
            study = self._original(subject, staging / "identified")
            sources = self._in_slice_order(study, ordered)
            identity = self._identity(study.ref)
            file = staging / "result.dcm"
            result = write_segmentation(
                sources,
                label_map,
                self._job.cohort.labels,
                Provenance(
                    model_digest=self.model_digest,
                    job_name=self._job.job.name,
                    server_round=self._server_round,
                    site=premises.config.site.name,
                    identity=identity,
                ),
                file,
            )
            premises.record(
                EventKind.RESULT_STORED,
                study=subject.study_instance_uid,
                series=sha256_hex(identity.series_instance_uid.encode()),
                model=self.model_digest,
                payload=sha256_hex(file.read_bytes()),
            )
            if not _shown(target, study.ref, result):
                _store(target, file)
            if not _shown(target, study.ref, result):
                raise NotConfirmedError("The PACS does not show the result it accepted.")
        return replace(result, confirmed=True)

    def _original(self, subject: Subject, into: Path) -> Study:
        """Retrieve the original study again."""
        reader = open_reader(self._premises.config.pacs)
        try:
            query = StudyQuery(
                modality=self._job.cohort.modality, study_date=self._job.cohort.study_date
            )
            for ref in reader.find(query):
                new_uid = self._premises.pseudonyms.uid(ref.study_instance_uid)
                if new_uid == subject.study_instance_uid:
                    return retrieve_complete(reader, ref, into)
        finally:
            reader.close()
        raise OriginalGoneError("No study in the PACS belongs to this pseudonym.")

    def _in_slice_order(self, study: Study, ordered: OrderedVolume) -> list[Path]:
        by_pseudonym = {
            self._premises.pseudonyms.uid(old): file for old, file in study.files.items()
        }
        return [by_pseudonym[uid] for uid in ordered.sop_instance_uids]

    def _identity(self, ref: StudyRef) -> ResultIdentity:
        """UIDs that are the same whenever this model's result for this study is sent again."""
        seed = f"{self.model_digest}|{ref.study_instance_uid}"
        return ResultIdentity(
            series_instance_uid=self._premises.pseudonyms.uid(f"result-series|{seed}"),
            sop_instance_uid=self._premises.pseudonyms.uid(f"result-instance|{seed}"),
        )


def _shown(target: DimsePacs | DicomwebPacs, ref: StudyRef, result: Result) -> bool:
    """Ask the PACS whether it holds the result."""
    reader = open_reader(target)
    try:
        query = StudyQuery(modality="SEG", study_instance_uid=ref.study_instance_uid)
        return any(
            result.sop_instance_uid in found.sop_instance_uids for found in reader.find(query)
        )
    finally:
        reader.close()


def _store(target: DimsePacs | DicomwebPacs, file: Path) -> None:
    writer = open_writer(target)
    try:
        receipt = writer.store([file])
    finally:
        writer.close()
    if receipt.failed:
        raise NotConfirmedError(f"The PACS refused the result ({receipt.failed[0]}).")
