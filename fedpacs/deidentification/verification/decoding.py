"""Values as text: every VR, every character set, nothing refused.

References
----------
PS3.5 6.1 (character sets), 6.2 (VRs); PS3.3 C.12.1.1.2 (Specific Character Set).
"""

from __future__ import annotations

import re
import struct
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from fedpacs.deidentification.verification.standard import BULK_VRS, TEXT_VRS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.deidentification.verification.leaves import Leaf

_CODECS: Mapping[str, str] = MappingProxyType(
    {
        "": "latin-1", "6": "latin-1", "100": "latin-1", "101": "iso8859-2", "109": "iso8859-3",
        "110": "iso8859-4", "144": "iso8859-5", "127": "iso8859-6", "126": "iso8859-7",
        "138": "iso8859-8", "148": "iso8859-9", "203": "iso8859-15", "13": "shift_jis",
        "166": "iso8859-11", "192": "utf-8", "87": "iso2022_jp_2", "159": "iso2022_jp_2",
        "149": "euc_kr", "58": "gb2312", "GB18030": "gb18030", "GBK": "gbk",
    }
)  # fmt: skip
_MULTIBYTE = frozenset({"shift_jis", "gb18030", "gbk"})
_ONE_VALUE = frozenset({"ST", "LT", "UT", "UR"})
_FORMATS: Mapping[str, str] = MappingProxyType(
    {"SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q", "FL": "f", "FD": "d"}
)
_MAXIMUM_NUMBERS = 64
_MAXIMUM_BULK_BYTES = 4096
_PRINTABLE = re.compile(rb"[\x20-\x7e\x80-\xff]{6,}")
_WIDE = re.compile(rb"(?:[\x20-\x7e]\0){6,}|(?:\0[\x20-\x7e]){6,}")
_PADDING = " \0\r\n\t"
_IN_SETS = re.compile(r"(?:ISO_IR|ISO 2022 IR|ISO-IR)[ _]?(\d+)|GB18030|GBK", re.IGNORECASE)


@lru_cache(maxsize=256)
def codecs_of(charset: bytes) -> tuple[str, ...]:
    """Give Python's names of the codecs that a Specific Character Set stands for."""
    found = []
    for term in charset.decode("latin-1").split("\\"):
        match = _IN_SETS.search(term)
        key = (match[1] or match[0].upper()) if match else ""
        codec = _CODECS.get(key, "latin-1")
        if codec not in found:
            found.append(codec)
    return tuple(found)


def decoded(value: bytes, charset: bytes) -> str:
    """Decode a text; what is not of its character set is read byte by byte."""
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    codecs = codecs_of(charset)
    if b"\x1b" in value:
        return _with_escapes(value, charset)
    for codec in (*codecs, "utf-8"):
        try:
            return value.decode(codec)
        except UnicodeDecodeError:
            continue
    return value.decode("latin-1")


def is_decodable(value: bytes, charset: bytes) -> bool:
    """Tell whether a text is of its character set."""
    try:
        value.decode(codecs_of(charset)[0])
    except UnicodeDecodeError:
        return False
    return True


def _with_escapes(value: bytes, charset: bytes) -> str:
    from pydicom.charset import convert_encodings, decode_bytes

    terms = [term.strip() for term in charset.decode("latin-1").split("\\")]
    try:
        return str(decode_bytes(value, convert_encodings(terms), set(b"\\^=\r\n\f")))
    except Exception:  # noqa: BLE001 - a character set that cannot be read makes it fail in many ways
        return value.decode("latin-1")


def texts(leaf: Leaf, charset: bytes) -> list[str]:
    """Give the values of an element as text, trimmed; empty ones left out."""
    vr, value = leaf.vr, leaf.value
    if not value or vr == "SQ":
        return []
    if vr in BULK_VRS:
        return printable(value) if len(value) <= _MAXIMUM_BULK_BYTES else []
    if vr in _FORMATS:
        return _numbers(value, vr, little=leaf.little)
    if vr == "AT":
        order = "<" if leaf.little else ">"
        count = min(len(value) // 4, _MAXIMUM_NUMBERS)
        words = struct.unpack_from(f"{order}{2 * count}H", value)
        pairs = zip(words[::2], words[1::2], strict=True)
        return [f"{group:04x}{element:04x}" for group, element in pairs]
    if vr in TEXT_VRS:
        text = decoded(value, leaf.charset if leaf.charset is not None else charset)
    else:
        text = value.decode("latin-1")
    parts = [text] if vr in _ONE_VALUE else text.split("\\")
    return [part for one in parts if (part := one.strip(_PADDING))]


def _numbers(value: bytes, vr: str, *, little: bool) -> list[str]:
    form = _FORMATS[vr]
    size = struct.calcsize(form)
    count = min(len(value) // size, _MAXIMUM_NUMBERS)
    order = "<" if little else ">"
    return [
        f"{number:.17g}" if vr[0] == "F" else str(number)
        for number in struct.unpack_from(f"{order}{count}{form}", value)
    ]


def printable(content: bytes) -> list[str]:
    """Give every stretch of at least six printable characters, UTF-16 ones included."""
    found = [run.decode("latin-1").strip() for run in _PRINTABLE.findall(content)]
    found += [run.replace(b"\0", b"").decode("ascii").strip() for run in _WIDE.findall(content)]
    return [text for text in found if text]
