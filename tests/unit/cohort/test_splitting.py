"""Splits: by patient, for ever, close to what was asked."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fedpacs.cohort.splitting import assign_splits
from fedpacs.config.job import Splits
from fedpacs.core.cohort import Split

patients = st.sets(st.integers(0, 10**6).map("P-{}".format), max_size=40)


@st.composite
def shares(draw):
    train, validation = draw(st.tuples(st.integers(20, 80), st.integers(5, 15)))
    return Splits(
        train=train / 100, validation=validation / 100, test=(100 - train - validation) / 100
    )


@given(st.lists(patients, min_size=1, max_size=6), shares())
def test_nobody_ever_changes_parts_when_patients_are_added(waves, wanted):
    known, everyone = {}, set()
    for wave in waves:
        everyone |= wave
        now = assign_splits(everyone, known, wanted)
        assert set(now) == everyone
        assert all(now[patient] is part for patient, part in known.items())
        known = now


@given(patients, shares(), st.randoms())
def test_the_order_of_patients_plays_no_part(everyone, wanted, random):
    shuffled = sorted(everyone)
    random.shuffle(shuffled)
    assert assign_splits(shuffled, {}, wanted) == assign_splits(sorted(everyone), {}, wanted)


@given(st.lists(patients, min_size=1, max_size=6), shares())
def test_no_part_is_empty_from_three_patients_on(waves, wanted):
    known, everyone = {}, set()
    for wave in waves:
        everyone |= wave
        known = assign_splits(everyone, known, wanted)
        assert len(set(known.values())) == min(3, len(everyone))


@given(patients, shares())
def test_parts_are_as_large_as_asked_to_within_one_patient(everyone, wanted):
    sizes = Counter(assign_splits(everyone, {}, wanted).values())
    asked = {split: getattr(wanted, split) * len(everyone) for split in Split}
    if min(asked.values()) >= 1:
        assert all(abs(sizes[split] - asked[split]) < 1 + 1e-9 for split in Split)


@given(patients)
def test_patients_added_one_by_one_end_close_to_the_shares(everyone):
    known, so_far = {}, set()
    for patient in sorted(everyone):
        so_far.add(patient)
        known = assign_splits(so_far, known, Splits())
    sizes = Counter(known.values())
    for split in Split:
        assert abs(sizes[split] - getattr(Splits(), split) * len(everyone)) < 2


def test_patients_of_other_cohorts_do_not_count():
    others = {f"P-{n}": Split.TRAIN for n in range(100)}
    now = assign_splits({"P-x", "P-y", "P-z"}, others, Splits())
    assert set(now.values()) == set(Split)


def test_one_part_full_of_old_patients_gets_no_new_ones():
    old = {f"P-{n}": Split.TRAIN for n in range(6)}
    now = assign_splits({*old, "P-a", "P-b", "P-c", "P-d"}, old, Splits())
    assert Counter(now.values()) == {Split.TRAIN: 6, Split.VALIDATION: 2, Split.TEST: 2}
