"""Local names of series in seven languages: coded right or asked, never silently wrong."""

from __future__ import annotations

import csv
from pathlib import Path

from pydicom import Dataset

from fedpacs.quality.standardisation.standardise import standardise

FIELDS = ("body_part", "contrast", "plane", "sequence", "phase")
with (Path(__file__).parent / "series_names.csv").open(encoding="utf-8") as _file:
    NAMES = list(csv.reader(_file, delimiter=";"))


def outcome(row):
    """Give right, review or missing, and the fields that are silently wrong."""
    _, modality, name, *expected = row
    header = Dataset()
    header.Modality, header.SeriesDescription = modality, name
    coded = standardise(header)
    doubts = dict(coded.in_doubt)
    wrong, missing = [], []
    for field, wanted in zip(FIELDS, expected, strict=True):
        value = getattr(coded, field).value
        value = "" if value in ("unknown", "none") else value
        if value == wanted:
            continue
        if value:
            wrong.append((field, value, wanted))
        elif field not in doubts:
            missing.append(field)
    return wrong, missing


def test_the_list_is_long_and_in_many_languages():
    assert len({tuple(row) for row in NAMES}) == len(NAMES) >= 300
    assert {row[0] for row in NAMES} == {"en", "de", "fr", "es", "it", "ja", "ru"}


def test_no_name_is_silently_wrong():
    assert {row[2]: wrong for row in NAMES if (wrong := outcome(row)[0])} == {}


def test_at_least_95_percent_are_coded_right_or_put_to_a_person():
    missing = {row[2]: fields for row in NAMES if (fields := outcome(row)[1])}
    assert len(missing) <= 0.05 * len(NAMES), missing


def test_most_are_coded_without_asking_what_the_name_says():
    said = [row for row in NAMES if row[3]]
    coded = 0
    for row in said:
        header = Dataset()
        header.Modality, header.SeriesDescription = row[1], row[2]
        coded += standardise(header).body_part.value == row[3]
    assert coded >= 0.9 * len(said)
