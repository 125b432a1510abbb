"""The generator of ``phrases.txt`` and ``vocabulary.txt``: DICOM's own phrases, and their words.

Run by a developer when a new edition of the dictionaries comes out, never by the product::

    python -m fedpacs.deidentification.verification.generate_words FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from fedpacs.core.dictionary import DATA_ELEMENTS, UIDS
from fedpacs.deidentification.verification.standard import PHRASES, VOCABULARY, WORD, codes

_ARGUMENTS = 2


def generate() -> dict[str, str]:
    """Give the text of each file by name: one entry a line, without case, sorted."""
    phrases = {entry[2].casefold() for entry in DATA_ELEMENTS.values()}
    phrases.update(entry[0].casefold() for entry in UIDS.values())
    for by_value in codes().values():
        for meanings in by_value.values():
            phrases.update(meaning.casefold() for meaning in meanings)
    words = {word for phrase in phrases for word in WORD.findall(phrase)}
    return {
        name: "".join(f"{entry}\n" for entry in sorted(entries))
        for name, entries in ((PHRASES, phrases), (VOCABULARY, words))
    }


def main(arguments: list[str]) -> int:
    """Write both files into the folder that is named."""
    if len(arguments) != _ARGUMENTS:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    for name, text in generate().items():
        Path(arguments[1], name).write_text(text, "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
