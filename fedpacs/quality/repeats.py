"""Pixels shown twice: a fingerprint suspects, the pixels themselves decide."""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import dcmread

from fedpacs.quality.findings import count, finding
from fedpacs.quality.pixels import frames_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fedpacs.quality.findings import QualityFinding
    from fedpacs.quality.pictures import Picture


def same_pixels(one: Picture, other: Picture) -> bool:
    """Compare the pixels of two pictures, read again."""
    first, second = (frame_of(picture) for picture in (one, other))
    return first is not None and second is not None and np.array_equal(first, second)


def frame_of(picture: Picture) -> NDArray[Any] | None:
    """Decode one picture again, in stored values; None when it cannot be."""
    from io import BytesIO

    source = picture.instance.source
    try:
        ds = dcmread(BytesIO(source) if isinstance(source, bytes) else source)
        return next(islice(frames_of(ds), picture.index, None))
    except Exception:  # noqa: BLE001 - decoders raise many types on damaged input
        return None


def of_repeats(pictures: Sequence[Picture]) -> Iterator[QualityFinding]:
    """Look for one picture stored under several positions."""
    seen: dict[object, list[Picture]] = defaultdict(list)
    repeated = 0
    for picture in pictures:
        facts = picture.facts
        if facts is None or facts.constant:
            continue
        twins = seen[facts.fingerprint]
        repeated += any(same_pixels(picture, twin) for twin in twins[:1])
        twins.append(picture)
    if repeated:
        sentence = f"{count(repeated, 'image')} of a stack repeat the pixels of another place."
        yield finding("repeated-pixels", sentence, images=repeated)
