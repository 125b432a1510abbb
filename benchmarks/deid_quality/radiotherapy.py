"""RT structure sets, plans and doses, and segmentations, full of names that people typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.deid_quality.encodings import Encoding
from benchmarks.deid_quality.images import CLASS, finish

if TYPE_CHECKING:
    from benchmarks.deid_quality.headers import Draft

ORGANS = ("[Heart]", "[Lung] [Left]", "[PTV] {family}", "[Spinal] [Cord]", "[GTV] {FAMILY}")


def radiotherapy(draft: Draft) -> None:
    """One of RTSTRUCT, RTPLAN and RTDOSE."""
    (structures, plan, dose)[draft.number % 3](draft)


def structures(draft: Draft) -> None:
    """RTSTRUCT whose structures, contours and observers refer to the CT."""
    top, study = draft.top, draft.study
    draft.begin(CLASS + "481.3", "RTSTRUCT")
    top.text("StructureSetLabel", draft.write.written("[PLAN] {FAMILY}"))
    top.text("StructureSetName", draft.write.written("[Thorax] {Fam, Giv}"))
    top.text("StructureSetDescription", draft.write.comment())
    top.date("StructureSetDate", draft.when)
    top.put("StructureSetTime", f"{draft.when:%H%M%S}")
    frame = top.item("ReferencedFrameOfReferenceSequence")
    frame.refer("FrameOfReferenceUID", study.frame_of_reference)
    of_study = frame.item("RTReferencedStudySequence")
    of_study.keep("ReferencedSOPClassUID", "1.2.840.10008.3.1.2.3.1")
    of_study.refer("ReferencedSOPInstanceUID", study.uid)
    series = of_study.item("RTReferencedSeriesSequence")
    series.refer("SeriesInstanceUID", f"{study.uid}.1")
    image = series.item("ContourImageSequence")
    image.keep("ReferencedSOPClassUID", CLASS + "2")
    image.refer("ReferencedSOPInstanceUID", f"{study.uid}.1.1")
    for index, organ in enumerate(ORGANS, 1):
        roi = top.item("StructureSetROISequence")
        roi.keep("ROINumber", str(index))
        roi.refer("ReferencedFrameOfReferenceUID", study.frame_of_reference)
        roi.text("ROIName", draft.write.written(organ))
        if index == 3:
            roi.text("ROIDescription", draft.write.comment(), "ST")
        roi.keep("ROIGenerationAlgorithm", "MANUAL")
        contour = top.item("ROIContourSequence")
        contour.keep("ReferencedROINumber", str(index))
        contour.keep("ROIDisplayColor", ["255", "0", "0"])
        line = contour.item("ContourSequence")
        line.keep("ContourGeometricType", "CLOSED_PLANAR")
        line.keep("NumberOfContourPoints", "3")
        line.keep("ContourData", ["1.5", "2", "3", "4", "5", "3", "7", "8", "3"])
        observed = top.item("RTROIObservationsSequence")
        observed.keep("ObservationNumber", str(index))
        observed.keep("ReferencedROINumber", str(index))
        observed.text("ROIObservationLabel", draft.write.written(organ))
        observed.put("RTROIInterpretedType", "ORGAN")
        observed.gone("ROIInterpreter", study.operator)
    top.put("ApprovalStatus", "APPROVED")
    top.date("ReviewDate", draft.when)
    top.gone("ReviewerName", study.reading)
    draft.specimen.syntax = ("implicit", "explicit")[draft.number % 2]


def plan(draft: Draft) -> None:
    """RTPLAN with beam, prescription and setup text."""
    top, study = draft.top, draft.study
    draft.begin(CLASS + "481.5", "RTPLAN")
    top.text("RTPlanLabel", draft.write.written("[Boost] {family}"))
    top.text("RTPlanName", draft.write.written("[Breast] [left] {Fam, Giv}"))
    top.text("RTPlanDescription", draft.write.comment())
    top.date("RTPlanDate", draft.when)
    top.put("RTPlanTime", f"{draft.when:%H%M%S}")
    top.keep("RTPlanGeometry", "TREATMENT_DEVICE")
    top.text("PrescriptionDescription", draft.write.comment())
    target = top.item("DoseReferenceSequence")
    target.keep("DoseReferenceNumber", "1")
    target.text("DoseReferenceDescription", draft.write.written("[Tumor] [bed] {FAMILY}"))
    target.keep("TargetPrescriptionDose", "50.4")
    fraction = top.item("FractionGroupSequence")
    fraction.keep("FractionGroupNumber", "1")
    fraction.keep("NumberOfFractionsPlanned", "28")
    fraction.text("FractionGroupDescription", draft.write.written("[boost] for {Giv Fam}"))
    beam = top.item("BeamSequence")
    beam.keep("BeamNumber", "1")
    beam.text("BeamName", draft.write.written("[Lateral] {FAMILY}"))
    beam.text("BeamDescription", draft.write.written("[tangential] {Fam, Giv} {id}"))
    beam.text("TreatmentMachineName", draft.write.written("[Linac] {hospital}"))
    beam.keep("BeamType", "STATIC")
    beam.keep("RadiationType", "PHOTON")
    point = beam.item("ControlPointSequence")
    point.keep("ControlPointIndex", "0")
    point.keep("NominalBeamEnergy", "6")
    point.keep("GantryAngle", "270")
    setup = top.item("PatientSetupSequence")
    setup.keep("PatientSetupNumber", "1")
    setup.text("SetupTechniqueDescription", draft.write.comment())
    reference = top.item("ReferencedStructureSetSequence")
    reference.keep("ReferencedSOPClassUID", CLASS + "481.3")
    reference.uid("ReferencedSOPInstanceUID", f"{study.uid}.{draft.slot - 1}.1")
    top.gone("ReviewerName", study.reading)
    draft.specimen.syntax = ("implicit", "explicit", "deflated")[draft.number // 3 % 3]


def dose(draft: Draft) -> None:
    """RTDOSE grid with a comment."""
    top, study = draft.top, draft.study
    draft.begin(CLASS + "481.2", "RTDOSE")
    top.keep_all(
        DoseUnits="GY",
        DoseType="PHYSICAL",
        DoseSummationType="PLAN",
        DoseGridScaling="0.001",
        GridFrameOffsetVector=["0", "3", "6"],
    )
    top.text("DoseComment", draft.write.comment(), "LO")
    top.refer("FrameOfReferenceUID", study.frame_of_reference)
    top.date("InstanceCreationDate", draft.when)
    reference = top.item("ReferencedRTPlanSequence")
    reference.keep("ReferencedSOPClassUID", CLASS + "481.5")
    reference.uid("ReferencedSOPInstanceUID", f"{study.uid}.{draft.slot - 1}.1")
    top.put("FrameIncrementPointer", 0x3004000C)
    grid = (500 * np.random.default_rng(draft.number).random((3, 24, 32))).astype(np.uint16)
    syntax = ("implicit", "explicit", "rle")[draft.number // 3 % 3]
    finish(draft, grid, Encoding(syntax), 16)


def segmentation(draft: Draft) -> None:
    """Binary or fractional SEG of the CT; labels hold names."""
    top, study, number = draft.top, draft.study, draft.number
    draft.begin(CLASS + "66.4", "SEG")
    top.refer("FrameOfReferenceUID", study.frame_of_reference)
    top.keep("ImageType", ["DERIVED", "PRIMARY"])
    top.keep("InstanceNumber", str(number))
    top.date("ContentDate", draft.when)
    top.put("ContentTime", f"{draft.when:%H%M%S}")
    top.put("ContentLabel", "SEGMENTATION")
    top.text("ContentDescription", draft.write.written("[Liver] of {Fam, Giv}"))
    top.gone("ContentCreatorName", study.reading)
    fractional = number % 2
    top.keep("SegmentationType", "FRACTIONAL" if fractional else "BINARY")
    if fractional:
        top.keep("SegmentationFractionalType", "PROBABILITY")
        top.keep("MaximumFractionalValue", 255)
    for index, label in enumerate(("[Liver]", "[Lesion] {FAMILY}"), 1):
        segment = top.item("SegmentSequence")
        segment.keep("SegmentNumber", index)
        segment.text("SegmentLabel", draft.write.written(label))
        segment.text("SegmentDescription", draft.write.written(label))
        segment.keep("SegmentAlgorithmType", "MANUAL")
        segment.code("SegmentedPropertyTypeCodeSequence", "10200004", "SCT", "Liver")
        segment.code("SegmentedPropertyCategoryCodeSequence", "123037004", "SCT", "Body structure")
        segment.uid("TrackingUID", f"{study.uid}.{draft.slot}.{70 + index}")
        segment.text("TrackingID", draft.write.written("{FAMILY} 1"))
    series = top.item("ReferencedSeriesSequence")
    series.refer("SeriesInstanceUID", f"{study.uid}.1")
    image = series.item("ReferencedInstanceSequence")
    image.keep("ReferencedSOPClassUID", CLASS + "2")
    image.refer("ReferencedSOPInstanceUID", f"{study.uid}.1.1")
    for index in (1, 2):
        group = top.item("PerFrameFunctionalGroupsSequence")
        group.item("SegmentIdentificationSequence").keep("ReferencedSegmentNumber", index)
        group.item("PlanePositionSequence").keep("ImagePositionPatient", ["0", "0", str(index)])
        source = group.item("DerivationImageSequence").item("SourceImageSequence")
        source.keep("ReferencedSOPClassUID", CLASS + "2")
        source.refer("ReferencedSOPInstanceUID", f"{study.uid}.1.1")
    _pixels(draft, fractional=bool(fractional))


def _pixels(draft: Draft, *, fractional: bool) -> None:
    y, x = np.mgrid[:64, :64]
    shapes = np.stack([(y - 30) ** 2 + (x - 30) ** 2 < 300, (y - 20) ** 2 + (x - 40) ** 2 < 60])
    syntax = ("explicit", "implicit", "rle")[draft.number % 3]
    if fractional:
        finish(draft, (shapes * 200).astype(np.uint8), Encoding(syntax), 8)
        return
    finish(draft, shapes.astype(np.uint8), Encoding("explicit"), 1)
    draft.dataset.BitsAllocated = 1
    draft.dataset.PixelData = np.packbits(shapes, bitorder="little").tobytes()
    draft.dataset["PixelData"].VR = "OB"
