"""The record: only what is on the lists, tied to the sample, signed, and kept in a chain."""

from __future__ import annotations

import json

import pytest

from fedpacs.core.errors import CryptoError
from fedpacs.crypto.signatures import SigningKey
from fedpacs.deidentification.review.errors import (
    ReviewerNameError,
    ReviewRecordError,
    VerdictIncompleteError,
    VerdictMismatchError,
    VerdictUnreadableError,
)
from fedpacs.deidentification.review.sampling import draw
from fedpacs.deidentification.review.verdicts import read_records, record_file, record_verdict


@pytest.fixture
def sample(folders):
    return draw(folders.out, 3, 5)


def test_a_verdict_is_signed_beside_the_folder(folders, sample, saved, reviewer):
    record = record_verdict(folders.out, saved(sample), "R. Viewer", reviewer)
    assert record.public_key == SigningKey.load(reviewer).public
    assert (record.population, record.sampled) == (5, 3)
    assert record.verdicts == {"pass": 3, "leak": 0, "over-cleaned": 0}
    assert record.leak_share_below == pytest.approx(0.6316, abs=1e-4)
    path = record_file(folders.out)
    assert path == folders.out.parent / "out.review.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_records(folders.out) == (record,)
    assert read_records(folders.out, check_folder=True)[0].current is True


def test_a_record_is_about_what_lay_in_the_folder(folders, sample, saved, reviewer):
    record_verdict(folders.out, saved(sample), "R. Viewer", reviewer)
    path = folders.out / sample.files[0].name
    path.write_bytes(path.read_bytes() + b"\0")
    assert read_records(folders.out, check_folder=True)[0].current is False
    with pytest.raises(VerdictMismatchError):
        record_verdict(folders.out, saved(sample), "R. Viewer", reviewer)
    assert len(read_records(folders.out)) == 1


@pytest.mark.parametrize("change", [{"sample": "0" * 64}, {"seed": "6"}, {"size": 2}])
def test_a_verdict_on_another_sample_is_refused(folders, sample, saved, reviewer, change):
    with pytest.raises((VerdictMismatchError, VerdictIncompleteError)):
        record_verdict(folders.out, saved(sample, **change), "R. Viewer", reviewer)
    assert not record_file(folders.out).exists()


def test_an_object_without_a_verdict_is_asked_for(folders, sample, saved, reviewer):
    with pytest.raises(VerdictIncompleteError):
        record_verdict(folders.out, saved(sample, drop=1), "R. Viewer", reviewer)


@pytest.mark.parametrize(
    "verdicts", [{0: ("fine", [])}, {0: ("leak", ["Ewa Grabowska"])}, {0: ("leak", [{}])}]
)
def test_what_is_on_no_list_is_refused(folders, sample, saved, reviewer, verdicts):
    with pytest.raises(VerdictUnreadableError) as caught:
        record_verdict(folders.out, saved(sample, verdicts=verdicts), "R. Viewer", reviewer)
    assert "Ewa" not in caught.value.message


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"kind": 1}', "[" * 5000, '{"seed": "x"}'])
def test_what_is_no_verdict_is_refused(folders, tmp_path, reviewer, content):
    (tmp_path / "verdict.json").write_text(content)
    with pytest.raises(VerdictUnreadableError):
        record_verdict(folders.out, tmp_path / "verdict.json", "R. Viewer", reviewer)


def test_nothing_but_the_lists_gets_into_the_record(folders, sample, saved, reviewer):
    verdict = saved(sample, comment="Ewa Grabowska")
    told = json.loads(verdict.read_text())
    told["verdicts"][0]["comment"] = "Ewa Grabowska"
    told["verdicts"].append({"name": "Grabowska.dcm", "verdict": "pass", "remarks": []})
    verdict.write_text(json.dumps(told))
    record_verdict(folders.out, verdict, "R. Viewer", reviewer)
    assert "Grabowska" not in record_file(folders.out).read_text()


def test_reviews_form_a_chain_that_shows_every_change(folders, sample, saved, reviewer):
    for _ in range(3):
        leak = {1: ("leak", ["burned-in-text"])}
        record_verdict(folders.out, saved(sample, verdicts=leak), "R. Viewer", reviewer)
    path = record_file(folders.out)
    lines = path.read_text().splitlines()
    changed = [
        lines[1:],
        [lines[0], lines[2]],
        [lines[1], lines[0], lines[2]],
        [lines[0].replace('"leak":1', '"leak":0'), *lines[1:]],
        [lines[0].replace("R. Viewer", "R. Other"), *lines[1:]],
        [*lines, "{}"],
    ]
    for bad in changed:
        path.write_text("\n".join(bad) + "\n")
        with pytest.raises(ReviewRecordError):
            read_records(folders.out)
        with pytest.raises(ReviewRecordError):
            record_verdict(folders.out, saved(sample), "R. Viewer", reviewer)
    path.write_text("\n".join(lines) + "\n")
    assert [record.verdicts["leak"] for record in read_records(folders.out)] == [1, 1, 1]


@pytest.mark.parametrize("name", ["", "a" * 65, "line\nbreak"])
def test_a_reviewer_has_a_name(folders, sample, saved, reviewer, name):
    with pytest.raises(ReviewerNameError):
        record_verdict(folders.out, saved(sample), name, reviewer)


def test_a_reviewer_has_a_key(folders, sample, saved):
    with pytest.raises(CryptoError):
        record_verdict(folders.out, saved(sample), "R. Viewer", "env:FEDPACS_NO_SUCH_KEY")
    assert not record_file(folders.out).exists()
