"""The quality report of a site: one static page with thumbnails, and the same as JSON.

Thumbnails are made from de-identified pixels only: the caller gives objects of the sealed store.
The page has no script and loads nothing, so it works offline, in print and in the dark.
"""

from __future__ import annotations

import base64
import json
import os
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fedpacs.quality.findings import Severity, defects
from fedpacs.quality.pictures import pictures_of, read_instance
from fedpacs.quality.repeats import frame_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fedpacs.quality.findings import SeriesReport
    from fedpacs.quality.pictures import Source
    from fedpacs.quality.standardisation.drift import Jump, Month

_EDGE = 144
_NO_PICTURE = ("SEG", "RTSTRUCT", "SR", "PR", "KO", "RTPLAN", "RTDOSE", "REG", "DOC")


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """One series of the report.

    Attributes
    ----------
    report
        What was found.
    codes
        Of the standardisation; empty when the series was never coded.
    thumbnail
        PNG, empty when there is none.
    """

    report: SeriesReport
    codes: Mapping[str, Any]
    thumbnail: bytes = b""


@dataclass(frozen=True, slots=True)
class QualitySummary:
    """Quality of a site's series in numbers; no pseudonym.

    Attributes
    ----------
    studies, series, images
        What was looked at.
    usable
        Series without a finding that blocks.
    findings
        Series by code.
    severities
        Findings by severity.
    open_questions
        Names of series that wait for a person's answer.
    """

    studies: int
    series: int
    images: int
    usable: int
    findings: Mapping[str, int]
    severities: Mapping[str, int]
    open_questions: int = 0


def summary_of(studies: int, reports: Sequence[SeriesReport], questions: int) -> QualitySummary:
    """Count."""
    findings = [f for report in reports for f in report.findings]
    by_severity = Counter(str(f.severity) for f in findings)
    return QualitySummary(
        studies=studies,
        series=len(reports),
        images=sum(report.images for report in reports),
        usable=sum(report.usable for report in reports),
        findings=dict(Counter(f.code for f in findings).most_common()),
        severities={str(s): by_severity[str(s)] for s in Severity},
        open_questions=questions,
    )


def thumbnail(files: Sequence[Source]) -> bytes:
    """Show the middle picture of a de-identified series as a small PNG; empty if it cannot be."""
    if not files:
        return b""
    instance = read_instance(files[len(files) // 2], pixels=False)
    if instance is None or instance.modality in _NO_PICTURE:
        return b""
    try:
        pictures = list(pictures_of(instance))
        frame = frame_of(pictures[len(pictures) // 2])
        photometric = instance.ds.get("PhotometricInterpretation")
        return b"" if frame is None else _png(frame, photometric)
    except Exception:  # noqa: BLE001 - a damaged value may raise anything when it is read
        return b""


def _png(frame: NDArray[Any], photometric: str | None) -> bytes:
    import cv2

    rows, columns = frame.shape[:2]
    scale = min(1.0, _EDGE / max(rows, columns))
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    small = cv2.resize(frame.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    low, high = (float(v) for v in np.percentile(small, (1, 99)))
    shown = np.clip((small - low) / max(high - low, 1e-6), 0, 1) * 255
    if photometric == "MONOCHROME1":
        shown = 255 - shown
    if shown.ndim == 3:  # noqa: PLR2004 - colour
        shown = shown[..., ::-1]
    done, content = cv2.imencode(".png", shown.astype(np.uint8))
    return content.tobytes() if done else b""


def write_report(
    folder: Path,
    summary: QualitySummary,
    rows: Sequence[SeriesRow],
    drift: tuple[Sequence[Month], Sequence[Jump]],
) -> tuple[Path, Path]:
    """Write ``quality.html`` and ``quality.json``.

    Parameters
    ----------
    folder
        Made if it is not there; readable by the agent's user alone.
    rows
        The page shows them worst first.
    drift
        Months and what stands out in them.

    Returns
    -------
    tuple of Path
        Page and JSON.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    rank = {severity: n for n, severity in enumerate(Severity)}
    order = sorted(
        rows, key=lambda r: min((rank[f.severity] for f in r.report.findings), default=len(rank))
    )
    page, data = folder / "quality.html", folder / "quality.json"
    _write(data, json.dumps(_plain(summary, order, drift), indent=2, sort_keys=True))
    _write(page, _page(summary, order, drift))
    return page, data


def _plain(
    summary: QualitySummary,
    rows: Sequence[SeriesRow],
    drift: tuple[Sequence[Month], Sequence[Jump]],
) -> dict[str, Any]:
    return {
        "summary": asdict(summary),
        "series": [{**asdict(replace(r, thumbnail=b"").report), "codes": r.codes} for r in rows],
        "drift": {
            "months": [asdict(month) for month in drift[0]],
            "jumps": [asdict(jump) for jump in drift[1]],
        },
    }


def _page(
    summary: QualitySummary,
    rows: Sequence[SeriesRow],
    drift: tuple[Sequence[Month], Sequence[Jump]],
) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("fedpacs.quality", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pictures = [base64.b64encode(row.thumbnail).decode() for row in rows]
    return environment.get_template("quality.html.j2").render(
        summary=summary,
        rows=list(zip(rows, pictures, strict=True)),
        months=drift[0],
        jumps=drift[1],
        meanings={code: defect.meaning for code, defect in defects().items()},
    )


def _write(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(text)
    new.replace(path)
