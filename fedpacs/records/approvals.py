"""Approvals: what the hospital's people have signed, asked anew for every task.

Nothing is believed because it is stored. At each reading the terms are hashed again, every
signature is verified, and it counts only if the key is the one that ``site.toml`` names for that
approver today.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from fedpacs.records import approval_rows, ledger
from fedpacs.records.database import BUSY_TIMEOUT_S, Database
from fedpacs.records.errors import (
    ApprovalRefusedError,
    BookUnreadableError,
    EventRefusedError,
    TermsUnknownError,
)
from fedpacs.records.standing import ApprovalState, StandingFacts, judge
from fedpacs.records.statements import Act, Statement, microseconds
from fedpacs.records.vocabulary import APPROVER, EventKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from sqlalchemy import Connection

    from fedpacs.core.terms import Terms
    from fedpacs.crypto.signatures import SigningKey

__all__ = ["ApprovalState", "Approvals", "Statement"]

LONGEST_APPROVAL = timedelta(days=366)


class Approvals:
    """The approvals of one site."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Approvals:
        """Open; missing tables are made. The URL may be that of the book.

        Raises
        ------
        BookUnreadableError, BookUnwritableError
            If the database cannot be used.
        """
        database = Database.open(url, busy_timeout_s=busy_timeout_s)
        try:
            with database.writing() as connection:
                approval_rows.METADATA.create_all(connection)
                ledger.METADATA.create_all(connection)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def request(self, terms: Terms) -> None:
        """Ask for approval. Asking again changes nothing.

        Raises
        ------
        BookUnwritableError
            If it cannot be stored.
        """
        with self._database.writing() as connection:
            if approval_rows.stored_terms(connection, terms.digest) is None:
                approval_rows.add_terms(connection, terms)

    def approve(
        self,
        terms_digest: str,
        approver: str,
        key: SigningKey,
        expires_at: datetime,
        *,
        at: datetime | None = None,
    ) -> Statement:
        """Sign an approval and store it.

        Parameters
        ----------
        terms_digest
            Of terms that were asked for.
        approver
            The approver's code in ``site.toml``. Whether `key` is really this approver's is
            decided at each reading.
        key
            The approver's own.
        expires_at
            End of the approval, with time zone, at most 366 days away.
        at
            When it is signed; now when left out.

        Returns
        -------
        Statement
            Its digest goes into the book.

        Raises
        ------
        TermsUnknownError
            If nobody asked for approval of such terms.
        ApprovalRefusedError
            If the approver is not a code, or the expiry is past, too far away or without zone.
        BookUnwritableError
            If it cannot be stored.
        """
        signed_at = at or datetime.now(UTC)
        if expires_at.tzinfo is None or signed_at.tzinfo is None:
            raise ApprovalRefusedError("An approval needs an expiry with a time zone.")
        if not signed_at < expires_at <= signed_at + LONGEST_APPROVAL:
            raise ApprovalRefusedError("An approval ends in the future, within 366 days.")
        return self._sign(
            Act.APPROVE, terms_digest, approver, key, (signed_at, microseconds(expires_at))
        )

    def revoke(
        self, terms_digest: str, approver: str, key: SigningKey, *, at: datetime | None = None
    ) -> Statement:
        """Sign a revocation and store it. It undoes every approval of the terms up to now.

        One person is enough, however many must approve, and a key that ``site.toml`` no longer
        names is, too: stopping is never made difficult.

        Parameters
        ----------
        terms_digest, approver, key, at
            As for `approve`.

        Raises
        ------
        TermsUnknownError, ApprovalRefusedError, BookUnwritableError
            As for `approve`.
        """
        return self._sign(Act.REVOKE, terms_digest, approver, key, (at or datetime.now(UTC), 0))

    def state(
        self, terms_digest: str, approvers: Mapping[str, str], required: int, now: datetime
    ) -> ApprovalState:
        """Tell where the approval of terms stands, verifying everything anew.

        Terms that nobody asked for are a draft; for the rest see
        `fedpacs.records.standing.judge`. When the book is in the same database, a revocation it
        tells of holds even if the revocation itself was removed.

        Parameters
        ----------
        terms_digest
            Which terms.
        approvers
            Codes and public keys, from ``site.toml``.
        required
            How many must approve, 1 or more.
        now
            With time zone.

        Raises
        ------
        ApprovalsTamperedError
            If terms or a statement were changed.
        BookUnreadableError
            If the approvals cannot be read.
        ValueError
            If `required` is less than 1, or `now` has no time zone.
        """
        with self._database.reading() as connection:
            terms = approval_rows.stored_terms(connection, terms_digest)
            facts = StandingFacts(
                statements=approval_rows.stored_statements(connection, terms_digest),
                approvers=approvers,
                required=required,
                now_us=microseconds(now),
                revoked_in_book_us=_revoked_in_book(connection, terms_digest),
            )
        judged = judge(facts)
        return ApprovalState.DRAFT if terms is None else judged

    def statements(self, terms_digest: str) -> tuple[Statement, ...]:
        """Give every statement on terms, oldest first, signatures verified.

        Raises
        ------
        ApprovalsTamperedError
            If one was changed.
        """
        with self._database.reading() as connection:
            return approval_rows.stored_statements(connection, terms_digest)

    def terms(self, digest: str) -> Terms:
        """Give the terms of a digest.

        Raises
        ------
        TermsUnknownError
            If nobody asked for approval of such terms.
        ApprovalsTamperedError
            If they were changed.
        """
        with self._database.reading() as connection:
            found = approval_rows.stored_terms(connection, digest)
        if found is None:
            raise TermsUnknownError("Nobody has asked for approval of these terms.")
        return found

    def latest(self, job_digest: str) -> Terms | None:
        """Give the terms of a job that were asked for last, None if there are none.

        Raises
        ------
        ApprovalsTamperedError
            If they were changed.
        """
        found = [terms for terms in self.all_terms() if terms.job_digest == job_digest]
        return found[-1] if found else None

    def all_terms(self) -> tuple[Terms, ...]:
        """Give all terms, in the order they were asked for.

        Raises
        ------
        ApprovalsTamperedError
            If any were changed.
        """
        with self._database.reading() as connection:
            return approval_rows.all_stored_terms(connection)

    def asked(self) -> tuple[tuple[str, Terms | None], ...]:
        """Give everything that approval was asked for: digest, and terms or None if unreadable.

        To revoke, a digest is enough: whoever damages one row must not be able to keep the rest
        from being stopped.
        """
        with self._database.reading() as connection:
            return approval_rows.asked(connection)

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _sign(
        self,
        act: Act,
        terms_digest: str,
        approver: str,
        key: SigningKey,
        times: tuple[datetime, int],
    ) -> Statement:
        if not APPROVER.fits(approver):
            raise ApprovalRefusedError("An approver is named by a code of site.toml, as `dpo`.")
        at, expires_at_us = times
        unsigned = Statement(
            act, terms_digest, approver, key.public, microseconds(at), expires_at_us
        )
        statement = unsigned.signed(key)
        with self._database.writing() as connection:
            if act is Act.REVOKE:  # stopping needs no readable terms
                known = approval_rows.is_stored(connection, terms_digest)
            else:
                known = approval_rows.stored_terms(connection, terms_digest) is not None
            if not known:
                raise TermsUnknownError("Nobody has asked for approval of these terms.")
            approval_rows.add_statement(connection, statement)
        return statement


def _revoked_in_book(connection: Connection, terms_digest: str) -> int | None:
    try:
        entry = ledger.last_entry(connection, EventKind.APPROVAL_REVOKED, terms=terms_digest)
    except EventRefusedError as error:
        raise BookUnreadableError(
            "An entry of the book cannot be read.", hint="Run `fedpacs audit verify`."
        ) from error
    return None if entry is None else microseconds(datetime.fromisoformat(entry.time))
