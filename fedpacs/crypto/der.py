"""A reader of ASN.1 encodings (BER and DER), as far as an envelope needs it.

Definite and indefinite lengths; tags below 31. It only finds where things are.

References
----------
ITU-T X.690.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.crypto.errors import EnvelopeMalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator

SEQUENCE, SET, OCTET_STRING, OBJECT_IDENTIFIER = 0x30, 0x31, 0x04, 0x06
_CONSTRUCTED = 0x20
_HIGH_TAG = 0x1F
_INDEFINITE = 0x80
_MAXIMUM_LENGTH_OCTETS = 4
_MAXIMUM_DEPTH = 32


@dataclass(frozen=True, slots=True, repr=False)
class Node:
    """One value: its tag, its content, and where the next one begins.

    Attributes
    ----------
    end
        Offset behind it in the bytes that it was read from.
    """

    tag: int
    content: bytes
    end: int

    def children(self) -> tuple[Node, ...]:
        """Read what a constructed value holds."""
        if not self.tag & _CONSTRUCTED:
            raise EnvelopeMalformedError("A value that should hold others holds none.")
        return tuple(_nodes(self.content, 0))

    def octets(self) -> bytes:
        """Give an octet string, joined if it was written in pieces."""
        if not self.tag & _CONSTRUCTED:
            return self.content
        return b"".join(child.octets() for child in self.children())


def read(data: bytes, at: int = 0, depth: int = 0) -> Node:
    """Read one value.

    Raises
    ------
    EnvelopeMalformedError
        If the bytes are not an encoding, or nested without end.
    """
    if depth > _MAXIMUM_DEPTH or len(data) < at + 2 or data[at] & _HIGH_TAG == _HIGH_TAG:
        raise EnvelopeMalformedError("The bytes are not an ASN.1 encoding.")
    tag, length, start = data[at], data[at + 1], at + 2
    if length == _INDEFINITE:
        end = start
        while data[end : end + 2] != b"\0\0":
            end = read(data, end, depth + 1).end
        return Node(tag, data[start:end], end + 2)
    if length > _INDEFINITE:
        octets = length & 0x7F
        if octets > _MAXIMUM_LENGTH_OCTETS:
            raise EnvelopeMalformedError("A length is too long.")
        length, start = int.from_bytes(data[start : start + octets], "big"), start + octets
    if start + length > len(data):
        raise EnvelopeMalformedError("The bytes were cut.")
    return Node(tag, data[start : start + length], start + length)


def _nodes(data: bytes, at: int) -> Iterator[Node]:
    while at < len(data):
        node = read(data, at)
        yield node
        at = node.end
