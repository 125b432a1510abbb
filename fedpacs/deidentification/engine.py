"""The engine: one identified file in, one de-identified file out, or a coded refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.core.errors import FedpacsError
from fedpacs.core.study import DeidentifiedInstance
from fedpacs.deidentification.admission import admit
from fedpacs.deidentification.errors import DamagedObjectError
from fedpacs.deidentification.reading import quiet, read_object
from fedpacs.deidentification.transform import Transformation
from fedpacs.deidentification.values import Identity
from fedpacs.deidentification.writing import encode, write_once

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset, FileDataset

    from fedpacs.crypto.pseudonyms import Pseudonymiser
    from fedpacs.deidentification.rules import Profile


@dataclass(frozen=True, slots=True)
class Engine:
    """Applies one profile with the pseudonyms of one project.

    Parameters
    ----------
    profile
        What happens to each attribute.
    pseudonyms
        Makes UIDs, codes and date shifts from the site's key.
    """

    profile: Profile
    pseudonyms: Pseudonymiser

    def deidentify_file(self, source: Path, out_dir: Path) -> DeidentifiedInstance:
        """De-identify one file.

        Parameters
        ----------
        source
            DICOM file; it is only read.
        out_dir
            Folder of the new file, which is named after the new SOP Instance UID. It appears
            complete or not at all. Transfer syntax and pixel bytes stay as they are.

        Returns
        -------
        DeidentifiedInstance
            Not verified yet; see `fedpacs.deidentification.verification`.

        Raises
        ------
        DeidentificationError
            If the object cannot be de-identified with certainty; nothing is written then.
        """
        ds = read_object(source)
        with quiet():
            try:
                content = self._deidentify(ds)
                described = _describe(ds)
            except FedpacsError:
                raise
            except Exception:  # noqa: BLE001 - a damaged object makes pydicom fail in any way it likes, and its message quotes values
                raise DamagedObjectError("An attribute that stays cannot be read.") from None
        path = out_dir / f"{described['sop_instance_uid']}.dcm"
        return DeidentifiedInstance(path=path, digest=write_once(content, path), **described)

    def _deidentify(self, ds: FileDataset) -> bytes:
        admit(ds)
        patient_id = str(ds.PatientID).strip(" \0")  # blanks around a LO say nothing (PS3.5 6.2)
        identity = Identity(
            pseudonyms=self.pseudonyms,
            patient_id=patient_id,
            days=self.pseudonyms.shift_days(patient_id),
            maximum_age_years=self.profile.maximum_age_years,
        )
        Transformation(self.profile, identity).apply(ds)
        return encode(ds)


def _describe(ds: FileDataset) -> dict[str, str]:
    return {
        "sop_instance_uid": str(ds.SOPInstanceUID),
        "sop_class_uid": str(ds.SOPClassUID),
        "series_instance_uid": str(ds.SeriesInstanceUID),
        "modality": str(ds.get("Modality", "")),
        "referenced_series_uid": referenced_series_uid(ds),
    }


def referenced_series_uid(ds: Dataset) -> str:
    """Give the UID of the series that a SEG or RTSTRUCT was drawn on; empty for anything else."""
    for reference in ds.get("ReferencedSeriesSequence") or ():
        return str(reference.get("SeriesInstanceUID", ""))
    for frame in ds.get("ReferencedFrameOfReferenceSequence") or ():
        for study in frame.get("RTReferencedStudySequence") or ():
            for series in study.get("RTReferencedSeriesSequence") or ():
                return str(series.get("SeriesInstanceUID", ""))
    return ""
