"""Elements taken apart: one top-level element becomes a flat list of leaves, nested ones included.

What comes out is a pure function of the element's bytes and its encoding, so equal bytes give the
same object, and everything that is later learnt of them is learnt once.

References
----------
PS3.5 7.1 (data elements), 7.5 (sequences of items), 6.2.2 (UN); PS3.5 Annex A (encodings).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from fedpacs.deidentification.verification.standard import vr_of

UNDEFINED = 0xFFFFFFFF
PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
LONG_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
SHORT_VRS = frozenset(
    {
        b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN",
        b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US",
    }
)  # fmt: skip
VR_NAMES = {vr: vr.decode() for vr in (*SHORT_VRS, *LONG_VRS)}
_LITTLE, _BIG = struct.Struct("<HH2sH").unpack_from, struct.Struct(">HH2sH").unpack_from
_LITTLE_LONG, _BIG_LONG = struct.Struct("<L").unpack_from, struct.Struct(">L").unpack_from
_ITEM = 0xFFFEE000
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD
_CHARSET = 0x00080005
_MAXIMUM_DEPTH = 64
_CREATORS = range(0x10, 0x100)


class ShortError(Exception):
    """The bytes at hand end before the element does."""


class DamageError(Exception):
    """The bytes are no element."""


class Syntax(NamedTuple):
    """How elements are written."""

    explicit: bool
    little: bool


class Leaf(NamedTuple):
    """One element at any depth, its value undecoded.

    Attributes
    ----------
    where
        Tag, item number, tag, item number, ..., tag.
    value
        Bytes; of a sequence the number of its items.
    charset
        Specific Character Set of its item; None for that of the object.
    creator
        Private creator of its block, undecoded; for nested private elements.
    """

    where: tuple[int, ...]
    tag: int
    vr: str
    value: bytes
    charset: bytes | None
    creator: bytes
    little: bool


class Top:
    """One top-level element with everything below it; equal bytes are one object.

    Attributes
    ----------
    raw
        Its bytes, header included.
    """

    __slots__ = ("leaves", "raw", "tag")

    def __init__(self, tag: int, raw: bytes, leaves: tuple[Leaf, ...]) -> None:
        self.tag = tag
        self.raw = raw
        self.leaves = leaves


class Header(NamedTuple):
    """Tag, VR, length of the value and of what stands before it."""

    tag: int
    vr: str
    length: int
    before: int


def header_at(data: bytes, position: int, syntax: Syntax) -> Header:
    """Read what stands before a value.

    Raises
    ------
    ShortError
        If there are too few bytes.
    """
    explicit, little = syntax
    if position + 8 > len(data):
        raise ShortError
    short, long = (_LITTLE, _LITTLE_LONG) if little else (_BIG, _BIG_LONG)
    group, element, vr, length = short(data, position)
    tag = group << 16 | element
    if explicit and group != _ITEM >> 16:
        if vr in SHORT_VRS:
            return Header(tag, VR_NAMES[vr], length, 8)
        if vr in LONG_VRS or (vr.isalpha() and vr.isupper()):
            if position + 12 > len(data):
                raise ShortError
            (length,) = long(data, position + 8)
            return Header(tag, VR_NAMES.get(vr, "UN"), length, 12)
    (length,) = long(data, position + 4)
    return Header(tag, vr_of(tag), length, 8)


def top_at(data: bytes, position: int, syntax: Syntax) -> tuple[Top, int]:
    """Read the element at a position.

    Returns
    -------
    tuple[Top, int]
        The element, and where the next one starts.

    Raises
    ------
    ShortError
        If there are too few bytes.
    DamageError
        If they are no element.
    """
    header = header_at(data, position, syntax)
    leaves: list[Leaf] = []
    end = _Taker(data, leaves).element(header, position, syntax, (), (None, b""))
    return Top(header.tag, data[position:end], tuple(leaves)), end


class _Taker:
    """Takes one element apart."""

    def __init__(self, data: bytes, leaves: list[Leaf]) -> None:
        self._data = data
        self._leaves = leaves

    def element(
        self,
        header: Header,
        position: int,
        syntax: Syntax,
        above: tuple[int, ...],
        context: tuple[bytes | None, bytes],
    ) -> int:
        tag, vr, length, before = header
        start = position + before
        where = (*above, tag)
        little = syntax.little
        charset, creator = context
        if vr == "UN" and length == UNDEFINED:
            vr, syntax = "SQ", Syntax(explicit=False, little=True)
        elif vr == "UN" and (known := vr_of(tag)) != "UN":
            vr = known
            if vr == "SQ":
                syntax = Syntax(explicit=False, little=little)
        if vr != "SQ" and length == UNDEFINED and syntax.explicit is False:
            vr = "SQ"
        if vr == "SQ":
            count = len(self._leaves)
            self._leaves.append(Leaf(where, tag, "SQ", b"", charset, creator, little))
            try:
                end, items = self._sequence(start, length, syntax, where, charset)
            except DamageError:
                if header.vr == "SQ" or length == UNDEFINED:
                    raise
                del self._leaves[count:]  # UN that only claims to be a sequence: bytes
                vr = "UN"
            else:
                self._leaves[count] = Leaf(
                    where, tag, "SQ", b"%d" % items, charset, creator, little
                )
                return end
        end = self._fragments(start, little=little) if length == UNDEFINED else start + length
        if end > len(self._data):
            raise ShortError
        value = self._data[start:end]
        self._leaves.append(Leaf(where, tag, vr, value, charset, creator, little))
        return end

    def _sequence(
        self,
        position: int,
        length: int,
        syntax: Syntax,
        where: tuple[int, ...],
        charset: bytes | None,
    ) -> tuple[int, int]:
        if len(where) > 2 * _MAXIMUM_DEPTH:
            raise DamageError
        stop = None if length == UNDEFINED else position + length
        if stop is not None and stop > len(self._data):
            raise ShortError
        number = 0
        while stop is None or position < stop:
            header = header_at(self._data, position, syntax)
            position += 8
            if header.tag == _SEQUENCE_END:
                if stop is None or position >= stop:
                    return position, number
                continue
            if header.tag != _ITEM:
                raise DamageError
            position = self._item(position, header.length, syntax, (*where, number), charset)
            number += 1
        if position != stop:
            raise DamageError
        return position, number

    def _item(
        self,
        position: int,
        length: int,
        syntax: Syntax,
        above: tuple[int, ...],
        charset: bytes | None,
    ) -> int:
        stop = None if length == UNDEFINED else position + length
        creators: dict[int, bytes] = {}
        while stop is None or position < stop:
            header = header_at(self._data, position, syntax)
            if header.tag == _ITEM_END:
                position += 8
                if stop is None:
                    return position
                continue
            if header.tag in (_ITEM, _SEQUENCE_END):
                raise DamageError
            creator = creators.get(block_of(header.tag), b"") if header.tag & 0x10000 else b""
            count = len(self._leaves)
            position = self.element(header, position, syntax, above, (charset, creator))
            leaf = self._leaves[count]
            if leaf.tag == _CHARSET:
                charset = leaf.value
            elif leaf.tag & 0x10000 and (leaf.tag & 0xFFFF) in _CREATORS:
                creators[leaf.tag] = leaf.value
        if position != stop:
            raise DamageError
        return position

    def _fragments(self, position: int, *, little: bool) -> int:
        syntax = Syntax(explicit=False, little=little)
        while True:
            header = header_at(self._data, position, syntax)
            if header.tag == _SEQUENCE_END:
                return position + 8
            if header.tag != _ITEM or header.length == UNDEFINED:
                raise DamageError
            position += 8 + header.length
            if position > len(self._data):
                raise ShortError


def block_of(tag: int) -> int:
    """Give the tag that holds the creator of a private element's block."""
    return tag & 0xFFFF0000 | (tag >> 8 & 0xFF)
