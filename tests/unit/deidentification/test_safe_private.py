from __future__ import annotations

from collections import Counter

import pytest

from fedpacs.core.ps315 import Action
from fedpacs.deidentification.document import profile_names
from fedpacs.deidentification.profile import load_profile
from fedpacs.deidentification.safe_private import safe_private, safe_private_vr

RICH = load_profile("research-rich")
SIEMENS, GE, PHILIPS = "SIEMENS MR HEADER", "GEMS_PARM_01", "Philips Imaging DD 001"


def test_the_table_is_whole():
    assert len(safe_private()) == 479
    assert len({creator for creator, _, _ in safe_private()}) == 20
    assert Counter(vr for vr in safe_private().values())["FL"] == 74


@pytest.mark.parametrize(
    ("creator", "tag", "vr", "action", "generator"),
    [
        (SIEMENS, 0x0019100C, "IS", Action.KEEP, ""),  # b-value
        (SIEMENS, 0x0019220C, "IS", Action.KEEP, ""),  # another block
        (SIEMENS, 0x0019100C, "UN", Action.KEEP, ""),  # implicit, the table's VR holds
        (SIEMENS, 0x0019100C, "DS", Action.KEEP, ""),  # a number is a number
        (SIEMENS, 0x0019100D, "CS", Action.KEEP, "term"),
        (SIEMENS, 0x0019100E, "FD", Action.KEEP, ""),
        (GE, 0x00431027, "SH", Action.CLEAN, "text"),
        ("NQHeader", 0x00991002, "UI", Action.UID, ""),
        ("NQHeader", 0x00991005, "LT", Action.CLEAN, "text"),
        (PHILIPS, 0x2001105F, "SQ", Action.KEEP, ""),
        (PHILIPS.upper(), 0x20011003, "FL", Action.KEEP, ""),  # capitals do not matter
        (SIEMENS, 0x0019100C, "LO", Action.REMOVE, ""),  # text where a number should be
        (SIEMENS, 0x0019100B, "DS", Action.REMOVE, ""),  # not in the table
        (SIEMENS, 0x0021100C, "IS", Action.REMOVE, ""),  # not in that group
        (SIEMENS, 0x0019000C, "LO", Action.REMOVE, ""),  # no block: a creator's own place
        ("SIEMENS CSA HEADER", 0x0019100C, "IS", Action.REMOVE, ""),  # not that creator
        ("", 0x0019100C, "IS", Action.REMOVE, ""),
        ("Philips ST80i", 0x00251001, "OW", Action.REMOVE, ""),  # bulk data
        ("SIEMENS Ultrasound SC2000", 0x01191011, "UN", Action.REMOVE, ""),  # no VR in the table
    ],
)
def test_a_private_element_goes_by_creator_block_and_vr(creator, tag, vr, action, generator):
    rule = RICH.private_rule(creator, tag, vr)
    assert (rule.action, rule.generator) == (action, generator)


@pytest.mark.parametrize(
    ("creator", "tag", "action"),
    [
        (SIEMENS, 0x00190010, Action.KEEP),
        (SIEMENS, 0x001900FF, Action.KEEP),
        (f"{SIEMENS} ", 0x00190011, Action.KEEP),
        (SIEMENS, 0x00510010, Action.REMOVE),  # nothing of it is safe there
        ("SMITH^JOHN", 0x00190010, Action.REMOVE),
        (SIEMENS, 0x00190001, Action.REMOVE),  # no place for a creator
        ("", 0x00190010, Action.REMOVE),
    ],
)
def test_a_creator_stays_where_something_of_it_is_safe(creator, tag, action):
    assert RICH.private_rule(creator, tag, "LO").action is action
    assert load_profile("basic").private_rule(creator, tag, "LO").action is Action.REMOVE


def test_nothing_private_stays_without_the_option():
    for name in ("basic", "hipaa-safe-harbor", "gdpr-anonymous-candidate"):
        assert load_profile(name).private_rule(SIEMENS, 0x0019100C, "IS").action is Action.REMOVE


def test_where_text_is_dropped_private_text_must_be_a_number():
    rule = load_profile("gdpr-pseudonymised").private_rule(GE, 0x00431027, "SH")
    assert rule.action is Action.KEEP
    assert rule.pattern
    assert not rule.generator


def test_no_private_text_is_kept_unseen():
    for name in profile_names():
        profile = load_profile(name)
        for (creator, group, element), vr in safe_private().items():
            rule = profile.private_rule(creator, group << 16 | 0x1000 | element, vr)
            if vr in {"LO", "SH", "ST", "LT", "CS"} and rule.action is Action.KEEP:
                assert rule.pattern or rule.generator == "term"
            if vr in {"OB", "OW", "OW/OB", "UN", ""}:
                assert rule.action is Action.REMOVE


def test_what_is_called_private_has_no_public_rule():
    assert RICH.action_for(0x00280010, "US", private=True).action is Action.REMOVE
    assert RICH.action_for(0x0019100C, "IS", private=False).action is Action.REMOVE


def test_the_table_says_how_to_read_a_value_without_vr():
    assert safe_private_vr(f" {SIEMENS} ", 0x0019100C) == "IS"
    assert safe_private_vr(SIEMENS, 0x0019000C) is None
