"""Writes an object again with some of its elements replaced; the pixel bytes go over in pieces."""

from __future__ import annotations

import os
import secrets
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.deidentification.custody.errors import ReidentifiedExistsError
from fedpacs.deidentification.dicom.charset import DEFAULT, text_of
from fedpacs.deidentification.dicom.elements import Element
from fedpacs.deidentification.dicom.encoding import encode_element, encode_items
from fedpacs.deidentification.dicom.syntax import LITTLE_EXPLICIT
from fedpacs.deidentification.errors import UnwritableOutputError
from fedpacs.deidentification.writing import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from fedpacs.deidentification.dicom.parsed import ParsedObject

_SOP_CLASS_UID, _SOP_INSTANCE_UID = 0x00080016, 0x00080018
_CHUNK_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class Restored:
    """How many attributes of the top level, and how many references, were put back."""

    attributes: int
    references: int


def write_restored(parsed: ParsedObject, changed: Mapping[int, Element | None], path: Path) -> None:
    """Write an object with other values, mode 0600, whole or not at all.

    Parameters
    ----------
    parsed
        The object; what is not changed is copied byte by byte.
    changed
        New elements of the top level by tag; None leaves one out.
    path
        New file; nothing is ever overwritten.

    Raises
    ------
    ReidentifiedExistsError
        If there is a file of this name.
    UnwritableOutputError
        If it cannot be written.
    """
    part = path.with_name(f".{secrets.token_hex(16)}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            for chunk in _file(parsed, changed):
                handle.write(chunk)
            handle.flush()
            os.fsync(handle.fileno())
        os.link(part, path)
    except FileExistsError:
        raise ReidentifiedExistsError("A file of this name is in the output already.") from None
    except OSError as error:
        raise UnwritableOutputError(f"A file cannot be written: {error.strerror}.") from None
    finally:
        with suppress(OSError):
            part.unlink()


def _file(parsed: ParsedObject, changed: Mapping[int, Element | None]) -> Iterator[bytes]:
    instance = changed.get(_SOP_INSTANCE_UID) or parsed.get(_SOP_INSTANCE_UID)
    yield b"\0" * 128 + b"DICM" + _meta(parsed, text_of(instance, DEFAULT))
    if not parsed.deflated:
        yield from _data_set(parsed, changed)
        return
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    for chunk in _data_set(parsed, changed):
        yield stream.compress(chunk)
    yield stream.flush()


def _meta(parsed: ParsedObject, sop_instance_uid: str) -> bytes:
    elements = [
        Element(0x00020001, "OB", b"\x00\x01"),
        Element.of_text(0x00020002, "UI", parsed.text(_SOP_CLASS_UID)),
        Element.of_text(0x00020003, "UI", sop_instance_uid),
        Element.of_text(0x00020010, "UI", parsed.transfer_syntax_uid),
        Element.of_text(0x00020012, "UI", IMPLEMENTATION_CLASS_UID),
        Element.of_text(0x00020013, "SH", IMPLEMENTATION_VERSION_NAME),
    ]
    content = encode_items(elements, LITTLE_EXPLICIT)
    length = Element(0x00020000, "UL", len(content).to_bytes(4, "little"))
    return encode_element(length, LITTLE_EXPLICIT) + content


def _data_set(parsed: ParsedObject, changed: Mapping[int, Element | None]) -> Iterator[bytes]:
    ranges = {raw.tag: (raw.start, raw.size) for raw in parsed.raw}
    for tag in sorted({*ranges, *changed}):
        if tag in changed:
            element = changed[tag]
            if element is not None:
                yield encode_element(element, parsed.encoding)
            continue
        start, size = ranges[tag]
        for position in range(start, start + size, _CHUNK_BYTES):
            yield parsed.source.read(position, min(_CHUNK_BYTES, start + size - position))
