"""Marks: what the engine writes of itself into an object, and only what is true.

References
----------
PS3.15 E.1.1 and E.3; PS3.3 C.12.1 (De-identification Method) and C.7.6.1 (Burned In Annotation);
PS3.16 CID 7050.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.core.ps315 import Option
from fedpacs.deidentification.codes import CODE_MEANING, CODE_VALUE, CODING_SCHEME
from fedpacs.deidentification.dicom.charset import UTF_8, text_of
from fedpacs.deidentification.dicom.elements import Element
from fedpacs.deidentification.dicom.encoding import encode_element

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.deidentification.dicom.elements import Items
    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.rules import Profile

_CHARSET = 0x00080005
_IDENTITY_REMOVED, _METHOD, _METHOD_CODES = 0x00120062, 0x00120063, 0x00120064
_BURNED_IN_ANNOTATION, _TEMPORAL_INFORMATION = 0x00280301, 0x00280303
_VISUAL_FEATURES = 0x00280302
_METHOD_CHARACTERS = 64
_ONLY_WHEN_RUN = frozenset({Option.CLEAN_PIXEL_DATA, Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES})


class Marker:
    """Gives the elements that say what was done.

    Parameters
    ----------
    profile
        What the engine carries out.
    """

    __slots__ = ("_known", "_profile")

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._known: dict[tuple[object, ...], Mapping[int, bytes]] = {}

    def marks(
        self, parsed: ParsedObject, *, text_free: bool, defaced: bool = False
    ) -> Mapping[int, bytes]:
        """Give the elements for one object, encoded as it is.

        Parameters
        ----------
        text_free
            Whether its pictures were searched and are free of text.
        defaced
            Whether the face was taken out of the head that they show.
        """
        what = (_earlier_codes(parsed), text_free, defaced)
        known = self._known.get((parsed.encoding, *what))
        if known is None:
            marks = _marks(self._profile, *what)
            known = {tag: encode_element(mark, parsed.encoding) for tag, mark in marks.items()}
            self._known[parsed.encoding, *what] = known
        return known


def _earlier_codes(parsed: ParsedObject) -> tuple[str, ...]:
    """Codes of CID 7050 that an earlier de-identification left: ours are added to them."""
    if _METHOD_CODES not in parsed:
        return ()
    element = parsed.get(_METHOD_CODES)
    items = element.items or [] if element is not None else []
    written = {text_of(item.get(CODE_VALUE), UTF_8) for item in items}
    return tuple(code for code in Option if code in written)


def _marks(
    profile: Profile, earlier: tuple[str, ...], text_free: bool, defaced: bool
) -> Mapping[int, Element]:
    ran = {option for option in profile.options if option not in _ONLY_WHEN_RUN}
    if text_free:
        ran.add(Option.CLEAN_PIXEL_DATA)
    if defaced:
        ran.add(Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES)
    method = f"FedPACS {profile.name} {profile.digest[:12]}"[:_METHOD_CHARACTERS]
    codes = [_code(Option(code)) for code in sorted({*earlier, *ran})]
    elements = [
        Element.of_text(_CHARSET, "CS", "ISO_IR 192"),
        Element.of_text(_IDENTITY_REMOVED, "CS", "YES"),
        Element.of_text(_METHOD, "LO", method),
        Element.of_items(_METHOD_CODES, codes),
        Element.of_text(_TEMPORAL_INFORMATION, "CS", _temporal(profile)),
    ]
    if text_free:
        elements.append(Element.of_text(_BURNED_IN_ANNOTATION, "CS", "NO"))
    if defaced:
        elements.append(Element.of_text(_VISUAL_FEATURES, "CS", "NO"))
    return {element.tag: element for element in elements}


def _temporal(profile: Profile) -> str:
    dates = profile.policies.dates
    return {"keep": "UNMODIFIED", "shift": "MODIFIED", "year": "MODIFIED"}.get(dates, "REMOVED")


def _code(option: Option) -> Items:
    elements = (
        Element.of_text(CODE_VALUE, "SH", str(option)),
        Element.of_text(CODING_SCHEME, "SH", "DCM"),
        Element.of_text(CODE_MEANING, "LO", option.meaning),
    )
    return {element.tag: element for element in elements}
