"""The premises of one hospital: its configuration with keys, profile, store and book opened.

Each part is opened when it is first needed and fails closed: a missing key, an unreadable book
or an unknown profile is a coded error before anything happens.
"""

from __future__ import annotations

import fcntl
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from fedpacs.config.load import parse
from fedpacs.config.site import SiteConfig, load_site
from fedpacs.core.errors import AgentError
from fedpacs.crypto.keys import load_secret
from fedpacs.crypto.signatures import SigningKey
from fedpacs.deidentification.custody.identity import identity_source
from fedpacs.deidentification.profile import load_profile
from fedpacs.records.approvals import Approvals
from fedpacs.records.book import Book
from fedpacs.records.events import Event, EventKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fedpacs.agent.quarantine import Quarantine
    from fedpacs.cohort.store import SealedStore
    from fedpacs.crypto.pseudonyms import Pseudonyms
    from fedpacs.deidentification.rules import Profile
    from fedpacs.records.study_index import StudyIndex


class SiteBusyError(AgentError):
    """Another process is working in the site's staging area."""

    code = "agent.busy"
    default_hint = "Wait for the other `fedpacs site` command of this site to end, then repeat."


class ForgetfulProfileError(AgentError):
    """The site's profile has ephemeral identities, and a cohort must know its patients again."""

    code = "agent.profile-forgets"
    default_hint = (
        "Choose a profile with keyed identities or a vault; use `fedpacs deid run` for folders "
        "that are given away."
    )


@dataclass(frozen=True)
class Premises:
    """Opened parts of one site.

    Attributes
    ----------
    file
        The ``site.toml``.
    config
        Its content, paths made absolute.
    """

    file: Path
    config: SiteConfig

    @classmethod
    def open(cls, file: Path) -> Premises:
        """Read the site file; the parts are opened when first needed."""
        return cls(file, load_site(file))

    def with_scheduler(self, scheduler: str) -> Premises:
        """Give the same site with another Dask scheduler.

        Raises
        ------
        FaultyConfigError
            If it is not named as the site file would name it.
        """
        data = self.config.model_dump()
        data["ingest"]["scheduler"] = scheduler
        return Premises(self.file, parse(SiteConfig, data, self.file.name))

    @cached_property
    def pseudonyms(self) -> Pseudonyms:
        """UIDs, identifiers and date shifts of the project: keyed, or out of the site's vault.

        Raises
        ------
        ForgetfulProfileError
            If the profile throws its key away after each run.
        """
        kind = self.profile.policies.identity
        if kind == "ephemeral":
            raise ForgetfulProfileError("The profile knows no patient again after a run.")
        chosen = self.config.deidentification
        with identity_source(kind, key_uri=chosen.project_key, vault=chosen.vault) as source:
            return source.open()

    @cached_property
    def profile(self) -> Profile:
        """The site's de-identification profile, flattened."""
        return load_profile(self.config.deidentification.profile)

    @cached_property
    def store(self) -> SealedStore:
        """The sealed store."""
        from fedpacs.cohort.store import SealedStore

        return SealedStore.open(self.config.store.path, load_secret(self.config.store.key))

    def bind_store(self) -> None:
        """Hold the store to the project key it is first filled with.

        Under another key every patient would come in a second time, as somebody else.
        """
        self.store.bind(self.project)

    @cached_property
    def project(self) -> str:
        """Keyed digest of the project: the same for the same project key, and for no other."""
        return self.pseudonyms.identifier("sealed-store", "owner")

    @cached_property
    def index(self) -> StudyIndex:
        """How far each study of the project has come."""
        from fedpacs.records.study_index import StudyIndex

        return StudyIndex.open(self.config.ingest.index, self.project)

    @cached_property
    def quarantine(self) -> Quarantine:
        """What was refused."""
        from fedpacs.agent.quarantine import Quarantine

        return Quarantine(self.config.store.quarantine)

    @cached_property
    def signing_key(self) -> SigningKey:
        """The agent's own signing key."""
        return SigningKey.load(self.config.book.signing_key)

    @cached_property
    def book(self) -> Book:
        """The audit log."""
        return Book.open(self.config.book.url, self.signing_key)

    @cached_property
    def approvals(self) -> Approvals:
        """Signed approvals, in the same database as the book."""
        return Approvals.open(self.config.book.url)

    def record(self, kind: EventKind, **fields: float | str) -> int:
        """Write into the book; if it cannot be written, raise, so that the act does not happen."""
        return self.book.append(Event(kind, fields))

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Give the staging area, empty, to this process alone, and empty it afterwards.

        What a killed run left behind is identified, so it is removed before anything else.

        Raises
        ------
        SiteBusyError
            If another process works there.
        """
        area = self.config.store.staging
        area.mkdir(mode=0o700, parents=True, exist_ok=True)
        area.chmod(0o700)
        with (area / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise SiteBusyError("The staging area is in use by another process.") from error
            _empty(area)
            try:
                yield area
            finally:
                _empty(area)

    def is_busy(self) -> bool:
        """Tell whether a process is working in the staging area."""
        try:
            with (self.config.store.staging / ".lock").open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False


def _empty(area: Path) -> None:
    for entry in area.iterdir():
        if entry.name == ".lock":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
