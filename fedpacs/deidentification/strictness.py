"""Which rule is stricter than another: what a profile that only tightens is held to."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from fedpacs.core.ps315 import Action

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.deidentification.rules import Rule

_RANKS: Mapping[Action, int] = MappingProxyType(
    {
        Action.KEEP: 0,
        Action.CLEAN: 2,
        Action.UID: 3,
        Action.DUMMY: 4,
        Action.ZERO: 6,
        Action.REMOVE: 7,
    }
)
_CHECKED_OR_PLAIN = 1


def strictness(rule: Rule) -> int:
    """Give the rank of a rule; a higher one lets less through.

    A value kept only when it is like a pattern, or of known words, is stricter than one kept as it
    is; a plain dummy is stricter than one that is made from the value (a pseudonym, a keyed code).
    """
    rank = _RANKS[rule.action]
    checked = bool(rule.generator or rule.pattern)
    if rule.action is Action.KEEP and checked:
        return rank + _CHECKED_OR_PLAIN
    if rule.action is Action.DUMMY and not checked:
        return rank + _CHECKED_OR_PLAIN
    return rank


def is_looser(rule: Rule, than: Rule) -> bool:
    """Tell whether a rule lets more through than another."""
    return strictness(rule) < strictness(than)


def stricter(one: Rule, other: Rule) -> Rule:
    """Give the stricter of two rules; the first when they are alike."""
    return other if is_looser(one, other) else one
