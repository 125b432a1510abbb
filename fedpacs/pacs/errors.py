"""What can go wrong between a site and its PACS, each with a stable code and the next step.

No message carries an AE title of a patient's object, a UID or a data element's value: only the
names and addresses of the two application entities, which the site's own configuration holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from fedpacs.core.errors import PacsError

if TYPE_CHECKING:
    from fedpacs.pacs.ports import ProbeStep


class TransientPacsError(PacsError):
    """It may work when asked again: nothing is wrong with the request itself."""

    code = "pacs.transient"
    default_hint = "Wait and repeat; when it stays, ask the PACS administrator."


class UnreachablePacsError(TransientPacsError):
    """No TCP connection."""

    code = "pacs.unreachable"
    default_hint = (
        "Check `host` and `port` of the [pacs] block, the firewall between this machine and the "
        "PACS, and that the PACS is running."
    )


class BusyPacsError(TransientPacsError):
    """The PACS rejected the association for now (PS3.8 9.3.4: rejected-transient)."""

    code = "pacs.busy"
    default_hint = "The PACS has reached its limit of associations; wait and repeat."


class DroppedAssociationError(TransientPacsError):
    """The association was aborted or went silent while it was in use."""

    code = "pacs.association-dropped"
    default_hint = (
        "Repeat; when it stays, raise `timeout_s` of the [pacs] block and ask the PACS "
        "administrator for a limit on the length of associations."
    )


class AssociationRejectedError(PacsError):
    """The PACS rejected the association for good."""

    code = "pacs.association-rejected"
    default_hint = "Ask the PACS administrator why the association is rejected."


class UnknownCallingAETitleError(AssociationRejectedError):
    """The PACS does not know our AE title, or not from this address."""

    code = "pacs.unknown-calling-ae-title"


class UnknownCalledAETitleError(AssociationRejectedError):
    """The PACS has another AE title than the one we called."""

    code = "pacs.unknown-called-ae-title"
    default_hint = (
        "Ask the PACS administrator for its AE title and correct `called_ae_title`; some servers "
        "also answer this when the calling AE title or address is not registered."
    )


class AssociationAbortedError(AssociationRejectedError):
    """The PACS closed the connection without an answer."""

    code = "pacs.association-aborted"


class ServiceNotOfferedError(PacsError):
    """The PACS accepted the association but none of the presentation contexts we need."""

    code = "pacs.service-not-offered"
    default_hint = (
        "Ask the PACS administrator to allow this service for our AE title, or choose the other "
        "value of `retrieve`."
    )


class NotAuthorisedError(PacsError):
    """The PACS knows us but refuses the service (status 0x0124)."""

    code = "pacs.not-authorised"
    default_hint = "Ask the PACS administrator to grant our AE title this service."


class QueryFailedError(PacsError):
    """A C-FIND ended in a failure."""

    code = "pacs.query-failed"
    default_hint = "Run `fedpacs site echo` and show the status to the PACS administrator."


class NamelessAnswerError(PacsError):
    """The PACS lists a study without a usable Study Instance UID; it could not be asked for."""

    code = "pacs.nameless-answer"
    default_hint = (
        "Have the PACS administrator repair the study; a narrower study_date of the job's cohort "
        "leaves it out meanwhile."
    )


class RetrieveFailedError(PacsError):
    """A C-GET or C-MOVE ended in a failure and delivered nothing."""

    code = "pacs.retrieve-failed"
    default_hint = "Run `fedpacs site echo` and show the status to the PACS administrator."


class UnknownMoveDestinationError(RetrieveFailedError):
    """The PACS does not know where to send: status 0xA801, or 0xC000 on some servers."""

    code = "pacs.unknown-move-destination"


class NothingArrivedError(RetrieveFailedError):
    """The PACS reports success, yet no instance reached us."""

    code = "pacs.nothing-arrived"
    default_hint = (
        "For C-MOVE: the PACS may hold another host or port for our AE title; ask its "
        "administrator to compare both with the [pacs] block."
    )


class CannotListenError(PacsError):
    """Our own Storage SCP, the destination of C-MOVE, cannot listen."""

    code = "pacs.cannot-listen"
    default_hint = (
        "Set `storage_scp_host` and `storage_scp_port` of the [pacs] block to an address of this "
        "machine and a free port, and have the same entered at the PACS."
    )


class IncompleteStudyError(PacsError):
    """A study did not arrive completely; it is quarantined, never used in part.

    Attributes
    ----------
    expected, received
        Numbers of instances.
    """

    code = "pacs.incomplete-study"
    default_hint = (
        "Compare the study in the PACS with what it answers to C-FIND; when it is repaired there, "
        "ingest again."
    )

    def __init__(self, message: str, *, expected: int = 0, received: int = 0) -> None:
        super().__init__(message)
        self.expected = expected
        self.received = received


class CorruptInstanceError(IncompleteStudyError):
    """An instance arrived but is not the readable DICOM object that was asked for."""

    code = "pacs.corrupt-instance"
    default_hint = "Have the object repaired or removed in the PACS, then ingest again."


class DuplicateInstanceError(CorruptInstanceError):
    """Another object with the same SOP Instance UID is stored already."""

    code = "pacs.duplicate-instance"


class OversizeInstanceError(IncompleteStudyError):
    """An object is larger than any that is taken."""

    code = "pacs.oversize-instance"
    default_hint = "Ask the PACS administrator what this object is; it is left out."


class StagingError(PacsError):
    """What arrives cannot be written."""

    code = "pacs.staging"
    default_hint = "Look at the free space of `staging` of the [store] block and the rights on it."


class TooSlowError(TransientPacsError):
    """A probe ended before the PACS had answered."""

    code = "pacs.too-slow"
    default_hint = (
        "Try again when the PACS is less busy; when it stays, ask the PACS administrator why "
        "this takes so long."
    )


class NoWayError(RetrieveFailedError):
    """No way of retrieving works.

    Attributes
    ----------
    tried
        What the probe tried, in order.
    """

    code = "pacs.no-way"
    default_hint = "Ask the PACS administrator for one of these."

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.tried: tuple[ProbeStep, ...] = ()

    @classmethod
    def after(cls, tried: tuple[ProbeStep, ...]) -> NoWayError:
        """Build it from what was tried; a single attempt keeps its own code."""
        if len(tried) == 1:
            error = cls(tried[0].advice, hint=" ")
            error.code = tried[0].code
            return error
        words = " ".join(f"{step.name.upper()}: {step.advice}" for step in tried)
        error = cls(f"No way of retrieving works. {words}")
        error.tried = tried
        return error


class FolderUnreadableError(PacsError):
    """The export folder cannot be read."""

    code = "pacs.folder-unreadable"
    default_hint = "Check `path` of the [pacs] block and the rights of this account on it."


class UnsafeStoreError(PacsError):
    """The embedded PACS was started in a way it refuses."""

    code = "pacs.unsafe-store"
    exit_status: ClassVar[int] = 31
    default_hint = "Name at least one peer with `--allow AET@HOST[:PORT]`."
