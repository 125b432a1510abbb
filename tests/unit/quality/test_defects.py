"""Every planted defect is found, under its code, and sound series of every kind raise no alarm."""

from __future__ import annotations

import pytest

from benchmarks.quality_cases import PLANTED, SOUND, content
from fedpacs.quality.findings import defects
from fedpacs.quality.series import check_series


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_series_raises_no_alarm(name):
    report = check_series([content(ds) for ds in SOUND[name]()])
    assert report.alarms == ()
    assert report.images


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_defect_is_found(name):
    code, make = PLANTED[name]
    report = check_series([content(ds) for ds in make()])
    assert f"quality.{code}" in {f.code for f in report.alarms}
    assert len(report.alarms) <= 2, "one defect, and at most one that follows from it"


@pytest.mark.parametrize(
    ("name", "code", "stacks"),
    [
        ("enhanced MR", "several-echoes", 2),
        ("two echoes", "several-echoes", 2),
        ("dynamic", "several-phases", 3),
        ("cardiac", "several-phases", 3),
        ("contrast phases", "several-phases", 2),
        ("b-values", "several-b-values", 2),
        ("magnitude and phase", "several-kinds", 2),
    ],
)
def test_stacks_are_told_apart_and_not_called_duplicates(name, code, stacks):
    report = check_series([content(ds) for ds in SOUND[name]()])
    assert [f.code for f in report.findings] == [f"quality.{code}"]
    assert [stack.images for stack in report.stacks] == [6] * stacks


def test_every_code_of_the_catalogue_has_a_meaning_and_most_are_planted():
    planted = {f"quality.{code}" for code, _ in PLANTED.values()}
    assert planted <= set(defects())
    assert len(planted) >= 35
    assert all(len(defect.meaning) > 20 for defect in defects().values())
