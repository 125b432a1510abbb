"""What a profile decides besides single attributes, and which decision is tighter than another.

Where neither of two decisions is tighter (a shifted day against the true year, pictures held back
against pictures cleaned), going from one to the other counts as loosening: somebody must answer.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from fedpacs.core.ps315 import Option
from fedpacs.deidentification.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping


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

    def described(self) -> dict[str, object]:
        """Give every decision in a form that a digest can be made of."""
        found: dict[str, object] = {name.name: getattr(self, name.name) for name in fields(self)}
        return {**found, "ocr_modalities": sorted(self.ocr_modalities)}


TIGHTER: Mapping[str, Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "dates": MappingProxyType(
            {
                "keep": frozenset({"shift", "year", "remove"}),
                "shift": frozenset({"remove"}),
                "year": frozenset({"remove"}),
            }
        ),
        "text": MappingProxyType(
            {"clean": frozenset({"vocabulary", "drop"}), "vocabulary": frozenset({"drop"})}
        ),
        "ocr": MappingProxyType(
            {"never": frozenset({"likely", "always"}), "likely": frozenset({"always"})}
        ),
        "faces": MappingProxyType(
            {"keep": frozenset({"deface", "hold"}), "deface": frozenset({"hold"})}
        ),
        "documents": MappingProxyType({"remove": frozenset({"refuse"})}),
        "identity": MappingProxyType(
            {"keyed": frozenset({"vault", "ephemeral"}), "vault": frozenset({"ephemeral"})}
        ),
        "encrypted_attributes": MappingProxyType({"allowed": frozenset({"forbidden"})}),
        "pixels": MappingProxyType({}),
    }
)
"""By policy and decision, the decisions that are tighter."""


def loosened(child: Policies, parent: Policies) -> list[str]:
    """Name the policies in which the child is not at least as tight as the parent."""
    found = [
        name
        for name, tighter in TIGHTER.items()
        if getattr(child, name) != getattr(parent, name)
        and getattr(child, name) not in tighter.get(getattr(parent, name), ())
    ]
    if not child.ocr_modalities >= parent.ocr_modalities:
        found.append("ocr_modalities")
    if not bands_are_tighter(child.age_band_years, parent.age_band_years):
        found.append("age_band_years")
    return found


def bands_are_tighter(child_years: int, parent_years: int) -> bool:
    """Tell whether bands of ages lie inside the parent's or make them wider by whole bands."""
    if child_years == 0 or parent_years == 0:
        return child_years >= parent_years
    return child_years % parent_years == 0


_DATES: Mapping[str, Option | None] = MappingProxyType(
    {
        "keep": Option.RETAIN_FULL_DATES,
        "shift": Option.RETAIN_MODIFIED_DATES,
        "year": Option.RETAIN_MODIFIED_DATES,
        "remove": None,
    }
)
_OF_POLICIES = frozenset(
    {
        Option.RETAIN_FULL_DATES,
        Option.RETAIN_MODIFIED_DATES,
        Option.CLEAN_PIXEL_DATA,
        Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES,
    }
)
"""Options that say the same as a policy; whether they are tighter is asked of the policy."""


def options_beyond_policies(options: frozenset[Option]) -> frozenset[Option]:
    """Give the options that no policy stands for: each of them keeps more."""
    return options - _OF_POLICIES


def settled(
    options: frozenset[Option],
    asked: Mapping[str, Any],
    parent: Policies = Policies(),
    before: frozenset[Option] = frozenset(),
) -> Policies:
    """Give the policies of a profile from its options.

    Parameters
    ----------
    options
        Options of the profile.
    asked
        Policies that the profile names.
    parent
        What holds where neither a change of options nor `asked` says otherwise.
    before
        Options of the parent.

    Raises
    ------
    ProfileError
        If the policies contradict the options.
    """
    derived: dict[str, Any] = {}
    changed = options ^ before
    if Option.RETAIN_FULL_DATES in options:
        derived["dates"] = "keep"
    elif Option.RETAIN_MODIFIED_DATES in options:
        derived["dates"] = parent.dates if parent.dates in ("shift", "year") else "shift"
    else:
        derived["dates"] = "remove"
    if Option.CLEAN_DESCRIPTORS in changed:
        derived["text"] = "clean" if Option.CLEAN_DESCRIPTORS in options else "drop"
    if Option.CLEAN_PIXEL_DATA in changed:
        searches = Option.CLEAN_PIXEL_DATA in options
        derived["pixels"] = "clean" if searches else "hold"
        derived["ocr"] = "likely" if searches else "never"
    if Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES in changed:
        defaces = Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES in options
        derived["faces"] = "deface" if defaces else "hold"
    policies = replace(parent, **{**derived, **asked})
    if aligned(options, policies) != options:
        raise ProfileError(
            "The policies contradict the options.",
            hint="Leave either out: options follow from the policies, and policies from options.",
        )
    return policies


def aligned(options: frozenset[Option], policies: Policies) -> frozenset[Option]:
    """Give the options with those exchanged that the policies say otherwise."""
    found = set(options - _OF_POLICIES)
    date_option = _DATES[policies.dates]
    if date_option is not None:
        found.add(date_option)
    if policies.pixels == "clean":
        found.add(Option.CLEAN_PIXEL_DATA)
    if policies.faces == "deface":
        found.add(Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES)
    if policies.text == "drop":
        found.discard(Option.CLEAN_DESCRIPTORS)
    return frozenset(found)
