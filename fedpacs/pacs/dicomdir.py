"""DICOMDIR: what should lie in a folder. No path in it is ever followed.

The files of a folder are found by looking into it, and matched to the directory by UID. So a
directory that names paths outside of the folder leads nowhere, and an instance that it lists and
nobody finds makes its study incomplete.

References
----------
PS3.3 F; PS3.10 8.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.pacs.elements import text
from fedpacs.pacs.part10 import Header, is_uid, read_dataset

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom import Dataset

CLASS_UID = "1.2.840.10008.1.3.10"
_ROOT, _NEXT, _LOWER, _IN_USE = 0x00041200, 0x00041400, 0x00041420, 0x00041410
_RECORDS = 0x00041220
_INACTIVE = 0
_LEVELS = ("PatientID", "StudyInstanceUID", "StudyDate", "SeriesInstanceUID", "Modality")


def listed(path: Path) -> Iterator[Header]:
    """Give every instance that a DICOMDIR lists.

    Raises
    ------
    CorruptInstanceError
        If it cannot be parsed.
    """
    ds = read_dataset(path, pixels=False)
    if _RECORDS not in ds:
        return
    records: dict[int, Dataset] = {
        int(getattr(record, "seq_item_tell", 0) or getattr(record, "file_tell", 0) or 0): record
        for record in ds[_RECORDS].value
    }
    seen: set[int] = set()
    todo: list[tuple[int, dict[str, str]]] = [(_number(ds, _ROOT), {})]
    while todo:
        offset, known = todo.pop()
        record = records.get(offset)
        if record is None or offset in seen:
            continue  # the end of a chain, or one that bites its tail
        seen.add(offset)
        todo.append((_number(record, _NEXT), known))
        if _IN_USE in record and _number(record, _IN_USE) == _INACTIVE:
            continue
        here = known | {k: value for k in _LEVELS if (value := text(record, k))}
        todo.append((_number(record, _LOWER), here))
        header = _header(record, here)
        if header is not None:
            yield header


def _header(record: Dataset, known: dict[str, str]) -> Header | None:
    uid = text(record, "ReferencedSOPInstanceUIDInFile")
    study, series = known.get("StudyInstanceUID", ""), known.get("SeriesInstanceUID", "")
    if not all(is_uid(value) for value in (uid, study, series)):
        return None
    return Header(
        sop_instance_uid=uid,
        sop_class_uid=text(record, "ReferencedSOPClassUIDInFile"),
        study_instance_uid=study,
        series_instance_uid=series,
        modality=known.get("Modality", ""),
        patient_id=known.get("PatientID", ""),
        study_date=known.get("StudyDate", ""),
        transfer_syntax_uid=text(record, "ReferencedTransferSyntaxUIDInFile"),
    )


def _number(ds: Dataset, tag: int) -> int:
    value = ds[tag].value if tag in ds else 0
    return value if isinstance(value, int) else 0
