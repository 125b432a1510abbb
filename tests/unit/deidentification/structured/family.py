"""A small family of objects of one study that refer to one another in every way that is common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = "1.2.826.0.1.3680043.9.7433.77"
STUDY, FRAME, OTHER_FRAME, SERIES = f"{ROOT}.1", f"{ROOT}.2", f"{ROOT}.22", f"{ROOT}.3"
CT = "1.2.840.10008.5.1.4.1.1.2"
_CLASSES = {
    "sr": ("1.2.840.10008.5.1.4.1.1.88.33", "SR"),
    "kos": ("1.2.840.10008.5.1.4.1.1.88.59", "KO"),
    "pr": ("1.2.840.10008.5.1.4.1.1.11.1", "PR"),
    "rtstruct": ("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT"),
    "rtplan": ("1.2.840.10008.5.1.4.1.1.481.5", "RTPLAN"),
    "rtdose": ("1.2.840.10008.5.1.4.1.1.481.2", "RTDOSE"),
    "reg": ("1.2.840.10008.5.1.4.1.1.66.1", "REG"),
    "deformable": ("1.2.840.10008.5.1.4.1.1.66.3", "REG"),
    "seg": ("1.2.840.10008.5.1.4.1.1.66.4", "SEG"),
    "map": ("1.2.840.10008.5.1.4.1.1.30", "OT"),
}


def _uid(name: str, number: int = 1) -> str:
    place = [*_CLASSES, "ct"].index(name)
    return f"{ROOT}.{40 + place}.{number}"


def item(**values: object) -> Dataset:
    """Make an item."""
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Make the item of a code."""
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def _object(name: str, sop_class: str, modality: str, number: int = 1) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = _uid(name, number)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName, ds.PatientID = "Łukasiewicz^Zbigniew", "PAT-0815-XY"
    ds.PatientBirthDate, ds.PatientSex = "19610317", "M"
    ds.StudyInstanceUID, ds.StudyDate, ds.StudyTime = STUDY, "20230214", "101112"
    ds.StudyID, ds.AccessionNumber, ds.ReferringPhysicianName = "1", "ACC-77", "Grabowska^Ewa"
    ds.SeriesInstanceUID = SERIES if name == "ct" else f"{_uid(name)}.9"
    ds.SeriesNumber, ds.InstanceNumber = "3", str(number)
    ds.ContentDate, ds.ContentTime = "20230214", "101213"
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = sop_class, _uid(name, number), modality
    ds.Manufacturer = "Acme"
    ds.BodyPartExamined = "CHEST"
    return ds


def _pixels(ds: Dataset, bits: int = 16, frames: int = 0) -> None:
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows = ds.Columns = 8
    ds.BitsAllocated = ds.BitsStored = bits
    ds.HighBit, ds.PixelRepresentation = bits - 1, 0
    count = max(frames, 1) * 64 * bits // 8
    if frames:
        ds.NumberOfFrames = frames
    ds.PixelData = np.arange(count, dtype=np.uint8).tobytes()
    ds["PixelData"].VR = "OB" if bits <= 8 else "OW"


def _place(ds: Dataset) -> None:
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = FRAME, ""
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness = [1, 1], "2"


def image(number: int) -> FileDataset:
    """One slice; it names the first as its localizer."""
    ds = _object("ct", CT, "CT", number)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    _place(ds)
    ds.ImagePositionPatient = [0, 0, 2 * number]
    ds.RescaleIntercept, ds.RescaleSlope, ds.KVP, ds.AcquisitionNumber = "0", "1", "120", "1"
    _pixels(ds)
    ds.ReferencedImageSequence = [reference("ct", 1)]
    return ds


def reference(name: str, number: int = 1) -> Dataset:
    """Refer to an instance of the family."""
    sop_class = CT if name == "ct" else _CLASSES[name][0]
    return item(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=_uid(name, number))


def _series(name: str = "ct", numbers: tuple[int, ...] = (1, 2, 3)) -> Dataset:
    return item(
        SeriesInstanceUID=SERIES if name == "ct" else f"{_uid(name)}.9",
        ReferencedSOPSequence=[reference(name, number) for number in numbers],
    )


def _evidence() -> list[Dataset]:
    return [
        item(StudyInstanceUID=STUDY, ReferencedSeriesSequence=[_series(), _series("seg", (1,))])
    ]


def _named(value_type: str, relation: str, name: Dataset, **values: object) -> Dataset:
    return item(
        RelationshipType=relation, ValueType=value_type, ConceptNameCodeSequence=[name], **values
    )


def _report(ds: Dataset) -> None:
    finding = _named(
        "TEXT", "CONTAINS", code("121071", "DCM", "Finding"), TextValue="Baker's cyst of Zbigniew",
        ContentSequence=[
            _named("IMAGE", "INFERRED FROM", code("121112", "DCM", "Source of Measurement"),
                   ReferencedSOPSequence=[reference("ct", 2)]),
        ],
    )  # fmt: skip
    segment = reference("seg")
    segment.ReferencedSegmentNumber = 1
    length = _named(
        "NUM", "CONTAINS", code("410668003", "SCT", "Length"),
        MeasuredValueSequence=[
            item(MeasurementUnitsCodeSequence=[code("mm", "UCUM", "mm")], NumericValue="12.5")
        ],
        ContentSequence=[
            _named("SCOORD", "INFERRED FROM", code("121055", "DCM", "Path"),
                   GraphicType="POLYLINE", GraphicData=[1.0, 1.0, 3.5, 4.5],
                   ContentSequence=[item(RelationshipType="SELECTED FROM", ValueType="IMAGE",
                                         ReferencedSOPSequence=[reference("ct", 3)])]),
            _named("IMAGE", "INFERRED FROM", code("121191", "DCM", "Referenced Segment"),
                   ReferencedSOPSequence=[segment]),
        ],
    )  # fmt: skip
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = [code("126000", "DCM", "Imaging Measurement Report")]
    ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "UNVERIFIED"
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.PerformedProcedureCodeSequence = []
    ds.CurrentRequestedProcedureEvidenceSequence = _evidence()
    ds.ContentTemplateSequence = [item(MappingResource="DCMR", TemplateIdentifier="1500")]
    ds.ContentSequence = [
        _named("PNAME", "HAS OBS CONTEXT", code("121008", "DCM", "Person Observer Name"),
               PersonName="Grabowska^Ewa"),
        _named("UIDREF", "HAS OBS CONTEXT", code("121018", "DCM", "Procedure Study Instance UID"),
               UID=STUDY),
        _named("TEXT", "HAS OBS CONTEXT", code("121022", "DCM", "Accession Number"),
               TextValue="ACC-77"),
        finding,
        length,
    ]  # fmt: skip


def _key_objects(ds: Dataset) -> None:
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = [code("113000", "DCM", "Of Interest")]
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.CurrentRequestedProcedureEvidenceSequence = _evidence()
    ds.ContentSequence = [
        item(RelationshipType="CONTAINS", ValueType="IMAGE",
             ReferencedSOPSequence=[reference("ct", number)])
        for number in (1, 3)
    ]  # fmt: skip


def _presentation(ds: Dataset) -> None:
    ds.PresentationCreationDate, ds.PresentationCreationTime = "20230214", "101112"
    ds.ContentLabel, ds.ContentDescription, ds.ContentCreatorName = "ARROWS", "", "Grabowska^Ewa"
    series = item(SeriesInstanceUID=SERIES, ReferencedImageSequence=[reference("ct", 2)])
    ds.ReferencedSeriesSequence = [series]
    ds.DisplayedAreaSelectionSequence = [
        item(ReferencedImageSequence=[reference("ct", 2)], DisplayedAreaTopLeftHandCorner=[1, 1],
             DisplayedAreaBottomRightHandCorner=[8, 8], PresentationSizeMode="SCALE TO FIT",
             PresentationPixelSpacing=[1, 1])
    ]  # fmt: skip
    text = item(BoundingBoxAnnotationUnits="PIXEL", UnformattedTextValue="Zbigniew: nodule",
                BoundingBoxTopLeftHandCorner=[1.0, 1.0],
                BoundingBoxBottomRightHandCorner=[4.0, 4.0],
                BoundingBoxTextHorizontalJustification="LEFT")  # fmt: skip
    line = item(GraphicAnnotationUnits="PIXEL", GraphicDimensions=2, GraphicType="POLYLINE",
                NumberOfGraphicPoints=2, GraphicData=[1.0, 1.0, 4.0, 4.0],
                GraphicFilled="N")  # fmt: skip
    ds.GraphicAnnotationSequence = [
        item(ReferencedImageSequence=[reference("ct", 2)], GraphicLayer="LAYER1",
             TextObjectSequence=[text], GraphicObjectSequence=[line])
    ]  # fmt: skip
    ds.GraphicLayerSequence = [item(GraphicLayer="LAYER1", GraphicLayerOrder=1)]
    ds.PresentationLUTShape = "IDENTITY"


def _structures(ds: Dataset) -> None:
    ds.StructureSetLabel, ds.StructureSetDate, ds.StructureSetTime = "Zbigniew", "20230214", "10"
    study = reference("ct", 1)
    study.ReferencedSOPInstanceUID, study.ReferencedSOPClassUID = STUDY, "1.2.840.10008.3.1.2.3.1"
    study.RTReferencedSeriesSequence = [
        item(SeriesInstanceUID=SERIES,
             ContourImageSequence=[reference("ct", number) for number in (1, 2, 3)])
    ]  # fmt: skip
    ds.ReferencedFrameOfReferenceSequence = [
        item(FrameOfReferenceUID=FRAME, RTReferencedStudySequence=[study])
    ]
    ds.StructureSetROISequence = [
        item(ROINumber=1, ReferencedFrameOfReferenceUID=FRAME, ROIName="Tumour of Zbigniew",
             ROIGenerationAlgorithm="MANUAL")
    ]  # fmt: skip
    contour = item(ContourImageSequence=[reference("ct", 2)], ContourGeometricType="CLOSED_PLANAR",
                   NumberOfContourPoints=3, ContourData=[1, 1, 4, 3, 1, 4, 3, 3, 4])  # fmt: skip
    ds.ROIContourSequence = [item(ReferencedROINumber=1, ContourSequence=[contour])]
    ds.RTROIObservationsSequence = [
        item(ObservationNumber=1, ReferencedROINumber=1, RTROIInterpretedType="GTV",
             ROIInterpreter="Grabowska^Ewa")
    ]  # fmt: skip


def _plan(ds: Dataset) -> None:
    ds.RTPlanLabel, ds.RTPlanDate, ds.RTPlanTime = "Zbigniew", "20230214", "101112"
    ds.RTPlanGeometry, ds.FrameOfReferenceUID = "PATIENT", FRAME
    ds.PositionReferenceIndicator = ""
    ds.ReferencedStructureSetSequence = [reference("rtstruct")]
    ds.ReferencedDoseSequence = [reference("rtdose")]


def _dose(ds: Dataset) -> None:
    _place(ds)
    ds.ImagePositionPatient = [0, 0, 2]
    _pixels(ds)
    ds.DoseUnits, ds.DoseType, ds.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    ds.DoseGridScaling = "0.001"
    ds.ReferencedRTPlanSequence = [reference("rtplan")]
    ds.ReferencedStructureSetSequence = [reference("rtstruct")]


def _registration(ds: Dataset) -> None:
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = FRAME, ""
    ds.ContentLabel, ds.ContentDescription, ds.ContentCreatorName = "REG", "", ""
    ds.ReferencedSeriesSequence = [
        item(SeriesInstanceUID=SERIES, ReferencedInstanceSequence=[reference("ct", 1)])
    ]
    matrix = item(FrameOfReferenceTransformationMatrixType="RIGID",
                  FrameOfReferenceTransformationMatrix=np.eye(4).ravel().tolist())  # fmt: skip
    ds.RegistrationSequence = [
        item(FrameOfReferenceUID=frame, ReferencedImageSequence=[reference("ct", 1)],
             MatrixRegistrationSequence=[item(RegistrationTypeCodeSequence=[],
                                              MatrixSequence=[matrix])])
        for frame in (FRAME, OTHER_FRAME)
    ]  # fmt: skip


def _deformation(ds: Dataset) -> None:
    _registration(ds)
    del ds.RegistrationSequence
    grid = item(ImagePositionPatient=[0, 0, 0], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
                GridDimensions=[2, 2, 2], GridResolution=[1.0, 1.0, 1.0])  # fmt: skip
    grid.add_new("VectorGridData", "OF", np.linspace(0, 1, 24, dtype="<f4").tobytes())
    ds.DeformableRegistrationSequence = [
        item(SourceFrameOfReferenceUID=FRAME, ReferencedImageSequence=[reference("ct", 1)],
             RegistrationTypeCodeSequence=[], DeformableRegistrationGridSequence=[grid])
    ]  # fmt: skip


def _frames(ds: Dataset) -> None:
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = FRAME, ""
    ds.ImageType = ["DERIVED", "PRIMARY"]
    ds.ContentLabel, ds.ContentDescription, ds.ContentCreatorName = "MAP", "", ""
    ds.ReferencedSeriesSequence = [
        item(SeriesInstanceUID=SERIES,
             ReferencedInstanceSequence=[reference("ct", number) for number in (1, 2)])
    ]  # fmt: skip
    ds.DimensionOrganizationSequence = [item(DimensionOrganizationUID=f"{ROOT}.5")]
    ds.DimensionIndexSequence = [
        item(DimensionIndexPointer=0x00200032, DimensionOrganizationUID=f"{ROOT}.5")
    ]
    ds.PerFrameFunctionalGroupsSequence = [
        item(DerivationImageSequence=[
            item(DerivationCodeSequence=[code("113076", "DCM", "Segmentation")],
                 SourceImageSequence=[reference("ct", number)])
        ])
        for number in (1, 2)
    ]  # fmt: skip


def _segmentation(ds: Dataset) -> None:
    _frames(ds)
    _pixels(ds, bits=8, frames=2)
    ds.SegmentationType, ds.SegmentationFractionalType = "FRACTIONAL", "PROBABILITY"
    ds.MaximumFractionalValue, ds.LossyImageCompression = 255, "00"
    kind = code("52988006", "SCT", "Lesion")
    ds.SegmentSequence = [
        item(SegmentNumber=1, SegmentLabel="Zbigniew", SegmentAlgorithmType="MANUAL",
             SegmentedPropertyCategoryCodeSequence=[code("49755003", "SCT", "Morphology")],
             SegmentedPropertyTypeCodeSequence=[kind], TrackingID="Lesion 1",
             TrackingUID=f"{ROOT}.6")
    ]  # fmt: skip


def _map(ds: Dataset) -> None:
    _frames(ds)
    _pixels(ds, frames=2)


_CONTENT: dict[str, Callable[[Dataset], None]] = {
    "sr": _report,
    "kos": _key_objects,
    "pr": _presentation,
    "rtstruct": _structures,
    "rtplan": _plan,
    "rtdose": _dose,
    "reg": _registration,
    "deformable": _deformation,
    "seg": _segmentation,
    "map": _map,
}


def build_family() -> dict[str, FileDataset]:
    """Build three slices and an object of each kind that refers to them or to one another."""
    family = {f"ct{number}": image(number) for number in (1, 2, 3)}
    for name, fill in _CONTENT.items():
        ds = _object(name, *_CLASSES[name])
        fill(ds)
        family[name] = ds
    return family
