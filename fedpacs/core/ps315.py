"""DICOM PS3.15 Annex E in types: action codes and the options of the Basic Profile."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Action(StrEnum):
    """What is done to an attribute.

    References
    ----------
    PS3.15 Table E.1-1a, De-identification Action Codes.
    """

    DUMMY = "D"
    """Replace with a non-zero length value of the same VR that identifies nobody."""
    ZERO = "Z"
    """Replace with a zero length value, or a dummy where the VR or Type forbids it."""
    REMOVE = "X"
    """Remove the attribute."""
    KEEP = "K"
    """Keep it; sequences are kept and their items treated attribute by attribute."""
    CLEAN = "C"
    """Replace with values of similar meaning that identify nobody."""
    UID = "U"
    """Replace with a UID that is the same wherever the old one stood."""


class Option(StrEnum):
    """Options of the Basic Application Level Confidentiality Profile.

    References
    ----------
    PS3.15 E.3; codes of PS3.16 CID 7050.
    """

    BASIC = "113100"
    CLEAN_PIXEL_DATA = "113101"
    CLEAN_RECOGNIZABLE_VISUAL_FEATURES = "113102"
    CLEAN_GRAPHICS = "113103"
    CLEAN_STRUCTURED_CONTENT = "113104"
    CLEAN_DESCRIPTORS = "113105"
    RETAIN_FULL_DATES = "113106"
    RETAIN_MODIFIED_DATES = "113107"
    RETAIN_PATIENT_CHARACTERISTICS = "113108"
    RETAIN_DEVICE_IDENTITY = "113109"
    RETAIN_UIDS = "113110"
    RETAIN_SAFE_PRIVATE = "113111"
    RETAIN_INSTITUTION_IDENTITY = "113112"

    @property
    def meaning(self) -> str:
        """Code meaning as PS3.16 CID 7050 prints it."""
        return _MEANINGS[self]


_MEANINGS: Mapping[Option, str] = MappingProxyType(
    {
        Option.BASIC: "Basic Application Confidentiality Profile",
        Option.CLEAN_PIXEL_DATA: "Clean Pixel Data Option",
        Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES: "Clean Recognizable Visual Features Option",
        Option.CLEAN_GRAPHICS: "Clean Graphics Option",
        Option.CLEAN_STRUCTURED_CONTENT: "Clean Structured Content Option",
        Option.CLEAN_DESCRIPTORS: "Clean Descriptors Option",
        Option.RETAIN_FULL_DATES: ("Retain Longitudinal Temporal Information Full Dates Option"),
        Option.RETAIN_MODIFIED_DATES: (
            "Retain Longitudinal Temporal Information Modified Dates Option"
        ),
        Option.RETAIN_PATIENT_CHARACTERISTICS: "Retain Patient Characteristics Option",
        Option.RETAIN_DEVICE_IDENTITY: "Retain Device Identity Option",
        Option.RETAIN_UIDS: "Retain UIDs Option",
        Option.RETAIN_SAFE_PRIVATE: "Retain Safe Private Option",
        Option.RETAIN_INSTITUTION_IDENTITY: "Retain Institution Identity Option",
    }
)
