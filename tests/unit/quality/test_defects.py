"""Every planted defect is found, under its code, and sound series of every kind raise no alarm."""

from __future__ import annotations

import warnings
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.quality_cases import PLANTED, SOUND, content
from fedpacs.quality.findings import defects
from fedpacs.quality.report import thumbnail
from fedpacs.quality.series import check_series
from fedpacs.quality.study import check_study


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


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(SOUND)), st.integers(0, 2**32), st.sampled_from([1, 3, 30]))
def test_damage_anywhere_is_a_finding_or_harmless_but_never_an_exception(name, seed, number):
    rng = Random(seed)  # noqa: S311 - not for secrets
    files = [content(ds) for ds in SOUND[name]()]
    spoilt = bytearray(files[0])
    for _ in range(number):
        spoilt[rng.randrange(132, min(len(spoilt), 2000))] = rng.randrange(256)
    files[0] = bytes(spoilt)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom says what it thinks of the damage
        reports = check_study(files)
        thumbnail(files[:1])
    assert sum(report.images for report in reports) or any(not r.usable for r in reports)
