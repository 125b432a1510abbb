"""From a profile file, its parents and a hospital's recipe to one rule for each attribute."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fedpacs.config.load import FileUnreadableError
from fedpacs.config.profile import ProfileConfig, load_profile_config
from fedpacs.config.shipped import shipped
from fedpacs.core.dictionary import tag_of as tag_for_keyword
from fedpacs.core.errors import MachineError
from fedpacs.core.ps315 import Action, Option
from fedpacs.deidentification.errors import LooseningError, ProfileError
from fedpacs.deidentification.policies import (
    Policies,
    aligned,
    loosened,
    options_beyond_policies,
    settled,
)
from fedpacs.deidentification.recipe import read_recipe
from fedpacs.deidentification.rules import TEXT_VRS, Profile, Rule, dated
from fedpacs.deidentification.standard import leaving_action, standard_rules, standard_vr
from fedpacs.deidentification.strictness import is_looser, stricter
from fedpacs.deidentification.table import CONFORMANT, OPTION_NAMES, rows_by_tag

if TYPE_CHECKING:
    from collections.abc import Mapping

_SAFE_HARBOR_AGE_YEARS = 89
_MAXIMUM_DEPTH = 8
_FIXED_GENERATORS = ("marker", "patient", "code", "charset")
_TEMPORAL_VRS = ("DA", "DT", "TM")


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
        profile = _changed(parent, config)
    else:
        profile = _of_standard(config)
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


def _asked(config: ProfileConfig) -> dict[str, Any]:
    return config.policies.model_dump(exclude_none=True)


def _chosen(config: ProfileConfig) -> frozenset[Option]:
    return frozenset({Option.BASIC, *(OPTION_NAMES[name] for name in config.options or ())})


def _of_standard(config: ProfileConfig) -> Profile:
    options = _chosen(config)
    if config.options is None:
        options = aligned(options, replace(Policies(), **_asked(config)))
    policies = settled(options, _asked(config))
    return Profile(
        name=config.name,
        title=config.title,
        claim=config.claim,
        options=options,
        maximum_age_years=_SAFE_HARBOR_AGE_YEARS,
        rules=standard_rules(options, policies),
        policies=policies,
    )


def _changed(parent: Profile, config: ProfileConfig) -> Profile:
    """Change options and policies of the parent; only towards the tighter unless unsafe."""
    asked = _asked(config)
    if config.options is None:
        options = aligned(parent.options, replace(parent.policies, **asked))
    else:
        options = _chosen(config)
    policies = settled(options, asked, parent.policies, parent.options)
    if (options, policies) == (parent.options, parent.policies):
        return parent
    if not config.unsafe:
        _refuse_looser(parent, options, policies)
    fresh = standard_rules(options, policies)
    before = standard_rules(parent.options, parent.policies) if config.unsafe else {}
    rules = {}
    for tag, rule in parent.rules.items():
        new = fresh.get(tag, rule)
        if not config.unsafe:
            new = stricter(new, rule)
        elif rule != before.get(tag):
            new = rule  # what the parent says of one attribute outlives its options
        rules[tag] = _fitting(new, tag, policies)
    return replace(parent, options=options, policies=policies, rules=MappingProxyType(rules))


def _refuse_looser(parent: Profile, options: frozenset[Option], policies: Policies) -> None:
    if not options_beyond_policies(options) <= options_beyond_policies(parent.options):
        raise LooseningError("The profile has an option that its parent has not.")
    if names := loosened(policies, parent.policies):
        raise LooseningError(f"The profile loosens {', '.join(names)}.")


def _fitting(rule: Rule, tag: int, policies: Policies) -> Rule:
    """Give a rule that came from elsewhere as the policies carry it out."""
    if rule.generator == "text" and policies.text == "drop":
        return Rule(rule.otherwise, rule.source, f"{rule.clause}; text is dropped")
    if rule.generator in ("shift", "year"):
        leaving = _leaving(tag)
        return dated(policies, standard_vr(tag), rule.source, rule.clause, leaving)
    return rule


def _with_age(profile: Profile, config: ProfileConfig) -> Profile:
    age = config.maximum_age_years
    if age is None:
        return profile
    if config.inherits and age > profile.maximum_age_years and not config.unsafe:
        raise LooseningError("The profile raises the highest age that is written out.")
    return replace(profile, maximum_age_years=age)


def _with_attributes(profile: Profile, config: ProfileConfig) -> Profile:
    changes = {tag_of(name): Action(code) for name, code in config.attributes.items()}
    return tightened(profile, changes, f"profile {config.name}", unsafe=config.unsafe)


def _with_recipe(profile: Profile, path: Path) -> Profile:
    reading = read_recipe(path)
    source = "the hospital's deid recipe"
    changes = {
        tag: action
        for tag, action in reading.actions.items()
        if not _is_fixed(profile.rules.get(tag))
        and is_looser(_current(profile, tag), _asked_rule(profile, tag, action, source))
    }
    tight = tightened(profile, changes, source, unsafe=False)
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
        If one of them is written by the engine itself, so that objects stay traceable, is private,
        or cannot be cleaned.
    """
    rules = dict(profile.rules)
    for tag, action in changes.items():
        name = f"({tag >> 16:04x},{tag & 0xFFFF:04x})"
        if _is_fixed(rules.get(tag)):
            raise ProfileError(f"{name} is written by the engine.")
        if tag >> 16 & 1:
            raise ProfileError(
                f"{name} is private, and private attributes have no rule each.",
                hint="Leave the option retain-safe-private out to remove all of them.",
            )
        current = _current(profile, tag)
        wanted = _asked_rule(profile, tag, action, source)
        if action is current.action and not is_looser(current, wanted):
            continue
        if is_looser(wanted, current) and not unsafe:
            raise LooseningError(f"{name} would go from {current.action} to {action}.")
        rules[tag] = wanted
    return replace(profile, rules=MappingProxyType(rules))


def _asked_rule(profile: Profile, tag: int, action: Action, source: str) -> Rule:
    """Give the rule for an action that somebody asks for, with what makes its value."""
    vr, clause, basic = standard_vr(tag), str(action), _leaving(tag)
    if action is Action.KEEP:
        generator = {"AS": "age", "CS": "term"}.get(vr, "")
        return Rule(action, source, clause, generator, otherwise=basic)
    if action is not Action.CLEAN:
        return Rule(action, source, clause)
    if vr == "SQ":
        return Rule(Action.KEEP, source, clause, otherwise=basic)
    if vr in TEXT_VRS and profile.policies.text != "drop":
        return Rule(action, source, clause, "text", otherwise=basic)
    rule = dated(profile.policies, vr, source, clause, basic)
    if vr not in _TEMPORAL_VRS or rule.action is not Action.CLEAN:
        raise ProfileError(
            f"({tag >> 16:04x},{tag & 0xFFFF:04x}) cannot be cleaned under this profile."
        )
    return rule


def _leaving(tag: int) -> Action:
    """Give the Basic Profile's action, by which a value goes and its object stays conformant."""
    row = rows_by_tag().get(tag)
    return leaving_action(tag, standard_vr(tag)) if row is None else CONFORMANT[row.basic]


def _is_fixed(rule: Rule | None) -> bool:
    return rule is not None and rule.generator in _FIXED_GENERATORS


def _current(profile: Profile, tag: int) -> Rule:
    return profile.action_for(tag, standard_vr(tag), private=False)


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
