"""The generator of ``data/attribute_types.csv``: the strictest Type that any module gives.

Run by a developer when a new edition comes out, never by the product::

    python -m fedpacs.deidentification.generate_types JSON OUT

JSON is PS3.3's tables of attributes by module as ``highdicom`` (MIT licence) ships them in
``highdicom/_standard/module_attribute_map.json``. It is read as a file and never imported.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

from pydicom._dicom_dict import DicomDictionary

COLUMNS = ("tag", "type")
_STRICTEST_FIRST = ("1", "1C", "2", "2C")
_ARGUMENTS = 3


def types_of_json(text: str) -> dict[str, str]:
    """Give the strictest Type by keyword; optional attributes are left out."""
    found: dict[str, str] = {}
    for attributes in json.loads(text).values():
        for attribute in attributes:
            kind, keyword = str(attribute["type"]), attribute["keyword"]
            if kind in _STRICTEST_FIRST:
                found[keyword] = min(kind, found.get(keyword, kind), key=_STRICTEST_FIRST.index)
    return found


def generate(modules: Path) -> str:
    """Give the text of the CSV file."""
    types = types_of_json(modules.read_text("utf-8"))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for tag, entry in sorted(DicomDictionary.items()):
        if entry[4] in types:
            writer.writerow((f"{tag:08x}", types[entry[4]]))
    return out.getvalue()


def main(arguments: list[str]) -> int:
    """Write the table; two paths are expected."""
    if len(arguments) != _ARGUMENTS:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    Path(arguments[2]).write_text(generate(Path(arguments[1])), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
