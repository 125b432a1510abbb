"""DIMSE status codes put into words and errors (PS3.4 C.4, PS3.7 Annex C)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.pacs.errors import (
    DroppedAssociationError,
    NotAuthorisedError,
    QueryFailedError,
    RetrieveFailedError,
    UnknownMoveDestinationError,
)

if TYPE_CHECKING:
    from pydicom import Dataset

    from fedpacs.config.pacs import DimsePacs
    from fedpacs.core.errors import PacsError

SUCCESS = 0x0000
PENDING = (0xFF00, 0xFF01)
CANCEL = 0xFE00
NOT_AUTHORISED = 0x0124
DUPLICATE_INSTANCE = 0x0111
INVALID_INSTANCE = 0x0117
OUT_OF_RESOURCES = 0xA700
UNABLE_TO_PERFORM_SUB_OPERATIONS = 0xA702
UNKNOWN_MOVE_DESTINATION = 0xA801
IDENTIFIER_DOES_NOT_MATCH = 0xA900
SUB_OPERATIONS_WITH_FAILURES = 0xB000
UNABLE_TO_PROCESS = 0xC000
STORED_WITH_WARNING = (0xB000, 0xB006, 0xB007, 0x0107, 0x0116)


def status_of(response: Dataset) -> int | None:
    """Give the status of a response; None when the peer went away without one."""
    return int(response.Status) if "Status" in response else None


def query_error(status: int | None) -> PacsError:
    """Say why a C-FIND failed."""
    if status is None:
        return DroppedAssociationError("The association ended in the middle of a C-FIND.")
    if status == NOT_AUTHORISED:
        return NotAuthorisedError("The PACS does not allow us C-FIND (status 0x0124).")
    return QueryFailedError(f"The PACS answered C-FIND with status 0x{status:04X}.")


def retrieve_error(status: int | None, pacs: DimsePacs, method: str) -> PacsError:
    """Say why a C-GET or C-MOVE delivered nothing."""
    verb = method.upper()
    if status is None:
        return DroppedAssociationError(f"The association ended in the middle of a {verb}.")
    if status == NOT_AUTHORISED:
        return NotAuthorisedError(f"The PACS does not allow us {verb} (status 0x0124).")
    if method == "c-move":
        if status in (UNKNOWN_MOVE_DESTINATION, UNABLE_TO_PROCESS):
            return UnknownMoveDestinationError(
                f"The PACS does not know where to send (status 0x{status:04X}).",
                hint=f"Ask your PACS admin to add AE {destination(pacs)}.",
            )
        if status == UNABLE_TO_PERFORM_SUB_OPERATIONS:
            return RetrieveFailedError(
                f"The PACS could send nothing to our Storage SCP (status 0x{status:04X}).",
                hint=(
                    f"Ask your PACS admin whether AE {destination(pacs)} is entered so, and "
                    f"whether the firewall lets the PACS connect to it."
                ),
            )
    elif status == UNABLE_TO_PERFORM_SUB_OPERATIONS:
        return RetrieveFailedError(
            f"The PACS could send nothing on our association (status 0x{status:04X}).",
            hint="It may not honour role selection: set `retrieve` to c-move.",
        )
    return RetrieveFailedError(f"The PACS answered {verb} with status 0x{status:04X}.")


def destination(pacs: DimsePacs) -> str:
    """Name our Storage SCP as a PACS administrator enters it."""
    port = pacs.storage_scp_port or "a port of your choice"
    return f"{pacs.calling_ae_title} at {pacs.storage_scp_host}:{port}"
