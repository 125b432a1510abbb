from __future__ import annotations

import subprocess
import sys

import pynetdicom
import pytest
from pydicom import datadict
from pydicom._dicom_dict import DicomDictionary
from pydicom._uid_dict import UID_dictionary
from pydicom.sr._concepts_dict import concepts as pydicom_concepts

from fedpacs.core import dictionary

TAGS = (*DicomDictionary, 0x60020010, 0x50FE3000, 0x00203103, 0x7F000010, 0x10001230)
LINES = (
    (dictionary.vr_of, datadict.dictionary_VR),
    (dictionary.vm_of, datadict.dictionary_VM),
    (dictionary.name_of, datadict.dictionary_description),
    (dictionary.keyword_of, datadict.dictionary_keyword),
)


@pytest.mark.parametrize(("ours", "theirs"), LINES)
def test_the_dictionary_says_what_pydicom_says(ours, theirs):
    assert [ours(tag) for tag in TAGS] == [theirs(tag) for tag in TAGS]


@pytest.mark.parametrize("tag", [0x00091001, 0x00090010, 0x0008FFF3])
def test_what_the_standard_does_not_define_has_no_line(tag):
    with pytest.raises(KeyError):
        dictionary.entry_of(tag)


def test_every_uid_of_pydicom_and_pynetdicom_is_known():
    assert pynetdicom.__version__  # it adds to pydicom's when it is imported
    assert {uid: UID_dictionary[uid] for uid in dictionary.UIDS} == dictionary.UIDS
    assert UID_dictionary.keys() == dictionary.UIDS.keys()


def test_keywords_lead_back_to_their_tags():
    keywords = ["PatientName", "PixelData", "NoSuchKeyword"]
    assert [dictionary.tag_of(k) for k in keywords] == list(map(datadict.tag_for_keyword, keywords))


ALONE = """
import sys
from fedpacs.core import dictionary
print(len(dictionary.UIDS), len(dictionary.concepts()["DCM"]), "pydicom" in sys.modules)
"""


def test_the_tables_are_there_without_pydicom():
    done = subprocess.run(
        [sys.executable, "-c", ALONE], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == [
        str(len(dictionary.UIDS)), str(len(pydicom_concepts["DCM"])), "False"
    ]  # fmt: skip
