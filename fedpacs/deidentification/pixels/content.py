"""New content of the pixel data element, in memory or in a scratch file, ready to be written."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fedpacs.deidentification.dicom.elements import Element


@dataclass(frozen=True, slots=True)
class PixelContent:
    """New value field of the pixel data element.

    Parameters
    ----------
    source
        The value field itself, or a scratch file that holds it. Native: of even length, in the byte
        order of the file. Encapsulated: the basic offset table item and the fragment items, without
        the sequence delimiter.
    length
        Bytes of it.
    transfer_syntax_uid
        Encoding; the one that the object came in.
    encapsulated
        Whether it is a sequence of fragments, to be written with undefined length.
    attributes
        Elements beside the pixel data that change with it, by tag: extended offset table and
        lengths. None removes one.
    """

    source: bytes | Path
    length: int
    transfer_syntax_uid: str
    encapsulated: bool
    attributes: Mapping[int, Element | None] = field(default_factory=lambda: MappingProxyType({}))
