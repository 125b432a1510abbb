"""Finding the values that an answer key asks about in an output."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset


def element_value(ds: Dataset, tag: int) -> object:
    """Give a value, as raw bytes where it is not of its VR."""
    try:
        return ds[tag].value
    except Exception:  # noqa: BLE001 - damaged on purpose
        raw = ds.get_item(tag)
        return raw.value if isinstance(raw, RawDataElement) else None


def texts(value: object) -> str:
    """Write a value as the answer key does."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.hex() if len(value) > 400 or not _printable(value) else value.decode("latin-1")
    if isinstance(value, (list, tuple, MultiValue)):
        return "\\".join(str(one) for one in value)
    return str(value)


def _printable(value: bytes) -> bool:
    return all(one >= 32 or one in b"\r\n\t\0" for one in value)


def levels_at(ds: Dataset, parts: list[str]) -> Iterator[Dataset]:
    """Give every item that a path of sequences leads to."""
    if not parts:
        yield ds
        return
    tag = tag_of(ds, parts[0])
    value = element_value(ds, tag) if tag is not None and tag in ds else None
    if isinstance(value, Sequence):
        for item in value:
            yield from levels_at(item, parts[1:])


def tag_of(ds: Dataset, part: str) -> int | None:
    """Resolve one step of a path; private blocks by their creator."""
    if "@" not in part:
        return int(part, 16)
    group_text, creator, element = part.split("@")
    group = int(group_text, 16)
    for block in range(0x10, 0x100):
        tag = (group << 16) | block
        if tag in ds and texts(element_value(ds, tag)).strip("\0 ") == creator:
            return (tag & 0xFFFF0000) | (block << 8) | int(element, 16)
    return None


def values_at(ds: Dataset, where: str) -> list[str]:
    """Give all values that a path leads to, over all items.

    Parameters
    ----------
    ds
        An output.
    where
        Path of a check.
    """
    *path, last = where.split("/")
    found = []
    for level in levels_at(ds, path):
        tag = tag_of(level, last)
        if tag is not None and tag in level:
            found.append(texts(element_value(level, tag)).rstrip("\0 "))
    return found


def holds(value: str, span: str) -> bool:
    """Say whether a text holds a span: short ones as words only."""
    one, other = value.casefold(), span.casefold()
    if len(other) >= 4 or not other.isascii():
        return bool(other) and other in one
    return re.search(rf"(?<!\w){re.escape(other)}(?!\w)", one) is not None


def same(value: str, expected: str) -> bool:
    """Say whether two values are the same, numbers by their amount."""
    ours, theirs = value.strip("\0 "), expected.strip("\0 ")
    if ours == theirs:
        return True
    pairs = ours.split("\\"), theirs.split("\\")
    if len(pairs[0]) != len(pairs[1]):
        return False
    return all(_close(one, other) for one, other in zip(*pairs, strict=True))


def _close(one: str, other: str) -> bool:
    try:
        return abs(float(one) - float(other)) <= 1e-6 * max(1.0, abs(float(other)))
    except ValueError:
        return one.strip() == other.strip()


def all_text(ds: Dataset) -> Iterator[str]:
    """Give every value of a data set as text, nested ones too."""
    for tag in list(ds.keys()):
        if tag == 0x7FE00010:
            continue
        value = element_value(ds, tag)
        if isinstance(value, Sequence):
            for item in value:
                yield from all_text(item)
        elif isinstance(value, bytes):
            if len(value) < 65536:
                yield value.decode("utf-8", "ignore")
        else:
            yield texts(value)
