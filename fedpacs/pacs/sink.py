"""Where retrieved instances land: only what was asked for, byte for byte, written atomically."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fedpacs.pacs.part10 import file_name, write_atomically
from fedpacs.pacs.status import NOT_AUTHORISED, OUT_OF_RESOURCES, SUCCESS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pynetdicom import evt

_FORGOTTEN = Path(os.devnull)
_LOGGER = logging.getLogger(__name__)


class Sink:
    """Answers C-STORE requests during one retrieve.

    Parameters
    ----------
    into
        Folder to write to; None takes the bytes and forgets them (the probe).
    wanted
        SOP Instance UIDs to accept; anything else is refused.
    arrived
        Told the path of each instance (the null device for the probe), from the receiving thread.
    """

    def __init__(
        self, into: Path | None, wanted: frozenset[str], arrived: Callable[[Path], None]
    ) -> None:
        self._into = into
        self._wanted = wanted
        self._arrived = arrived

    def store(self, event: evt.Event) -> int:
        """Handle ``EVT_C_STORE``; returns the DIMSE status."""
        uid = str(event.request.AffectedSOPInstanceUID)  # type: ignore[union-attr]  # a C-STORE
        if uid not in self._wanted:
            _LOGGER.warning("refused an instance nobody asked for", extra={"code": "pacs.unasked"})
            return NOT_AUTHORISED
        path = _FORGOTTEN
        if self._into is not None:
            path = self._into / file_name(uid)
            try:
                write_atomically(path, event.encoded_dataset(), durable=False)
            except OSError as error:
                _LOGGER.error(  # noqa: TRY400 - the traceback would quote the path
                    "cannot write to staging: errno %s", error.errno, extra={"code": "pacs.staging"}
                )
                return OUT_OF_RESOURCES
        self._arrived(path)
        return SUCCESS
