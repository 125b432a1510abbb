"""Errors of the book and the approvals."""

from __future__ import annotations

from fedpacs.core.errors import RecordsError


class BookUnreadableError(RecordsError):
    """The book cannot be read."""

    code = "records.unreadable"
    default_hint = "Check the book's URL, that the database is there, and who may read it."


class BookUnwritableError(RecordsError):
    """The book cannot be written, so what was to be written down must not happen."""

    code = "records.unwritable"
    default_hint = "Check disk space, permissions and that no other process holds the book locked."


class BookExposedError(BookUnwritableError):
    """Others than the owner may write the book's file."""

    code = "records.exposed"
    default_hint = "Run `chmod 600` on the book's file, then `fedpacs audit verify`."


class BookTamperedError(BookUnwritableError):
    """The end of the book is not what this site's agent signed; nothing more is added to it."""

    code = "records.tampered"
    default_hint = "Stop. Keep the file as it is, run `fedpacs audit verify`, and find out who."


class BookRolledBackError(BookTamperedError):
    """The book is shorter than, or different from, what was seen of it before."""

    code = "records.rolled-back"


class EventRefusedError(RecordsError):
    """An event does not fit the closed vocabulary of the book."""

    code = "records.event-refused"
    default_hint = "Use the fields of fedpacs/records/vocabulary.py; there is no free text."


class ProofError(RecordsError):
    """A Merkle proof does not hold, or was asked for what the tree does not have."""

    code = "records.proof-invalid"
    default_hint = "Stop. The entry, the proof or the checkpoint was changed."


class CheckpointError(RecordsError):
    """The text of a checkpoint cannot be read or its signature does not hold."""

    code = "records.checkpoint-invalid"
    default_hint = "Compare it with the checkpoint that the site published."


class TermsUnknownError(RecordsError):
    """Terms were named that nobody has asked approval for."""

    code = "records.terms-unknown"
    default_hint = "Show the terms with `fedpacs site status`; the job or the cohort has changed."


class ApprovalRefusedError(RecordsError):
    """An approval cannot be given as asked."""

    code = "records.approval-refused"
    default_hint = "Use an approver's code of site.toml and an expiry within a year."


class ApprovalsTamperedError(RecordsError):
    """Stored approvals were changed or removed, so none is believed."""

    code = "records.approvals-tampered"
    default_hint = "Stop. Keep the database as it is, and run `fedpacs audit verify`."


class IndexUnreadableError(RecordsError):
    """The index of studies cannot be read."""

    code = "records.index-unreadable"
    default_hint = (
        "Check [ingest] index. When it is lost, remove it: the next ingest makes it anew from the "
        "sealed store and the PACS."
    )


class IndexUnwritableError(RecordsError):
    """The index of studies cannot be written, so no study is begun."""

    code = "records.index-unwritable"
    default_hint = "Check disk space, permissions and that no other process holds the index locked."


class IndexExposedError(IndexUnwritableError):
    """Others than the owner may write the file of the index."""

    code = "records.index-exposed"
    default_hint = "Run `chmod 600` on the file that [ingest] index names."


class BudgetExhaustedError(RecordsError):
    """A release with noise would cost the site's patients more than the site allows."""

    code = "records.budget-exhausted"
    default_hint = (
        "Ask for more noise, or let the data protection officer decide on `[privacy]` in site.toml."
    )


class ReservationError(RecordsError):
    """A reservation of privacy budget is not there, or was settled before."""

    code = "records.no-reservation"
    default_hint = "Begin the release anew; what was reserved stays charged."
