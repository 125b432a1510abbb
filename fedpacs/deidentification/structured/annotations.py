"""Annotations on pictures and recordings: their words are cleaned, their layers stay apart.

The rows that Table E.1-1 has for the text of annotations and for the labels of channels name no
option; what the options say of graphics and of descriptors in general is carried out on them here.

References
----------
PS3.15 E.3.3 (Clean Graphics Option), E.3.4 (Clean Structured Content Option), E.3.5 (Clean
Descriptors Option); PS3.3 C.10.5 (graphic annotations), C.10.7 (graphic layers), C.10.9 and C.10.10
(waveforms and their annotations).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.core.ps315 import Action, Option
from fedpacs.deidentification.code_strings import is_known_code
from fedpacs.deidentification.dicom.charset import values_of
from fedpacs.deidentification.rules import Rule

if TYPE_CHECKING:
    from fedpacs.deidentification.dicom.charset import Charset
    from fedpacs.deidentification.dicom.elements import Items
    from fedpacs.deidentification.rules import Profile

SOURCE = "FedPACS rule for structured content"
UNFORMATTED_TEXT, GRAPHIC_LAYER = 0x00700006, 0x00700002
_WAVEFORM_CHANNELS = 0x0040A0B0
_LABELS = (0x003A0020, 0x003A0203, 0x003A020C, 0x0040B03B, 0x0040B03F)
ANNOTATION_TAGS = frozenset({UNFORMATTED_TEXT, GRAPHIC_LAYER, *_LABELS})
"""Attributes that this module has rules for."""


def annotation_rules(items: Items, charset: Charset, profile: Profile) -> dict[int, Rule]:
    """Give the rules for an item with one of `ANNOTATION_TAGS`.

    Parameters
    ----------
    items
        The item; it is only read.
    charset
        Character set of the item.
    profile
        The profile that is carried out.

    Returns
    -------
    dict[int, Rule]
        Rule by tag; empty where the rules by attribute hold.
    """
    found: dict[int, Rule] = {}
    layers = values_of(items.get(GRAPHIC_LAYER), charset)
    if not all(is_known_code(layer) for layer in layers):
        # a layer is found by its name, so two must not become one
        found[GRAPHIC_LAYER] = Rule(Action.DUMMY, SOURCE, "the name of a layer", "identifier")
    if profile.policies.text == "drop":
        return found
    option = Option.CLEAN_GRAPHICS
    if _WAVEFORM_CHANNELS in items and option not in profile.options:
        option = Option.CLEAN_STRUCTURED_CONTENT
    if UNFORMATTED_TEXT in items and option in profile.options:
        found[UNFORMATTED_TEXT] = _cleaned(option, Action.DUMMY)
    if Option.CLEAN_DESCRIPTORS in profile.options:
        rule = _cleaned(Option.CLEAN_DESCRIPTORS, Action.REMOVE)
        found.update((tag, rule) for tag in _LABELS if tag in items)
    return found


def _cleaned(option: Option, otherwise: Action) -> Rule:
    return Rule(Action.CLEAN, SOURCE, f"{option.meaning}: C", "text", otherwise=otherwise)
