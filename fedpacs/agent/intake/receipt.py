"""Receipt of what a worker made: the study that was asked for, all of it, by the same software."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fedpacs.agent.intake.failures import OtherSoftwareError, RefusedError
from fedpacs.agent.intake.work import software
from fedpacs.cohort.errors import ContentMismatchError
from fedpacs.core.digest import sha256_hex
from fedpacs.records.events import EventKind

if TYPE_CHECKING:
    from fedpacs.agent.disclosure import Prepared
    from fedpacs.agent.intake.work import StudyOutcome
    from fedpacs.agent.premises import Premises
    from fedpacs.core.study import StudyRef


def made_of(outcome: StudyOutcome, ref: StudyRef, premises: Premises) -> Prepared:
    """Give what a worker made, once it is sure that it is the study that was asked for.

    Raises
    ------
    RefusedError
        With the worker's own code.
    OtherSoftwareError
        If the worker runs another version.
    ContentMismatchError
        If it is another study, or not all of it.
    """
    if outcome.software != software():
        raise OtherSoftwareError("A worker runs another version of FedPACS.")
    if outcome.refusal is not None:
        raise RefusedError(outcome.refusal)
    made = outcome.prepared
    expected = {premises.pseudonyms.uid(uid) for uid in ref.sop_instance_uids}
    if (
        made is None
        or made.study.study_instance_uid != outcome.task.subject
        or {instance.sop_instance_uid for instance in made.study.instances} != expected
    ):
        raise ContentMismatchError("What was de-identified is not the study that was retrieved.")
    return made


def series_of_own(premises: Premises) -> frozenset[str]:
    """Digests of the series that this site's models wrote."""
    return frozenset(
        str(entry.event.fields["series"])
        for entry in premises.book.entries()
        if entry.event.kind is EventKind.RESULT_STORED
    )


def without(ref: StudyRef, ours: frozenset[str]) -> StudyRef:
    """Leave out the series that this site's models wrote: they must never become labels."""
    series = tuple(s for s in ref.series if sha256_hex(s.series_instance_uid.encode()) not in ours)
    return replace(ref, series=series)
