from __future__ import annotations

import fnmatch
import re
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.pacs.matching import condition
from fedpacs.pacs.ports import StudyQuery

_DATES = st.dates().map(lambda day: f"{day:%Y%m%d}".zfill(8))


def _matches(keyword: str, stored: str, *wanted: str) -> bool:
    clause, values = condition(keyword, wanted)
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE t ({keyword} TEXT)")
    connection.execute("INSERT INTO t VALUES (?)", (stored,))
    query = f"SELECT COUNT(*) FROM t WHERE {clause}"  # noqa: S608 - the condition under test
    count = connection.execute(query, values).fetchone()[0]
    connection.close()
    return bool(count)


@given(st.text("aB[]^-!*?%_\\", max_size=6), st.text("aB[]^-!%_\\", max_size=6))
def test_wildcards_mean_what_the_standard_says(wanted, stored):
    if "*" in wanted or "?" in wanted:
        pattern = re.escape(wanted).replace(r"\*", ".*").replace(r"\?", ".")
        assert _matches("PatientID", stored, wanted) == bool(re.fullmatch(pattern, stored))
    else:
        assert _matches("PatientID", stored, wanted) == (stored == wanted)


@given(st.text("aB%_\\*?", min_size=1, max_size=6), st.text("Ab%_\\", max_size=6))
def test_names_match_without_regard_to_case(wanted, stored):
    expected = fnmatch.fnmatchcase(stored.lower(), wanted.lower())
    assert _matches("PatientName", stored, wanted) == expected


@given(_DATES, _DATES, _DATES)
def test_date_ranges_include_their_ends_on_both_sides_of_the_wire(first, last, stored):
    for wanted in (f"{first}-{last}", f"{first}-", f"-{last}", first):
        ours = StudyQuery("MR", study_date=wanted)
        expected = ours.matches(study_date=stored, patient_id="", study_instance_uid="")
        assert _matches("StudyDate", stored, wanted) == expected


def test_a_list_of_uids_matches_each():
    assert _matches("SOPInstanceUID", "1.2", "1.1", "1.2")
    assert not _matches("SOPInstanceUID", "1.3", "1.1", "1.2")


def test_a_uid_has_no_wildcards():
    assert not _matches("StudyInstanceUID", "1.2.3", "1.2.*")


@pytest.mark.parametrize("date", ["2024", "2024-01-01", "today", "20240101-20240102-"])
def test_a_query_with_a_malformed_date_is_refused(date):
    with pytest.raises(ValueError, match="study_date"):
        StudyQuery("MR", study_date=date)


def test_an_answer_for_another_patient_does_not_match():
    query = StudyQuery("MR", patient_id="A1", study_instance_uid="1.2")
    assert query.matches(study_date="", patient_id="A1", study_instance_uid="1.2")
    assert not query.matches(study_date="", patient_id="A2", study_instance_uid="1.2")
    assert not query.matches(study_date="", patient_id="A1", study_instance_uid="1.3")
