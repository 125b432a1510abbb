"""Rows of the approvals. What is read is hashed and its signature verified before it is given."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, Text, insert, select

from fedpacs.core.digest import canonical_json
from fedpacs.core.terms import Terms
from fedpacs.records.errors import ApprovalsTamperedError
from fedpacs.records.statements import Act, Statement

if TYPE_CHECKING:
    from sqlalchemy import Connection

METADATA = MetaData()
_DIGEST = re.compile(r"[0-9a-f]{64}")
TERMS = Table(
    "approval_terms",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("job_digest", String(64), nullable=False, index=True),
    Column("body", Text, nullable=False),
)
STATEMENTS = Table(
    "approval_statements",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("terms_digest", String(64), nullable=False, index=True),
    Column("act", String(16), nullable=False),
    Column("approver", String(64), nullable=False),
    Column("public", String(80), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("signature", String(128), nullable=False),
)


def stored_terms(connection: Connection, digest: str) -> Terms | None:
    """Terms of a digest, hashed again; None if there are none.

    Raises
    ------
    ApprovalsTamperedError
        If they were changed.
    """
    body = connection.execute(select(TERMS.c.body).where(TERMS.c.digest == digest)).scalar()
    return None if body is None else _terms_of(digest, str(body))


def all_stored_terms(connection: Connection) -> tuple[Terms, ...]:
    """All terms, oldest first, hashed again.

    Raises
    ------
    ApprovalsTamperedError
        If any were changed.
    """
    rows = connection.execute(select(TERMS).order_by(TERMS.c.number)).all()
    return tuple(_terms_of(row.digest, row.body) for row in rows)


def asked(connection: Connection) -> tuple[tuple[str, Terms | None], ...]:
    """Digests of all terms, oldest first, each with its terms, or None where they were changed."""
    rows = connection.execute(select(TERMS).order_by(TERMS.c.number)).all()
    return tuple(
        (row.digest, _terms_or_none(row.digest, row.body))
        for row in rows
        if _DIGEST.fullmatch(str(row.digest))
    )


def is_stored(connection: Connection, digest: str) -> bool:
    """Tell whether terms of a digest are there, changed or not."""
    found = connection.execute(select(TERMS.c.number).where(TERMS.c.digest == digest)).first()
    return found is not None


def add_terms(connection: Connection, terms: Terms) -> None:
    """Store terms."""
    body = canonical_json(asdict(terms)).decode()
    values = {"digest": terms.digest, "job_digest": terms.job_digest, "body": body}
    connection.execute(insert(TERMS).values(values))


def add_statement(connection: Connection, statement: Statement) -> None:
    """Store a statement."""
    connection.execute(insert(STATEMENTS).values(asdict(statement)))


def stored_statements(connection: Connection, terms_digest: str) -> tuple[Statement, ...]:
    """Statements on terms, oldest first, signatures verified.

    Raises
    ------
    ApprovalsTamperedError
        If one was changed.
    """
    rows = connection.execute(
        select(STATEMENTS)
        .where(STATEMENTS.c.terms_digest == terms_digest)
        .order_by(STATEMENTS.c.number)
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


def _terms_or_none(digest: str, body: str) -> Terms | None:
    try:
        return _terms_of(digest, body)
    except ApprovalsTamperedError:
        return None


def _terms_of(digest: str, body: str) -> Terms:
    try:
        terms = Terms(**json.loads(body))
    except (ValueError, TypeError) as error:
        raise ApprovalsTamperedError("Stored terms were changed.") from error
    if terms.digest != digest:
        raise ApprovalsTamperedError("Stored terms were changed.")
    return terms
