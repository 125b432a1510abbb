"""How fast an ingest is beside a mere retrieve, whether its memory stays flat, and how it grows.

Run alone: ``python benchmarks/ingest.py [--quick] [--instances 50000]``. Prints tables and writes
``ingest.json`` where it is run. Everything is measured in one run on one machine, against the same
archive: the embedded PACS in a process of its own, over C-GET.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tomli_w
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from fedpacs.agent.ingest import NothingSealedError
from fedpacs.agent.site import Site
from fedpacs.config.job import load_job
from fedpacs.config.load import read_toml
from fedpacs.core.errors import PolicyError
from fedpacs.pacs.open import open_reader, open_writer
from fedpacs.pacs.ports import StudyQuery
from fedpacs.simulation.workspace import free_ports, prepare_workspace

AIM = 0.6
PER_STUDY = 20
Progress = Callable[[str, int, int], None]
_MIB = 1024 * 1024


def write_ct(folder: Path, studies: int, slices: int, size: int) -> None:
    """Write CT studies: a noisy disc in air, one series each, one patient each."""
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:size, :size]
    body = (x - size / 2) ** 2 + (y - size / 2) ** 2 < (0.4 * size) ** 2
    folder.mkdir(parents=True, exist_ok=True)
    for study in range(studies):
        uids = {name: generate_uid() for name in ("study", "series", "frame")}
        for number in range(slices):
            pixels = np.where(body, 1024 + rng.integers(-60, 60, (size, size)), 0).astype("<u2")
            ds = _image(study, number, uids, pixels)
            ds.save_as(folder / f"{study:05d}-{number:04d}.dcm", enforce_file_format=True)


def _image(study: int, number: int, uids: dict[str, str], pixels: np.ndarray) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uids["study"], uids["series"]
    ds.FrameOfReferenceUID = uids["frame"]
    ds.PatientID, ds.PatientName = f"B{study:06d}", f"Benchmark^{study}"
    ds.PatientBirthDate, ds.PatientSex = "19600101", "O"
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber = "20240102", "120000", f"A{study}"
    ds.StudyID, ds.SeriesNumber, ds.InstanceNumber = "1", 1, number + 1
    ds.ReferringPhysicianName, ds.Manufacturer, ds.Modality = "Doctor^B", "Maker", "CT"
    ds.ImageType, ds.ConvolutionKernel, ds.KVP = ["ORIGINAL", "PRIMARY", "AXIAL"], "B30f", 120
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, float(number)], [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness = [0.7, 0.7], 1
    ds.RescaleIntercept, ds.RescaleSlope = -1024, 1
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.PixelData = pixels.tobytes()
    return ds


def site_at(root: Path, pacs: dict[str, object], ingest: dict[str, object]) -> tuple[Site, Path]:
    """Make a site with keys, and a job that asks for CT."""
    workspace = prepare_workspace(root)
    place = next(place for place in workspace.hospitals if place.name == "cedar")
    data = read_toml(place.site_file)
    data["pacs"], data["ingest"] = pacs, ingest
    place.site_file.write_text(tomli_w.dumps(data))
    job = read_toml(workspace.job_file)
    job["cohort"]["modality"] = "CT"
    workspace.job_file.write_text(tomli_w.dumps(job))
    return Site.open(place.site_file), workspace.job_file


def ingest(site: Site, job: Path, progress: Progress | None = None) -> float:
    """Ingest everything; give seconds. Without labels gate 2 stays closed, after the last study."""
    start = time.perf_counter()
    try:
        site.ingest(load_job(job), progress)
    except NothingSealedError:
        raise
    except PolicyError:
        pass
    return time.perf_counter() - start


def retrieve(site: Site, into: Path) -> tuple[float, int]:
    """Retrieve everything with the same reader and forget it; give seconds and instances."""
    start, instances = time.perf_counter(), 0
    reader = open_reader(site.config.pacs)
    for ref in reader.find(StudyQuery("CT")):
        into.mkdir()
        instances += sum(1 for _ in reader.retrieve(ref, into))
        shutil.rmtree(into)
    reader.close()
    return time.perf_counter() - start, instances


def end_to_end(root: Path, studies: int, slices: int, repeats: int) -> list[dict[str, object]]:
    """Compare retrieve alone with the whole ingest, over C-GET from an archive in a process."""
    port, scp = free_ports(2)
    ports = {"port": port, "storage_scp_port": scp}
    archive = _start_archive(root / "pacs", port)
    rows = []
    try:
        pacs = {
            "kind": "dimse",
            "retrieve": "c-get",
            "host": "127.0.0.1",
            "called_ae_title": "ARCHIVE",
            "calling_ae_title": "BENCH",
            **ports,
        }
        write_ct(root / "ct", studies, slices, 512)
        site, _ = site_at(root / "first", pacs, {})
        _store(site, root / "ct")
        for workers in (1, 2):
            for repeat in range(repeats):
                home = root / f"site-{workers}-{repeat}"
                site, job = site_at(home, pacs, {"workers": workers})
                alone_s, instances = retrieve(site, root / "into")
                whole_s = ingest(site, job)
                _require(len(site.premises.store.studies()) == studies, "a study is not sealed")
                again_s = ingest(site, job)
                rows.append(
                    {
                        "workers": workers,
                        "retrieve_per_s": round(instances / alone_s, 1),
                        "ingest_per_s": round(instances / whole_s, 1),
                        "share": round(alone_s / whole_s, 3),
                        "nothing_new_s": round(again_s, 2),
                    }
                )
                shutil.rmtree(home)
    finally:
        archive.terminate()
        archive.wait()
    return rows


def _start_archive(folder: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "fedpacs.pacs.embedded", "--store", folder]
    command += ["--port", str(port), "--aet", "ARCHIVE", "--allow", "BENCH@127.0.0.1"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def _store(site: Site, folder: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            receipt = open_writer(site.config.results_pacs).store(sorted(folder.glob("*.dcm")))
            break
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
    _require(not receipt.failed, "the archive did not take everything")


def _require(holds: object, what: str) -> None:
    if not holds:
        raise SystemExit(what)


def growth(root: Path, instances: int, per_study: int) -> list[dict[str, object]]:
    """Ingest small studies from a folder, in steps, each step in a process of its own."""
    rows: list[dict[str, object]] = []
    for share in (4, 2, 1):
        number = instances // share
        folder = root / f"small-{number}"
        write_ct(folder, number // per_study, per_study, 16)
        command = [sys.executable, __file__, "--one", str(folder)]
        ended = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append({"instances": number, **json.loads(ended.stdout)})
        shutil.rmtree(folder)
    return rows


def one(folder: Path, per_study: int) -> None:
    """Ingest a folder; print seconds and memory of this process, on the way and at most."""
    with tempfile.TemporaryDirectory() as home:
        pacs = {"kind": "folder", "path": str(folder)}
        site, job = site_at(Path(home) / "site", pacs, {"workers": 1, "minimum_free_bytes": 0})
        every = max(1, len(list(folder.iterdir())) // per_study // 20)
        curve: dict[int, tuple[float, int]] = {}
        start = time.perf_counter()

        def look(_step: str, done: int, _found: int) -> None:
            if done and done % every == 0:
                curve[done] = (round(time.perf_counter() - start, 1), resident_mib())

        seconds = ingest(site, job, look)
        again = ingest(site, job)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        studies = len(site.premises.store.studies())
    report = {
        "studies": studies,
        "seconds": round(seconds, 1),
        "nothing_new_s": round(again, 1),
        "peak_mib": peak // _MIB,
        "curve": curve,
    }
    print(json.dumps(report))


def resident_mib() -> int:
    """Give the memory that this process has now, not the most it ever had."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // _MIB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--instances", type=int, default=50_000)
    parser.add_argument("--json", type=Path, default=Path("ingest.json"))
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.one, PER_STUDY)
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    studies, slices, repeats = (3, 60, 1) if options.quick else (5, 100, 3)
    instances = 2000 if options.quick else options.instances
    with tempfile.TemporaryDirectory() as folder:
        rows = end_to_end(Path(folder), studies, slices, repeats)
        for row in rows:
            print(row, "" if row["share"] >= AIM else f"below {AIM}")
        grown = growth(Path(folder), instances, PER_STUDY)
    for row in grown:
        curve = row.pop("curve")
        print(row, f"{1000 * row['seconds'] / row['instances']:.2f} ms per instance")
        for done, (seconds, mib) in curve.items():
            print(f"    {int(done) * PER_STUDY:6} instances {seconds:8.1f} s {mib:5} MiB")
        row["curve"] = curve
    report = {"aim": AIM, "end_to_end": rows, "growth": grown}
    options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
