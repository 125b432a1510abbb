"""Run dicognito with its defaults over a folder: SOURCE OUT MAP."""

import json
import sys
from pathlib import Path

import pydicom
from dicognito.anonymizer import Anonymizer


def main() -> None:
    source, out, listing = map(Path, sys.argv[1:4])
    anonymizer = Anonymizer(seed="benchmark")
    with listing.open("w") as lines:
        for number, path in enumerate(sorted(one for one in source.rglob("*") if one.is_file())):
            name, status, code = f"{number:06d}.dcm", "ok", None
            try:
                with pydicom.dcmread(path) as dataset:
                    anonymizer.anonymize(dataset)
                    dataset.save_as(out / name)
            except Exception as error:  # noqa: BLE001 - a peer's refusal
                name, status, code = None, "quarantined", type(error).__name__
                (out / f"{number:06d}.dcm").unlink(missing_ok=True)
            line = {"src": str(path.relative_to(source)), "dst": name, "status": status}
            lines.write(json.dumps({**line, "code": code}) + "\n")


main()
