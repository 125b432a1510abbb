"""A folder of files: each one de-identified and verified, or refused under a code.

A file appears in the output folder only after it was verified. Running again over the same folders
gives the same files and changes nothing.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fedpacs.core.errors import FedpacsError
from fedpacs.deidentification.beside import map_lines, open_private, put_aside, staging
from fedpacs.deidentification.collecting import seldom_collecting
from fedpacs.deidentification.custody.identity import identity_source
from fedpacs.deidentification.errors import (
    EncryptionForbiddenError,
)
from fedpacs.deidentification.folders import check_folders, entries
from fedpacs.deidentification.profile import load_profile
from fedpacs.deidentification.publishing import publish_beside
from fedpacs.deidentification.verification.conformance import validator
from fedpacs.deidentification.worker import (
    Outcome,
    Task,
    Worker,
    do,
    load_custodians,
    lost,
    start,
)
from fedpacs.deidentification.workforce import Workforce

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fedpacs.deidentification.faces.plan import FacePlan
    from fedpacs.deidentification.rules import Profile


_READABLE = json.JSONEncoder(ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How a folder is de-identified.

    Attributes
    ----------
    profile
        Name of a shipped profile or path of a TOML file.
    key_uri
        The project's key or the vault's, ``file:PATH`` or ``env:NAME``; an ephemeral profile has
        no use for one.
    workers
        Processes.
    map_file
        Where to write, one JSON object a line, source, target, status and code. Identified.
    report_file
        Where to write the report as JSON.
    quarantine
        Where to copy what was refused. Identified.
    vault
        The vault of random codes, for profiles that want one.
    custodians
        Certificates (PEM files) of those who may open the original attributes again.
    conformance
        Whether ``dciodvfy`` must find no new error in an output, either.
    progress
        Called with files done and files in all.
    """

    profile: str
    key_uri: str = ""
    workers: int = 1
    map_file: Path | None = None
    report_file: Path | None = None
    quarantine: Path | None = None
    vault: Path | None = None
    custodians: tuple[Path, ...] = ()
    conformance: bool = False
    progress: Callable[[int, int], None] | None = None


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What was done, in numbers.

    Attributes
    ----------
    quarantined
        Files refused, by code.
    masked_files, masked_regions
        Files in whose pictures something was masked, and how many regions in all.
    searched_files
        Files whose pictures were searched for text and are free of it now.
    """

    profile: str
    profile_digest: str
    option_codes: tuple[str, ...]
    files: int
    deidentified: int
    quarantined: dict[str, int]
    masked_files: int = 0
    masked_regions: int = 0
    searched_files: int = 0


def run(source: Path, out: Path, options: BatchOptions) -> BatchReport:
    """De-identify every file of a folder.

    Parameters
    ----------
    source
        Folder with files of any kind, at any depth.
    out
        Folder of the de-identified files, each named after its new SOP Instance UID.

    Raises
    ------
    NoSuchFolderError
        If `source` is not a folder, or one of the folders lies in the other.
    ConfigError, CryptoError, DeidentificationError
        If the profile, the key or the vault cannot be used; nothing is written then.
    """
    check_folders(source, out, options.map_file, options.report_file, options.quarantine)
    profile = load_profile(options.profile)
    _check_custodians(options, profile)
    if options.conformance:
        validator()  # or nothing is begun
    kind = profile.policies.identity
    with (
        identity_source(kind, key_uri=options.key_uri, vault=options.vault, out=out) as identities,
        staging(out) as area,
        map_lines(options.map_file) as write_line,
        _faces(source, profile) as faces,
        seldom_collecting(),
    ):
        task = Task(
            profile=options.profile,
            identities=identities,
            custodians=options.custodians,
            source=source,
            out=out,
            staging=area,
            conformance=options.conformance,
            faces=faces,
        )
        tally = _Tally()
        total = sum(1 for _ in entries(source)) if options.progress else 0
        for verified in _outcomes(task, options.workers):
            outcome = _published(verified, out)
            tally.add(outcome)
            write_line(_as_line(outcome))
            if outcome.code and options.quarantine:
                put_aside(outcome.source, source, options.quarantine)
            if options.progress:
                options.progress(tally.files, max(total, tally.files))
    report = tally.report(profile)
    if options.report_file:
        with open_private(options.report_file) as handle:
            handle.write(json.dumps(asdict(report), indent=2) + "\n")
    return report


@contextmanager
def _faces(source: Path, profile: Profile) -> Iterator[FacePlan | None]:
    """List which files belong together where heads are defaced, outside of the output."""
    if profile.policies.faces != "deface":
        yield None
        return
    from fedpacs.deidentification.faces.plan import planned  # only who defaces pays for it

    with tempfile.TemporaryDirectory(prefix="fedpacs-") as folder:
        yield planned((source / name for name in entries(source)), Path(folder))


def _check_custodians(options: BatchOptions, profile: Profile) -> None:
    load_custodians(options.custodians)
    if options.custodians and profile.policies.encrypted_attributes == "forbidden":
        raise EncryptionForbiddenError("The profile forbids encrypted attributes.")


def _outcomes(task: Task, workers: int) -> Iterator[Outcome]:
    names = entries(task.source)
    if workers == 1:
        worker = Worker(task)
        yield from map(worker.work, names)
        return
    yield from Workforce(workers, start, (task,), do, lost).results(names)


def _published(outcome: Outcome, out: Path) -> Outcome:
    """Give a verified file its name, in the order of the sources for any number of workers."""
    if outcome.staged is None:
        return outcome
    try:
        target = publish_beside(outcome.staged, out / outcome.target).name
    except FedpacsError as error:
        return replace(outcome, target="", code=error.code)
    finally:
        with suppress(OSError):
            os.unlink(outcome.staged)  # noqa: PTH108 - once a file, and five times as quick
    return outcome if target == outcome.target else replace(outcome, target=target)


class _Tally:
    """Counts outcomes."""

    def __init__(self) -> None:
        self.files = 0
        self._codes: Counter[str] = Counter()
        self._masked_files = 0
        self._masked_regions = 0
        self._searched = 0

    def add(self, outcome: Outcome) -> None:
        self.files += 1
        if outcome.code:
            self._codes[outcome.code] += 1
        self._masked_files += bool(outcome.masked_regions)
        self._masked_regions += outcome.masked_regions
        self._searched += outcome.text_free

    def report(self, profile: Profile) -> BatchReport:
        return BatchReport(
            profile=profile.name,
            profile_digest=profile.digest,
            option_codes=profile.option_codes,
            files=self.files,
            deidentified=self.files - self._codes.total(),
            quarantined=dict(sorted(self._codes.items())),
            masked_files=self._masked_files,
            masked_regions=self._masked_regions,
            searched_files=self._searched,
        )


def _as_line(outcome: Outcome) -> str:
    line = {
        "src": outcome.source,
        "dst": outcome.target or None,
        "status": "quarantined" if outcome.code else "ok",
        "code": outcome.code or None,
    }
    if outcome.source.isprintable():
        return _READABLE.encode(line)
    return json.dumps(line)  # a name that is no text is written in escapes
