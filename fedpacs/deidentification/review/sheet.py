"""The contact sheet: one page that opens offline, with its pictures beside it. Identified.

With the source and the map it shows before, after and difference; without, the output alone.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fedpacs.core.errors import FedpacsError
from fedpacs.deidentification.review.errors import ReviewFolderError, ReviewMapError
from fedpacs.deidentification.review.pictures import choose_frames, frame_pictures
from fedpacs.deidentification.review.sampling import draw, new_seed
from fedpacs.deidentification.review.tag_table import (
    MAXIMUM_ROWS,
    Fate,
    TagRow,
    tag_table,
    without_repeats,
)
from fedpacs.deidentification.review.verdicts import VERDICT_KIND, Judgement, Remark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from fedpacs.deidentification.review.pictures import FrameChoice, FramePictures
    from fedpacs.deidentification.review.sampling import Sample

DEFAULT_SIZE = 20
PAGE = "sheet.html"
_PICTURES = "pictures"
_MODALITY = "0008,0060"
_SOP_CLASS = "0008,0016"


@dataclass(frozen=True, slots=True)
class SheetOptions:
    """What the contact sheet shows.

    Attributes
    ----------
    source
        Folder of the identified originals; None to show the output alone.
    map_file
        The run's map, which tells which original each output came from.
    size
        How many objects.
    seed
        Of the drawing; drawn when left out.
    progress
        Called with the stage, objects done and objects in all.
    """

    source: Path | None = None
    map_file: Path | None = None
    size: int = DEFAULT_SIZE
    seed: int | None = None
    progress: Callable[[str, int, int], None] | None = None


@dataclass(frozen=True, slots=True)
class ContactSheet:
    """What was made.

    Attributes
    ----------
    page
        File to open in a browser.
    sample
        Digest of the sample.
    with_source
        Objects that are shown beside their originals.
    without_picture
        Objects that have none, or none that can be decoded.
    """

    page: Path
    sample: str
    seed: int
    population: int
    sampled: int
    with_source: int
    without_picture: int


@dataclass(frozen=True, slots=True, repr=False)
class SheetItem:
    """One object on the sheet. Identified; has no ``repr``."""

    number: int
    name: str
    kind: str
    modality: str
    frames: FrameChoice
    pictures: tuple[FramePictures, ...]
    rows: dict[str, list[TagRow]]
    omitted: int
    compared: bool
    fault: str


def make_sheet(out: Path, to: Path, options: SheetOptions) -> ContactSheet:
    """Draw a sample and write its contact sheet.

    Parameters
    ----------
    out
        Folder of de-identified files.
    to
        New folder, mode 0700, outside of `out`. Identified where a source is shown.

    Raises
    ------
    NothingToReviewError
        If there is no file.
    ReviewFolderError
        If the sheet cannot be written there.
    ReviewMapError
        If the map cannot be read, or is given without the source or the other way round.
    """
    if (options.source is None) != (options.map_file is None):
        raise ReviewMapError("Source and map belong together; one of them was given.")
    sources = _sources(options.source, options.map_file)
    seed = new_seed() if options.seed is None else options.seed
    sample = draw(out, options.size, seed)
    _make_folder(out, to)
    items = []
    for number, file in enumerate(sample.files, start=1):
        item = _item(number, out / file.name, sources.get(file.name), file.name)
        _write_pictures(to, item)
        items.append(_without_bytes(item))
        if options.progress:
            options.progress("draw", number, len(sample.files))
    _write(to / PAGE, _page(sample, items, identified=bool(sources)).encode())
    return ContactSheet(
        page=to / PAGE,
        sample=sample.digest,
        seed=seed,
        population=sample.population,
        sampled=len(items),
        with_source=sum(item.compared for item in items),
        without_picture=sum(not item.pictures for item in items),
    )


def _sources(source: Path | None, map_file: Path | None) -> dict[str, Path]:
    """Read which original each output came from."""
    if source is None or map_file is None:
        return {}
    found = {}
    try:
        with map_file.open(encoding="utf-8") as handle:
            for line in handle:
                entry = json.loads(line)
                if entry["status"] == "ok" and entry["dst"]:
                    found[str(entry["dst"])] = source / entry["src"]
    except (OSError, ValueError, KeyError, TypeError):
        raise ReviewMapError("The map cannot be read.") from None
    return found


def _make_folder(out: Path, to: Path) -> None:
    if out.resolve() in (to.resolve(), *to.resolve().parents):
        raise ReviewFolderError("The contact sheet would lie in the reviewed folder.")
    try:
        to.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(to.iterdir()):
            raise ReviewFolderError("There is something in the contact sheet's folder already.")
        to.chmod(0o700)
        (to / _PICTURES).mkdir(mode=0o700)
    except OSError as error:
        raise ReviewFolderError(f"The folder cannot be made: {error.strerror}.") from None


def _item(number: int, after: Path, before: Path | None, name: str) -> SheetItem:
    fault, rows = "", []
    try:
        rows = tag_table(after, before)
    except FedpacsError as error:
        fault, before = error.code, None
    values = {row.where: row.after for row in rows}
    frames = choose_frames(after, before)
    pictures = (frame_pictures(after, before, frame) for frame in frames.shown)
    by_fate: dict[str, list[TagRow]] = {fate.value: [] for fate in Fate}
    listed = without_repeats(rows)
    for row in listed[:MAXIMUM_ROWS]:
        by_fate[row.fate.value].append(row)
    return SheetItem(
        number=number,
        name=name,
        kind=_class_name(values.get(_SOP_CLASS, "")),
        modality=values.get(_MODALITY, ""),
        frames=frames,
        pictures=tuple(picture for picture in pictures if picture is not None),
        rows=by_fate,
        omitted=max(len(listed) - MAXIMUM_ROWS, 0),
        compared=before is not None,
        fault=fault,
    )


def _class_name(uid: str) -> str:
    from pydicom.uid import UID

    return UID(uid).name if uid else "unknown kind"


def picture_name(item: SheetItem, picture: FramePictures, role: str) -> str:
    """Name the file of a picture, below the sheet's folder."""
    return f"{_PICTURES}/{item.number:03}-{picture.number:05}-{role}.png"


def _write_pictures(to: Path, item: SheetItem) -> None:
    for picture in item.pictures:
        for role in ("before", "after", "difference"):
            content = getattr(picture, role)
            if content:
                _write(to / picture_name(item, picture, role), content)


def _without_bytes(item: SheetItem) -> SheetItem:
    """Let go of the pictures once they are written: memory stays flat."""
    slim = tuple(
        replace(p, before=p.before[:1], after=p.after[:1], difference=p.difference[:1])
        for p in item.pictures
    )
    return replace(item, pictures=slim)


def _page(sample: Sample, items: list[SheetItem], *, identified: bool) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("fedpacs.deidentification.review", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("sheet.html.j2").render(
        sample=sample,
        items=items,
        identified=identified,
        kinds=Counter(item.modality or "?" for item in items).most_common(),
        made_at=datetime.now(UTC),
        picture_name=picture_name,
        judgements=_JUDGEMENTS,
        remarks=_REMARKS,
        verdict=_blank_verdict(sample),
        Fate=Fate,
    )


def _blank_verdict(sample: Sample) -> Mapping[str, object]:
    return {
        "kind": VERDICT_KIND,
        "sample": sample.digest,
        "seed": str(sample.seed),  # a browser's numbers have 53 bits
        "size": len(sample.files),
        "names": [file.name for file in sample.files],
    }


_JUDGEMENTS = (
    (Judgement.CLEAN, "Pass", "nothing identifies anybody, nothing useful is lost"),
    (Judgement.LEAK, "Leak", "something identifies a person"),
    (Judgement.OVER_CLEANED, "Over-cleaned", "something useful is gone"),
)
_REMARKS = (
    (Remark.NAME, "name in text"),
    (Remark.NUMBER, "number in text"),
    (Remark.DATE, "date in text"),
    (Remark.PLACE, "place or institution"),
    (Remark.STAFF, "name of staff"),
    (Remark.PIXELS, "burned-in text"),
    (Remark.OVERLAY, "overlay or graphic"),
    (Remark.FACE, "recognisable face"),
    (Remark.PRIVATE, "private attribute"),
    (Remark.TEXT_LOST, "clinical text lost"),
    (Remark.ANATOMY_LOST, "anatomy masked"),
    (Remark.VALUE_LOST, "value lost"),
    (Remark.PICTURE, "picture cannot be seen"),
    (Remark.OTHER, "other"),
)


def _write(path: Path, content: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
    except OSError as error:
        raise ReviewFolderError(f"The sheet cannot be written: {error.strerror}.") from None
