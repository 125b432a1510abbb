"""One study through gate 1: de-identified, verified independently, let through, fit for use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.agent.gates import pass_gate
from fedpacs.core.errors import QualityError
from fedpacs.deidentification.engine import Engine
from fedpacs.deidentification.study import deidentify_study
from fedpacs.deidentification.verification.instance import verify_instance
from fedpacs.policy import disclosure
from fedpacs.quality.series import check_series
from fedpacs.records.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from fedpacs.agent.premises import Premises
    from fedpacs.config.quality import Quality
    from fedpacs.core.study import DeidentifiedStudy, Study
    from fedpacs.deidentification.verification.instance import Finding

_PRIVATE = "deid.private-element"
_NOT_VERIFIED = frozenset({"deid.output-unreadable", "deid.not-verifiable"})


class UnfitSeriesError(QualityError):
    """A series has a defect that makes it unfit for use; `code` names the defect."""

    code = "quality.unfit-series"
    default_hint = "Look at the series in the PACS; when it is repaired there, ingest again."

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def disclose(
    premises: Premises, study: Study, out: Path, rules: Quality | None = None
) -> DeidentifiedStudy:
    """De-identify, verify independently, ask gate 1, check quality.

    Parameters
    ----------
    premises
        The site.
    study
        Complete, identified, in the staging area.
    out
        Folder for the de-identified files.
    rules
        Thresholds of quality control, of job and site together; the site's own by default.

    Raises
    ------
    DeidentificationError
        If an object was refused.
    GateClosedError
        If gate 1 stays closed.
    UnfitSeriesError
        If a series has a defect.
    RecordsError
        If the book cannot be written.
    """
    engine = Engine(premises.profile, premises.pseudonyms)
    deidentified = deidentify_study(engine, study, out)
    new_uid = {premises.pseudonyms.uid(old): path for old, path in study.files.items()}
    findings = [
        verify_instance(
            new_uid[instance.sop_instance_uid], instance.path, premises.profile.option_codes
        )
        for instance in deidentified.instances
    ]
    premises.record(
        EventKind.STUDY_DEIDENTIFIED,
        study=deidentified.study_instance_uid,
        profile=deidentified.profile_digest,
        instances=len(deidentified.instances),
    )
    facts = disclosure_facts(deidentified, findings, len(study.files), premises.profile.digest)
    pass_gate(premises, disclosure.decide(facts), deidentified.study_instance_uid)
    _check_quality(deidentified, rules or premises.config.quality)
    return deidentified


def disclosure_facts(
    study: DeidentifiedStudy,
    findings: Sequence[Collection[Finding]],
    instances: int,
    approved_profile_digest: str,
) -> disclosure.DisclosureFacts:
    """Put together what gate 1 is told, counted from what was really checked.

    Parameters
    ----------
    study
        What the engine made.
    findings
        Of the verification, for each file that it was given; a file that it could not read to the
        end does not count as verified, nor as marked.
    instances
        Instances that were retrieved.
    """
    codes = [{finding.code for finding in of_one} for of_one in findings]
    read = [found for found in codes if not found & _NOT_VERIFIED]
    return disclosure.DisclosureFacts(
        profile_digest=study.profile_digest,
        approved_profile_digest=approved_profile_digest,
        instances=instances,
        deidentified=len({instance.sop_instance_uid for instance in study.instances}),
        verified=len(read),
        findings=sum(len(of_one) for of_one in findings),
        private_elements=sum(f.code == _PRIVATE for of_one in findings for f in of_one),
        marked_deidentified=sum("deid.not-marked" not in found for found in read),
    )


def _check_quality(study: DeidentifiedStudy, rules: Quality) -> None:
    by_series: dict[str, list[Path]] = {}
    for instance in study.instances:
        if instance.modality not in ("SEG", "RTSTRUCT"):
            by_series.setdefault(instance.series_instance_uid, []).append(instance.path)
    for files in by_series.values():
        for finding in check_series(files, rules).blocking:
            raise UnfitSeriesError(finding.code, finding.sentence)
