"""Where the approval of certain terms stands: a pure judgement of the statements on them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from fedpacs.records.statements import Act

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fedpacs.records.statements import Statement

CLOCK_SKEW_US = 5 * 60 * 1_000_000
"""How far in the future a statement may seem to be signed."""


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


@dataclass(frozen=True, slots=True)
class StandingFacts:
    """What is known of the approval of terms that were asked for.

    Attributes
    ----------
    statements
        All statements on the terms, signatures verified.
    approvers
        Codes and public keys, from ``site.toml``.
    required
        How many must approve, 1 or more.
    now_us
        Microseconds since 1970, UTC.
    revoked_in_book_us
        When the book last tells of a revocation of the terms; None if never. A revocation that
        was removed from the statements so still holds.
    """

    statements: Sequence[Statement]
    approvers: Mapping[str, str]
    required: int
    now_us: int
    revoked_in_book_us: int | None = None


def judge(facts: StandingFacts) -> ApprovalState:
    """Judge the statements.

    The rules:

    1. An approval counts if its key is the one that ``site.toml`` names for its approver today,
       it was not signed in the future, and it has not expired.
    2. A revocation, whoever signed it, undoes all approvals signed before it or at the same time.
    3. The terms are approved if as many different approvers *with different keys* as required
       have an approval that counts.

    Parameters
    ----------
    facts
        What is known.

    Raises
    ------
    ValueError
        If nobody is required.
    """
    if facts.required < 1:
        msg = "an approval that requires nobody approves everything"
        raise ValueError(msg)
    revocations = [s.at_us for s in facts.statements if s.act is Act.REVOKE]
    if facts.revoked_in_book_us is not None:
        revocations.append(facts.revoked_in_book_us)
    revoked_us = max(revocations, default=None)
    counted = [
        s
        for s in facts.statements
        if s.act is Act.APPROVE
        and facts.approvers.get(s.approver) == s.public
        and s.at_us <= facts.now_us + CLOCK_SKEW_US
        and (revoked_us is None or s.at_us > revoked_us)
    ]
    if _persons([s for s in counted if s.expires_at_us > facts.now_us]) >= facts.required:
        return ApprovalState.APPROVED
    if _persons(counted) >= facts.required:
        return ApprovalState.EXPIRED
    return ApprovalState.PENDING if revoked_us is None else ApprovalState.REVOKED


def _persons(approvals: Sequence[Statement]) -> int:
    """Count persons: two codes with one key are one person, and the reverse."""
    return min(len({s.approver for s in approvals}), len({s.public for s in approvals}))
