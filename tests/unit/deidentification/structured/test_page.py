from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.datadict import dictionary_description

from fedpacs.deidentification.structured.schemes import read_lines

PAGE = Path(__file__).parents[4].joinpath("docs", "reference", "structured-content.md")


def _named(tag):
    return f"({tag[:4].upper()},{tag[4:].upper()})"


def test_the_page_names_every_concept_with_the_attribute_that_it_stands_for():
    rows = [row for row in PAGE.read_text("utf-8").splitlines() if row.startswith("| ")]
    for line in read_lines("concepts"):
        number = int(line["attribute"], 16)
        start = f"| {dictionary_description(number)} {_named(line['attribute'])} | "
        (row,) = [row for row in rows if row.startswith(start)]
        assert f"{line['meaning']} ({line['value']}, {line['scheme']})" in row


@pytest.mark.parametrize("line", read_lines("bulk"), ids=lambda line: line["name"])
def test_the_page_says_what_bulk_data_are_held_to(line):
    row = f"| {line['name']} {_named(line['tag'])} | {line['check']} |"
    assert row in PAGE.read_text("utf-8")


def test_the_page_names_every_public_scheme():
    text = PAGE.read_text("utf-8").split("Public schemes: ")[1].split(". SNOMED")[0]
    assert sorted(text.split(", ")) == sorted({line["scheme"] for line in read_lines("schemes")})
