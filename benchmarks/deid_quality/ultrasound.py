"""Ultrasound of the corpus: single pictures in colour and loops with a name in one frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.deid_quality.encodings import Encoding
from benchmarks.deid_quality.images import CLASS, finish, stored
from benchmarks.deid_quality.lines import add, banner, coloured, identifying_lines
from benchmarks.deid_quality.pictures import Style, fan

if TYPE_CHECKING:
    from benchmarks.deid_quality.headers import Draft

TOP = 64


def _regions(draft: Draft, shape: tuple[int, int]) -> None:
    inner = draft.top.item("SequenceOfUltrasoundRegions")
    inner.keep_all(
        RegionSpatialFormat=1,
        RegionDataType=1,
        RegionFlags=2,
        RegionLocationMinX0=30,
        RegionLocationMinY0=TOP,
        RegionLocationMaxX1=shape[1] - 30,
        RegionLocationMaxY1=shape[0] - 10,
        PhysicalUnitsXDirection=3,
        PhysicalUnitsYDirection=3,
        PhysicalDeltaX=0.03,
        PhysicalDeltaY=0.03,
    )


def _acquisition(draft: Draft) -> None:
    draft.image(spatial=False)
    draft.top.keep_all(
        ImageType=["ORIGINAL", "PRIMARY", "ABDOMINAL", "0001"],
        TransducerData=["C5-1", "", ""],
        MechanicalIndex="1.2",
        ProcessingFunction="THI",
        BodyPartExamined="ABDOMEN",
    )
    if draft.number % 2:
        _regions(draft, (480, 640))


def single(draft: Draft) -> None:
    """US picture in colour or grey, with a banner or without any text."""
    number, top = draft.number, draft.top
    draft.begin(CLASS + "6.1", "US", 2)
    _acquisition(draft)
    shape = (480, 640) if number % 2 else (360, 480)
    picture = fan(draft.rng, shape, TOP)
    if number % 4 == 3:
        picture[:TOP] = 0  # no banner at all
    elif number % 6 == 5:
        top.put("BurnedInAnnotation", "NO")  # a lie: there is a name
        add(draft, picture, identifying_lines(draft)[0], (200, 200), Style(18, 1.0, None, 0))
    else:
        banner(draft, picture)
    syntax = ("explicit", "jpeg", "implicit", "rle", "j2k-lossy", "jpeg", "j2k")[number % 7]
    if number % 5 == 2:
        finish(draft, stored([picture], 8), Encoding(syntax), 8)
        return
    colour = "ybr" if number % 3 == 0 and syntax in {"explicit", "implicit", "rle"} else "rgb"
    chroma = ("4:4:4", "4:2:2", "4:2:0")[number % 3]
    tinted = coloured(picture, (1, 0.95, 0.8))
    if number % 4 == 1:
        yellow = Style(15, colour=(1.0, 0.9, 0.1), font=number)
        add(draft, tinted, identifying_lines(draft)[number % 3], (8, shape[0] - 30), yellow)
    if number % 8 == 2:
        red = Style(14, colour=(0.8, 0.1, 0.1), font=number)
        add(draft, tinted, identifying_lines(draft)[5], (shape[1] - 150, shape[0] - 40), red)
    finish(draft, stored([tinted], 8), Encoding(syntax, colour, "", chroma), 8)


def loop(draft: Draft) -> None:
    """US loop of eight frames with a name in one of them, in all or in none."""
    number, top = draft.number, draft.top
    draft.begin(CLASS + "3.1", "US", 2)
    _acquisition(draft)
    shape = (300, 400)
    base = fan(draft.rng, shape, TOP)
    pictures = []
    for frame in range(8):
        moved = np.roll(base, frame, axis=1) if frame not in {3, 4} else pictures[-1].copy()
        moved[:TOP] = 0
        pictures.append(np.ascontiguousarray(moved))
    which = {0: [5], 1: list(range(8)), 2: [], 3: [0], 4: [7]}[number % 5]
    for frame in which:
        if number % 5 == 1:
            banner(draft, pictures[frame], frame)
        else:
            style = Style(15, 0.9, None, number)
            add(draft, pictures[frame], identifying_lines(draft)[0], (20, 20), style, frame=frame)
    top.keep_all(FrameTime="33.3", CineRate="30")
    top.put("FrameIncrementPointer", 0x00181063)
    syntax = ("jpeg", "explicit", "rle", "jpeg", "j2k")[(number // 2) % 5]
    if number % 2:
        finish(draft, stored(pictures, 8), Encoding(syntax), 8)
    else:
        tinted = [coloured(one, (1, 0.9, 0.7)) for one in pictures]
        finish(draft, stored(tinted, 8), Encoding(syntax, "rgb"), 8)
