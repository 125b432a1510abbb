"""Time and bytes of a site's statistics, beside plainly decoding the same series.

    OMP_NUM_THREADS=1 python -m benchmarks.site_statistics [--series 100] [--slices 60] [--json F]

Counting must hardly cost more than reading: every series is decoded either way.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from fedpacs.cohort.stacks import stack_series
from fedpacs.core.statistics import SiteStatistics
from fedpacs.core.table_forms import table_forms
from fedpacs.core.volume import LabelledVolume
from fedpacs.crypto.signatures import SigningKey
from fedpacs.federation.statistics import write_statistics
from fedpacs.policy.suppression import merge
from fedpacs.quality.harmonisation.moments import design_row, moments_of
from fedpacs.quality.statistics.noise import noisy_tables
from fedpacs.quality.statistics.series import describe, feature_names
from fedpacs.records.budget import noise_multiplier_for
from fedpacs.server.comparison.verdicts import compare_sites

LABELS = ("lesion",)
FORMS = table_forms("MR", LABELS)


def write_series(folder: Path, slices: int, rng: np.random.Generator) -> None:
    folder.mkdir()
    series, pixels = generate_uid(), rng.gamma(4, 100, (slices, 256, 256)).astype(np.uint16)
    for z in range(slices):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID, ds.SOPInstanceUID = MRImageStorage, generate_uid()
        ds.SeriesInstanceUID, ds.Modality, ds.Manufacturer = series, "MR", "SIEMENS"
        ds.MagneticFieldStrength, ds.PatientSex = 3, rng.choice(["F", "M"])
        ds.PatientAge = f"{rng.integers(20, 89):03d}Y"
        ds.ImagePositionPatient, ds.PixelSpacing = [0, 0, 3 * z], [1, 1]
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.Rows, ds.Columns, ds.BitsAllocated, ds.BitsStored, ds.HighBit = 256, 256, 16, 16, 15
        ds.PixelRepresentation = 0
        ds.PixelData = pixels[z].tobytes()
        ds.save_as(folder / f"{z}.dcm", enforce_file_format=True)


def read_stack(folder: Path) -> tuple[Dataset, LabelledVolume]:
    datasets = [dcmread(path) for path in folder.iterdir()]
    stack = stack_series(datasets)
    label = np.zeros(stack.image.shape, np.uint8)
    label[0, :20, :20] = 1
    return datasets[0], LabelledVolume(stack.image, label, stack.spacing_mm, "P")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--series", type=int, default=100)
    parser.add_argument("--slices", type=int, default=60)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: dict[str, float] = {}
    rng = np.random.default_rng(0)
    decode_s = count_s = 0.0
    facts = []
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(options.series):
            folder = Path(scratch) / str(number)
            write_series(folder, options.slices, rng)
            start = time.perf_counter()
            header, volume = read_stack(folder)
            read = time.perf_counter()
            facts.append(describe(header, volume, FORMS, LABELS))
            count_s += time.perf_counter() - read
            decode_s += read - start
            for path in folder.iterdir():
                path.unlink()
        key = SigningKey.create(Path(scratch) / "agent.pem")
    per_hundred = 100 / options.series
    rows["decode 100 series, s"] = decode_s * per_hundred
    rows["count 100 series, s"] = count_s * per_hundred
    rows["counting / decoding"] = count_s / decode_s
    contributions = {name: [f.contributions[name] for f in facts] for name in FORMS}
    start = time.perf_counter()
    tables = {n: t for n, f in FORMS.items() if (t := merge(f, contributions[n], 5))}
    rows["merge small cells, s"] = time.perf_counter() - start
    start = time.perf_counter()
    noisy_tables(FORMS, contributions, noise_multiplier_for(1.0, 1e-6))
    rows["noise on every cell, s"] = time.perf_counter() - start
    design = np.array([design_row(f.age_years, f.sex) for f in facts])
    features = np.array([f.features for f in facts])
    moments = moments_of(features, feature_names(LABELS), design, 5)
    site = SiteStatistics("site", "a" * 64, "b" * 64, len(facts), 5, tables, moments)
    rows["bytes that leave"] = float(len(write_statistics(site, key)))
    rows["bytes of the pixels"] = float(options.series * options.slices * 256 * 256 * 2)
    sites = {f"s{i}": SiteStatistics(f"s{i}", "a" * 64, "b" * 64, len(facts), 5, tables, moments)
             for i in range(8)}  # fmt: skip
    start = time.perf_counter()
    compare_sites(FORMS, sites)
    rows["compare 8 sites, s"] = time.perf_counter() - start
    for name, value in rows.items():
        print(f"{name:28} {value:14,.3f}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
