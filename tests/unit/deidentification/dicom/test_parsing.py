"""The parser and the writer: what pydicom reads they read, and half a file is no file."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.data.data_manager import DATA_ROOT

from fedpacs.core.errors import FedpacsError
from fedpacs.deidentification.dicom.encoding import encode_element
from fedpacs.deidentification.dicom.parsing import PIXEL_TAGS, Parser, parse
from fedpacs.deidentification.dicom.syntax import Encoding
from fedpacs.deidentification.errors import (
    CutObjectError,
    DamagedObjectError,
    DamagedPixelsError,
    NotDicomError,
)
from fedpacs.deidentification.reading import quiet

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from fedpacs.deidentification.dicom.elements import Items

FILES = sorted(
    path
    for path in Path(DATA_ROOT).rglob("*")
    if path.is_file() and path.suffix in {"", ".dcm"} and path.stat().st_size < 1_000_000
)
NOT_READ = {"MR_truncated.dcm", "README", "no_meta.dcm", "rtplan_truncated.dcm"}
EXPLICIT_LITTLE = Encoding(implicit=False, little=True)


def example(name: str) -> Path:
    return next(path for path in FILES if path.name == name)


def differences(ds: Dataset, items: Items | object) -> list[str]:
    """Say where pydicom and the parser see something else, pixel data and damage apart."""
    found = []
    for tag in map(int, ds.keys()):
        if tag in PIXEL_TAGS:
            continue
        try:
            theirs, ours = ds[tag], items.get(tag)
        except Exception:  # noqa: BLE001, S112 - what either of the two cannot read is no difference
            continue
        if ours is None or (theirs.VR == "SQ") != (ours.items is not None):
            found.append(f"{tag:08x}")
        elif theirs.VR == "SQ":
            if len(theirs.value) != len(ours.items):
                found.append(f"{tag:08x}")
            for one, other in zip(theirs.value, ours.items, strict=False):
                found.extend(differences(one, other))
    return found


def test_reads_what_pydicom_reads():
    refused, compared = set(), 0
    for path in FILES:
        with quiet():
            try:
                with parse(path) as parsed:
                    ds = pydicom.dcmread(path, force=True)
                    if path.name != "winter.dcm":  # has an element twice
                        assert list(parsed.tags()) == list(map(int, ds.keys())), path.name
                    assert differences(ds, parsed) == [], path.name
                    if parsed.pixel is not None:
                        assert bytes(parsed.pixel_bytes()) == ds[parsed.pixel.tag].value, path.name
                    compared += 1
            except FedpacsError:
                refused.add(path.name)
    assert refused == NOT_READ
    assert compared > 150


@pytest.mark.parametrize(
    ("name", "implicit", "little"),
    [
        ("rtplan.dcm", True, True),
        ("rtdose_expb.dcm", False, False),
        ("test-SR.dcm", False, True),
        ("MR_small_implicit.dcm", True, True),
        ("liver_1frame.dcm", False, True),
    ],
)
def test_what_is_read_is_written_again(name, implicit, little, tmp_path):
    path = example(name)
    with parse(path) as parsed:
        assert (parsed.implicit, parsed.little) == (implicit, little)
        content = b"".join(
            encode_element(parsed.element(raw), parsed.encoding) for raw in parsed.raw
        )
    again = tmp_path / "again"
    again.write_bytes(bytes(128) + b"DICM" + content)
    with parse(again) as reread, parse(path) as parsed:
        assert list(reread.tags()) == list(parsed.tags())
        for tag in parsed.tags():
            assert _plain(reread.get(tag)) == _plain(parsed.get(tag))


def _plain(element: object) -> object:
    if element.items is None:
        return (element.tag, element.vr, element.value)
    return (element.tag, [[_plain(one) for one in item.values()] for item in element.items])


def test_an_element_that_the_file_before_had_is_known_again():
    parser = Parser()
    first = parser.parse(example("CT_small.dcm"))
    second = parser.parse(example("CT_small.dcm"))
    same = [one is other for one, other in zip(first.raw, second.raw, strict=True)]
    assert same.count(False) == 1  # the pixel data
    third = parser.parse(example("MR_small.dcm"))
    fresh = parse(example("MR_small.dcm"))
    assert [(raw.tag, raw.raw) for raw in third.raw] == [(raw.tag, raw.raw) for raw in fresh.raw]
    for parsed in (first, second, third, fresh):
        parsed.close()


def test_an_element_of_another_place_is_not_taken_over(tmp_path):
    """The same element after an inserted one, and another value of the same length."""
    ds = pydicom.dcmread(example("CT_small.dcm"))
    one, other = tmp_path / "one", tmp_path / "other"
    ds.save_as(one)
    ds.AccessionNumber, ds.PatientID = "12345678", ds.PatientID[::-1]
    ds.InstitutionName = "Elsewhere"
    ds.save_as(other)
    parser = Parser()
    parser.parse(one).close()
    with parser.parse(other) as parsed, parse(other) as fresh:
        assert [(raw.tag, raw.raw) for raw in parsed.raw] == [
            (raw.tag, raw.raw) for raw in fresh.raw
        ]
        assert parsed.text(0x00100020) == ds.PatientID


def test_every_cut_of_a_file_is_refused_or_ends_after_the_pixels(tmp_path):
    content = example("CT_small.dcm").read_bytes()
    with parse(example("CT_small.dcm")) as whole:
        end = whole.pixel.offset + whole.pixel.length
    path, refused = tmp_path / "cut", 0
    for length in [*range(0, end, 997), end - 1]:
        path.write_bytes(content[:length])
        try:
            with parse(path) as parsed:
                assert parsed.pixel is None  # cut between two elements: admission misses the pixels
        except (CutObjectError, DamagedPixelsError, NotDicomError, DamagedObjectError):
            refused += 1
    assert refused >= 35


@pytest.mark.parametrize(
    "rest", [b"\0" * 64, b"SMITH^JOHN appended by somebody", b"\xff" * 7, b"\0"]
)
def test_bytes_after_the_end_are_not_part_of_the_object(rest, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(example("CT_small.dcm").read_bytes() + rest)
    with parse(path) as parsed:
        assert parsed.raw[-1].tag == 0xFFFCFFFC


def test_a_deflated_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("fedpacs.deidentification.dicom.source._MAXIMUM_INFLATED_BYTES", 1 << 22)
    plain = example("image_dfl.dcm").read_bytes()
    with parse(example("image_dfl.dcm")) as parsed:
        assert parsed.deflated
    start = plain.index(b"1.2.840.10008.1.2.1.99")
    path = tmp_path / "bomb"
    element = struct.pack("<HH2sH", 0x0008, 0x0005, b"CS", 10) + b"ISO_IR 100"
    stream = zlib.compressobj(wbits=-15)
    meta_end = start + 22 + 200
    position = 132
    while plain[position : position + 2] == b"\x02\x00" and position < meta_end:
        _, _, length, value = EXPLICIT_LITTLE.header(plain, position)
        position = value + length
    path.write_bytes(plain[:position] + stream.compress(element + bytes(1 << 24)) + stream.flush())
    with pytest.raises(DamagedObjectError):
        parse(path)


def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("pipe", "link", "missing", "."):
        with pytest.raises(NotDicomError):
            parse(tmp_path / name)


def test_nested_without_end_is_refused_and_not_recursed_into(tmp_path):
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    sequence = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + item
    start = struct.pack("<HH2sH", 0x0008, 0x0016, b"UI", 4) + b"1.2\0"
    path = tmp_path / "file"
    path.write_bytes(bytes(128) + b"DICM" + start + sequence * 2000)
    with pytest.raises(DamagedObjectError):
        parse(path)
