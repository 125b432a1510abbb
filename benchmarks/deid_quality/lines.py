"""Text that modalities and people burn into pictures, and where they put it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.deid_quality.pictures import Style, burn

if TYPE_CHECKING:
    from benchmarks.deid_quality.headers import Draft
    from benchmarks.deid_quality.pictures import Picture


def identifying_lines(draft: Draft) -> list[str]:
    """Give lines that identify: name, number, birth, hospital, doctor."""
    person, study = draft.person, draft.study
    family, given = person.latin
    if person.language == "ru" or "=Παπ" in person.name:
        native = person.name.split("=")[-1].split("^")  # consoles with these letters exist
        family, given = native[:2] if draft.number % 2 else (family, given)
    name = (f"{family}, {given}", f"{family.upper()}^{given.upper()}", f"{given} {family}")
    return [
        name[draft.number % 3],
        f"ID: {person.patient_id}",
        person.birth.strftime(("DOB %d.%m.%Y", "%Y-%m-%d", "Geb. %d/%m/%Y")[draft.number % 3]),
        study.hospital,
        f"{study.when:%d-%b-%Y %H:%M:%S}",
        f"Dr. {study.performing.split('^')[0]}",
        f"Acc {study.accession}",
    ]


def style_of(draft: Draft, height: int) -> Style:
    """Give a look that goes with the picture's height in px."""
    size = max(11, round(height * (0.024, 0.03, 0.04, 0.055)[draft.number % 4]))
    ink, ground = ((1.0, None), (1.0, 0.0), (0.0, 1.0), (0.8, None), (1.0, 0.25))[draft.number % 5]
    return Style(size, ink, ground, draft.number % 6)


def corner_text(draft: Draft, picture: Picture, count: int = 3, frame: int = 0) -> None:
    """Burn lines into a corner, one below the other."""
    style = style_of(draft, picture.shape[0])
    lines = identifying_lines(draft)[:count]
    corner = draft.number % 4
    step = round(style.size * 1.7) + 3
    for index, line in enumerate(lines):
        x = 8 if corner % 2 == 0 else picture.shape[1]
        y = 8 + index * step if corner < 2 else picture.shape[0] - 8 - (len(lines) - index) * step
        add(draft, picture, line, (x, y), style, frame=frame)


def add(  # noqa: PLR0913 - where, what and how of a line
    draft: Draft,
    picture: Picture,
    text: str,
    at: tuple[int, int],
    style: Style,
    *,
    identifying: bool = True,
    frame: int = 0,
) -> None:
    """Burn one line and write it into the answer key."""
    from dataclasses import replace

    box = burn(picture, text, at, style, identifying=identifying)
    draft.specimen.boxes.append(replace(box, frame=frame))


def banner(draft: Draft, picture: Picture, frame: int = 0) -> None:
    """Burn an ultrasound machine's banner: who and where, and settings that do not identify."""
    style = Style(max(12, picture.shape[0] // 34), 0.95, None, draft.number % 6)
    lines = identifying_lines(draft)
    width = picture.shape[1]
    step = round(style.size * 1.6) + 2
    add(draft, picture, lines[0], (6, 4), style, frame=frame)
    add(draft, picture, lines[1], (6, 4 + step), style, frame=frame)
    add(draft, picture, lines[3], (width // 2 - 40, 4), style, frame=frame)
    add(draft, picture, lines[4], (width // 2 - 40, 4 + step), style, frame=frame)
    add(draft, picture, "MI 1.2", (width - 70, 4), style, identifying=False, frame=frame)


def coloured(picture: Picture, tint: tuple[float, float, float] = (1, 1, 1)) -> Picture:
    """Turn grey into RGB, (Y, X, 3)."""
    return np.stack([picture * share for share in tint], -1).astype(np.float32)
