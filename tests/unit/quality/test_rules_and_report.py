"""A site can only make a job's rules stricter; the report is static, complete and names nobody."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.quality_cases import PLANTED, SOUND, content
from fedpacs.config.quality import Quality
from fedpacs.quality.findings import Severity
from fedpacs.quality.report import SeriesRow, summary_of, thumbnail, write_report
from fedpacs.quality.series import check_series
from fedpacs.quality.standardisation.drift import jumps_of, months_of

RANK = {"note": 0, "warn": 1, "block": 2}
SEVERITIES = st.dictionaries(
    st.sampled_from(["quality.no-air", "quality.oblique"]), st.sampled_from(sorted(RANK))
)
RULES = st.builds(
    Quality,
    uneven_gap_ratio=st.floats(0.01, 0.5),
    missing_slices=st.integers(0, 9),
    air_hu=st.floats(-900, 0),
    saturated_fraction=st.floats(0.001, 0.9),
    slices=st.none() | st.integers(1, 99),
    slice_distance_mm=st.none() | st.floats(0.1, 9),
    severities=SEVERITIES,
)


def check(make, **rules):
    return check_series([content(ds) for ds in make()], Quality(**rules))


@given(RULES, RULES)
def test_together_they_are_at_least_as_strict_as_either(job, site):
    both = job.stricter(site)
    for one in (job, site):
        assert both.uneven_gap_ratio <= one.uneven_gap_ratio
        assert both.missing_slices <= one.missing_slices
        assert both.air_hu <= one.air_hu
        assert both.saturated_fraction <= one.saturated_fraction
        assert one.slices is None or both.slices >= one.slices
        assert one.slice_distance_mm is None or both.slice_distance_mm <= one.slice_distance_mm
        for code, severity in one.severities.items():
            assert RANK[both.severities[code]] >= RANK[severity]


def test_a_job_asks_for_more_slices_and_finer_ones():
    report = check(SOUND["CT"], slices=20, slice_distance_mm=1, pixel_spacing_mm=0.5)
    assert {f.code for f in report.blocking} == {
        "quality.too-few-slices",
        "quality.coarse-slices",
        "quality.coarse-pixels",
    }


def test_a_job_may_do_without_some_slices():
    make = PLANTED["three slices missing"][1]
    assert not check(make).usable
    assert check(make, missing_slices=3).alarms == ()


def test_severities_are_raised_and_lowered_but_not_for_damage():
    make = PLANTED["shifted by 1024"][1]
    assert check(make, severities={"quality.no-air": "block"}).blocking
    cut = PLANTED["pixels cut off"][1]
    lowered = check(cut, severities={"quality.undecodable": "note"})
    assert lowered.findings[0].severity is Severity.BLOCK


def rows():
    made = [[content(ds) for ds in make()] for make in (SOUND["CT"], SOUND["US"], SOUND["CR"])]
    made.append([content(ds) for ds in PLANTED["slice twice"][1]()])
    return [SeriesRow(check_series(files), {}, thumbnail(files)) for files in made]


@pytest.fixture
def page(tmp_path):
    found = rows()
    summary = summary_of(2, [row.report for row in found], 1)
    months = months_of([])
    return write_report(tmp_path / "report", summary, found, (months, jumps_of(months)))


def test_the_page_loads_nothing_and_runs_nothing(page):
    text = page[0].read_text()
    assert "<script" not in text
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    assert text.count("data:image/png;base64,") == 4


def test_the_worst_series_comes_first(page):
    text = page[0].read_text()
    assert text.index("quality.duplicate-position", text.index("<article>")) < text.index(
        "Nothing found"
    )


def test_every_picture_has_words_for_who_cannot_see_it(page):
    text = page[0].read_text()
    assert len(re.findall(r'<img alt="Middle image of series', text)) == text.count("<img")


def test_the_json_says_the_same(page):
    data = json.loads(page[1].read_text())
    assert data["summary"]["series"] == len(data["series"]) == 4
    assert data["summary"]["findings"] == {"quality.duplicate-position": 1}
    assert data["series"][0]["findings"][0]["numbers"] == {"images": 1}


def test_only_the_agent_may_read_it(page):
    assert all(file.stat().st_mode & 0o077 == 0 for file in page)


def test_what_has_no_picture_has_no_thumbnail():
    assert thumbnail([]) == b""
    assert thumbnail([b"garbage"]) == b""
