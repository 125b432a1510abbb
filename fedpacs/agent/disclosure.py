"""One study up to gate 1: de-identified, verified independently, checked for quality.

Everything here runs in a worker, on this machine or another. It asks for nothing but the files and
the site's own configuration and keys, writes into no book, and decides nothing: what it found are
the facts that gate 1 is told afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.core.errors import QualityError
from fedpacs.core.study import Study, StudyRef
from fedpacs.deidentification.study import deidentify_study
from fedpacs.deidentification.verification.instance import verify_instance
from fedpacs.policy import disclosure
from fedpacs.quality.study import check_study

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from fedpacs.config.quality import Quality
    from fedpacs.core.study import DeidentifiedStudy
    from fedpacs.deidentification.engine import Engine
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


@dataclass(frozen=True, slots=True)
class Prepared:
    """A de-identified study and what gate 1 is told of it.

    Attributes
    ----------
    unfit
        Code and sentence of the first defect that makes a series unfit; None without any.
    """

    study: DeidentifiedStudy
    facts: disclosure.DisclosureFacts
    unfit: tuple[str, str] | None


def prepare_study(
    engine: Engine,
    identified: Sequence[Path],
    out: Path,
    instances: int,
    *,
    approved: str,
    rules: Quality,
) -> Prepared:
    """De-identify a study, verify every file, and check every series.

    Parameters
    ----------
    engine
        Profile and pseudonyms of the site.
    identified
        Every file of one complete study.
    out
        Folder for the de-identified files; new, so that a repeated try meets nothing.
    instances
        How many were retrieved, as the reconciliation counted.
    approved
        SHA-256 of the profile that the site approved.
    rules
        Thresholds of quality control, of job and site together.

    Raises
    ------
    DeidentificationError
        If an object was refused; nothing is left in `out` then.
    """
    # keyed by file name: the engine needs an order, and this one holds no identity
    files = {path.name: path for path in identified}
    study = deidentify_study(engine, Study(StudyRef("", "", ()), files), out, durable=False)
    findings = [
        verify_instance(files[name], instance.path, engine.profile.option_codes)
        for name, instance in zip(sorted(files), study.instances, strict=True)
    ]
    facts = disclosure_facts(study, findings, instances, approved)
    return Prepared(study, facts, _unfit(study, rules))


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


def _unfit(study: DeidentifiedStudy, rules: Quality) -> tuple[str, str] | None:
    for report in check_study([instance.path for instance in study.instances], rules):
        for finding in report.blocking:
            return finding.code, finding.sentence
    return None
