"""Native pixel data written anew: copied, with changed frames written over their old places."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.pixels.frames import swapped
from fedpacs.deidentification.pixels.plain import plain_bytes, plain_pixels
from fedpacs.deidentification.pixels.scratch import ContentFile
from fedpacs.deidentification.pixels.stray_bits import UnusedBits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from fedpacs.deidentification.pixels.changes import Changes
    from fedpacs.deidentification.pixels.content import PixelContent
    from fedpacs.deidentification.pixels.facts import Pixels
    from fedpacs.deidentification.pixels.frames import Frames

_CHUNK_BYTES = 1 << 20


def rewrite_native(frames: Frames, changes: Changes, scratch: Path) -> PixelContent | None:
    """Write native pixel data anew, cleaned and changed.

    Parameters
    ----------
    frames
        The object's frames.
    changes
        What is to change.
    scratch
        Folder for a large result.

    Returns
    -------
    PixelContent or None
        None when there is nothing to change and nothing to clean.
    """
    facts = frames.facts
    unused = UnusedBits.of(facts)
    if unused is not None:
        for samples in _samples(frames):
            unused.learn(samples)
            if not unused.clean:
                break
    cleared = unused is not None and not unused.clean
    if not changes.numbers and not cleared and not _remains(frames):
        return None
    with ContentFile(scratch, facts.native_bytes) as file:
        _copy(frames, unused if cleared else None, file.out)
        for number in sorted(changes.numbers):
            _write_frame(frames, changes, number, unused if cleared else None, file.out)
        return file.content(facts, {})


def _chunks(frames: Frames) -> Iterator[bytes]:
    """Give the pixel bytes in pieces of whole samples, as they lie in the file."""
    size = frames.facts.native_bytes
    if frames.facts.swapped_words:
        size += size % 2  # the last pixel of an odd number is the second byte of its word
    for start in range(0, size, _CHUNK_BYTES):
        yield frames.stored(start, min(_CHUNK_BYTES, size - start))


def _samples(frames: Frames) -> Iterator[Pixels]:
    facts = frames.facts
    order = "=" if facts.little else ">"
    for chunk in _chunks(frames):
        samples = np.frombuffer(chunk, f"{order}u{facts.bits_allocated // 8}")
        yield samples.astype(samples.dtype.newbyteorder("="), copy=False)


def _remains(frames: Frames) -> bool:
    """Tell whether something stands behind the last pixel."""
    facts = frames.facts
    bits = facts.frame_bits * facts.frames % 8
    if bits and frames.read(facts.native_bytes - 1, 1)[0] >> bits:
        return True
    position = facts.native_bytes
    while position < frames.length:
        chunk = frames.read(position, min(_CHUNK_BYTES, frames.length - position))
        if chunk.strip(b"\0"):
            return True
        position += len(chunk)
    return False


def _copy(frames: Frames, unused: UnusedBits | None, out: BinaryIO) -> None:
    facts = frames.facts
    if unused is None:
        frames.copy(out, facts.native_bytes + (facts.native_bytes % 2 and facts.swapped_words))
    else:
        kind = f"{'<' if facts.little else '>'}u{facts.bits_allocated // 8}"
        out.writelines(
            unused.cleared(samples).astype(kind).tobytes() for samples in _samples(frames)
        )
    _clear_end(frames, out)


def _clear_end(frames: Frames, out: BinaryIO) -> None:
    """Leave nothing behind the last pixel: neither bits nor the byte that makes the length even."""
    facts = frames.facts
    size = facts.native_bytes
    bits = facts.frame_bits * facts.frames % 8
    if bits:
        last = frames.read(size - 1, 1)[0] & (1 << bits) - 1
        _write_over(frames, size - 1, bytes([last]), out)
    if size % 2:
        _write_over(frames, size, b"\0", out)


def _write_frame(
    frames: Frames, changes: Changes, number: int, unused: UnusedBits | None, out: BinaryIO
) -> None:
    facts = frames.facts
    coded = plain_pixels(facts, frames.frame_bytes(number))
    if unused is not None:
        coded = unused.cleared(coded)
    content = plain_bytes(facts, changes.applied(number, coded))
    start, shift = divmod(number * facts.frame_bits, 8)
    if facts.bits_allocated == 1:
        end = ((number + 1) * facts.frame_bits + 7) // 8
        around = np.unpackbits(
            np.frombuffer(_read_over(frames, start, end - start, out), np.uint8),
            bitorder="little",
        )
        bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")
        around[shift : shift + facts.frame_bits] = bits[: facts.frame_bits]
        content = np.packbits(around, bitorder="little").tobytes()
    _write_over(frames, start, content, out)


def _read_over(frames: Frames, start: int, size: int, out: BinaryIO) -> bytes:
    """Read what was written, pairs of bytes in order."""
    first = start - start % 2
    out.seek(first)
    content = out.read(start + size - first + (start + size - first) % 2)
    if frames.facts.swapped_words:
        content = swapped(content)
    return content[start - first : start - first + size]


def _write_over(frames: Frames, start: int, content: bytes, out: BinaryIO) -> None:
    """Write over what was written, pairs of bytes in order."""
    if not frames.facts.swapped_words:
        out.seek(start)
        out.write(content)
        return
    first = start - start % 2
    end = start + len(content)
    size = end + end % 2 - first
    out.seek(0, os.SEEK_END)
    if out.tell() < first + size:
        out.write(bytes(first + size - out.tell()))
    words = bytearray(_read_over(frames, first, size, out))
    words[start - first : end - first] = content
    out.seek(first)
    out.write(swapped(bytes(words)))
