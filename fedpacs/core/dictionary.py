"""The DICOM data dictionary, UIDs and coded concepts: pydicom's generated tables, without pydicom.

Importing pydicom brings decoders and an HTTP client along and takes half a second, which a command
that only looks a tag up need not wait for. Its tables are modules that import nothing; they are
read from the installed package by themselves.

References
----------
PS3.6 (data dictionary, registry of UIDs); PS3.16 (context groups).
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType
    from typing import TypeAlias

    Entry: TypeAlias = tuple[str, str, str, str, str]
    Concepts: TypeAlias = Mapping[str, Mapping[str, Mapping[str, tuple[str, list[int]]]]]

_PRIVATE_MASK = 0x00010000


def _table(*place: str) -> ModuleType:
    """Load a module of tables from pydicom's folder, without what stands above it.

    It is a copy of our own: pynetdicom adds to pydicom's, and what we know must not depend on it.
    """
    name = ".".join(("pydicom", *place))
    package = find_spec("pydicom")
    folder = package.submodule_search_locations[0] if package else None  # type: ignore[index]  # a package has a folder
    spec = folder and spec_from_file_location(name, Path(folder, *place[:-1], f"{place[-1]}.py"))
    if not spec or spec.loader is None:
        raise ModuleNotFoundError(name)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_elements = _table("_dicom_dict")
DATA_ELEMENTS: Mapping[int, Entry] = _elements.DicomDictionary
"""VR, VM, name, ``Retired`` or nothing, and keyword by tag."""
REPEATING_GROUPS: Mapping[str, Entry] = _elements.RepeatersDictionary
"""The same by tag as text, with ``x`` for any digit."""
_NEWER: Mapping[str, Entry] = {
    f"1.2.840.10008.1.2.{end}": (name, "Transfer Syntax", "", "", name.replace(" ", ""))
    for end, name in (
        ("4.110", "JPEG XL Lossless"),
        ("4.111", "JPEG XL JPEG Recompression"),
        ("4.112", "JPEG XL"),
        ("8.1", "Deflated Image Frame Compression"),
    )
}
UIDS: Mapping[str, Entry] = {**_table("_uid_dict").UID_dictionary, **_NEWER}
"""Name, type, information, ``Retired`` or nothing, and keyword by UID."""
_masks = {
    tag: (int(tag.replace("x", "0"), 16), int("".join("0" if c == "x" else "F" for c in tag), 16))
    for tag in REPEATING_GROUPS
}


def entry_of(tag: int) -> Entry:
    """Give an attribute's line of the data dictionary.

    Raises
    ------
    KeyError
        If the standard has none, as for every private attribute.
    """
    found = DATA_ELEMENTS.get(tag)
    if found is not None:
        return found
    if not tag & _PRIVATE_MASK:
        for name, (digits, mask) in _masks.items():
            if not (tag ^ digits) & mask:
                return REPEATING_GROUPS[name]
    raise KeyError(tag)


def vr_of(tag: int) -> str:
    """Give an attribute's VR, such as ``US or SS``; `KeyError` when the standard has none."""
    return entry_of(tag)[0]


def vm_of(tag: int) -> str:
    """Give an attribute's VM, such as ``1-n``; `KeyError` when the standard has none."""
    return entry_of(tag)[1]


def name_of(tag: int) -> str:
    """Give an attribute's name; `KeyError` when the standard has none."""
    return entry_of(tag)[2]


def keyword_of(tag: int) -> str:
    """Give an attribute's keyword; `KeyError` when the standard has none."""
    return entry_of(tag)[4]


def tag_of(keyword: str) -> int | None:
    """Give the tag of a keyword; None when the standard has none."""
    return _tags().get(keyword)


@cache
def _tags() -> Mapping[str, int]:
    return {entry[4]: tag for tag, entry in DATA_ELEMENTS.items()}


@cache
def concepts() -> Concepts:
    """Coded concepts: meaning and context groups by code value by keyword by coding scheme."""
    found: Concepts = _table("sr", "_concepts_dict").concepts
    return found


@cache
def retired_snomed() -> Mapping[str, Mapping[str, str]]:
    """Code values of SCT by those of SRT, and the other way round."""
    found: Mapping[str, Mapping[str, str]] = _table("sr", "_snomed_dict").mapping
    return found
