"""The consortium's use cases: prepare, hand out kits, admit hospitals, start, run, status."""

from __future__ import annotations

import contextlib
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from fedpacs.config.consortium import load_consortium
from fedpacs.config.job import JobConfig, load_job
from fedpacs.core.errors import FederationError, FedpacsError
from fedpacs.crypto.pki import create_authority, issue_server_certificate
from fedpacs.federation.bundle import build_bundle
from fedpacs.federation.processes import Supervisor
from fedpacs.server.control import Control, read_node_key
from fedpacs.server.errors import (
    NotStartedError,
    ServerStoppedError,
    TooFewSitesError,
    UnknownMemberError,
)
from fedpacs.server.following import follow
from fedpacs.server.home import Home
from fedpacs.server.registry import RunFolder
from fedpacs.server.report import RunReport, report_of
from fedpacs.server.superlink import SuperLinkOptions, start_superlink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fedpacs.config.consortium import ConsortiumConfig
    from fedpacs.federation.bundle import Purpose
    from fedpacs.federation.processes import Child

    Progress: TypeAlias = Callable[[str, int, int], None]

_WATCH_S = 0.2


@dataclass(frozen=True, slots=True)
class KitReport:
    """What was handed out.

    Attributes
    ----------
    folder
        Where the kit lies: ca.crt and link.toml.
    superlink
        ``host:port`` to write into site.toml.
    sites
        For whom.
    """

    folder: Path
    superlink: str
    sites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """How one hospital stands with the consortium."""

    name: str
    key_present: bool
    registered: bool
    online: bool


@dataclass(frozen=True, slots=True)
class ConsortiumStatus:
    """How the consortium stands."""

    name: str
    superlink: str
    running: bool
    members: tuple[MemberStatus, ...]
    runs: tuple[RunReport, ...]


class Consortium:
    """The other half, behind its ``consortium.toml``."""

    def __init__(self, config: ConsortiumConfig) -> None:
        self.config = config
        self.home = Home(config.home)
        self._superlink = SuperLinkOptions(config.superlink.host, config.superlink.port, self.home)

    @classmethod
    def open(cls, path: Path) -> Consortium:
        """Read ``consortium.toml``."""
        return cls(load_consortium(path))

    @property
    def root_certificates(self) -> Path:
        """The consortium's ca.crt, which every site needs."""
        return self.home.pki / "ca.crt"

    def prepare(self) -> None:
        """Make the home, its authority and the server's certificate, where they are missing."""
        self.home.prepare()
        if not self.root_certificates.exists():
            create_authority(self.home.pki, self.config.consortium.name)
        if not (self.home.pki / "server.pem").exists():
            issue_server_certificate(self.home.pki, self.config.superlink.names)

    def kit(self, site: str | None, out: Path) -> KitReport:
        """Write what hospitals need to join: the authority's certificate and the address.

        Parameters
        ----------
        site
            One member, or None for all; the kit holds nothing secret and is the same for all.

        Raises
        ------
        UnknownMemberError
            If the site is no member.
        """
        if site is not None:
            self._require_member(site)
        self.prepare()
        out.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.root_certificates, out / "ca.crt")
        (out / "link.toml").write_text(
            "# Merge into the [link] table of site.toml.\n"
            f'[link]\nsuperlink = "{self._public_address}"\nroot_certificates = "ca.crt"\n'
        )
        return KitReport(out, self._public_address, (site,) if site else tuple(self.config.members))

    def admit(self, site: str, public_key: Path) -> None:
        """Take a hospital's public node key into the home.

        Raises
        ------
        UnknownMemberError
            If consortium.toml does not list the site.
        NoMemberKeyError
            If the file holds no NIST P-384 public key.
        """
        self._require_member(site)
        read_node_key(public_key)
        self.home.prepare()
        shutil.copyfile(public_key, self.home.members / f"{site}.pub")

    def start(self, progress: Progress | None = None) -> None:
        """Run the SuperLink until Ctrl-C.

        Raises
        ------
        FedpacsError
            If it does not start, or ends by itself.
        """
        with self.started(progress) as superlink:
            while superlink.exit_status() is None:
                time.sleep(_WATCH_S)
            raise ServerStoppedError(f"The SuperLink ended; its log is {superlink.log}.")

    @contextlib.contextmanager
    def started(self, progress: Progress | None = None) -> Iterator[Child]:
        """Run the SuperLink as long as the block runs, with every admitted member registered."""
        tell = progress or _nothing
        self.prepare()
        with Supervisor(self.home.superlink) as supervisor:
            tell("Starting the SuperLink", 0, 2)
            superlink = start_superlink(self._superlink, supervisor)
            tell("Registering members", 1, 2)
            self.register()
            tell("The SuperLink answers", 2, 2)
            yield superlink

    def register(self) -> tuple[str, ...]:
        """Bring the SuperLink's registrations in line with the home and give who is registered.

        A node under another key or name than the home says is unregistered.
        """
        wanted = self._member_keys()
        with self._control() as control:
            for node in control.nodes():
                if wanted.get(node.name, b"").strip() != node.public_key.strip():
                    control.unregister(node.node_id)
            present = {node.name for node in control.nodes()}
            for name in sorted(set(wanted) - present):
                control.register(name, wanted[name])
        return tuple(sorted(wanted))

    def run(
        self,
        job: Path | JobConfig,
        progress: Progress | None = None,
        purpose: Purpose = "training",
    ) -> RunReport:
        """Run a job on the started SuperLink and follow it to its end.

        Parameters
        ----------
        purpose
            ``statistics`` asks for those alone; the files lie in the run's folder then.
        progress
            Told after every round.

        Returns
        -------
        RunReport
            Also of a run that failed: `RunReport.failed` holds the code then.

        Raises
        ------
        UnreachableError, UntrustedServerError
            If the SuperLink is not started.
        TooFewSitesError
            If fewer members have a key here than the job needs.
        """
        job = job if isinstance(job, JobConfig) else load_job(job)
        minimum, known = job.federation.minimum_sites, self._member_keys()
        if len(known) < minimum:
            raise TooFewSitesError(
                f"The job needs {minimum} sites; the home holds the keys of {len(known)}."
            )
        with self._control() as control:
            self.home.prepare()
            self.home.keep_job(job)
            run_id = control.start_run(build_bundle(job, purpose))
            folder = RunFolder.of(self.home, run_id)
            try:
                record = follow(control, run_id, job, folder, progress or _nothing)
            except BaseException:
                with contextlib.suppress(FedpacsError):  # the first error is the one to tell
                    control.stop_run(run_id)
                raise
        return report_of(record, self.home)

    def status(self) -> ConsortiumStatus:
        """Say how the consortium stands; works with the SuperLink stopped."""
        try:
            with self._control() as control:
                nodes = {node.name: node.online for node in control.nodes()}
            running = True
        except (FederationError, NotStartedError):
            nodes, running = {}, False
        members = tuple(
            MemberStatus(
                name=name,
                key_present=(self.home.members / f"{name}.pub").exists(),
                registered=name in nodes,
                online=nodes.get(name, False),
            )
            for name in self.config.members
        )
        return ConsortiumStatus(
            self.config.consortium.name, self._public_address, running, members, self.runs()
        )

    def runs(self) -> tuple[RunReport, ...]:
        """Every recorded run, oldest first."""
        folders = [path for path in self.home.runs.glob("*") if path.name.isdecimal()]
        folders.sort(key=lambda path: path.stat().st_mtime_ns)
        records = (RunFolder(path, self.home.models).read() for path in folders)
        return tuple(report_of(record, self.home) for record in records if record is not None)

    def _member_keys(self) -> dict[str, bytes]:
        keys = {}
        for name in self.config.members:
            path = self.home.members / f"{name}.pub"
            if path.exists():
                keys[name] = read_node_key(path)
        return keys

    def _require_member(self, site: str) -> None:
        if site not in self.config.members:
            raise UnknownMemberError(f"{site} is not a member of {self.config.consortium.name}.")

    def _control(self) -> Control:
        token = self.home.control_token
        if not (token.exists() and self.root_certificates.exists()):
            raise NotStartedError("The consortium was never started.")
        return Control(
            self._superlink.local_address, self.root_certificates, token.read_text().strip()
        )

    @property
    def _public_address(self) -> str:
        return f"{self.config.superlink.names[0]}:{self.config.superlink.port}"


def _nothing(_what: str, _done: int, _total: int) -> None:
    """Tell nobody."""
