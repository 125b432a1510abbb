"""Names of makers, models and programs stay; people who were written into them go."""

from __future__ import annotations

import pytest

from fedpacs.deidentification.text.devices import device_text


@pytest.mark.parametrize(
    "text",
    [
        "SIEMENS", "GE MEDICAL SYSTEMS", "Philips Medical Systems", "Carl Zeiss Meditec",
        "Agfa-Gevaert", "MAGNETOM Vida", "Discovery MR750w", "Biograph64_mCT", "Screenmaker",
        "Fischer Imaging Corp", "Picker International, Inc.", "syngo MR E11", "3D Slicer Community",
    ],
)  # fmt: skip
def test_a_maker_a_model_or_a_program_stays_as_it_is(text):
    assert device_text(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("SIEMENS (Chiu Mei-Hua)", "SIEMENS"),
        ("SIEMENS (Đỗ Khánh Linh)", "SIEMENS"),
        ("operator: Dale Savage", ""),
        ("operator: Pieter-Jan van der Heijden", ""),
        ("Prisma Peter Herzog", "Prisma"),
        ("Prisma Siobhan Ni Dhomhnaill", "Prisma"),
        ("Iris Bloom Medical", "Medical"),
        ("Dr. Smith", ""),
        ("SIEMENS Evgeniya Shcherbakova", "SIEMENS"),
        ("GE j.doe@clinic.example.org", "GE"),
    ],
)
def test_people_go(text, left):
    assert device_text(text) == left
