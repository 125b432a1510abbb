"""Character sets: text out of any bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.deidentification.dicom.charset import DEFAULT, Charset, values_of
from fedpacs.deidentification.dicom.elements import Element


@pytest.mark.parametrize(
    ("name", "codec", "text"),
    [
        (b"ISO_IR 100", "latin-1", "Jörg"),
        (b"ISO_IR 144", "iso8859-5", "Щедрин"),
        (b"ISO_IR 192", "utf-8", "山田^太郎"),
        (b"GB18030", "gb18030", "王^小东"),
        (b"\\ISO 2022 IR 87", "iso2022_jp", "山田^太郎"),
        (b"ISO_IR 126", "iso8859-7", "Διονυσιος"),
    ],
)
def test_text_is_read_in_the_character_set_that_the_object_names(name, codec, text):
    assert Charset.of(name).decode(text.encode(codec), "PN") == text


def test_a_backslash_inside_a_wide_character_separates_nothing():
    name = "表"  # ends in 0x5c in Shift JIS and in GB 18030 text of the like
    raw = name.encode("gb18030") + b"\\" + "乗".encode("gb18030")
    element = Element(0x00081048, "PN", raw)
    assert values_of(element, Charset.of(b"GB18030")) == [name, "乗"]


@given(
    st.binary(max_size=64), st.sampled_from(["PN", "LO", "UT", "CS", "DA"]), st.binary(max_size=24)
)
def test_no_bytes_and_no_name_of_a_character_set_make_it_fail(raw, vr, name):
    assert isinstance(Charset.of(name).decode(raw, vr), str)


def test_latin_1_is_read_where_nothing_is_named():
    assert DEFAULT.decode("Müller".encode("latin-1"), "PN") == "Müller"
