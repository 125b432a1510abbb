"""The consortium's home: where its PKI, members' keys, jobs, runs and models lie."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.config.job import load_job
from fedpacs.core.errors import ConfigError
from fedpacs.federation.bundle import job_toml
from fedpacs.federation.model_file import write_atomically
from fedpacs.server.errors import UnknownJobError

if TYPE_CHECKING:
    from pathlib import Path

    from fedpacs.config.job import JobConfig


@dataclass(frozen=True, slots=True)
class Home:
    """Folders of one consortium.

    Attributes
    ----------
    path
        The home itself; ``home`` of consortium.toml.
    """

    path: Path

    @property
    def pki(self) -> Path:
        """Authority and server certificate."""
        return self.path / "pki"

    @property
    def members(self) -> Path:
        """One ``<member>.pub`` per hospital: the public key of its node."""
        return self.path / "members"

    @property
    def superlink(self) -> Path:
        """Database and log of the SuperLink; Flower's own files."""
        return self.path / "superlink"

    @property
    def runs(self) -> Path:
        """One folder per run."""
        return self.path / "runs"

    @property
    def models(self) -> Path:
        """Final models, named by digest."""
        return self.path / "models"

    @property
    def control_token(self) -> Path:
        """Secret of those who may register nodes, start and stop runs."""
        return self.superlink / "control.token"

    def prepare(self) -> None:
        """Make the folders and the control token, readable by this user alone."""
        for folder in (self.path, self.pki, self.members, self.superlink, self.runs, self.models):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.control_token.exists():
            descriptor = os.open(self.control_token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as handle:
                handle.write(secrets.token_hex(32))

    def keep_job(self, job: JobConfig) -> Path:
        """Write a job under its digest, for the ServerApp and for the record."""
        path = self._job_path(job.digest)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(path, job_toml(job))
        return path

    def job(self, digest: str) -> JobConfig:
        """Read a job by its digest.

        Raises
        ------
        UnknownJobError
            If it is not here, or is not what its name says.
        """
        if not (len(digest) == 64 and digest.isalnum()):  # noqa: PLR2004 - hexadecimal SHA-256
            raise UnknownJobError("The run does not name a job by digest.")
        try:
            job = load_job(self._job_path(digest))
        except ConfigError as error:
            raise UnknownJobError(f"The home holds no job {digest[:12]}.") from error
        if job.digest != digest:
            raise UnknownJobError(f"The job file {digest[:12]} does not hold that job.")
        return job

    def _job_path(self, digest: str) -> Path:
        return self.path / "jobs" / f"{digest}.toml"
