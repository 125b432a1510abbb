"""Colour profiles: what they do to colours stays, what they say in words is written anew.

An ICC profile carries a description, a copyright, names of devices and whatever private tags its
maker put in. Only the tags that colours are computed with are taken over, each of a type and length
that is understood; the two texts that a profile must have are written by us.

References
----------
ICC.1:2022 7 (profile format), 9 (tags), 10 (tag types); PS3.3 C.11.15 (ICC Profile Module).
"""

from __future__ import annotations

import struct

_HEADER_BYTES, _ENTRY_BYTES = 128, 12
_SIGNATURE = b"acsp"
_MAXIMUM_TAGS = 100
_DATE = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
_WORDS = "Colour profile"
_TAGS = frozenset(
    {
        b"A2B0", b"A2B1", b"A2B2", b"A2B3", b"B2A0", b"B2A1", b"B2A2", b"B2A3", b"D2B0", b"D2B1",
        b"D2B2", b"D2B3", b"B2D0", b"B2D1", b"B2D2", b"B2D3", b"bTRC", b"bXYZ", b"bkpt", b"chad",
        b"chrm", b"gTRC", b"gXYZ", b"gamt", b"kTRC", b"lumi", b"pre0", b"pre1", b"pre2", b"rTRC",
        b"rXYZ", b"wtpt",
    }
)  # fmt: skip
_TYPES = frozenset(
    {b"XYZ ", b"curv", b"para", b"sf32", b"chrm", b"mft1", b"mft2", b"mAB ", b"mBA ", b"mpet"}
)
_VERSION_4 = 4


def cleaned_profile(content: bytes) -> bytes | None:
    """Give a colour profile that computes the same colours and says nothing else.

    Parameters
    ----------
    content
        Value of ICC Profile (0028,2000), with or without a byte of padding.

    Returns
    -------
    bytes | None
        The profile, of even length; None when it is not one, or has nothing that is understood.
    """
    try:
        tags = _tags(content)
    except struct.error:
        return None
    if not tags:
        return None
    version = content[8]
    texts = {b"desc": _text(version, b"desc"), b"cprt": _text(version, b"text")}
    return _written(content[:_HEADER_BYTES], {**tags, **texts})


def _tags(content: bytes) -> dict[bytes, bytes]:
    (size,) = struct.unpack_from(">L", content)
    if content[36:40] != _SIGNATURE or not 0 <= len(content) - size <= 1:
        return {}
    (count,) = struct.unpack_from(">L", content, _HEADER_BYTES)
    if count > _MAXIMUM_TAGS:
        return {}
    found = {}
    for number in range(count):
        place = _HEADER_BYTES + 4 + number * _ENTRY_BYTES
        name, offset, length = struct.unpack_from(">4sLL", content, place)
        data = content[offset : offset + length]
        if offset + length > size or len(data) != length:
            return {}
        if name in _TAGS and data[:4] in _TYPES and _is_whole(data):
            found[name] = data
    return found


def _is_whole(data: bytes) -> bool:
    """Tell whether the simple types are as long as they say; tables are taken at their length."""
    kind, length = data[:4], len(data)
    if kind == b"XYZ ":
        return length == 20  # noqa: PLR2004 - one triple after the header of eight bytes
    if kind == b"curv":
        return length - 12 - 2 * struct.unpack_from(">L", data, 8)[0] in range(4)
    if kind == b"para":
        functions = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}
        (function,) = struct.unpack_from(">H", data, 8)
        return length == 12 + 4 * functions.get(function, -4)
    return kind != b"sf32" or length == 44  # noqa: PLR2004 - a matrix of nine numbers


def _text(version: int, kind: bytes) -> bytes:
    """Write a text in the form that the version of the profile asks for."""
    if version >= _VERSION_4:
        words = _WORDS.encode("utf-16-be")
        return b"mluc" + struct.pack(">LLL4sLL", 0, 1, 12, b"enUS", len(words), 28) + words
    words = _WORDS.encode() + b"\0"
    if kind == b"text":
        return b"text" + bytes(4) + words
    return b"desc" + struct.pack(">LL", 0, len(words)) + words + bytes(8 + 3 + 67)


def _written(header: bytes, tags: dict[bytes, bytes]) -> bytes:
    table, body = b"", b""
    places: dict[bytes, int] = {}  # three channels may share one curve
    start = _HEADER_BYTES + 4 + len(tags) * _ENTRY_BYTES
    for name, data in sorted(tags.items()):
        if data not in places:
            body += bytes(-(start + len(body)) % 4)
            places[data] = start + len(body)
            body += data
        table += struct.pack(">4sLL", name, places[data], len(data))
    body += bytes(-(start + len(body)) % 4)
    size = struct.pack(">L", start + len(body))
    # kept: version, class, colour spaces, platform, intent and illuminant; gone: the preferred
    # module, the date, the maker and model of the device, the creator and the profile's ID
    new = size + bytes(4) + header[8:24] + _DATE + _SIGNATURE + header[40:44]
    new += header[44:48] + bytes(8) + header[56:80] + bytes(48)
    return new + struct.pack(">L", len(tags)) + table + body
