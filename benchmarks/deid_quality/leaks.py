"""Planted strings anywhere in an output: its bytes, its values, its name."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

import ahocorasick_rs

from benchmarks.deid_quality.lookup import all_text
from benchmarks.deid_quality.people import plain

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from benchmarks.deid_quality.specimen import Planted, Specimen


def _forms(text: str) -> set[str]:
    forms = {text, text.upper(), text.lower(), plain(text), plain(text).upper()}
    return forms | {text.replace("^", " "), text.replace("^", ", ")}


def patterns(planted: Planted, encodings: list[str]) -> set[bytes]:
    """Give the byte strings, lower case for ASCII, by which a planted string is known."""
    found = set()
    for form in _forms(planted.text):
        for encoding in encodings:
            try:
                found.add(form.encode(encoding).lower())
            except UnicodeEncodeError:
                continue
    return {one for one in found if len(one) >= 4}


def haystack(data: bytes) -> bytes:
    """Give the bytes of a file, followed by what is deflated in it."""
    start = data.find(b"1.2.840.10008.1.2.1.99", 0, 2000)
    if start < 0:
        return data
    length = int.from_bytes(data[140:144], "little")
    try:
        return data + zlib.decompressobj(-15).decompress(data[144 + length :])
    except zlib.error:
        return data


def leaked(
    specimen: Specimen, data: bytes, ds: Dataset | None, name: str, innocent: set[str]
) -> set[str]:
    """Give the planted strings that an output still holds.

    Parameters
    ----------
    specimen
        Whose strings.
    data
        Bytes of the output.
    ds
        The same, read; None if it is not DICOM.
    name
        Its path in the output folder.
    innocent
        Dates that are shifted ones of the same patient by chance.
    """
    owners: dict[bytes, str] = {}
    for planted in specimen.planted:
        if planted.text not in innocent:
            for pattern in patterns(planted, specimen.encodings):
                owners.setdefault(pattern, planted.text)
    if not owners:
        return set()
    keys = list(owners)
    content = haystack(data).lower() + b"\n" + name.lower().encode()
    found = set()
    automaton = ahocorasick_rs.BytesAhoCorasick(keys)
    picture = _picture_start(data, ds)
    for index, start, end in automaton.find_matches_as_indexes(content, overlapping=True):
        by_chance = end - start < 6 and picture <= start < len(data)
        if not by_chance and _whole(content, start, end):
            found.add(owners[keys[index]])
    if ds is not None:
        text = "\n".join(all_text(ds)).casefold()
        found |= {
            one.text
            for one in specimen.planted
            if one.text not in innocent and one.what != "uid" and one.text.casefold() in text
        }
    return found


def _picture_start(data: bytes, ds: Dataset | None) -> int:
    """Find where pixels begin: four letters turn up by chance in so many bytes."""
    if ds is None or "PixelData" not in ds:
        return len(data)
    place = data.find(bytes(ds.PixelData[:4096]))
    return place if place >= 0 else len(data)


def _whole(content: bytes, start: int, end: int) -> bool:
    """Say whether a UID or number is not part of a longer one."""
    if not content[start:end].replace(b".", b"").isdigit():
        return True
    before, after = content[max(0, start - 1) : start], content[end : end + 1]
    return not re.match(rb"[\d.]", before) and not re.match(
        rb"[\d]|\.\d", content[end : end + 2] if after == b"." else after
    )
