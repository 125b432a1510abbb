"""The part of a file that is at hand, and what is skipped or inflated instead of being held.

References
----------
PS3.5 A.4 (encapsulated pixel data), A.5 (deflated data sets), 7.1 (how elements are written).
"""

from __future__ import annotations

import os
import tempfile
import zlib
from typing import IO, TYPE_CHECKING

from fedpacs.deidentification.verification.leaves import (
    SHORT_VRS,
    UNDEFINED,
    DamageError,
    Header,
    ShortError,
    Syntax,
    header_at,
)
from fedpacs.deidentification.verification.parsed import BIG, EXPLICIT, IMPLICIT, Extent
from fedpacs.deidentification.verification.standard import BULK_VRS, vr_of

if TYPE_CHECKING:
    from fedpacs.deidentification.verification.parsed import Parsed

_IMPLICIT_UID = "1.2.840.10008.1.2"
_BIG_UID = "1.2.840.10008.1.2.2"
_WINDOW_BYTES = 1 << 15
_BULK_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 20
_HIGHEST_GROUP = 0x0100


class Window:
    """The part of a file that is being taken apart; it grows as needed."""

    __slots__ = ("_descriptor", "_size", "base", "data")

    def __init__(self, descriptor: int, size: int, base: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self.base = base
        self.data = os.pread(descriptor, _WINDOW_BYTES, base)

    def grow(self) -> bool:
        """Read on; False at the file's end."""
        have = len(self.data)
        if self.base + have >= self._size:
            return False
        more = os.pread(self._descriptor, 3 * have, self.base + have)
        self.data += more
        return bool(more)

    def move(self, base: int) -> None:
        """Go on elsewhere."""
        self.base = base
        self.data = os.pread(self._descriptor, _WINDOW_BYTES, base)

    def has(self, position: int) -> bool:
        """Tell whether a place is at hand."""
        return position - self.base <= len(self.data)


def header_in(window: Window, position: int, syntax: Syntax) -> Header:
    """Read the header of an element.

    Raises
    ------
    DamageError
        If the file ends within.
    """
    while True:
        try:
            return header_at(window.data, position - window.base, syntax)
        except ShortError:
            if not window.grow():
                raise DamageError from None


def is_bulk(header: Header) -> bool:
    """Tell whether an element is too large to be held."""
    return header.length != UNDEFINED and header.length > _BULK_BYTES and header.vr in BULK_VRS


def take_extent(parsed: Parsed, window: Window, position: int, header: Header) -> int:
    """Note where bulk data lie, and give where the next element starts.

    Raises
    ------
    DamageError
        If the file ends within.
    """
    start = position + header.before
    undefined = header.length == UNDEFINED
    end = _fragments_end(parsed, window, start) if undefined else start + header.length
    if end > parsed.size:
        raise DamageError
    if header.tag in parsed.extents:
        parsed.duplicated = True
    parsed.extents[header.tag] = Extent(header.tag, header.vr, start, end, undefined)
    if not window.has(end):
        window.move(end)
    return end


def _fragments_end(parsed: Parsed, window: Window, position: int) -> int:
    little = parsed.syntax.little
    item, delimiter = (b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0")
    if not little:
        item, delimiter = (b"\xff\xfe\xe0\x00", b"\xff\xfe\xe0\xdd")
    while True:
        at = position - window.base
        if at + 8 <= len(window.data):
            head = window.data[at : at + 8]
        else:
            head = os.pread(parsed.descriptor, 8, position)
        if head[:4] == delimiter:
            return position + 8
        if head[:4] != item:
            raise DamageError
        position += 8 + int.from_bytes(head[4:], "little" if little else "big")


def syntax_of(parsed: Parsed, window: Window, position: int) -> Syntax:
    """Find how the data set is written; files do not always say it, or say it wrongly."""
    data = window.data
    at = position - window.base
    head = data[at : at + 8]
    if len(head) < 8:  # noqa: PLR2004 - the bytes of a header
        raise DamageError
    looks_explicit = head[4:6] in SHORT_VRS or (head[4:6].isalpha() and head[4:6].isupper())
    group = int.from_bytes(head[:2], "little")
    if looks_explicit:
        if parsed.transfer_syntax == _BIG_UID:
            return BIG
        return BIG if group >= _HIGHEST_GROUP and not head[0] else EXPLICIT
    if parsed.transfer_syntax in {"", _IMPLICIT_UID} or group < _HIGHEST_GROUP:
        if group >= _HIGHEST_GROUP and not head[0]:
            return Syntax(explicit=False, little=False)
        if vr_of(int.from_bytes(head[:2], "little") << 16 | int.from_bytes(head[2:4], "little")):
            return IMPLICIT
    raise DamageError


def inflate(parsed: Parsed, position: int) -> None:
    """Put the inflated data set into a file without a name."""
    with tempfile.TemporaryFile() as handle:
        try:
            _inflate_into(handle, parsed.descriptor, position)
        except zlib.error:
            raise DamageError from None
        handle.flush()
        parsed.twin = parsed.descriptor
        parsed.descriptor = os.dup(handle.fileno())
    parsed.size = os.fstat(parsed.descriptor).st_size
    parsed.inflated = True


def _inflate_into(handle: IO[bytes], descriptor: int, position: int) -> None:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    while not inflater.eof and (block := os.pread(descriptor, _BLOCK_BYTES, position)):
        position += len(block)
        while block:
            handle.write(inflater.decompress(block, _BLOCK_BYTES))
            block = inflater.unconsumed_tail
    handle.write(inflater.flush())
    rest = inflater.unused_data + os.pread(descriptor, _BLOCK_BYTES, position)
    if not inflater.eof or rest.strip(b"\0"):
        raise DamageError
