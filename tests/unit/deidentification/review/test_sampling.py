"""A sample that anybody can draw again, and what it says about the rest."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.deidentification.review.errors import NothingToReviewError
from fedpacs.deidentification.review.sampling import draw, upper_bound


@pytest.fixture
def folder(tmp_path):
    out = tmp_path / "out"
    (out / "deep").mkdir(parents=True)
    (out / ".unverified-x").mkdir()
    for number in range(50):
        (out / ("deep" if number % 2 else "") / f"{number}.dcm").write_text(str(number))
    (out / ".hidden").write_text("x")
    (out / ".unverified-x" / "1.dcm").write_text("x")
    (out / "link.dcm").symlink_to(out / "0.dcm")
    return out


def test_seed_and_folder_give_the_sample(folder):
    one, again = draw(folder, 10, 7), draw(folder, 10, 7)
    assert one == again
    assert one.digest == again.digest
    assert one.population == 50
    assert len({file.name for file in one.files}) == 10
    assert draw(folder, 10, 8).digest != one.digest
    larger = draw(folder, 20, 7)
    assert larger.files[:10] == one.files  # a larger sample looks at more, not at others


def test_the_published_vector(folder):
    """Once a review is signed, the same seed must give the same files for ever."""
    assert [file.name for file in draw(folder, 3, 20261124).files] == [
        "deep/17.dcm", "deep/49.dcm", "32.dcm",
    ]  # fmt: skip


def test_every_file_is_drawn_equally_often(folder):
    counts = dict.fromkeys((file.name for file in draw(folder, 50, 0).files), 0)
    for seed in range(400):
        for file in draw(folder, 10, seed).files:
            counts[file.name] += 1
    assert sum((n - 80) ** 2 / 80 for n in counts.values()) < 86  # chi2 of 49, p = 1e-3


def test_a_changed_byte_or_a_new_file_makes_another_sample(folder):
    before = draw(folder, 50, 1).digest
    (folder / "0.dcm").write_text("changed")
    changed = draw(folder, 50, 1).digest
    (folder / "new.dcm").write_text("new")
    assert len({before, changed, draw(folder, 50, 1).digest}) == 3


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(NothingToReviewError):
        draw(tmp_path, 10, 1)


def test_no_leak_in_a_sample_bounds_the_share_by_the_rule_of_three():
    for sampled in (20, 60, 300):
        assert upper_bound(0, sampled, 100_000) == pytest.approx(1 - 0.05 ** (1 / sampled))
        assert upper_bound(0, sampled, 100_000) == pytest.approx(3 / sampled, rel=0.08)
    assert upper_bound(2, 20, 1000) == pytest.approx(0.28262, abs=1e-4)  # Clopper-Pearson tables


def test_who_has_seen_all_needs_no_bound():
    assert upper_bound(0, 20, 20) == 0
    assert upper_bound(3, 20, 20) == 0.15
    assert upper_bound(20, 20, 100) == 1


@given(st.integers(1, 60), st.data())
def test_the_bound_is_where_so_few_failures_become_unlikely(sampled, data):
    failures = data.draw(st.integers(0, sampled - 1))
    share = upper_bound(failures, sampled, 10**6)
    chance = sum(
        math.comb(sampled, k) * share**k * (1 - share) ** (sampled - k) for k in range(failures + 1)
    )
    assert chance == pytest.approx(0.05, rel=1e-6)
