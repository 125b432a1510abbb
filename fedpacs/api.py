"""FedPACS from Python: the use cases of the command line as objects, for notebooks.

>>> from fedpacs import api as fp
>>> job = fp.job("configs/jobs/brain-tissue.toml")
>>> fp.preview(job).bytes_per_round
>>> fp.site("sites/aurora/site.toml").status()

Nothing here shows an image or a name: what comes back are counts, codes, digests and numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedpacs.agent.doctor import CheckItem
    from fedpacs.agent.preview import Preview
    from fedpacs.agent.site import Site
    from fedpacs.config.job import JobConfig
    from fedpacs.deidentification.batch import BatchReport
    from fedpacs.deidentification.custody.reidentify import ReidentificationReport
    from fedpacs.deidentification.review.sheet import ContactSheet
    from fedpacs.records.verification import Verification
    from fedpacs.server.consortium import Consortium
    from fedpacs.simulation.outcome import DemoOutcome

    Progress = Callable[[str, int, int], None]

__all__ = [
    "consortium",
    "deidentify",
    "demo",
    "doctor",
    "explain",
    "job",
    "preview",
    "reidentify",
    "review",
    "site",
    "verify_book",
]


def site(file: str | Path) -> Site:
    """Open a hospital by its ``site.toml``: check, echo, find, ingest, approve, train, status.

    Raises
    ------
    ConfigError
        With every fault of the file.
    """
    from fedpacs.agent.site import Site

    return Site.open(Path(file))


def consortium(file: str | Path) -> Consortium:
    """Open a consortium by its ``consortium.toml``: kit, started, run, status.

    Raises
    ------
    ConfigError
        With every fault of the file.
    """
    from fedpacs.server.consortium import Consortium

    return Consortium.open(Path(file))


def job(file: str | Path) -> JobConfig:
    """Read a job and see that its network can be built.

    Raises
    ------
    ConfigError, TrainingError
        With every fault of the file, or if the network's parameters do not make a network.
    """
    from fedpacs.agent.preview import lint_job

    return lint_job(Path(file))


def preview(job: JobConfig) -> Preview:
    """Say what would leave a hospital under a job: records, shapes, bytes, rounds, digests."""
    from fedpacs.agent.preview import preview as of

    return of(job)


def deidentify(
    source: str | Path,
    out: str | Path,
    *,
    profile: str,
    key: str = "",
    workers: int = 1,
    **options: Any,  # noqa: ANN401 - further fields of BatchOptions, which says their types
) -> BatchReport:
    """De-identify a folder tree of DICOM files.

    Parameters
    ----------
    source, out
        Folders; `out` gets new names from the new UIDs.
    profile
        Name of a shipped profile or path of a TOML file.
    key
        URI of the project's or vault's key, ``file:PATH`` or ``env:NAME``.
    workers
        Processes.
    options
        Further ones of `fedpacs.deidentification.batch.BatchOptions`, such as ``map_file``.
    """
    from fedpacs.deidentification.batch import BatchOptions, run
    from fedpacs.deidentification.custody.identity import make_vault_beside
    from fedpacs.deidentification.profile import load_profile

    if load_profile(profile).policies.identity == "vault" and key and Path(source).is_dir():
        options.setdefault("vault", make_vault_beside(Path(out), key))
    chosen = BatchOptions(profile=profile, key_uri=key, workers=workers, **options)
    return run(Path(source), Path(out), chosen)


def explain(profile: str, attribute: str | None = None, *, against: str | None = None) -> list[str]:
    """Say in sentences what a profile does, to one attribute or to all, or otherwise than another.

    Parameters
    ----------
    against
        Another profile: then only what differs is said; A is the other one, B is `profile`.
    """
    from fedpacs.deidentification.profile import diff, load_profile
    from fedpacs.deidentification.profile import explain as say

    chosen = load_profile(profile)
    return say(chosen, attribute) if against is None else diff(load_profile(against), chosen)


def review(
    out: str | Path,
    to: str | Path,
    *,
    source: str | Path | None = None,
    map_file: str | Path | None = None,
    size: int = 20,
    seed: int | None = None,
) -> ContactSheet:
    """Write the contact sheet of a random sample of a de-identified folder.

    Parameters
    ----------
    to
        New folder. With `source` and `map_file` it shows originals and is identified.
    """
    from fedpacs.deidentification.review.sheet import SheetOptions, make_sheet

    options = SheetOptions(
        source=None if source is None else Path(source),
        map_file=None if map_file is None else Path(map_file),
        size=size,
        seed=seed,
    )
    return make_sheet(Path(out), Path(to), options)


def reidentify(source: str | Path, out: str | Path, *, key: str) -> ReidentificationReport:
    """Restore sealed originals with a custodian's private key; `out` is identified."""
    from fedpacs.deidentification.custody.reidentify import reidentify as restore

    return restore(Path(source), Path(out), key)


def verify_book(url: str, public_key: str) -> Verification:
    """Verify a site's book offline, with nothing but its published key."""
    from fedpacs.records.book import Book

    with Book.open(url) as book:
        return book.verify(public_key)


def doctor() -> tuple[CheckItem, ...]:
    """Say what is missing on this machine, and how to get it."""
    from fedpacs.agent.doctor import doctor as examine

    return examine()


def demo(
    workspace: str | Path = "fedpacs-demo",
    *,
    rounds: int | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> DemoOutcome:
    """Run three hospitals on this machine, the whole road; its report is ``outcome.report``."""
    from fedpacs.simulation.demo import DemoOptions, run_demo

    return run_demo(Path(workspace), DemoOptions(rounds=rounds, fresh=fresh), progress)
