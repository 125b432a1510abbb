"""Identified objects and what a de-identification with a custodian makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from fedpacs.deidentification.custody.encrypted import encrypted_attributes, originals_of
from fedpacs.deidentification.dicom.parsing import parse

if TYPE_CHECKING:
    from pathlib import Path

CT = "1.2.840.10008.5.1.4.1.1.2"
OLD = "1.2.826.0.1.3680043.9.7433.7"


def identified(number: int = 1, charset: str = "ISO_IR 100") -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = charset
    ds.SOPClassUID = CT
    ds.SOPInstanceUID = f"{OLD}.{number}"
    ds.StudyDate = "20230214"
    ds.AcquisitionDateTime = "20230214101112.5+0100"
    ds.AccessionNumber = "ACC-4711"
    ds.Modality = "CT"
    ds.InstitutionName = "Klinikum Überlingen"
    ds.PatientName = "Müller^Jörg"
    ds.PatientID = "PAT-0815"
    ds.PatientBirthDate = "19610317"
    ds.StudyInstanceUID = f"{OLD}.100"
    ds.SeriesInstanceUID = f"{OLD}.200"
    reference = Dataset()
    reference.ReferencedSOPClassUID = CT
    reference.ReferencedSOPInstanceUID = f"{OLD}.{1 if number != 1 else 2}"
    ds.ReferencedImageSequence = [reference]
    ds.Rows = ds.Columns = 8
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.SamplesPerPixel = 16, 16, 15, 1
    ds.PixelRepresentation, ds.PhotometricInterpretation = 0, "MONOCHROME2"
    ds.PixelData = np.arange(64, dtype="<u2").tobytes()
    return ds


def write(ds: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = syntax
    pydicom.dcmwrite(path, ds, enforce_file_format=True)
    return path


def pseudonym(old: str) -> str:
    return f"2.25.{int(old.rpartition('.')[2]) + 10**30}"


def deidentified(original: Path, folder: Path, custodians, bound: bool = True) -> Path:
    """Write what the engine would, with the originals sealed in it."""
    ds = pydicom.dcmread(original)
    with parse(original) as parsed:
        originals = originals_of(parsed)
    new_uid = pseudonym(ds.SOPInstanceUID)
    if custodians:
        element = encrypted_attributes(originals, custodians, new_uid if bound else "")
        item = Dataset()
        item.EncryptedContentTransferSyntaxUID = (
            element.items[0][0x04000510].value.decode().strip("\0")
        )
        item.EncryptedContent = element.items[0][0x04000520].value
        ds.EncryptedAttributesSequence = [item]
    for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        setattr(ds, name, pseudonym(ds[name].value))
    for reference in ds.ReferencedImageSequence:
        reference.ReferencedSOPInstanceUID = pseudonym(reference.ReferencedSOPInstanceUID)
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = ds.PatientID = "P-JLAYPVP7OAGO3YS4"
    ds.PatientBirthDate = ""
    ds.StudyDate = "20210101"
    ds.AccessionNumber = "LHPAPTAOSSNCZ2AY"
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = "FedPACS"
    del ds.InstitutionName, ds.AcquisitionDateTime
    return write(ds, folder / f"{new_uid}.dcm", ds.file_meta.TransferSyntaxUID)
