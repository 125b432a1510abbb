"""The setting of an element: everything besides its bytes that decides what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fedpacs.deidentification.dicom.charset import Charset
    from fedpacs.deidentification.dicom.syntax import Encoding
    from fedpacs.deidentification.identity import Identity
    from fedpacs.deidentification.rules import Profile
    from fedpacs.deidentification.text.cleaning import CompiledTerms


@dataclass(frozen=True, slots=True, repr=False)
class Setting:
    """What an element stands in: whose it is, and how it is written. Identified.

    Attributes
    ----------
    charset
        Character set of the level where the element stands.
    terms
        What the text of this object must not mention; None when no text is cleaned.
    """

    profile: Profile
    identity: Identity
    encoding: Encoding
    charset: Charset
    terms: CompiledTerms | None

    def __repr__(self) -> str:
        return "Setting()"
