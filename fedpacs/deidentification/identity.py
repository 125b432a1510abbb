"""Whose object it is, and what the new values of everything in it are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fedpacs.crypto.pseudonyms import Pseudonyms


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """What the new values of one patient's objects are made from. Identified; has no ``repr``.

    Attributes
    ----------
    pseudonyms
        Makes UIDs, codes and date shifts.
    patient_id
        Patient ID as decoded text; for an object without one, something that stands for its study.
    days
        Days to add to every date of the patient.
    """

    pseudonyms: Pseudonyms
    patient_id: str
    days: int

    def __repr__(self) -> str:
        return "Identity()"
