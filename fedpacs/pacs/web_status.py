"""HTTP status codes of DICOMweb put into words and errors (PS3.18 8.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.pacs.errors import BusyPacsError, NotAuthorisedError
from fedpacs.pacs.web_errors import LoginRefusedError, NotFoundError, WebRequestFailedError

if TYPE_CHECKING:
    from fedpacs.config.pacs import DicomwebPacs
    from fedpacs.core.errors import PacsError

_LATER = (408, 425, 429, 502, 503, 504)
_UNAUTHENTICATED, _FORBIDDEN, _NOT_FOUND, _GONE, _NOT_ACCEPTABLE = 401, 403, 404, 410, 406


def web_error(status: int, pacs: DicomwebPacs) -> PacsError:
    """Say why a request failed."""
    said = f"The PACS answered HTTP {status}"
    if status == _UNAUTHENTICATED:
        named = "the user or token of" if pacs.user or pacs.token else "no login in"
        return LoginRefusedError(f"{said}: it does not accept {named} the [pacs] block.")
    if status == _FORBIDDEN:
        return NotAuthorisedError(
            f"{said}: it knows us, but does not allow this.",
            hint="Ask the PACS administrator to allow QIDO-RS and WADO-RS (STOW-RS for results).",
        )
    if status in (_NOT_FOUND, _GONE):
        return NotFoundError(f"{said}: nothing is there.")
    if status == _NOT_ACCEPTABLE:
        return WebRequestFailedError(
            f"{said}: it does not send objects as they are stored (transfer-syntax=*).",
            hint='Reach this PACS with kind = "dimse", which asks for each transfer syntax.',
        )
    if status in _LATER:
        return BusyPacsError(f"{said}: not now.")
    return WebRequestFailedError(f"{said}.")
