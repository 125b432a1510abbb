"""What can go wrong between a site and a DICOMweb server; no message holds a URL with a UID."""

from __future__ import annotations

from fedpacs.core.errors import PacsError
from fedpacs.pacs.errors import DroppedAssociationError, NotAuthorisedError, QueryFailedError


class CutShortError(DroppedAssociationError):
    """An HTTP connection ended or went silent in the middle of an answer."""

    code = "pacs.connection-dropped"
    default_hint = (
        "Repeat; when it stays, raise `timeout_s` of the [pacs] block and look for a proxy or "
        "firewall between this machine and the PACS that ends long connections."
    )


class WebRequestFailedError(QueryFailedError):
    """A DICOMweb request ended in a failure."""

    code = "pacs.web-request-failed"
    default_hint = (
        "Check `url` of the [pacs] block with the PACS administrator; show them the status."
    )


class UnreadableAnswerError(WebRequestFailedError):
    """The server answered something else than DICOMweb does."""

    code = "pacs.unreadable-answer"
    default_hint = (
        "Check that `url` of the [pacs] block names the DICOMweb root (not a viewer or a login "
        "page), and repeat."
    )


class NotFoundError(WebRequestFailedError):
    """The server knows no such resource."""

    code = "pacs.not-found"
    default_hint = (
        "Ask the PACS administrator for the root of its DICOMweb services and correct `url`; for "
        "a single study: it may have been moved or deleted meanwhile."
    )


class LoginRefusedError(NotAuthorisedError):
    """The server wants to know who we are, or does not believe it."""

    code = "pacs.login-refused"
    default_hint = (
        "Set `user` and `password`, or `token`, of the [pacs] block (by key URI); a token may "
        "have expired."
    )


class RedirectedError(PacsError):
    """The server sends us on to another host; credentials and UIDs would follow."""

    code = "pacs.redirected"
    default_hint = (
        "Ask the PACS administrator for the final address of the DICOMweb services and write it "
        "as `url`; with https, if that is where it sends."
    )
