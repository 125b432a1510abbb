from __future__ import annotations

import pytest
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset

from fedpacs.pacs.elements import text, texts


def _read(charset: bytes, name: bytes) -> Dataset:
    """Parse a raw data set: what archives really send, malformed values included."""
    content = b"\x08\x00\x05\x00CS" + len(charset).to_bytes(2, "little") + charset
    content += b"\x10\x00\x20\x00LO" + len(name).to_bytes(2, "little") + name

    return read_dataset(DicomBytesIO(content), is_implicit_VR=False, is_little_endian=True)


@pytest.mark.filterwarnings("ignore:Unknown encoding")  # of pydicom, when it parses
@pytest.mark.parametrize(
    ("charset", "encoded", "expected"),
    [
        (b"ISO_IR 100", "Müller".encode("latin-1"), "Müller"),
        (b"ISO_IR 192", "Müller ".encode(), "Müller"),
        (b"ISO_IR 144", "Иванов".encode("iso8859_5"), "Иванов"),
        (b"", b"plain\x00", "plain"),
        (b"NO SUCH SET ", "Müller".encode("latin-1"), "Müller"),
    ],
)
def test_text_is_decoded_as_the_data_set_says(charset, encoded, expected):
    assert text(_read(charset, encoded), "PatientID") == expected


def test_a_malformed_value_is_read_without_a_word():
    ds = _read(b"", b"x" * 200 + b"\n")
    assert text(ds, "PatientID").startswith("xxx")  # pydicom would warn, quoting the value


def test_several_values_and_none():
    ds = Dataset()
    ds.ModalitiesInStudy = ["MR", "SEG"]
    ds.PatientID = ""
    assert texts(ds, "ModalitiesInStudy") == ("MR", "SEG")
    assert texts(ds, "PatientID") == texts(ds, "StudyDate") == ()
    assert text(ds, "ModalitiesInStudy") == "MR\\SEG"
