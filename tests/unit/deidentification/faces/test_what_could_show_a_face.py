"""What could show a face: heads by code, name and word in many languages; the rest passes."""

from __future__ import annotations

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from fedpacs.deidentification.dicom.parsing import parse
from fedpacs.deidentification.faces.kinds import Showing, showing_of
from fedpacs.deidentification.faces.regions import Region, region_of, region_of_words

CT, MR, NM = (f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("2", "4", "20"))
PHOTOGRAPH, CAPTURE = "1.2.840.10008.5.1.4.1.1.77.1.4", "1.2.840.10008.5.1.4.1.1.7"
RADIOGRAPH, OPHTHALMIC = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.77.1.5.1"
STRUCTURES = "1.2.840.10008.5.1.4.1.1.481.3"
LARGE = {"PixelSpacing": [3.0, 3.0]}


def code(value):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", "x"
    return Sequence([item])


@pytest.fixture
def seen(tmp_path):
    def look(sop_class_uid, question=showing_of, **attributes):
        ds = pydicom.dcmread(get_testdata_file("MR_small.dcm"))
        for keyword in ("StudyDescription", "SeriesDescription", "ProtocolName", "ImageComments"):
            ds.pop(keyword, None)
        ds.SOPClassUID, ds.SpecificCharacterSet = sop_class_uid, "ISO_IR 192"
        for keyword, value in attributes.items():
            setattr(ds, keyword, value)
        ds.save_as(tmp_path / "one.dcm")
        with parse(tmp_path / "one.dcm") as parsed:
            return question(parsed, sop_class_uid) if question is showing_of else question(parsed)

    return look


@pytest.mark.parametrize(
    "words",
    ["CT Head wo", "MRT Schädel nativ", "SCHAEDEL", "IRM encéphale", "Scanner crâne", "TC cráneo",
     "RM cerebro", "RM encefalo", "CT hoofd", "TK głowy", "beyin MR", "МРТ головного мозга",
     "頭部CT", "头颅平扫", "cMRT", "NNH", "t1_mprage_sag_p2", "AX FLAIR BRAIN", "Felsenbein"],
)  # fmt: skip
def test_words_for_the_head_are_known_in_many_languages(words):
    assert region_of_words([words]) is Region.HEAD


@pytest.mark.parametrize(
    "words",
    ["CT Thorax", "Knie rechts: Kniegelenk", "abdomen y pelvis", "IRM épaule", "胸部", "膝关节",
     "LUMBAR SPINE", "МРТ коленного сустава"],
)  # fmt: skip
def test_words_for_other_regions_are_known(words):
    assert region_of_words([words]) is Region.OTHER


@pytest.mark.parametrize("words", ["T2 TSE COR", "5/5mm Plain", "main", "stop", "", "Müller"])
def test_words_that_say_nothing_are_no_region(words):
    assert region_of_words([words]) is Region.UNKNOWN


def test_the_series_counts_more_than_the_study_and_the_head_more_than_all(seen):
    assert seen(MR, region_of, StudyDescription="Brain", BodyPartExamined="KNEE") is Region.OTHER
    assert seen(MR, region_of, ProtocolName="Brain", BodyPartExamined="CHEST") is Region.HEAD
    assert seen(MR, region_of, StudyDescription="IRM crâne") is Region.HEAD
    assert seen(MR, region_of, BodyPartExamined="WHOLE BODY") is Region.BODY
    assert seen(MR, region_of, AnatomicRegionSequence=code("69536005")) is Region.HEAD
    assert seen(MR, region_of, AnatomicRegionSequence=code("72696002")) is Region.OTHER


@pytest.mark.parametrize(
    ("kind", "attributes", "showing"),
    [
        (MR, {"BodyPartExamined": "HEAD", **LARGE}, Showing.SECTIONS),
        (MR, LARGE, Showing.SECTIONS),  # nobody says that it is no head
        (MR, {"BodyPartExamined": "KNEE", **LARGE}, Showing.NOTHING),
        (MR, {"BodyPartExamined": "KNEE", "RecognizableVisualFeatures": "YES", **LARGE},
         Showing.SECTIONS),
        (MR, {"BodyPartExamined": "HEAD", "PixelSpacing": [0.3, 0.3]}, Showing.NOTHING),
        (MR, {"BodyPartExamined": "HEAD", "ImageType": ["DERIVED", "SECONDARY", "VOLREN"], **LARGE},
         Showing.PICTURE),
        (CT, {"Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"],
              "BodyPartExamined": "HEAD", **LARGE}, Showing.NOTHING),
        (MR, {"BodyPartExamined": "HEAD", "RecognizableVisualFeatures": "NO", **LARGE},
         Showing.SECTIONS),  # anybody can say so
        (MR, {"BodyPartExamined": "HEAD", "RecognizableVisualFeatures": "NO",
              "DeidentificationMethodCodeSequence": code("113102"), **LARGE}, Showing.NOTHING),
        (PHOTOGRAPH, {}, Showing.PICTURE),
        (PHOTOGRAPH, {"BodyPartExamined": "FACE"}, Showing.PICTURE),
        (PHOTOGRAPH, {"BodyPartExamined": "HAND"}, Showing.NOTHING),
        (CAPTURE, {}, Showing.NOTHING),
        (CAPTURE, {"SeriesDescription": "3D head"}, Showing.PICTURE),
        (CAPTURE, {"BodyPartExamined": "WHOLE BODY"}, Showing.NOTHING),
        (RADIOGRAPH, {"BodyPartExamined": "SKULL"}, Showing.NOTHING),
        (NM, {"BodyPartExamined": "BRAIN"}, Showing.NOTHING),
        (NM, {"RecognizableVisualFeatures": "YES"}, Showing.PICTURE),
        (OPHTHALMIC, {}, Showing.NOTHING),
        (OPHTHALMIC, {"AcquisitionDeviceTypeCodeSequence": code("409903006")}, Showing.PICTURE),
    ],
)  # fmt: skip
def test_each_kind_shows_what_it_can_show(seen, kind, attributes, showing):
    assert seen(kind, **attributes) is showing


def rois(*names, kind=""):
    items, observations = [], []
    for name in names:
        item, observation = Dataset(), Dataset()
        item.ROIName, observation.RTROIInterpretedType = name, kind
        items.append(item)
        observations.append(observation)
    return {
        "StructureSetROISequence": Sequence(items),
        "RTROIObservationsSequence": Sequence(observations),
    }


def test_a_contour_along_the_skin_is_a_face_unless_all_else_lies_elsewhere(seen):
    assert seen(STRUCTURES, **rois("GTV", "Parotid L")) is Showing.NOTHING
    assert seen(STRUCTURES, **rois("BODY", "Brain")) is Showing.PICTURE
    assert seen(STRUCTURES, **rois("Außenkontur")) is Showing.PICTURE
    assert seen(STRUCTURES, **rois("x", kind="EXTERNAL")) is Showing.PICTURE
    assert seen(STRUCTURES, **rois("BODY", "Prostate", "Bladder")) is Showing.NOTHING
