"""What a de-identified file is, read from the file itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.core.study import DeidentifiedInstance
from fedpacs.deidentification.admission import (
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
)
from fedpacs.deidentification.dicom.parsing import parse

if TYPE_CHECKING:
    from pathlib import Path

    from fedpacs.deidentification.dicom.parsed import ParsedObject

_MODALITY = 0x00080060


def describe(path: Path, digest: str) -> DeidentifiedInstance:
    """Say what a de-identified file is."""
    with parse(path) as new:
        return DeidentifiedInstance(
            sop_instance_uid=new.text(SOP_INSTANCE_UID),
            sop_class_uid=new.text(SOP_CLASS_UID),
            series_instance_uid=new.text(SERIES_INSTANCE_UID),
            modality=new.text(_MODALITY),
            path=path,
            digest=digest,
            referenced_series_uid=_referenced_series_uid(new),
        )


def _referenced_series_uid(new: ParsedObject) -> str:
    """Give the UID of the series that a SEG or RTSTRUCT was drawn on; empty for anything else."""
    return _first(new, (0x00081115, 0x0020000E)) or _first(
        new, (0x30060010, 0x30060012, 0x30060014, 0x0020000E)
    )


def _first(new: ParsedObject, way: tuple[int, ...]) -> str:
    """Follow the first item of each sequence down to a UID."""
    element = new.get(way[0])
    for tag in way[1:]:
        if element is None or not element.items:
            return ""
        element = element.items[0].get(tag)
    return "" if element is None else element.value.decode("ascii", "replace").strip(" \0")
