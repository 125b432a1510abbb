"""One study behind the engine: all of its objects, of one patient, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.core.study import DeidentifiedStudy
from fedpacs.deidentification.admission import PATIENT_ID, STUDY_INSTANCE_UID
from fedpacs.deidentification.dicom.parsing import parse
from fedpacs.deidentification.errors import MixedStudyError, NoIdentityError

if TYPE_CHECKING:
    from pathlib import Path

    from fedpacs.core.study import DeidentifiedInstance, Study
    from fedpacs.deidentification.engine import Engine


def deidentify_study(
    engine: Engine, study: Study, out_dir: Path, *, durable: bool = True
) -> DeidentifiedStudy:
    """De-identify every object of a study.

    Parameters
    ----------
    study
        Complete study in the staging area.
    out_dir
        Folder of the new files; on any failure those written here are removed again.
    durable
        Whether they must be on the disk; a staging area does without.

    Raises
    ------
    DeidentificationError
        Of the first object that was refused, or `MixedStudyError`.
    """
    written: list[DeidentifiedInstance] = []
    try:
        with engine.together(study.files.values()):
            written.extend(
                engine.deidentify_file(study.files[uid], out_dir, durable=durable)
                for uid in sorted(study.files)
            )
        study_instance_uid, patient = _common_owner(written)
    except BaseException:
        for instance in written:
            instance.path.unlink(missing_ok=True)
        raise
    return DeidentifiedStudy(
        study_instance_uid=study_instance_uid,
        patient=patient,
        profile_digest=engine.profile.digest,
        option_codes=engine.profile.option_codes,
        instances=tuple(written),
    )


def _common_owner(instances: list[DeidentifiedInstance]) -> tuple[str, str]:
    owners = {_owner(instance.path) for instance in instances}
    if any(not study for study, _ in owners):
        raise NoIdentityError("Study Instance UID is missing.")
    if len(owners) != 1:
        raise MixedStudyError(f"The files belong to {len(owners)} studies or patients.")
    return owners.pop()


def _owner(path: Path) -> tuple[str, str]:
    with parse(path) as parsed:
        return parsed.text(STUDY_INSTANCE_UID), parsed.text(PATIENT_ID)
