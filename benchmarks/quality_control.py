"""Quality control beside its peers: time, planted defects caught, false alarms.

    OMP_NUM_THREADS=1 python -m benchmarks.quality_control [--json FILE]

Peers: dciodvfy (dicom3tools), which validates each object, and highdicom's
``get_volume_from_series``, which refuses what makes no volume. Limit: 500 slices of 512 x 512 in
one second, all defects caught, no false alarm. Times are CPU seconds, so that another process on
the machine changes nothing. The synthetic objects lack attributes that dciodvfy asks for, so what
it says of any sound series counts as nothing caught.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom import dcmread

from benchmarks.quality_cases import PLANTED, SOUND, content, volume
from fedpacs.quality.series import check_series

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Judge = Callable[[Sequence[bytes]], bool]

_SLICES = 500
_LIMIT_S = 1.0


def ours(files: Sequence[bytes]) -> bool:
    return bool(check_series(files).alarms)


def highdicom(files: Sequence[bytes]) -> bool:
    import highdicom as hd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            datasets = [dcmread(BytesIO(f)) for f in files]
            if len(datasets) == 1 and "NumberOfFrames" in datasets[0]:
                hd.Image.from_dataset(datasets[0]).get_volume()
            else:
                hd.get_volume_from_series(datasets)
        except Exception:  # noqa: BLE001 - it refuses with many types
            return True
    return False


def dciodvfy(files: Sequence[bytes]) -> bool:
    return bool(errors_of(files) - said_of_sound())


@cache
def said_of_sound() -> frozenset[str]:
    return frozenset(e for make in SOUND.values() for e in errors_of([content(d) for d in make()]))


def errors_of(files: Sequence[bytes]) -> set[str]:
    found: set[str] = set()
    tool = shutil.which("dciodvfy", path=str(Path(sys.executable).parent)) or "dciodvfy"
    with tempfile.TemporaryDirectory() as folder:
        for number, file in enumerate(files):
            path = Path(folder) / str(number)
            path.write_bytes(file)
            said = subprocess.run([tool, "-new", path], capture_output=True, text=True, check=False)
            lines = (said.stdout + said.stderr).splitlines()
            found |= {line for line in lines if line.startswith("Error")}
    return found


JUDGES: dict[str, Judge] = {"fedpacs": ours, "highdicom": highdicom, "dciodvfy": dciodvfy}


def timed(judge: Callable[[], object], repeats: int = 3) -> float:
    best = float("inf")
    for _ in range(repeats):
        start = os.times()
        judge()
        best = min(best, sum(os.times()[:4]) - sum(start[:4]))
    return best


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    clean = volume("CT", _SLICES, (512, 512))
    result: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / str(n) for n in range(_SLICES)]
        for path, ds in zip(paths, clean, strict=True):
            path.write_bytes(content(ds))
        times = {
            "fedpacs": timed(lambda: check_series(paths)),
            "highdicom": timed(lambda: highdicom([p.read_bytes() for p in paths]), 1),
            "dciodvfy": timed(lambda: errors_of([paths[0].read_bytes()] * 10), 1) * _SLICES / 10,
        }
        report = check_series(paths)
    for name, judge in JUDGES.items():
        # A peer can only be credited with a defect where it does not refuse the sound series too
        sound = {kind: judge([content(ds) for ds in make()]) for kind, make in SOUND.items()}
        caught = sum(judge([content(ds) for ds in make()]) for _, make in PLANTED.values())
        result[name] = {
            "seconds": round(times[name], 3),
            "caught": caught,
            "planted": len(PLANTED),
            "sound_refused": sum(sound.values()),
            "sound": len(sound),
        }
    right = sum(
        f"quality.{code}" in {f.code for f in check_series([content(d) for d in make()]).alarms}
        for code, make in PLANTED.values()
    )
    result["fedpacs"] |= {"caught_under_the_right_code": right, "alarms_500": len(report.alarms)}
    print(f"{'':<12}{'CPU s / 500 CT':>16}{'ratio':>8}{'caught':>10}{'sound refused':>16}")
    for name, row in result.items():
        ratio = row["seconds"] / result["fedpacs"]["seconds"]
        caught = f"{row['caught']}/{row['planted']}"
        refused = f"{row['sound_refused']}/{row['sound']}"
        print(f"{name:<12}{row['seconds']:>16.2f}{ratio:>8.1f}{caught:>10}{refused:>16}")
    print(f"right code: {right}/{len(PLANTED)}; alarms on 500 clean: {len(report.alarms)}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    fast = result["fedpacs"]["seconds"] <= _LIMIT_S
    sys.exit(0 if fast and right == len(PLANTED) and not report.alarms else 1)


if __name__ == "__main__":
    main()
