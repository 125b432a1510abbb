"""Text of DICOM elements, read without pydicom's validation.

pydicom's warnings about malformed values quote the values, and a warning ends in a log. Reading
the raw bytes of the few elements that matter here keeps identifiers out of every message and
accepts what real archives hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.charset import python_encoding
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement

if TYPE_CHECKING:
    from pydicom import Dataset

_CHARSET_TAG = 0x00080005


def texts(ds: Dataset, keyword: str) -> tuple[str, ...]:
    """Give the values of a text element; empty when it is absent or has no value.

    Parameters
    ----------
    ds
        Data set as read.
    keyword
        DICOM keyword of an element whose VR is a text, number-string or UID.
    """
    value = _value(ds, tag_for_keyword(keyword) or 0)
    if value is None:
        return ()
    if isinstance(value, bytes):
        value = value.decode(_encoding(ds), errors="replace")
    if isinstance(value, str):
        value = value.split("\\")
    elif not isinstance(value, (list, tuple)) and not hasattr(value, "__iter__"):
        value = [value]
    found = tuple(str(part).strip(" \x00") for part in value)
    return () if found == ("",) else found


def text(ds: Dataset, keyword: str) -> str:
    """Give an element as one string, values joined by backslashes; empty when absent."""
    return "\\".join(texts(ds, keyword))


def _value(ds: Dataset, tag: int) -> object:
    element = ds.get_item(tag)
    if element is None:
        return None
    if isinstance(element, RawDataElement):
        return element.value
    if element.VR == "PN":
        return str(element.value)
    return element.value


def _encoding(ds: Dataset) -> str:
    raw = _value(ds, _CHARSET_TAG)
    if raw is None or raw == "":
        return "ascii"
    if isinstance(raw, bytes):
        raw = raw.decode("ascii", errors="replace")
    names = raw.split("\\") if isinstance(raw, str) else [str(part) for part in raw]  # type: ignore[attr-defined]  # MultiValue
    for name in reversed(names):
        encoding = python_encoding.get(name.strip(" \x00"))
        if encoding:
            return encoding
    return "latin-1"
