"""The corpus: objects of fifteen kinds, written with their damage, and the answer key."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING

from pydicom import config as dicom_config
from pydicom.dataset import FileMetaDataset

from benchmarks.deid_quality import documents, images, radiotherapy, ultrasound
from benchmarks.deid_quality.encodings import SYNTAXES
from benchmarks.deid_quality.extras import EXTRAS
from benchmarks.deid_quality.headers import Draft
from benchmarks.deid_quality.people import people
from benchmarks.deid_quality.specimen import PRIVACY, Specimen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Removed whole by Table E.1-1: nothing inside of them can be asked to stay
REMOVED_WHOLE = ("04000561/", "FFFAFFFA/", "00081110/")
KINDS: dict[str, tuple[Callable[[Draft], None], int]] = {
    "CT": (images.ct, 96),
    "MR": (images.mr, 60),
    "enhanced": (images.enhanced, 24),
    "CR/DX": (images.xray, 48),
    "MG": (images.mammogram, 24),
    "US": (ultrasound.single, 48),
    "US loop": (ultrasound.loop, 20),
    "SC": (images.capture, 42),
    "XA/RF": (images.angiogram, 18),
    "PT/NM": (images.nuclear, 24),
    "RT": (radiotherapy.radiotherapy, 36),
    "SEG": (radiotherapy.segmentation, 18),
    "SR": (documents.report, 48),
    "PR": (documents.presentation, 18),
    "KO": (documents.key_objects, 12),
    "PDF/CDA": (documents.encapsulated, 12),
    "ECG": (documents.ecg, 15),
}


def drafts(seed: int, share: float) -> Iterator[Draft]:
    """Draft every object.

    Parameters
    ----------
    seed
        Of the people.
    share
        Of the full corpus, 0 to 1.
    """
    everyone = people(seed)
    studies = [(person, study) for person, several in everyone for study in several]
    slot = 100
    first_ct = set()
    turn = 0
    for kind, (draw, count) in KINDS.items():
        for number in range(max(4, round(count * share))):
            person, study = studies[(turn if kind != "CT" else number) % len(studies)]
            turn += 1
            slot += 1
            first = kind == "CT" and study.uid not in first_ct
            if first:
                first_ct.add(study.uid)
            draft = Draft(kind, number, 1 if first else slot, person, study)
            draw(draft)
            chosen = [EXTRAS[(turn * 5 + step * 11) % len(EXTRAS)] for step in range(turn % 3)]
            for extra in dict.fromkeys(chosen):
                extra(draft)
            draft.specimen.variant = " ".join(extra.__name__ for extra in dict.fromkeys(chosen))
            yield draft


def write(draft: Draft, folder: Path, name: str) -> Specimen:
    """Write the object as a file.

    Parameters
    ----------
    draft
        Ready object.
    folder
        The corpus.
    name
        Path below it.
    """
    specimen = draft.specimen
    specimen.path = name
    specimen.checks[:] = [
        one
        for one in specimen.checks
        if one.name in PRIVACY or not one.where.startswith(REMOVED_WHOLE)
    ]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = draft.sop_class
    meta.MediaStorageSOPInstanceUID = draft.uid
    meta.TransferSyntaxUID = SYNTAXES[specimen.syntax]
    meta.ImplementationClassUID = "1.2.276.0.7230010.3.0.3.6.7"
    for keyword, value in draft.meta.items():
        setattr(meta, keyword, value)
    ds = draft.dataset
    ds.file_meta = meta
    ds.preamble = draft.preamble
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    data = path.read_bytes()
    for damage in draft.after:
        data = damage(data)
    path.write_bytes(data)
    return specimen


def build(folder: Path, seed: int, share: float, *, bundled: bool) -> list[Specimen]:
    """Write the corpus below a folder.

    Parameters
    ----------
    folder
        Empty or new; `in` below it receives the files, `key.json` the answers.
    seed, share
        See `drafts`.
    bundled
        Whether pydicom's own files are added, given an identity.
    """
    from benchmarks.deid_quality.bundled import bundled_specimens
    from benchmarks.deid_quality.oddities import oddities

    dicom_config.settings.writing_validation_mode = dicom_config.IGNORE
    dicom_config.settings.reading_validation_mode = dicom_config.IGNORE
    specimens = []
    source = folder / "in"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the corpus is wrong on purpose
        for draft in drafts(seed, share):
            kind = draft.specimen.kind.replace("/", "-").replace(" ", "-")
            # families on film bags: a folder name that identifies is part of the game
            who = draft.person.family.replace(" ", "_")
            name = f"{who}/{draft.study.study_id}/{kind}-{draft.slot:04d}-{draft.number}.dcm"
            draft.specimen.plant(who, "name") if len(who) > 3 else None
            specimens.append(write(draft, source, name))
        specimens += oddities(source, specimens)
        if bundled:
            specimens += bundled_specimens(source)
    (folder / "key.json").write_text(json.dumps([one.as_json() for one in specimens]))
    return specimens


def load(folder: Path) -> list[Specimen]:
    """Read the answer key."""
    return [Specimen.of_json(one) for one in json.loads((folder / "key.json").read_text())]
