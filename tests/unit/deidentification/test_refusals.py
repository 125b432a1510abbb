from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedpacs.core.errors import DeidentificationError
from fedpacs.deidentification.errors import DuplicateInstanceError

PYDICOM_FILES = Path(pydicom.__file__).parent / "data" / "test_files"


def _sop_class(uid):
    def change(ds):
        ds.SOPClassUID = uid

    return change


def _set(keyword, value):
    return lambda ds: setattr(ds, keyword, value)


def _drop(keyword):
    return lambda ds: delattr(ds, keyword)


REFUSED = {
    "no patient": (_drop("PatientID"), "deid.no-patient-id"),
    "empty patient": (_set("PatientID", "  "), "deid.no-patient-id"),
    "no study": (_drop("StudyInstanceUID"), "deid.no-identity"),
    "no series": (_drop("SeriesInstanceUID"), "deid.no-identity"),
    "burned in": (_set("BurnedInAnnotation", "YES"), "deid.burned-in"),
    "captured": (_set("ConversionType", "WSD"), "deid.unsupported-secondary-capture"),
    "screen": (
        _set("ImageType", ["DERIVED", "SECONDARY", "SCREEN SAVE"]),
        "deid.unsupported-secondary-capture",
    ),
    "secondary capture": (
        _sop_class("1.2.840.10008.5.1.4.1.1.7"),
        "deid.unsupported-secondary-capture",
    ),
    "ultrasound": (_sop_class("1.2.840.10008.5.1.4.1.1.6.1"), "deid.unsupported-ultrasound"),
    "document": (_sop_class("1.2.840.10008.5.1.4.1.1.104.1"), "deid.unsupported-document"),
    "report": (_sop_class("1.2.840.10008.5.1.4.1.1.88.11"), "deid.unsupported-report"),
    "unknown class": (_sop_class("1.2.3.4"), "deid.unsupported-object"),
    "radiograph": (_sop_class("1.2.840.10008.5.1.4.1.1.1"), "deid.burned-in-unknown"),
    "short pixels": (_set("PixelData", b"\0" * 100), "deid.damaged-pixels"),
    "no pixels": (_drop("PixelData"), "deid.damaged-pixels"),
    "no rows": (_drop("Rows"), "deid.damaged-pixels"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_answered_for_is_refused(engine, mr, saved, tmp_path, case):
    change, code = REFUSED[case]
    change(mr)
    with pytest.raises(DeidentificationError) as caught:
        engine.deidentify_file(saved(mr), tmp_path / "out")
    assert caught.value.code == code
    assert not list(tmp_path.glob("out/*"))


def test_a_radiograph_that_states_that_nothing_is_burned_in_is_taken(engine, mr, saved, tmp_path):
    mr.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    mr.BurnedInAnnotation = "NO"
    assert engine.deidentify_file(saved(mr), tmp_path / "out").path.exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 200, b"%PDF-1.7 " + b"x" * 300])
def test_what_is_not_dicom_is_refused(engine, tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DeidentificationError) as caught:
        engine.deidentify_file(path, tmp_path / "out")
    assert caught.value.code == "deid.not-dicom"


def test_a_missing_file_is_refused(engine, tmp_path):
    with pytest.raises(DeidentificationError):
        engine.deidentify_file(tmp_path / "none", tmp_path / "out")


def test_text_where_a_number_should_be_goes(engine, mr, saved, tmp_path):
    mr.EchoTrainLength = "1"
    path = saved(mr)
    number, text = b"\x18\x00\x91\x00IS\x02\x001 ", b"\x18\x00\x91\x00IS\x02\x00Eg"
    content = path.read_bytes()
    assert number in content
    path.write_bytes(content.replace(number, text))
    after = pydicom.dcmread(engine.deidentify_file(path, tmp_path / "out").path)
    assert after.get("EchoTrainLength") in {None, 0}
    assert "Rows" in after


def test_a_refusal_quotes_no_value(engine, mr, saved, tmp_path):
    path = saved(mr)
    number, text = b"\x28\x00\x10\x00US\x02\x00\x10\x00", b"\x28\x00\x10\x00US\x03\x00Ewa"
    path.write_bytes(path.read_bytes().replace(number, text))
    with pytest.raises(DeidentificationError) as caught:
        engine.deidentify_file(path, tmp_path / "out")
    assert "Ewa" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_extended_sign_is_no_overlay(engine, mr, saved, tmp_path):
    mr.PixelRepresentation = 1
    mr.PixelData = (b"\xff\xff" + b"\x01\x00") * 128
    assert engine.deidentify_file(saved(mr), tmp_path / "out").path.exists()


@pytest.fixture(scope="session")
def whole_files(series):
    names = ("liver_1frame.dcm", "MR_small_RLE.dcm")
    found = [path for path in sorted(PYDICOM_FILES.rglob("*.dcm")) if path.name in names]
    assert len(found) == len(names)
    return tuple(path.read_bytes() for path in (series[0], *found))


@settings(max_examples=80, deadline=None)
@given(part=st.floats(0, 1, exclude_max=True), number=st.integers(0, 2))
def test_a_file_that_lost_its_end_is_always_refused(
    engine, whole_files, tmp_path_factory, part, number
):
    content = whole_files[number]
    folder = tmp_path_factory.mktemp("cut")
    path = folder / "cut"
    # the padding that may close a file is no loss
    path.write_bytes(content[: min(int(len(content) * part), len(content) - 200)])
    refused = _code_of_refusal(engine, path, folder / "out")
    assert refused.startswith("deid."), (number, part)


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    cut=st.floats(0, 1), flip=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=4)
)
def test_damage_is_refused_or_survived_but_never_raises_anything_else(
    engine, series, tmp_path_factory, cut, flip
):
    content = bytearray(series[0].read_bytes())
    header = len(content) - 600
    for where, value in flip:
        content[int(where * header)] = value
    folder = tmp_path_factory.mktemp("damage")
    path = folder / "damaged"
    path.write_bytes(content[: int(len(content) * max(cut, 0.05))])
    refused = _code_of_refusal(engine, path, folder / "out")
    assert refused == "" or refused.startswith("deid.")
    assert bool(refused) != bool(list(folder.glob("out/*")))


def _code_of_refusal(engine, path, out):
    try:
        engine.deidentify_file(path, out)
    except DeidentificationError as error:
        return error.code
    return ""


def test_every_file_of_pydicom_is_taken_or_refused_by_name(engine, tmp_path):
    taken, codes = 0, set()
    for path in sorted(PYDICOM_FILES.rglob("*")):
        if path.is_file():
            try:
                engine.deidentify_file(path, tmp_path / path.name)
                taken += 1
            except DeidentificationError as error:
                codes.add(error.code)
    assert taken >= 45
    assert {"deid.not-dicom", "deid.unsupported-dicomdir", "deid.damaged-pixels"} <= codes
    assert "deid.damaged" not in codes  # a fault of the engine itself would hide under this code


def test_nothing_is_overwritten(engine, mr, saved, tmp_path):
    first = engine.deidentify_file(saved(mr, "one"), tmp_path / "out")
    mr.EchoTime = "99"
    with pytest.raises(DuplicateInstanceError):
        engine.deidentify_file(saved(mr, "two"), tmp_path / "out")
    assert pydicom.dcmread(first.path).EchoTime == 2.5
    assert [path.name for path in (tmp_path / "out").iterdir()] == [first.path.name]


def test_a_file_that_cannot_be_written_leaves_nothing(engine, series, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DeidentificationError) as caught:
        engine.deidentify_file(series[0], tmp_path / "file")
    assert caught.value.code == "deid.unwritable"
