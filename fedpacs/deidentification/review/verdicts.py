"""The verdict of a reviewer: from a closed list, tied to the sample, signed, and kept in a chain.

The record lies beside the reviewed folder as ``<folder>.review.jsonl``: one signed statement a
line, each naming the digest of the line before. It holds new names, codes and counts; no value.

References
----------
RFC 8032 (Ed25519).
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from fedpacs.core.digest import canonical_json, sha256_hex
from fedpacs.crypto.errors import BadSignatureError
from fedpacs.crypto.signatures import SigningKey, verify
from fedpacs.deidentification.review.errors import (
    ReviewerNameError,
    ReviewRecordError,
    VerdictIncompleteError,
    VerdictMismatchError,
    VerdictUnreadableError,
)
from fedpacs.deidentification.review.sampling import draw, upper_bound

if TYPE_CHECKING:
    from pathlib import Path

    from fedpacs.deidentification.review.sampling import Sample

VERDICT_KIND = "fedpacs review verdict 1"
RECORD_KIND = "fedpacs review record 1"
_MAXIMUM_VERDICT_BYTES = 16 << 20
_MAXIMUM_NAME = 64


class Judgement(StrEnum):
    """What a reviewer says of one object."""

    CLEAN = "pass"
    LEAK = "leak"
    OVER_CLEANED = "over-cleaned"


class Remark(StrEnum):
    """Why; there is no free text, so a record can never repeat what leaked."""

    NAME = "name-in-text"
    NUMBER = "number-in-text"
    DATE = "date-in-text"
    PLACE = "place-or-institution"
    STAFF = "name-of-staff"
    PIXELS = "burned-in-text"
    OVERLAY = "overlay-or-graphic"
    FACE = "recognisable-face"
    PRIVATE = "private-attribute"
    TEXT_LOST = "clinical-text-lost"
    ANATOMY_LOST = "anatomy-masked"
    VALUE_LOST = "value-lost"
    PICTURE = "picture-cannot-be-seen"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ReviewRecord:
    """One review, as signed.

    Attributes
    ----------
    sample
        Digest of the sample.
    leak_share_below
        With 95 % confidence, the share of files with a leak is at most this.
    current
        Whether the folder still draws the same sample of the same bytes; None if not asked.
    """

    time: str
    reviewer: str
    public_key: str
    sample: str
    population: int
    sampled: int
    verdicts: dict[str, int]
    remarks: dict[str, int]
    leak_share_below: float
    current: bool | None = None


def record_file(out: Path) -> Path:
    """Say where the reviews of a folder are recorded."""
    resolved = out.resolve()
    return resolved.parent / f"{resolved.name}.review.jsonl"


def record_verdict(out: Path, verdict_file: Path, reviewer: str, key_uri: str) -> ReviewRecord:
    """Check a reviewer's verdict against the folder, sign it and add it to the record.

    Parameters
    ----------
    out
        The reviewed folder, unchanged since the contact sheet was made.
    verdict_file
        As the contact sheet saves it.
    reviewer
        Who looked, 1 to 64 printable characters.
    key_uri
        The reviewer's Ed25519 private key.

    Raises
    ------
    VerdictUnreadableError, VerdictIncompleteError, VerdictMismatchError
        If the file is not a verdict, leaves an object out, or is about other files.
    ReviewerNameError, CryptoError
        If the reviewer's name or key cannot be used.
    ReviewRecordError
        If the earlier record was changed, or cannot be written.
    """
    if not 1 <= len(reviewer) <= _MAXIMUM_NAME or not reviewer.isprintable():
        raise ReviewerNameError("The reviewer's name is not 1 to 64 printable characters.")
    key = SigningKey.load(key_uri)
    told = _read_verdict(verdict_file)
    sample = draw(out, int(told["size"]), int(told["seed"]))
    if sample.digest != told["sample"]:
        raise VerdictMismatchError("The folder does not hold the files that were reviewed.")
    judged = _judged(told["verdicts"], sample)
    path = record_file(out)
    lines = _lines(path)
    _check_chain(lines)
    statement = _statement(sample, judged, reviewer, key.public)
    statement["previous"] = sha256_hex(lines[-1]) if lines else ""
    signature = key.sign(_message(statement)).hex()
    _append(path, canonical_json({"statement": statement, "signature": signature}))
    return _as_record(statement)


def read_records(out: Path, *, check_folder: bool = False) -> tuple[ReviewRecord, ...]:
    """Read the reviews of a folder; every signature and the chain are checked.

    Parameters
    ----------
    check_folder
        Also see whether the folder still holds what was reviewed.

    Raises
    ------
    ReviewRecordError
        If a line was changed or taken out. That the newest were cut off cannot be seen.
    """
    statements = _check_chain(_lines(record_file(out)))
    return tuple(
        _as_record(statement, _is_current(out, statement) if check_folder else None)
        for statement in statements
    )


def _is_current(out: Path, statement: dict[str, Any]) -> bool:
    sample = draw(out, int(statement["sampled"]), int(statement["seed"]))
    return bool(sample.digest == statement["sample"])


def _read_verdict(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as handle:
            told = json.loads(handle.read(_MAXIMUM_VERDICT_BYTES))
        known = told["kind"] == VERDICT_KIND and isinstance(told["verdicts"], list)
        int(told["seed"]), int(told["size"]), str(told["sample"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        known = False
    if not known:
        raise VerdictUnreadableError("The file is not a verdict of a contact sheet.")
    return dict(told)


def _judged(verdicts: list[Any], sample: Sample) -> list[dict[str, Any]]:
    """Take from the file only what is on the closed lists and in the sample, in its order."""
    try:
        given = {
            str(entry["name"]): {
                "name": str(entry["name"]),
                "verdict": Judgement(entry["verdict"]).value,
                "remarks": sorted({Remark(remark).value for remark in entry["remarks"]}),
            }
            for entry in verdicts
        }
    except (KeyError, TypeError, ValueError):
        raise VerdictUnreadableError("A verdict or remark is not on the list.") from None
    missing = [file for file in sample.files if file.name not in given]
    if missing:
        raise VerdictIncompleteError(f"{len(missing)} objects of the sample have no verdict.")
    return [given[file.name] for file in sample.files]


def _statement(
    sample: Sample, judged: list[dict[str, Any]], reviewer: str, public_key: str
) -> dict[str, Any]:
    verdicts = Counter(entry["verdict"] for entry in judged)
    leaks = verdicts[Judgement.LEAK.value]
    return {
        "kind": RECORD_KIND,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "reviewer": reviewer,
        "public_key": public_key,
        "sample": sample.digest,
        "seed": sample.seed,
        "population": sample.population,
        "population_digest": sample.population_digest,
        "sampled": len(sample.files),
        "verdicts": {judgement.value: verdicts[judgement.value] for judgement in Judgement},
        "remarks": dict(sorted(Counter(r for e in judged for r in e["remarks"]).items())),
        "leak_share_below": round(upper_bound(leaks, len(judged), sample.population), 6),
        "objects": judged,
    }


def _message(statement: dict[str, Any]) -> bytes:
    return RECORD_KIND.encode() + b"\n" + canonical_json(statement)


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ReviewRecordError(f"The record cannot be read: {error.strerror}.") from None


def _check_chain(lines: list[bytes]) -> list[dict[str, Any]]:
    statements, before = [], ""
    for line in lines:
        try:
            read = json.loads(line)
            statement = read["statement"]
            verify(statement["public_key"], _message(statement), bytes.fromhex(read["signature"]))
            whole = statement["previous"] == before and statement["kind"] == RECORD_KIND
        except (ValueError, KeyError, TypeError, BadSignatureError):
            whole = False
        if not whole:
            raise ReviewRecordError("The record of reviews was changed.")
        statements.append(statement)
        before = sha256_hex(line)
    return statements


def _append(path: Path, line: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "ab") as handle:
            handle.write(line + b"\n")
            handle.flush()
            os.fsync(handle.fileno())
    except OSError as error:
        raise ReviewRecordError(
            f"The record cannot be written: {error.strerror}.",
            hint="Check that the folder beside the reviewed one is yours and on a disk with room.",
        ) from None


def _as_record(statement: dict[str, Any], current: bool | None = None) -> ReviewRecord:
    names = (
        "time", "reviewer", "public_key", "sample", "population", "sampled", "verdicts",
        "remarks", "leak_share_below",
    )  # fmt: skip
    return ReviewRecord(**{name: statement[name] for name in names}, current=current)
