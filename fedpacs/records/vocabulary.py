"""The closed vocabulary of the book: what each kind of event says, field by field.

Every value is a whole number, a finite number, a code out of a closed form, a SHA-256 or a
pseudonym. There is no free text, so there is no place where a name could be written.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAXIMUM_COUNT = 2**53 - 1
"""Largest whole number that every JSON reader keeps exactly."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PATIENT = re.compile(r"P-[A-Z2-7]{16}")
_UID = re.compile(r"2\.25\.([1-9][0-9]{0,38})")
_IDENTIFIER = re.compile(r"[A-Z2-7]{16}")
_APPROVER = re.compile(r"[a-z][a-z0-9-]{1,30}")
_CODE = re.compile(
    r"(agent|cohort|config|crypto|deid|disclosure|egress|federation|fedpacs|job|machine|pacs"
    r"|policy|quality|records|results|server|simulation|training|usage)\.[a-z0-9]+(-[a-z0-9]+)*"
)
_LONGEST_CODE = 60
_VERSION = re.compile(r"(0|[1-9]\d?)(\.(0|[1-9]\d{0,2})){2}")


class EventKind(StrEnum):
    """What can happen at a site."""

    STUDY_FOUND = "study-found"
    STUDY_RETRIEVED = "study-retrieved"
    STUDY_QUARANTINED = "study-quarantined"
    STUDY_DEIDENTIFIED = "study-deidentified"
    STUDY_SEALED = "study-sealed"
    PATIENT_WITHDRAWN = "patient-withdrawn"
    SNAPSHOT_VOIDED = "snapshot-voided"
    PATIENT_FORGOTTEN = "patient-forgotten"
    GATE_OPENED = "gate-opened"
    GATE_CLOSED = "gate-closed"
    COHORT_BUILT = "cohort-built"
    APPROVAL_GRANTED = "approval-granted"
    APPROVAL_REVOKED = "approval-revoked"
    TASK_ACCEPTED = "task-accepted"
    TASK_REFUSED = "task-refused"
    UPDATE_RELEASED = "update-released"
    UPDATE_REFUSED = "update-refused"
    EVALUATION_RELEASED = "evaluation-released"
    PAYLOAD_SENT = "payload-sent"
    STATISTICS_RELEASED = "statistics-released"
    BUDGET_RESERVED = "budget-reserved"
    BUDGET_COMMITTED = "budget-committed"
    BUDGET_CANCELLED = "budget-cancelled"
    RESULT_STORED = "result-stored"
    AGENT_STARTED = "agent-started"
    AGENT_STOPPED = "agent-stopped"


@dataclass(frozen=True, slots=True)
class FieldForm:
    """Form of a field's value.

    Attributes
    ----------
    name
        For errors and the reference pages.
    fits
        Tells whether a value has the form.
    """

    name: str
    fits: Callable[[object], bool]


def _is_count(value: object) -> bool:
    # `type`, not `isinstance`: True is an int to Python.
    return type(value) is int and 0 <= value <= MAXIMUM_COUNT


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type] # checked


def _matches(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: type(value) is str and pattern.fullmatch(value) is not None


def _is_code(value: object) -> bool:
    return _matches(_CODE)(value) and len(str(value)) <= _LONGEST_CODE


def _is_study(value: object) -> bool:
    """Tell a pseudonymous UID from one that an archive made: ours are version 8 UUIDs."""
    match = _UID.fullmatch(value) if type(value) is str else None
    if match is None:
        return False
    number = int(match[1])
    return number < 2**128 and number >> 76 & 0xF == 8 and number >> 62 & 0x3 == 2  # noqa: PLR2004 - RFC 9562 version and variant


def _is_subject(value: object) -> bool:
    return DIGEST.fits(value) or STUDY.fits(value) or PATIENT.fits(value) or IDENTIFIER.fits(value)


def _one_of(*words: str) -> FieldForm:
    return FieldForm(" | ".join(words), lambda value: type(value) is str and value in words)


COUNT = FieldForm("whole number", _is_count)
NUMBER = FieldForm("finite number", _is_number)
DIGEST = FieldForm("SHA-256", _matches(_SHA256))
PATIENT = FieldForm("patient pseudonym", _matches(_PATIENT))
STUDY = FieldForm("UID pseudonym", _is_study)
IDENTIFIER = FieldForm("identifier pseudonym", _matches(_IDENTIFIER))
SUBJECT = FieldForm("SHA-256 or pseudonym", _is_subject)
CODE = FieldForm("code of a reason", _is_code)
APPROVER = FieldForm("code of an approver in site.toml", _matches(_APPROVER))
VERSION = FieldForm("version number", _matches(_VERSION))
GATE = _one_of("disclosure", "cohort", "egress", "job")
MESSAGE_TYPE = _one_of("train", "evaluate")
PART = _one_of("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class EventForm:
    """Fields of one kind of event.

    Attributes
    ----------
    required
        Fields that must be there.
    optional
        Fields that may be there. Any other field is refused.
    """

    required: Mapping[str, FieldForm]
    optional: Mapping[str, FieldForm]


_SIZE: dict[str, FieldForm] = {"instances": COUNT, "bytes": COUNT, "elapsed_s": NUMBER}
_STUDY: dict[str, FieldForm] = {
    "patient": PATIENT,
    "num_series": COUNT,
    "attempts": COUNT,
    "findings": COUNT,
    **_SIZE,
}
_TASK: dict[str, FieldForm] = {
    "job": DIGEST,
    "bundle": DIGEST,
    "terms": DIGEST,
    "model": DIGEST,
    "round": COUNT,
    "message_type": MESSAGE_TYPE,
}
_RELEASE: dict[str, FieldForm] = {
    **_TASK,
    "update": DIGEST,
    "bytes": COUNT,
    "update_norm": NUMBER,
    "num_metrics": COUNT,
    "num_suppressed": COUNT,
}
_PATIENTS: dict[str, FieldForm] = {
    "patients": COUNT,
    "train": COUNT,
    "validation": COUNT,
    "test": COUNT,
    "subjects": COUNT,
    "job": DIGEST,
}
_CONSENT: dict[str, FieldForm] = {
    "approver": APPROVER,
    "statement": DIGEST,
    "job": DIGEST,
    "cohort": DIGEST,
    "days": COUNT,
    "expires_at_s": COUNT,
}
_STATISTICS: dict[str, FieldForm] = {
    "terms": DIGEST,
    "bytes": COUNT,
    "tables": COUNT,
    "num_suppressed": COUNT,
}
_PRIVACY: dict[str, FieldForm] = {
    "job": DIGEST,
    "terms": DIGEST,
    "noise_multiplier": NUMBER,
    "epsilon": NUMBER,
    "delta": NUMBER,
    "reservation": COUNT,
}
_PROCESS: dict[str, FieldForm] = {
    "process": COUNT,
    "version": VERSION,
    "profile": DIGEST,
    "job": DIGEST,
    "cohort": DIGEST,
    "preparation": DIGEST,
    "code": CODE,
}


def _form(required: Mapping[str, FieldForm], optional: Mapping[str, FieldForm]) -> EventForm:
    rest = {name: form for name, form in optional.items() if name not in required}
    return EventForm(MappingProxyType(dict(required)), MappingProxyType(rest))


FORMS: Mapping[EventKind, EventForm] = MappingProxyType(
    {
        EventKind.STUDY_FOUND: _form({"study": STUDY, "instances": COUNT}, _STUDY),
        EventKind.STUDY_RETRIEVED: _form({"study": STUDY, "instances": COUNT}, _STUDY),
        EventKind.STUDY_QUARANTINED: _form({"study": STUDY, "code": CODE}, _STUDY),
        EventKind.STUDY_DEIDENTIFIED: _form(
            {"study": STUDY, "profile": DIGEST, "instances": COUNT}, _STUDY
        ),
        EventKind.STUDY_SEALED: _form(
            {"study": STUDY, "instances": COUNT}, {**_STUDY, "record": DIGEST}
        ),
        EventKind.PATIENT_WITHDRAWN: _form({"patient": PATIENT}, {}),
        EventKind.SNAPSHOT_VOIDED: _form({"patient": PATIENT, "cohort": DIGEST, "part": PART}, {}),
        EventKind.PATIENT_FORGOTTEN: _form({"patient": PATIENT}, {"studies": COUNT, **_SIZE}),
        EventKind.GATE_OPENED: _form({"gate": GATE, "subject": SUBJECT}, _TASK),
        EventKind.GATE_CLOSED: _form(
            {"gate": GATE, "subject": SUBJECT, "code": CODE}, {**_TASK, "num_reasons": COUNT}
        ),
        EventKind.COHORT_BUILT: _form({"cohort": DIGEST}, _PATIENTS),
        EventKind.APPROVAL_GRANTED: _form({"terms": DIGEST}, _CONSENT),
        EventKind.APPROVAL_REVOKED: _form({"terms": DIGEST}, _CONSENT),
        EventKind.TASK_ACCEPTED: _form({"job": DIGEST, "round": COUNT}, _TASK),
        EventKind.TASK_REFUSED: _form({"code": CODE}, _TASK),
        EventKind.UPDATE_RELEASED: _form({"job": DIGEST, "round": COUNT}, _RELEASE),
        EventKind.UPDATE_REFUSED: _form({"code": CODE}, _RELEASE),
        EventKind.EVALUATION_RELEASED: _form({"job": DIGEST, "round": COUNT}, _RELEASE),
        EventKind.PAYLOAD_SENT: _form({"payload": DIGEST, "bytes": COUNT}, _TASK),
        EventKind.STATISTICS_RELEASED: _form(
            {"job": DIGEST, "cohort": DIGEST, "minimum_cell": COUNT, "payload": DIGEST},
            {**_STATISTICS, **_PRIVACY},
        ),
        EventKind.BUDGET_RESERVED: _form({"job": DIGEST, "noise_multiplier": NUMBER}, _PRIVACY),
        EventKind.BUDGET_COMMITTED: _form({"reservation": COUNT}, _PRIVACY),
        EventKind.BUDGET_CANCELLED: _form({"reservation": COUNT}, _PRIVACY),
        EventKind.RESULT_STORED: _form(
            {"study": STUDY, "model": DIGEST},
            {"series": DIGEST, "payload": DIGEST, "job": DIGEST, **_SIZE},
        ),
        EventKind.AGENT_STARTED: _form({}, _PROCESS),
        EventKind.AGENT_STOPPED: _form({}, _PROCESS),
    }
)
