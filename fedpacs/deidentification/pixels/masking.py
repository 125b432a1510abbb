"""Masking: boxes of frames painted black, frames replaced, and all other frames left as they are.

Whatever is written anew is clean besides: text beside the picture in compressed frames, something
in bits that no pixel uses and remains behind the last pixel are gone with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.deidentification.errors import DamagedPixelsError
from fedpacs.deidentification.pixels.changes import Masks, Replacements
from fedpacs.deidentification.pixels.compressed import rewrite_compressed
from fedpacs.deidentification.pixels.frames import Frames
from fedpacs.deidentification.pixels.native import rewrite_native

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.pixels.box import Box
    from fedpacs.deidentification.pixels.changes import Changes
    from fedpacs.deidentification.pixels.content import PixelContent
    from fedpacs.deidentification.pixels.facts import Pixels


def clean_content(parsed: ParsedObject, scratch: Path) -> PixelContent | None:
    """Take out what pixel data hold besides the picture.

    That is text and data beside the picture in compressed streams, something in bits that no pixel
    uses (embedded overlays), and whatever follows the last pixel. Frames that hold nothing of the
    kind stay byte by byte; in streams of the others only the segments concerned are missing.

    Parameters
    ----------
    parsed
        An object with pixel data.
    scratch
        Folder for a large result.

    Returns
    -------
    PixelContent or None
        None when all bytes may stay.

    Raises
    ------
    DamagedPixelsError
        If the pixel data are missing, short, or not as the header describes them.
    UnsupportedObjectError
        If they are encoded in a way that cannot be looked into (``deid.pixel-encoding``).
    """
    frames = Frames(parsed)
    return _rewritten(frames, Replacements(frames.facts, {}), scratch)


def mask_boxes(
    parsed: ParsedObject, boxes: Mapping[int, Sequence[Box]], scratch: Path
) -> PixelContent:
    """Paint boxes black, and clean the content as `clean_content` does.

    Lossless frames are encoded without loss in the transfer syntax that they came in. So are lossy
    ones where the syntax can (JPEG-LS near-lossless, JPEG 2000, HTJ2K): their other pixels stay as
    they were decoded. In JPEG Baseline and Extended only blocks that a box touches change.

    Parameters
    ----------
    parsed
        An object with pixel data.
    boxes
        By frame, from 0. Parts outside of a frame are left out.
    scratch
        Folder for a large result.

    Raises
    ------
    DamagedPixelsError
        If the pixel data are damaged, or no box touches a frame.
    UnsupportedObjectError
        If a frame cannot be changed in its encoding (``deid.pixel-encoding``).
    """
    frames = Frames(parsed)
    content = _rewritten(frames, Masks(frames.facts, parsed, boxes), scratch)
    if content is None:
        raise DamagedPixelsError("The boxes to be masked lie outside of the picture.")
    return content


def replace_frames(
    parsed: ParsedObject, frames: Mapping[int, Pixels], scratch: Path
) -> PixelContent:
    """Put frames in others' places, and clean the content as `clean_content` does.

    Parameters
    ----------
    parsed
        An object with pixel data.
    frames
        By frame, from 0: stored values, (Y, X) or (Y, X, S). Each is asked for once, in order.
    scratch
        Folder for a large result.

    Raises
    ------
    DamagedPixelsError
        If the pixel data are damaged, or a frame is of another size.
    UnsupportedObjectError
        If a frame cannot be replaced in its encoding (``deid.pixel-encoding``): JPEG Baseline and
        Extended.
    """
    before = Frames(parsed)
    content = _rewritten(before, Replacements(before.facts, frames), scratch)
    if content is None:
        raise DamagedPixelsError("None of the frames is one of the object.")
    return content


def _rewritten(frames: Frames, changes: Changes, scratch: Path) -> PixelContent | None:
    if frames.encapsulated is not None:
        return rewrite_compressed(frames, frames.encapsulated, changes, scratch)
    return rewrite_native(frames, changes, scratch)
