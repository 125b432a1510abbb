"""The safe private attributes of PS3.15 Table E.3.10-1: known by creator, block and VR.

``data/safe_private.csv`` holds the table's facts (edition 2026a, 479 rows: private creator, group,
element within the block, VR); names are those of pydicom's private dictionary (MIT licence) where
it has them. Creators are compared without regard to capitals, as vendors write them both ways.

What an object itself declares safe, in (0008,0300), is not believed: an object may be wrong.

References
----------
PS3.15 E.3.10, Table E.3.10-1.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIRST_CLAIM = 0x10
_BLOCK = 0x1000
_ELEMENT = 0xFF


@cache
def safe_private() -> Mapping[tuple[str, int, int], str]:
    """Give the VR by creator (case-folded), group and element within the creator's block."""
    text = files("fedpacs.deidentification").joinpath("data", "safe_private.csv").read_text("utf-8")
    return MappingProxyType(
        {
            (line["creator"].casefold(), int(line["tag"][:4], 16), int(line["tag"][6:], 16)): (
                line["vr"]
            )
            for line in csv.DictReader(text.splitlines())
        }
    )


@cache
def _claims() -> frozenset[tuple[str, int]]:
    return frozenset((creator, group) for creator, group, _ in safe_private())


def is_safe_creator(creator: str, tag: int) -> bool:
    """Tell whether an element is a creator's claim of a block in which something is safe.

    Parameters
    ----------
    creator
        Value of the element.
    tag
        Tag of the element.
    """
    claims = _FIRST_CLAIM <= tag & 0xFFFF <= _ELEMENT
    return claims and (creator.strip(" \0").casefold(), tag >> 16) in _claims()


def safe_private_vr(creator: str, tag: int) -> str | None:
    """Give the VR of a safe private attribute.

    Parameters
    ----------
    creator
        Value of its private creator element.
    tag
        Tag as one number, as in the file: the block is in bits 8 to 15.

    Returns
    -------
    str | None
        None when the table does not hold the attribute. ``UN`` where it leaves the VR open.
    """
    if tag & 0xFFFF < _BLOCK:
        return None
    return safe_private().get((creator.strip(" \0").casefold(), tag >> 16, tag & _ELEMENT))
