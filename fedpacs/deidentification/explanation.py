"""A profile in sentences, for the data protection officer who signs for it."""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING

from fedpacs.core.dictionary import keyword_of, name_of
from fedpacs.core.ps315 import Action, Option
from fedpacs.deidentification.flatten import tag_of
from fedpacs.deidentification.policy_sentences import policy_sentences
from fedpacs.deidentification.safe_private import safe_private
from fedpacs.deidentification.standard import standard_vr
from fedpacs.deidentification.table import closed_groups, extras, rows, rows_by_tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.deidentification.rules import Profile, Rule

_DEEDS: Mapping[Action, str] = MappingProxyType(
    {
        Action.REMOVE: "removed",
        Action.ZERO: "emptied",
        Action.DUMMY: "replaced by a value that says nothing",
        Action.UID: (
            "replaced by a keyed UID, the same wherever it stands; UIDs of the standard stay"
        ),
        Action.KEEP: "kept",
        Action.CLEAN: "cleaned",
    }
)
_GENERATED: Mapping[str, str] = MappingProxyType(
    {
        "patient": "replaced by the patient's pseudonym",
        "identifier": "replaced by a code, the same wherever the value stands in this attribute",
        "code": "kept when the dictionaries of DICOM hold the code, with the dictionary's words; "
        "replaced by a keyed code otherwise",
        "segment-label": "cleaned where the profile cleans text; else, or when nothing may stay, "
        "written from the segment's coded meaning",
        "marker": "written by the engine",
        "charset": "written by the engine: UTF-8",
        "document": "replaced by an empty document, or its object is refused, as the policy says",
    }
)
_CLEANED: Mapping[str, str] = MappingProxyType(
    {
        "shift": "shifted by the patient's keyed number of whole weeks; the time of day stays",
        "year": "cut to its year, written as the first of January",
        "term": "kept when it is made of known words",
    }
)
_TEXT: Mapping[str, str] = MappingProxyType(
    {
        "clean": "cleaned: what may identify anybody is cut out of the text and the rest stays",
        "vocabulary": "cleaned: only words of a medical vocabulary stay",
        "drop": "removed as text",
    }
)


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
    if tag >> 16 & 1 and Option.RETAIN_SAFE_PRIVATE in profile.options:
        return _private_sentence(profile, tag)
    rule = profile.action_for(tag, standard_vr(tag), private=False)
    return f"{title(tag)} is {deed(rule, profile, tag)} ({rule.source}, {rule.clause})."


def _private_sentence(profile: Profile, tag: int) -> str:
    """Say under which creators a private element stays."""
    found = [
        f"{deed(profile.private_rule(creator, tag, vr), profile)} when its creator is {creator!r}"
        for (creator, group, element), vr in safe_private().items()
        if (group, element) == (tag >> 16, tag & 0xFF)
    ]
    said = ", ".join([*found, "removed otherwise" if found else "removed"])
    return f"{title(tag)} is {said} (PS3.15 Table E.3.10-1, safe private attributes)."


def title(tag: int) -> str:
    """Name and number of an attribute."""
    return f"{_name(tag)} ({tag >> 16:04x},{tag & 0xFFFF:04x})"


def deed(rule: Rule, profile: Profile, tag: int = 0) -> str:
    """Say what a rule does."""
    vr = standard_vr(tag) if tag else ""
    if vr == "SQ" and rule.action in {Action.KEEP, Action.DUMMY} and not rule.generator:
        return "kept, each attribute of its items by its own rule"
    if rule.generator in _GENERATED:
        return _GENERATED[rule.generator]
    if rule.action is Action.KEEP and "AS" in (vr, rule.generator.upper()[:2]):
        return _age(profile)
    if rule.action is Action.KEEP and rule.pattern:
        people = " without people in it" if rule.generator == "device" else ""
        said = f"kept{people} when it is written like `{rule.pattern}`"
    elif rule.generator == "text":
        said = _TEXT[profile.policies.text]
    else:
        said = _CLEANED.get(rule.generator, _DEEDS[rule.action])
    if rule.generator or rule.pattern:
        return f"{said}, and {_DEEDS[rule.otherwise]} otherwise"
    return said


def _age(profile: Profile) -> str:
    limit, band = profile.maximum_age_years, profile.policies.age_band_years
    said = f"kept; an age over {limit} years is written as {limit + 1}"
    return f"{said}, others are rounded down to bands of {band} years" if band else said


def explain_profile(profile: Profile) -> list[str]:
    """Say all that a profile does: what it claims, how identity is treated, and each rule."""
    sentences = [*summary(profile), *principles(profile)]
    sentences.extend(sentence(profile, tag) for tag in named(profile))
    return sentences


def named(profile: Profile) -> list[int]:
    """Give the attributes that somebody speaks of: the table, a rule of ours, a profile file."""
    listed = {*rows_by_tag(), *extras()}
    by_vr = ("FedPACS rule by VR", "FedPACS default")
    return [
        tag
        for tag, rule in sorted(profile.rules.items())
        if tag in listed or rule.source not in by_vr
    ]


def summary(profile: Profile) -> list[str]:
    """Say what the profile is and claims."""
    options = [option.meaning for option in Option if option in profile.options]
    counts = Counter(_SHORT[rule.action] for rule in profile.rules.values())
    said = [
        f"Profile {profile.name}: {profile.title}.",
        *([" ".join(profile.claim.split())] if profile.claim else []),
        f"Asked for: {', '.join(options)} (PS3.16 CID 7050).",
        f"Each of the {len(profile.rules)} attributes of the standard has one rule: "
        + ", ".join(f"{counts[short]} {short}" for short in dict.fromkeys(_SHORT.values()))
        + ".",
        f"Digest: {profile.digest}.",
    ]
    if profile.unsafe:
        said.insert(1, "UNSAFE: this profile loosens what it starts from.")
    return said + list(profile.notes)


_SHORT: Mapping[Action, str] = MappingProxyType(
    {
        Action.REMOVE: "removed",
        Action.ZERO: "emptied",
        Action.DUMMY: "replaced",
        Action.UID: "UIDs replaced",
        Action.KEEP: "kept or checked",
        Action.CLEAN: "cleaned",
    }
)


def principles(profile: Profile) -> list[str]:
    """Say what holds for every attribute, and what the policies are."""
    groups = ", ".join(f"{group:04x}" for group in closed_groups())
    private = (
        "Private attributes are removed but for those of PS3.15 Table E.3.10-1, by creator and VR; "
        "their text is cleaned, their dates and UIDs go like any other. What an object itself "
        "declares safe is not believed."
        if Option.RETAIN_SAFE_PRIVATE in profile.options
        else "Private attributes are removed."
    )
    return [
        "Every attribute is treated at every depth: items of sequences like the data set itself.",
        private,
        "Curves, overlays and group lengths are removed.",
        (
            f"Table E.1-1 of PS3.15 has {len(rows())} rows; {len(extras())} attributes have a rule "
            "of our own beside it. Where the table leaves a choice, the one is taken that keeps "
            "the object conformant."
        ),
        (
            "An attribute of the standard without a row goes by its VR, and where it must go and "
            "its IOD needs it, it is emptied or replaced. Without a rule of its own it is removed "
            f"in groups {groups}. What the standard does not know is removed."
        ),
        (
            "A code string (CS) is kept only when it is made of known words, a UID only when the "
            "standard itself defines it."
        ),
        *policy_sentences(profile),
        "File meta information and preamble are written anew.",
        (
            "Refused instead of guessed at: objects that are damaged, or of a kind that the "
            "profile does not let in; at ingest also those without Patient ID or pixel data."
        ),
    ]


def _name(tag: int) -> str:
    row = rows_by_tag().get(tag)
    if row is not None:
        return row.name
    try:
        return name_of(tag)
    except KeyError:
        return extras()[tag][0].name if tag in extras() else "Unknown attribute"


def keyword(tag: int) -> str:
    """Keyword of an attribute; empty when this version of pydicom has none."""
    try:
        return keyword_of(tag)
    except KeyError:
        return ""
