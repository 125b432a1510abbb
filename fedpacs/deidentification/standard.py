"""The rules of a set of options: Table E.1-1, our own rules beside it, and the rest by VR.

The order is always the same. What an option of the table lets stay stays. Otherwise our own rule
for the attribute holds, where it has one, or the Basic Profile's. An attribute of the standard
without a row goes by its VR, and is removed in such a way that its object stays conformant.
"""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from fedpacs.core.dictionary import DATA_ELEMENTS, vr_of
from fedpacs.core.ps315 import Action, Option
from fedpacs.deidentification.rules import (
    BY_VR,
    DEFAULT_DENY,
    E1_1,
    NUMBER_VRS,
    TEXT_VRS,
    Rule,
    dated,
)
from fedpacs.deidentification.table import (
    CONFORMANT,
    attribute_types,
    closed_groups,
    extras,
    rows_by_tag,
    vr_rules,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.deidentification.policies import Policies
    from fedpacs.deidentification.table import Extra, Row

OWN_RULE = "FedPACS rule"
_CACHED_PROFILES = 16
_TEMPORAL_VRS = ("DA", "DT", "TM")
_TIMEZONE_OFFSET = 0x00080201
_DATE_OPTIONS = (Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES)
_BY_TYPE: Mapping[str, Action] = MappingProxyType(
    {"1": Action.DUMMY, "1C": Action.DUMMY, "2": Action.ZERO, "2C": Action.ZERO}
)
_OPENED_VRS = NUMBER_VRS | {"AT", "CS", "SQ", "UI"}
_NO_DUMMY_VRS = ("AT", "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "UN", "UR")


@lru_cache(maxsize=_CACHED_PROFILES)
def standard_rules(options: frozenset[Option], policies: Policies) -> Mapping[int, Rule]:
    """Give the rule of every attribute of the standard.

    Parameters
    ----------
    options
        Options of PS3.15 E.3 that are asked for, with `Option.BASIC`.
    """
    tags = {*DATA_ELEMENTS, *rows_by_tag(), *extras()}
    return MappingProxyType({tag: _rule_of(tag, options, policies) for tag in sorted(tags)})


def standard_vr(tag: int) -> str:
    """Give the VR of an attribute, the first where the standard allows several."""
    try:
        return vr_of(tag).split(" or ")[0]
    except KeyError:
        return "UN"


def _rule_of(tag: int, options: frozenset[Option], policies: Policies) -> Rule:
    row = rows_by_tag().get(tag)
    own = extras().get(tag, ())
    for extra in reversed(own):
        if extra.option is not None and extra.option in options:
            return _dropping(_of_extra(extra), policies)
    granted = None if row is None else _granted(row, tag, options, policies)
    if granted is not None:
        return granted
    if own and own[0].option is None:
        return _own(own[0], row, options, policies)
    if row is not None:
        return Rule(CONFORMANT[row.basic], E1_1, f"Basic Profile: {row.basic}")
    return _by_vr(tag, options, policies)


def _of_extra(extra: Extra) -> Rule:
    return Rule(
        extra.action, OWN_RULE, extra.reason, extra.generator, extra.pattern, extra.otherwise
    )


def _own(extra: Extra, row: Row | None, options: frozenset[Option], policies: Policies) -> Rule:
    """Give our own rule; free text without a row is a descriptor where descriptors are cleaned."""
    plain = not extra.generator and extra.action is not Action.KEEP
    text = row is None and plain and standard_vr(extra.tag) in TEXT_VRS
    if text and Option.CLEAN_DESCRIPTORS in options and policies.text != "drop":
        return Rule(Action.CLEAN, OWN_RULE, extra.reason, "text", otherwise=extra.action)
    return _of_extra(extra)


def _granted(row: Row, tag: int, options: frozenset[Option], policies: Policies) -> Rule | None:
    """Give what an option lets stay; None when none does. Options of dates come first."""
    vr = standard_vr(tag)
    if vr == "UN":
        return None
    basic = CONFORMANT[row.basic]
    for option in sorted(options):
        code = row.options.get(option)
        if code is None:
            continue
        clause = f"{option.meaning}: {code}"
        if option in _DATE_OPTIONS:
            temporal = vr in _TEMPORAL_VRS or tag == _TIMEZONE_OFFSET
            rule = dated(policies, vr, E1_1, clause, basic) if temporal else None
        elif code == "K":
            rule = _kept(vr, option, clause, basic)
        else:
            rule = _cleaned(vr, clause, basic)
        if rule is not None and rule.action is not basic:
            return _dropping(rule, policies)
    return None


def _kept(vr: str, option: Option, clause: str, basic: Action) -> Rule:
    if vr in TEXT_VRS and option is Option.RETAIN_PATIENT_CHARACTERISTICS:
        return Rule(Action.CLEAN, E1_1, clause, "text", otherwise=basic)
    generator = {"AS": "age", "CS": "term"}.get(vr, "")
    return Rule(Action.KEEP, E1_1, clause, generator, otherwise=basic)


def _cleaned(vr: str, clause: str, basic: Action) -> Rule | None:
    """Give what cleaning means for a VR; None where nothing can clean it."""
    if vr in TEXT_VRS:
        return Rule(Action.CLEAN, E1_1, clause, "text", otherwise=basic)
    if vr == "SQ":
        return Rule(Action.KEEP, E1_1, clause, otherwise=basic)
    if vr == "CS":
        return Rule(Action.KEEP, E1_1, clause, "term", otherwise=basic)
    return Rule(Action.DUMMY, E1_1, clause, "identifier") if vr == "AE" else None


def _dropping(rule: Rule, policies: Policies) -> Rule:
    """Where text is dropped, nothing of it stays: the Basic Profile's action holds."""
    if rule.generator == "text" and policies.text == "drop":
        return Rule(rule.otherwise, rule.source, f"{rule.clause}; text is dropped")
    return rule


def _by_vr(tag: int, options: frozenset[Option], policies: Policies) -> Rule:
    allowed = vr_of(tag).split(" or ")
    vr = "OW" if "OW" in allowed else allowed[0]
    closed = closed_groups().get(tag >> 16)
    opened = closed is None or (closed.opened_by in options and vr in _OPENED_VRS)
    if closed is not None and not opened:
        return Rule(Action.REMOVE, DEFAULT_DENY, f"no row in the table; {closed.reason}")
    candidates = vr_rules().get(vr, ())
    found = next((c for c in candidates if c.option is None or c.option in options), None)
    if found is None:
        return Rule(Action.REMOVE, DEFAULT_DENY, f"no row in the table; {vr} may hold anything")
    clause = f"{vr}: {found.reason}"
    leaving = leaving_action(tag, vr)
    if found.generator == "date":
        return dated(policies, vr, BY_VR, clause, leaving)
    if found.action is Action.REMOVE:
        return Rule(leaving, BY_VR, clause)
    rule = Rule(found.action, BY_VR, clause, found.generator, otherwise=leaving)
    return _dropping(rule, policies)


def leaving_action(tag: int, vr: str) -> Action:
    """Give the action by which an attribute's value goes and its object stays conformant.

    Parameters
    ----------
    vr
        Its VR; bulk data and sequences have no dummy and are removed.
    """
    if vr in _NO_DUMMY_VRS:
        return Action.REMOVE
    action = _BY_TYPE.get(attribute_types().get(tag, ""), Action.REMOVE)
    # a number made up is worse than none
    return Action.ZERO if action is Action.DUMMY and vr in NUMBER_VRS else action
