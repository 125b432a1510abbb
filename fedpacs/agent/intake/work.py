"""The work of a worker: one study, from the files in staging to de-identified ones beside them.

A task names folders and a pseudonym, nothing of a patient and no key: the worker reads the site's
keys itself, by the URIs of the site file. It may be done again, by anyone, at any time: each try
has a folder of its own, and only the one that the answer names is ever used.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fedpacs.core.errors import FedpacsError

if TYPE_CHECKING:
    from fedpacs.agent.disclosure import Prepared
    from fedpacs.config.quality import Quality
    from fedpacs.deidentification.engine import Engine

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StudyTask:
    """What a worker is told.

    Attributes
    ----------
    site_file
        The ``site.toml``; every worker must see it, the staging area and the keys.
    subject
        New Study Instance UID.
    folder
        Folder of the study in staging; its files lie in ``identified`` below it.
    instances
        How many files were retrieved.
    profile
        SHA-256 of the profile that the site approved.
    rules
        Thresholds of quality control, of job and site together.
    """

    site_file: str
    subject: str
    folder: str
    instances: int
    profile: str
    rules: Quality

    @property
    def identified(self) -> Path:
        """Folder of the identified files."""
        return Path(self.folder) / "identified"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error in the form that travels: it names no value of any patient.

    Attributes
    ----------
    meaning
        What it means for the study, see `fedpacs.agent.intake.failures.Verdict`.
    """

    code: str
    message: str
    hint: str
    meaning: str


@dataclass(frozen=True, slots=True)
class StudyOutcome:
    """What became of a task: a prepared study, or a refusal."""

    task: StudyTask
    software: str
    prepared: Prepared | None = None
    refusal: Refusal | None = None


def prepare(task: StudyTask) -> StudyOutcome:
    """Do one study; never raises, whatever is wrong with it."""
    from fedpacs.agent.disclosure import prepare_study
    from fedpacs.agent.intake.failures import StudyFailedError

    out = Path(task.folder) / f"deidentified-{secrets.token_hex(8)}"
    try:
        out.mkdir(mode=0o700)
        files = sorted(task.identified.glob("*.dcm"))
        engine = _engine(task.site_file, task.profile)
        prepared = prepare_study(
            engine, files, out, task.instances, approved=task.profile, rules=task.rules
        )
        return StudyOutcome(task, software(), prepared)
    except FedpacsError as error:
        return refused(task, error)
    except Exception as error:  # noqa: BLE001 - one study must not end the run
        # only where, never what: the message and the values may be a patient's
        _LOGGER.error(  # noqa: TRY400 - see above
            "a study failed with %s",
            type(error).__name__,
            extra={"code": StudyFailedError.code},
        )
        return refused(task, StudyFailedError(f"A study failed ({type(error).__name__})."))


def refused(task: StudyTask, error: FedpacsError) -> StudyOutcome:
    """Give the outcome of a task that failed."""
    from fedpacs.agent.intake.failures import verdict

    return StudyOutcome(
        task,
        software(),
        refusal=Refusal(error.code, error.message, error.hint, verdict(error).value),
    )


def lost(task: StudyTask) -> StudyOutcome:
    """Give the outcome of a task that ends every process that does it."""
    from fedpacs.deidentification.errors import WorkerDiedError

    return refused(task, WorkerDiedError("The process that worked on a study died."))


@lru_cache(maxsize=1)
def software() -> str:
    """Version of the FedPACS that worked."""
    from importlib.metadata import version

    return version("fedpacs")


@lru_cache(maxsize=4)
def _engine(site_file: str, _profile: str) -> Engine:
    """Open the site once in each process, and anew when its profile has changed."""
    from fedpacs.agent.premises import Premises
    from fedpacs.deidentification.engine import Engine

    premises = Premises.open(Path(site_file))
    return Engine(premises.profile, premises.pseudonyms)
