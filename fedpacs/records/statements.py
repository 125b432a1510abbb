"""Statements of approvers: signed, dated, about the digest of the terms and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from fedpacs.core.digest import canonical_json, sha256_hex
from fedpacs.crypto.errors import BadSignatureError
from fedpacs.crypto.signatures import verify
from fedpacs.records.errors import ApprovalsTamperedError

if TYPE_CHECKING:
    from fedpacs.crypto.signatures import SigningKey

_KIND = b"fedpacs approval statement v1\n"


class Act(StrEnum):
    """What an approver says."""

    APPROVE = "approve"
    REVOKE = "revoke"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of one approver.

    Attributes
    ----------
    act
        Approve or revoke.
    terms_digest
        SHA-256 of the terms.
    approver
        The approver's code in ``site.toml``.
    public
        Public key it was signed with. Whether that is the approver's is decided at each reading.
    at_us
        When, in microseconds since 1970, UTC.
    expires_at_us
        End of an approval, likewise; 0 for a revocation.
    signature
        Ed25519, hexadecimal.
    """

    act: Act
    terms_digest: str
    approver: str
    public: str
    at_us: int
    expires_at_us: int
    signature: str = ""

    def signed(self, key: SigningKey) -> Statement:
        """Give it with its signature."""
        return Statement(
            act=self.act,
            terms_digest=self.terms_digest,
            approver=self.approver,
            public=self.public,
            at_us=self.at_us,
            expires_at_us=self.expires_at_us,
            signature=key.sign(self._message()).hex(),
        )

    def check(self) -> None:
        """Return only if it is what was signed.

        Raises
        ------
        ApprovalsTamperedError
            If it is not.
        """
        try:
            verify(self.public, self._message(), bytes.fromhex(self.signature))
        except (BadSignatureError, ValueError) as error:
            raise ApprovalsTamperedError("A stored approval or revocation was changed.") from error

    @property
    def digest(self) -> str:
        """SHA-256 by which the book names the statement."""
        return sha256_hex(self._message() + bytes.fromhex(self.signature))

    def _message(self) -> bytes:
        return _KIND + canonical_json(
            {
                "act": self.act.value,
                "approver": self.approver,
                "at_us": self.at_us,
                "expires_at_us": self.expires_at_us,
                "public": self.public,
                "terms": self.terms_digest,
            }
        )


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970 of an aware moment, exactly.

    Raises
    ------
    ValueError
        If the moment has no time zone: it could be hours off.
    """
    if moment.tzinfo is None:
        msg = "a moment without a time zone"
        raise ValueError(msg)
    passed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
