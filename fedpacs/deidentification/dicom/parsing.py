"""The parser: a file's header read once, up to the pixel data, as a flat list of byte ranges.

Nothing is decoded here. Old and odd files are read as far as they can be understood with
certainty: without preamble or file meta information, in another encoding than they say, with bytes
after their end. A file that ends too early is refused, so that half an object never passes as one.

References
----------
PS3.5 7 (data set), 7.5 (sequences), A.4 (encapsulated pixel data); PS3.10 7.1 (file meta).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from fedpacs.deidentification.dicom.charset import Charset
from fedpacs.deidentification.dicom.parsed import ParsedObject, PixelExtent, RawElement
from fedpacs.deidentification.dicom.runs import Known, layout
from fedpacs.deidentification.dicom.source import Source
from fedpacs.deidentification.dicom.syntax import (
    DEFLATED,
    DELIMITERS,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    LITTLE_EXPLICIT,
    LITTLE_IMPLICIT,
    LONG_VR_BYTES,
    UNDEFINED,
    VR_BYTES,
    Encoding,
    is_encapsulated,
    vr_of,
)
from fedpacs.deidentification.dicom.walking import Walker
from fedpacs.deidentification.errors import (
    CutObjectError,
    DamagedObjectError,
    DamagedPixelsError,
    NotDicomError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fedpacs.deidentification.dicom.parsed import Part

PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
SOP_CLASS_UID = 0x00080016
_CHARSET = 0x00080005
_TRANSFER_SYNTAX_UID = 0x00020010
_META_SOP_CLASS_UID, _META_SOP_INSTANCE_UID = 0x00020002, 0x00020003
_HEADER_BYTES = 8
_TRAILING_PADDING = 0xFFFCFFFC
_BULK_BYTES = 1 << 20
_META_GROUP = 0x0002
_PLAIN_HEADER = struct.Struct("<HH2sH")
_LONG_HEADER_BYTES = 12
_FIRST_PIXEL_TAG = min(PIXEL_TAGS)


def parse(path: Path) -> ParsedObject:
    """Read the header of a file.

    Parameters
    ----------
    path
        File of any kind; it is only read.

    Raises
    ------
    NotDicomError
        If it is not DICOM, or cannot be opened.
    DamagedObjectError
        If it is, but cannot be understood.
    CutObjectError
        If it ends before what it says it holds.
    """
    return Parser().parse(path)


class Parser:
    """Reads file after file, and knows an element again that the file before had, too.

    Slices of a series have most of their elements in common: those are found by one comparison of
    bytes, a whole `Run` of them at a time, and are the very same objects.
    """

    __slots__ = ("_encoding", "_like")

    def __init__(self) -> None:
        self._like: list[Part] = []
        self._encoding: Encoding | None = None

    def parse(self, path: Path) -> ParsedObject:
        """Read the header of a file; see `parse`."""
        source = Source.open(path)
        try:
            return self._parse(path, source)
        except struct.error:
            source.close()
            raise CutObjectError("The file ends in the middle of an element.") from None
        except BaseException:
            source.close()
            raise

    def _parse(self, path: Path, source: Source) -> ParsedObject:
        start, meta, marked = _read_meta(source)
        named = meta.get(_TRANSFER_SYNTAX_UID, "")
        if named == DEFLATED:
            source, start = source.inflated(start), 0
        encoding = _encoding_of(source, start, named)
        parsed = ParsedObject(path, source, encoding)
        parsed.transfer_syntax_uid = named or _syntax_of(encoding)
        parsed.media_sop_class_uid = meta.get(_META_SOP_CLASS_UID, "")
        parsed.media_sop_instance_uid = meta.get(_META_SOP_INSTANCE_UID, "")
        like = self._like if encoding == self._encoding else []
        try:
            same = _read_elements(parsed, start, like)
        except (DamagedObjectError, DamagedPixelsError, struct.error):
            if marked or SOP_CLASS_UID in parsed:
                raise
            raise NotDicomError("The file is not DICOM.") from None
        if not (marked and parsed.raw) and SOP_CLASS_UID not in parsed and not meta:
            raise NotDicomError("The file is not DICOM.")
        charset = parsed.get(_CHARSET)
        if charset is not None:
            parsed.charset = Charset.of(charset.value)
        self._like = layout(parsed.parts, same)
        self._encoding = encoding
        return parsed


def _syntax_of(encoding: Encoding) -> str:
    if encoding.implicit:
        return IMPLICIT_LITTLE
    return EXPLICIT_LITTLE if encoding.little else EXPLICIT_BIG


def _read_meta(source: Source) -> tuple[int, dict[int, str], bool]:
    """Read preamble and file meta information; give where the data set starts."""
    head, _ = source.window(0)
    marked = head[128:132] == b"DICM"
    position = 132 if marked else 0
    if not marked and head[:4] == b"DICM":
        marked, position = True, 4
    meta: dict[int, str] = {}
    element = _plain_element(head, position, 0)
    while element is not None and element.tag >> 16 == _META_GROUP:
        position += element.size
        if element.vr == "UI":
            meta[element.tag] = element.raw[element.value_offset :].decode("ascii", "replace")
        element = _plain_element(head, position, element.tag)
    while True:
        header = source.read(position, 12)
        if len(header) < _HEADER_BYTES or header[:2] != b"\x02\x00":
            return position, {tag: uid.strip(" \0") for tag, uid in meta.items()}, marked
        tag, vr, length, value = LITTLE_EXPLICIT.header(header.ljust(12, b"\0"), 0)
        end = position + value + length
        if length == UNDEFINED or end > source.size:
            raise CutObjectError("The file ends in the middle of its file meta information.")
        if vr == "UI":
            meta[tag] = source.read(position + value, length).decode("ascii", "replace")
        position = end


def _encoding_of(source: Source, start: int, named: str) -> Encoding:
    """Find out how the data set is encoded: by its first element, whatever the file says."""
    head = source.read(start, 8)
    if len(head) < _HEADER_BYTES:
        return Encoding(implicit=named == IMPLICIT_LITTLE, little=named != EXPLICIT_BIG)
    explicit = head[4:6] in VR_BYTES
    little = int.from_bytes(head[:2], "little") <= int.from_bytes(head[:2], "big")
    if explicit:
        return Encoding(implicit=False, little=little)
    return Encoding(implicit=True, little=True)


def _read_elements(parsed: ParsedObject, position: int, like: Sequence[Part]) -> set[int]:
    """Read the top level, taking over what stands in `like` byte for byte."""
    compressed = is_encapsulated(parsed.transfer_syntax_uid)
    content, base = parsed.source.window(position)
    known = Known([] if base else like)
    limit = parsed.source.size
    plain = parsed.encoding == LITTLE_EXPLICIT and not base
    while position < limit:
        part = known.at(content, position)
        if part is not None:
            parsed.take(part)
            position += len(part.raw)
            continue
        after = parsed.raw[-1].tag if plain and parsed.raw else _FIRST_PIXEL_TAG
        element = _plain_element(content, position, after) or _next_element(parsed, position)
        if element is None:
            break
        known.pass_by(element.tag)
        parsed.add(element)
        position += element.size
        if element.tag in PIXEL_TAGS:
            if compressed and element.length != UNDEFINED:
                raise DamagedPixelsError("Compressed pixel data have a defined length.")
            parsed.pixel = PixelExtent(element)
    return known.same


def _plain_element(content: bytes, position: int, after: int) -> RawElement | None:
    """Read an element of Explicit VR Little Endian that is wholly at hand, and nothing special.

    Parameters
    ----------
    content
        The beginning of the file.
    after
        Tag of the element before.

    Returns
    -------
    RawElement | None
        None for all that wants a closer look: see `_next_element`.
    """
    if position + _LONG_HEADER_BYTES > len(content):
        return None
    group, number, vr_bytes, length = _PLAIN_HEADER.unpack_from(content, position)
    tag = group << 16 | number
    vr = VR_BYTES.get(vr_bytes)
    if vr is None or not after < tag < _FIRST_PIXEL_TAG:
        return None
    offset = _HEADER_BYTES
    if vr_bytes in LONG_VR_BYTES:
        offset = _LONG_HEADER_BYTES
        length = int.from_bytes(content[position + 8 : position + 12], "little")
    end = position + offset + length
    if end > len(content):
        return None
    return RawElement(tag, vr, content[position:end], offset, position, offset + length, length)


def _next_element(parsed: ParsedObject, position: int) -> RawElement | None:
    """Read one element; None when only remains follow."""
    source = parsed.source
    if source.size - position < _HEADER_BYTES:
        if parsed.pixel is not None or not any(source.read(position, _HEADER_BYTES)):
            return None
        raise CutObjectError("The file ends in the middle of an element.")
    content, base = source.window(position)
    here = position - base
    tag, vr, length, value = parsed.encoding.header(content, here)
    if _is_remainder(parsed, tag, content[here + 4 : here + 6]):
        return None
    offset = value - here
    size = _size_of(parsed, position, (tag, vr, length, offset))
    if position + size > source.size:
        if parsed.pixel is not None:
            return None
        if tag in PIXEL_TAGS:
            raise DamagedPixelsError("The pixel data end before what the header says.")
        raise CutObjectError("The file ends in the middle of a value.")
    bulk = tag in PIXEL_TAGS or size > _BULK_BYTES
    raw = b"" if bulk else source.read(position, size)
    return RawElement(tag, vr, raw, offset, position, size, length)


def _is_remainder(parsed: ParsedObject, tag: int, vr_bytes: bytes) -> bool:
    """Tell whether what follows is no element: padding or bytes that somebody appended."""
    if tag == 0 or tag in DELIMITERS:
        return bool(parsed.raw)
    if not parsed.raw or tag > parsed.raw[-1].tag:
        return False
    if parsed.raw[-1].tag == _TRAILING_PADDING:
        return True
    return vr_of(tag) == "UN" if parsed.implicit else vr_bytes not in VR_BYTES


def _size_of(parsed: ParsedObject, position: int, header: tuple[int, str, int, int]) -> int:
    """Give how many bytes an element has, its delimiter included."""
    _, vr, length, offset = header
    if length != UNDEFINED:
        return offset + length
    encoding = LITTLE_IMPLICIT if vr == "UN" and not parsed.implicit else parsed.encoding
    fragments = vr in {"OB", "OW"} and not (parsed.implicit and vr != "OB")
    walker = Walker(parsed.source, encoding)
    return walker.sequence_end(position + offset, fragments=fragments, depth=0) - position
