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
from collections import OrderedDict
from typing import TYPE_CHECKING

from fedpacs.deidentification.verification.leaves import (
    LONG_VRS,
    PIXELS,
    SHORT_VRS,
    UNDEFINED,
    VR_NAMES,
    DamageError,
    Leaf,
    ShortError,
    Syntax,
    Top,
    top_at,
)
from fedpacs.deidentification.verification.memory import Memory
from fedpacs.deidentification.verification.parsed import EXPLICIT, IMPLICIT, Layout, Parsed, Run
from fedpacs.deidentification.verification.window import (
    Window,
    header_in,
    inflate,
    is_bulk,
    syntax_of,
    take_extent,
)

if TYPE_CHECKING:
    from pathlib import Path

_DEFLATED_UIDS = frozenset({"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95"})
_CACHED_BYTES = 1 << 16
_LAYOUTS = 64
_RECENT = 4
_SERIES = 0x0020000E
_SYNTAX = 0x00020010
_META_START = 132
_DELIMITERS = 0xFFFE
_PIXEL_GROUPS = 0x7F
"""Upper byte of the first group that may hold pixels or delimiters."""


class Reader:
    """Reads files, and remembers what it has taken apart.

    Parameters
    ----------
    other
        A reader to share the memory with, so that equal elements of both are one object.
    """

    def __init__(self, other: Reader | None = None) -> None:
        self.memory: Memory = Memory() if other is None else other.memory
        self._explicit = self.memory.known[EXPLICIT]
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
        window = Window(parsed.descriptor, parsed.size, 0)
        parsed.head = window.data
        position = self._meta(parsed, window)
        parsed.start = position
        if parsed.transfer_syntax in _DEFLATED_UIDS:
            inflate(parsed, position)
            window, position = Window(parsed.descriptor, parsed.size, 0), 0
            parsed.head = window.data
            parsed.start = 0
        parsed.syntax = syntax_of(parsed, window, position)
        if position >= parsed.size:
            raise DamageError
        layout = self._matching(parsed, window, position)
        if layout is None:
            self._elements(parsed, window, position)
            if not parsed.own and not parsed.extents:
                raise DamageError
            self._learn(parsed)

    def _meta(self, parsed: Parsed, window: Window) -> int:
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

    def _top(self, window: Window, position: int, syntax: Syntax) -> tuple[Top, int]:
        while True:
            try:
                top, end = top_at(window.data, position - window.base, syntax)
                break
            except ShortError:
                if not window.grow():
                    raise DamageError from None
        return self.memory.keep(top, syntax), end + window.base

    def _elements(self, parsed: Parsed, window: Window, position: int) -> None:
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

    def _next(self, parsed: Parsed, window: Window, position: int) -> tuple[Top | None, int]:
        if parsed.syntax is EXPLICIT:
            top = self._at_hand(window.data, position - window.base)
            if top is not None:
                return top, position + len(top.raw)
        header = header_in(window, position, parsed.syntax)
        if header.tag in PIXELS or is_bulk(header):
            return None, take_extent(parsed, window, position, header)
        if header.tag >> 16 == _DELIMITERS:
            raise DamageError
        if header.length != UNDEFINED and position + header.length > parsed.size:
            raise DamageError
        return self._top(window, position, parsed.syntax)

    def _matching(self, parsed: Parsed, window: Window, position: int) -> Layout | None:
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

    def _match(self, parsed: Parsed, window: Window, position: int, layout: Layout) -> bool:
        own = parsed.own
        while len(window.data) < position + layout.size and window.grow():
            pass
        data, explicit = window.data, parsed.syntax is EXPLICIT
        for raw, tops in layout.runs:
            first = tops[0].tag
            while not data.startswith(raw, position):
                top = self._at_hand(data, position) if explicit else None
                if top is not None:
                    position += len(top.raw)
                else:
                    top, position = self._quick(window, position, parsed.syntax)
                    data = window.data
                if top is None or top.tag >= first or top.tag in own:
                    return False
                own[top.tag] = top
            position += len(raw)
        self._elements(parsed, window, position)
        twice = not layout.by_tag.keys().isdisjoint(own)
        return not (twice or parsed.duplicated or parsed.damaged)

    def _quick(self, window: Window, position: int, syntax: Syntax) -> tuple[Top | None, int]:
        """Read an element that is no bulk data; None when it is, or is damaged."""
        if syntax is EXPLICIT:
            top = self._at_hand(window.data, position - window.base)
            if top is not None:
                return top, position + len(top.raw)
        try:
            header = header_in(window, position, syntax)
            if header.tag in PIXELS or is_bulk(header) or header.tag >> 16 == _DELIMITERS:
                return None, position
            return self._top(window, position, syntax)
        except DamageError:
            return None, position

    def _at_hand(self, data: bytes, at: int) -> Top | None:
        """Give an element of Explicit VR that is known, or has no items; None for any other."""
        raw = _plain(data, at)
        known = self._explicit.get(raw)
        if known is None and raw[4:6] in SHORT_VRS:
            return self._short(raw)
        return known

    def _short(self, raw: bytes) -> Top:
        """Take an element with a short length field apart."""
        tag = raw[0] << 16 | raw[1] << 24 | raw[2] | raw[3] << 8
        leaf = Leaf((tag,), tag, VR_NAMES[raw[4:6]], raw[8:], None, b"", True)
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


def _plain(data: bytes, at: int) -> bytes:
    """Give the bytes of an element with explicit VR and length; none where one must look closer."""
    vr = data[at + 4 : at + 6]
    if not vr or data[at + 1] >= _PIXEL_GROUPS:
        return b""
    if vr in SHORT_VRS:
        head = data[at + 6 : at + 8]
        end = at + 8 + int.from_bytes(head, "little") if len(head) == 2 else 0  # noqa: PLR2004 - a length field
    elif vr in LONG_VRS:
        end = at + 12 + int.from_bytes(data[at + 8 : at + 12], "little")
    else:
        return b""
    return data[at:end] if end <= len(data) else b""


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
