"""Measure the text detector: text hidden, text-free frames untouched, CPU time of each stage.

    OMP_NUM_THREADS=1 python -m benchmarks.deid_pixels [--scenes 12] [--misses]

Scenes are drawn by `deid_pixel_scenes`: half of them with three identifying lines and a marker,
half without text. Times are CPU seconds a frame: strokes, one look of OCR's detector, all. CT, MR
and emission pictures are searched by strokes, and read where these look like text; all others are
read in any case. The grids of the phantom cross the text that is on them.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.deid_pixel_scenes import KINDS, Scene, scene_of
from fedpacs.deidentification.pixels.detection import Detector, FrameText
from fedpacs.deidentification.pixels.ocr import Reader
from fedpacs.deidentification.pixels.strokes import text_rows
from fedpacs.deidentification.pixels.views import full_view, planes_of
from fedpacs.deidentification.text.cleaning import IdentityTerms, compile_terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEARCHED = {"CT", "MR", "NM"}
HIDDEN = 0.95
TERMS = compile_terms(IdentityTerms())


@dataclass(slots=True)
class Tally:
    """Counts of one kind of picture."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def row(self, kind: str) -> str:
        """Give a line of the table."""
        c = self.counts
        times = " | ".join(f"{np.mean(self.seconds[s]):.3f}" for s in STAGES if self.seconds[s])
        return (
            f"| {kind:8} | {c['hidden']}/{c['texts']} | {c['whole']}/{c['texts']} | "
            f"{c['kept']}/{c['markers']} | {c['untouched']}/{c['free']} | "
            f"{c['read']}/{c['free']} | {times} |"
        )


STAGES = ("strokes", "find", "all")


def timed(tally: Tally, stage: str, started: float) -> None:
    tally.seconds[stage].append(time.process_time() - started)


def masked(found: FrameText, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = np.zeros(shape[:2], bool)
    for box in found.boxes:
        mask[box.y0 : box.y1, box.x0 : box.x1] = True
    return mask


def measure(scene: Scene, detector: Detector, reader: Reader, tally: Tally) -> list[str]:
    """Look at a scene, count, and give what was missed."""
    planes = planes_of(scene.pixels)
    started = time.process_time()
    for plane in planes:
        text_rows(plane)
    timed(tally, "strokes", started)
    started = time.process_time()
    reader.find(full_view(planes[0]).picture)
    timed(tally, "find", started)
    started = time.process_time()
    effort = "strokes" if scene.kind in SEARCHED else "read"
    found = detector.look_at_picture(scene.pixels, TERMS, effort)
    timed(tally, "all", started)
    if not scene.planted:
        tally.counts.update(free=1, untouched=not found.boxes, read=found.read)
        return [f"{scene.kind}: {len(found.boxes)} false boxes"] if found.boxes else []
    mask = masked(found, scene.pixels.shape)
    missed = []
    for planted in scene.planted:
        share = float(mask[planted.ink].mean()) if planted.ink.any() else 1.0
        if not planted.identifying:
            tally.counts.update(markers=1, kept=share < 0.1)
            continue
        tally.counts.update(texts=1, hidden=share >= HIDDEN, whole=share == 1)
        if share < HIDDEN:
            missed.append(f"{scene.kind}: {planted.text!r} {planted.look}, {share:.0%} covered")
    return missed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=12, help="of each kind")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--misses", action="store_true", help="list what was missed")
    options = parser.parse_args()
    detector, reader = Detector(), Reader()
    reader.find(np.zeros((64, 64), np.uint8))  # loads the models
    names = ("hidden", "every pixel", "markers kept", "untouched", "read", *STAGES)
    print(f"| kind | {' | '.join(names)} |")
    print("|---" * (len(names) + 1) + "|")
    total, missed = Tally(), []
    for kind in KINDS:
        tally = Tally()
        for number in range(options.scenes):
            scene = scene_of(kind, options.seed + number, texts=0 if number % 2 else 3)
            missed += measure(scene, detector, reader, tally)
        print(tally.row(kind), flush=True)
        total.counts.update(tally.counts)
        for stage in STAGES:
            total.seconds[stage] += tally.seconds[stage]
    print(total.row("all"))
    if options.misses:
        print(*missed, sep="\n")


if __name__ == "__main__":
    main()
