"""Two profiles side by side: what the second does otherwise than the first, in sentences."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from fedpacs.core.ps315 import Option
from fedpacs.deidentification.explanation import deed, title
from fedpacs.deidentification.policies import loosened
from fedpacs.deidentification.strictness import is_looser

if TYPE_CHECKING:
    from fedpacs.deidentification.rules import Profile, Rule


def diff(profile_a: Profile, profile_b: Profile) -> list[str]:
    """Say what profile B does otherwise than profile A, options and policies first.

    Returns
    -------
    list[str]
        Empty when both do the same to every object. Each sentence about an attribute says whether
        B is tighter or looser there, where either can be said.
    """
    said = [*_options(profile_a, profile_b), *_policies(profile_a, profile_b)]
    for tag in sorted({*profile_a.rules, *profile_b.rules}):
        before, after = profile_a.rules.get(tag), profile_b.rules.get(tag)
        if before is None or after is None or _alike(before, after):
            continue
        was, now = deed(before, profile_a, tag), deed(after, profile_b, tag)
        said.append(f"{_direction(before, after)}{title(tag)} is {now}; in A it is {was}.")
    return said


def _options(profile_a: Profile, profile_b: Profile) -> list[str]:
    said = [
        f"B asks for the {option.meaning}, A does not."
        for option in Option
        if option in profile_b.options - profile_a.options
    ]
    said.extend(
        f"A asks for the {option.meaning}, B does not."
        for option in Option
        if option in profile_a.options - profile_b.options
    )
    if profile_a.maximum_age_years != profile_b.maximum_age_years:
        said.append(
            f"Ages are capped at {profile_b.maximum_age_years} years; in A at "
            f"{profile_a.maximum_age_years}."
        )
    return said


def _policies(profile_a: Profile, profile_b: Profile) -> list[str]:
    one, other = profile_a.policies, profile_b.policies
    looser = loosened(other, one)
    return [
        f"{'Not tighter' if policy.name in looser else 'Tighter'}: the policy for "
        f"{policy.name.replace('_', ' ')} is {_said(getattr(other, policy.name))}; in A it is "
        f"{_said(getattr(one, policy.name))}."
        for policy in fields(one)
        if getattr(one, policy.name) != getattr(other, policy.name)
    ]


def _said(value: object) -> str:
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "none"
    return str(value)


def _alike(one: Rule, other: Rule) -> bool:
    return (one.action, one.generator, one.pattern, one.otherwise) == (
        other.action,
        other.generator,
        other.pattern,
        other.otherwise,
    )


def _direction(before: Rule, after: Rule) -> str:
    if is_looser(after, before):
        return "Looser: "
    return "Tighter: " if is_looser(before, after) else "Otherwise: "
