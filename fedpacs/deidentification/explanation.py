"""A profile in sentences, for the data protection officer who signs for it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_description, dictionary_keyword, dictionary_VR

from fedpacs.core.ps315 import Action, Option
from fedpacs.deidentification.flatten import tag_of
from fedpacs.deidentification.table import closed_groups, extras, rows, vr_actions

if TYPE_CHECKING:
    from fedpacs.deidentification.rules import Profile, Rule

_DEEDS = {
    Action.REMOVE: "removed",
    Action.ZERO: "emptied",
    Action.DUMMY: "replaced by a value that says nothing",
    Action.UID: "replaced by a keyed UID, the same wherever it stands; UIDs of the standard stay",
    Action.KEEP: "kept",
    Action.CLEAN: "cleaned",
}
_GENERATED = {
    "patient": "replaced by the patient's keyed pseudonym",
    "identifier": "replaced by a keyed code",
    "code": "kept when the dictionaries of DICOM hold the code, with the dictionary's words; "
    "replaced by a keyed code otherwise",
    "segment-label": "written from the segment's coded meaning",
    "marker": "written by the engine",
    "charset": "written by the engine: UTF-8",
    "shift": "shifted by the patient's keyed number of whole weeks; the time of day stays, and "
    "what is not a date becomes a dummy",
}


def explain_attribute(profile: Profile, attribute: str) -> list[str]:
    """Say what is done to one attribute.

    Parameters
    ----------
    attribute
        DICOM keyword or ``GGGG,EEEE``.
    """
    return [sentence(profile, tag_of(attribute))]


def sentence(profile: Profile, tag: int) -> str:
    """Say what is done to one attribute, and by which rule."""
    vr = _vr(tag)
    rule = profile.action_for(tag, vr, private=False)
    return f"{title(tag)} is {deed(rule, profile, tag)} ({rule.source}, {rule.clause})."


def title(tag: int) -> str:
    """Name and number of an attribute."""
    return f"{_name(tag)} ({tag >> 16:04x},{tag & 0xFFFF:04x})"


def deed(rule: Rule, profile: Profile, tag: int = 0) -> str:
    """Say what a rule does."""
    if rule.generator in _GENERATED:
        return _GENERATED[rule.generator]
    vr = _vr(tag)
    if rule.action is Action.KEEP and vr == "AS":
        limit = profile.maximum_age_years
        return f"kept; an age over {limit} years is written as {limit + 1}"
    if vr == "SQ" and rule.action in {Action.KEEP, Action.DUMMY}:
        return "kept, each attribute of its items by its own rule"
    if rule.action is Action.KEEP and rule.pattern:
        return f"kept when it is written like {rule.pattern}, replaced by a dummy otherwise"
    return _DEEDS[rule.action]


def explain_profile(profile: Profile) -> list[str]:
    """Say all that a profile does: what it claims, how identity is treated, and each rule."""
    sentences = [*summary(profile), *principles(profile)]
    sentences.extend(sentence(profile, tag) for tag in sorted(profile.rules))
    return sentences


def summary(profile: Profile) -> list[str]:
    """Say what the profile is and claims."""
    options = [option.meaning for option in Option if option in profile.options]
    counts = Counter(rule.action for rule in profile.rules.values())
    said = [
        f"Profile {profile.name}: {profile.title}.",
        *([" ".join(profile.claim.split())] if profile.claim else []),
        f"Carried out: {', '.join(options)} (PS3.16 CID 7050).",
        f"{len(profile.rules)} attributes have a rule of their own: "
        + ", ".join(f"{counts[action]} {_SHORT[action]}" for action in Action if counts[action])
        + ".",
        f"Digest: {profile.digest}.",
    ]
    if profile.unsafe:
        said.insert(1, "UNSAFE: this profile loosens what it starts from.")
    return said + list(profile.notes)


_SHORT = {
    Action.REMOVE: "removed",
    Action.ZERO: "emptied",
    Action.DUMMY: "replaced",
    Action.UID: "UIDs replaced",
    Action.KEEP: "kept",
    Action.CLEAN: "shifted",
}


def principles(profile: Profile) -> list[str]:
    """Say what holds for every attribute."""
    kept = ", ".join(vr for vr, (action, _) in vr_actions().items() if action is Action.KEEP)
    groups = ", ".join(f"{group:04x}" for group in closed_groups())
    dates = (
        "Dates are shifted for each patient by a keyed number of whole weeks, one to 261, into the "
        "past; the order of a patient's studies and the time of day stay."
        if profile.shifts_dates
        else "Dates and times are emptied, removed or replaced by 1900-01-01."
    )
    if Option.RETAIN_FULL_DATES in profile.options:
        dates = "Dates and times are kept as they are."
    return [
        "Every attribute is treated at every depth: items of sequences like the data set itself.",
        "Private attributes, curves, overlays and group lengths are removed.",
        (
            f"Table E.1-1 of PS3.15 has {len(rows())} rows; {len(extras())} rules of our own stand "
            "beside it. Where the table leaves a choice, the one is taken that keeps the object "
            "conformant."
        ),
        (
            "An attribute of the standard without a row is kept only with a VR of "
            f"{kept}, and not in groups {groups}. Any other attribute without a rule is removed."
        ),
        (
            "A code string (CS) is kept only when it is written as one, a UID only when the "
            "standard itself defines it."
        ),
        (
            "The same patient stays one patient, and the same UID one UID, throughout the project; "
            "another project's key gives others."
        ),
        dates,
        "File meta information and preamble are written anew; pixel bytes are not touched.",
        (
            "Refused instead of guessed at: objects without Patient ID, with burned-in text, with "
            "an overlay inside the pixel data, captured from a screen, damaged, or of a kind that "
            "is not on the list."
        ),
    ]


def _name(tag: int) -> str:
    for row in rows():
        if row.tag == f"{tag:08x}":
            return row.name
    try:
        return dictionary_description(tag)
    except KeyError:
        return extras()[tag].name if tag in extras() else "Unknown attribute"


def _vr(tag: int) -> str:
    try:
        return dictionary_VR(tag).split(" or ")[0]
    except KeyError:
        return "UN"


def keyword(tag: int) -> str:
    """Keyword of an attribute; empty when this version of pydicom has none."""
    try:
        return dictionary_keyword(tag)
    except KeyError:
        return ""
