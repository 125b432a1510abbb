"""Three hospitals on this machine: a PACS process each, filled with identified patients."""

from __future__ import annotations

import shutil
import socket
import sys
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from fedpacs.config.pacs import FolderPacs
from fedpacs.core.errors import SimulationError
from fedpacs.pacs.open import open_writer
from fedpacs.simulation.hospital import write_patients
from fedpacs.simulation.hospital_recipe import RECIPES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fedpacs.federation.processes import Supervisor
    from fedpacs.simulation.hospital import PlantedIdentity
    from fedpacs.simulation.workspace import HospitalPlace, Workspace

_START_S = 30.0


class FillingFailedError(SimulationError):
    """A PACS of the demo did not take its patients."""

    code = "simulation.filling-failed"
    default_hint = "Run `fedpacs demo --fresh`; read the PACS's log if it happens again."


@dataclass(frozen=True, slots=True)
class Population:
    """Who was put into one hospital.

    Attributes
    ----------
    planted
        Every identifying string that was planted.
    specimen
        One original image, for the report's before and after.
    """

    planted: PlantedIdentity
    specimen: Path


def start_archives(workspace: Workspace, supervisor: Supervisor) -> None:
    """Start each hospital's PACS and wait until all of them listen."""
    children = []
    for place in workspace.hospitals:
        place.archive.mkdir(mode=0o700, parents=True, exist_ok=True)
        pacs = place.pacs
        peer = f"{pacs.calling_ae_title}@127.0.0.1"
        if pacs.storage_scp_port:
            peer += f":{pacs.storage_scp_port}"
        argv = [sys.executable, "-m", "fedpacs.pacs.embedded"]
        argv += ["--aet", pacs.called_ae_title, "--port", str(pacs.port)]
        argv += ["--store", str(place.archive), "--allow", peer]
        children.append((supervisor.start(f"pacs-{place.name}", argv), pacs.port))
    for child, port in children:
        child.wait_until(partial(_listens, port), _START_S)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def fill(workspace: Workspace, tell: Callable[[int, int], None]) -> dict[str, Population]:
    """Put patients into every PACS, and into the export folder where a hospital has one.

    Repeating it changes nothing: the patients are the same, and a PACS keeps what it has.
    """
    populations = {}
    places = workspace.hospitals
    for number, place in enumerate(places):
        tell(number, len(places))
        populations[place.name] = _fill_one(place, workspace.root / "patients" / place.name)
    tell(len(places), len(places))
    return populations


def _fill_one(place: HospitalPlace, originals: Path) -> Population:
    shutil.rmtree(originals, ignore_errors=True)
    originals.mkdir(mode=0o700, parents=True)
    planted = write_patients(RECIPES[place.name], originals)
    files = sorted(path for path in originals.rglob("*") if path.is_file())
    with closing(open_writer(place.pacs)) as writer:
        receipt = writer.store(files)
    if receipt.failed:
        raise FillingFailedError(f"{len(receipt.failed)} objects were refused.")
    pacs = place.config.pacs
    if isinstance(pacs, FolderPacs):
        shutil.rmtree(pacs.path, ignore_errors=True)
        shutil.copytree(originals, pacs.path)
    return Population(planted, _specimen(files))


def _specimen(files: list[Path]) -> Path:
    """Give an image from the middle of the first series."""
    series = [path for path in files if path.parent == files[0].parent and "MR" in path.name]
    return series[len(series) // 2]
