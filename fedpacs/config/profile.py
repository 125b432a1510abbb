"""``profile.toml``: how a site de-identifies, in the words of PS3.15 Annex E."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from fedpacs.config.load import Frozen, load

OptionName = Literal[
    "clean-pixel-data",
    "clean-recognizable-visual-features",
    "clean-graphics",
    "clean-structured-content",
    "clean-descriptors",
    "retain-full-dates",
    "retain-modified-dates",
    "retain-patient-characteristics",
    "retain-device-identity",
    "retain-uids",
    "retain-safe-private",
    "retain-institution-identity",
]
"""Options of PS3.15 E.3, by which a profile goes beyond the Basic Profile."""


def _attribute(value: str) -> str:
    if not re.fullmatch(r"[0-9A-Fa-f]{4},[0-9A-Fa-f]{4}|[A-Z][A-Za-z0-9]+", value):
        msg = "an attribute is written `GGGG,EEEE` or with its DICOM keyword"
        raise ValueError(msg)
    return value


AttributeName = Annotated[str, AfterValidator(_attribute)]
ActionCode = Literal["D", "Z", "X", "K", "C", "U"]


class PoliciesConfig(Frozen):
    """Decisions besides the actions of attributes; what is left out follows from the options."""

    dates: Literal["shift", "keep", "year", "remove"] | None = None
    """Keyed shift by whole weeks, kept, cut to the first of January of their year, or removed."""
    text: Literal["drop", "clean", "vocabulary"] | None = None
    """Free text: dropped, cleaned, or only medical words of it kept."""
    pixels: Literal["hold", "clean"] | None = None
    """Pictures that may show text: held back, or searched and masked."""
    ocr: Literal["likely", "always", "never"] | None = None
    """When characters are read in pictures."""
    ocr_modalities: frozenset[Annotated[str, Field(pattern=r"^[A-Z]{2,16}$")]] | None = None
    """Modalities whose pictures are always read when `ocr` is ``likely``."""
    faces: Literal["keep", "hold", "deface"] | None = None
    """Recognizable heads: kept, held back, or defaced."""
    documents: Literal["refuse", "remove"] | None = None
    """Encapsulated documents: refused, or replaced by an empty one."""
    identity: Literal["keyed", "vault", "ephemeral"] | None = None
    """Codes from the site's key, from a sealed vault, or from a key that is thrown away."""
    encrypted_attributes: Literal["forbidden", "allowed"] | None = None
    """Whether original values may travel along, encrypted to a custodian's certificate."""
    age_band_years: Annotated[int, Field(ge=0, le=50)] | None = None
    """Width of the bands that ages are rounded down to; 0 for none."""


class ProfileConfig(Frozen):
    """One profile, as written. `fedpacs.deidentification.profile` flattens it."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
    title: Annotated[str, Field(min_length=1, max_length=120)]
    claim: str = ""
    """What a recipient may say of the output, for the data protection officer."""
    inherits: str = ""
    """Name of a shipped profile or path of a TOML file; this one may then only tighten it."""
    unsafe: bool = False
    """Allow this file to loosen what it starts from. It is shown wherever the profile is."""
    options: tuple[OptionName, ...] | None = None
    """Options on top of the Basic Profile; left out, those of the parent."""
    policies: PoliciesConfig = PoliciesConfig()
    """Decisions besides the actions of attributes; may only tighten unless `unsafe`."""
    maximum_age_years: Annotated[int, Field(ge=0, le=130)] | None = None
    """Higher ages are written as one more than this; 89 by default, as 45 CFR 164.514 has it."""
    attributes: dict[AttributeName, ActionCode] = Field(default_factory=dict)
    """Attribute to action; may only tighten unless `unsafe`."""
    deid_recipe: Path | None = None
    """A recipe of pydicom's ``deid`` that the hospital already has; it only ever tightens."""

    @model_validator(mode="after")
    def _one_kind_of_dates(self) -> ProfileConfig:
        if {"retain-full-dates", "retain-modified-dates"} <= set(self.options or ()):
            msg = "dates are either kept in full or modified, not both"
            raise ValueError(msg)
        return self


def load_profile_config(path: Path) -> ProfileConfig:
    """Read a profile; a recipe's path becomes relative to the file's folder."""
    config = load(ProfileConfig, path)
    if config.deid_recipe is None:
        return config
    return config.model_copy(update={"deid_recipe": path.resolve().parent / config.deid_recipe})
