"""The thin bundle: a Flower app that holds a job and no code.

Flower names an app by the SHA-256 of its bundle, so the bundle must have the same bytes on every
machine: entries are stored, not compressed (zlib versions differ), in fixed order with fixed dates
and attributes. A site computes the bundle of the job it approved and compares digests; it never
unpacks, installs or imports what the server sends.
"""

from __future__ import annotations

import io
import tomllib
import zipfile
from typing import TYPE_CHECKING, Literal

import tomli_w

from fedpacs.config.job import JobConfig
from fedpacs.config.load import parse
from fedpacs.core.digest import sha256_hex
from fedpacs.core.errors import ConfigError
from fedpacs.federation.errors import BundleUnreadableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flwr.app import UserConfigValue

JOB_FILE = "job.toml"
_PROJECT_FILE = "pyproject.toml"
_MANIFEST = ".info/CONTENT"
_PROTOCOL = "1.0.0"
"""Version of what the halves say to one another; raise it when either must refuse the other."""
_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_FILE_MODE = 0o100644 << 16


Purpose = Literal["training", "statistics"]


def run_config(job: JobConfig, purpose: Purpose = "training") -> dict[str, UserConfigValue]:
    """Give the run configuration, fused by Flower, that a site must see for this job."""
    config: dict[str, UserConfigValue] = {"job-digest": job.digest, "protocol": _PROTOCOL}
    return config if purpose == "training" else {**config, "purpose": purpose}


def build_bundle(job: JobConfig, purpose: Purpose = "training") -> bytes:
    """Build the bundle of a job, the same bytes everywhere.

    A run that only asks for statistics has a bundle of its own, so an approval of the one is none
    of the other.

    The client app that it names does not exist: a SuperNode that would run bundles itself, against
    the FedPACS set-up, fails to load it and runs nothing.
    """
    project = {
        "project": {"name": "fedpacs-job", "version": _PROTOCOL},
        "tool": {
            "flwr": {
                "app": {
                    "publisher": "fedpacs",
                    "components": {
                        "serverapp": "fedpacs.server.app:app",
                        "clientapp": "fedpacs.agent.executor:sites_run_no_bundles",
                    },
                    "config": run_config(job, purpose),
                }
            }
        },
    }
    return _zip(
        {
            _PROJECT_FILE: tomli_w.dumps(project).encode(),
            JOB_FILE: job_toml(job),
        }
    )


def bundle_digest(bundle: bytes) -> str:
    """SHA-256 of the bundle's bytes, as Flower names it and as an approval names it."""
    return sha256_hex(bundle)


def job_toml(job: JobConfig) -> bytes:
    """Write a job, defaults written out."""
    return tomli_w.dumps(job.as_dict()).encode()


def read_bundle(bundle: bytes) -> JobConfig:
    """Read the job back out of a bundle.

    Raises
    ------
    BundleUnreadableError
        If the bytes are not exactly those that `build_bundle` makes of that job.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
            text = archive.read(JOB_FILE).decode()
        job = parse(JobConfig, tomllib.loads(text), JOB_FILE)
    except (zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, ConfigError) as error:
        raise BundleUnreadableError("The bundle does not hold a readable job.") from error
    if bundle not in (build_bundle(job), build_bundle(job, "statistics")):
        raise BundleUnreadableError("The bundle holds more, or other, than its job.")
    return job


def _zip(files: Mapping[str, bytes]) -> bytes:
    manifest = "\n".join(
        f"{name},{sha256_hex(content)},{8 * len(content)}" for name, content in files.items()
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in {**files, _MANIFEST: manifest.encode()}.items():
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system = _UNIX
            entry.external_attr = _FILE_MODE
            archive.writestr(entry, content)
    return buffer.getvalue()
