"""What can go wrong at a site that is sent to."""

from __future__ import annotations

from fedpacs.core.errors import PacsError
from fedpacs.pacs.errors import IncompleteStudyError


class SentInPartError(IncompleteStudyError):
    """A study was sealed and let go of, and then sent again only in part."""

    code = "pacs.sent-in-part"
    default_hint = "Have the whole study sent again; it is then taken as a whole."


class FullInboxError(PacsError):
    """The inbox of a push site would fill the disk."""

    code = "pacs.inbox-full"
    default_hint = (
        "Run `fedpacs site ingest`, which empties it, or give it more space; senders repeat what "
        "was refused."
    )


class NobodyListensError(PacsError):
    """The receiver of a push site is not running."""

    code = "pacs.nobody-listens"
    default_hint = "Start `fedpacs site receive` and leave it running."
