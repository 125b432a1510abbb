"""The error tree: one root, one subtree per package, a stable code and a next step on each.

A message never contains the value of a data element, a path inside a patient's study or any
other patient's data: it is printed, logged and shown to people who may not see it.
"""

from __future__ import annotations

from typing import ClassVar


class FedpacsError(Exception):
    """Root of every error FedPACS raises on purpose.

    Parameters
    ----------
    message
        What happened, in one sentence, without any patient's data.
    hint
        The next step for the reader; the class default is used when left out.

    Attributes
    ----------
    code
        Stable identifier, ``<package>.<what-happened>``; see ``docs/reference/errors.md``.
    exit_status
        Exit status of the command line; one band per package, below the shell's own.
    """

    code: str = "fedpacs.error"
    exit_status: ClassVar[int] = 1
    default_hint: ClassVar[str] = "Run `fedpacs doctor` and read docs/reference/errors.md."

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint

    def as_dict(self) -> dict[str, str | int]:
        """Give the error as plain data for ``--json`` output."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "exit_status": self.exit_status,
        }


class UsageError(FedpacsError):
    """The command or call was used wrongly."""

    code = "usage.invalid"
    exit_status = 2


class MachineError(FedpacsError):
    """Something this machine should have is missing."""

    code = "machine.incomplete"
    exit_status = 3


class ConfigError(FedpacsError):
    """A configuration file is missing, unreadable or wrong."""

    code = "config.invalid"
    exit_status = 10


class CryptoError(FedpacsError):
    """A key is missing or unusable, or a seal or signature does not hold."""

    code = "crypto.failed"
    exit_status = 15


class PolicyError(FedpacsError):
    """A gate refused."""

    code = "policy.refused"
    exit_status = 20


class RecordsError(FedpacsError):
    """The book of the site cannot be read, written or believed."""

    code = "records.failed"
    exit_status = 25


class PacsError(FedpacsError):
    """A PACS refused, failed or answered nonsense."""

    code = "pacs.failed"
    exit_status = 30


class DeidentificationError(FedpacsError):
    """An object could not be de-identified with certainty."""

    code = "deid.failed"
    exit_status = 40


class QualityError(FedpacsError):
    """A series is not fit for use."""

    code = "quality.failed"
    exit_status = 45


class CohortError(FedpacsError):
    """The sealed store or a cohort drawn from it is not usable."""

    code = "cohort.failed"
    exit_status = 50


class TrainingError(FedpacsError):
    """A network, transform, loss or data set cannot be trained."""

    code = "training.failed"
    exit_status = 55


class FederationError(FedpacsError):
    """The two halves do not agree on a job, a record or a bundle."""

    code = "federation.failed"
    exit_status = 60


class AgentError(FedpacsError):
    """The hospital's half could not go on."""

    code = "agent.failed"
    exit_status = 65


class ServerError(FedpacsError):
    """The consortium's half could not go on."""

    code = "server.failed"
    exit_status = 70


class ResultsError(FedpacsError):
    """A result could not be written as a DICOM object."""

    code = "results.failed"
    exit_status = 75


class SimulationError(FedpacsError):
    """The demo or a simulated consortium could not go on."""

    code = "simulation.failed"
    exit_status = 80
