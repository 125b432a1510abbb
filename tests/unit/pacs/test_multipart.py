from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.pacs.multipart import MultipartStream, boundary_of
from fedpacs.pacs.web_errors import CutShortError, UnreadableAnswerError

_HEAD = b"--B\r\nContent-Type: application/dicom\r\n\r\n"


def _wire(bodies):
    return b"".join(_HEAD + body + b"\r\n" for body in bodies) + b"--B--\r\n"


def _pieces(content, size):
    return [content[i : i + size] for i in range(0, len(content), size)]


def _read(pieces):
    parts = MultipartStream(pieces, b"B").parts()
    return [(part.content_type, b"".join(part.body)) for part in parts]


@given(
    st.lists(st.binary(max_size=60).filter(lambda b: b"\r\n--B" not in b"\r\n" + b), max_size=4),
    st.integers(1, 50),
)
def test_parts_are_the_same_however_they_arrive(bodies, size):
    expected = [("application/dicom", body) for body in bodies]
    if bodies:
        assert _read(_pieces(_wire(bodies), size)) == expected


@given(st.integers(0, len(_wire([b"one", b"two"])) - 6))
def test_a_stream_that_ends_early_is_never_a_whole_one(kept):
    with pytest.raises(CutShortError):
        _read(_pieces(_wire([b"one", b"two"])[:kept], 7))


def test_a_delimiter_within_a_line_is_refused():
    with pytest.raises(UnreadableAnswerError):
        _read([_HEAD + b"body\r\n--BOUNDLESS\r\n"])


def test_a_header_without_end_is_refused():
    with pytest.raises(UnreadableAnswerError):
        _read([b"--B\r\n" + b"x" * 20_000])


def test_boundaries_are_read_with_and_without_quotes():
    assert boundary_of('multipart/related; type="application/dicom"; boundary="a b"') == b"a b"
    assert boundary_of("multipart/related; boundary=xyz") == b"xyz"
    assert boundary_of("application/dicom") is None
