from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from fedpacs.pacs.errors import CorruptInstanceError
from fedpacs.pacs.part10 import file_name, is_uid, read_header, verify_whole, write_atomically

_WHOLE = [
    "MR_small.dcm",
    "MR_small_RLE.dcm",
    "JPEG2000.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "liver_1frame.dcm",
    "image_dfl.dcm",
]


def _content(name: str) -> bytes:
    return Path(str(get_testdata_file(name))).read_bytes()


@pytest.mark.parametrize("name", _WHOLE)
def test_whole_files_are_whole(name, tmp_path):
    (tmp_path / "f").write_bytes(_content(name))
    assert is_uid(verify_whole(tmp_path / "f").sop_instance_uid)


@pytest.mark.parametrize("name", _WHOLE)
@pytest.mark.parametrize("lost_bytes", [200, 1000])
def test_files_cut_short_are_noticed(name, lost_bytes, tmp_path):
    (tmp_path / "f").write_bytes(_content(name)[:-lost_bytes])
    with pytest.raises(CorruptInstanceError):
        verify_whole(tmp_path / "f")


@pytest.mark.parametrize("content", [b"", b"not DICOM", b"\x00" * 128 + b"DICM" + b"\xff" * 64])
def test_what_is_no_dicom_is_corrupt(content, tmp_path):
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(CorruptInstanceError) as caught:
        verify_whole(tmp_path / "f")
    assert caught.value.code == "pacs.corrupt-instance"
    assert caught.value.__cause__ is None


@given(st.binary(max_size=400))
def test_no_bytes_make_reading_fail_in_another_way(tail):
    try:
        read_header(b"\x00" * 128 + b"DICM" + tail)
    except CorruptInstanceError:
        return


@pytest.mark.parametrize("uid", ["", "../../etc/passwd", "1.2/3", "1.2.3\n", "1" * 65, "1.2.x"])
def test_what_cannot_be_a_uid(uid):
    assert not is_uid(uid)


@given(st.text())
def test_a_file_name_never_leaves_its_folder(uid):
    name = file_name(uid)
    assert "/" not in name
    assert Path(name).name == name
    assert len(name) == 44


def test_different_uids_have_different_names():
    assert file_name("1.2.3") != file_name("1.2.30")


@pytest.mark.parametrize("durable", [True, False])
def test_an_atomic_write_replaces_and_leaves_nothing_beside(durable, tmp_path):
    write_atomically(tmp_path / "f", b"one", durable=durable)
    write_atomically(tmp_path / "f", b"two", durable=durable)
    assert (tmp_path / "f").read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
