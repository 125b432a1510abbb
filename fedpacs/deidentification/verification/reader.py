"""The verification's own reader: a file's elements, flat, with bulk data left on the disk.

Slices of a series differ in a dozen elements. After two of them the reader knows which, and takes
the rest as a few *runs*: a stretch of bytes that it has taken apart before is the same elements
again, because what comes out depends on the bytes and their encoding alone.

References
----------
PS3.10 7.1 (file meta information); PS3.5 7 (data set), A.4 (encapsulated), A.5 (deflated).
"""

from __future__ import annotations

import os
import tempfile
import zlib
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from fedpacs.deidentification.verification.leaves import (
    PIXELS,
    SHORT_VRS,
    UNDEFINED,
    DamageError,
    Header,
    Leaf,
    ShortError,
    Syntax,
    Top,
    header_at,
    top_at,
)
from fedpacs.deidentification.verification.standard import BULK_VRS, vr_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

EXPLICIT = Syntax(explicit=True, little=True)
IMPLICIT = Syntax(explicit=False, little=True)
BIG = Syntax(explicit=True, little=False)
_IMPLICIT_UID = "1.2.840.10008.1.2"
_DEFLATED_UIDS = frozenset({"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95"})
_BIG_UID = "1.2.840.10008.1.2.2"
_WINDOW_BYTES = 1 << 15
_BULK_BYTES = 1 << 20
_CACHE_BYTES = 24 << 20
_CACHED_BYTES = 1 << 16
_OVERHEAD_BYTES = 500
_LAYOUTS = 64
_RECENT = 4
_SERIES = 0x0020000E
_SYNTAX = 0x00020010
_META_START = 132
_BLOCK_BYTES = 1 << 20
_HIGHEST_GROUP = 0x0100
_DELIMITERS = 0xFFFE


class Extent(NamedTuple):
    """Bulk data of the top level, left on the disk; `end` is where the next element starts."""

    tag: int
    vr: str
    start: int
    end: int
    undefined: bool


class Run(NamedTuple):
    """Neighbouring elements that were taken apart together."""

    raw: bytes
    tops: tuple[Top, ...]


class Layout:
    """The elements that the files of one series have in common."""

    __slots__ = ("by_tag", "runs", "size", "syntax")

    def __init__(self, runs: tuple[Run, ...], syntax: Syntax) -> None:
        self.runs = runs
        self.syntax = syntax
        self.size = sum(len(run.raw) for run in runs)
        self.by_tag = {top.tag: top for run in runs for top in run.tops}


class Parsed:
    """One file, taken apart. Identified; its ``repr`` says nothing.

    Attributes
    ----------
    descriptor
        Where the data set is read from: the file, or its inflated content.
    meta
        File meta information, by tag.
    shared, own
        Elements that it shares with its series, and those of its own.
    extents
        Bulk data.
    end
        Where the last element ends.
    size
        Bytes that can be read from `descriptor`.
    inflated
        Whether the data set was deflated.
    damaged
        Whether bytes follow that are no element.
    """

    __slots__ = (
        "damaged", "descriptor", "duplicated", "end", "extents", "inflated", "layout", "meta",
        "own", "preamble", "size", "start", "syntax", "transfer_syntax", "twin",
    )  # fmt: skip

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor = descriptor
        self.size = size
        self.meta: dict[int, Top] = {}
        self.preamble = b""
        self.transfer_syntax = ""
        self.syntax = EXPLICIT
        self.layout = Layout((), EXPLICIT)
        self.own: dict[int, Top] = {}
        self.extents: dict[int, Extent] = {}
        self.start = self.end = 0
        self.inflated = False
        self.duplicated = False
        self.damaged = False
        self.twin = -1

    def __repr__(self) -> str:
        return "Parsed()"

    def get(self, tag: int) -> Top | None:
        """Give a top-level element."""
        return self.own.get(tag) or self.layout.by_tag.get(tag)

    def value(self, tag: int) -> bytes | None:
        """Give the undecoded value of a top-level element; None when there is none."""
        top = self.own.get(tag) or self.layout.by_tag.get(tag)
        return top.leaves[0].value if top else None

    def text(self, tag: int) -> str:
        """Give a value of plain ASCII, trimmed; empty when there is none."""
        value = self.value(tag)
        return value.decode("latin-1").strip(" \0") if value else ""

    def tops(self) -> Iterator[Top]:
        """Give every element but bulk data."""
        yield from self.layout.by_tag.values()
        yield from self.own.values()

    def close(self) -> None:
        """Close the file."""
        for descriptor in {self.descriptor, self.twin} - {-1}:
            os.close(descriptor)
        self.descriptor = self.twin = -1


class Reader:
    """Reads files, and remembers what it has taken apart.

    Parameters
    ----------
    other
        A reader to share the memory with, so that equal elements of both are one object.
    """

    def __init__(self, other: Reader | None = None) -> None:
        self.memory: Memory = Memory() if other is None else other.memory
        self._last: OrderedDict[tuple[bytes, Syntax], dict[int, Top]] = OrderedDict()
        self._layouts: OrderedDict[tuple[bytes, Syntax], Layout] = OrderedDict()

    def read(self, path: Path) -> Parsed:
        """Read a file; the caller closes it.

        Raises
        ------
        OSError
            If it cannot be read.
        DamageError
            If it is not DICOM, or ends inside an element.
        """
        descriptor = os.open(path, os.O_RDONLY)
        parsed = Parsed(descriptor, os.fstat(descriptor).st_size)
        try:
            self._read(parsed)
        except BaseException:
            parsed.close()
            raise
        return parsed

    def _read(self, parsed: Parsed) -> None:
        window = _Window(parsed.descriptor, parsed.size, 0)
        position = self._meta(parsed, window)
        parsed.start = position
        if parsed.transfer_syntax in _DEFLATED_UIDS:
            _inflate(parsed, position)
            window, position = _Window(parsed.descriptor, parsed.size, 0), 0
            parsed.start = 0
        parsed.syntax = _syntax(parsed, window, position)
        if position >= parsed.size:
            raise DamageError
        layout = self._matching(parsed, window, position)
        if layout is None:
            self._elements(parsed, window, position)
            if not parsed.own and not parsed.extents:
                raise DamageError
            self._learn(parsed)

    def _meta(self, parsed: Parsed, window: _Window) -> int:
        data = window.data
        position = 0
        if data[128:_META_START] == b"DICM":
            position, parsed.preamble = _META_START, data[:128]
        elif data[:4] == b"DICM":
            position = 4
        while position + 8 <= parsed.size and data[position : position + 2] == b"\2\0":
            syntax = EXPLICIT if data[position + 4 : position + 6].isalpha() else IMPLICIT
            top, position = self._quick(window, position, syntax)
            if top is None:
                raise DamageError
            data = window.data
            parsed.meta[top.tag] = top
        if _SYNTAX in parsed.meta:
            value = parsed.meta[_SYNTAX].leaves[0].value
            parsed.transfer_syntax = value.decode("latin-1").strip(" \0")
        return position

    def _top(self, window: _Window, position: int, syntax: Syntax) -> tuple[Top, int]:
        while True:
            try:
                top, end = top_at(window.data, position - window.base, syntax)
                break
            except ShortError:
                if not window.grow():
                    raise DamageError from None
        return self.memory.keep(top, syntax), end + window.base

    def _elements(self, parsed: Parsed, window: _Window, position: int) -> None:
        own = parsed.own
        while position < parsed.size:
            parsed.end = position
            try:
                top, position = self._next(parsed, window, position)
            except DamageError:
                parsed.damaged = True
                return
            if top is not None:
                parsed.duplicated |= top.tag in own
                own[top.tag] = top
        parsed.end = position

    def _next(self, parsed: Parsed, window: _Window, position: int) -> tuple[Top | None, int]:
        header = _header(window, position, parsed.syntax)
        if header.tag in PIXELS or _is_bulk(header):
            return None, _extent(parsed, window, position, header)
        if header.tag >> 16 == _DELIMITERS:
            raise DamageError
        if header.length != UNDEFINED and position + header.length > parsed.size:
            raise DamageError
        return self._top(window, position, parsed.syntax)

    def _matching(self, parsed: Parsed, window: _Window, position: int) -> Layout | None:
        for key in list(reversed(self._layouts))[:_RECENT]:
            layout = self._layouts[key]
            if layout.syntax == parsed.syntax and self._match(parsed, window, position, layout):
                self._layouts.move_to_end(key)
                parsed.layout = layout
                return layout
            parsed.own.clear()
            parsed.extents.clear()
            parsed.duplicated = parsed.damaged = False
        return None

    def _match(self, parsed: Parsed, window: _Window, position: int, layout: Layout) -> bool:
        own = parsed.own
        while len(window.data) < position + layout.size and window.grow():
            pass
        for raw, tops in layout.runs:
            first = tops[0].tag
            while not window.data.startswith(raw, position):
                top, position = self._quick(window, position, parsed.syntax)
                if top is None or top.tag >= first or top.tag in own:
                    return False
                own[top.tag] = top
            position += len(raw)
        self._elements(parsed, window, position)
        twice = not layout.by_tag.keys().isdisjoint(own)
        return not (twice or parsed.duplicated or parsed.damaged)

    def _quick(self, window: _Window, position: int, syntax: Syntax) -> tuple[Top | None, int]:
        """Read an element that is no bulk data; None when it is, or is damaged."""
        data = window.data
        at = position - window.base
        vr = data[at + 4 : at + 6]
        if syntax is EXPLICIT and vr in SHORT_VRS and at + 8 <= len(data):
            end = at + 8 + data[at + 6] + (data[at + 7] << 8)
            if end <= len(data):
                return self._short(data[at:end], vr), end + window.base
        try:
            header = _header(window, position, syntax)
            if header.tag in PIXELS or _is_bulk(header) or header.tag >> 16 == _DELIMITERS:
                return None, position
            return self._top(window, position, syntax)
        except DamageError:
            return None, position

    def _short(self, raw: bytes, vr: bytes) -> Top:
        """Take an element with a short length field apart, or remember it."""
        known = self.memory.known[EXPLICIT].get(raw)
        if known is not None:
            return known
        tag = raw[0] << 16 | raw[1] << 24 | raw[2] | raw[3] << 8
        leaf = Leaf((tag,), tag, vr.decode(), raw[8:], None, b"", little=True)
        return self.memory.keep(Top(tag, raw, (leaf,)), EXPLICIT)

    def _learn(self, parsed: Parsed) -> None:
        if parsed.duplicated or parsed.damaged or parsed.extents.keys() - set(PIXELS):
            return
        tops = parsed.own
        key = (tops[_SERIES].raw if _SERIES in tops else b"", parsed.syntax)
        before = self._layouts.get(key)
        last = before.by_tag if before else self._last.get(key)
        if last is None:
            self._last[key] = {
                tag: top for tag, top in tops.items() if len(top.raw) <= _CACHED_BYTES
            }
            if len(self._last) > _LAYOUTS:
                self._last.popitem(last=False)
            return
        shared = {tag for tag, top in tops.items() if last.get(tag) is top}
        self._layouts[key] = layout = Layout(_runs(tops, shared), parsed.syntax)
        self._layouts.move_to_end(key)
        self._last.pop(key, None)
        if len(self._layouts) > _LAYOUTS:
            self._layouts.popitem(last=False)
        parsed.layout = layout
        parsed.own = {tag: top for tag, top in tops.items() if tag not in shared}


class Memory:
    """Elements that were taken apart, by their bytes."""

    __slots__ = ("_bytes", "known")

    def __init__(self) -> None:
        self.known: dict[Syntax, dict[bytes, Top]] = {EXPLICIT: {}}
        self._bytes = 0

    def keep(self, top: Top, syntax: Syntax) -> Top:
        """Give the element with these bytes that is kept, this one if there was none."""
        size = len(top.raw)
        if size > _CACHED_BYTES:
            return top
        known = self.known.setdefault(syntax, {})
        same = known.get(top.raw)
        if same is not None:
            return same
        self._bytes += size + _OVERHEAD_BYTES * (1 + len(top.leaves))
        if self._bytes > _CACHE_BYTES:
            for one in self.known.values():
                one.clear()
            self._bytes = 0
        known[top.raw] = top
        return top


def _runs(tops: dict[int, Top], shared: set[int]) -> tuple[Run, ...]:
    runs: list[list[Top]] = []
    joined = False
    for tag, top in tops.items():
        if tag in shared:
            if not joined:
                runs.append([])
            runs[-1].append(top)
        joined = tag in shared
    return tuple(Run(b"".join(top.raw for top in run), tuple(run)) for run in runs)


class _Window:
    """The part of a file that is being taken apart; it grows as needed."""

    __slots__ = ("_descriptor", "_size", "base", "data")

    def __init__(self, descriptor: int, size: int, base: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self.base = base
        self.data = os.pread(descriptor, _WINDOW_BYTES, base)

    def grow(self) -> bool:
        have = len(self.data)
        if self.base + have >= self._size:
            return False
        more = os.pread(self._descriptor, 3 * have, self.base + have)
        self.data += more
        return bool(more)

    def move(self, base: int) -> None:
        self.base = base
        self.data = os.pread(self._descriptor, _WINDOW_BYTES, base)

    def has(self, position: int) -> bool:
        return position - self.base <= len(self.data)


def _header(window: _Window, position: int, syntax: Syntax) -> Header:
    while True:
        try:
            return header_at(window.data, position - window.base, syntax)
        except ShortError:
            if not window.grow():
                raise DamageError from None


def _is_bulk(header: Header) -> bool:
    return header.length != UNDEFINED and header.length > _BULK_BYTES and header.vr in BULK_VRS


def _extent(parsed: Parsed, window: _Window, position: int, header: Header) -> int:
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


def _fragments_end(parsed: Parsed, window: _Window, position: int) -> int:
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


def _syntax(parsed: Parsed, window: _Window, position: int) -> Syntax:
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


def _inflate(parsed: Parsed, position: int) -> None:
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
