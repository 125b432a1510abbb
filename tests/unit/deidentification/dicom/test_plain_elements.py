"""The quick way through a header gives what the careful one gives."""

from __future__ import annotations

import struct

import pytest

from fedpacs.deidentification.dicom import parsing
from fedpacs.deidentification.dicom.parsing import parse
from fedpacs.deidentification.errors import DeidentificationError


def _element(tag: int, vr: str, value: bytes, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in {"SQ", "OB", "OW", "UT", "UN"}:
        return head + struct.pack("<HL", 0, size) + value
    return head + struct.pack("<H", size) + value


SOP = _element(0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.2\0")
META = b"\0" * 128 + b"DICM" + _element(0x00020010, "UI", b"1.2.840.10008.1.2.1\0")
ITEM_END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
HEADERS = {
    "plain": SOP + _element(0x00100010, "PN", b"A^B ") + _element(0x00400275, "SQ", b""),
    "undefined length": SOP + _element(0x00400275, "SQ", ITEM_END, 0xFFFFFFFF),
    "out of order": SOP + _element(0x00100020, "LO", b"X1") + _element(0x00100010, "PN", b"A^"),
    "trailing zeros": SOP + _element(0x00100020, "LO", b"X1") + b"\0" * 40,
    "padding": SOP + _element(0xFFFCFFFC, "OB", b"\0" * 6) + b"rest",
    "unknown vr": SOP + _element(0x00100020, "ZZ", b"X1"),
    "cut value": SOP + _element(0x00100020, "LO", b"X1", 400),
    "cut header": SOP + b"\x10\0\x20",
    "delimiter": SOP + _element(0x00100020, "LO", b"X1") + ITEM_END,
    "short pixels": SOP + _element(0x7FE00010, "US", b"\1\0"),
    "group length": _element(0x00080000, "UL", b"\4\0\0\0") + SOP,
}


def _outcome(path):
    try:
        with parse(path) as parsed:
            return [(e.tag, e.vr, e.raw, e.value_offset, e.start, e.size) for e in parsed.raw]
    except DeidentificationError as error:
        return error.code


@pytest.mark.parametrize("name", HEADERS)
def test_both_ways_give_the_same(name, tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(META + HEADERS[name])
    quick = _outcome(path)
    monkeypatch.setattr(parsing, "_plain_element", lambda *_: None)
    assert _outcome(path) == quick
