"""Run pydicom's deid with a recipe made for this corpus's options: SOURCE OUT MAP."""

import hashlib
import json
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from deid.config import DeidRecipe
from deid.dicom.header import replace_identifiers

RECIPE = """FORMAT dicom

%header

ADD PatientIdentityRemoved YES
ADD DeidentificationMethod deid 0.4.13
ADD LongitudinalTemporalInformationModified MODIFIED
REPLACE PatientID func:pseudonym
REPLACE PatientName func:pseudonym
BLANK PatientBirthDate
BLANK AccessionNumber
BLANK StudyID
BLANK ReferringPhysicianName
JITTER select:VR:DA var:shift
JITTER select:VR:DT var:shift
REPLACE contains:InstanceUID$ func:new_uid
REPLACE FrameOfReferenceUID func:new_uid
REPLACE contains:FrameOfReferenceUID$ func:new_uid
REPLACE DimensionOrganizationUID func:new_uid
REPLACE TrackingUID func:new_uid
REMOVE contains:PhysicianName
REMOVE contains:^Operator
REMOVE contains:Institution
REMOVE contains:Address
REMOVE contains:Telephone
REMOVE contains:OtherPatient
REMOVE contains:BirthName
REMOVE contains:Comments
REMOVE contains:Description$
REMOVE contains:ProtocolName
REMOVE contains:StationName
REMOVE contains:SerialNumber
REMOVE contains:AETitle
REMOVE contains:ResponsiblePerson
REMOVE contains:ContentCreator
REMOVE contains:Reviewer
REMOVE contains:VerifyingObserver
REMOVE contains:AuthorObserver
REMOVE contains:PersonName
REMOVE contains:TextValue
REMOVE contains:PatientHistory
REMOVE contains:Occupation
REMOVE contains:MilitaryRank
REMOVE contains:RegionOfResidence
REMOVE contains:Religious
REMOVE contains:AdmissionID
REMOVE contains:RequestAttributesSequence
REMOVE contains:ReferencedRequestSequence
REMOVE contains:OriginalAttributesSequence
REMOVE contains:ContributingEquipment
REMOVE contains:DigitalSignatures
REMOVE contains:IconImageSequence
REMOVE contains:ROIName
REMOVE contains:Label$
"""


def pseudonym(item: object, value: object, field: Any, dicom: object) -> str:  # noqa: ANN401, ARG001 - deid's signature
    return hashlib.sha256(str(field.element.value).encode()).hexdigest()[:12]


def new_uid(item: object, value: object, field: Any, dicom: object) -> str:  # noqa: ANN401, ARG001 - deid's signature
    digest = hashlib.sha256(str(field.element.value).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:15], 'big')}"


def main() -> None:
    warnings.simplefilter("ignore")
    source, out, listing = map(Path, sys.argv[1:4])
    with tempfile.NamedTemporaryFile("w", suffix=".dicom", delete=False) as file:
        file.write(RECIPE)
    recipe = DeidRecipe(deid=file.name)
    with listing.open("w") as lines:
        for number, path in enumerate(sorted(one for one in source.rglob("*") if one.is_file())):
            name, status, code = f"{number:06d}.dcm", "ok", None
            try:
                ids = {str(path): {"pseudonym": pseudonym, "new_uid": new_uid, "shift": -70}}
                done = replace_identifiers(
                    [str(path)], ids=ids, deid=recipe, save=False, remove_private=True, force=False
                )
                done[0].save_as(out / name)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a peer's refusal
                name, status, code = None, "quarantined", type(error).__name__
                (out / f"{number:06d}.dcm").unlink(missing_ok=True)
            line = {"src": str(path.relative_to(source)), "dst": name, "status": status}
            lines.write(json.dumps({**line, "code": code}) + "\n")
    Path(file.name).unlink()


main()
