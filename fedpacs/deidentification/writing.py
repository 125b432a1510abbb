"""Writing a de-identified file: a new header, and pixel data that stay handed over as they are.

References
----------
PS3.10 7.1 (preamble and file meta information); PS3.15 E.1.1 (both are replaced).
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fedpacs.deidentification.dicom.elements import Element
from fedpacs.deidentification.dicom.encoding import encode_element, header
from fedpacs.deidentification.dicom.syntax import DEFLATED, LITTLE_EXPLICIT, SEQUENCE_END, UNDEFINED
from fedpacs.deidentification.errors import UnwritableOutputError
from fedpacs.deidentification.sinks import Deflating, Plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.pixels.content import PixelContent

IMPLEMENTATION_CLASS_UID = "2.25.201853064189236215164410871036415018275"
IMPLEMENTATION_VERSION_NAME = "FEDPACS_1"
_GROUP_LENGTH = b"\x02\0\0\0UL\4\0"
_PREAMBLE = b"\0" * 128 + b"DICM"
_PIXEL_VRS = {0x7FE00008: ("OF",), 0x7FE00009: ("OD",), 0x7FE00010: ("OW", "OB")}


@dataclass(frozen=True, slots=True)
class NewFile:
    """A de-identified file, ready to be written.

    Attributes
    ----------
    parsed
        Where pixel data that stay come from.
    elements
        Encoded elements of the top level by tag, without the pixel data.
    content
        New value of the pixel data; None when they stay as they are.
    """

    parsed: ParsedObject
    sop_class_uid: str
    sop_instance_uid: str
    elements: Mapping[int, bytes]
    content: PixelContent | None = None

    def write(self, part: Path) -> None:
        """Write the file.

        Raises
        ------
        UnwritableOutputError
            If it cannot be written to its end; what was begun is removed.
        """
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UnwritableOutputError(f"A file cannot be written: {error.strerror}.") from None
        try:
            try:
                self._write(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise UnwritableOutputError(f"A file cannot be written: {error.strerror}.") from None
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def _write(self, descriptor: int) -> None:
        uid = self.transfer_syntax_uid
        meta = _PREAMBLE + file_meta(self.sop_class_uid, self.sop_instance_uid, uid)
        before, after = self._around_pixels()
        sink = Deflating(descriptor) if uid == DEFLATED else Plain(descriptor)
        if self.parsed.pixel is None or not before:
            sink.start(meta, before + after)
        else:
            sink.start(meta, before)
            self._write_pixels(sink)
            sink.add(after)
        sink.finish()

    @property
    def transfer_syntax_uid(self) -> str:
        """Transfer syntax of the new file."""
        if self.content is not None:
            return self.content.transfer_syntax_uid
        return self.parsed.transfer_syntax_uid

    def _around_pixels(self) -> tuple[bytes, bytes]:
        """Give what stands before the pixels, their header included, and what comes after."""
        pixel = self.parsed.pixel
        elements = self.elements
        tags = sorted(elements)
        if pixel is None:
            return b"".join([elements[tag] for tag in tags]), b""
        middle = bisect_left(tags, pixel.tag)
        before = [elements[tag] for tag in tags[:middle]]
        after = [elements[tag] for tag in tags[middle:] if tag != pixel.tag]
        encapsulated, length = pixel.undefined, pixel.length
        if self.content is not None:
            encapsulated, length = self.content.encapsulated, self.content.length
        vrs = _PIXEL_VRS[pixel.tag]
        vr = "OB" if encapsulated else pixel.vr if pixel.vr in vrs else vrs[0]
        encoding = self.parsed.encoding
        if encapsulated:
            before.append(header(pixel.tag, vr, UNDEFINED, encoding))
            after.insert(0, struct.pack("<HHL", SEQUENCE_END >> 16, SEQUENCE_END & 0xFFFF, 0))
        else:
            before.append(header(pixel.tag, vr, length + length % 2, encoding))
            after.insert(0, b"\0" * (length % 2))
        return b"".join(before), b"".join(after)

    def _write_pixels(self, sink: Plain | Deflating) -> None:
        if self.content is None:
            pixel = self.parsed.pixel
            if pixel is not None:
                sink.hand_over(self.parsed, pixel.offset, pixel.length)
        elif isinstance(self.content.source, Path):
            sink.add_file(self.content.source, self.content.length)
        else:
            sink.add(self.content.source)


def file_meta(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Give new file meta information; nothing of the old one stays."""
    first, last = _fixed_meta(sop_class_uid, transfer_syntax_uid)
    uid = encode_element(Element.of_text(0x00020003, "UI", sop_instance_uid), LITTLE_EXPLICIT)
    length = struct.pack("<L", len(first) + len(uid) + len(last))
    return b"".join((_GROUP_LENGTH, length, first, uid, last))


@lru_cache(maxsize=256)
def _fixed_meta(sop_class_uid: str, transfer_syntax_uid: str) -> tuple[bytes, bytes]:
    """Give what stands before and after the SOP Instance UID."""
    elements = (
        Element(0x00020001, "OB", b"\0\1"),
        Element.of_text(0x00020002, "UI", sop_class_uid),
        Element.of_text(0x00020010, "UI", transfer_syntax_uid),
        Element.of_text(0x00020012, "UI", IMPLEMENTATION_CLASS_UID),
        Element.of_text(0x00020013, "SH", IMPLEMENTATION_VERSION_NAME),
    )
    encoded = [encode_element(element, LITTLE_EXPLICIT) for element in elements]
    return b"".join(encoded[:2]), b"".join(encoded[2:])
