"""Scoring a run: every line of the answer key against every output."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pydicom
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from benchmarks.deid_quality import conformance, pixel_checks
from benchmarks.deid_quality.leaks import leaked
from benchmarks.deid_quality.linkage import Linkage
from benchmarks.deid_quality.lookup import all_text, holds, same, values_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset

    from benchmarks.deid_quality.specimen import Box, Check, Specimen

UNREADABLE = {"group_zero", "no_meta", "no_preamble"}  # of whose sources dciodvfy sees nothing
META = (0x00020016, 0x00020017, 0x00020018, 0x00020026, 0x00020100, 0x00020102)


QUESTIONS: dict[str, Callable[[list[str], str], bool]] = {
    "removed": lambda found, expected: not any(holds(one, expected) for one in found),
    "shifted": lambda found, expected: not any(expected[:8] in one for one in found),
    "changed": lambda found, expected: expected not in found,
    "retained": lambda found, expected: any(same(one, expected) for one in found),
    "words": lambda found, expected: any(expected.casefold() in one.casefold() for one in found),
    "not-null": lambda found, _: all(one.strip() for one in found),
    "age": lambda found, _: not any(one[:3].isdigit() and int(one[:3]) > 90 for one in found),
}


@dataclass(frozen=True, slots=True)
class Result:
    """One check that was made.

    Parameters
    ----------
    path, kind, variant
        Which file.
    check, where, expected
        What was asked, see `Check`.
    passed
        The answer.
    found
        What was there instead, shortened; the corpus is invented, so it may be shown.
    """

    path: str
    kind: str
    variant: str
    check: str
    where: str
    expected: str
    passed: bool
    found: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """What became of a file: where it went, or why not."""

    src: str
    dst: str | None
    status: str
    code: str | None = None


@dataclass(slots=True)
class Pair:
    """A file and its output, read."""

    specimen: Specimen
    source: Path
    output: Path
    name: str
    data: bytes
    ds: Dataset | None


def opened(path: Path) -> Dataset | None:
    """Read an output; None if it is no DICOM."""
    try:
        ds = pydicom.dcmread(path, force=True)
    except Exception:  # noqa: BLE001 - whatever a tool wrote
        return None
    if "TransferSyntaxUID" not in ds.file_meta:  # a bare data set
        implicit, _ = ds.original_encoding
        ds.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        )
    return ds if len(ds) else None


def score(
    specimens: list[Specimen], releases: dict[str, Release], source: Path, out: Path
) -> Iterator[Result]:
    """Check every released file.

    Parameters
    ----------
    specimens
        The answer key.
    releases
        By the path of the source.
    source, out
        Folders of the corpus and of the output.
    """
    linkage = Linkage()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the corpus is wrong on purpose
        released = [one for one in specimens if _is_out(releases.get(one.path), out)]
        for specimen in released:
            ds = opened(out / str(releases[specimen.path].dst))
            before = opened(source / specimen.path)
            if ds is not None and before is not None and specimen.readable:
                linkage.learn(specimen, before, ds)
        for specimen in released:
            name = str(releases[specimen.path].dst)
            path = out / name
            pair = Pair(
                specimen, source / specimen.path, path, name, path.read_bytes(), opened(path)
            )
            yield from _scored(pair, linkage)


def _is_out(release: Release | None, out: Path) -> bool:
    return release is not None and release.dst is not None and (out / release.dst).is_file()


def _scored(pair: Pair, linkage: Linkage) -> Iterator[Result]:
    specimen = pair.specimen
    innocent = linkage.innocent(specimen.person)
    found = leaked(specimen, pair.data, pair.ds, pair.name, innocent)
    for planted in specimen.planted:
        yield _result(pair, "leak", planted.what, planted.text, planted.text not in found)
    if pair.ds is None or not specimen.readable:
        return
    for check in specimen.checks:
        if check.name not in {"pixels", "side-marker"}:
            answer = _answer(pair.ds, check, specimen, linkage)
            if answer is not None:
                passed, shown = answer
                yield _result(pair, check.name, check.where, check.expected, passed, shown)
    yield from _meta(pair)
    hidden = True
    for result in _pixels(pair):
        hidden = hidden and (result.passed or result.check != "hidden")
        yield result
    yield from _markers(pair, hidden=hidden)
    if conformance.checker() and not UNREADABLE & set(specimen.variant.split()):
        fresh = conformance.new_errors(pair.source, pair.output)
        yield _result(pair, "conformance", "", "", not fresh, "; ".join(sorted(fresh))[:300])


def _result(  # noqa: PLR0917 - the columns of a result, in their order
    pair: Pair, check: str, where: str, expected: str, passed: bool, found: str = ""
) -> Result:
    one = pair.specimen
    return Result(one.path, one.kind, one.variant, check, where, expected[:120], passed, found)


def _answer(
    ds: Dataset, check: Check, specimen: Specimen, linkage: Linkage
) -> tuple[bool, str] | None:
    where, expected = check.where, check.expected
    found = values_at(ds, where)
    shown = " | ".join(found)[:120]
    if check.name == "interval":
        return linkage.interval_kept(specimen.person, ds, where, expected), shown
    if check.name == "consistent":
        return linkage.consistent(specimen.person, ds, where, expected), shown
    if check.name == "reference":
        kept = linkage.reference_kept(ds, where, expected)
        return None if kept is None else (kept, shown)
    return QUESTIONS[check.name](found, expected), shown


def _meta(pair: Pair) -> Iterator[Result]:
    """Preamble and file meta: rewritten, and of this object."""
    preamble = pair.source.read_bytes()[:128]
    if preamble.strip(b"\0") and b"\0\0\0\0\0\0\0\0" in preamble:
        yield _result(pair, "meta", "preamble", "", pair.data[:128] != preamble)
    ds = pair.ds
    if ds is None:
        return
    meta = getattr(ds, "file_meta", None) or {}
    stale = [f"{tag:08X}" for tag in META if tag in meta]
    yield _result(pair, "meta", "file meta", "", not stale, " ".join(stale))
    whole = (
        pair.data[128:132] == b"DICM"
        and meta.get("MediaStorageSOPInstanceUID") == ds.get("SOPInstanceUID")
        and meta.get("MediaStorageSOPClassUID") == ds.get("SOPClassUID")
        and "TransferSyntaxUID" in meta
    )
    yield _result(pair, "conformance", "file meta", "", whole)
    stray = [f"{tag:08X}" for tag in ds.keys() if tag < 0x00080000]  # noqa: SIM118 - tags
    yield _result(pair, "conformance", "stray groups", "", not stray, " ".join(stray))


def _markers(pair: Pair, *, hidden: bool) -> Iterator[Result]:
    """Check that what the output says of itself (PS3.15 E.1.1, E.3) is there and true."""
    ds = pair.ds
    if ds is None:
        return
    codes = {
        str(item.get("CodeValue", ""))
        for item in ds.get("DeidentificationMethodCodeSequence") or []
    }
    facts = {
        "PatientIdentityRemoved": ds.get("PatientIdentityRemoved") == "YES",
        "method": bool(codes or ds.get("DeidentificationMethod")),
        "113100": "113100" in codes,
        "temporal": _temporal(ds, codes, pair.specimen),
        "burned-in": hidden or (ds.get("BurnedInAnnotation") != "NO" and "113101" not in codes),
    }
    for where, passed in facts.items():
        yield _result(pair, "markers", where, "", passed, " ".join(sorted(codes)))


def _temporal(ds: Dataset, codes: set[str], specimen: Specimen) -> bool:
    """Say whether the statement about dates is the one that is true."""
    stated = str(ds.get("LongitudinalTemporalInformationModified", ""))
    originals = [check for check in specimen.checks if check.name == "shifted"]
    kept = any(check.expected[:8] in one for check in originals for one in all_text(ds))
    if stated == "MODIFIED":
        return not kept and "113107" in codes
    if stated == "REMOVED":
        return not kept and not {"113106", "113107"} & codes
    return stated == "UNMODIFIED" and kept and "113106" in codes


def _pixels(pair: Pair) -> Iterator[Result]:
    specimen, ds = pair.specimen, pair.ds
    if ds is None or not specimen.frames:
        return
    source = opened(pair.source)
    if source is None:
        return
    wanted = {int(check.where) for check in specimen.checks if check.name == "pixels"}
    if wanted:
        try:
            before = pixel_checks.encoded_frames(source)
            after = pixel_checks.encoded_frames(ds) if "PixelData" in ds else []
        except Exception:  # noqa: BLE001 - whatever a tool wrote
            before, after = [b""] * (max(wanted) + 1), []
        for frame in sorted(wanted):
            passed = frame < len(after) and before[frame] == after[frame]
            yield _result(pair, "pixels", str(frame), "", passed)
    if specimen.boxes:
        yield from _boxes(pair, source)


def _boxes(pair: Pair, source: Dataset) -> Iterator[Result]:
    ds, specimen = pair.ds, pair.specimen
    if ds is None:
        return
    for box in specimen.boxes:
        if box.frame < 0:
            yield _result(pair, "hidden", box.text, "overlay", _plane_hidden(ds, source, box))
    burned = [box for box in specimen.boxes if box.frame >= 0]
    if not burned:
        return
    before = pixel_checks.decoded_frames(source)
    try:
        after = pixel_checks.decoded_frames(ds)
    except Exception:  # noqa: BLE001 - whatever a tool wrote
        after = before[:0]
    yield from _burned(pair, burned, before, after)


def _burned(pair: Pair, burned: list[Box], before, after) -> Iterator[Result]:  # type: ignore[no-untyped-def]  # noqa: ANN001 - arrays
    for frame in sorted({box.frame for box in burned}):
        boxes = [box for box in burned if box.frame == frame]
        lost = frame >= len(after)
        for box in boxes:
            gone = lost or pixel_checks.hidden(before[frame], after[frame], box)
            if box.identifying:
                yield _result(pair, "hidden", f"frame {frame}", box.text, gone)
            elif len(box.text) <= 5 and pair.specimen.kind in {"CR/DX", "MG"}:
                yield _result(pair, "side-marker", f"frame {frame}", box.text, not gone)
        if any(box.identifying for box in boxes):
            share = 0 if lost else pixel_checks.untouched_share(before[frame], after[frame], boxes)
            yield _result(pair, "surroundings", f"frame {frame}", "", share >= 0.9, f"{share:.3f}")


def _plane_hidden(ds: Dataset, source: Dataset, box: Box) -> bool:
    if box.frame == -1:
        group = int(box.text, 16)
        before = pixel_checks.overlay_plane(source, group)
        after = pixel_checks.overlay_plane(ds, group)
    else:
        before, after = pixel_checks.high_bit(source, 15), pixel_checks.high_bit(ds, 15)
    if before is None or after is None:
        return True
    return pixel_checks.hidden(before, after, box)
