"""A folder of files: each one de-identified and verified, or refused under a code.

A file appears in the output folder only after it was verified. Running again over the same folders
gives the same files and changes nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fedpacs.core.errors import FedpacsError
from fedpacs.crypto.custodians import Custodian
from fedpacs.deidentification.custody.identity import IdentitySource, identity_source
from fedpacs.deidentification.engine import Engine
from fedpacs.deidentification.errors import (
    EncryptionForbiddenError,
    LeakFoundError,
    UnwritableOutputError,
    WorkerDiedError,
)
from fedpacs.deidentification.folders import check_folders, entries
from fedpacs.deidentification.profile import load_profile
from fedpacs.deidentification.verification.instance import verify_instance
from fedpacs.deidentification.workforce import Workforce
from fedpacs.deidentification.writing import new_part, publish_beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from fedpacs.deidentification.rules import Profile

_UNVERIFIED = ".unverified-"


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


@dataclass(frozen=True, slots=True, repr=False)
class _Outcome:
    """One file's fate. Identified; has no ``repr``.

    Attributes
    ----------
    staged
        The verified file, not published yet; None when it was refused.
    """

    source: str
    target: str
    code: str
    staged: Path | None = None
    masked_regions: int = 0
    text_free: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class _Task:
    """Everything that a worker must know. Goes to a worker's pipe and nowhere else."""

    profile: str
    identities: IdentitySource
    custodians: tuple[Path, ...]
    source: Path
    out: Path
    staging: Path


class _Worker:
    """De-identifies, verifies and publishes one file after the other."""

    def __init__(self, task: _Task) -> None:
        self._task = task
        self._engine = Engine(
            load_profile(task.profile),
            task.identities.open(),
            lenient=True,
            custodians=[Custodian.load(path) for path in task.custodians],
        )
        self._folder = Path(tempfile.mkdtemp(dir=task.staging))

    def work(self, name: str) -> _Outcome:
        part = new_part(self._folder)
        source = self._task.source / name
        try:
            written = self._engine.write(source, part)
            target = f"{written.sop_instance_uid}.dcm"
            named = part.rename(self._folder / target)
            findings = verify_instance(source, named, self._engine.profile.option_codes)
            named.rename(part)  # the next file may have the same UID
            if findings:
                raise LeakFoundError("The verification found something.", code=findings[0].code)
        except (FedpacsError, OSError) as error:
            with suppress(OSError):
                part.unlink()
            code = error.code if isinstance(error, FedpacsError) else UnwritableOutputError.code
            return _Outcome(name, "", code)
        return _Outcome(name, target, "", part, written.masked_regions, written.text_free)


_worker: _Worker | None = None


def _start(task: _Task) -> None:
    global _worker  # noqa: PLW0603 - a pool's worker has no other place for what it needs
    _worker = _Worker(task)


def _do(name: str) -> _Outcome:
    if _worker is None:
        msg = "the worker was not started"
        raise RuntimeError(msg)
    return _worker.work(name)


def _lost(name: str) -> _Outcome:
    return _Outcome(name, "", WorkerDiedError.code)


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
    kind = profile.policies.identity
    with (
        identity_source(kind, key_uri=options.key_uri, vault=options.vault, out=out) as identities,
        _staging(out) as staging,
        _lines(options.map_file) as write_line,
    ):
        task = _Task(options.profile, identities, options.custodians, source, out, staging)
        tally = _Tally()
        total = sum(1 for _ in entries(source)) if options.progress else 0
        for verified in _outcomes(task, options.workers):
            outcome = _published(verified, out)
            tally.add(outcome)
            write_line(_as_line(outcome))
            if outcome.code and options.quarantine:
                _quarantine(outcome.source, source, options.quarantine)
            if options.progress:
                options.progress(tally.files, max(total, tally.files))
    report = tally.report(profile)
    if options.report_file:
        with _open_private(options.report_file) as handle:
            handle.write(json.dumps(asdict(report), indent=2) + "\n")
    return report


def _check_custodians(options: BatchOptions, profile: Profile) -> None:
    for path in options.custodians:
        Custodian.load(path)
    if options.custodians and profile.policies.encrypted_attributes == "forbidden":
        raise EncryptionForbiddenError("The profile forbids encrypted attributes.")


def _outcomes(task: _Task, workers: int) -> Iterator[_Outcome]:
    names = entries(task.source)
    if workers == 1:
        worker = _Worker(task)
        yield from map(worker.work, names)
        return
    yield from Workforce(workers, _start, (task,), _do, _lost).results(names)


def _published(outcome: _Outcome, out: Path) -> _Outcome:
    """Give a verified file its name, in the order of the sources for any number of workers."""
    if outcome.staged is None:
        return outcome
    try:
        target = publish_beside(outcome.staged, out / outcome.target).name
    except FedpacsError as error:
        return replace(outcome, target="", code=error.code)
    finally:
        with suppress(OSError):
            outcome.staged.unlink()
    return replace(outcome, target=target)


class _Tally:
    """Counts outcomes."""

    def __init__(self) -> None:
        self.files = 0
        self._codes: Counter[str] = Counter()
        self._masked_files = 0
        self._masked_regions = 0
        self._searched = 0

    def add(self, outcome: _Outcome) -> None:
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


def _as_line(outcome: _Outcome) -> str:
    line = {
        "src": outcome.source,
        "dst": outcome.target or None,
        "status": "quarantined" if outcome.code else "ok",
        "code": outcome.code or None,
    }
    readable = outcome.source.isprintable()  # a name that is no text is written in escapes
    return json.dumps(line, ensure_ascii=not readable)


@contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """Give a folder on the same disk for files that are not verified yet.

    What a run that was killed left there is removed.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        for left in out.glob(f"{_UNVERIFIED}*"):
            if not _is_running(left.name.removeprefix(_UNVERIFIED).split("-")[0]):
                shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{_UNVERIFIED}{os.getpid()}-", dir=out))
    except OSError as error:
        raise UnwritableOutputError(f"The output cannot be written: {error.strerror}.") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_running(pid: str) -> bool:
    return pid.isdigit() and Path(f"/proc/{pid}").exists()


@contextmanager
def _lines(path: Path | None) -> Iterator[Callable[[str], None]]:
    if path is None:
        yield lambda _line: None
        return
    with _open_private(path) as handle:
        yield lambda line: print(line, file=handle)


def _open_private(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise UnwritableOutputError(f"A file cannot be written: {error.strerror}.") from None
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8")


def _quarantine(name: str, source: Path, quarantine: Path) -> None:
    origin, target = source / name, quarantine / name
    if not origin.is_file():
        return
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as copy, origin.open("rb") as handle:
            shutil.copyfileobj(handle, copy)
    except OSError as error:
        raise UnwritableOutputError(f"The quarantine is not writable: {error.strerror}.") from None
