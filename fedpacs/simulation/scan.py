"""Search for planted identities in everything that left a hospital or stays de-identified.

Every planted string is looked for in each encoding that DICOM, JSON, HTTP or a log might give it,
as it stands and with the separators of a person name exchanged. All patterns are searched in one
pass: a table over the first three bytes sorts out nearly every position, the rest are compared.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

ENCODINGS = ("utf-8", "latin-1", "utf-16-le", "utf-16-be", "iso2022_jp", "cp1251", "iso8859_5")
_PREFIX = 3
_NEW_UID = b"2.25."
_LONGEST_UID = 64
_CHUNK_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a search found.

    Attributes
    ----------
    place
        What was searched, in words.
    files, size_bytes
        How much was searched.
    hits
        Number of planted strings that were found, each counted once.
    """

    place: str
    files: int
    size_bytes: int
    hits: int


class Scanner:
    """Looks for a fixed set of planted strings.

    Parameters
    ----------
    planted
        Strings to look for, at least four characters each.
    """

    def __init__(self, planted: Iterable[str]) -> None:
        self._by_prefix: dict[bytes, list[tuple[bytes, int]]] = {}
        strings = sorted(set(planted))
        self.count = len(strings)
        for number, text in enumerate(strings):
            for pattern in _patterns(text):
                self._by_prefix.setdefault(pattern[:_PREFIX], []).append((pattern, number))
        self._longest = max(
            (len(p) for patterns in self._by_prefix.values() for p, _ in patterns), default=0
        )
        self._table = np.zeros(1 << (8 * _PREFIX), dtype=bool)
        for prefix in self._by_prefix:
            self._table[int.from_bytes(prefix, "little")] = True

    def found_in(self, content: bytes) -> frozenset[int]:
        """Numbers of the planted strings that occur in the bytes, ASCII case ignored."""
        found: set[int] = set()
        step = _CHUNK_BYTES
        for start in range(0, max(len(content), 1), step):
            chunk = content[start : start + step + self._longest].lower()
            found.update(self._found_in_chunk(chunk))
        return frozenset(found)

    def _found_in_chunk(self, chunk: bytes) -> set[int]:
        if len(chunk) < _PREFIX:
            return set()
        octets = np.frombuffer(chunk, dtype=np.uint8).astype(np.uint32)
        keys = octets[:-2] | (octets[1:-1] << 8) | (octets[2:] << 16)
        found: set[int] = set()
        for position in np.flatnonzero(self._table[keys]).tolist():
            prefix = chunk[position : position + _PREFIX]
            for pattern, number in self._by_prefix[prefix]:
                if (
                    number not in found
                    and chunk.startswith(pattern, position)
                    and not (pattern.isdigit() and _in_new_uid(chunk, position))
                ):
                    found.add(number)
        return found

    def scan(self, place: str, contents: Iterable[bytes]) -> ScanResult:
        """Search many byte strings."""
        files = size = 0
        found: set[int] = set()
        for content in contents:
            files += 1
            size += len(content)
            found |= self.found_in(content)
        return ScanResult(place, files, size, len(found))

    def scan_files(self, place: str, paths: Iterable[Path]) -> ScanResult:
        """Search files, names included."""
        return self.scan(place, (path.name.encode() + b"\0" + path.read_bytes() for path in paths))


def _in_new_uid(chunk: bytes, position: int) -> bool:
    """Tell whether digits stand inside one of our own new UIDs, where any may turn up by chance."""
    start = chunk.rfind(_NEW_UID, max(position - _LONGEST_UID, 0), position)
    between = chunk[start + len(_NEW_UID) : position]
    return start >= 0 and (not between or between.isdigit())


def _patterns(text: str) -> set[bytes]:
    """Every spelling and encoding of one planted string, in lower case."""
    patterns: set[bytes] = set()
    for spelling in _spellings(text):
        for encoding in ENCODINGS:
            try:
                patterns.add(spelling.encode(encoding).lower())
            except UnicodeEncodeError:
                continue
        patterns.add(spelling.encode("unicode_escape").lower())
        patterns.update(_base64_cores(spelling.encode()))
    return {pattern for pattern in patterns if len(pattern) > _PREFIX}


def _spellings(text: str) -> Sequence[str]:
    spellings = [text, text.lower(), text.upper()]
    if "^" in text:
        parts = [part for part in text.split("^") if part]
        spellings += [" ".join(parts), ", ".join(parts), " ".join(reversed(parts))]
    return spellings


def _base64_cores(content: bytes) -> set[bytes]:
    """Parts of the base64 form that do not depend on what stands around, for each alignment.

    The search ignores case, so these are put in lower case, too: more hits, never fewer.
    """
    cores = set()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + content)
        start = (0, 2, 3)[shift]
        end = len(encoded) - (0 if (shift + len(content)) % 3 == 0 else 4)
        core = encoded[start:end].lower()
        if len(core) >= 8:  # noqa: PLR2004 - shorter ones would match by chance
            cores.add(core)
    return cores
