"""Which kinds of objects a profile lets in: a kind is taken when the profile does what it needs.

``data/object_rules.csv`` has a line for each SOP class: the answer when its needs are not met, the
reason, whether its objects hold a picture, and its needs: options and policies that must all be
part of the profile. ``*`` is any other kind.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from fedpacs.core.ps315 import Option

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fedpacs.deidentification.rules import Profile

ANY_OTHER = "*"
STATED_CODE = "deid.burned-in-unknown"
_YES = "yes"
_STATED = "stated"
_NEEDS: Mapping[str, Callable[[Profile], bool]] = MappingProxyType(
    {
        "pixels=clean": lambda profile: profile.policies.pixels == "clean",
        "documents=remove": lambda profile: profile.policies.documents == "remove",
        "descriptors": lambda profile: Option.CLEAN_DESCRIPTORS in profile.options,
        "structured": lambda profile: Option.CLEAN_STRUCTURED_CONTENT in profile.options,
        "graphics": lambda profile: Option.CLEAN_GRAPHICS in profile.options,
        "never": lambda _profile: False,
    }
)


class Answer(NamedTuple):
    """Whether a kind of object is let in.

    Attributes
    ----------
    allowed
        Whether it is.
    code
        Code of the refusal. An allowed kind with a code is let in only when the object states that
        no text is burned into its picture, and is refused with the code otherwise.
    reason
        The reason in words.
    """

    allowed: bool
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class ObjectRule:
    """One kind of object.

    Attributes
    ----------
    answer
        ``yes``, ``stated`` or the code of the refusal: what is said when `needs` are not met.
    pixels
        Whether its objects hold a picture; ``any`` when both occur.
    needs
        What the profile must do for the kind to be let in without condition.
    """

    sop_class_uid: str
    name: str
    answer: str
    reason: str
    pixels: Literal["yes", "no", "any"]
    needs: tuple[str, ...]


@cache
def object_rules() -> Mapping[str, ObjectRule]:
    """Every kind on the list, by SOP class UID."""
    text = files("fedpacs.deidentification").joinpath("data", "object_rules.csv").read_text("utf-8")
    return MappingProxyType(
        {
            line["sop_class_uid"]: ObjectRule(
                sop_class_uid=line["sop_class_uid"],
                name=line["name"],
                answer=line["answer"],
                reason=line["reason"],
                pixels=cast("Literal['yes', 'no', 'any']", line["pixels"]),
                needs=tuple(line["needs"].split()),
            )
            for line in csv.DictReader(text.splitlines())
        }
    )


def rule_for(sop_class_uid: str) -> ObjectRule:
    """Give the line of a kind; that of any other kind when it is not on the list."""
    return object_rules().get(sop_class_uid, object_rules()[ANY_OTHER])


def answer_for(sop_class_uid: str, profile: Profile) -> Answer:
    """Say whether a profile lets a kind of object in.

    Parameters
    ----------
    sop_class_uid
        Without padding; empty when the object has none.
    """
    rule = rule_for(sop_class_uid)
    if rule.answer == _YES or meets(profile, rule):
        return Answer(allowed=True, code="", reason="")
    if rule.answer == _STATED:
        return Answer(allowed=True, code=STATED_CODE, reason=f"{rule.name} {rule.reason}")
    return Answer(allowed=False, code=rule.answer, reason=rule.reason)


def meets(profile: Profile, rule: ObjectRule) -> bool:
    """Tell whether a profile does all that a kind needs; never for a kind without needs."""
    return bool(rule.needs) and all(_NEEDS[need](profile) for need in rule.needs)
