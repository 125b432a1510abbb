"""No code of a report leaves its reader without a sentence and a next step."""

from __future__ import annotations

import csv
import importlib
import pkgutil
import re
from importlib import resources
from pathlib import Path

import fedpacs.deidentification
from fedpacs.deidentification.outcome_codes import meaning_of_code

PACKAGE = Path(fedpacs.deidentification.__path__[0])
LITERAL = re.compile(r"deid\.[a-z]+(?:-[a-z]+)*")
NOT_CODES = {"deid.dicom", "deid.data", "deid.md"}
"""What looks like a code and is a file."""


def codes() -> list[str]:
    for module in pkgutil.walk_packages([str(PACKAGE)], "fedpacs.deidentification."):
        importlib.import_module(module.name)
    found = set()
    for path in [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.csv")]:
        if path.name != "outcome_codes.csv":
            text = path.read_text(encoding="utf-8")
            found |= set(re.findall(rf"[\"'`,]({LITERAL.pattern})[\"'`,\n]", text))
    return sorted(found - NOT_CODES)


def test_every_code_of_the_package_is_explained():
    meanings = [meaning_of_code(code) for code in codes()]
    general = "The file was refused."
    assert [m.code for m in meanings if m.sentence == general] == []  # add to outcome_codes.csv
    assert all(m.sentence.endswith(".") and m.next_step.endswith(".") for m in meanings)
    assert len(meanings) > 60


def test_a_code_that_nobody_knows_still_has_a_next_step():
    meaning = meaning_of_code("deid.of-tomorrow")
    assert meaning.sentence == "The file was refused."
    assert "errors.md" in meaning.next_step


def test_the_nearest_family_speaks_for_a_code():
    near, far = meaning_of_code("deid.unsupported-hologram"), meaning_of_code("deid.leak-thought")
    assert near.sentence.startswith("This kind of object")
    assert far.sentence.startswith("Something that had to go")


def test_the_table_has_three_columns_and_no_code_twice():
    text = resources.files("fedpacs.deidentification").joinpath("data", "outcome_codes.csv")
    lines = [line for line in text.read_text().splitlines() if not line.startswith("#")]
    rows = list(csv.reader(lines))
    assert all(len(row) == 3 and all(row) for row in rows)
    assert len({row[0] for row in rows}) == len(rows)
