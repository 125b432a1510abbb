"""The quality harness tells a copy from a de-identified file and half a mask from a whole one."""

from __future__ import annotations

import random
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

sys.path.insert(0, str(Path(__file__).parents[3]))  # the benchmarks are not installed

from benchmarks.deid_quality import pixel_checks
from benchmarks.deid_quality.corpus import drafts, write
from benchmarks.deid_quality.leaks import leaked
from benchmarks.deid_quality.linkage import Linkage
from benchmarks.deid_quality.lookup import holds, same, values_at
from benchmarks.deid_quality.pictures import Style, burn, fan, projection
from benchmarks.deid_quality.scoring import Release, score
from benchmarks.deid_quality.specimen import PRIVACY, UTILITY, Specimen

pytestmark = pytest.mark.filterwarnings("ignore")  # the corpus is wrong on purpose
RNG = random.Random(1)  # noqa: S311 - pictures, no secret
KINDS = {"SC", "SR", "US"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    import warnings

    folder = tmp_path_factory.mktemp("corpus")
    specimens = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for draft in drafts(1, 0.01):
            if draft.specimen.kind in KINDS and "wrong_charset" not in draft.specimen.variant:
                draft.after.clear()
                name = f"{draft.specimen.kind}-{draft.slot}.dcm"
                specimens.append(write(draft, folder, name))
    return folder, specimens


def test_a_copy_is_useful_and_not_private(corpus):
    folder, specimens = corpus
    releases = {one.path: Release(one.path, one.path, "ok") for one in specimens}
    results = list(score(specimens, releases, folder, folder))
    by_check = {name: [one.passed for one in results if one.check == name] for name in PRIVACY}
    for name in ("removed", "changed", "shifted", "leak", "hidden"):
        assert by_check[name], name
        passed = [one for one in results if one.check == name and one.passed]
        assert not passed, passed[0]
    lost = [one for one in results if one.check in UTILITY and not one.passed]
    assert not [one for one in lost if one.check != "conformance"]


def test_every_kind_of_check_is_asked(corpus):
    _, specimens = corpus
    asked = {check.name for one in specimens for check in one.checks}
    assert {"removed", "shifted", "interval", "changed", "consistent", "words"} <= asked
    assert all(one.planted for one in specimens)


@pytest.mark.parametrize("turned", [0, 1])
@pytest.mark.parametrize("ink", [1.0, 0.0, -0.05])
def test_half_a_mask_hides_nothing(ink, turned):

    picture = projection(RNG, (300, 300))
    box = burn(picture, "KOWALSKI, JAN", (120, 40), Style(20, ink, None, 0, turned))
    height, width = box.shape
    covered, half = picture.copy(), picture.copy()
    covered[box.y0 : box.y0 + height, box.x0 : box.x0 + width] = 0
    half[box.y0 : box.y0 + height // (1 + turned), box.x0 : box.x0 + width // (2 - turned)] = 0
    assert pixel_checks.hidden(picture, covered, box)
    assert not pixel_checks.hidden(picture, half, box)
    assert not pixel_checks.hidden(picture, picture * 0.5 + 20, box)


def test_a_mask_beside_the_text_touches_the_surroundings():

    picture = fan(RNG, (200, 200), 60)
    box = burn(picture, "KOWALSKI", (10, 10), Style(16))
    wiped = np.zeros_like(picture)
    assert pixel_checks.untouched_share(picture, picture, [box]) == 1.0
    assert pixel_checks.untouched_share(picture, wiped, [box]) < 0.9


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "iso8859-5"])
def test_a_name_is_found_in_any_encoding(encoding):
    specimen = Specimen("a", "CT", "p", encodings=["utf-8", "utf-16-le", "utf-16-be", "iso8859-5"])
    specimen.plant("Кузнецова", "name")
    data = b"\0" * 40 + "Фам. Кузнецова".encode(encoding) + b"\0"
    assert leaked(specimen, data, None, "out.dcm", set()) == {"Кузнецова"}
    assert not leaked(specimen, b"\0" * 99, None, "out.dcm", set())


def test_a_name_is_found_in_deflated_bytes_and_in_the_name_of_the_file():
    specimen = Specimen("a", "CT", "p", encodings=["utf-8"])
    specimen.plant("Brannigan", "name")
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(b"x" * 50 + b"BRANNIGAN") + packer.flush()
    meta = b"1.2.840.10008.1.2.1.99\0"
    head = b"\0" * 128 + b"DICM" + b"\2\0\0\0UL\4\0" + len(meta).to_bytes(4, "little") + meta
    assert leaked(specimen, head + packed, None, "out.dcm", set())
    assert leaked(specimen, b"", None, "Brannigan_Siobhan/1.dcm", set())


def test_a_uid_in_a_longer_uid_is_another_one():
    specimen = Specimen("a", "CT", "p", encodings=["utf-8"])
    specimen.plant("1.3.6.1.4.1.99999.7.1", "uid")
    assert not leaked(specimen, b" 1.3.6.1.4.1.99999.7.12 ", None, "", set())
    assert leaked(specimen, b" 1.3.6.1.4.1.99999.7.1\0", None, "", set())


def _dated(*dates: str) -> pydicom.Dataset:
    ds = pydicom.Dataset()
    ds.StudyDate, ds.SeriesDate = dates
    return ds


def test_one_date_that_moved_otherwise_is_seen():
    specimen = Specimen("a", "CT", "p")
    for where, value in (("00080020", "20230105"), ("00080021", "20230107")):
        specimen.expect("interval", where, value)
    linkage = Linkage()
    source = _dated("20230105", "20230107")
    for _ in range(2):
        linkage.learn(specimen, source, _dated("20221229", "20221231"))
    wrong = _dated("20221229", "20221230")
    assert linkage.shift("p") == -7
    assert linkage.interval_kept("p", wrong, "00080020", "20230105")
    assert not linkage.interval_kept("p", wrong, "00080021", "20230107")


def test_two_patients_must_not_become_one():
    linkage = Linkage()
    for old in ("A-1", "B-2"):
        specimen = Specimen(old, "CT", old)
        specimen.expect("consistent", "00100020", old)
        source, merged = pydicom.Dataset(), pydicom.Dataset()
        source.PatientID, merged.PatientID = old, "SAME"
        linkage.learn(specimen, source, merged)
    assert not linkage.consistent("A-1", merged, "00100020", "A-1")


def test_private_elements_are_found_by_their_creator():
    ds = pydicom.Dataset()
    block = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", "1000")
    assert values_at(ds, "0019@SIEMENS MR HEADER@0C") == ["1000"]
    assert values_at(ds, "0019@OTHER@0C") == []


def test_values_are_compared_as_their_readers_do():
    assert same("40.0\\400", "40\\400")
    assert not same("40", "41")
    assert holds("CT of NG, WAI", "Ng")
    assert not holds("imaging", "Ng")


def test_a_box_survives_json(corpus):
    _, specimens = corpus
    one = next(specimen for specimen in specimens if specimen.boxes)
    plain = one.as_json()
    again = Specimen.of_json(plain)
    assert again.boxes == one.boxes
    assert replace(again.boxes[0], frame=3).mask().any()
