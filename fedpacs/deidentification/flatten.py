"""From a profile file, its parents and a hospital's recipe to one rule for each attribute."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_VR, tag_for_keyword

from fedpacs.config.load import FileUnreadableError
from fedpacs.config.profile import ProfileConfig, load_profile_config
from fedpacs.config.shipped import shipped
from fedpacs.core.errors import MachineError
from fedpacs.core.ps315 import Action, Option
from fedpacs.deidentification.errors import LooseningError, ProfileError
from fedpacs.deidentification.rules import E1_1, Profile, Rule
from fedpacs.deidentification.table import CONFORMANT, extras, rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.deidentification.table import Row

_OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        "retain-full-dates": Option.RETAIN_FULL_DATES,
        "retain-modified-dates": Option.RETAIN_MODIFIED_DATES,
        "retain-patient-characteristics": Option.RETAIN_PATIENT_CHARACTERISTICS,
        "retain-device-identity": Option.RETAIN_DEVICE_IDENTITY,
    }
)
_STRICTNESS = (Action.KEEP, Action.CLEAN, Action.UID, Action.DUMMY, Action.ZERO, Action.REMOVE)
_SAFE_HARBOR_AGE_YEARS = 89
_MAXIMUM_DEPTH = 8
_TEMPORAL_VRS = ("DA", "DT", "TM")
_TIMEZONE_OFFSET = 0x00080201
_FIXED_GENERATORS = ("marker", "patient", "code", "charset")
OWN_RULE = "FedPACS rule"


def flatten(name_or_path: str) -> Profile:
    """Load a profile with its parents."""
    return _flatten(_path_of(name_or_path, Path()), depth=0)


def _path_of(name_or_path: str, base: Path) -> Path:
    if name_or_path.endswith(".toml"):
        return base / name_or_path
    try:
        return shipped("configs", "profiles", f"{Path(name_or_path).name}.toml")
    except MachineError as error:
        raise FileUnreadableError(
            "There is no shipped profile of that name.",
            hint="Name one of configs/profiles, or give the path of a TOML file.",
        ) from error


def _flatten(path: Path, depth: int) -> Profile:
    if depth > _MAXIMUM_DEPTH:
        raise ProfileError("The profile inherits from itself, or through too many files.")
    config = load_profile_config(path)
    if config.inherits:
        parent = _flatten(_path_of(config.inherits, path.resolve().parent), depth + 1)
        profile = _with_options(parent, config)
    else:
        profile = _of_standard(config, _chosen(config))
    profile = _with_age(profile, config)
    profile = _with_attributes(profile, config)
    if config.deid_recipe is not None:
        profile = _with_recipe(profile, config.deid_recipe)
    return replace(
        profile,
        name=config.name,
        title=config.title,
        claim=config.claim or profile.claim,
        unsafe=profile.unsafe or config.unsafe,
    )


def _chosen(config: ProfileConfig) -> frozenset[Option]:
    return frozenset({Option.BASIC, *(_OPTIONS[name] for name in config.options or ())})


def _of_standard(config: ProfileConfig, options: frozenset[Option]) -> Profile:
    rules = {}
    for row in rows():
        if row.tag.isalnum() and "x" not in row.tag and row.tag != "private":
            rules[int(row.tag, 16)] = _rule_of(row, options)
    for tag, extra in extras().items():
        if tag not in rules or rules[tag].action not in (Action.KEEP, Action.CLEAN):
            rules[tag] = Rule(extra.action, OWN_RULE, extra.reason, extra.generator, extra.pattern)
    return Profile(
        name=config.name,
        title=config.title,
        claim=config.claim,
        options=options,
        maximum_age_years=_SAFE_HARBOR_AGE_YEARS,
        rules=MappingProxyType(rules),
    )


def _rule_of(row: Row, options: frozenset[Option]) -> Rule:
    """Join the Basic Profile's code with those of the options; what an option keeps is kept."""
    tag = int(row.tag, 16)
    for option in sorted(options):
        code = row.options.get(option, "")
        if code == "K" and _known(tag):
            return Rule(Action.KEEP, E1_1, f"{option.meaning}: K")
        if code == "C" and option is Option.RETAIN_MODIFIED_DATES and _is_temporal(tag):
            return Rule(Action.CLEAN, E1_1, f"{option.meaning}: C", "shift")
    return Rule(CONFORMANT[row.basic], E1_1, f"Basic Profile: {row.basic}")


def _known(tag: int) -> bool:
    try:
        dictionary_VR(tag)
    except KeyError:
        return False
    return True


def _is_temporal(tag: int) -> bool:
    return tag == _TIMEZONE_OFFSET or (_known(tag) and dictionary_VR(tag) in _TEMPORAL_VRS)


def _with_options(parent: Profile, config: ProfileConfig) -> Profile:
    """Change the options of the parent: fewer is tighter, more is not."""
    if config.options is None or _chosen(config) == parent.options:
        return parent
    options = _chosen(config)
    if not options <= parent.options and not config.unsafe:
        raise LooseningError("The profile has an option that its parent has not.")
    fresh = _of_standard(config, options)
    merged = {
        tag: _stricter(rule, parent.rules.get(tag, rule)) if options <= parent.options else rule
        for tag, rule in fresh.rules.items()
    }
    return replace(parent, options=options, rules=MappingProxyType(merged))


def _stricter(one: Rule, other: Rule) -> Rule:
    return other if _STRICTNESS.index(other.action) > _STRICTNESS.index(one.action) else one


def _with_age(profile: Profile, config: ProfileConfig) -> Profile:
    age = config.maximum_age_years
    if age is None:
        return profile
    if age > profile.maximum_age_years and not config.unsafe:
        raise LooseningError("The profile raises the highest age that is written out.")
    return replace(profile, maximum_age_years=age)


def _with_attributes(profile: Profile, config: ProfileConfig) -> Profile:
    changes = {tag_of(name): Action(code) for name, code in config.attributes.items()}
    return tightened(profile, changes, f"profile {config.name}", unsafe=config.unsafe)


def _with_recipe(profile: Profile, path: Path) -> Profile:
    from fedpacs.deidentification.recipe import read_recipe

    reading = read_recipe(path)
    changes = {
        tag: action
        for tag, action in reading.actions.items()
        if not _is_fixed(profile.rules.get(tag))
        and _STRICTNESS.index(action) > _STRICTNESS.index(_current(profile, tag))
    }
    tight = tightened(profile, changes, "the hospital's deid recipe", unsafe=False)
    return replace(tight, notes=(*profile.notes, *reading.not_taken))


def tightened(
    profile: Profile, changes: Mapping[int, Action], source: str, *, unsafe: bool
) -> Profile:
    """Give the profile with other actions for some attributes.

    Raises
    ------
    LooseningError
        If one of them loosens the profile and `unsafe` is not set.
    ProfileError
        If one of them is written by the engine itself, so that objects stay traceable.
    """
    rules = dict(profile.rules)
    for tag, action in changes.items():
        if _is_fixed(rules.get(tag)):
            raise ProfileError(f"({tag >> 16:04x},{tag & 0xFFFF:04x}) is written by the engine.")
        current = _current(profile, tag)
        looser = _STRICTNESS.index(action) < _STRICTNESS.index(current)
        if looser and not unsafe:
            raise LooseningError(
                f"({tag >> 16:04x},{tag & 0xFFFF:04x}) would go from {current} to {action}."
            )
        if action is not current:
            rules[tag] = Rule(action, source, str(action))
    return replace(profile, rules=MappingProxyType(rules))


def _is_fixed(rule: Rule | None) -> bool:
    return rule is not None and rule.generator in _FIXED_GENERATORS


def _current(profile: Profile, tag: int) -> Action:
    vr = dictionary_VR(tag).split(" or ")[0] if _known(tag) else "UN"
    return profile.action_for(tag, vr, private=False).action


def tag_of(name: str) -> int:
    """Give the tag of ``GGGG,EEEE`` or of a DICOM keyword.

    Raises
    ------
    ProfileError
        If there is no such attribute.
    """
    if "," in name:
        group, element = name.strip("() ").split(",", 1)
        try:
            return int(group, 16) << 16 | int(element, 16)
        except ValueError as error:
            raise ProfileError("An attribute is not written as GGGG,EEEE.") from error
    tag = tag_for_keyword(name)
    if tag is None:
        raise ProfileError(
            "The DICOM dictionary has no attribute of that keyword.",
            hint="Write it as GGGG,EEEE; the keyword is the name without blanks.",
        )
    return tag
