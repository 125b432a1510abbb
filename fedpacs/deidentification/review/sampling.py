"""The sample: which files a person looks at, drawn so that anybody can draw it again.

Every file has a rank, SHA-256 over seed and name; the lowest ranks are the sample. So the seed
and the folder give the sample, and no tool or version changes it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.core.digest import digest_of
from fedpacs.deidentification.review.errors import NothingToReviewError

if TYPE_CHECKING:
    from pathlib import Path

_CONFIDENCE = 0.95
_BISECTIONS = 60
_SEED_BITS = 48
"""A seed that a browser's numbers hold exactly."""


@dataclass(frozen=True, slots=True)
class SampledFile:
    """One file of the sample: its name below the folder, and the SHA-256 of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Sample:
    """What was drawn from what.

    Attributes
    ----------
    seed
        The drawing's only secret-free input besides the names.
    population
        Files in the folder.
    population_digest
        SHA-256 over their names.
    files
        The sample, in the order of the drawing.
    """

    seed: int
    population: int
    population_digest: str
    files: tuple[SampledFile, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over all of it: names the sample."""
        return digest_of(
            {
                "seed": self.seed,
                "population": self.population,
                "population_digest": self.population_digest,
                "files": [[file.name, file.sha256] for file in self.files],
            }
        )


def new_seed() -> int:
    """Draw a seed."""
    return secrets.randbits(_SEED_BITS)


def draw(out: Path, size: int, seed: int) -> Sample:
    """Draw a sample of a folder.

    Parameters
    ----------
    out
        Folder of de-identified files; hidden files and links are none.
    size
        How many; all of them if there are fewer.
    seed
        As `new_seed` gives it, or a number that was agreed on before.

    Raises
    ------
    NothingToReviewError
        If there is no file.
    """
    names = sorted(_names(out))
    if not names:
        raise NothingToReviewError("There is no file to review.")
    drawn = sorted(names, key=lambda name: _rank(seed, name))[: max(size, 1)]
    files = tuple(SampledFile(name, _sha256(out / name)) for name in drawn)
    return Sample(seed, len(names), digest_of(list(names)), files)


def upper_bound(failures: int, sampled: int, population: int) -> float:
    """Bound the share of failures in the whole folder from above, at 95 % confidence.

    Parameters
    ----------
    failures
        Objects of the sample in which something was found.

    Returns
    -------
    float
        Fraction of the population; the one-sided Clopper-Pearson bound, which takes the sample
        as drawn with replacement and so errs on the safe side. The plain share if all was seen.

    References
    ----------
    Clopper and Pearson, Biometrika 26 (1934), 404.
    """
    if sampled >= population or failures >= sampled:
        return failures / max(sampled, 1)
    low, high = failures / sampled, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if _at_most(failures, sampled, middle) > 1 - _CONFIDENCE:
            low = middle
        else:
            high = middle
    return high


def _at_most(failures: int, sampled: int, share: float) -> float:
    """Give the binomial probability of at most so many failures."""
    term = (1 - share) ** sampled
    total = term
    for count in range(failures):
        term *= (sampled - count) / (count + 1) * share / (1 - share)
        total += term
    return total


def _names(out: Path) -> list[str]:
    found = []
    for folder, below, files in os.walk(out):
        below[:] = [name for name in below if not name.startswith(".")]
        for name in files:
            path = out.__class__(folder) / name
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                found.append(path.relative_to(out).as_posix())
    return found


def _rank(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"fedpacs review sample 1|{seed}|{name}".encode()).digest()


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
