"""Files that should be refused: no DICOM, directories, cut and empty files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.deid_quality.specimen import Specimen

if TYPE_CHECKING:
    from pathlib import Path


def oddities(source: Path, specimens: list[Specimen]) -> list[Specimen]:
    """Write files that no de-identifier can answer for.

    Parameters
    ----------
    source
        The corpus's folder of files.
    specimens
        Objects of the corpus, from which some are cut.
    """
    made = [
        _write(source, "odd/empty.dcm", b"", []),
        _write(
            source, "odd/letter.txt", b"Dear Mrs. Haberstroh, about Mr. Zillerbach", ["Zillerbach"]
        ),
        _write(source, "odd/picture.png", b"\x89PNG\r\n\x1a\n" + b"Zillerbach" * 9, ["Zillerbach"]),
        _write(source, "odd/prefix-only.dcm", b"\0" * 128 + b"DICM", []),
        _write(source, "odd/noise.dcm", bytes(range(256)) * 40, []),
    ]
    for number, one in enumerate([one for one in specimens if one.syntax == "explicit"][:3]):
        data = (source / one.path).read_bytes()
        cut = data[: len(data) * (number + 1) // 5]
        names = [planted.text for planted in one.planted]
        made.append(_write(source, f"odd/cut-{number}.dcm", cut, names))
    return made


def _write(source: Path, name: str, data: bytes, planted: list[str]) -> Specimen:
    path = source / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    specimen = Specimen(path=name, kind="unreadable", person=name, readable=False)
    specimen.encodings = ["utf-8", "utf-16-le"]
    for text in planted:
        specimen.plant(text, "name")
    return specimen
