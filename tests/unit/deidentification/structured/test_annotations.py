from __future__ import annotations

import pytest

from fedpacs.core.ps315 import Action
from fedpacs.deidentification.dicom.charset import UTF_8
from fedpacs.deidentification.dicom.elements import Element
from fedpacs.deidentification.profile import load_profile
from fedpacs.deidentification.structured.content import item_rules

TEXT, LAYER, CHANNELS, LABEL = 0x00700006, 0x00700002, 0x0040A0B0, 0x003A0203


def _items(*elements):
    return {element.tag: element for element in elements}


def _rules(profile, *elements):
    return item_rules(_items(*elements), UTF_8, load_profile(profile))


def test_the_words_of_a_drawing_are_cleaned_with_graphics_and_dropped_without():
    text = Element.of_text(TEXT, "ST", "nodule of Zbigniew")
    rule = _rules("research-rich", text)[TEXT]
    assert (rule.action, rule.generator, rule.otherwise) == (Action.CLEAN, "text", Action.DUMMY)
    assert _rules("basic", text) == {}


def test_the_words_beside_a_recording_are_cleaned():
    text = Element.of_text(TEXT, "ST", "sinus rhythm")
    channels = Element(CHANNELS, "US", b"\1\0\0\0")
    assert _rules("research-rich", text, channels)[TEXT].generator == "text"
    assert _rules("basic", text, channels) == {}


def test_labels_of_channels_are_cleaned_with_the_descriptors():
    label = Element.of_text(LABEL, "SH", "Lead II")
    rule = _rules("research-rich", label)[LABEL]
    assert (rule.action, rule.generator, rule.otherwise) == (Action.CLEAN, "text", Action.REMOVE)
    assert _rules("basic", label) == {}


@pytest.mark.parametrize("profile", ["basic", "research-rich"])
def test_layers_with_names_of_their_own_stay_apart(profile):
    known = Element.of_text(LAYER, "CS", "LAYER1")
    named = Element.of_text(LAYER, "CS", "ZBIGNIEW")
    assert _rules(profile, known) == {}
    rule = _rules(profile, named)[LAYER]
    assert (rule.action, rule.generator) == (Action.DUMMY, "identifier")


def test_a_document_in_an_annotation_goes_as_a_whole():
    text = Element.of_text(TEXT, "ST", "<?xml version='1.0'?><name>Zbigniew</name>")
    assert _rules("research-rich", text)[TEXT].action is Action.DUMMY
