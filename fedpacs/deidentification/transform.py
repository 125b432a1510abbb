"""The transformation of one data set: every attribute at every depth gets its one rule.

The data set is changed in place and in full: an attribute that no rule keeps is deleted before its
value is even decoded, so damage in what must go anyway does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from fedpacs.core.ps315 import Action, Option
from fedpacs.deidentification.codes import dummy_code, is_code, meaning_of, rewrite_code
from fedpacs.deidentification.errors import DamagedObjectError
from fedpacs.deidentification.rules import vr_fits
from fedpacs.deidentification.values import new_value, values_of

if TYPE_CHECKING:
    from fedpacs.deidentification.rules import Profile, Rule
    from fedpacs.deidentification.values import Identity

_MAXIMUM_DEPTH = 64
_SEGMENT_LABEL = 0x00620005
_CHARSET = 0x00080005
_CODE_TAGS = frozenset({0x00080100, 0x00080102, 0x00080104, 0x00080119, 0x00080120})
_MARKERS = frozenset({0x00120062, 0x00120063, 0x00120064, 0x00280303, _CHARSET})
_METHOD_CHARACTERS = 64
_LABEL_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Transformation:
    """A profile applied to the objects of one patient.

    Attributes
    ----------
    profile
        Says what happens to each attribute.
    identity
        Says what the new values are made from.
    """

    profile: Profile
    identity: Identity

    def apply(self, ds: Dataset) -> None:
        """De-identify a data set in place.

        Raises
        ------
        DamagedObjectError
            If sequences are nested without end.
        """
        earlier = _earlier_codes(ds)
        self._treat(ds, depth=0)
        _mark(ds, self.profile, earlier)

    def _treat(self, ds: Dataset, depth: int) -> None:
        if depth > _MAXIMUM_DEPTH:
            raise DamagedObjectError("Sequences are nested without end.")
        coded = depth > 0 and is_code(ds)
        if coded:
            rewrite_code(ds, self.identity.pseudonyms)
        for tag in list(ds.keys()):
            number = int(tag)
            if number in _CODE_TAGS and coded:
                continue
            if number in _CODE_TAGS or number in _MARKERS:
                del ds[tag]
                continue
            vr = _vr_of(ds, number)
            rule = self.profile.action_for(number, vr, tag.is_private)
            if rule.action is Action.REMOVE:
                del ds[tag]
            elif not vr_fits(number, vr):
                _replace_misfit(ds, number, rule)
            elif vr == "SQ":
                self._treat_sequence(ds, number, rule, depth)
            else:
                self._treat_value(ds, number, rule)
        if depth and _SEGMENT_LABEL in ds:
            _label_segment(ds)

    def _treat_sequence(self, ds: Dataset, tag: int, rule: Rule, depth: int) -> None:
        if rule.action is Action.ZERO:
            ds[tag] = DataElement(tag, "SQ", [])
            return
        for item in ds[tag].value:
            if rule.action is Action.DUMMY and is_code(item):
                item.clear()
                dummy_code(item)
            else:
                self._treat(item, depth + 1)

    def _treat_value(self, ds: Dataset, tag: int, rule: Rule) -> None:
        element = ds[tag]
        if not values_of(element) and rule.action is not Action.DUMMY:
            return
        value = new_value(element, rule, self.identity)
        if value is None:
            del ds[tag]
        elif value is not element.value:
            ds[tag] = DataElement(tag, element.VR, value)


def _vr_of(ds: Dataset, tag: int) -> str:
    """VR as the file has it; where it leaves it open, the standard's."""
    vr = str(ds.get_item(Tag(tag)).VR or "UN")
    try:
        standard = dictionary_VR(tag)
    except KeyError:
        return vr
    if vr in {"UN", standard}:
        return standard.split(" or ")[0]
    return vr


def _replace_misfit(ds: Dataset, tag: int, rule: Rule) -> None:
    """Write an attribute anew that the file gives a wrong VR, its value unseen."""
    from fedpacs.deidentification.values import dummy

    del ds[tag]
    try:
        vr = dictionary_VR(tag).split(" or ")[0]
    except KeyError:
        return
    if rule.action is Action.ZERO:
        ds[tag] = DataElement(tag, vr, [] if vr == "SQ" else "")
    elif rule.action is Action.DUMMY and vr not in {"SQ", "UI"}:
        ds[tag] = DataElement(tag, vr, dummy(vr))


def _label_segment(segment: Dataset) -> None:
    number = segment.get("SegmentNumber", "")
    types = segment.get("SegmentedPropertyTypeCodeSequence")
    meaning = str(types[0].CodeMeaning) if types and "CodeMeaning" in types[0] else ""
    segment.SegmentLabel = (meaning or f"Segment {number}".strip())[:_LABEL_CHARACTERS]


def _earlier_codes(ds: Dataset) -> tuple[str, ...]:
    """Codes of CID 7050 that an earlier de-identification left: ours are added to them."""
    items = ds.get("DeidentificationMethodCodeSequence") or ()
    written = {str(item.get("CodeValue", "")) for item in items}
    return tuple(code for code in Option if code in written)


def _mark(ds: Dataset, profile: Profile, earlier: tuple[str, ...]) -> None:
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = f"FedPACS {profile.name} {profile.digest[:12]}"[:_METHOD_CHARACTERS]
    ds.DeidentificationMethodCodeSequence = [
        _code(Option(code)) for code in sorted({*earlier, *profile.options})
    ]
    if profile.shifts_dates:
        modified = "MODIFIED"
    else:
        modified = "UNMODIFIED" if Option.RETAIN_FULL_DATES in profile.options else "REMOVED"
    ds.LongitudinalTemporalInformationModified = modified


def _code(option: Option) -> Dataset:
    item = Dataset()
    item.CodeValue = str(option)
    item.CodingSchemeDesignator = "DCM"
    # the dictionary's wording fits the 64 characters of LO
    item.CodeMeaning = meaning_of("DCM", option.value, option.meaning)
    return item
