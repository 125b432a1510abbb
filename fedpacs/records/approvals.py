"""Approvals: what the hospital's people have signed, asked anew for every task.

Nothing is believed because it is stored. At each reading the terms are hashed again, every
signature is verified, and it counts only if the key is the one that ``site.toml`` names for that
approver today.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    select,
)

from fedpacs.core.digest import canonical_json
from fedpacs.core.terms import Terms
from fedpacs.records.database import BUSY_TIMEOUT_S, Database
from fedpacs.records.errors import (
    ApprovalRefusedError,
    ApprovalsTamperedError,
    TermsUnknownError,
)
from fedpacs.records.statements import Act, Statement, microseconds
from fedpacs.records.vocabulary import APPROVER

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from types import TracebackType

    from sqlalchemy import Connection

    from fedpacs.crypto.signatures import SigningKey

LONGEST_APPROVAL = timedelta(days=366)
CLOCK_SKEW = timedelta(minutes=5)

_METADATA = MetaData()
_TERMS = Table(
    "approval_terms",
    _METADATA,
    Column("number", Integer, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("job_digest", String(64), nullable=False, index=True),
    Column("body", Text, nullable=False),
)
_STATEMENTS = Table(
    "approval_statements",
    _METADATA,
    Column("number", Integer, primary_key=True),
    Column("terms_digest", String(64), nullable=False, index=True),
    Column("act", String(16), nullable=False),
    Column("approver", String(64), nullable=False),
    Column("public", String(80), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("signature", String(128), nullable=False),
)


class ApprovalState(StrEnum):
    """Where the approval of certain terms stands."""

    DRAFT = "draft"
    """Nobody has been asked."""
    PENDING = "pending"
    """Asked for, but not enough approvers have signed."""
    APPROVED = "approved"
    REVOKED = "revoked"
    """Somebody took it back, and not enough approvers have signed anew since."""
    EXPIRED = "expired"
    """Enough approvers had signed, but their time is over."""


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
                _METADATA.create_all(connection)
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
            if _stored_terms(connection, terms.digest) is None:
                connection.execute(
                    insert(_TERMS).values(
                        digest=terms.digest,
                        job_digest=terms.job_digest,
                        body=canonical_json(asdict(terms)).decode(),
                    )
                )

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
        return self._state_of(
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
        return self._state_of(Act.REVOKE, terms_digest, approver, key, (at or datetime.now(UTC), 0))

    def state(
        self,
        terms_digest: str,
        approvers: Mapping[str, str],
        required: int,
        now: datetime,
        *,
        in_book: Collection[str] = (),
    ) -> ApprovalState:
        """Tell where the approval of terms stands, verifying everything anew.

        The rules:

        1. Terms that nobody asked for are a draft.
        2. An approval counts if its signature holds, its key is the one that `approvers` names
           for its approver, it was not signed in the future, and it has not expired.
        3. A revocation, whoever signed it, undoes all approvals signed before it or at the same
           time.
        4. As many different approvers *with different keys* as required make it approved.

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
        in_book
            Digests of all statements on these terms that the book tells of
            (`fedpacs.records.book.Book.statements`). Removing a revocation from the approvals
            then comes to light.

        Raises
        ------
        ApprovalsTamperedError
            If terms or a statement were changed, or one that the book tells of is gone.
        BookUnreadableError
            If the approvals cannot be read.
        ValueError
            If `required` is less than 1, or `now` has no time zone.
        """
        if required < 1:
            msg = "an approval that requires nobody approves everything"
            raise ValueError(msg)
        now_us = microseconds(now)
        with self._database.reading() as connection:
            terms = _stored_terms(connection, terms_digest)
            statements = _stored_statements(connection, terms_digest)
        if set(in_book) - {statement.digest for statement in statements}:
            raise ApprovalsTamperedError("A statement that the book tells of is gone.")
        if terms is None:
            return ApprovalState.DRAFT
        revoked_us = max((s.at_us for s in statements if s.act is Act.REVOKE), default=None)
        latest_us = now_us + CLOCK_SKEW // timedelta(microseconds=1)
        counted = [
            s
            for s in statements
            if s.act is Act.APPROVE
            and approvers.get(s.approver) == s.public
            and s.at_us <= latest_us
            and (revoked_us is None or s.at_us > revoked_us)
        ]
        if _different([s for s in counted if s.expires_at_us > now_us]) >= required:
            return ApprovalState.APPROVED
        if _different(counted) >= required:
            return ApprovalState.EXPIRED
        return ApprovalState.PENDING if revoked_us is None else ApprovalState.REVOKED

    def statements(self, terms_digest: str) -> tuple[Statement, ...]:
        """Give every statement on terms, oldest first, signatures verified.

        Raises
        ------
        ApprovalsTamperedError
            If one was changed.
        """
        with self._database.reading() as connection:
            return _stored_statements(connection, terms_digest)

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
            found = _stored_terms(connection, digest)
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
            rows = connection.execute(select(_TERMS).order_by(_TERMS.c.number)).all()
        return tuple(_terms_of(row.digest, row.body) for row in rows)

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

    def _state_of(
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
            if _stored_terms(connection, terms_digest) is None:
                raise TermsUnknownError("Nobody has asked for approval of these terms.")
            connection.execute(insert(_STATEMENTS).values(**asdict(statement)))
        return statement


def _different(approvals: list[Statement]) -> int:
    """Persons behind approvals: two codes with one key are one person, and the reverse."""
    return min(len({s.approver for s in approvals}), len({s.public for s in approvals}))


def _stored_terms(connection: Connection, digest: str) -> Terms | None:
    body = connection.execute(select(_TERMS.c.body).where(_TERMS.c.digest == digest)).scalar()
    return None if body is None else _terms_of(digest, str(body))


def _terms_of(digest: str, body: str) -> Terms:
    try:
        terms = Terms(**json.loads(body))
    except (ValueError, TypeError) as error:
        raise ApprovalsTamperedError("Stored terms were changed.") from error
    if terms.digest != digest:
        raise ApprovalsTamperedError("Stored terms were changed.")
    return terms


def _stored_statements(connection: Connection, terms_digest: str) -> tuple[Statement, ...]:
    rows = connection.execute(
        select(_STATEMENTS)
        .where(_STATEMENTS.c.terms_digest == terms_digest)
        .order_by(_STATEMENTS.c.number)
    ).all()
    found = []
    for row in rows:
        try:
            act = Act(row.act)
        except ValueError as error:
            raise ApprovalsTamperedError("A stored statement was changed.") from error
        statement = Statement(
            act=act,
            terms_digest=row.terms_digest,
            approver=row.approver,
            public=row.public,
            at_us=row.at_us,
            expires_at_us=row.expires_at_us,
            signature=row.signature,
        )
        statement.check()
        found.append(statement)
    return tuple(found)
