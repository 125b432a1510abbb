"""The policies of a profile in sentences."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from fedpacs.core.ps315 import Option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.deidentification.policies import Policies
    from fedpacs.deidentification.rules import Profile

_SENTENCES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "dates": MappingProxyType(
            {
                "shift": "Dates are shifted for each patient by a keyed number of whole weeks, "
                "one to 261, into the past; the order of a patient's studies, the intervals "
                "between them and the time of day stay.",
                "keep": "Dates and times are kept as they are.",
                "year": "Of dates the year is kept, written as the first of January; times go.",
                "remove": "Dates and times are emptied, removed or replaced by 1900-01-01.",
            }
        ),
        "text": MappingProxyType(
            {
                "drop": "Free text goes.",
                "clean": "Free text is cleaned: names, numbers, dates, places and institutions "
                "are cut out, those of the patient in any spelling.",
                "vocabulary": "Of free text only the words of a medical vocabulary stay.",
            }
        ),
        "pixels": MappingProxyType(
            {
                "hold": "Pixel bytes are not touched; pictures that may show text are let in only "
                "when the object states that none is burned in.",
                "clean": "Pictures are searched for text, which is masked; frames without text "
                "stay byte for byte. What cannot be cleaned is refused. The code of the Clean "
                "Pixel Data Option is written only where a search really ran.",
            }
        ),
        "faces": MappingProxyType(
            {
                "keep": "Heads stay recognizable: the output must not leave those who may see "
                "the patients.",
                "hold": "Pictures in which a head could be recognized are refused.",
                "deface": "Heads in CT, MR and PET are defaced, and refused where that fails. "
                "The code of the option is written only where it really ran.",
            }
        ),
        "documents": MappingProxyType(
            {
                "refuse": "Encapsulated documents are refused.",
                "remove": "Encapsulated documents are replaced by empty ones.",
            }
        ),
        "identity": MappingProxyType(
            {
                "keyed": "Pseudonyms, codes and UIDs are made with a key that the site holds: the "
                "same patient stays one patient, and the same UID one UID, throughout the "
                "project; another project's key gives others.",
                "vault": "Pseudonyms, codes and UIDs are random and lie in a sealed vault, so they "
                "are derived from nothing about the patient.",
                "ephemeral": "Pseudonyms, codes and UIDs are made with a key that is thrown away: "
                "nobody can lead them back, and a later run gives others.",
            }
        ),
        "encrypted_attributes": MappingProxyType(
            {
                "forbidden": "Original values do not travel along, not even encrypted.",
                "allowed": "Original values may travel along, encrypted to a custodian's "
                "certificate, when a run names one.",
            }
        ),
    }
)


def policy_sentences(profile: Profile) -> list[str]:
    """Say what each policy of a profile means."""
    policies = profile.policies
    said = [by_value[getattr(policies, name)] for name, by_value in _SENTENCES.items()]
    said.insert(3, _ocr(policies))
    if policies.age_band_years:
        said.append(f"Ages are rounded down to bands of {policies.age_band_years} years.")
    if Option.RETAIN_UIDS in profile.options:
        said.append("UIDs are kept: whoever holds the archive can find the patients.")
    return said


def _ocr(policies: Policies) -> str:
    if policies.ocr == "never":
        return "No characters are read in pictures."
    if policies.ocr == "always":
        return "Characters are read in every picture."
    modalities = ", ".join(sorted(policies.ocr_modalities))
    where = f", and always in {modalities}" if modalities else ""
    return f"Characters are read in pictures that are likely to show text{where}."
