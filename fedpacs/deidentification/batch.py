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
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from fedpacs.core.errors import FedpacsError, UsageError
from fedpacs.crypto.keys import load_secret
from fedpacs.crypto.pseudonyms import Pseudonymiser
from fedpacs.deidentification.engine import Engine
from fedpacs.deidentification.errors import LeakFoundError, UnwritableOutputError
from fedpacs.deidentification.profile import load_profile
from fedpacs.deidentification.verification.instance import verify_instance
from fedpacs.deidentification.writing import publish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

_CHUNK = 16
_worker_engine: Engine | None = None


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How a folder is de-identified.

    Attributes
    ----------
    profile
        Name of a shipped profile or path of a TOML file.
    key_uri
        The project's key, ``file:PATH`` or ``env:NAME``.
    workers
        Processes.
    map_file
        Where to write, one JSON object a line, source, target, status and code. Identified.
    report_file
        Where to write the report as JSON.
    quarantine
        Where to copy what was refused. Identified.
    progress
        Called with files done and files in all.
    """

    profile: str
    key_uri: str
    workers: int = 1
    map_file: Path | None = None
    report_file: Path | None = None
    quarantine: Path | None = None
    progress: Callable[[int, int], None] | None = None


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What was done, in numbers.

    Attributes
    ----------
    quarantined
        Files refused, by code.
    """

    profile: str
    profile_digest: str
    option_codes: tuple[str, ...]
    files: int
    deidentified: int
    quarantined: dict[str, int]


@dataclass(frozen=True, slots=True, repr=False)
class _Outcome:
    """One file's fate. Identified; has no ``repr``."""

    source: str
    target: str
    code: str


class NoSuchFolderError(UsageError):
    """The folder to read is not there, or lies so that output would be read again."""

    code = "deid.folder"
    default_hint = "Name a folder to read and another one, outside of it, to write."


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
        If `source` is not a folder, or one of the two lies in the other.
    ConfigError, CryptoError, DeidentificationError
        If the profile or the key cannot be used; nothing is written then.
    """
    _check_folders(source, out)
    profile = load_profile(options.profile)
    load_secret(options.key_uri)
    files = sorted(path for path in source.rglob("*") if path.is_file())
    outcomes = []
    with _writable(out), _staging(out) as staging, _lines(options.map_file) as write_line:
        for done, outcome in enumerate(_outcomes(files, staging, out, options), start=1):
            outcomes.append(outcome.code)
            write_line(_as_line(outcome))
            if outcome.code and options.quarantine:
                _quarantine(Path(outcome.source), source, options.quarantine)
            if options.progress:
                options.progress(done, len(files))
    codes = Counter(code for code in outcomes if code)
    report = BatchReport(
        profile=profile.name,
        profile_digest=profile.digest,
        option_codes=profile.option_codes,
        files=len(files),
        deidentified=len(outcomes) - codes.total(),
        quarantined=dict(sorted(codes.items())),
    )
    if options.report_file:
        _write_private(options.report_file, json.dumps(asdict(report), indent=2) + "\n")
    return report


def _check_folders(source: Path, out: Path) -> None:
    if not source.is_dir():
        raise NoSuchFolderError("The folder to read is not there.")
    one, other = source.resolve(), out.resolve()
    if one == other or one in other.parents or other in one.parents:
        raise NoSuchFolderError("One of the two folders lies in the other.")


def _outcomes(
    files: list[Path], staging: Path, out: Path, options: BatchOptions
) -> Iterator[_Outcome]:
    work = partial(_work, staging=staging, out=out)
    if options.workers == 1:
        _start_worker(options.profile, options.key_uri)
        yield from map(work, files)
        return
    with ProcessPoolExecutor(
        max_workers=options.workers,
        mp_context=get_context("spawn"),  # forked threads of torch or OpenMP would hang
        initializer=_start_worker,
        initargs=(options.profile, options.key_uri),
    ) as pool:
        yield from pool.map(work, files, chunksize=_CHUNK)


def _start_worker(profile: str, key_uri: str) -> None:
    global _worker_engine  # noqa: PLW0603 - a pool's worker has no other place for what it needs
    _worker_engine = Engine(load_profile(profile), Pseudonymiser(load_secret(key_uri)))


def _work(path: Path, *, staging: Path, out: Path) -> _Outcome:
    if _worker_engine is None:
        msg = "the worker was not started"
        raise RuntimeError(msg)
    folder = Path(tempfile.mkdtemp(dir=staging))
    try:
        instance = _worker_engine.deidentify_file(path, folder)
        options = _worker_engine.profile.option_codes
        findings = verify_instance(path, instance.path, options)
        if findings:
            raise LeakFoundError("The verification found what had to go.", code=findings[0].code)
        target = out / instance.path.name
        publish(instance.path, target, instance.digest)
    except FedpacsError as error:
        return _Outcome(str(path), "", error.code)
    except OSError:
        return _Outcome(str(path), "", UnwritableOutputError.code)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return _Outcome(str(path), str(target), "")


def _as_line(outcome: _Outcome) -> str:
    status = "quarantined" if outcome.code else "ok"
    line = {"src": outcome.source, "dst": outcome.target, "status": status, "code": outcome.code}
    return json.dumps(line, ensure_ascii=False)


@contextmanager
def _writable(out: Path) -> Iterator[None]:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableOutputError(f"The output cannot be written: {error.strerror}.") from None
    yield


@contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """Give a folder on the same disk for files that are not verified yet."""
    folder = Path(tempfile.mkdtemp(prefix=".unverified-", dir=out))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _lines(path: Path | None) -> Iterator[Callable[[str], None]]:
    if path is None:
        yield lambda _line: None
        return
    with _open_private(path) as handle:
        yield lambda line: print(line, file=handle)


def _open_private(path: Path) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8")


def _write_private(path: Path, text: str) -> None:
    with _open_private(path) as handle:
        handle.write(text)


def _quarantine(path: Path, source: Path, quarantine: Path) -> None:
    target = quarantine / path.relative_to(source)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(path, target)
    target.chmod(0o600)
