"""The end of a de-identification in words: what was done, what each code means, what to do now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedpacs.cli.output import say, show, stdout, value_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fedpacs.deidentification.batch import BatchReport


def explained_codes(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Explain codes and how often each was given, the most frequent first."""
    from fedpacs.deidentification.outcome_codes import meaning_of_code

    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    meanings = [(count, meaning_of_code(code)) for code, count in ranked]
    return [
        {
            "code": meaning.code,
            "count": count,
            "meaning": meaning.sentence,
            "what_to_do": meaning.next_step,
        }
        for count, meaning in meanings
    ]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run's summary is made from.

    Attributes
    ----------
    out
        Output folder.
    identity
        Where new identities came from: ``keyed``, ``vault`` or ``ephemeral``.
    review
        Options that show the originals in a review; empty without a map.
    refused_in
        Quarantine or map, where what was refused can be looked at.
    vault
        The vault that was used.
    """

    out: Path
    identity: str
    review: str
    refused_in: Path | None
    vault: Path | None
    outcome: BatchReport
    elapsed_s: float

    @property
    def refused(self) -> int:
        """Files that were not written."""
        return self.outcome.files - self.outcome.deidentified

    @property
    def look(self) -> str:
        """Where to look for what was refused."""
        return f"look at {self.refused_in}" if self.refused_in else "add --map FILE to see which"

    def show(self) -> None:
        """Print it."""
        outcome, console = self.outcome, stdout()
        say(
            console,
            f"{outcome.deidentified:,} of {outcome.files:,} files de-identified and verified under "
            f"{outcome.profile} in {value_text('elapsed_s', self.elapsed_s)}.",
        )
        if self.refused:
            say(console, f"\n{self.refused:,} refused; nothing of them is in {self.out}.\n")
            show(explained_codes(outcome.quarantined))
        for line in (*self._identity(), *self._next()):
            say(console, line)

    def _identity(self) -> list[str]:
        if self.identity == "ephemeral":
            return ["The key of this run is gone: nobody can link its output to another run's."]
        if self.identity == "vault":
            kept = "keep it and its key as long as the output"
            return [f"The random codes are in {self.vault}: {kept}."]
        return []

    def _next(self) -> list[str]:
        if self.outcome.deidentified == 0:
            return []
        line = f"Next: `fedpacs deid review {self.out}{self.review}`, a person's look at a sample"
        return [f"{line}; for what was refused, {self.look}." if self.refused else f"{line}."]
