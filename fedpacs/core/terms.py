"""What a hospital's people sign when they approve a job."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from fedpacs.core.digest import digest_of


@dataclass(frozen=True, slots=True)
class Terms:
    """Everything that matters about a job at one site, by digest.

    If any of it changes, the digest changes, and the old approval approves nothing.

    Attributes
    ----------
    rounds
        Rounds of training; 0 where statistics alone may leave.
    software
        Version of the FedPACS that trains: what a site runs is its own installed software, so
        another version is another act.
    """

    site: str
    job_digest: str
    cohort_digest: str
    profile_digest: str
    schema_digest: str
    bundle_digest: str
    rounds: int
    software: str

    @property
    def digest(self) -> str:
        """SHA-256 that the approvers sign."""
        return digest_of(asdict(self))
