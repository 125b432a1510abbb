"""A file, read: its top-level elements as ranges of bytes, taken apart only when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from fedpacs.deidentification.dicom.charset import DEFAULT, values_of
from fedpacs.deidentification.dicom.elements import PRIVATE_MASK
from fedpacs.deidentification.dicom.nested import element_of
from fedpacs.deidentification.dicom.numbers import numbers_of
from fedpacs.deidentification.dicom.syntax import DEFLATED, UNDEFINED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Self

    from fedpacs.deidentification.dicom.charset import Charset
    from fedpacs.deidentification.dicom.elements import Element
    from fedpacs.deidentification.dicom.source import Source
    from fedpacs.deidentification.dicom.syntax import Encoding


class RawElement:
    """One top-level element as a range of the file's bytes.

    Attributes
    ----------
    raw
        Header and value as they stand in the file; empty when the value is bulk data, which
        `ParsedObject.element` reads on demand.
    value_offset
        Bytes of the header.
    start, size
        Where the element stands in the file it was first seen in, and how many bytes it has.
    length
        Length as written; `UNDEFINED` for items up to a delimiter.
    maker, made, claim
        For whoever makes something of it, to know it again: who it was, what it made, and who
        claimed the private block then.
    charset, text, element
        What it was decoded to and taken apart into before, and by which character set; other
        files may have the very same object.
    """

    __slots__ = (
        "charset", "claim", "element", "length", "made", "maker", "raw", "size", "start", "tag",
        "text", "value_offset", "vr",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913, PLR0917 - one per column of the list
        self, tag: int, vr: str, raw: bytes, value_offset: int, start: int, size: int, length: int
    ) -> None:
        self.tag = tag
        self.vr = vr
        self.raw = raw
        self.value_offset = value_offset
        self.start = start
        self.size = size
        self.length = length
        self.maker: object = None
        self.made = b""
        self.claim = ""
        self.charset: Charset | None = None
        self.text = ""
        self.element: Element | None = None


class Run:
    """Neighbouring elements of the top level that several files have in common.

    Attributes
    ----------
    elements
        Two or more, in order.
    raw
        Their bytes, one after the other.
    tag
        Of the first one.
    creators
        Those that claim private blocks.
    maker, made, claims
        As for `RawElement`: what was made of each, and the private blocks that it depends on.
    """

    __slots__ = ("by_tag", "claims", "creators", "elements", "made", "maker", "raw", "tag")

    def __init__(self, elements: tuple[RawElement, ...]) -> None:
        self.elements = elements
        self.raw = b"".join(element.raw for element in elements)
        self.tag = elements[0].tag
        self.by_tag = {element.tag: element for element in elements}
        self.creators = tuple(
            element
            for element in elements
            if element.tag & PRIVATE_MASK and not element.tag & 0xFF00
        )
        self.maker: object = None
        self.made: dict[int, bytes] = {}
        self.claims: Mapping[int, str] = {}


Part: TypeAlias = RawElement | Run


class PixelExtent:
    """Where the pixel data stand.

    Attributes
    ----------
    offset
        Position of the value in the source (the inflated one of a deflated file).
    length
        Bytes of the value; for encapsulated data those of the items, without the delimiter.
    size
        Bytes of the value with the sequence delimiter.
    undefined
        Whether the length is written as undefined.
    """

    __slots__ = ("length", "offset", "size", "tag", "undefined", "vr")

    def __init__(self, element: RawElement) -> None:
        self.tag = element.tag
        self.vr = element.vr
        self.offset = element.start + element.value_offset
        self.size = element.size - element.value_offset
        self.undefined = element.length == UNDEFINED
        self.length = self.size - 8 if self.undefined else self.size


class ParsedObject:
    """A file, read: its top-level elements, and where its pixel data are. Identified.

    Use it as a context manager, or call `close`.
    """

    __slots__ = (
        "_nested",
        "by_tag",
        "charset",
        "encoding",
        "media_sop_class_uid",
        "media_sop_instance_uid",
        "parts",
        "path",
        "pixel",
        "raw",
        "source",
        "transfer_syntax_uid",
    )  # fmt: skip

    def __init__(self, path: Path, source: Source, encoding: Encoding) -> None:
        self.path = path
        self.source = source
        self.encoding = encoding
        self.transfer_syntax_uid = ""
        self.media_sop_class_uid = ""
        self.media_sop_instance_uid = ""
        self.raw: list[RawElement] = []
        self.parts: list[Part] = []
        self.pixel: PixelExtent | None = None
        self.charset = DEFAULT
        self.by_tag: dict[int, RawElement] = {}
        self._nested: dict[int, Element] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.source.close()

    def __repr__(self) -> str:
        return f"ParsedObject({len(self.raw)} elements)"

    @property
    def implicit(self) -> bool:
        """Whether value representations are left out."""
        return self.encoding.implicit

    @property
    def little(self) -> bool:
        """Whether the byte order is little endian."""
        return self.encoding.little

    @property
    def deflated(self) -> bool:
        """Whether the data set is deflated as a whole."""
        return self.transfer_syntax_uid == DEFLATED

    @property
    def encapsulated(self) -> bool:
        """Whether the pixel data are a sequence of fragments."""
        return self.pixel is not None and self.pixel.undefined

    def tags(self) -> Iterator[int]:
        """Tags of the top level, in the file's order."""
        return (element.tag for element in self.raw)

    def __contains__(self, tag: int) -> bool:
        return tag in self.by_tag

    def get(self, tag: int) -> Element | None:
        """Give an element of the top level, sequences taken apart; None when there is none.

        Raises
        ------
        DamagedObjectError
            If its items cannot be read.
        """
        found = self._nested.get(tag)
        if found is None:
            raw = self.by_tag.get(tag)
            if raw is None:
                return None
            found = self._nested[tag] = self.element(raw)
        return found

    def element(self, raw: RawElement) -> Element:
        """Take one top-level element apart."""
        if raw.element is not None:
            return raw.element
        content = raw.raw or self.source.read(raw.start, raw.size)
        extent = (raw.value_offset, raw.length)
        element = element_of(content, raw.vr, raw.tag, extent, self.encoding)
        if raw.raw:
            raw.element = element
        return element

    def text(self, tag: int) -> str:
        """Give a value of the top level as text; empty when there is none."""
        raw = self.by_tag.get(tag)
        if raw is None or raw.vr == "SQ":
            return ""
        if raw.charset is not self.charset:
            raw.text = self.charset.decode(raw.raw[raw.value_offset :], raw.vr)
            raw.charset = self.charset
        return raw.text

    def values(self, tag: int) -> list[str]:
        """Give the values of a text element of the top level."""
        return values_of(self.get(tag), self.charset)

    def numbers(self, tag: int) -> list[float]:
        """Give the values of a number element of the top level; those that are none left out."""
        element = self.get(tag)
        return [] if element is None else numbers_of(element, self.encoding)

    def integer(self, tag: int, default: int | None = None) -> int | None:
        """Give a single whole number of the top level."""
        found = self.numbers(tag)
        return int(found[0]) if found else default

    def pixel_bytes(self) -> memoryview:
        """Give the value of the pixel data as a view of the file.

        Native: the pixels. Encapsulated: the items, the basic offset table first, without the
        sequence delimiter.
        """
        if self.pixel is None:
            return memoryview(b"")
        return self.source.view(self.pixel.offset, self.pixel.length)

    def add(self, element: RawElement) -> None:
        """Take up the next element of the top level."""
        self.raw.append(element)
        self.parts.append(element)
        self.by_tag[element.tag] = element

    def take(self, part: Part) -> None:
        """Take up the next elements of the top level, known from another file."""
        if isinstance(part, Run):
            self.raw.extend(part.elements)
            self.parts.append(part)
            self.by_tag.update(part.by_tag)
        else:
            self.add(part)
