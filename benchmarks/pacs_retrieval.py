"""Retrieval of one 500-slice CT: our ways against DCMTK's and a per-instance DICOMweb client.

Three archives (Orthanc, dcmqrscp, the embedded PACS) on this machine, all in their default
settings; every client fetches the same series in the same run, and every pixel is compared.
Ours is measured with the reconciliation, which reads each file again; the peers' is not.

    python benchmarks/pacs_retrieval.py [--slices 500] [--repeats 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.environ["TCP_NODELAY"] = "0"  # the default of DCMTK's programs, said aloud

import numpy as np  # noqa: E402 - after the path
from archives import READER_AE, RunningArchive, dcmqrscp, embedded, orthanc  # noqa: E402 - after the path
from pydicom import Dataset, dcmread  # noqa: E402 - after the path
from pydicom.dataset import FileMetaDataset  # noqa: E402 - after the path
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid  # noqa: E402 - after the path

from fedpacs.config.pacs import DicomwebPacs, DimsePacs  # noqa: E402 - after the path
from fedpacs.pacs.open import open_reader  # noqa: E402 - after the path
from fedpacs.pacs.ports import StudyQuery  # noqa: E402 - after the path
from fedpacs.pacs.reconcile import retrieve_complete  # noqa: E402 - after the path

if TYPE_CHECKING:
    from collections.abc import Callable

_SINGLE = 60
"""Instances that the per-instance client fetches; its rate does not depend on their number."""


@dataclass(frozen=True)
class Row:
    """One client at one archive."""

    archive: str
    client: str
    instances_per_s: float
    spread: tuple[float, float]
    peak_mib: float | None
    identical: bool | None


def plant(folder: Path, slices: int) -> None:
    """Write a CT series of 512 x 512 slices with noise, which does not compress away."""
    random = np.random.default_rng(0)
    study, series = generate_uid(), generate_uid()
    for number in range(slices):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = CTImageStorage
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
        ds.PatientID, ds.PatientName, ds.StudyDate = "P1", "Phantom", "20240115"
        ds.Modality, ds.InstanceNumber = "CT", number + 1
        ds.StudyID, ds.StudyTime, ds.SeriesNumber, ds.AccessionNumber = "1", "120000", 1, "1"
        ds.Rows = ds.Columns = 512
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
        ds.PixelData = random.integers(0, 4096, (512, 512), dtype=np.uint16).tobytes()
        ds.save_as(folder / f"{number:04d}.dcm", enforce_file_format=True)


def pixels(folder: Path) -> dict[str, str]:
    """Digest the pixel data of every file below a folder."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            ds = dcmread(path)
            found[str(ds.SOPInstanceUID)] = hashlib.sha256(ds.PixelData).hexdigest()
    return found


def fetch(block: str, into: Path) -> None:
    """Be our client: retrieve and reconcile, then print what it took (in a process of its own)."""
    content = json.loads(block)
    kind = DicomwebPacs if content["kind"] == "dicomweb" else DimsePacs
    reader = open_reader(kind.model_validate(content))
    (ref,) = reader.find(StudyQuery("CT"))
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    study = retrieve_complete(reader, ref, into)
    seconds = time.perf_counter() - began
    reader.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"s": seconds, "instances": len(study.files), "mib": (peak - idle) / 1024}))


def ours(config: DimsePacs | DicomwebPacs, into: Path) -> tuple[float, int, float]:
    """Run our client."""
    argv = [sys.executable, __file__, "--fetch", config.model_dump_json(), "--into", str(into)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    said = json.loads(done.stdout)
    return said["s"], said["instances"], said["mib"]


def dcmtk(program: str, config: DimsePacs, into: Path) -> tuple[float, int, None]:
    """Run DCMTK's client with its default settings."""
    study = next(iter(open_reader(config).find(StudyQuery("CT"))))
    argv = [f"/usr/bin/{program}", "-S", "-aet", READER_AE, "-aec", config.called_ae_title]
    if program == "movescu":
        argv += ["-aem", READER_AE, "+P", str(config.storage_scp_port)]
    argv += ["-od", str(into), "-k", "QueryRetrieveLevel=STUDY"]
    argv += ["-k", f"StudyInstanceUID={study.study_instance_uid}", config.host, str(config.port)]
    plain = {k: v for k, v in os.environ.items() if k != "TCP_NODELAY"}
    into.mkdir()
    began = time.perf_counter()
    subprocess.run(argv, check=True, capture_output=True, env=plain)
    return time.perf_counter() - began, len(list(into.iterdir())), None


def singly(config: DicomwebPacs, into: Path) -> tuple[float, int, None]:
    """Fetch instance by instance, as most scripts with dicomweb-client do."""
    from dicomweb_client.api import DICOMwebClient
    from requests import Session

    session = Session()
    session.auth = ("site", "secret")
    client = DICOMwebClient(config.url, session=session)
    study = next(iter(open_reader(config).find(StudyQuery("CT"))))
    uids = sorted(study.sop_instance_uids)[:_SINGLE]
    into.mkdir()
    began = time.perf_counter()
    for number, uid in enumerate(uids):
        ds = client.retrieve_instance(
            study.study_instance_uid, study.series[0].series_instance_uid, uid
        )
        ds.save_as(into / f"{number}.dcm")
    return time.perf_counter() - began, len(uids), None


def measure(
    archive: str, client: str, run: Callable[..., Any], repeats: int, expected: dict[str, str]
) -> Row:
    """Repeat one client; the median counts."""
    rates, peak, identical = [], None, True
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            into = Path(folder) / "in"
            seconds, count, peak = run(into)
            rates.append(count / seconds)
            arrived = pixels(into)
            identical &= all(expected[uid] == digest for uid, digest in arrived.items())
            identical &= len(arrived) == count
    row = Row(archive, client, statistics.median(rates), (min(rates), max(rates)), peak, identical)
    print(f"  {archive:10} {client:34} {row.instances_per_s:8.1f} inst/s", flush=True)
    return row


def at(
    name: str,
    running: AbstractContextManager[RunningArchive],
    source: Path,
    repeats: int,
    expected: dict[str, str],
) -> list[Row]:
    """Measure every client at one archive."""
    rows = []
    with running as archive:
        archive.load(sorted(source.iterdir()))
        dimse = archive.config
        clients: list[tuple[str, Any, int]] = [
            ("DCMTK movescu", lambda into: dcmtk("movescu", dimse, into), 1),
            ("DCMTK getscu", lambda into: dcmtk("getscu", dimse, into), 1),
        ]
        if archive.web is not None:
            clients.append(
                ("dicomweb-client, one by one", lambda into: singly(archive.web, into), 1)
            )
            clients.append(("FedPACS WADO-RS", lambda into: ours(archive.web, into), repeats))
        for way in ("c-get", "c-move"):
            config = dimse.model_copy(update={"retrieve": way})
            clients.append(
                (f"FedPACS {way.upper()}", lambda into, c=config: ours(c, into), repeats)
            )
        rows += [measure(name, label, run, n, expected) for label, run, n in clients]
    return rows


def show(rows: list[Row]) -> None:
    print(
        f"\n{'archive':10} {'client':30} {'inst/s':>8} {'x movescu':>10} {'peak MiB':>9}  identical"
    )
    for row in rows:
        base = next(r for r in rows if r.archive == row.archive and "movescu" in r.client)
        peak = f"{row.peak_mib:9.0f}" if row.peak_mib is not None else " " * 9
        ratio = row.instances_per_s / base.instances_per_s
        print(
            f"{row.archive:10} {row.client:30} {row.instances_per_s:8.1f} {ratio:10.1f} {peak}  "
            f"{'yes' if row.identical else 'NO'}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--archives", default="orthanc,dcmqrscp,embedded")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--fetch", help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fetch:
        fetch(options.fetch, options.into)
        return 0
    rows: list[Row] = []
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        source = root / "source"
        source.mkdir()
        plant(source, options.slices)
        expected = pixels(source)
        starts = {
            "orthanc": lambda f: orthanc(f, "c-get"),
            "dcmqrscp": lambda f: dcmqrscp(f, "c-get", options=()),
            "embedded": lambda f: embedded(f, "c-get"),
        }
        for name in options.archives.split(","):
            folder = root / name
            folder.mkdir()
            rows += at(name, starts[name](folder), source, options.repeats, expected)
    show(rows)
    if options.json:
        options.json.write_text(json.dumps([row.__dict__ for row in rows], indent=2) + "\n")
    return 0 if all(row.identical for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
