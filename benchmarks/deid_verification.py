"""What the independent verification of a de-identified CT slice costs, step by step.

Writes a series of CT slices of 526 kB with an identity, de-identifies it, and measures the CPU
time of the verification beside that of ``cp -r``; then the search through bulk data of several
kinds, and the memory that a file of many gigabytes takes. Prints tables, writes JSON with --json.
"""

from __future__ import annotations

import argparse
import cProfile
import hashlib
import json
import os
import pstats
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from fedpacs.crypto.pseudonyms import Pseudonymiser
from fedpacs.deidentification.engine import Engine
from fedpacs.deidentification.profile import load_profile
from fedpacs.deidentification.verification.instance import Verifier
from fedpacs.deidentification.verification.reader import Reader
from fedpacs.deidentification.verification.search import Matcher, Needle

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = "1.2.826.0.1.3680043.9.7433"
Pair = tuple[Path, Path, tuple[str, ...]]
"""Original, output and the codes of what the profile carries out."""
LIMIT_MS = 0.45
"""What a slice may cost: less than half of 4 x ``cp -r``."""


def slice_of(number: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    meta.MediaStorageSOPInstanceUID = f"{ROOT}.4.{number}"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    identity(ds)
    acquisition(ds, number)
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, f"{ROOT}.4.{number}"
    rng = np.random.default_rng(number)
    yy, xx = np.mgrid[:512, :512]
    body = (yy - 256) ** 2 + (xx - 256) ** 2 < 200**2
    tissue, air = rng.normal(1060, 30, (512, 512)), rng.normal(60, 25, (512, 512)).clip(0)
    ds.PixelData = np.where(body, tissue, air).astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"
    return ds


def identity(ds: Dataset) -> None:
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.PatientName, ds.PatientID = "Müllerstein^Hans-Georg", "HN-4711-0815"
    ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "19550312", "M", "068Y"
    ds.PatientAddress, ds.PatientTelephoneNumbers = "Lindenallee 7, Hamburg", "+49 40 1234567"
    ds.OtherPatientIDs, ds.AccessionNumber, ds.StudyID = ["OLD-9917"], "ACC20230017", "ST17"
    ds.InstitutionName, ds.InstitutionAddress = "Krankenhaus Nord", "Nordring 1, Hamburg"
    ds.ReferringPhysicianName, ds.OperatorsName = "Grabowska^Ewa", "Petersen^Kai"
    ds.PerformingPhysicianName, ds.NameOfPhysiciansReadingStudy = "Ostermann^Ute", "Kowalski^Jan"
    ds.StationName, ds.DeviceSerialNumber = "CT-NORD-2", "SN-99-1234"
    ds.StudyDescription, ds.SeriesDescription = "CT Thorax Hr. Müllerstein", "Thorax 1.0 B30f"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{ROOT}.1", f"{ROOT}.2"
    ds.FrameOfReferenceUID = f"{ROOT}.3"
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20230214"
    ds.StudyTime, ds.SeriesTime = "101112", "101210.5"


def acquisition(ds: Dataset, number: int) -> None:
    ds.AcquisitionTime, ds.ContentTime = f"1013{number % 60:02d}.25", f"1014{number % 60:02d}.5"
    ds.Modality, ds.Manufacturer, ds.ManufacturerModelName = "CT", "SIEMENS", "Sensation 64"
    ds.SoftwareVersions, ds.ImageType = "syngo CT 2009E", ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.KVP, ds.ExposureTime, ds.XRayTubeCurrent, ds.Exposure = "120", "500", "180", "90"
    ds.FilterType, ds.GeneratorPower, ds.FocalSpots, ds.ConvolutionKernel = "0", "40", "1.2", "B30f"
    ds.DataCollectionDiameter, ds.ReconstructionDiameter = "500", "350"
    ds.DistanceSourceToDetector, ds.DistanceSourceToPatient = "1040", "570"
    ds.GantryDetectorTilt, ds.TableHeight, ds.RotationDirection = "0", "150", "CW"
    ds.BodyPartExamined, ds.PatientPosition, ds.ProtocolName = "CHEST", "HFS", "Thorax Routine"
    ds.SeriesNumber, ds.AcquisitionNumber, ds.InstanceNumber = "2", "1", str(number)
    ds.ImagePositionPatient = [-175.0, -175.0, float(number)]
    ds.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    ds.SliceLocation, ds.SliceThickness, ds.PixelSpacing = str(number), "1", [0.68359375] * 2
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = 512, 512
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.WindowCenter, ds.WindowWidth = ["40", "-600"], ["400", "1200"]
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
    block = ds.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", b"SV10" + b"Mrs Meyer^Anna " * 40)
    item = Dataset()
    item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    item.ReferencedSOPInstanceUID = f"{ROOT}.4.1"
    ds.ReferencedImageSequence = [item]


def pairs(folder: Path, count: int) -> list[Pair]:
    engine = Engine(
        load_profile("gdpr-pseudonymised"), Pseudonymiser(hashlib.sha256(b"x").digest())
    )
    (folder / "in").mkdir()
    found = []
    for number in range(1, count + 1):
        source = folder / "in" / f"{number}.dcm"
        pydicom.dcmwrite(source, slice_of(number), enforce_file_format=True)
        output = engine.deidentify_file(source, folder / "out").path
        found.append((source, output, engine.profile.option_codes))
    return found


def cpu_ms(work: Callable[[], object], repeat: int = 1) -> float:
    start = time.process_time()
    for _ in range(repeat):
        work()
    return (time.process_time() - start) * 1000 / repeat


def copy_ms(folder: Path, count: int) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["cp", "-r", folder / "out", folder / "copy"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used * 1000 / count


def in_a_run_ms(found: list[Pair], rounds: int = 3) -> list[float]:
    """Give the cost of every file, new to the verifier, its bytes just read and written."""
    best = [float("inf")] * len(found)
    for _ in range(rounds):
        verifier = Verifier()
        for number, pair in enumerate(found):
            for path in pair[:2]:
                path.read_bytes()
            best[number] = min(best[number], cpu_ms(lambda pair=pair: verifier.verify(*pair)))  # noqa: B023 - called at once
    return best


def series_costs(folder: Path, count: int, *, profile: bool) -> dict[str, float]:
    found = pairs(folder, count)
    verifier = Verifier()
    findings = [verifier.verify(*pair) for pair in found]
    if any(findings):
        sys.exit(f"findings in a right output: {sorted({f.code for one in findings for f in one})}")
    fresh = Verifier()
    first = cpu_ms(lambda: fresh.verify(*found[0]))
    whole = cpu_ms(lambda: [fresh.verify(*pair) for pair in found]) / count
    warm = cpu_ms(lambda: [verifier.verify(*pair) for pair in found]) / count
    in_a_run = statistics.median(in_a_run_ms(found))
    if profile:
        profiler = cProfile.Profile()
        profiler.runcall(lambda: [verifier.verify(*pair) for pair in found])
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
    reader = Reader()

    def read(number: int) -> None:
        for pair in found:
            reader.read(pair[number]).close()

    read(0), read(1)
    return {
        "cp -r": copy_ms(folder, count),
        "first file of a process": first,
        "series, from the first file": whole,
        "series, files not in the cache": warm,
        "series, in a run": in_a_run,
        "  reading the original's header": cpu_ms(lambda: read(0)) / count,
        "  reading the output's header": cpu_ms(lambda: read(1)) / count,
    }


def search_costs() -> dict[str, float]:
    rng = np.random.default_rng(1)
    words = ["".join(chr(97 + c) for c in rng.integers(0, 26, n)) for n in rng.integers(7, 20, 90)]
    needles = [Needle(word, "word") for word in words]
    needles += [Needle(f"{ROOT}.{n}", "uid") for n in range(30)]
    matcher = Matcher(needles)
    size = 524_288
    yy, xx = np.mgrid[:512, :512]
    body = (yy - 256) ** 2 + (xx - 256) ** 2 < 200**2
    ct = np.where(body, rng.normal(1060, 30, (512, 512)), rng.normal(60, 25, (512, 512)).clip(0))
    kinds = {
        "CT, 12 bit": ct.astype("<u2").tobytes(),
        "CT, signed": (ct - 1024).astype("<i2").tobytes(),
        "16 bit": rng.integers(0, 65536, size // 2, dtype=np.uint16).tobytes(),
        "8 bit": rng.normal(90, 25, size).clip(0, 255).astype("u1").tobytes(),
        "compressed": rng.bytes(size),
        "black": bytes(size),
    }
    rates = {}
    for name, content in kinds.items():
        piece = bytearray(content)
        list(matcher.in_bulk(piece, size))
        spent = cpu_ms(lambda piece=piece: list(matcher.in_bulk(piece, size)), 20)
        rates[name] = size / spent / 1e6
    return rates


def memory_mb(folder: Path, size: int) -> float:
    """Give the peak of a process that verifies one file with bulk data of `size` bytes."""
    ds = slice_of(1)
    ds.PixelData = b""
    paths = folder / "large-in.dcm", folder / "large-out" / "x.dcm"
    paths[1].parent.mkdir()
    small = folder / "small.dcm"
    pydicom.dcmwrite(small, ds, enforce_file_format=True)
    for path in paths:
        pydicom.dcmwrite(path, ds, enforce_file_format=True)
        with path.open("r+b") as handle:
            handle.seek(-4, os.SEEK_END)
            handle.write(size.to_bytes(4, "little"))
            handle.seek(size, os.SEEK_END)
            handle.truncate()
    code = (
        "import re, sys, pathlib; "
        "from fedpacs.deidentification.verification.instance import verify_instance as v; "
        "status = pathlib.Path('/proc/self/status'); "
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', status.read_text())[1]); "
        "v(pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[3]), ('113100',)); "
        "before = peak(); "
        "found = v(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), ('113100',)); "
        "assert 'deid.leak-name' in {f.code for f in found}, 'it was not read to its end'; "
        "print((peak() - before) / 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, paths), str(small)],
        check=True,
        capture_output=True,
        text=True,
    )
    for path in paths:
        path.unlink()
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--large", type=int, default=4, help="GiB of bulk data")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - memory, so that no disk is measured
    with tempfile.TemporaryDirectory(dir=base) as name:
        costs = series_costs(Path(name), options.files, profile=options.profile)
        for step, spent in costs.items():
            print(f"{step:36} {spent:8.3f} ms CPU a file {spent / costs['cp -r']:8.2f} x cp -r")
        print(
            f"limit {LIMIT_MS} ms: {'kept' if costs['series, in a run'] <= LIMIT_MS else 'BROKEN'}"
        )
        rates = search_costs()
        for kind, rate in rates.items():
            print(f"search, 120 needles, {kind:15} {rate:8.2f} GB/s")
        peak = memory_mb(Path(name), options.large << 30 if options.large < 4 else (1 << 32) - 1026)
        print(f"{options.large} GiB of bulk data: {peak:.1f} MB above an empty one's")
    if options.json:
        options.json.write_text(json.dumps({"ms": costs, "GB/s": rates, "MB": peak}, indent=2))


if __name__ == "__main__":
    main()
