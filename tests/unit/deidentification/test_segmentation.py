from __future__ import annotations

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.sr.coding import Code

from fedpacs.core.study import InstanceRef, SeriesRef, Study, StudyRef
from fedpacs.deidentification.errors import MixedStudyError
from fedpacs.deidentification.study import deidentify_study
from fedpacs.deidentification.verification.instance import verify_instance


@pytest.fixture(scope="module")
def segmentation(series, tmp_path_factory):
    sources = [pydicom.dcmread(path) for path in series]
    masks = np.zeros((5, 16, 16), dtype=np.uint8)
    masks[:, 2:8, 2:8] = 1
    masks[1:4, 9:12, 9:12] = 2
    category = Code("123037004", "SCT", "Anatomical Structure")
    segments = [
        highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=f"drawn by Grabowska {number}",
            segmented_property_category=category,
            segmented_property_type=Code(value, "SCT", meaning),
            algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
            tracking_uid=highdicom.UID(),
            tracking_id=f"Grabowska-{number}",
        )
        for number, value, meaning in (
            (1, "389081007", "Grey Matter"),
            (2, "389080008", "White Matter of Grabowska"),
        )
    ]
    seg = highdicom.seg.Segmentation(
        source_images=sources,
        pixel_array=masks,
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=segments,
        series_instance_uid=highdicom.UID(),
        series_number=9,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="Acme Tools",
        manufacturer_model_name="Pen",
        software_versions="1",
        device_serial_number="SN-99-1234",
        content_creator_name="Grabowska^Ewa",
        content_description="Comment on the husband",
    )
    path = tmp_path_factory.mktemp("seg") / "seg.dcm"
    seg.save_as(path)
    return path


@pytest.fixture
def outputs(engine, series, segmentation, tmp_path):
    images = [engine.deidentify_file(path, tmp_path) for path in series]
    return images, engine.deidentify_file(segmentation, tmp_path)


def test_the_segmentation_stays_usable(outputs, segmentation):
    images, label = outputs
    seg = highdicom.seg.segread(label.path)
    before = highdicom.seg.segread(segmentation)
    uids = [image.sop_instance_uid for image in images]
    old = [uid for _, _, uid in before.get_source_image_uids()]
    assert {uid for _, _, uid in seg.get_source_image_uids()} == set(uids)
    np.testing.assert_array_equal(
        seg.get_pixels_by_source_instance(uids),
        before.get_pixels_by_source_instance(sorted(old)),
    )
    assert seg.get_volume().spacing == before.get_volume().spacing
    assert label.referenced_series_uid == images[0].series_instance_uid
    assert label.modality == "SEG"


def test_labels_come_from_the_codes(outputs):
    seg = highdicom.seg.segread(outputs[1].path)
    labels = [item.SegmentLabel for item in seg.SegmentSequence]
    assert labels == ["Gray Matter", "White Matter"]
    types = [item.SegmentedPropertyTypeCodeSequence[0].CodeValue for item in seg.SegmentSequence]
    assert types == ["389081007", "389080008"]
    assert all(len(item.TrackingID) == 16 for item in seg.SegmentSequence)
    assert b"grabowska" not in outputs[1].path.read_bytes().lower()


def test_images_and_labels_verify(outputs, series, segmentation):
    images, label = outputs
    for source, image in zip(series, images, strict=True):
        assert verify_instance(source, image.path) == ()
    assert verify_instance(segmentation, label.path) == ()


def _study(files):
    ref = StudyRef("1.2", "PAT", (SeriesRef("1.3", "MR", (InstanceRef("1.4", "1.5"),)),))
    return Study(ref, {str(n): path for n, path in enumerate(files)})


def test_a_study_is_whole(engine, series, segmentation, tmp_path):
    study = deidentify_study(engine, _study([*series, segmentation]), tmp_path)
    assert len(study.instances) == 6
    assert study.patient.startswith("P-")
    assert study.study_instance_uid.startswith("2.25.")
    assert study.option_codes == engine.profile.option_codes
    assert {"113100", "113107", "113108"} <= set(study.option_codes)
    assert study.profile_digest == engine.profile.digest
    for text in ("PAT", "1.2.826"):
        assert text not in repr(study)


def test_a_study_of_two_patients_is_refused_and_leaves_nothing(engine, series, saved, tmp_path):
    other = pydicom.dcmread(series[0])
    other.PatientID, other.SOPInstanceUID = "SOMEBODY-ELSE", "1.2.3.4.5"
    with pytest.raises(MixedStudyError):
        deidentify_study(engine, _study([series[1], saved(other)]), tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
