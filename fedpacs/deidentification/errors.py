"""Errors of de-identification; each one puts the object into quarantine under its code."""

from __future__ import annotations

from fedpacs.core.errors import DeidentificationError


class NotDicomError(DeidentificationError):
    """The file is not DICOM, or its header cannot be read."""

    code = "deid.not-dicom"
    default_hint = "If it should be DICOM, have the PACS send it again; else leave it out."


class DamagedObjectError(DeidentificationError):
    """The header can be read in part only, so nobody can say what it holds."""

    code = "deid.damaged"
    default_hint = "Have the PACS send the object again, or have it repaired there."


class CutObjectError(DamagedObjectError):
    """The file ends before what it says it holds, or goes on after it."""

    code = "deid.cut-short"
    default_hint = "Have the PACS send the object again: a part of it is missing."


class DamagedPixelsError(DeidentificationError):
    """Pixel data are missing, cut short or not in the form the header says."""

    code = "deid.damaged-pixels"
    default_hint = "Have the PACS send the object again."


class NoIdentityError(DeidentificationError):
    """Patient ID, or a UID that every object must have, is missing."""

    code = "deid.no-identity"
    default_hint = "Have the object corrected in the PACS."


class NoPatientIdError(NoIdentityError):
    """There is no Patient ID to make a pseudonym of."""

    code = "deid.no-patient-id"
    default_hint = (
        "Have the object assigned to its patient in the PACS: all patients without an ID would "
        "become one."
    )


class UnsupportedObjectError(DeidentificationError):
    """The kind of object cannot be de-identified with certainty yet.

    Parameters
    ----------
    code
        Which kind, for example ``deid.unsupported-ultrasound``.
    message
        The reason in words.
    """

    code = "deid.unsupported"
    default_hint = "Leave such objects out of the cohort; docs/reference/profiles lists the kinds."

    def __init__(self, message: str, *, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        if code is not None:
            self.code = code


class DuplicateInstanceError(DeidentificationError):
    """Another file with the same SOP Instance UID but other content was written before."""

    code = "deid.duplicate-instance"
    default_hint = (
        "Two sources claim one UID, or the folder holds the output of another profile or key: "
        "write into an empty folder, or have the duplicate removed."
    )


class MixedStudyError(DeidentificationError):
    """Files of one study name different patients or studies."""

    code = "deid.mixed-study"
    default_hint = "Have the study corrected in the PACS: its objects belong to different patients."


class LeakFoundError(DeidentificationError):
    """The independent verification found something that had to go; `code` names the first."""

    code = "deid.leak-found"
    default_hint = "Keep the file and report it: the engine or the profile has a gap."

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class UnwritableOutputError(DeidentificationError):
    """The output cannot be written."""

    code = "deid.unwritable"
    default_hint = "Check that the output folder exists, is yours and is on a disk with room."


class WorkerDiedError(DeidentificationError):
    """The process that worked on the file died: a decoder crashed, or memory ran out."""

    code = "deid.worker-died"
    default_hint = "Try the file alone and with more memory; if it dies again, report it."


class EncryptionForbiddenError(DeidentificationError):
    """Custodians were named, and the profile lets no original attribute travel along."""

    code = "deid.encryption-forbidden"
    default_hint = "Leave --custodian out, or choose a profile that allows encrypted attributes."


class ProfileError(DeidentificationError):
    """A profile asks for something that is not allowed or not known."""

    code = "deid.profile"
    default_hint = "Correct the profile; `fedpacs deid explain gdpr-pseudonymised` shows one."


class LooseningError(ProfileError):
    """A profile would loosen what it starts from."""

    code = "deid.profile-loosens"
    default_hint = "Only tighten, or set `unsafe = true` and answer for it."


class RecipeError(ProfileError):
    """A `deid` recipe cannot be read or names attributes in a way that is not understood."""

    code = "deid.recipe"
    default_hint = "Correct the recipe; docs/reference/profiles says which lines are understood."
