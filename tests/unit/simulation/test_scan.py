import base64

import numpy as np
import pytest

from fedpacs.simulation.scan import Scanner

NAME = "Müller^Jörg^Peter"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("spelling", [NAME, "Müller Jörg Peter", "Peter Jörg Müller", NAME.lower()])
def test_finds_a_name_in_any_encoding_and_order(encoding, spelling):
    content = b"\x00\x01noise" + spelling.encode(encoding) + b"\xff"
    assert Scanner([NAME]).found_in(content)


@pytest.mark.parametrize("before", [b"", b"x", b"xy", b"xyz"])
def test_finds_a_number_inside_base64(before):
    content = base64.b64encode(before + b"MRN-20417733" + b"tail")
    assert Scanner(["MRN-20417733"]).found_in(content)


def test_finds_japanese_and_cyrillic_names():
    scanner = Scanner(["山田^太郎", "Иванов^Пётр"])
    assert len(scanner.found_in("山田^太郎".encode("iso2022_jp"))) == 1
    assert len(scanner.found_in("Иванов^Пётр".encode("iso8859_5"))) == 1


def test_finds_a_string_across_the_border_of_two_chunks(monkeypatch):
    monkeypatch.setattr("fedpacs.simulation.scan._CHUNK_BYTES", 16)
    assert Scanner(["MRN-20417733"]).found_in(b"0123456789AB" + b"MRN-20417733")


def test_finds_nothing_in_random_bytes():
    noise = np.random.default_rng(0).bytes(4_000_000)
    assert not Scanner([NAME, "MRN-20417733", "19610412"]).found_in(noise)


def test_counts_files_bytes_and_hits(tmp_path):
    (tmp_path / "a").write_bytes(b"nothing")
    (tmp_path / "MRN-20417733.dcm").write_bytes(b"")
    result = Scanner(["MRN-20417733"]).scan_files("folder", sorted(tmp_path.iterdir()))
    assert (result.files, result.hits) == (2, 1)


def test_a_date_inside_a_new_uid_is_chance_and_anywhere_else_a_find():
    scanner = Scanner(["19610412"])
    assert not scanner.found_in(b"UI 2.25.11646196104120282380384363397250882488")
    assert not scanner.found_in(b"UI 2.25.19610412123")
    assert scanner.found_in(b"DT 19610412101500.000000")
    assert scanner.found_in(b"UI 1.2.840.19610412.1")
    assert scanner.found_in(b"2.25.123 19610412")
