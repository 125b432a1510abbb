"""Gate 1, disclosure: whether a de-identified study may go into the sealed store."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.core.decision import Decision, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

GATE = "disclosure"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class DisclosureFacts:
    """What is known of one study before gate 1.

    Attributes
    ----------
    profile_digest
        SHA-256 of the profile that made the objects.
    approved_profile_digest
        SHA-256 of the profile that the site approved.
    instances
        Instances of the study that were retrieved.
    deidentified
        Of these, how many were de-identified.
    verified
        Of these, how many the independent verification has read to the end.
    findings
        Places where the verification still found an identity, over all instances.
    private_elements
        Private elements left that the profile does not name as safe.
    marked_deidentified
        Instances that say of themselves that the identity was removed, (0012,0062) and
        (0012,0064).
    """

    profile_digest: str
    approved_profile_digest: str
    instances: int
    deidentified: int
    verified: int
    findings: int
    private_elements: int
    marked_deidentified: int


def decide(facts: DisclosureFacts) -> Decision:
    """Decide gate 1. It opens only if all of these hold; every broken one is named.

    1. No count is negative or anything but a whole number (``disclosure.impossible-count``).
    2. The profile that ran is the one the site approved, by SHA-256
       (``disclosure.profile-not-approved``).
    3. There is at least one instance (``disclosure.empty-study``).
    4. Every retrieved instance was de-identified (``disclosure.incomplete``).
    5. Every instance was verified by the independent verification (``disclosure.unverified``).
    6. The verification found no identity (``disclosure.identity-found``).
    7. No private element is left (``disclosure.private-elements``).
    8. Every instance is marked as de-identified (``disclosure.not-marked``).

    Parameters
    ----------
    facts
        What is known.

    Returns
    -------
    Decision
        With all reasons, not only the first.

    References
    ----------
    PS3.15 Annex E; PS3.15 E.1.1 for the marks of rule 8.
    """
    return Decision.of(GATE, _broken(facts))


def _broken(facts: DisclosureFacts) -> Iterator[Reason]:
    counts = (
        facts.instances,
        facts.deidentified,
        facts.verified,
        facts.findings,
        facts.private_elements,
        facts.marked_deidentified,
    )
    if any(type(count) is not int or count < 0 for count in counts):
        yield Reason("disclosure.impossible-count", "A count is not a whole number of 0 or more.")
        return
    yield from _profile(facts)
    if facts.instances == 0:
        yield Reason("disclosure.empty-study", "The study has no instance.")
    yield from _completeness(facts)
    if facts.findings > 0:
        yield Reason(
            "disclosure.identity-found",
            f"The verification still found an identity in {facts.findings} places.",
        )
    if facts.private_elements > 0:
        yield Reason(
            "disclosure.private-elements", f"{facts.private_elements} private elements are left."
        )


def _profile(facts: DisclosureFacts) -> Iterator[Reason]:
    if not _SHA256.fullmatch(facts.profile_digest):
        yield Reason(
            "disclosure.profile-not-approved",
            "The profile that ran is not known by its SHA-256.",
        )
    elif facts.profile_digest != facts.approved_profile_digest:
        yield Reason(
            "disclosure.profile-not-approved",
            "The profile that ran is not the profile that the site approved.",
        )


def _completeness(facts: DisclosureFacts) -> Iterator[Reason]:
    # Not equal, rather than fewer: more than were retrieved is as wrong as fewer.
    total = facts.instances
    if facts.deidentified != total:
        yield Reason(
            "disclosure.incomplete",
            f"{facts.deidentified} of {total} retrieved instances were de-identified.",
        )
    if facts.verified != total:
        yield Reason("disclosure.unverified", f"{facts.verified} of {total} were verified.")
    if facts.marked_deidentified != total:
        yield Reason(
            "disclosure.not-marked",
            f"{facts.marked_deidentified} of {total} are marked as de-identified.",
        )
