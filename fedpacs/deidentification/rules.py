"""The compiled profile: exactly one rule for every attribute, fixed by one digest.

Table E.1-1 gives the Basic Profile and its options, the package's own rules say the rest, and a
profile file may tighten. An attribute that nothing speaks of is removed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from fedpacs.core.dictionary import vr_of
from fedpacs.core.digest import digest_of
from fedpacs.core.ps315 import Action, Option
from fedpacs.deidentification.policies import Policies
from fedpacs.deidentification.safe_private import is_safe_creator, safe_private_vr
from fedpacs.deidentification.table import data_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GENERATORS", "PRIVATE", "Policies", "Profile", "Rule", "vr_fits"]

RULES_VERSION = 4
"""Raised when the meaning of an action or generator changes, so that digests change, too."""
E1_1 = "PS3.15 Table E.1-1"
E3_10_1 = "PS3.15 Table E.3.10-1"
BY_VR = "FedPACS rule by VR"
DEFAULT_DENY = "FedPACS default"
_CACHED_VRS = 1 << 14
_PRIVATE_MASK = 0x00010000
_GRAPHIC_GROUPS = (0x5000, 0x6000)
TEXT_VRS = frozenset({"LO", "LT", "SH", "ST", "UC", "UT"})
NUMBER_VRS = frozenset({"DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"})
GENERATORS = (
    "",
    "text",
    "term",
    "device",
    "age",
    "shift",
    "year",
    "patient",
    "identifier",
    "code",
    "segment-label",
    "marker",
    "charset",
    "document",
)
"""What may make a new value.

``term`` keeps the values of a code string that are made of known words; ``device`` keeps the name
of a maker, model or program without people in it; ``age`` caps and rounds.
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to one attribute, and who says so.

    Attributes
    ----------
    source
        Where the rule comes from, for example ``PS3.15 Table E.1-1``.
    clause
        The code in the table's column, the VR or the reason in words.
    generator
        What makes the new value, one of `GENERATORS`; empty for the action's usual one. With
        `Action.CLEAN` it is ``text``, ``shift`` or ``year``.
    pattern
        Regular expression that a value must match as a whole to be kept.
    otherwise
        What is done when a value that may stay or be cleaned turns out not to be what it should
        be, or nothing of it may stay: the Basic Profile's action, so the object stays conformant.
    """

    action: Action
    source: str
    clause: str
    generator: str = ""
    pattern: str = ""
    otherwise: Action = Action.REMOVE


PRIVATE = Rule(Action.REMOVE, E1_1, "private attributes: X")
_GRAPHICS = Rule(Action.REMOVE, E1_1, "curves and overlays: X")
_UNKNOWN = Rule(Action.REMOVE, DEFAULT_DENY, "not in the standard, and no rule")
_GROUP_LENGTH = Rule(Action.REMOVE, DEFAULT_DENY, "group length is retired")
_SAFE = f"{Option.RETAIN_SAFE_PRIVATE.meaning}: C"
_SAFE_BY_VR: Mapping[str, Rule] = MappingProxyType(
    {
        **dict.fromkeys(("SQ", "AT", *NUMBER_VRS), Rule(Action.KEEP, E3_10_1, _SAFE)),
        "CS": Rule(Action.KEEP, E3_10_1, _SAFE, "term"),
        "UI": Rule(Action.UID, E3_10_1, _SAFE),
    }
)
_OFFSET = r"[+-](?:0\d|1[0-4])[0-5]\d"
_NUMBERS = r"[0-9.:+\-eE /\\]{1,32}"


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile, flattened.

    Attributes
    ----------
    options
        Options that the profile asks for; always with `Option.BASIC`. The codes of the two that
        concern pixels are written only where they really ran.
    maximum_age_years
        Higher ages are written as one more than this.
    rules
        Rule by tag, for every attribute of the standard; others are removed.
    policies
        What is decided besides the actions of single attributes.
    notes
        What a reader must know besides: unsafe, lines of a recipe that were not taken.
    """

    name: str
    title: str
    claim: str
    options: frozenset[Option]
    maximum_age_years: int
    rules: Mapping[int, Rule] = field(repr=False)
    unsafe: bool = False
    notes: tuple[str, ...] = ()
    policies: Policies = field(default_factory=Policies)
    _known_digest: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def digest(self) -> str:
        """SHA-256 of everything that decides what the engine does."""
        if not self._known_digest:
            self._known_digest.append(self._digest())
        return self._known_digest[0]

    def _digest(self) -> str:
        return digest_of(
            {
                "version": RULES_VERSION,
                "name": self.name,
                "options": list(self.option_codes),
                "maximum_age_years": self.maximum_age_years,
                "policies": self.policies.described(),
                "rules": {
                    f"{tag:08x}": [rule.action, rule.generator, rule.pattern, rule.otherwise]
                    for tag, rule in self.rules.items()
                },
                "data": data_digest(),
            }
        )

    @property
    def option_codes(self) -> tuple[str, ...]:
        """CID 7050 codes of what the profile asks for, in order."""
        return tuple(sorted(option.value for option in self.options))

    @property
    def shifts_dates(self) -> bool:
        """Whether dates stay, changed: shifted or cut to their year."""
        return self.policies.dates in ("shift", "year")

    def action_for(self, tag: int, vr: str, private: bool) -> Rule:
        """Give the one rule for an attribute.

        Parameters
        ----------
        tag
            Tag as one number, group in the upper 16 bits.
        vr
            Value representation as the file has it.
        private
            Whether it is private; an odd group is private in any case. See `private_rule`.
        """
        if private or tag & _PRIVATE_MASK:
            return PRIVATE
        if (tag >> 16) & 0xFF00 in _GRAPHIC_GROUPS:
            return _GRAPHICS
        if tag & 0xFFFF == 0:
            return _GROUP_LENGTH
        rule = self.rules.get(tag)
        if rule is None:
            return _UNKNOWN
        if rule.action in (Action.KEEP, Action.CLEAN) and not vr_fits(tag, vr):
            return Rule(rule.otherwise, DEFAULT_DENY, "not of the VR that the standard gives it")
        return rule

    def private_rule(self, creator: str, tag: int, vr: str) -> Rule:
        """Give the one rule for a private data element.

        Parameters
        ----------
        creator
            Value of its private creator element, without padding.
        tag
            Tag as one number, as in the file.
        vr
            Value representation as the file has it; ``UN`` when it has none, and the table's
            (`safe_private_vr`) then says how to read the value.

        Returns
        -------
        Rule
            A sequence that is kept is treated item by item. For the creator's own element, whose
            value is `creator`: it is kept when the table has something in its group.

        References
        ----------
        PS3.15 E.3.10, Table E.3.10-1.
        """
        if Option.RETAIN_SAFE_PRIVATE not in self.options:
            return PRIVATE
        if is_safe_creator(creator, tag) and vr in ("LO", "UN"):
            return Rule(Action.KEEP, E3_10_1, "private creator of safe private attributes")
        listed = safe_private_vr(creator, tag)
        if listed is None:
            return PRIVATE
        if not same_kind(listed, listed if vr == "UN" else vr):
            return Rule(Action.REMOVE, E3_10_1, "not of the VR that the table gives it")
        return self._safe_rule(listed)

    def _safe_rule(self, vr: str) -> Rule:
        """Clean a safe private attribute by its VR; what nobody can read through goes."""
        if vr in _SAFE_BY_VR:
            return _SAFE_BY_VR[vr]
        if vr in TEXT_VRS and self.policies.text != "drop":
            return Rule(Action.CLEAN, E3_10_1, _SAFE, "text")
        if vr in TEXT_VRS:
            return Rule(Action.KEEP, E3_10_1, _SAFE, pattern=_NUMBERS)
        if vr in ("DA", "DT", "TM"):
            return dated(self.policies, vr, E3_10_1, _SAFE, Action.REMOVE)
        return Rule(Action.REMOVE, E3_10_1, "bulk data that nobody can read through")


def dated(policies: Policies, vr: str, source: str, clause: str, otherwise: Action) -> Rule:
    """Give the rule for a date or time under a policy.

    Parameters
    ----------
    vr
        ``DA``, ``DT``, ``TM``, or ``SH`` for the timezone's offset.
    otherwise
        What is done where dates are removed, and to what is no date.
    """
    if policies.dates == "keep":
        pattern = _OFFSET if vr == "SH" else ""
        return Rule(Action.KEEP, source, clause, pattern=pattern, otherwise=otherwise)
    if policies.dates == "shift":
        return Rule(Action.CLEAN, source, clause, "shift", otherwise=otherwise)
    if policies.dates == "year" and vr in ("DA", "DT"):
        return Rule(Action.CLEAN, source, clause, "year", otherwise=otherwise)
    return Rule(otherwise, source, clause)


def same_kind(listed: str, vr: str) -> bool:
    """Tell whether a value of one VR may stand where another is listed: numbers, or free text."""
    return vr in listed.split("/") or any({listed, vr} <= kind for kind in (TEXT_VRS, NUMBER_VRS))


@lru_cache(maxsize=_CACHED_VRS)
def vr_fits(tag: int, vr: str) -> bool:
    """Tell whether the standard gives an attribute this value representation, or one like it."""
    try:
        allowed = vr_of(tag).split(" or ")
    except KeyError:
        return False
    return any(same_kind(one, vr) for one in allowed)
