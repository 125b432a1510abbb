"""The compiled profile: exactly one rule for every attribute, fixed by one digest.

Table E.1-1 gives the Basic Profile and its options, the package's own rules say the rest, and a
profile file may tighten. An attribute that nothing speaks of is removed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pydicom.datadict import dictionary_has_tag, dictionary_VR

from fedpacs.core.digest import digest_of
from fedpacs.core.ps315 import Action, Option
from fedpacs.deidentification.table import closed_groups, vr_actions

if TYPE_CHECKING:
    from collections.abc import Mapping

RULES_VERSION = 2
"""Raised when the meaning of an action or generator changes, so that digests change, too."""
E1_1 = "PS3.15 Table E.1-1"
BY_VR = "FedPACS rule by VR"
DEFAULT_DENY = "FedPACS default"
_PRIVATE_MASK = 0x00010000
_GRAPHIC_GROUPS = (0x5000, 0x6000)


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
        What makes the new value; empty for the action's usual one. With `Action.CLEAN` always
        one of ``text``, ``shift``, ``year``, except at sequences, whose items go by their own
        rules. See `GENERATORS`.
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


@dataclass(frozen=True, slots=True)
class Policies:
    """What a profile decides besides the actions of single attributes.

    Attributes
    ----------
    dates
        Whether dates are shifted by a keyed number of weeks, kept, cut to their year or removed.
    text
        Whether free text is dropped, cleaned, or kept only as far as it is medical vocabulary.
    pixels
        Whether pictures that may show text are held back, or searched and cleaned.
    ocr
        Whether characters are read in pictures that are likely to show text, in all, or in none.
    ocr_modalities
        Modalities whose pictures are always read when `ocr` is ``likely``.
    faces
        Whether recognizable heads are kept, held back or defaced.
    documents
        Whether encapsulated documents are refused, or replaced by an empty document.
    identity
        Whether codes come from the key, from a sealed vault of random codes, or from a key that
        is thrown away.
    encrypted_attributes
        Whether the original values may travel along, encrypted to a custodian's certificate.
    age_band_years
        Width of the bands that ages are rounded down to; 0 when they are not.
    """

    dates: Literal["shift", "keep", "year", "remove"] = "remove"
    text: Literal["drop", "clean", "vocabulary"] = "drop"
    pixels: Literal["hold", "clean"] = "hold"
    ocr: Literal["likely", "always", "never"] = "never"
    ocr_modalities: frozenset[str] = frozenset()
    faces: Literal["keep", "hold", "deface"] = "keep"
    documents: Literal["refuse", "remove"] = "refuse"
    identity: Literal["keyed", "vault", "ephemeral"] = "keyed"
    encrypted_attributes: Literal["forbidden", "allowed"] = "forbidden"
    age_band_years: int = 0


GENERATORS = (
    "",
    "text",
    "shift",
    "year",
    "patient",
    "identifier",
    "code",
    "segment-label",
    "marker",
    "charset",
    "document",
    "age",
)
"""What may make a new value."""

PRIVATE = Rule(Action.REMOVE, E1_1, "private attributes: X")
_GRAPHICS = Rule(Action.REMOVE, E1_1, "curves and overlays: X")
_UNKNOWN = Rule(Action.REMOVE, DEFAULT_DENY, "not in the standard, and no rule")
_GROUP_LENGTH = Rule(Action.REMOVE, DEFAULT_DENY, "group length is retired")
_WRONG_VR = Rule(Action.REMOVE, DEFAULT_DENY, "not of the VR that the standard gives it")


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile, flattened.

    Attributes
    ----------
    options
        Options that are carried out; always with `Option.BASIC`.
    maximum_age_years
        Higher ages are written as one more than this.
    rules
        Rule by tag; tags that are not here go by VR, or are removed.
    digest
        SHA-256 of everything that decides what the engine does.
    notes
        What a reader must know besides: unsafe, lines of a recipe that were not taken.
    policies
        What is decided besides the actions of single attributes.
    """

    name: str
    title: str
    claim: str
    options: frozenset[Option]
    maximum_age_years: int
    rules: Mapping[int, Rule] = field(repr=False)
    unsafe: bool = False
    notes: tuple[str, ...] = ()
    policies: Policies = Policies()
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", self._digest())

    def _digest(self) -> str:
        return digest_of(
            {
                "version": RULES_VERSION,
                "name": self.name,
                "options": list(self.option_codes),
                "maximum_age_years": self.maximum_age_years,
                "rules": {
                    f"{tag:08x}": [rule.action, rule.generator, rule.pattern]
                    for tag, rule in self.rules.items()
                },
                "by_vr": {vr: action for vr, (action, _) in vr_actions().items()},
                "closed_groups": sorted(closed_groups()),
            }
        )

    @property
    def option_codes(self) -> tuple[str, ...]:
        """CID 7050 codes of what runs, in order."""
        return tuple(sorted(option.value for option in self.options))

    @property
    def shifts_dates(self) -> bool:
        """Whether dates are shifted."""
        return Option.RETAIN_MODIFIED_DATES in self.options

    def private_rule(self, creator: str, tag: int, vr: str) -> Rule:  # noqa: ARG002 - the safe private list is not loaded yet
        """Give the one rule for a private data element.

        Parameters
        ----------
        creator
            Value of its private creator element, without padding.
        tag
            Tag as one number, as in the file.
        vr
            Value representation as the file has it; ``UN`` when it has none.
        """
        return PRIVATE

    def action_for(self, tag: int, vr: str, private: bool) -> Rule:
        """Give the one rule for an attribute.

        Parameters
        ----------
        tag
            Tag as one number, group in the upper 16 bits.
        vr
            Value representation as the file has it.
        private
            Whether it is private; an odd group is private in any case.
        """
        group = tag >> 16
        if private or tag & _PRIVATE_MASK:
            return PRIVATE
        if group & 0xFF00 in _GRAPHIC_GROUPS:
            return _GRAPHICS
        if tag & 0xFFFF == 0:
            return _GROUP_LENGTH
        rule = self.rules.get(tag)
        if rule is None:
            return _by_vr(tag, vr)
        if rule.action in (Action.KEEP, Action.CLEAN) and not vr_fits(tag, vr):
            return _WRONG_VR
        return rule


def vr_fits(tag: int, vr: str) -> bool:
    """Tell whether the standard gives an attribute this value representation."""
    try:
        return vr in dictionary_VR(tag).split(" or ")
    except KeyError:
        return False


def _by_vr(tag: int, vr: str) -> Rule:
    if (reason := closed_groups().get(tag >> 16)) is not None:
        return Rule(Action.REMOVE, DEFAULT_DENY, f"no row in the table; {reason}")
    if not dictionary_has_tag(tag):  # nor is a retired repeating group, which it does not list
        return _UNKNOWN
    allowed = dictionary_VR(tag).split(" or ")
    if vr not in allowed:
        return _WRONG_VR
    if "OW" in allowed:
        return Rule(Action.REMOVE, DEFAULT_DENY, "no row in the table; bulk data")
    found = vr_actions().get(vr)
    if found is None:
        return Rule(Action.REMOVE, DEFAULT_DENY, f"no row in the table; {vr} may hold anything")
    return Rule(found[0], BY_VR, f"{vr}: {found[1]}")
