"""The demo's workspace: keys, certificates and configuration of a consortium and its hospitals.

Keys are made once and kept, so that a second run finds the same pseudonyms; ports are chosen anew
each time, so that two demos can run at once.
"""

from __future__ import annotations

import json
import shutil
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tomli_w

from fedpacs.config.load import read_toml
from fedpacs.config.pacs import DimsePacs
from fedpacs.config.shipped import shipped
from fedpacs.config.site import load_site
from fedpacs.core.errors import SimulationError
from fedpacs.crypto.keys import create_secret
from fedpacs.crypto.pki import create_authority, create_node_key, issue_server_certificate
from fedpacs.crypto.signatures import SigningKey

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fedpacs.config.site import SiteConfig

HOSPITALS = ("aurora", "birch", "cedar")
_LOOPBACK = "127.0.0.1"
_MARK = ".fedpacs-demo.json"
_LAYOUT = 1


class ForeignWorkspaceError(SimulationError):
    """The folder holds something that no demo made."""

    code = "simulation.foreign-workspace"
    default_hint = "Choose an empty or new folder with --workspace."


@dataclass(frozen=True, slots=True)
class HospitalPlace:
    """Where one simulated hospital lives.

    Attributes
    ----------
    folder
        Its site folder, what a real hospital would have.
    archive
        Storage of its embedded PACS: identified.
    wire
        Record of the wiretap.
    tap_port
        Port of the wiretap between its SuperNode and the SuperLink.
    """

    name: str
    folder: Path
    archive: Path
    wire: Path
    tap_port: int

    @property
    def site_file(self) -> Path:
        """Its ``site.toml``."""
        return self.folder / "site.toml"

    @property
    def dpo_key(self) -> str:
        """URI of the key that its data protection officer signs with."""
        return f"file:{self.folder / 'people' / 'dpo.pem'}"

    @property
    def config(self) -> SiteConfig:
        """Its configuration."""
        return load_site(self.site_file)

    @property
    def pacs(self) -> DimsePacs:
        """Its PACS, as a DIMSE peer."""
        pacs = self.config.results_pacs
        if not isinstance(pacs, DimsePacs):
            raise SimulationError("A hospital of the demo has no PACS.")
        return pacs


@dataclass(frozen=True, slots=True)
class Workspace:
    """Everything of one demo, below one folder."""

    root: Path
    hospitals: tuple[HospitalPlace, ...]

    @property
    def consortium_file(self) -> Path:
        """The ``consortium.toml``."""
        return self.root / "consortium" / "consortium.toml"

    @property
    def job_file(self) -> Path:
        """The job that the consortium proposes and the hospitals approve."""
        return self.root / "jobs" / "brain-tissue.toml"

    @property
    def logs(self) -> Path:
        """Logs of the processes that the demo itself starts."""
        return self.root / "logs"

    @property
    def report(self) -> Path:
        """The report to open."""
        return self.root / "report.html"


def prepare_workspace(root: Path, rounds: int | None = None, *, fresh: bool = False) -> Workspace:
    """Make or refresh the workspace.

    Parameters
    ----------
    root
        Its folder; made if it does not exist.
    rounds
        Rounds of the job, in place of the shipped number.
    fresh
        Remove what an earlier demo left there.

    Raises
    ------
    ForeignWorkspaceError
        If the folder is not empty and no demo made it: nothing in it is touched then.
    """
    root = root.resolve()
    mark = root / _MARK
    if root.exists() and any(root.iterdir()) and not mark.exists():
        raise ForeignWorkspaceError("The workspace folder holds files that no demo made.")
    if mark.exists() and (fresh or json.loads(mark.read_text()).get("layout") != _LAYOUT):
        shutil.rmtree(root)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    mark.write_text(json.dumps({"layout": _LAYOUT}))
    ports = iter(free_ports(1 + 4 * len(HOSPITALS)))
    superlink_port = next(ports)
    _write_consortium(root / "consortium", superlink_port)
    _write_job(root / "jobs" / "brain-tissue.toml", rounds)
    hospitals = tuple(
        _write_hospital(root, name, [next(ports) for _ in range(4)]) for name in HOSPITALS
    )
    return Workspace(root, hospitals)


def free_ports(count: int) -> list[int]:
    """Give loopback ports that nobody listens on just now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((_LOOPBACK, 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _write_consortium(folder: Path, port: int) -> None:
    data = read_toml(shipped("configs", "consortia", "demo.toml"))
    data.setdefault("superlink", {})["port"] = port
    _write_toml(folder / "consortium.toml", data)
    pki = folder / str(data.get("home", "state")) / "pki"
    if not (pki / "ca.crt").exists():
        create_authority(pki, str(data["consortium"]["name"]))
        issue_server_certificate(pki, ["localhost", _LOOPBACK])


def _write_job(file: Path, rounds: int | None) -> None:
    data = read_toml(shipped("configs", "jobs", "brain-tissue.toml"))
    if rounds is not None:
        data["federation"]["rounds"] = rounds
    _write_toml(file, data)


def _write_hospital(root: Path, name: str, ports: list[int]) -> HospitalPlace:
    pacs_port, scp_port, runtime_port, tap_port = ports
    folder = root / "sites" / name
    keys = folder / "keys"
    _make_keys(keys, folder / "people")
    shutil.copyfile(root / "consortium" / "state" / "pki" / "ca.crt", keys / "ca.crt")
    members = root / "consortium" / "state" / "members"
    members.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(keys / "node.pub", members / f"{name}.pub")
    data = read_toml(shipped("sites", name, "site.toml"))
    _patch_pacs(data["pacs"], pacs_port, scp_port)
    if "results" in data["pacs"]:
        _patch_pacs(data["pacs"]["results"], pacs_port, scp_port)
    people = SigningKey.load(f"file:{folder / 'people' / 'dpo.pem'}")
    data["approval"]["approvers"] = {"dpo": people.public}
    data["link"].update(superlink=f"{_LOOPBACK}:{tap_port}", runtime_port=runtime_port)
    _write_toml(folder / "site.toml", data)
    for extra in _extras(shipped("sites", name)):
        shutil.copyfile(extra, folder / extra.name)
    return HospitalPlace(
        name=name,
        folder=folder,
        archive=root / "pacs" / name,
        wire=root / "wire" / name,
        tap_port=tap_port,
    )


def _extras(folder: Path) -> Iterable[Path]:
    return (file for file in folder.glob("*.toml") if file.name != "site.toml")


def _patch_pacs(block: dict[str, Any], port: int, scp_port: int) -> None:
    if block["kind"] == "dimse":
        block.update(host=_LOOPBACK, port=port)
        if "storage_scp_port" in block:
            block["storage_scp_port"] = scp_port


def _make_keys(keys: Path, people: Path) -> None:
    for folder in (keys, people):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for secret in ("project.key", "store.key", "runtime.secret"):
        if not (keys / secret).exists():
            create_secret(keys / secret)
    for signer in (keys / "agent.pem", people / "dpo.pem"):
        if not signer.exists():
            SigningKey.create(signer)
    if not (keys / "node").exists():
        create_node_key(keys / "node")


def _write_toml(file: Path, data: dict[str, Any]) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.write_text(tomli_w.dumps(data))
