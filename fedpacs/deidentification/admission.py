"""Which objects are let in, and whose they are.

The list of kinds is one of what is allowed, and under which options; a kind that is not on it is
refused. What its pictures show is another matter: see `pixels.cleaning`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fedpacs.deidentification.answers import answer_for
from fedpacs.deidentification.errors import (
    NoIdentityError,
    NoPatientIdError,
    UnsupportedObjectError,
)
from fedpacs.deidentification.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedpacs.crypto.pseudonyms import Pseudonyms
    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.rules import Profile

SOP_CLASS_UID, SOP_INSTANCE_UID = 0x00080016, 0x00080018
STUDY_INSTANCE_UID, SERIES_INSTANCE_UID = 0x0020000D, 0x0020000E
PATIENT_ID = 0x00100020
BURNED_IN_ANNOTATION = 0x00280301
_DIRECTORY_RECORDS = 0x00041220
_CHUNK_BYTES = 1 << 20
_DIRECTORY = "1.2.840.10008.1.3.10"


def sop_class_of(parsed: ParsedObject) -> str:
    """Give the SOP class, from the data set or the file meta information."""
    if _DIRECTORY_RECORDS in parsed:
        return _DIRECTORY
    return parsed.text(SOP_CLASS_UID) or parsed.media_sop_class_uid


def admit(parsed: ParsedObject, profile: Profile) -> str:
    """Let an object in, or refuse it.

    Returns
    -------
    str
        Its SOP class UID.

    Raises
    ------
    UnsupportedObjectError
        If it is of a kind that the profile cannot answer for; `code` says which.
    """
    sop_class_uid = sop_class_of(parsed)
    allowed, code, reason = answer_for(sop_class_uid, profile)
    if allowed and code and parsed.text(BURNED_IN_ANNOTATION) != "NO":
        raise UnsupportedObjectError(f"It {reason}, and does not state otherwise.", code=code)
    if not allowed:
        raise UnsupportedObjectError(f"Refused: {reason}.", code=code)
    return sop_class_uid


def sop_instance_of(parsed: ParsedObject, *, lenient: bool) -> str:
    """Give the SOP Instance UID, from the data set or the file meta information.

    Parameters
    ----------
    lenient
        Whether an object without one gets one that stands for its bytes.

    Raises
    ------
    NoIdentityError
        If it has none and is refused for it.
    """
    uid = parsed.text(SOP_INSTANCE_UID) or parsed.media_sop_instance_uid
    if uid:
        return uid
    if not lenient:
        raise NoIdentityError("SOP Instance UID is missing.")
    digest = hashlib.sha256()
    for start in range(0, parsed.source.size, _CHUNK_BYTES):
        digest.update(parsed.source.view(start, min(_CHUNK_BYTES, parsed.source.size - start)))
    return f"sha256 {digest.hexdigest()}"


def identify(
    parsed: ParsedObject,
    sop_instance_uid: str,
    pseudonyms: Pseudonyms,
    *,
    lenient: bool,
    shift_days: Callable[[str], int] | None = None,
) -> Identity:
    """Tell whose object it is.

    Parameters
    ----------
    shift_days
        The method of `pseudonyms`, or the same with a memory.
    lenient
        Whether an object that names no patient belongs to a patient of its study alone, never to
        that of another study; it is refused otherwise.

    Raises
    ------
    NoIdentityError, NoPatientIdError
        If it does not say which study, series or patient it belongs to, and is refused for it.
    """
    if not lenient and not (parsed.text(STUDY_INSTANCE_UID) and parsed.text(SERIES_INSTANCE_UID)):
        raise NoIdentityError("Study or Series Instance UID is missing.")
    patient_id = parsed.text(PATIENT_ID)
    if not patient_id:
        if not lenient:
            raise NoPatientIdError("Patient ID is missing.")
        study = parsed.text(STUDY_INSTANCE_UID) or parsed.text(SERIES_INSTANCE_UID)
        # a line feed is in no Patient ID (PS3.5 6.2, LO), so it can be nobody's
        patient_id = f"\nstudy\n{study or sop_instance_uid}"
    shift_days = shift_days or pseudonyms.shift_days
    return Identity(pseudonyms, patient_id, shift_days(patient_id))
