"""What a failure means for a study and for the run, and when to try again."""

from __future__ import annotations

import random
from enum import StrEnum
from typing import TYPE_CHECKING

from fedpacs.agent.intake.space import DiskLowError, StudyTooLargeError
from fedpacs.cohort.errors import PatientChangedError, StoreBusyError, StoreUnwritableError
from fedpacs.core.errors import (
    AgentError,
    CohortError,
    DeidentificationError,
    PolicyError,
    QualityError,
)
from fedpacs.crypto.errors import EmptyIdentityError
from fedpacs.deidentification.errors import UnwritableOutputError, WorkerDiedError
from fedpacs.pacs.errors import (
    BusyPacsError,
    CorruptInstanceError,
    IncompleteStudyError,
    RetrieveFailedError,
    StagingError,
    TransientPacsError,
    UnknownMoveDestinationError,
    UnreachablePacsError,
)
from fedpacs.pacs.push_errors import FullInboxError
from fedpacs.quality.errors import BadMappingError, RegisterError

if TYPE_CHECKING:
    from fedpacs.agent.intake.work import Refusal
    from fedpacs.config.ingest import Ingest
    from fedpacs.core.errors import FedpacsError


class StudyFailedError(AgentError):
    """Something in this software failed over one study; it was put aside, the rest went on."""

    code = "agent.study-failed"
    default_hint = "Report it with the version; the study stays in quarantine and is in no cohort."


class OtherSoftwareError(AgentError):
    """A worker has another version of FedPACS than this agent."""

    code = "agent.other-software"
    default_hint = "Install the same version of FedPACS on every machine of the cluster."


class RefusedError(AgentError):
    """A worker refused a study; `code`, message and hint are those of the worker's own error."""

    code = "agent.refused-by-worker"

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message, hint=refusal.hint)
        self.code = refusal.code
        self.meaning = Verdict(refusal.meaning)


class Verdict(StrEnum):
    """What a failure means."""

    STOP = "stop"
    """Would befall every study alike, until a person acts; nothing is put aside."""
    PAUSE = "pause"
    """The archive is away for now; the same study is tried again after a while."""
    LATER = "later"
    """May pass: the study is tried again later."""
    REFUSE = "refuse"
    """Stays until the study, or the profile, changes."""


_STOP = (
    StoreUnwritableError,
    StoreBusyError,
    UnwritableOutputError,
    UnknownMoveDestinationError,
    DiskLowError,
    BadMappingError,
    RegisterError,
    StagingError,
    FullInboxError,
)
_PAUSE = (UnreachablePacsError, BusyPacsError)
_REFUSE = (
    CorruptInstanceError,
    StudyTooLargeError,
    StudyFailedError,
    DeidentificationError,
    EmptyIdentityError,
    QualityError,
    PatientChangedError,
    CohortError,
    PolicyError,
)
_LATER = (IncompleteStudyError, TransientPacsError, RetrieveFailedError, WorkerDiedError)


def verdict(error: FedpacsError) -> Verdict:
    """Say what a failure means; what is not known stops the run.

    References
    ----------
    PS3.4 C.4.2.1.5 and C.4.3.1.4: a retrieve's failures are the archive's, not the study's.
    """
    if isinstance(error, RefusedError):
        return error.meaning
    for kinds, meaning in (
        (_STOP, Verdict.STOP),
        (_PAUSE, Verdict.PAUSE),
        ((CorruptInstanceError,), Verdict.REFUSE),
        (_LATER, Verdict.LATER),
        (_REFUSE, Verdict.REFUSE),
    ):
        if isinstance(error, kinds):
            return meaning
    return Verdict.STOP


def pause_s(config: Ingest, attempts: int, spread: random.Random | None = None) -> float:
    """Give the pause before the next try.

    Parameters
    ----------
    config
        The site's.
    attempts
        Failed tries so far, at least 1.
    spread
        Source of the jitter, a quarter more or less: a hundred studies that failed together do not
        come back together.
    """
    doubled = min(config.first_retry_s * 2.0 ** min(attempts - 1, 40), config.longest_retry_s)
    return doubled * (spread or random.Random()).uniform(0.75, 1.25)  # noqa: S311 - jitter
